"""People out of all that facesql keeps: the tables of encode, the work of a stopped run, and a report's database."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path
from unicodedata import normalize

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facesql.database import STORAGE_VERSION, connect, connect_to, engine_sql, plain_errors, resources
from facesql.errors import FacesqlError
from facesql.faces import (
    FOUND,
    check_columns,
    photos_path,
    read_folders,
    read_metadata,
    read_times,
    write_table,
    write_times,
)
from facesql.output import whole_files
from facesql.parts import partition_columns, parts
from facesql.records import DUPLICATE, PhotoRecord, photos_table, read_records
from facesql.report import PAGE
from facesql.sources import find_database
from facesql.work import work_path
from facesql.workfolder import locked, shards

# The tables of a report, beside faces, that name people.
NAMING = {"photos", "pairs", "suspects"}


@dataclass(frozen=True)
class Removed:
    """How many photos or faces leave a file, or the folder of a stopped run; ``what`` is "photo" or "face"."""

    place: Path
    count: int
    what: str


@dataclass(frozen=True)
class Forgotten:
    """What ``forget_people`` removed, or would remove. ``shared`` photos of others have the same content, and stay.

    ``sources`` are the other tables that the faces in the report came from; they stay as they are.
    """

    people: list[str]
    removed: list[Removed]
    shared: int
    sources: list[Path]
    report: Path | None
    page: Path | None
    """The report's page, which may show or name them, and is deleted."""
    dry_run: bool


@dataclass
class _Tables:
    """What encode keeps, split into what stays and what goes; ``None`` where there is no such file."""

    people: set[str | None] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)  # the named people, as the table of faces names them
    records: list[PhotoRecord] | None = None
    gone: list[PhotoRecord] = field(default_factory=list)
    rows: dict[Path, pa.Table] = field(default_factory=dict)  # what stays of each file of the table of faces
    rows_gone: Counter[Path] = field(default_factory=Counter)
    shards: dict[Path, list[PhotoRecord]] = field(default_factory=dict)  # those that change, with what stays
    shards_gone: int = 0
    encodings: set[bytes] = field(default_factory=set)  # of what goes; float64


def keeps(faces: Path) -> bool:
    """Whether encode has left anything of a table: the table, the table of photos, or the work of a stopped run."""
    return any(path.exists() for path in (faces, photos_path(faces), work_path(faces)))


def forget_people(
    people: Sequence[str], faces: Path | None, report: Path | None, *, dry_run: bool = False
) -> Forgotten:
    """Remove people from a table of faces, the table of photos beside it, a stopped run's work and a report's database.

    ``faces`` is the table that encode wrote, ``report`` the folder of an analysis; None leaves either out. A person is
    named as the folder of photos is, or as the table of faces names whom it has merged or given a number. Faces go by
    name, and wherever their encodings are. Every file is written anew and replaced whole, so that what went is not
    left in it, and all are replaced at the end; with ``dry_run`` none is. The photos are not touched, nor is what
    the user has made of the tables: exports, and further tables in the database. A report's counts stay, for they
    identify nobody; its page, which may show and name people, is deleted. The cache holds no people, only the
    converted network.

    Raises FacesqlError where a person is nowhere, a file cannot be used, or a run is at work on ``faces``.
    """
    names = {normalize("NFC", person) for person in people}
    if faces is None and report is None:
        raise FacesqlError("There is no table of faces and no report here; name them with --faces and --report.")
    if faces is not None and not keeps(faces):
        raise FacesqlError(f"{str(faces)!r} does not exist; name a table that encode has written with --faces.")
    database = None if report is None else find_database(report)
    page = None if report is None or not (report / PAGE).exists() else report / PAGE
    with ExitStack() as stack:
        tables = _Tables(labels=names)
        if faces is not None:
            stack.enter_context(locked(faces, work_path(faces)))
            tables = _read(faces, names)
        known = set(tables.people)
        removed = [] if faces is None else _removed(faces, tables)
        sources: list[Path] = []
        connection = None
        if database is not None:
            connection = stack.enter_context(_copied(database))
            with plain_errors(f"{str(database)!r} cannot be changed; make it again with facesql analyze."):
                known |= _people(connection)
                count, files = _delete(connection, tables)
            removed.append(Removed(database, count, "face"))
            sources = [file for file in files if not _is_one(file, faces)]
        if unknown := sorted(names - known):
            raise FacesqlError(
                f"{', '.join(map(repr, unknown))} {'is' if len(unknown) == 1 else 'are'} in no table here, and nothing "
                "is changed; name people as their folders are named, or other tables with --faces and --report."
            )
        if not dry_run:
            if page is not None:
                page.unlink()
            _write(faces, tables, database, connection)
    hashes = {record.sha256 for record in tables.gone} - {None}
    shared = sum(record.sha256 in hashes for record in tables.records or ())
    return Forgotten(sorted(names), removed, shared, sources, report, page, dry_run)


