"""What an analysis answers, as plain text: which cut-off, what it costs, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from facesql.aligned import MISSING, aligned, number
from facesql.blocks import Weighting
from facesql.growth import growth_sentences
from facesql.operating import genuine_share
from facesql.uncertainty import Rate

if TYPE_CHECKING:  # the types alone
    from facesql.answers import Answers
    from facesql.binning import Bins
    from facesql.blocks import BlockCounts
    from facesql.uncertainty import Band, Estimate

# A person with at least this share of the genuine pairs is named.
_HEAVY = 0.1
_FMR, _SHARE = ".1e", ".4f"


def recommendation(answers: Answers, bins: Bins) -> list[str]:
    """The cut-off to take and what it costs, in words; or why there is none."""
    point, wanted = answers.recommended, answers.wanted
    if point.bin is None:
        return [point.refusal, "So no cut-off is recommended: add photos of more people, or ask for less."]
    row = answers.operating.filter("recommended").row(0, named=True)
    cutoff, sure = f"{row['cutoff']:.{bins.decimals}f}", f"at {_percent(wanted.confidence)} confidence"
    if wanted.cost_miss is None:
        lines = [f"Take {cutoff}: of the comparisons of two people, at most {wanted.max_fmr:g} match there, {sure}."]
    else:
        costs = f"a false match costs {wanted.cost_false_match:g} and a miss {wanted.cost_miss:g}"
        share = genuine_share(answers.sure, wanted)
        whose = "as in these photos: --genuine-share tells yours" if wanted.genuine_share is None else "as you say"
        lines = [
            f"Take {cutoff}: where {costs}, and {_percent(share)} of the comparisons are of one person ({whose}), "
            "it costs least on average. --max-fmr does not limit it."
        ]
    lines += [
        f"Of the comparisons of two people {_rate(row, 'fmr', _FMR)} match (FMR).",
        f"Of the comparisons of one person {_rate(row, 'fnmr', _SHARE)} are missed (FNMR).",
    ]
    if row["frr"] is not None and answers.fta is not None:
        lines.append(
            f"In {_percent(answers.fta)} of the photos no face was found, or they could not be used (FTA): with these, "
            f"{row['frr']:{_SHARE}} of the attempts of one person fail (FRR)."
        )
    if row["false_matches"] is not None:
        low, high = row["false_matches_low"], row["false_matches_high"]
        lines.append(
            f"A search among {wanted.gallery:,} others finds {row['false_matches']:.2g} [{low:.2g}, {high:.2g}] false "
            f"matches on average, and at most {row['false_match_chance_high']:.1%} of all searches find any."
        )
    return lines


def operating(answers: Answers, bins: Bins) -> list[str]:
    """The table of operating points, and why some are refused."""
    searched = answers.wanted.gallery is not None
    cells = [["", "cut-off", "FMR", "FNMR", "precision", *(["false matches", "any, at most"] if searched else [])]]
    for row in answers.operating.iter_rows(named=True):
        rates = [_rate(row, name, form) for name, form in (("fmr", _FMR), ("fnmr", _SHARE), ("precision", _SHARE))]
        searches = (
            [number(row["false_matches"], ".2g"), number(row["false_match_chance_high"], ".1%")] if searched else []
        )
        cells.append([row["point"], number(row["cutoff"], f".{bins.decimals}f"), *rates, *searches])
    share = answers.wanted.genuine_share
    precision = "every pair in precision" if share is None else f"precision is that where {share:g} are of one person"
    refusals = answers.operating.filter(~pl.col("recommended"))["refusal"].drop_nulls().unique(maintain_order=True)
    told = [refusal for refusal in refusals if refusal != answers.recommended.refusal]
    lines = [*aligned(cells, left=1), f"Every person counts the same in FNMR, every two in FMR, and {precision}."]
    return _explained([*lines, *told])


def intervals(answers: Answers, table: pl.DataFrame, bins: Bins) -> list[str]:
    """The intervals of the cut-offs in a table, in both weightings, and those of AUC and EER."""
    bands = answers.sure.bands
    columns = (
        ("every pair", "precision", bands[Weighting.PAIRS][Rate.PRECISION], _SHARE),
        ("every pair", "recall", bands[Weighting.PAIRS][Rate.RECALL], _SHARE),
        ("every person", "recall", bands[Weighting.PEOPLE][Rate.RECALL], _SHARE),
        ("every two people", "FMR", bands[Weighting.PEOPLE][Rate.FMR], _FMR),
    )
    cells = [["", *(each for each, _, _, _ in columns)], ["cut-off", *(name for _, name, _, _ in columns)]]
    for row in table.iter_rows(named=True):
        place = row["bin"] - bins.first
        ends = [_at(band, place, form) for _, _, band, form in columns]
        cells.append([number(row["cutoff"], f".{bins.decimals}f"), *ends])
    confidence = _percent(answers.wanted.confidence)
    lines = [f"What holds for other people, at {confidence} confidence, and what counts the same in it:"]
    lines = _explained([*lines, *aligned(cells)])
    return [*lines, "", *_figures(answers)]


def optimism(answers: Answers, bins: Bins) -> list[str]:
    """The operating points chosen on some people and judged on others."""
    form = f".{bins.decimals}f"
    cells = [["", "cut-offs", "FMR", "of others", "FNMR", "of others", "F1", "of others"]]
    for row in answers.optimism.iter_rows(named=True):
        rates = [
            number(row[f"{rate}{suffix}"], shape)
            for rate, shape in (("fmr", _FMR), ("fnmr", _SHARE), ("f1", _SHARE))
            for suffix in ("", "_others")
        ]
        cells.append([row["point"], f"{row['lowest']:{form}} to {row['highest']:{form}}", *rates])
    kept = answers.optimism["point"].to_list()
    lost = [point.name for point in answers.points if point.chosen and point.bin is not None and point.name not in kept]
    return [
        "",
        "Chosen and judged on all people, and (of others) chosen on three quarters of them and judged on the rest:",
        *aligned(cells, left=1),
        *(f"{name}: three quarters of the people are too few to choose it." for name in lost),
    ]


def more_data(answers: Answers, bins: Bins) -> list[str]:
    """How the intervals would narrow with more data."""
    # A bound on FMR comes from the next cut-off that has an interval; with more people, another would be next.
    sentences = growth_sentences(answers.growth.filter(~(pl.col("bound") & (pl.col("rate") == Rate.FMR))))
    if not sentences:
        return []
    cutoff = f"{answers.a_cutoff(bins):.{bins.decimals}f}"
    name = next((point.name for point in answers.points if point.bin is not None), "in the middle")
    return ["", f"How much surer with more data, at {cutoff} ({name}), if others are like these:", *sentences]


def weighting_notes(answers: Answers, bins: Bins) -> list[str]:
    """Who makes most of the pairs, and where the two weightings disagree by more than their intervals."""
    heavy = answers.heaviest.filter(pl.col("genuine_share") >= _HEAVY)
    notes = []
    if not heavy.is_empty():
        shares = [f"{row['person']!r} makes {row['genuine_share']:.0%}" for row in heavy.iter_rows(named=True)]
        people = answers.sure.counts[Weighting.PAIRS].genuine_people
        notes.append(
            f"Of the pairs of one person {', '.join(shares)}: where every pair counts the same, all tell as much of "
            f"recall as those of {people:.1f} people with equally many."
        )
    places = [point.bin - bins.first for point in answers.points if point.bin is not None]
    return notes + (_disagreements(answers, places[0], bins) if places else [])


def _disagreements(answers: Answers, place: int, bins: Bins) -> list[str]:
    notes = []
    cutoff = f"{bins.edges[place]:.{bins.decimals}f}"
    for rate, name, each, share, form in (
        (Rate.RECALL, "recall", "person", "genuine_share", _SHARE),
        (Rate.FMR, "FMR", "two people", "impostor_share", _FMR),
    ):
        pairs, people = (answers.sure.bands[weighting][rate] for weighting in (Weighting.PAIRS, Weighting.PEOPLE))
        if not _apart(pairs, people, place):
            continue
        first = answers.heaviest.sort(share, descending=True).row(0, named=True)
        without = _without(answers.sure.counts[Weighting.PAIRS], rate, first["block"], place)
        notes.append(
            f"At {cutoff}, {name} is {pairs.value[place]:{form}} where every pair counts the same, and "
            f"{people.value[place]:{form}} where every {each} does: more apart than the intervals allow. "
            f"{first['person']!r} is in {first[share]:.0%} of the pairs; without the block of people that it is in, "
            f"the first is {without:{form}}."
        )
    return notes


def _apart(one: Band, other: Band, place: int) -> bool:
    """Whether no value lies in both intervals."""
    return bool(one.low[place] > other.high[place] or other.low[place] > one.high[place])


def _without(counts: BlockCounts, rate: Rate, block: int, place: int) -> float:
    """Recall or FMR without a block of people."""
    if rate is Rate.RECALL:
        matched, every = counts.genuine[:, place], counts.genuine_all
        return float((matched.sum() - matched[block]) / (every.sum() - every[block]))
    left = counts.impostor[place] - counts.touching[block, place]
    return float(left / (counts.impostor_all - counts.touching_all[block]))


def _figures(answers: Answers) -> list[str]:
    cells = [["", "AUC", "EER"]]
    for weighting, name in ((Weighting.PAIRS, "every pair"), (Weighting.PEOPLE, "every person, every two people")):
        cells.append([name, _estimate(answers.auc[weighting], ".5f"), _estimate(answers.eer[weighting], ".2e")])
    return aligned(cells, left=1)


def _rate(row: dict[str, Any], name: str, form: str) -> str:
    return _interval(row[name], row[f"{name}_low"], row[f"{name}_high"], form, bound=row[f"{name}_bound"])


def _at(band: Band, place: int, form: str) -> str:
    return _estimate(band.at(place), form)


def _estimate(estimate: Estimate | None, form: str) -> str:
    if estimate is None:
        return MISSING
    return _interval(estimate.value, estimate.low, estimate.high, form, bound=estimate.bound)


def _interval(value: float | None, low: float, high: float, form: str, *, bound: bool) -> str:
    """A rate with its interval, with a star where that is a bound."""
    if value is None:
        return MISSING
    return f"{value:{form}} [{low:{form}}, {high:{form}}]{'*' if bound else ''}"


def _explained(lines: list[str]) -> list[str]:
    if not any("]*" in line for line in lines):
        return lines
    few = "for too few people err, or all but too few"
    return [*lines, f"* a bound, {few}: from the number of people, or from the next cut-off that has an interval"]


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
