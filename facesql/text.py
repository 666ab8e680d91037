"""What the commands print: results as plain text. Names from files are quoted, so that none can steer a terminal."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

from facesql.aligned import aligned, number
from facesql.answertext import intervals, more_data, operating, optimism, recommendation, weighting_notes
from facesql.binning import EUCLIDEAN, Metric
from facesql.duplicates import NEAR
from facesql.grouptext import grouped

if TYPE_CHECKING:  # the types alone: whoever analyzes has no need of what encoding needs
    from collections.abc import Sequence

    import polars as pl

    from facesql.analyze import Analysis
    from facesql.binning import Bins
    from facesql.demo import Demo
    from facesql.encode import Duplicates, EncodeSummary
    from facesql.forget import Forgotten
    from facesql.metrics import Figures
    from facesql.pairs import Batch, Plan

_NAMED = 5
# Heading, column of the cut-off table, and how its numbers are written; those of cut-offs hang on the bins.
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("genuine matched", "genuine_matched", ",d"),
    ("impostor matched", "impostor_matched", ",d"),
    ("precision", "precision", ".4f"),
    ("recall", "recall", ".4f"),
    ("FMR", "fmr", ".2e"),
    ("FNMR", "fnmr", ".2e"),
    ("F1", "f1", ".4f"),
)


def encoded(summary: EncodeSummary) -> str:
    """The summary of an encoding: what was found, and what gave no row for which reason."""
    lines = [
        f"{_count(summary.photos, 'photo')} of {_count(summary.folders, 'person')}, "
        f"{_count(summary.faces_found, 'face')} found",
        f"{_count(summary.rows, 'row')} of {_count(summary.people, 'person')} in {str(summary.output)!r}",
    ]
    if summary.changes is not None:
        numbers = asdict(summary.changes)
        changes = ", ".join(f"{count:,d} {name}" for name, count in numbers.items())
        lines.append(f"against the table before: {changes}; {_count(summary.encoded, 'photo')} encoded")
    if summary.encoder_note is not None:
        lines.append(summary.encoder_note)
    if summary.pseudonymous:
        lines.append("names replaced by numbers there; the table of photos beside it keeps them")
    if summary.left_out:
        lines.append(f"columns left out, for they might tell names: {_listed(summary.left_out)}")
    if summary.merged_people:
        lines.append(f"{_count(summary.merged_people, 'person')} merged into others")
    if summary.no_row:
        lines += ["", f"{_count(summary.no_row.total(), 'photo')} gave no row:"]
        lines += [f"{count:8,d}  {status}: {reason}" for (status, reason), count in summary.no_row.most_common()]
    lines += [f"{_count(count, 'photo')} read in part: {note}" for note, count in summary.notes.items()]
    lines += _twice(summary.duplicates)
    if summary.spellings:
        lines.append(
            f"{_count(summary.spellings, 'person')} with names that write accents differently taken for one each"
        )
    lines += _unused("exclude", summary.unused_excludes) + _unused("relabel", summary.unused_relabels)
    if summary.other_files:
        lines.append(f"{_count(summary.other_files, 'file')} passed over that are no photos")
    return "\n".join(lines)


def _twice(duplicates: Duplicates) -> list[str]:
    lines = []
    if duplicates.copies:
        lines.append(f"{_count(duplicates.copies, 'file')} with the content of another one")
    if duplicates.of_one_person or duplicates.of_two_people:
        told = "perhaps one picture twice; --drop-duplicates leaves them out"
        lines.append(
            f"{_count(duplicates.of_one_person, 'pair')} of one person and {duplicates.of_two_people:,d} of two at a "
            f"distance of at most {NEAR:g}, {'taken for one picture twice' if duplicates.left_out else told}"
        )
    return lines


def analyzed(analysis: Analysis) -> str:
    """The cut-off to take, the table with the counts behind it, how sure it is, and what could not be told."""
    answers = analysis.answers
    return "\n".join(
        [
            f"{_count(analysis.faces, 'face')} of {_count(analysis.people, 'person')}{_loaded(analysis)}: "
            f"{_count(analysis.figures.genuine_pairs, 'pair')} of one person (genuine), "
            f"{analysis.figures.impostor_pairs:,} of two (impostor)",
            *_unused("exclude", analysis.corrected.unused_excludes),
            *_unused("relabel", analysis.corrected.unused_relabels),
            *([] if analysis.bins == EUCLIDEAN else [f"metric {analysis.bins.metric}, bins of {analysis.bins.range}"]),
            "",
            *recommendation(answers, analysis.bins),
            "",
            *operating(answers, analysis.bins),
            "",
            *_table(analysis.key_table, analysis.bins),
            "",
            *_figures(analysis.figures, analysis.bins),
            "",
            *intervals(answers, analysis.key_table, analysis.bins),
            *optimism(answers, analysis.bins),
            *more_data(answers, analysis.bins),
            *([] if analysis.groups is None else ["", grouped(analysis.groups)]),
            *_notes(analysis),
        ]
    )


def _loaded(analysis: Analysis) -> str:
    """Of how many tables the faces are, and what of these is not compared as it stands there."""
    corrected = analysis.corrected
    counts = (
        (analysis.faces_skipped, f"{analysis.faces_skipped:,} invalid left out"),
        (corrected.faces_excluded, f"{corrected.faces_excluded:,} left out by --exclude"),
        (corrected.people_relabelled, f"{_count(corrected.people_relabelled, 'name')} changed by --relabel"),
        (analysis.duplicates_dropped, f"{analysis.duplicates_dropped:,} nearly the same left out"),
    )
    tables = f" in {analysis.tables:,} tables" if analysis.tables > 1 else ""
    return tables + "".join(f", {told}" for count, told in counts if count)


def explained(plan: Plan) -> str:
    """How faces would be compared: what is cut into what, and what is known already."""
    faces, tiles, batches = sum(plan.tile_faces), len(plan.tile_faces), list(plan.batches())
    to_do = sum(len(batch.tiles_a) for batch in batches)
    most = max((_batch_bytes(plan, batch) for batch in batches), default=0)
    cells = [
        ["faces", f"{faces:,}", f"{plan.face_bytes} bytes an encoding"],
        ["pairs", f"{plan.pairs:,}", f"{plan.pairs_known:,} known from an earlier run"],
        ["blocks", f"{len(plan.fingerprints):,}", "of people; no person is in two"],
        ["tiles", f"{tiles:,}", f"of {min(plan.tile_faces, default=0):,} to {max(plan.tile_faces, default=0):,} faces"],
        ["tile pairs", f"{tiles * (tiles + 1) // 2:,}", f"{to_do:,} to be compared"],
        ["batches", f"{len(batches):,}", f"of at most {most:,} bytes of encodings"],
        ["threads", f"{plan.threads:,}", ""],
    ]
    widths = [max(len(row[column]) for row in cells) for column in (0, 1)]
    return "\n".join(f"{name:{widths[0]}}  {n:>{widths[1]}}  {what}".rstrip() for name, n, what in cells)


def _batch_bytes(plan: Plan, batch: Batch) -> int:
    """What a batch carries: the encodings of both tiles of each pair."""
    return plan.face_bytes * sum(plan.tile_faces[tile] for tiles in (batch.tiles_a, batch.tiles_b) for tile in tiles)


def compared(demo: Demo) -> str:
    """The original investigation's table beside that of the sample."""
    sample = demo.sample
    ours = {row["bin"]: row for row in sample.table.iter_rows(named=True)}
    cells = [["", "precision", "", "recall", ""], ["cut-off", "original", "here", "original", "here"]]
    for row in demo.original.iter_rows(named=True):
        here = ours[sample.bins.bin_of(Decimal(str(row["cutoff"])))]
        rates = [rates[name] for name in ("precision", "recall") for rates in (row, here)]
        cells.append([number(row["cutoff"], ".3f"), *(number(rate, ".2f") for rate in rates)])
    pairs = sample.figures.genuine_pairs + sample.figures.impostor_pairs
    return "\n".join(
        [
            "Real people: Labeled Faces in the Wild beside the original investigation of it,",
            f"here {sample.faces:,} photos of {sample.people:,} people ({pairs:,} pairs), "
            "there 12,797 of 5,467 (81,875,206):",
            "",
            *aligned(cells),
            "",
            f"report    {sample.report}",
        ]
    )


