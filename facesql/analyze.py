"""A table of faces to the cut-off table, its figures, its charts and notes, in one folder."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import duckdb
import polars as pl

from facesql import __version__, charts
from facesql.database import connect, plain_errors
from facesql.distance import BINS_PER_UNIT
from facesql.errors import FacesqlError
from facesql.faces import FOUND, load_faces, read_found, read_metadata, read_times
from facesql.metrics import KEY_CUTOFFS, Figures, cutoff_table, summarize
from facesql.notes import RunNotes, run_notes
from facesql.output import whole_files
from facesql.pairs import count_pairs
from facesql.progress import Stages
from facesql.report import CHART_FORMATS, ChartFormat, write_chart, write_notes, write_summary, write_tables
from facesql.sources import DATABASE


@dataclass(frozen=True)
class Analysis:
    """What an analysis found. ``table`` has a row a cut-off of 0.001, ``key_table`` those that were asked for."""

    report: Path
    faces: int
    faces_skipped: int
    photos: int
    people: int
    table: pl.DataFrame
    key_table: pl.DataFrame
    figures: Figures

    def summary(self) -> dict[str, float | int | str | None]:
        """All single figures by name, as summary.json and the table summary hold them."""
        counts = {name: getattr(self, name) for name in ("faces", "faces_skipped", "photos", "people")}
        return {"version": __version__, **counts, **asdict(self.figures)}


def analyze_faces(
    faces: Path,
    report: Path,
    *,
    cutoffs: Sequence[int] = KEY_CUTOFFS,
    formats: Sequence[ChartFormat] = CHART_FORMATS,
    skip_invalid: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Analysis:
    """Compare all faces of a Parquet file with each other, and write the report's files into a folder.

    ``cutoffs`` are bins, in thousandths. The folder then holds facesql.duckdb (faces, binned_counts,
    precision_recall and summary, open to SQL), the tables, summary.json and the charts; files of an earlier
    analysis are replaced, all at the end, and others are left alone.

    Raises InvalidFacesError where rows cannot be compared, FacesqlError where the file cannot be used or the
    folder cannot be written to.
    """
    if report.is_file():
        raise FacesqlError(f"{str(report)!r} is a file; name a folder with -o.")
    stages = Stages()
    with whole_files(report) as folder:
        with plain_errors("The comparison failed; free some memory or disk space and run it again."):
            connection = connect(folder / DATABASE, report=True)
            try:
                with stages.time("reading and checking"):
                    skipped = load_faces(connection, faces, skip_invalid=skip_invalid)
                with stages.time("comparing"):
                    count_pairs(connection, threads=threads, progress=progress)
                with stages.time("table and figures"):
                    totals = pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())
                    [(compared, photos, people)] = connection.sql("from face_counts").fetchall()
                    table = cutoff_table(totals)
                    analysis = Analysis(
                        report=report,
                        faces=compared,
                        faces_skipped=skipped,
                        photos=photos,
                        people=people,
                        table=table,
                        key_table=table.filter(pl.col("bin").is_in(cutoffs)),
                        figures=summarize(totals),
                    )
                    _store(connection, "insert into precision_recall by name from stored", table)
                    summary = pl.DataFrame([analysis.summary()], infer_schema_length=None)
                    _store(connection, "insert into summary by name from stored", summary)
            finally:
                connection.close()
        write_tables(folder, "precision_recall", table)
        write_tables(folder, "key_cutoffs", analysis.key_table)
        write_summary(folder, analysis.summary())
        with stages.time("charts"):
            data = charts.ChartData(totals, table, analysis.figures, photos, people)
            for name, chart in charts.CHARTS.items():
                write_chart(folder, name, chart(data), formats)
        settings = {
            "cut-offs": ", ".join(f"{cutoff / BINS_PER_UNIT:g}" for cutoff in cutoffs),
            "formats": ", ".join(("vl.json", *formats)),
            "threads": str(threads or os.cpu_count() or 1),
            "skip invalid": "yes" if skip_invalid else "no",
        }
        write_notes(folder, _notes(analysis, faces, stages, settings))
        # What a killed writer left of the old database would be taken for the new one's.
        (report / f"{DATABASE}.wal").unlink(missing_ok=True)
    for name, kind in product(charts.CHARTS, CHART_FORMATS):
        if kind not in formats:  # an earlier analysis may have left one, which would show other numbers
            (report / f"{name}.{kind}").unlink(missing_ok=True)
    return analysis


def _notes(analysis: Analysis, faces: Path, stages: Stages, settings: dict[str, str]) -> str:
    made = read_metadata(faces)
    compared = {
        "faces compared": analysis.faces,
        "faces left out as invalid": analysis.faces_skipped,
        "photos compared": analysis.photos,
        "people compared": analysis.people,
        "pairs of one person (genuine)": analysis.figures.genuine_pairs,
        "pairs of two people (impostor)": analysis.figures.impostor_pairs,
    }
    found = read_found(made)
    made = {name: value for name, value in made.items() if name != FOUND}
    return run_notes(RunNotes(faces, found, compared, read_times(faces), stages, made, settings))


def _store(connection: duckdb.DuckDBPyConnection, insert: str, table: pl.DataFrame) -> None:
    connection.register("stored", table.to_arrow())
    connection.execute(insert)
    connection.unregister("stored")
