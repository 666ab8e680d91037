"""The two tables of encodings: their schema, how they are written, and how any table of encodings is opened."""

import glob
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.database import engine_sql, plain_errors
from facesql.errors import FacesqlError, InvalidFacesError

NEEDED_COLUMNS = ("id", "person", "encoding")
NAMED_IN_ERRORS = 5
_BROKEN = "{!r} is not a whole Parquet file; make it again, or name another."
# DuckDB's names for lists of numbers.
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|FLOAT|DOUBLE)\[\d*\]")

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


def photos_path(faces: Path) -> Path:
    """Where the table of photos stands: faces.photos.parquet beside faces.parquet."""
    return faces.with_suffix(f".photos{faces.suffix}")


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


def read_metadata(file: Path) -> dict[str, str]:
    """What ``write_table`` noted in a Parquet file; empty where another program wrote it."""
    metadata = pq.read_schema(file).metadata or {}
    texts = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    return {key.removeprefix(PREFIX): value for key, value in texts.items() if key.startswith(PREFIX)}


def read_found(metadata: Mapping[str, str]) -> dict[str, int]:
    """The numbers of what the photos gave, from a table's metadata; empty where it does not tell."""
    try:
        return {str(name): int(count) for name, count in json.loads(metadata[FOUND]).items()}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return {}


def times_path(faces: Path) -> Path:
    """Where the times of the run that made a table stand: faces.run.json beside faces.parquet."""
    return faces.with_suffix(".run.json")


def write_times(faces: Path, seconds: Mapping[str, float]) -> None:
    """Note beside a finished table what each stage took: not in it, for it is the same whenever it is made."""
    noted = {"sha256": file_hash(faces), "seconds": dict(seconds)}
    times_path(faces).write_text(json.dumps(noted, indent=2) + "\n", encoding="utf-8")


def read_times(faces: Path) -> dict[str, float]:
    """Seconds by stage of the run that made a table; empty where nothing tells, or what tells is of another table."""
    try:
        noted = json.loads(times_path(faces).read_text(encoding="utf-8"))
        if noted["sha256"] == file_hash(faces):
            return {str(stage): float(seconds) for stage, seconds in noted["seconds"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # no such file, or somebody else's
        return {}
    return {}


def file_hash(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def load_faces(connection: duckdb.DuckDBPyConnection, file: Path, *, skip_invalid: bool = False) -> int:
    """Fill table faces of a report's new database from a Parquet file, and check it; returns how many rows it left out.

    The file needs the columns id, person and encoding, a list of numbers as long in every row; further columns
    are carried along. float32 stays float32, every other type of number becomes float64.

    Raises InvalidFacesError, with the ids, where a row cannot be compared and ``skip_invalid`` is False;
    FacesqlError where the file cannot be read, lacks a column or holds no rows.
    """
    kind = check_columns(connection, file)
    with plain_errors(_BROKEN.format(str(file))):
        name_faces(connection, file)
        connection.execute(engine_sql("fill_faces"))
    if kind not in ("FLOAT[]", "DOUBLE[]"):
        connection.execute("alter table faces alter encoding type double[]")
    invalid = connection.execute("from invalid_faces()").fetchall()
    if invalid and not skip_invalid:
        raise InvalidFacesError(_invalid(file, invalid))
    if invalid:
        connection.execute("delete from faces where file_row in (select file_row from invalid_faces())")
    [(left,)] = connection.execute("select count(*) from faces").fetchall()
    if not left:
        why = "its rows are all invalid" if invalid else "no photo gave a row"
        raise FacesqlError(
            f"{str(file)!r} holds no faces: {why}; {photos_path(file).name!r}, which encode writes beside it, says "
            "what became of each photo."
        )
    return len(invalid)


def name_faces(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Let variable faces, and so the view of that name, stand for a Parquet file."""
    connection.execute("set variable faces = $1", [file_pattern(file)])


def file_pattern(file: Path) -> str:
    """The path as a pattern that matches this file alone: DuckDB takes * and [ in a name for wildcards."""
    return glob.escape(str(file))


def check_columns(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    """DuckDB's name for the type of the encodings in a Parquet file that has the columns that are needed.

    Raises FacesqlError where the file cannot be read or lacks a column.
    """
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
    if missing := [name for name in NEEDED_COLUMNS if name not in types]:
        raise FacesqlError(
            f"{str(file)!r} has no column {' and no '.join(missing)}; it has {', '.join(types)}, "
            f"and needs {', '.join(NEEDED_COLUMNS)}."
        )
    if "file_row_number" in types:
        raise FacesqlError(f"{str(file)!r} has a column file_row_number, a name that DuckDB needs; rename it.")
    if not _NUMBERS.fullmatch(types["encoding"]):
        raise FacesqlError(
            f"The column encoding of {str(file)!r} is {types['encoding']}; it must be a list of floating-point numbers."
        )
    return types["encoding"]


def _invalid(file: Path, invalid: list[tuple[int, str | None, str]]) -> str:
    named = [f"{'row ' + str(row) if id_ is None else repr(id_)} {reason}" for row, id_, reason in invalid]
    more = f" and {len(named) - NAMED_IN_ERRORS} more" if len(named) > NAMED_IN_ERRORS else ""
    reasons = "; ".join(named[:NAMED_IN_ERRORS]) + more
    return (
        f"{len(invalid)} of the faces in {str(file)!r} cannot be compared ({reasons}); "
        "mend them, or pass --skip-invalid to go on without them."
    )
