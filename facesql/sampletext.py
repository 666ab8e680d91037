"""What is said of a sample: of what it is, what it leaves open, and where it does not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from facesql.aligned import MISSING, Cells, number
from facesql.blocks import Weighting
from facesql.estimates import LEAST_MATCHED
from facesql.sampling import expected_pairs, up_to_two_digits

if TYPE_CHECKING:  # the types alone
    from collections.abc import Sequence

    from facesql.answers import Answers
    from facesql.binning import Bins
    from facesql.operating import OperatingPoint
    from facesql.sampled import Sampled, SamplePlan

NO_FACES = "No faces are sought for the page: that takes every pair, and here a sample was compared."


def covers_all(pairs: int | None, impostor_pairs: int) -> str:
    """What is said where a sample would have all pairs."""
    asked = "" if pairs is None else f", no more than --pairs {pairs:,}"
    return f"There are {impostor_pairs:,} pairs of two people{asked}: no sample is taken, and every pair is compared."


def told(sampled: Sampled) -> list[str]:
    """Of what the sample is."""
    strata = f"{sampled.strata:,} strata (pairs of blocks of people)"
    drawn = f"{sampled.tile_pairs:,} of {sampled.of_tile_pairs:,} pairs of tiles, drawn at random by seed"
    return [
        f"A sample: {sampled.pairs:,} of {sampled.of_pairs:,} pairs of two people were compared, in {drawn} "
        f"{sampled.wanted.seed} from {strata}, and in the {sampled.sharing:,} that share a person. What is said of all "
        "pairs of two people is estimated from these; pairs of one person are exact."
    ]


def noted(sampled: Sampled) -> dict[str, int]:
    """The same, as the run notes count it."""
    return {
        "of these compared, as a sample": sampled.pairs,
        "strata of the sample": sampled.strata,
        "tile pairs drawn": sampled.tile_pairs,
        "tile pairs drawn from": sampled.of_tile_pairs,
        "tile pairs that share a person, all compared": sampled.sharing,
    }


def settings(sampled: Sampled) -> dict[str, str]:
    """What was asked for, as the run notes have it."""
    wanted = sampled.wanted
    asked = {
        "pairs": None if wanted.pairs is None else f"{wanted.pairs:,}",
        "seconds": None if wanted.seconds is None else f"{wanted.seconds:g}",
        "relative error": None if wanted.relative_error is None else f"{wanted.relative_error:.3g}",
    }
    return {**{f"sample {name}": value for name, value in asked.items() if value}, "sample seed": str(wanted.seed)}


def heading(sampled: Sampled) -> str:
    """What the table of ``sampling`` is of."""
    return (
        f"What the sampling alone leaves open, of these very people, at {100 * sampled.confidence:.3g}% confidence, "
        "and what counts the same in it:"
    )


def sampling(table: pl.DataFrame, bins: Sequence[int], form: str) -> Cells:
    """FMR and precision at some cut-offs, with the intervals of the sampling alone; a tilde where it does not tell.

    ``table`` is that of ``sampling_intervals``, ``bins`` those that end at the cut-offs, and ``form`` that of these.
    """
    columns = [
        ("every pair", "FMR", Weighting.PAIRS, "fmr", ".2e"),
        ("every two people", "FMR", Weighting.PEOPLE, "fmr", ".2e"),
        ("every pair", "precision", Weighting.PAIRS, "precision", ".4f"),
    ]
    cells = [["", *(each for each, *_ in columns)], ["cut-off", *(name for _, name, *_ in columns)]]
    for bin_ in bins:
        at = table.filter(bin=bin_)
        rows = [at.filter(weighting=of.value, rate=rate).row(0, named=True) for _, _, of, rate, _ in columns]
        forms = [form for *_, form in columns]
        ends = [
            MISSING
            if row["value"] is None
            else f"{row['value']:{shape}} [{number(row['low'], shape)}, {number(row['high'], shape)}]"
            + ("~" if row["few"] else "")
            for row, shape in zip(rows, forms, strict=True)
        ]
        cells.append([number(rows[0]["cutoff"], form), *ends])
    return Cells(cells, head=2)


def explained(cells: Cells) -> list[str]:
    """What a tilde means, where a table has one."""
    if not any(cell.endswith("~") for row in cells.rows for cell in row):
        return []
    return [
        f"~ fewer than {LEAST_MATCHED} of the sampled pairs match in effect, or all but so few: there the "
        "sample does not tell"
    ]


def not_told(answers: Answers, bins: Bins, form: str) -> list[str]:
    """At which operating points the sample does not tell FMR, and about how many pairs would."""
    sampled = answers.sampled
    if sampled is None or sampled.exact:
        return []
    lines = [_not_told(point, sampled, bins, form) for point in answers.points if point.bin is not None]
    return [line for line in dict.fromkeys(lines) if line] + _unreached(answers, sampled)


def _not_told(point: OperatingPoint, sampled: Sampled, bins: Bins, form: str) -> str:
    fmr = sampled.fmr[Weighting.PEOPLE]
    place = (point.bin or 0) - bins.first
    if not fmr.few[place] or fmr.value[place] > 0.5:
        return ""
    rate = float(fmr.value[place])
    matched = f"{fmr.matched[place]:.1f}"
    much = f"an FMR of {rate:.0e} needs" if rate else "more need"
    needed = _needed(rate or float(fmr.high[place]), float(fmr.number[place]), sampled)
    return (
        f"At {bins.edges[place]:{form}} ({point.name}) the sample does not tell FMR: {matched} of its pairs match "
        f"there, in effect; {much} about {_short(needed)} pairs, and the sample has {_short(sampled.pairs)}."
    )


def _unreached(answers: Answers, sampled: Sampled) -> list[str]:
    """Of the FMR that is asked for, where the sample is too small for it at any cut-off."""
    target, fmr = answers.wanted.max_fmr, sampled.fmr[Weighting.PEOPLE]
    number_there = float(fmr.number[min(int(fmr.value.searchsorted(target)), len(fmr.value) - 1)])
    needed = _needed(target, number_there, sampled)
    if target * number_there >= LEAST_MATCHED or needed <= sampled.pairs:
        return []
    return [
        f"An FMR of {target:g} needs about {_short(needed)} sampled pairs, and the sample has {_short(sampled.pairs)}."
    ]


def _needed(rate: float, number: float, sampled: Sampled) -> int:
    """About how many sampled pairs it takes that enough match in effect, where so many tell as much as ``number``."""
    return up_to_two_digits(min(LEAST_MATCHED / rate * max(sampled.pairs / number, 1), sampled.of_pairs))


def _short(pairs: float) -> str:
    """A large number in short: 1e8, 2.5e7.

    >>> _short(100_000_000), _short(25_123_456)
    ('1e8', '2.5e7')
    """
    digits, exponent = f"{pairs:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def planned(plan: SamplePlan) -> list[tuple[str, str, str]]:
    """How a sample would be compared: name, number and words a row."""
    tiles, drawn = plan.tiles, int(plan.first.sum())
    of_tiles = sum(stratum.count for stratum in plan.strata)
    expected = round(expected_pairs(plan.strata, plan.first))
    rest = "" if plan.wanted.pairs is not None else "in a first round, then more"
    return [
        ("faces", f"{int(tiles.faces.sum()):,}", f"{plan.face_bytes} bytes an encoding"),
        ("genuine pairs", f"{plan.genuine_pairs:,}", "all of them"),
        ("impostor pairs", f"{plan.impostor_pairs:,}", f"about {expected + plan.certain_pairs:,} of them {rest}"),
        ("tiles", f"{len(tiles.faces):,}", f"of {int(tiles.faces.min()):,} to {int(tiles.faces.max()):,} faces"),
        ("tile pairs", f"{tiles.sharing_count:,}", "that share a person, all of them"),
        ("", f"{of_tiles:,}", f"that do not, {drawn:,} of them by seed {plan.wanted.seed} {rest}"),
        ("strata", f"{len(plan.strata):,}", f"at least {min(plan.first.tolist(), default=0):,} tile pairs of each"),
        ("batch", f"{plan.batch_tiles:,}", "tile pairs at most"),
    ]
