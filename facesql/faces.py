"""The two tables of encodings: their schema, how they are written, and how any table of encodings is opened."""

import glob
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.database import engine_sql, plain_errors
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.memory import database_bytes
from facesql.parts import partition_columns, parts

NEEDED_COLUMNS = ("id", "person", "encoding")
NAMED_IN_ERRORS = 5
_BROKEN = "{!r} is not a whole Parquet file; make it again, or name another."
# DuckDB's names for lists of numbers.
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|FLOAT|DOUBLE)\[\d*\]")
_FLOATS = {"FLOAT[]", "DOUBLE[]"}

BOX = pa.struct([(side, pa.int32()) for side in ("top", "right", "bottom", "left")])
ENCODING = pa.list_(pa.float32())

# The key of the table's metadata that holds the numbers of what was found, as JSON.
FOUND = "found"
PREFIX = "facesql."

# One row for each face that counts.
FACES = pa.schema(
    [
        ("id", pa.string()),  # the photo, and #2 for its second face
        ("person", pa.string()),
        ("encoding", ENCODING),
        ("photo", pa.string()),  # the id in the photos table
        ("face", pa.int32()),  # 1-based, in the detector's order
        ("box", BOX),  # pixels
        ("width", pa.int32()),  # of the photo, upright, in pixels
        ("height", pa.int32()),
    ]
)

# One row for each photo found, whatever became of it.
PHOTOS = pa.schema(
    [
        ("id", pa.string()),  # the path relative to the folder, with / on every system
        ("person", pa.string()),  # as the folder is named, before people are merged
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("note", pa.string()),  # what the row does not show of the photo
        ("faces", pa.list_(pa.struct([("box", BOX), ("encoding", ENCODING)]))),
    ]
)

# What a column that is carried along cannot be called; three are those that DuckDB and facesql's own SQL add.
_TAKEN = {"faces_file", "file_row", "file_row_number", *FACES.names, *PHOTOS.names}


def clashing(names: Iterable[str]) -> list[str]:
    """Those of the names that a column of facesql's tables has, or a name before them, whatever their case.

    SQL does not tell upper and lower case apart.

    >>> clashing(["camera", "Box", "Camera"])
    ['Box', 'Camera']
    """
    known = set(_TAKEN)
    clashes = []
    for name in names:
        if name.casefold() in known:
            clashes.append(name)
        known.add(name.casefold())
    return clashes


def photos_path(faces: Path) -> Path:
    """Where the table of photos stands: faces.photos.parquet beside faces.parquet, or beside the folder faces."""
    return faces.with_suffix(f".photos{faces.suffix or '.parquet'}")


def write_table(table: pa.Table, target: Path, metadata: Mapping[str, str]) -> None:
    """Write a table to a Parquet file, with ``metadata`` as its key-value metadata.

    The bytes of the floats are split into streams, which lets zstd save a tenth of them.
    """
    table = table.replace_schema_metadata({PREFIX + key: value for key, value in metadata.items()})
    floats = "encoding.list.element"
    if "faces" in table.column_names:
        floats = f"faces.list.element.{floats}"
    pq.write_table(
        table,
        target,
        compression="zstd",
        use_dictionary=["person", "status", "reason"],
        column_encoding={floats: "BYTE_STREAM_SPLIT"},
    )


def read_metadata(table: Path) -> dict[str, str]:
    """What ``write_table`` noted in a Parquet file; empty where another program wrote it.

    Of a folder of them it is what all note alike.
    """
    first, *others = part_metadata(table).values()
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def part_metadata(table: Path) -> dict[Path, dict[str, str]]:
    """What ``write_table`` noted in each file of a table."""
    return {
        part: noted(pq.read_schema(part).metadata or pq.read_metadata(part).metadata or {}) for part in parts(table)
    }