def _read(faces: Path, names: set[str]) -> _Tables:
    tables = _Tables(labels=names)
    photos = photos_path(faces)
    records = _records(photos) if photos.exists() else []
    tables.rows = _faces(faces) if faces.exists() else {}
    rows_of = {part: _rows(table) for part, table in tables.rows.items()}
    rows = [row for of_part in rows_of.values() for row in of_part]
    tables.people = {_person(record.person) for record in records} | {person for person, _, _ in rows}

    ids = {record.id for record in records}
    pseudonymous = bool(rows) and not any(photo in ids for _, photo, _ in rows)
    if pseudonymous:  # a number there may be the name of another person's folder
        tables.labels = names - {_person(record.person) for record in records}
    labelled = [row for row in rows if row[0] in tables.labels]
    photos_gone = {photo for _, photo, _ in labelled}
    faces_gone = {encoding for _, _, encoding in labelled if encoding}

    def goes(record: PhotoRecord) -> bool:
        if pseudonymous and not faces_gone.isdisjoint(_encodings([record])):
            return True
        return _person(record.person) in names or record.id in photos_gone

    tables.gone = [record for record in records if goes(record)]
    if photos.exists():
        ids_gone = {record.id for record in tables.gone}
        tables.records = [_without(record, ids_gone) for record in records if not goes(record)]
    _read_shards(faces, names, tables)
    tables.encodings |= faces_gone | _encodings(tables.gone)
    for part, of_part in rows_of.items():
        stays = [person not in tables.labels and encoding not in tables.encodings for person, _, encoding in of_part]
        tables.rows[part] = tables.rows[part].filter(pa.array(stays, pa.bool_()))
        tables.rows_gone[part] = stays.count(False)
    return tables


def _without(record: PhotoRecord, ids: set[str]) -> PhotoRecord:
    """The record, whose reason names none of these photos, such as that of which it is nearly the same picture."""
    if record.status != DUPLICATE or record.reason is None or not any(id_ in record.reason for id_ in ids):
        return record
    return replace(record, reason=record.reason.partition(":")[0])


def _read_shards(faces: Path, names: set[str], tables: _Tables) -> None:
    """Find what goes of a stopped run's work. A broken shard goes whole: nobody can tell who is in it."""
    hashes = {record.sha256 for record in tables.gone} - {record.sha256 for record in tables.records or ()} - {None}
    for shard in shards(work_path(faces)):
        try:
            records = read_records(shard)
        except ValueError:
            tables.shards[shard] = []
            continue
        tables.people |= {_person(record.person) for record in records}
        goes = [_person(record.person) in names or record.sha256 in hashes for record in records]
        tables.encodings |= _encodings(list(compress(records, goes)))
        tables.shards_gone += sum(goes)
        if any(goes):
            tables.shards[shard] = [record for record, gone in zip(records, goes, strict=True) if not gone]


def _removed(faces: Path, tables: _Tables) -> list[Removed]:
    removed = []
    if tables.records is not None:
        removed.append(Removed(photos_path(faces), len(tables.gone), "photo"))
    if tables.rows:
        removed.append(Removed(faces, tables.rows_gone.total(), "face"))
    if shards(work_path(faces)):
        removed.append(Removed(work_path(faces), tables.shards_gone, "photo"))
    return removed


def _write(
    faces: Path | None, tables: _Tables, database: Path | None, connection: duckdb.DuckDBPyConnection | None
) -> None:
    """Replace all files. The table of photos comes after the others: it tells who is meant, should this be stopped."""
    with ExitStack() as stack:
        if faces is not None:
            _write_tables(faces, tables, stack.enter_context(whole_files(faces.parent, inside=work_path(faces))))
        if database is not None and connection is not None:
            private = stack.enter_context(whole_files(database.parent))
            with plain_errors(f"Cannot write {str(database)!r} anew; free some disk space and run it again."):
                _copy_to(connection, private / database.name)
            # What a killed writer left of the old database would be taken for the new one's.
            database.with_name(f"{database.name}.wal").unlink(missing_ok=True)
        if faces is not None:
            _write_shards(work_path(faces), tables)


def _write_tables(faces: Path, tables: _Tables, folder: Path) -> None:
    if tables.records is not None:
        photos = photos_path(faces)
        write_table(photos_table(tables.records), folder / photos.name, read_metadata(photos))
    if tables.rows:
        _write_faces(faces, tables, folder / faces.name)
        if times := read_times(faces):
            write_times(folder / faces.name, times, read_folders(faces))


def _write_faces(faces: Path, tables: _Tables, target: Path) -> None:
    """Write the table anew; of a folder, the files that somebody is in, beside the others as they are."""
    if faces.is_dir():
        shutil.copytree(faces, target, copy_function=_link)
    for part, rows in tables.rows.items():
        if tables.rows_gone[part] or not faces.is_dir():
            noted = {name: value for name, value in read_metadata(part).items() if name != FOUND}
            new = target / part.relative_to(faces)
            new.unlink(missing_ok=True)  # it is the old file, too
            write_table(rows, new, noted)


