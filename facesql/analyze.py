"""Tables of faces to the cut-off table, its figures, its charts and notes, in one folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa

from facesql import __version__
from facesql.binning import Bins, Metric, written
from facesql.comparing import Compared, compare_faces, planned_sample, working_for
from facesql.correcting import Corrected, Corrections
from facesql.database import connect, connect_to, engine_sql, plain_errors
from facesql.errors import FacesqlError
from facesql.faces import FOUND, read_found, read_times
from facesql.known import counts_path, keeping_counts, known_counts
from facesql.loading import Chosen, Loaded
from facesql.metrics import Figures, cutoff_table, key_bins, summarize
from facesql.notes import RunNotes, TableNotes, run_notes
from facesql.output import whole_files
from facesql.pairs import Plan, plan_pairs
from facesql.progress import Stages
from facesql.provenance import PSEUDONYMS, doubts, how_made, merged
from facesql.report import CHART_FORMATS, ChartFormat, write_notes, write_page, write_summary, write_tables
from facesql.sampling import SampleWanted
from facesql.sources import DATABASE, rows_of_photos
from facesql.tables import FacesLike, Opened, files_of
from facesql.wanted import Wanted

if TYPE_CHECKING:  # SciPy takes memory that the comparison may need
    import altair as alt

    from facesql.answers import Answers
    from facesql.charts import ChartData
    from facesql.groups import GroupRates, Groups
    from facesql.page import Show
    from facesql.sampled import SamplePlan
    from facesql.story import Faces

    ShownChart = alt.LayerChart | alt.HConcatChart

# Tables and charts that there are where groups are compared.
GROUP_FILES = ("group_rates", "group_pairs", "group_fmr")
# The table that there is where a sample was compared.
SAMPLE_FILE = "sampling_intervals"
_FAILED = "The comparison failed; free some memory or disk space and run it again."


@dataclass(frozen=True)
class Analysis:
    """What an analysis found. ``table`` has a row an edge of the bins, ``key_table`` those that were asked for."""

    report: Path
    tables: int
    faces: int
    faces_skipped: int
    corrected: Corrected
    duplicates_dropped: int
    photos: int
    people: int
    pairs_known: int
    """Pairs whose counts an earlier run left."""
    bins: Bins
    bin_totals: pl.DataFrame
    """A row a bin and same_person that has pairs: what charts are drawn from, with the table."""
    table: pl.DataFrame
    key_table: pl.DataFrame
    figures: Figures
    answers: "Answers"
    groups: "GroupRates | None" = None
    """What groups of people have at one cut-off, where groups were asked for."""
    doubts: Sequence[str] = ()
    """Sentences on what the tables do not tell, and the numbers hang on."""

    def kept(self) -> dict[str, pl.DataFrame]:
        """The tables that a report keeps, by name: in its database, as CSV and as Parquet."""
        answers, groups = self.answers, self.groups
        return {
            "precision_recall": self.table,
            "rate_intervals": answers.intervals,
            "operating_points": answers.operating,
            "optimism": answers.optimism,
            "calibration": answers.calibration,
            "growth": answers.growth,
            **({} if answers.sampling is None else {SAMPLE_FILE: answers.sampling}),
            **({} if groups is None else {"group_rates": groups.groups, "group_pairs": groups.group_pairs}),
        }

    def charts(self) -> "dict[str, ShownChart]":
        """The charts of the report by name, as altair has them: a notebook shows one that ends a cell."""
        from facesql.charts import CHARTS
        from facesql.groupcharts import GROUP_CHARTS

        data = self.chart_data()
        drawn: dict[str, ShownChart] = {name: chart(data) for name, chart in CHARTS.items()}
        if self.groups is not None:
            drawn |= {name: chart(self.groups) for name, chart in GROUP_CHARTS.items()}
        return drawn

    def chart_data(self) -> "ChartData":
        """What each function of ``facesql.charts`` draws its chart from."""
        from facesql.charts import ChartData  # whose packages take memory that the comparison may need

        return ChartData(
            self.bin_totals,
            self.table,
            self.figures,
            self.photos,
            self.people,
            self.bins,
            self.answers.calibration,
            self.answers.wanted.genuine_share,
        )

    def summary(self) -> dict[str, float | int | str | None]:
        """All single figures by name, as summary.json and the table summary hold them."""
        counts = {
            "tables": self.tables,
            "faces": self.faces,
            "faces_skipped": self.faces_skipped,
            "faces_excluded": self.corrected.faces_excluded,
            "people_relabelled": self.corrected.people_relabelled,
            "duplicates_dropped": self.duplicates_dropped,
            "photos": self.photos,
            "people": self.people,
        }
        bins = {
            "metric": self.bins.metric.value,
            "first_bin": self.bins.first,
            "last_bin": self.bins.last,
            "bin_width": float(self.bins.width),
        }
        return {"version": __version__, **counts, **bins, **asdict(self.figures), **self.answers.summary()}


def analyze_faces(
    faces: FacesLike,
    report: Path,
    *,
    metric: Metric | None = None,
    bin_width: Decimal | None = None,
    max_distance: Decimal | None = None,
    cutoffs: Sequence[Decimal] | None = None,
    wanted: Wanted | None = None,
    by: str | None = None,
    sample: SampleWanted | None = None,
    formats: Sequence[ChartFormat] = CHART_FORMATS,
    skip_invalid: bool = False,
    exclude: Path | None = None,
    relabel: Path | None = None,
    drop_duplicates: bool = False,
    threads: int | None = None,
    memory_limit: int | None = None,
    scheduler: str | None = None,
    shared: str | Path | None = None,
    fresh: bool = False,
    show: "Show | None" = None,
    tell: "Callable[[Analysis], object]" = lambda _: None,
    command: str | None = None,
    progress: bool = False,
) -> Analysis:
    """Compare all faces of one or several tables with each other, and write the report's files into a folder.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``. Several are taken for one table, in
    which a name is one person; they must have been encoded alike, which ``refuse_mixed`` and ``doubts`` tell.
    ``exclude`` and ``relabel`` are files as encode takes them, of faces to leave out and of people who are one, see
    ``correct_faces``. ``drop_duplicates`` leaves out faces as ``find_repeats`` says, in the order of the files and
    their rows. Distances are those of ``metric`` (None: the one that the files note, as ``import_faces`` does, or else
    the Euclidean one), in bins of ``bin_width`` up to ``max_distance``; where these are None, they fit metric and
    faces, see ``fitting_bins``. ``cutoffs`` are edges of the bins; None takes those of ``key_bins``. ``wanted`` is what
    a cut-off is to meet (default: ``Wanted()``). ``by`` names a column of the tables, or a CSV file with the columns
    person and group: these groups of people are compared at one cut-off, the recommended one, or else the first that
    there is. ``threads`` are one a core; ``memory_limit`` is for the whole program, in bytes (default: 750 MB and the
    size of the encodings); what does not fit goes to disk.

    ``scheduler`` is the address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers compare the faces:
    with the same counts. They read them from a folder of Parquet files in ``shared``, a folder or URL that they see
    (default: the folder of the work, beside the report); it goes when they have.

    The folder then holds report.html, the page that tells all, whatever the formats of charts are; facesql.duckdb
    (faces, binned_counts and the tables, open to SQL), the tables, summary.json, run.md and the charts. Files of an
    earlier analysis are replaced, all at the end, and others are left alone.

    ``sample`` says how large a sample of the impostor pairs is compared, in place of all; see ``sampling`` and
    ``estimates``. Genuine pairs are exact. A sample takes up no counts of earlier runs, and none takes up its.

    What a stopped analysis into that folder has counted, or an earlier one, is not counted again as far as it is of the
    same faces, unless ``fresh``: the result is the same, but for the last digits of person weights.

    ``show`` says what the page shows of faces; without it none are sought. ``tell`` is given the analysis as soon as it
    is there, before charts and page are drawn. ``command`` is what was typed, for page and notes to tell.

    Raises InvalidFacesError where rows cannot be compared, FacesqlError where a file cannot be used, files, bins or
    cut-offs do not fit together, a sample is too small or ``by`` is given with one, the folder cannot be written to or
    is being written to by another run, or a cluster does not answer, does not fit or is lost; MissingPackageError where
    a scheduler is named without the extra cluster.
    """
    _refuse_groups(sample, by)
    if report.is_file():
        raise FacesqlError(f"{str(report)!r} is a file; name a folder with -o.")
    corrections = Corrections.read(exclude, relabel)
    stages = Stages()
    with (
        working_for(scheduler) as workers,
        files_of(faces, skip_invalid=skip_invalid) as opened,
        keeping_counts(report, report / DATABASE) as kept,
        whole_files(report) as folder,
    ):
        chosen = Chosen(
            opened.files, metric, bin_width, max_distance, skip_invalid, corrections, drop_duplicates, memory_limit
        )
        with plain_errors(_FAILED):
            connection = connect(folder / DATABASE, report=True)
            try:
                with stages.time("reading and checking"):
                    loaded = _load(chosen, connection)
                    bins = loaded.bins
                    _name_tables(connection, opened)
                    asked = None if cutoffs is None else [bins.bin_of(cutoff) for cutoff in cutoffs]
                    groups = None if by is None else _groups(connection, by)
                    if fresh:
                        kept.discard()
                with stages.time("comparing"):
                    compared = compare_faces(
                        connection,
                        loaded,
                        kept,
                        sample=sample,
                        wanted=wanted or Wanted(),
                        fresh=fresh,
                        workers=workers,
                        shared=shared,
                        threads=threads,
                        progress=progress,
                    )
                with stages.time("table and figures"):
                    totals = pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())
                    analysis = _analysis(
                        connection, report, loaded, opened, compared, totals, asked, wanted or Wanted()
                    )
                if groups is not None:
                    with stages.time("groups"):
                        rates = _group_rates(connection, groups, analysis, compared, loaded, progress=progress)
                        analysis = replace(analysis, groups=rates)
                _store(connection, analysis, loaded.made, opened)
                counts = connection.sql("from block_pair_counts").to_arrow_table()
            finally:
                connection.close()
        for name, kept_table in {**analysis.kept(), "key_cutoffs": analysis.key_table}.items():
            write_tables(folder, name, kept_table)
        write_summary(folder, analysis.summary())
        tell(analysis)
        with stages.time("charts"):
            drawn = _draw(folder, analysis, formats)
        with stages.time("faces"):
            shown = (
                None
                if show is None
                else _behind(chosen, opened, analysis, show, counts, threads, folder / DATABASE, progress=progress)
            )
        settings = {
            **({} if command is None else {"command": command}),
            **_settings(chosen, analysis),
            **({} if by is None else {"groups by": by}),
            **{name: str(file) for name, file in (("exclude", exclude), ("relabel", relabel)) if file is not None},
            **({} if workers is None else {"compared by": f"{workers.size.workers} workers of a cluster"}),
            "formats": ", ".join(("vl.json", *formats)),
            "threads": str(compared.threads),
            **_sample_settings(analysis),
        }
        notes = _notes(analysis, loaded.made, opened, dict(stages), settings)
        with stages.time("page"):
            from facesql.story import story

            write_page(folder, story(analysis, analysis.chart_data(), notes, shown))
        write_notes(folder, run_notes(replace(notes, analyze_seconds=stages)))
        # What a killed writer left of the old database would be taken for the new one's.
        (report / f"{DATABASE}.wal").unlink(missing_ok=True)
    _remove_earlier(report, analysis, drawn, formats)
    return analysis


def _load(chosen: Chosen, connection: duckdb.DuckDBPyConnection) -> Loaded:
    """Fill the tables faces, binning and photos, the last without the names of whom numbers stand for."""
    loaded = chosen.load(connection)
    for file, made in loaded.made.items():
        if PSEUDONYMS not in made:
            rows_of_photos(connection, file, "fill_photos", faces_file=str(file))
    return loaded


def _refuse_groups(sample: SampleWanted | None, by: str | None) -> None:
    if sample is not None and by is not None:
        raise FacesqlError(
            "Groups are compared by every pair, which a sample is to save; leave out --by, or --pairs, --seconds and "
            "--relative-error."
        )


def _no_faces() -> "Faces":
    from facesql.sampletext import NO_FACES
    from facesql.story import Faces

    return Faces(no_pictures=NO_FACES)


def _sample_settings(analysis: Analysis) -> dict[str, str]:
    if analysis.answers.sampled is None:
        return {}
    from facesql.sampletext import settings

    return settings(analysis.answers.sampled)


def _analysis(
    connection: duckdb.DuckDBPyConnection,
    report: Path,
    loaded: Loaded,
    opened: Opened,
    compared: Compared,
    totals: pl.DataFrame,
    asked: Sequence[int] | None,
    wanted: Wanted,
) -> Analysis:
    """What follows from the counts; ``asked`` are the bins whose cut-offs were asked for."""
    from facesql.answers import find_answers

    bins, made = loaded.bins, loaded.made
    [(faces, photos, people)] = connection.sql("from face_counts").fetchall()
    table = cutoff_table(totals, bins)
    keys = key_bins(totals, bins) if asked is None else asked
    return Analysis(
        report=report,
        tables=len(made),
        faces=faces,
        faces_skipped=loaded.skipped + sum(opened.rows_skipped.values()),
        corrected=loaded.corrected,
        duplicates_dropped=loaded.dropped,
        photos=photos,
        people=people,
        pairs_known=compared.pairs_known,
        bins=bins,
        bin_totals=totals,
        table=table,
        key_table=table.filter(pl.col("bin").is_in(keys)),
        figures=summarize(totals, bins),
        answers=find_answers(connection, bins, wanted, map(read_found, made.values()), compared.sampled),
        doubts=[*(opened.told(doubt) for doubt in doubts(made)), *compared.doubts],
    )


def _group_rates(
    connection: duckdb.DuckDBPyConnection,
    groups: "Groups",
    analysis: Analysis,
    compared: Compared,
    loaded: Loaded,
    *,
    progress: bool,
) -> "GroupRates":
    from facesql.groups import compare_groups

    return compare_groups(
        connection,
        groups,
        analysis.answers.a_cutoff(analysis.bins),
        analysis.bins,
        confidence=analysis.answers.wanted.confidence,
        threads=compared.threads,
        memory_limit=loaded.database_bytes,
        progress=progress,
    )


def _behind(
    chosen: Chosen,
    opened: Opened,
    analysis: Analysis,
    show: "Show",
    counts: pa.Table,
    threads: int | None,
    database: Path,
    *,
    progress: bool,
) -> "Faces":
    """Fill the tables pairs and suspects of the report's database; returns what the page shows."""
    if analysis.answers.sampled is not None:
        return _no_faces()
    from facesql.behind import faces_behind

    behind = faces_behind(
        chosen.binned(analysis.bins),
        analysis.answers.a_cutoff(analysis.bins),
        show,
        faces=analysis.faces,
        known=counts,
        threads=threads,
        progress=progress,
    )
    with plain_errors(_FAILED), connect_to(database, write=True) as connection:
        for name, table in (("pairs", behind.pairs), ("suspects", behind.suspects)):
            if table is not None:
                _insert(connection, name, table)
    return replace(behind.shown, no_pictures=opened.told(behind.shown.no_pictures))