def noted(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """What of a table's metadata ``write_table`` noted."""
    texts = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    return {key.removeprefix(PREFIX): value for key, value in texts.items() if key.startswith(PREFIX)}


def read_found(metadata: Mapping[str, str]) -> dict[str, int]:
    """The numbers of what the photos gave, from a table's metadata; empty where it does not tell."""
    try:
        return {str(name): int(count) for name, count in json.loads(metadata[FOUND]).items()}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return {}


def times_path(faces: Path) -> Path:
    """Where the run that made a table is told of: faces.run.json beside faces.parquet."""
    return faces.with_suffix(".run.json")


def write_times(faces: Path, seconds: Mapping[str, float], folders: Mapping[str, str]) -> None:
    """Note beside a finished table what each stage took, and where the photos are, by the beginning of their ids.

    Not in it, for it is the same whenever it is made, and wherever. ``folders`` are paths from its folder.
    """
    noted = {"sha256": table_hash(faces), "seconds": dict(seconds), "folders": dict(folders)}
    times_path(faces).write_text(json.dumps(noted, indent=2) + "\n", encoding="utf-8")


def read_times(faces: Path) -> dict[str, float]:
    """Seconds by stage of the run that made a table; empty where nothing tells, or what tells is of another table."""
    try:
        noted = json.loads(times_path(faces).read_text(encoding="utf-8"))
        if noted["sha256"] == table_hash(faces):
            return {str(stage): float(seconds) for stage, seconds in noted["seconds"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # no such file, or somebody else's
        return {}
    return {}


def read_folders(faces: Path) -> dict[str, str]:
    """Where the photos of a table are, as ``write_times`` noted it; empty where nothing tells.

    A table that has been changed since is believed to be of the same photos.
    """
    try:
        noted = json.loads(times_path(faces).read_text(encoding="utf-8"))
        return {str(ids): str(folder) for ids, folder in noted["folders"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def file_hash(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def table_hash(table: Path) -> str:
    """The SHA-256 of a table's bytes; of a folder, that of the names and hashes of its files."""
    if not table.is_dir():
        return file_hash(table)
    lines = [f"{file_hash(file)}  {file.relative_to(table).as_posix()}\n" for file in parts(table)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_faces(
    connection: duckdb.DuckDBPyConnection, files: Path | Sequence[Path], *, skip_invalid: bool = False
) -> int:
    """Fill table faces of a report's new database from tables, and check it; returns how many rows it left out.

    A table is a Parquet file or a folder of them, see ``parts``. Each file needs the columns id, person and encoding,
    a list of numbers as long in every row of all files; further columns are carried along, and are null for the faces
    of a file that lacks them. float32 stays float32 where all are, every other type of number becomes float64. Column
    faces_file says which table a face is from.

    Raises InvalidFacesError, with the ids, where a row cannot be compared and ``skip_invalid`` is False;
    FacesqlError where a file cannot be read, lacks a column or holds no rows, and where files do not fit together.
    """
    files = [files] if isinstance(files, Path) else list(files)
    kinds = check_files(connection, files)
    named = _listed(files)
    with plain_errors(_BROKEN.format(named) if len(files) == 1 else f"{named} cannot be read together; mend them."):
        places = _places(files)
        name_faces(connection, files)
        connection.execute(
            "set variable faces_tables = map($1, $2)", [list(places), [str(of) for of, _ in places.values()]]
        )
        connection.execute(
            "set variable faces_starts = map($1, $2)", [list(places), [row for _, row in places.values()]]
        )
        connection.execute(engine_sql("fill_faces"))
    if not kinds <= _FLOATS:
        connection.execute("alter table faces alter encoding type double[]")
    _refuse_other_sizes(connection)
    invalid = connection.execute("from invalid_faces()").fetchall()
    if invalid and not skip_invalid:
        raise InvalidFacesError(_invalid(files, invalid, places))
    if invalid:
        connection.execute(engine_sql("delete_invalid"))
    _refuse_empty(connection, files, {file for file, _, _, _ in invalid})
    if len(files) > 1:
        _refuse_shared_names(connection)
    return len(invalid)


def check_files(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> set[str]:
    """DuckDB's names for the types of the encodings in tables that have the columns that are needed.

    Raises FacesqlError as ``check_columns`` does, and where one file is named twice or columns do not fit together.
    """
    _refuse_repeated(files)
    _refuse_partitioned(files)
    columns = {part: types for file in files for part, types in _columns_of_parts(connection, file)}
    _refuse_other_types(columns)
    return {types["encoding"] for types in columns.values()}


def limit_memory(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], limit: int | None) -> int:
    """Let the database take its part of a memory limit for the whole program; returns that part, in bytes.

    Without a limit it takes what the encodings of the tables need.
    """
    patterns = {"files": [pattern for file in files for pattern in file_patterns(file)]}
    [(size,)] = connection.execute(engine_sql("encoding_bytes"), patterns).fetchall()
    part = database_bytes(limit, int(size))
    connection.execute("set memory_limit = $1", [f"{part} B"])
    return part


def _places(files: Sequence[Path]) -> dict[str, tuple[Path, int]]:
    """For each file of the tables, the table, and how many rows that has in the files before it."""
    places = {}
    for table in files:
        start = 0
        for part in (found := parts(table)):
            places[str(part)] = table, start
            start += pq.read_metadata(part).num_rows if len(found) > 1 else 0
    return places


def _refuse_repeated(files: Sequence[Path]) -> None:
    named: dict[object, tuple[int, Path]] = {}
    for number, table in enumerate(files):
        for part in parts(table):
            known, other = named.setdefault(_identity(part), (number, part))
            if known != number:
                raise FacesqlError(f"{str(other)!r} and {str(part)!r} are one file; name each table once.")


def _identity(file: Path) -> object:
    """What two names of one file have in common."""
    try:
        stat = file.stat()
    except OSError:  # which is told about when it is opened
        return file
    return stat.st_dev, stat.st_ino


def _refuse_partitioned(files: Sequence[Path]) -> None:
    """Raise FacesqlError where one table has columns in the names of its folders, and another has other ones."""
    columns = {file: partition_columns(file) for file in files}
    for file, other in combinations(files, 2):
        if columns[file] != columns[other]:
            named = file if columns[file] else other
            raise FacesqlError(
                f"{str(named)!r} has columns in the names of its folders ({', '.join(columns[named])}), and another "
                "table has not; analyze each by itself."
            )


def _refuse_other_types(columns: Mapping[Path, Mapping[str, str]]) -> None:
    """Raise FacesqlError where a column has one type in a file and another in the next. DuckDB's names have no case."""
    first: dict[str, tuple[Path, str]] = {}
    for file, types in columns.items():
        for name, kind in types.items():
            other, before = first.setdefault(name.lower(), (file, kind))
            if kind != before and not {kind, before} <= _FLOATS:
                raise FacesqlError(
                    f"The column {name} is {before} in {str(other)!r} and {kind} in {str(file)!r}; give it one type, "
                    "or another name in one of them."
                )
            if name.lower() == "faces_file":
                raise FacesqlError(f"{str(file)!r} has a column {name}, a name that facesql needs; rename it.")


def _refuse_other_sizes(connection: duckdb.DuckDBPyConnection) -> None:
    counted = sorted(connection.execute(engine_sql("faces_by_file")).fetchall())
    sizes = [(file, size) for file, _, size in counted if size is not None]
    for other, another in sizes[1:]:
        file, size = sizes[0]
        if size != another:
            raise FacesqlError(
                f"An encoding has {size} numbers in {file!r} and {another} in {other!r}; analyze each by itself."
            )


def _refuse_empty(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], invalid: Collection[str]) -> None:
    left = {file for file, _, _ in connection.execute(engine_sql("faces_by_file")).fetchall()}
    for file in files:
        if str(file) not in left:
            why = "its rows are all invalid" if str(file) in invalid else "no photo gave a row"
            raise FacesqlError(
                f"{str(file)!r} holds no faces: {why}; {photos_path(file).name!r}, which encode writes beside it, says "
                "what became of each photo."
            )


def _refuse_shared_names(connection: duckdb.DuckDBPyConnection) -> None:
    for what, name, file, other in connection.execute(engine_sql("shared_names")).fetchall():
        raise FacesqlError(
            f"The {what} {name!r} is in {file!r} and in {other!r}: one photo twice, or two of one name; encode the "
            "photos of both in one run, or leave one of them out."
        )


def name_faces(connection: duckdb.DuckDBPyConnection, files: Path | Sequence[Path]) -> None:
    """Let variable faces, and so the view of that name, stand for tables whose columns fit together."""
    files = [files] if isinstance(files, Path) else files
    connection.execute("set variable faces = $1", [[pattern for file in files for pattern in file_patterns(file)]])
    connection.execute("set variable faces_partitioned = $1", [any(map(partition_columns, files))])


def file_patterns(table: Path) -> list[str]:
    """The files of a table, as DuckDB takes them, see ``file_pattern``."""
    return [file_pattern(part) for part in parts(table)]


def file_pattern(file: Path) -> str:
    """The path as a pattern that matches this file alone: DuckDB takes * and [ in a name for wildcards."""
    return glob.escape(str(file))


def check_columns(connection: duckdb.DuckDBPyConnection, table: Path) -> None:
    """Raise FacesqlError where a file of a table cannot be read or lacks a column that is needed."""
    for _ in _columns_of_parts(connection, table):
        pass


def _columns_of_parts(connection: duckdb.DuckDBPyConnection, table: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """For each file of a table, DuckDB's names for the types of its columns, checked as ``check_columns`` does."""
    partitioned = partition_columns(table)
    for part in parts(table):
        yield part, _columns(connection, part, partitioned)


def _columns(connection: duckdb.DuckDBPyConnection, file: Path, partitioned: Sequence[str]) -> dict[str, str]:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise FacesqlError(
            f"Cannot read {str(file)!r} ({error.strerror}); name a Parquet file, such as one made by: "
            "facesql encode PHOTOS -o faces.parquet"
        ) from error
    with plain_errors(_BROKEN.format(str(file))):
        columns = connection.sql("from read_parquet($1, hive_partitioning = false)", params=[file_pattern(file)])
    types = dict(zip(columns.columns, map(str, columns.types), strict=True))
    types |= dict.fromkeys(partitioned, "VARCHAR")
    if missing := [name for name in NEEDED_COLUMNS if name not in types]:
        raise FacesqlError(
            f"{str(file)!r} has no column {' and no '.join(missing)}; it has {', '.join(types)}; name its columns "
            f"{', '.join(NEEDED_COLUMNS)}, or take another table, of faces."
        )
    if "file_row_number" in types:
        raise FacesqlError(f"{str(file)!r} has a column file_row_number, a name that DuckDB needs; rename it.")
    if not _NUMBERS.fullmatch(types["encoding"]):
        raise FacesqlError(
            f"The column encoding of {str(file)!r} is {types['encoding']}; it must be a list of floating-point numbers."
        )
    return types


def _invalid(
    files: Sequence[Path],
    invalid: list[tuple[str, int, str | None, str]],
    places: Mapping[str, tuple[Path, int]],
) -> str:
    named = []
    for table, place, id_, reason in invalid[:NAMED_IN_ERRORS]:
        # The last of the table's files that begins there or before: one without rows begins where the next one does.
        file, start = [(file, start) for file, (of, start) in places.items() if str(of) == table and start <= place][-1]
        where = f" of {file!r}" if len(places) > 1 else ""
        named.append(f"{f'row {place - start}' if id_ is None else repr(id_)}{where} {reason}")
    more = f" and {len(invalid) - NAMED_IN_ERRORS} more" if len(invalid) > NAMED_IN_ERRORS else ""
    reasons = "; ".join(named) + more
    return (
        f"{len(invalid)} of the faces in {_listed(files)} cannot be compared ({reasons}); "
        "mend them, or pass --skip-invalid to go on without them."
    )


def _listed(files: Sequence[Path]) -> str:
    return ", ".join(repr(str(file)) for file in files)
