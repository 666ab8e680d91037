"""Two tables of the same photos to the differences of their rates: two encoders, settings or versions."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import duckdb
import polars as pl

from facesql.binning import Bins, Metric
from facesql.blocks import Counted, Weighting, block_counts
from facesql.chartfiles import write_chart
from facesql.counts import counts_and_people
from facesql.curvecharts import Curves, det_of_several, roc_of_several
from facesql.database import connect, engine_sql, plain_errors
from facesql.errors import FacesqlError
from facesql.faces import check_files, limit_memory, load_faces
from facesql.fitting import choose_bins, set_bins, set_metric
from facesql.operating import Sureness, recommended
from facesql.output import whole_files
from facesql.paired import (
    Difference,
    Measured,
    Table,
    auc_of,
    difference,
    eer_of,
    fmr_at,
    fnmr_at,
    fnmr_at_fmr,
    place_at_fmr,
    precision_at_place,
)
from facesql.pairs import count_pairs, plan_pairs
from facesql.provenance import noted_metric
from facesql.report import CHART_FORMATS, write_summary, write_tables
from facesql.tables import OneTable, Opened, files_of
from facesql.wanted import Wanted

# What FNMR is compared at, beside the FMR that is wanted.
USUAL_FMR = (1e-2, 1e-3, 1e-4)
_FAILED = "The comparison failed; free some memory or disk space and run it again."
SCHEMA = {
    "figure": pl.String,
    "counts_same": pl.String,
    "cutoff_a": pl.Float64,
    "cutoff_b": pl.Float64,
    "a": pl.Float64,
    "b": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "se": pl.Float64,
    "bound": pl.Boolean,
    "sure": pl.Boolean,
    "better": pl.String,
}


@dataclass(frozen=True)
class Side:
    """One of the two tables."""

    file: Path | str
    """What the table is called: a file by its path."""
    bins: Bins
    left_out: int
    """Faces that the other table has not."""
    skipped: int
    """Rows left out as invalid."""
    cutoff: float | None
    """The recommended cut-off, see facesql.operating."""
    refusal: str
    """Why there is none, if so."""


@dataclass(frozen=True)
class Comparison:
    """What the comparison of table b with table a found."""

    a: Side
    b: Side
    faces: int
    people: int
    genuine_pairs: int
    impostor_pairs: int
    confidence: float
    max_fmr: float
    table: pl.DataFrame
    """Columns SCHEMA, a row a figure: difference is b - a, low and high its interval or, where ``bound``, its bound;
    ``better`` is a, b, or null where the interval holds 0, and for FMR, which is traded for FNMR."""
    curves: pl.DataFrame
    """A row a table and cut-off, of every person the same: table (a or b), cutoff, fmr, fnmr, recall."""

    @property
    def headline(self) -> dict[str, object]:
        """The row that decides: FNMR at the FMR that is wanted, every person the same."""
        return self.table.row(0, named=True)

    def summary(self) -> dict[str, float | int | str | None]:
        """What was compared, by name."""
        return {
            "a": str(self.a.file),
            "b": str(self.b.file),
            "faces": self.faces,
            "people": self.people,
            "left_out_a": self.a.left_out,
            "left_out_b": self.b.left_out,
            "genuine_pairs": self.genuine_pairs,
            "impostor_pairs": self.impostor_pairs,
            "metric_a": self.a.bins.metric.value,
            "metric_b": self.b.bins.metric.value,
            "recommended_cutoff_a": self.a.cutoff,
            "recommended_cutoff_b": self.b.cutoff,
            "confidence": self.confidence,
            "max_fmr": self.max_fmr,
        }


def compare_tables(
    a: OneTable,
    b: OneTable,
    output: Path | None = None,
    *,
    metric_a: Metric | None = None,
    metric_b: Metric | None = None,
    max_fmr: float = 1e-3,
    confidence: float = 0.95,
    skip_invalid: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Comparison:
    """Compare two tables of the same faces, by id; what only one of them has is left out.

    They are Parquet files, addresses or tables in memory, see ``files_of``. Each has its own metric (None: the one that
    it notes, or else the Euclidean one), bins and length of encodings. The differences are those of ``facesql.paired``,
    with that ``confidence`` each; ``max_fmr`` is what the recommended cut-offs meet, and where FNMR decides which is
    better. ``output`` is a folder for the tables, charts and summary.

    Raises FacesqlError where a file cannot be used, the two share no faces, have one under two people's names, or lack
    a class of pairs; InvalidFacesError where rows cannot be compared, unless ``skip_invalid``.
    """
    if output is not None and output.is_file():
        raise FacesqlError(f"{str(output)!r} is a file; name a folder with -o.")
    wanted = Wanted(max_fmr=max_fmr, confidence=confidence)
    with files_of([a, b], skip_invalid=skip_invalid) as opened:
        found = _compared(opened, (metric_a, metric_b), wanted, threads, skip_invalid=skip_invalid, progress=progress)
    if output is not None:
        _write(found, output)
    return found


def _compared(
    opened: Opened,
    metrics: tuple[Metric | None, Metric | None],
    wanted: Wanted,
    threads: int | None,
    *,
    skip_invalid: bool,
    progress: bool,
) -> Comparison:
    a, b = opened.files
    metric_a, metric_b = metrics
    with plain_errors(_FAILED), closing(connect(report=True)) as first, closing(connect(report=True)) as second:
        loaded = [
            _load(connection, file, metric, skip_invalid=skip_invalid)
            for connection, file, metric in ((first, a, metric_a), (second, b, metric_b))
        ]
        left_out = _match(first, second, a, b)
        counted = [
            _count(connection, of.metric, of.limit, threads, progress=progress)
            for connection, of in zip((first, second), loaded, strict=True)
        ]
        [(faces, _, number)] = first.sql("from face_counts").fetchall()
    tables = [_Counted.of(bins, pairs, people, wanted) for bins, pairs, people in counted]
    of_each = [table.sure.counts[Weighting.PAIRS] for table in tables]
    genuine, others = (int(pairs.genuine_all.sum()) for pairs in of_each)
    if genuine != others:
        raise FacesqlError(
            f"The same faces make {genuine:,} pairs of one person in {str(a)!r} and {others:,} in {str(b)!r}, for "
            "column photo differs; give both the same."
        )
    impostor = int(of_each[0].impostor_all)
    if not genuine or not impostor:
        raise FacesqlError(
            f"The faces that {str(a)!r} and {str(b)!r} share make {genuine:,} pairs of one person and {impostor:,} of "
            "two, and both are needed; encode more photos."
        )
    side_a, side_b = (
        Side(opened.named(file), of.bins, out, read.skipped + opened.rows_skipped.get(file, 0), of.cutoff, of.refusal)
        for file, of, out, read in zip((a, b), tables, left_out, loaded, strict=True)
    )
    return Comparison(
        side_a,
        side_b,
        faces=faces,
        people=number,
        genuine_pairs=genuine,
        impostor_pairs=impostor,
        confidence=wanted.confidence,
        max_fmr=wanted.max_fmr,
        table=pl.DataFrame(list(_rows(tables[0], tables[1], wanted)), schema=SCHEMA),
        curves=pl.concat([of.curve(name) for name, of in zip("ab", tables, strict=True)]),
    )


@dataclass(frozen=True)
class _Loaded:
    metric: Metric
    skipped: int
    """Rows left out as invalid."""
    limit: int
    """The memory of the database, in bytes."""


def _load(connection: duckdb.DuckDBPyConnection, file: Path, asked: Metric | None, *, skip_invalid: bool) -> _Loaded:
    """Fill table faces, by the metric that is asked for, or else that of the file."""
    check_files(connection, [file])
    limit = limit_memory(connection, [file], None)
    metric = noted_metric([file], asked)
    set_metric(connection, metric)
    return _Loaded(metric, load_faces(connection, file, skip_invalid=skip_invalid), limit)


def _match(first: duckdb.DuckDBPyConnection, second: duckdb.DuckDBPyConnection, a: Path, b: Path) -> tuple[int, int]:
    """Keep the faces that both have; returns how many others each had."""
    names = [dict(of.sql("select id, person from faces").fetchall()) for of in (first, second)]
    common = sorted(names[0].keys() & names[1].keys())
    if not common:
        raise FacesqlError(
            f"No id of {str(a)!r} is in {str(b)!r}; compare tables of the same photos, whose ids are written alike."
        )
    for id_ in common:
        if names[0][id_] != names[1][id_]:
            raise FacesqlError(
                f"{id_!r} is of {names[0][id_]!r} in {str(a)!r} and of {names[1][id_]!r} in {str(b)!r}; name people "
                "alike in both."
            )
    for connection in (first, second):
        connection.execute(engine_sql("keep_faces"), {"ids": common})
    return len(names[0]) - len(common), len(names[1]) - len(common)


def _count(
    connection: duckdb.DuckDBPyConnection, metric: Metric, limit: int, threads: int | None, *, progress: bool
) -> tuple[Bins, Counted, pl.DataFrame]:
    """Compare all faces of a connection; returns the bins, the counts and the people."""
    bins = choose_bins(connection, metric)
    set_bins(connection, bins)
    count_pairs(connection, plan_pairs(connection, bins=bins, memory_limit=limit, threads=threads), progress=progress)
    return bins, *counts_and_people(connection)


@dataclass(frozen=True)
class _Counted:
    """One table under both weightings."""

    bins: Bins
    tables: dict[Weighting, Table]
    sure: Sureness
    place: int | None
    """Of the recommended cut-off."""
    refusal: str

    @classmethod
    def of(cls, bins: Bins, counted: Counted, people: pl.DataFrame, wanted: Wanted) -> "_Counted":
        [counts] = block_counts(counted, people, bins)
        sure = Sureness.of(counts, wanted.confidence)
        point = recommended(sure, wanted, bins)
        tables = {weighting: Table.of(counts[weighting], counted, bins, wanted.confidence) for weighting in counts}
        return cls(bins, tables, sure, None if point.bin is None else point.bin - bins.first, point.refusal)

    @property
    def cutoff(self) -> float | None:
        """The recommended cut-off."""
        return self.edge(self.place)

    def edge(self, place: int | None) -> float | None:
        """The cut-off of a place."""
        return None if place is None else float(self.bins.edges[place])

    def curve(self, name: str) -> pl.DataFrame:
        """The rates at every cut-off, of every person the same."""
        table = self.tables[Weighting.PEOPLE]
        rates = {"cutoff": self.bins.edges, "fmr": table.fmr, "fnmr": table.fnmr, "recall": 1 - table.fnmr}
        return pl.DataFrame(rates).select(pl.lit(name).alias("table"), pl.all())


@dataclass(frozen=True)
class _Figure:
    """What is compared: how it is measured in either table, at which cut-offs, and which way is better."""

    name: str
    measure: Callable[[Table, int], Measured]
    places: tuple[int | None, int | None]
    """Of the cut-offs; None where a table has none."""
    better: int
    """-1 where less is better, 1 where more is, 0 where it is traded for something else."""
    needs_cutoff: bool = False


def _rows(a: _Counted, b: _Counted, wanted: Wanted) -> Iterator[dict[str, object]]:
    """The rows of the table: first, FNMR at the FMR that is wanted, of every person the same."""
    for weighting in (Weighting.PEOPLE, Weighting.PAIRS):
        both = a.tables[weighting], b.tables[weighting]
        for figure in _figures(*both, (a.place, b.place), wanted):
            yield _row(figure, *both, weighting, (a, b), wanted.confidence)


def _figures(a: Table, b: Table, places: tuple[int | None, int | None], wanted: Wanted) -> Iterator[_Figure]:
    for target in dict.fromkeys((wanted.max_fmr, *USUAL_FMR)):

        def at(table: Table, _: int, fmr: float = target) -> Measured:
            return fnmr_at_fmr(table, fmr)

        yield _Figure(f"FNMR at FMR {target:g}", at, (place_at_fmr(a, target), place_at_fmr(b, target)), -1)
    yield _Figure("FMR at own cut-off", fmr_at, places, 0, needs_cutoff=True)
    yield _Figure("FNMR at own cut-off", fnmr_at, places, 0, needs_cutoff=True)
    if a.counts.weighting is Weighting.PAIRS:
        yield _Figure("precision at own cut-off", precision_at_place, places, 0, needs_cutoff=True)
    yield _Figure("EER", lambda table, _: eer_of(table), (None, None), -1)
    yield _Figure("AUC", lambda table, _: auc_of(table), (None, None), 1)


def _row(
    figure: _Figure, a: Table, b: Table, weighting: Weighting, counted: tuple[_Counted, _Counted], confidence: float
) -> dict[str, object]:
    edges = [of.edge(place) for of, place in zip(counted, figure.places, strict=True)]
    row: dict[str, object] = {"figure": figure.name, "counts_same": weighting.value}
    row |= {"cutoff_a": edges[0], "cutoff_b": edges[1]}
    if None in figure.places and figure.needs_cutoff:
        return row
    at = [place or 0 for place in figure.places]
    told = difference(figure.measure(a, at[0]), figure.measure(b, at[1]), confidence)
    better = None
    if told.sure and figure.better:
        better = "b" if told.value * figure.better > 0 else "a"
    return row | _told(told) | {"better": better}


def _told(told: Difference) -> dict[str, object]:
    """The columns of a difference; null where nothing can be told."""
    columns = {"a": told.a, "b": told.b, "difference": told.value, "low": told.low, "high": told.high, "se": told.se}
    shown = {name: None if isnan(value) else value for name, value in columns.items()}
    return {**shown, "bound": told.bound, "sure": told.sure}


def _write(found: Comparison, output: Path) -> None:
    names = {side: f"{side}: {of.file}" for side, of in (("a", found.a), ("b", found.b))}
    note = f"{found.faces:,} photos of {found.people:,} people in both, every person and every two the same"
    points = found.curves.with_columns(pl.col("table").replace_strict(names, return_dtype=pl.String))
    curves = Curves(points, list(names.values()), note)
    with whole_files(output) as folder:
        write_tables(folder, "comparison", found.table)
        write_tables(folder, "comparison_curves", found.curves)
        write_chart(folder, "comparison_roc", roc_of_several(curves), CHART_FORMATS)
        write_chart(folder, "comparison_det", det_of_several(curves), CHART_FORMATS)
        write_summary(folder, found.summary())
