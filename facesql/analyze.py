"""A table of faces to the cut-off table, its figures and its chart, in one folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import duckdb
import polars as pl

from facesql import __version__, charts
from facesql.database import connect, plain_errors
from facesql.errors import FacesqlError
from facesql.faces import load_faces
from facesql.metrics import KEY_CUTOFFS, Figures, cutoff_table, summarize
from facesql.output import whole_files
from facesql.pairs import count_pairs
from facesql.report import CHART_FORMATS, ChartFormat, write_chart, write_summary, write_tables

DATABASE = "facesql.duckdb"


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
    with whole_files(report) as folder:
        with plain_errors("The comparison failed; free some memory or disk space and run it again."):
            connection = connect(folder / DATABASE)
            try:
                skipped = load_faces(connection, faces, skip_invalid=skip_invalid)
                count_pairs(connection, threads=threads, progress=progress)
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
                _store(connection, "precision_recall", table)
                _store(connection, "summary", pl.DataFrame([analysis.summary()], infer_schema_length=None))
            finally:
                connection.close()
        write_tables(folder, "precision_recall", table)
        write_tables(folder, "key_cutoffs", analysis.key_table)
        write_summary(folder, analysis.summary())
        data = charts.ChartData(totals, table, analysis.figures, photos, people)
        for name, chart in charts.CHARTS.items():
            write_chart(folder, name, chart(data), formats)
    for name, kind in product(charts.CHARTS, CHART_FORMATS):
        if kind not in formats:  # an earlier analysis may have left one, which would show other numbers
            (report / f"{name}.{kind}").unlink(missing_ok=True)
    return analysis


def _store(connection: duckdb.DuckDBPyConnection, name: str, table: pl.DataFrame) -> None:
    connection.register("stored", table.to_arrow())
    connection.table("stored").create(name)
    connection.unregister("stored")
