"""What the commands that look at finished work are pointed at: a report, a table of faces, or the sample."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from facesql.binning import Metric
from facesql.database import connect, connect_to, engine_sql, first_words, plain_errors, resources
from facesql.errors import FacesqlError, plain
from facesql.faces import check_columns, check_files, file_pattern, load_faces, name_faces, photos_path
from facesql.parts import REPORT_DATABASE
from facesql.provenance import noted_metric, read_made

SAMPLES = ("lfw",)
# The database in a report's folder.
DATABASE = REPORT_DATABASE


@dataclass(frozen=True)
class Source:
    """A table of faces, a Parquet file or a folder of them, or the database of a report."""

    file: Path
    is_report: bool


def sample_faces(name: str) -> Path:
    """The table of faces of a sample that comes with facesql.

    Raises FacesqlError for a name that there is not.
    """
    if name not in SAMPLES:
        raise FacesqlError(f"There is no sample {name!r}; choose from {','.join(SAMPLES)}.")
    return resources() / "data" / f"{name}.parquet"


def find_source(named: Path | None, defaults: Sequence[Path] = ()) -> Source:
    """What ``named`` stands for: a report's folder, its database, or a table; else the first default there is.

    Raises FacesqlError where there is no such thing.
    """
    if named is None:
        named = next((path for path in defaults if (path / DATABASE).exists() or path.is_file()), None)
    if named is None:
        raise FacesqlError(
            f"There is no {' and no '.join(repr(str(path)) for path in defaults)} here; name a report's folder or a "
            "Parquet file of faces, or try --sample lfw."
        )
    try:
        str(named).encode()
    except UnicodeEncodeError as error:
        raise FacesqlError(f"{str(named)!r} is not valid Unicode; rename it.") from error
    if named.is_dir():
        is_table = not (named / DATABASE).exists() and any(named.rglob("*.parquet"))
        return Source(named, is_report=False) if is_table else Source(find_database(named), is_report=True)
    if not named.exists():
        raise FacesqlError(f"{str(named)!r} does not exist; name a report's folder or a Parquet file of faces.")
    return Source(named, is_report=named.suffix == Path(DATABASE).suffix)


@contextmanager
def opened(source: Source, *, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with all that facesql's SQL knows of the source. A report is read-only unless ``write``.

    Over a Parquet file it is in memory, where tables may be made and are gone afterwards. Raises FacesqlError where
    the file cannot be used, or to write is asked of what is not a report.
    """
    if write and not source.is_report:
        raise FacesqlError(f"{str(source.file)!r} is no report: --write lets SQL change the database of a report.")
    connection = open_report(source.file, write=write) if source.is_report else connect()
    try:
        if not source.is_report:
            check_columns(connection, source.file)
            name_faces(connection, source.file)
            if photos_path(source.file).is_file():
                connection.execute("set variable photos = $1", [file_pattern(photos_path(source.file))])
        yield connection
    finally:
        connection.close()


@contextmanager
def opened_tables(
    files: Path | Sequence[Path], *, skip_invalid: bool = False
) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """A connection in memory whose table faces holds the checked faces of tables, and how many rows it lacks.

    Raises what ``load_faces`` and ``read_made`` do, and FacesqlError where what is asked of it fails.
    """
    named = [files] if isinstance(files, Path) else list(files)
    failed = "The faces could not be read; free some memory or disk space and run it again."
    with plain_errors(failed), connect() as connection:
        check_files(connection, named)
        read_made(named)
        yield connection, load_faces(connection, named, skip_invalid=skip_invalid)


def rows_of_photos(
    connection: duckdb.DuckDBPyConnection, faces: Path, query: str, **values: str
) -> list[tuple[Any, ...]]:
    """What a query of sql/engine tells of the table of photos beside a table of faces; nothing where there is none.

    Its parameters are $photos, the table, and those of ``values``. Raises FacesqlError where that is another file.
    """
    photos = photos_path(faces)
    if not photos.is_file():
        return []
    with plain_errors(f"{str(photos)!r} is no table of photos; move it away, or make both tables again."):
        return connection.execute(engine_sql(query), {"photos": file_pattern(photos), **values}).fetchall()


def find_database(report: Path) -> Path:
    """The database in the folder of a finished analysis.

    Raises FacesqlError where there is none.
    """
    if not (report / DATABASE).is_file():
        raise FacesqlError(f"{str(report)!r} holds no {DATABASE}; make it with: facesql analyze -o {str(report)!r}")
    return report / DATABASE


def warn_of_doubts(source: Source, connection: duckdb.DuckDBPyConnection) -> None:
    """Say on stderr where a table holds faces that analyze would refuse; those of a report have been checked.

    And where the table is made for a metric that a report's SQL would follow, and that of a table does not.
    """
    if source.is_report:
        return
    if (metric := noted_metric([source.file])) is not Metric.EUCLIDEAN:
        told = (
            f"{str(source.file)!r} is made for the metric {metric}, and SQL measures Euclidean distances here; that of "
        )
        print(f"facesql: {plain(told)}a report follows the metric: facesql analyze", file=sys.stderr)
    for id_, reason in connection.execute("select id, reason from invalid_faces() limit 1").fetchall():
        told = f"Some faces cannot be compared, such as {id_!r}, which {reason}; what is counted of them may be wrong."
        print(f"facesql: {plain(told)}", file=sys.stderr)


def open_report(database: Path, *, write: bool = False) -> duckdb.DuckDBPyConnection:
    """The database of a report, read-only unless ``write``.

    Raises FacesqlError where it cannot be opened.
    """
    try:
        return connect_to(database, write=write)
    except duckdb.Error as error:
        raise FacesqlError(
            f"{str(database)!r} cannot be opened ({first_words(error)}); if no other program has it open, "
            "make it again with facesql analyze."
        ) from error
