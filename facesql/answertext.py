"""What an analysis answers, as plain text: which cut-off, what it costs, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from facesql import sampletext
from facesql.aligned import MISSING, Cells, number
from facesql.binning import EUCLIDEAN, Metric
from facesql.blocks import Weighting
from facesql.duplicates import NEAR
from facesql.growth import growth_sentences
from facesql.operating import genuine_share
from facesql.uncertainty import Rate

if TYPE_CHECKING:  # the types alone
    from collections.abc import Sequence

    from facesql.analyze import Analysis
    from facesql.answers import Answers
    from facesql.binning import Bins
    from facesql.blocks import BlockCounts
    from facesql.metrics import Figures
    from facesql.uncertainty import Band, Estimate

# A person with at least this share of the genuine pairs is named.
_HEAVY = 0.1
# So many names of a list are told.
_NAMED = 5
_FMR, _SHARE = ".1e", ".4f"
# How the rates of the cut-off table are written, and their headings.
RATES: dict[str, tuple[str, str]] = {
    "precision": ("precision", _SHARE),
    "recall": ("recall", _SHARE),
    "fmr": ("FMR", ".2e"),
    "fnmr": ("FNMR", ".2e"),
    "f1": ("F1", _SHARE),
}


def compared(analysis: Analysis) -> list[str]:
    """What was compared, what the corrections name for nothing, and in which bins where these are not the usual."""
    bins, corrected = analysis.bins, analysis.corrected
    return [
        f"{counted(analysis.faces, 'face')} of {counted(analysis.people, 'person')}{_loaded(analysis)}: "
        f"{counted(analysis.figures.genuine_pairs, 'pair')} of one person (genuine), "
        f"{analysis.figures.impostor_pairs:,} of two (impostor)",
        *([] if analysis.answers.sampled is None else sampletext.told(analysis.answers.sampled)),
        *unused("exclude", corrected.unused_excludes),
        *unused("relabel", corrected.unused_relabels),
        *([] if bins == EUCLIDEAN else [f"metric {bins.metric}, bins of {bins.range}"]),
    ]


def _loaded(analysis: Analysis) -> str:
    """Of how many tables the faces are, and what of these is not compared as it stands there."""
    corrected = analysis.corrected
    counts = (
        (analysis.faces_skipped, f"{analysis.faces_skipped:,} invalid left out"),
        (corrected.faces_excluded, f"{corrected.faces_excluded:,} left out by --exclude"),
        (corrected.people_relabelled, f"{counted(corrected.people_relabelled, 'name')} changed by --relabel"),
        (analysis.duplicates_dropped, f"{analysis.duplicates_dropped:,} nearly the same left out"),
    )
    tables = f" in {analysis.tables:,} tables" if analysis.tables > 1 else ""
    return tables + "".join(f", {told}" for count, told in counts if count)


def unused(option: str, names: Sequence[str]) -> list[str]:
    """What a file of corrections names that is not there, if there is such."""
    if not names:
        return []
    return [f"--{option} names what is not there ({len(names)}): {listed(names)}"]


def listed(names: Sequence[str]) -> str:
    """Some names, the first few of them."""
    return ", ".join(map(repr, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")


def counted(count: int, what: str) -> str:
    """A count with its noun: '1 person', '5,512 people'."""
    plural = {"person": "people"}.get(what, f"{what}s")
    return f"1 {what}" if count == 1 else f"{count:,d} {plural}"


def distance_form(bins: Bins) -> str:
    """How a distance is written: with as many decimals as its bins have."""
    return f".{bins.decimals}f"


def recommendation(answers: Answers, bins: Bins) -> list[str]:
    """The cut-off to take and what it costs, in words; or why there is none."""
    return [*advice(answers, bins), *costs(answers), *attempts_and_searches(answers)]


def advice(answers: Answers, bins: Bins) -> list[str]:
    """The cut-off to take, or why there is none."""
    point, wanted = answers.recommended, answers.wanted
    if point.bin is None:
        return [point.refusal, "So no cut-off is recommended: add photos of more people, or ask for less."]
    row = _recommended(answers)
    cutoff, sure = f"{row['cutoff']:{distance_form(bins)}}", f"at {percent(wanted.confidence)} confidence"
    if wanted.cost_miss is None:
        return [f"Take {cutoff}: of the comparisons of two people, at most {wanted.max_fmr:g} match there, {sure}."]
    weighed = f"a false match costs {wanted.cost_false_match:g} and a miss {wanted.cost_miss:g}"
    share = genuine_share(answers.sure, wanted)
    whose = "as in these photos: --genuine-share tells yours" if wanted.genuine_share is None else "as you say"
    return [
        f"Take {cutoff}: where {weighed}, and {percent(share)} of the comparisons are of one person ({whose}), "
        "it costs least on average. --max-fmr does not limit it."
    ]


def costs(answers: Answers) -> list[str]:
    """FMR and FNMR at the recommended cut-off, in words; nothing where there is none."""
    if answers.recommended.bin is None:
        return []
    row = _recommended(answers)
    return [
        f"Of the comparisons of two people {with_interval(row, 'fmr', _FMR)} match (FMR).",
        f"Of the comparisons of one person {with_interval(row, 'fnmr', _SHARE)} are missed (FNMR).",
    ]


def attempts_and_searches(answers: Answers) -> list[str]:
    """What the recommended cut-off means for attempts with photos without a face, and for searches, where told."""
    row, wanted, lines = _recommended(answers), answers.wanted, []
    if row["frr"] is not None and answers.fta is not None:
        lines.append(
            f"In {percent(answers.fta)} of the photos no face was found, or they could not be used (FTA): with these, "
            f"{row['frr']:{_SHARE}} of the attempts of one person fail (FRR)."
        )
    if row["false_matches"] is not None:
        low, high = row["false_matches_low"], row["false_matches_high"]
        lines.append(
            f"A search among {wanted.gallery:,} others finds {row['false_matches']:.2g} [{low:.2g}, {high:.2g}] false "
            f"matches on average, and at most {row['false_match_chance_high']:.1%} of all searches find any."
        )
    return lines


def _recommended(answers: Answers) -> dict[str, Any]:
    return answers.operating.filter("recommended").row(0, named=True)


def cutoffs(table: pl.DataFrame, bins: Bins) -> Cells:
    """The rates at some cut-offs, with the pairs behind them."""
    columns = [
        ("cut-off", "cutoff", distance_form(bins)),
        ("genuine matched", "genuine_matched", ",d"),
        ("impostor matched", "impostor_matched", ",d"),
        *((heading, name, form) for name, (heading, form) in RATES.items()),
    ]
    rows = [[number(row[name], form) for _, name, form in columns] for row in table.iter_rows(named=True)]
    return Cells([[heading for heading, _, _ in columns], *rows])


def figures(of: Figures, bins: Bins) -> list[str]:
    """The single figures of the two distributions."""
    form = distance_form(bins)
    return [
        f"AUC {number(of.auc, '.5f')}   EER {number(of.eer, '.2e')} "
        f"at cut-off {number(of.eer_cutoff, form)}   d' {number(of.d_prime, '.2f')}",
        f"distances of genuine pairs: mean {number(of.genuine_mean, form)}, "
        f"standard deviation {number(of.genuine_sd, form)}",
        f"distances of impostor pairs: mean {number(of.impostor_mean, form)}, "
        f"standard deviation {number(of.impostor_sd, form)}",
    ]


def operating(answers: Answers, bins: Bins) -> Cells:
    """The operating points with what they cost; see ``operating_notes``."""
    searched = answers.wanted.gallery is not None
    cells = [["", "cut-off", "FMR", "FNMR", "precision", *(["false matches", "any, at most"] if searched else [])]]
    for row in answers.operating.iter_rows(named=True):
        rates = [
            with_interval(row, name, form) for name, form in (("fmr", _FMR), ("fnmr", _SHARE), ("precision", _SHARE))
        ]
        searches = (
            [number(row["false_matches"], ".2g"), number(row["false_match_chance_high"], ".1%")] if searched else []
        )
        cells.append([row["point"], number(row["cutoff"], distance_form(bins)), *rates, *searches])
    return Cells(cells, left=1)


def operating_notes(answers: Answers) -> list[str]:
    """What counts the same in the table of operating points, and why some are refused."""
    share = answers.wanted.genuine_share
    precision = "every pair in precision" if share is None else f"precision is that where {share:g} are of one person"
    refusals = answers.operating.filter(~pl.col("recommended"))["refusal"].drop_nulls().unique(maintain_order=True)
    told = [refusal for refusal in refusals if refusal != answers.recommended.refusal]
    return [f"Every person counts the same in FNMR, every two in FMR, and {precision}.", *told]


def intervals(answers: Answers, table: pl.DataFrame, bins: Bins) -> Cells:
    """The intervals of the cut-offs in a table, in both weightings."""
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
        cells.append([number(row["cutoff"], distance_form(bins)), *ends])
    return Cells(cells, head=2)


def sampling(answers: Answers, table: pl.DataFrame, bins: Bins) -> tuple[str, Cells, list[str]] | None:
    """What the sampling leaves open at the cut-offs in a table, with its heading and notes; None without a sample."""
    if answers.sampled is None or answers.sampling is None:
        return None
    form = distance_form(bins)
    cells = sampletext.sampling(answers.sampling, table["bin"].to_list(), form)
    return sampletext.heading(answers.sampled), cells, sampletext.explained(cells)


def sample_notes(answers: Answers, bins: Bins) -> list[str]:
    """At which operating points a sample does not tell."""
    return sampletext.not_told(answers, bins, distance_form(bins))


def intervals_heading(answers: Answers) -> str:
    """What the intervals are of."""
    return (
        f"What holds for other people, at {percent(answers.wanted.confidence)} confidence, and what counts the same "
        "in it:"
    )


def of_others(answers: Answers, place: int) -> dict[str, str]:
    """The rates of other people at the cut-off that has this place among the edges, each with its interval.

    Every pair counts the same in precision, every person in recall and FNMR, every two in FMR.
    """
    bands = answers.sure.bands
    return {
        "precision": _at(bands[Weighting.PAIRS][Rate.PRECISION], place, _SHARE),
        "recall": _at(bands[Weighting.PEOPLE][Rate.RECALL], place, _SHARE),
        "fmr": _at(bands[Weighting.PEOPLE][Rate.FMR], place, _FMR),
        "fnmr": _at(bands[Weighting.PEOPLE][Rate.FNMR], place, _SHARE),
    }


OPTIMISM = "Chosen and judged on all people, and (of others) chosen on three quarters of them and judged on the rest:"


def optimism(answers: Answers, bins: Bins) -> Cells:
    """The operating points chosen on some people and judged on others; see ``optimism_notes``."""
    form = distance_form(bins)
    cells = [["", "cut-offs", "FMR", "of others", "FNMR", "of others", "F1", "of others"]]
    for row in answers.optimism.iter_rows(named=True):
        rates = [
            number(row[f"{rate}{suffix}"], shape)
            for rate, shape in (("fmr", _FMR), ("fnmr", _SHARE), ("f1", _SHARE))
            for suffix in ("", "_others")
        ]
        cells.append([row["point"], f"{row['lowest']:{form}} to {row['highest']:{form}}", *rates])
    return Cells(cells, left=1)


def optimism_notes(answers: Answers) -> list[str]:
    """Which points cannot be chosen on a part of the people."""
    kept = answers.optimism["point"].to_list()
    lost = [point.name for point in answers.points if point.chosen and point.bin is not None and point.name not in kept]
    return [f"{name}: three quarters of the people are too few to choose it." for name in lost]


def more_data(answers: Answers, bins: Bins) -> list[str]:
    """How the intervals would narrow with more data: a heading and sentences, or nothing."""
    # A bound on FMR comes from the next cut-off that has an interval; with more people, another would be next.
    sentences = growth_sentences(answers.growth.filter(~(pl.col("bound") & (pl.col("rate") == Rate.FMR))))
    if not sentences:
        return []
    cutoff = f"{answers.a_cutoff(bins):{distance_form(bins)}}"
    name = next((point.name for point in answers.points if point.bin is not None), "in the middle")
    return [f"How much surer with more data, at {cutoff} ({name}), if others are like these:", *sentences]


def remarks(analysis: Analysis) -> list[str]:
    """What is to be known of the data beside the numbers: who weighs most, what is there twice, what is not told."""
    notes = weighting_notes(analysis.answers, analysis.bins)
    table, figures = analysis.key_table, analysis.figures
    genuine, impostor = _near(analysis)
    if genuine or impostor:
        notes.append(
            f"{counted(genuine, 'pair')} of one person and {impostor:,d} of two are at a distance of at most {NEAR:g}: "
            "one picture twice inflates recall or looks like a false match; --drop-duplicates leaves it out."
        )
    if not table.filter(genuine_matched=0, impostor_matched=0).is_empty():
        notes.append("Where nothing is matched, precision is 1: no match is wrong.")
    if not figures.genuine_pairs:
        notes.append(
            "No person has two faces in the table, so recall, FNMR, F1, AUC and EER cannot be told: add photos of "
            "people who are there already."
        )
    if not figures.impostor_pairs:
        notes.append("No two people are in the table, so FMR, AUC and EER cannot be told: add photos of others.")
    return notes


def _near(analysis: Analysis) -> tuple[int, int]:
    """The pairs of one person and of two that are nearly the same picture; none where the bins cannot tell."""
    near = analysis.table.filter(cutoff=NEAR)
    if analysis.bins.metric is not Metric.EUCLIDEAN or near.is_empty():
        return 0, 0
    row = near.row(0, named=True)
    return row["genuine_matched"], row["impostor_matched"]


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
    cutoff = f"{bins.edges[place]:{distance_form(bins)}}"
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


def figure_intervals(answers: Answers) -> Cells:
    """AUC and EER with their intervals, in both weightings."""
    cells = [["", "AUC", "EER"]]
    for weighting, name in ((Weighting.PAIRS, "every pair"), (Weighting.PEOPLE, "every person, every two people")):
        cells.append([name, _estimate(answers.auc[weighting], ".5f"), _estimate(answers.eer[weighting], ".2e")])
    return Cells(cells, left=1)


def with_interval(row: dict[str, Any], name: str, form: str) -> str:
    """A rate of an operating point with its interval, with a star where that is a bound."""
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


def explained(cells: Cells) -> list[str]:
    """What a star means, where a table has one."""
    if not any(cell.endswith("]*") for row in cells.rows for cell in row):
        return []
    few = "for too few people err, or all but too few"
    return [f"* a bound, {few}: from the number of people, or from the next cut-off that has an interval"]


def percent(share: float) -> str:
    """A share as a percentage of three digits."""
    return f"{100 * share:.3g}%"
