"""The two tables of encodings: their schema, how they are written, and how any table of encodings is opened."""

import glob
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.database import plain_errors
from facesql.errors import FacesqlError, InvalidFacesError

NEEDED_COLUMNS = ("id", "person", "encoding")
NAMED_IN_ERRORS = 5
# DuckDB's names for lists of numbers.
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|FLOAT|DOUBLE)\[\d*\]")

BOX = pa.struct([(side, pa.int32()) for side in ("top", "right", "bottom", "left")])
ENCODING = pa.list_(pa.float32())

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
    table = table.replace_schema_metadata({f"facesql.{key}": value for key, value in metadata.items()})
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


def load_faces(connection: duckdb.DuckDBPyConnection, file: Path, *, skip_invalid: bool = False) -> int:
    """Fill table faces from a Parquet file, and check it; returns how many invalid rows were left out.

    The file needs the columns id, person and encoding, a list of numbers as long in every row; further columns
    are carried along. float32 stays float32, every other type of number becomes float64.

    Raises InvalidFacesError, with the ids, where a row cannot be compared and ``skip_invalid`` is False;
    FacesqlError where the file cannot be read, lacks a column or holds no rows.
    """
    with plain_errors(f"{str(file)!r} is not a whole Parquet file; make it again, or name another."):
        kind = _encoding_type(connection, file)
        connection.execute("create or replace table faces as from read_faces($1)", [_pattern(file)])
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


def _pattern(file: Path) -> str:
    """The path as a pattern that matches this file alone: DuckDB takes * and [ in a name for wildcards."""
    return glob.escape(str(file))


def _encoding_type(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise FacesqlError(
            f"Cannot read {str(file)!r} ({error.strerror}); name a Parquet file, such as one made by: "
            "facesql encode PHOTOS -o faces.parquet"
        ) from error
    columns = connection.sql("from read_parquet($1, hive_partitioning = false)", params=[_pattern(file)])
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