def demonstrated(demo: Demo) -> str:
    """Where the demo's photos, tables and chart are, and what its numbers are not."""
    report = demo.analyzed.report
    return "\n".join(
        [
            "Drawn people are more alike than real ones: a cut-off holds for photos like those it was measured on.",
            "",
            f"photos    {demo.photos}",
            f"faces     {demo.encoded.output}",
            f"database  {report / 'facesql.duckdb'}",
            f"chart     {report / 'distribution.html'}",
        ]
    )


def forgotten(result: Forgotten) -> str:
    """What left each file, or would leave it, and what stays."""
    verb = "would be removed from" if result.dry_run else "removed from"
    lines = [f"{_count(place.count, place.what)} {verb} {str(place.place)!r}" for place in result.removed]
    if result.shared:
        lines.append(f"{_count(result.shared, 'photo')} of others with the same content kept in the table of photos")
    if result.sources:
        lines.append(
            "The report had these faces from other tables, which stay as they are: "
            f"{', '.join(repr(str(source)) for source in result.sources)}; run forget for each of them with --faces, "
            "too."
        )
    if result.report is not None:
        lines.append("The report's counts stay, for they identify nobody; facesql analyze makes them anew.")
    lines.append("The photos are not touched: the next encode takes them up again unless they are deleted or excluded.")
    return "\n".join(lines)