def plan_analysis(
    faces: FacesLike,
    report: Path,
    *,
    sample: SampleWanted | None = None,
    wanted: Wanted | None = None,
    metric: Metric | None = None,
    bin_width: Decimal | None = None,
    max_distance: Decimal | None = None,
    skip_invalid: bool = False,
    exclude: Path | None = None,
    relabel: Path | None = None,
    drop_duplicates: bool = False,
    threads: int | None = None,
    memory_limit: int | None = None,
    fresh: bool = False,
) -> "Plan | SamplePlan":
    """How ``analyze_faces`` would compare the faces; nothing is compared or written. It raises what that does."""
    corrections = Corrections.read(exclude, relabel)
    opening = files_of(faces, skip_invalid=skip_invalid)
    with opening as opened, plain_errors(_FAILED), connect(report=True) as connection:
        loaded = Chosen(
            opened.files, metric, bin_width, max_distance, skip_invalid, corrections, drop_duplicates, memory_limit
        ).load(connection)
        if sample is not None:
            drawn = planned_sample(connection, sample, loaded, wanted or Wanted(), threads)
            if drawn is not None:
                return drawn
        known = () if fresh else known_counts(counts_path(report), report / DATABASE)
        return plan_pairs(
            connection, bins=loaded.bins, known=known, threads=threads, memory_limit=loaded.database_bytes
        )


