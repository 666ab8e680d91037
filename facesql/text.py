"""What the commands print: results as plain text. Names from files are quoted, so that none can steer a terminal."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

from facesql import answertext, sampletext
from facesql.aligned import aligned, number
from facesql.answertext import counted
from facesql.duplicates import NEAR
from facesql.errors import plain
from facesql.grouptext import grouped
from facesql.pairs import Plan

if TYPE_CHECKING:  # the types alone: whoever analyzes has no need of what encoding needs
    from facesql.analyze import Analysis
    from facesql.cluster import Size
    from facesql.demo import Demo
    from facesql.encode import Duplicates, EncodeSummary
    from facesql.forget import Forgotten
    from facesql.localcluster import Started
    from facesql.pairs import Batch
    from facesql.sampled import SamplePlan


def encoded(summary: EncodeSummary) -> str:
    """The summary of an encoding: what was found, and what gave no row for which reason."""
    lines = [
        f"{counted(summary.photos, 'photo')} of {counted(summary.folders, 'person')}, "
        f"{counted(summary.faces_found, 'face')} found",
        f"{counted(summary.rows, 'row')} of {counted(summary.people, 'person')} in {str(summary.output)!r}",
    ]
    if summary.changes is not None:
        numbers = asdict(summary.changes)
        changes = ", ".join(f"{count:,d} {name}" for name, count in numbers.items())
        lines.append(f"against the table before: {changes}; {counted(summary.encoded, 'photo')} encoded")
    if summary.encoder_note is not None:
        lines.append(summary.encoder_note)
    if summary.pseudonymous:
        lines.append("names replaced by numbers there; the table of photos beside it keeps them")
    if summary.left_out:
        lines.append(f"columns left out, for they might tell names: {answertext.listed(summary.left_out)}")
    if summary.merged_people:
        lines.append(f"{counted(summary.merged_people, 'person')} merged into others")
    if summary.no_row:
        lines += ["", f"{counted(summary.no_row.total(), 'photo')} gave no row:"]
        lines += [f"{count:8,d}  {status}: {reason}" for (status, reason), count in summary.no_row.most_common()]
    lines += [f"{counted(count, 'photo')} read in part: {note}" for note, count in summary.notes.items()]
    lines += _twice(summary.duplicates)
    if summary.spellings:
        lines.append(
            f"{counted(summary.spellings, 'person')} with names that write accents differently taken for one each"
        )
    lines += answertext.unused("exclude", summary.unused_excludes) + answertext.unused(
        "relabel", summary.unused_relabels
    )
    if summary.other_files:
        lines.append(f"{counted(summary.other_files, 'file')} passed over that are no photos")
    return "\n".join(lines)


def _twice(duplicates: Duplicates) -> list[str]:
    lines = []
    if duplicates.copies:
        lines.append(f"{counted(duplicates.copies, 'file')} with the content of another one")
    if duplicates.of_one_person or duplicates.of_two_people:
        told = "perhaps one picture twice; --drop-duplicates leaves them out"
        lines.append(
            f"{counted(duplicates.of_one_person, 'pair')} of one person and {duplicates.of_two_people:,d} of two at a "
            f"distance of at most {NEAR:g}, {'taken for one picture twice' if duplicates.left_out else told}"
        )
    return lines


def analyzed(analysis: Analysis) -> str:
    """The cut-off to take, the table with the counts behind it, how sure it is, and what could not be told."""
    answers, bins = analysis.answers, analysis.bins
    points, sure = answertext.operating(answers, bins), answertext.intervals(answers, analysis.key_table, bins)
    more, remarks = answertext.more_data(answers, bins), answertext.remarks(analysis)
    return "\n".join(
        [
            *answertext.compared(analysis),
            "",
            *answertext.recommendation(answers, bins),
            "",
            *points.lines,
            *answertext.operating_notes(answers),
            *answertext.sample_notes(answers, bins),
            *answertext.explained(points),
            "",
            *answertext.cutoffs(analysis.key_table, bins).lines,
            "",
            *answertext.figures(analysis.figures, bins),
            "",
            answertext.intervals_heading(answers),
            *sure.lines,
            *answertext.explained(sure),
            *_sampling(analysis),
            "",
            *answertext.figure_intervals(answers).lines,
            "",
            answertext.OPTIMISM,
            *answertext.optimism(answers, bins).lines,
            *answertext.optimism_notes(answers),
            *(["", *more] if more else []),
            *([] if analysis.groups is None else ["", grouped(analysis.groups)]),
            *(["", *remarks] if remarks else []),
        ]
    )


def _sampling(analysis: Analysis) -> list[str]:
    sampling = answertext.sampling(analysis.answers, analysis.key_table, analysis.bins)
    if sampling is None:
        return []
    heading, cells, notes = sampling
    return ["", heading, *cells.lines, *notes]


def explained(plan: Plan | SamplePlan, size: Size | None = None) -> str:
    """How faces would be compared: what is cut into what, what is known already, and by a cluster of which size."""
    rows = _planned(plan) if isinstance(plan, Plan) else sampletext.planned(plan)
    if size is None:
        rows.append(("threads", f"{plan.threads:,}", ""))
    else:
        rows.append(("workers", f"{size.workers:,}", f"of the cluster at {plain(size.address)}"))
        rows.append(("threads", f"{size.threads:,}", "of all workers"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:{widths[0]}}  {n:>{widths[1]}}  {what}".rstrip() for name, n, what in rows)


def _planned(plan: Plan) -> list[tuple[str, str, str]]:
    """How all pairs would be compared: name, number and words a row."""
    faces, tiles, batches = sum(plan.tile_faces), len(plan.tile_faces), list(plan.batches())
    to_do = sum(len(batch.tiles_a) for batch in batches)
    most = max((_batch_bytes(plan, batch) for batch in batches), default=0)
    return [
        ("faces", f"{faces:,}", f"{plan.face_bytes} bytes an encoding"),
        ("pairs", f"{plan.pairs:,}", f"{plan.pairs_known:,} known from an earlier run"),
        ("blocks", f"{len(plan.fingerprints):,}", "of people; no person is in two"),
        ("tiles", f"{tiles:,}", f"of {min(plan.tile_faces, default=0):,} to {max(plan.tile_faces, default=0):,} faces"),
        ("tile pairs", f"{tiles * (tiles + 1) // 2:,}", f"{to_do:,} to be compared"),
        ("batches", f"{len(batches):,}", f"of at most {most:,} bytes of encodings"),
    ]


def _batch_bytes(plan: Plan, batch: Batch) -> int:
    """What a batch carries: the encodings of both tiles of each pair."""
    return plan.face_bytes * sum(plan.tile_faces[tile] for tiles in (batch.tiles_a, batch.tiles_b) for tile in tiles)


def started(cluster: Started) -> str:
    """Where a cluster listens, and how it is used."""
    dashboard = cluster.dashboard or "none, for it needs bokeh: pip install bokeh"
    return "\n".join(
        [
            f"scheduler  {cluster.address}",
            f"dashboard  {dashboard}",
            f"workers    {cluster.workers}, {counted(cluster.threads, 'thread')} each",
            "",
            f"facesql analyze --scheduler {cluster.address}",
            "",
            "Ctrl-C ends it.",
        ]
    )


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
            f"page      {report / 'report.html'}",
        ]
    )


def forgotten(result: Forgotten) -> str:
    """What left each file, or would leave it, and what stays."""
    verb = "would be removed from" if result.dry_run else "removed from"
    lines = [f"{counted(place.count, place.what)} {verb} {str(place.place)!r}" for place in result.removed]
    if result.shared:
        lines.append(f"{counted(result.shared, 'photo')} of others with the same content kept in the table of photos")
    if result.sources:
        lines.append(
            "The report had these faces from other tables, which stay as they are: "
            f"{', '.join(repr(str(source)) for source in result.sources)}; run forget for each of them with --faces, "
            "too."
        )
    if result.page is not None:
        deleted = "would be deleted" if result.dry_run else "deleted"
        lines.append(f"{str(result.page)!r} {deleted}, for it may show or name people; facesql analyze makes it anew.")
    if result.report is not None:
        lines.append("The report's counts stay, for they identify nobody; facesql analyze makes them anew.")
    lines.append("The photos are not touched: the next encode takes them up again unless they are deleted or excluded.")
    return "\n".join(lines)