def _link(file: str, to: str) -> None:
    """Give a file a second name, or a copy where the file system has no such thing."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copy2(file, to)


def _write_shards(work: Path, tables: _Tables) -> None:
    """Replace the shards; what writers that were killed left beside them goes, too, as ``whole_files`` sees to it."""
    with whole_files(work) as private:
        for shard, records in tables.shards.items():
            if records:
                write_table(photos_table(records), private / shard.name, read_metadata(shard))
    for shard, records in tables.shards.items():
        if not records:
            shard.unlink()


def _records(photos: Path) -> list[PhotoRecord]:
    try:
        return read_records(photos)
    except ValueError as error:
        raise FacesqlError(
            f"{str(photos)!r} is no table of photos that can be read; restore it, or delete it and what is made of it."
        ) from error


def _faces(faces: Path) -> dict[Path, pa.Table]:
    """The files of the table."""
    connection = connect()
    try:
        check_columns(connection, faces)
    finally:
        connection.close()
    if columns := partition_columns(faces):
        raise FacesqlError(
            f"{str(faces)!r} has columns in the names of its folders ({', '.join(columns)}), which stay as they are; "
            "delete the person's files there yourself."
        )
    try:
        return {part: pq.read_table(part, page_checksum_verification=True, partitioning=None) for part in parts(faces)}
    except (OSError, pa.ArrowException) as error:
        raise FacesqlError(f"{str(faces)!r} cannot be read whole; make it again, or name another.") from error


def _rows(table: pa.Table) -> list[tuple[str | None, str | None, bytes]]:
    """Person, photo and encoding of each row; another program's table may have no photo."""
    people = table["person"].cast(pa.string()).to_pylist()
    photos = table["photo"].to_pylist() if "photo" in table.column_names else [None] * len(table)
    encodings = pc.cast(table["encoding"], pa.list_(pa.float64())).to_pylist()
    return [
        (_person(person), photo, _bytes(encoding or ()))
        for person, photo, encoding in zip(people, photos, encodings, strict=True)
    ]


def _person(name: str | None) -> str | None:
    return None if name is None else normalize("NFC", name)


def _encodings(records: Sequence[PhotoRecord]) -> set[bytes]:
    return {_bytes(face.encoding) for record in records for face in record.faces}


def _bytes(encoding: object) -> bytes:
    return np.asarray(encoding, np.float64).tobytes()


@contextmanager
def _copied(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a copy of a database in memory, from which to delete."""
    connection = connect_to(Path(":memory:"), write=True)
    try:
        with plain_errors(
            f"{str(database)!r} cannot be read; if no other program has it open, make it again with facesql analyze."
        ):
            connection.execute("set variable database_file = $1", [str(database)])
            connection.execute(engine_sql("copy_database_here"))
            there = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
            for name in NAMING - there:  # a report of an earlier version lacks them
                connection.execute((resources() / "sql" / "report" / f"{name}.sql").read_text(encoding="utf-8"))
        yield connection
    finally:
        connection.close()


def _people(connection: duckdb.DuckDBPyConnection) -> set[str | None]:
    return {person for (person,) in connection.execute(engine_sql("people_to_forget")).fetchall()}


def _delete(connection: duckdb.DuckDBPyConnection, tables: _Tables) -> tuple[int, list[Path]]:
    """Delete the faces that go from table faces, and who goes from the other tables that name people.

    Returns how many faces these were, and the files that they came from.
    """
    encodings = [np.frombuffer(encoding) for encoding in tables.encodings]
    connection.register("gone", pa.table({"encoding": pa.array(encodings, pa.list_(pa.float64()))}))
    people = sorted(tables.labels)
    result = connection.execute(engine_sql("forget_faces"), {"people": people})
    names = [name for name, *_ in result.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    connection.unregister("gone")
    photos = {record.id for record in tables.gone} | {row.get("photo") or row["id"] for row in rows}
    gone = {"ids": sorted({row["id"] for row in rows} | photos)}
    for name in ("forget_photos", "forget_pairs", "forget_suspects"):
        connection.execute(engine_sql(name), {"people": people, **gone})
    connection.execute(engine_sql("forget_in_reasons"), gone)
    files = {row.get("faces_file") for row in rows} - {None}
    return len(rows), [Path(file) for file in sorted(map(str, files))]


def _is_one(file: Path, faces: Path | None) -> bool:
    """Whether a report's file is the table; by its name where it is not found, as from another working folder."""
    if faces is None:
        return False
    return file.samefile(faces) if file.exists() and faces.exists() else file.name == faces.name


def _copy_to(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Write the database to a new file."""
    connection.execute("set variable database_file = $1", [str(file)])
    connection.execute("set variable storage_version = $1", [STORAGE_VERSION])
    connection.execute(engine_sql("copy_database_to"))