def _settings(chosen: Chosen, analysis: Analysis) -> dict[str, str]:
    limit = chosen.memory_limit
    return {
        "metric": analysis.bins.metric.value,
        "bins": analysis.bins.range,
        "cut-offs": ", ".join(written(number * analysis.bins.width) for number in analysis.key_table["bin"]),
        "memory limit": "by the encodings" if limit is None else f"{limit / 10**6:,.0f} MB",
        "skip invalid": "yes" if chosen.skip_invalid else "no",
        "drop duplicates": "yes" if chosen.drop_duplicates else "no",
    }


def _notes(
    analysis: Analysis,
    made: Mapping[Path, Mapping[str, str]],
    opened: Opened,
    seconds: Mapping[str, float],
    settings: Mapping[str, str],
) -> RunNotes:
    compared = {
        "faces compared": analysis.faces,
        "faces left out as invalid": analysis.faces_skipped,
        "faces left out by --exclude": analysis.corrected.faces_excluded,
        "people given another name by --relabel": analysis.corrected.people_relabelled,
        "faces left out as nearly the same picture": analysis.duplicates_dropped,
        "photos compared": analysis.photos,
        "people compared": analysis.people,
        "pairs of one person (genuine)": analysis.figures.genuine_pairs,
        "pairs of two people (impostor)": analysis.figures.impostor_pairs,
        **_sample_counts(analysis),
        "pairs that an earlier run had counted": analysis.pairs_known,
    }
    tables = [TableNotes(opened.named(file), read_found(noted), read_times(file)) for file, noted in made.items()]
    merged_made = {name: opened.told(value) for name, value in merged(made).items() if name != FOUND}
    return RunNotes(tables, compared, seconds, merged_made, settings, analysis.doubts)