def _table(table: pl.DataFrame, bins: Bins) -> list[str]:
    columns = [("cut-off", "cutoff", _form(bins)), *_COLUMNS]
    cells = [[title for title, _, _ in columns]]
    cells += [[number(row[name], form) for _, name, form in columns] for row in table.iter_rows(named=True)]
    return aligned(cells)


def _figures(figures: Figures, bins: Bins) -> list[str]:
    form = _form(bins)
    return [
        f"AUC {number(figures.auc, '.5f')}   EER {number(figures.eer, '.2e')} "
        f"at cut-off {number(figures.eer_cutoff, form)}   d' {number(figures.d_prime, '.2f')}",
        f"distances of genuine pairs: mean {number(figures.genuine_mean, form)}, "
        f"standard deviation {number(figures.genuine_sd, form)}",
        f"distances of impostor pairs: mean {number(figures.impostor_mean, form)}, "
        f"standard deviation {number(figures.impostor_sd, form)}",
    ]


def _form(bins: Bins) -> str:
    """How a distance is written: with as many decimals as its bins have."""
    return f".{bins.decimals}f"


def _notes(analysis: Analysis) -> list[str]:
    notes = weighting_notes(analysis.answers, analysis.bins)
    table, figures = analysis.key_table, analysis.figures
    genuine, impostor = _near(analysis)
    if genuine or impostor:
        notes.append(
            f"{_count(genuine, 'pair')} of one person and {impostor:,d} of two are at a distance of at most {NEAR:g}: "
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
    return ["", *notes] if notes else []


def _near(analysis: Analysis) -> tuple[int, int]:
    """The pairs of one person and of two that are nearly the same picture; none where the bins cannot tell."""
    near = analysis.table.filter(cutoff=NEAR)
    if analysis.bins.metric is not Metric.EUCLIDEAN or near.is_empty():
        return 0, 0
    row = near.row(0, named=True)
    return row["genuine_matched"], row["impostor_matched"]


def _count(count: int, what: str) -> str:
    """A count with its noun: '1 person', '5,512 people'."""
    plural = {"person": "people"}.get(what, f"{what}s")
    return f"1 {what}" if count == 1 else f"{count:,d} {plural}"


def _unused(option: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"--{option} names what is not there ({len(names)}): {_listed(names)}"]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