def _sample_counts(analysis: Analysis) -> dict[str, int]:
    if analysis.answers.sampled is None:
        return {}
    from facesql.sampletext import noted

    return noted(analysis.answers.sampled)


def _groups(connection: duckdb.DuckDBPyConnection, by: str) -> "Groups":
    from facesql.groups import read_groups

    return read_groups(connection, by)


def _name_tables(connection: duckdb.DuckDBPyConnection, opened: Opened) -> None:
    """Let the report's database call copies of tables by what they stand for."""
    for file, name in opened.copies.items():
        connection.execute(engine_sql("name_file"), {"file": str(file), "name": name})


def _store(
    connection: duckdb.DuckDBPyConnection,
    analysis: Analysis,
    made: Mapping[Path, Mapping[str, str]],
    opened: Opened,
) -> None:
    """Fill the report's tables, which have the columns of those kept, in their order."""
    summary = pl.DataFrame([analysis.summary()], infer_schema_length=None)
    for name, table in {**analysis.kept(), "summary": summary}.items():
        _insert(connection, name, table)
    rows = [
        (str(opened.named(file)), name, value)
        for file, table in made.items()
        for name, value in how_made(table).items()
    ]
    if rows:
        connection.executemany("insert into encode_settings values ($1, $2, $3)", rows)


def _insert(connection: duckdb.DuckDBPyConnection, name: str, table: pl.DataFrame) -> None:
    connection.register("stored", table.to_arrow())
    connection.sql("from stored").insert_into(name)
    connection.unregister("stored")


def _draw(folder: Path, analysis: Analysis, formats: Sequence[ChartFormat]) -> list[str]:
    """Write the charts; returns the names of those that there may be."""
    from facesql import chartfiles, charts, groupcharts

    for name, chart in analysis.charts().items():
        chartfiles.write_chart(folder, name, chart, formats)
    return [*charts.CHARTS, *groupcharts.GROUP_CHARTS]


def _remove_earlier(report: Path, analysis: Analysis, charts: Sequence[str], formats: Sequence[ChartFormat]) -> None:
    """Remove what an earlier analysis may have left and this one has not written: it would show other numbers."""
    written_formats = {"vl.json", *formats}
    for name, kind in product(charts, ("vl.json", *CHART_FORMATS)):
        if kind not in written_formats or (name in GROUP_FILES and analysis.groups is None):
            (report / f"{name}.{kind}").unlink(missing_ok=True)
    gone = [*(GROUP_FILES if analysis.groups is None else ())]
    if analysis.answers.sampled is None:
        gone.append(SAMPLE_FILE)
    for name, suffix in product(gone, ("csv", "parquet")):
        (report / f"{name}.{suffix}").unlink(missing_ok=True)
