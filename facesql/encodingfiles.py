"""Files of encodings that other programs wrote: each is opened as batches of rows, whatever its format."""

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.database import connect, engine_sql, first_words, plain_errors
from facesql.errors import FacesqlError
from facesql.faces import file_pattern, noted
from facesql.npyfiles import StoredArray, stored_arrays
from facesql.textfile import read_text

# What columns, or arrays of a .npz file, are often called; deepface's and InsightFace's names are among them.
IDS = ("id", "ids", "identity", "img_path", "image_path", "path", "paths", "file", "filename", "filenames")
PEOPLE = ("person", "people", "persons", "name", "names", "label", "labels", "subject")
ENCODINGS = ("encoding", "encodings", "embedding", "embeddings", "normed_embedding", "normed_embeddings")
# The formats by the end of a name; a CSV or JSON file may be compressed by gzip, too.
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".npy": "numpy",
    ".npz": "numpy",
}
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth"})
_ADDRESS = re.compile(r"(https?|s3|gs|gcs|r2)://", re.IGNORECASE)
# Rows that are held at once: of 512 float64, 16 MB.
BATCH_ROWS = 4096
# Bytes that are read ahead of each column of a Parquet file.
_BUFFER = 4 << 20


@dataclass(frozen=True)
class Named:
    """Which column or array is what, as the user says; None where the file's own names tell."""

    id: str | None = None
    person: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of a source: its name for messages, the types of its columns, and batches of them, to be read once."""

    name: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    count: int | None = None
    """How many there are, where that is known beforehand."""
    made: Mapping[str, str] = field(default_factory=dict)
    """What the source says of itself, by keys of the metadata of a table of faces."""


def is_address(source: str) -> bool:
    """Whether it is an address that DuckDB's httpfs opens, not a file's name."""
    return _ADDRESS.match(source) is not None


def without_secrets(address: str) -> str:
    """An address without password and query, in which signed addresses have their signature.

    >>> without_secrets("https://me:pass@example.org/faces.parquet?signature=abc")
    'https://example.org/faces.parquet'
    """
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def open_rows(source: str, labels: Path | None, named: Named) -> Rows:
    """Open a CSV, JSON, Parquet or NumPy file, or an address of one of the first three.

    ``labels`` go with a NumPy file. Raises FacesqlError where the source cannot be opened.
    """
    kind = _kind(source)
    if labels is not None and kind != "numpy":
        raise FacesqlError("--labels goes with a .npy or .npz file; other files have columns for ids and people.")
    if kind == "numpy":
        if is_address(source):
            raise FacesqlError(f"{without_secrets(source)!r} is a file of NumPy's; download it, and name the file.")
        return _numpy_rows(Path(source), labels, named)
    return _table_rows(source, kind, named)


def _kind(source: str) -> str:
    suffixes = Path(urlsplit(source).path if is_address(source) else source).suffixes
    suffix = next((suffix.lower() for suffix in reversed(suffixes) if suffix.lower() != ".gz"), "")
    if suffix in _PICKLES:
        raise FacesqlError(
            f"{source!r} is pickled, and a pickle may run code as it is read; where you trust it, write it as Parquet "
            "in Python: pandas.DataFrame(rows).to_parquet('encodings.parquet')"
        )
    if suffix not in _KINDS:
        name = without_secrets(source) if is_address(source) else source
        raise FacesqlError(f"{name!r} is of no kind that can be imported; its name must end in {', '.join(_KINDS)}.")
    return _KINDS[suffix]


def _table_rows(source: str, kind: str, named: Named) -> Rows:
    name = without_secrets(source) if is_address(source) else source
    if not is_address(source):
        _refuse_unreadable(Path(source))
        if kind == "parquet":
            return _parquet_rows(Path(source))
    connection = connect()
    if is_address(source):
        _load_httpfs(connection)
    parameters: dict[str, Any] = {"source": source if is_address(source) else file_pattern(Path(source))}
    sentence = f"{name!r} cannot be read as {kind.upper() if kind != 'parquet' else 'Parquet'}; mend it."
    with _keeping_secrets(source, name), plain_errors(sentence):
        if kind == "json":
            parameters["columns"] = _json_columns(connection, parameters, named)
        made = _noted(connection, source) if kind == "parquet" else {}
        reader = connection.sql(engine_sql(f"import_{kind}"), params=parameters).to_arrow_reader(BATCH_ROWS)
    return Rows(name, reader.schema, _batches(connection, reader, source, name), made=made)


@contextmanager
def _keeping_secrets(source: str, name: str) -> Iterator[None]:
    """Call the source by its name where an error tells it whole, as httpfs does."""
    try:
        yield
    except FacesqlError as error:
        error.args = tuple(str(part).replace(source, name) for part in error.args)
        raise


def _noted(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """What the metadata of a Parquet file says of how its faces were encoded."""
    return noted(dict(connection.execute(engine_sql("parquet_metadata"), {"source": source}).fetchall()))


def _parquet_rows(file: Path) -> Rows:
    """A Parquet file, page by page: DuckDB would hold a group of rows at once, and many a file is a single one."""
    name = str(file)
    try:
        opened = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER)
        schema = opened.schema_arrow.remove_metadata()
    except (pa.ArrowException, OSError) as error:
        raise FacesqlError(f"{name!r} is not a whole Parquet file; make it again, or name another.") from error

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from opened.iter_batches(BATCH_ROWS)
        except (pa.ArrowException, OSError) as error:
            raise _cut_short(name, error) from error

    return Rows(name, schema, batches(), opened.metadata.num_rows)


def _cut_short(name: str, error: Exception) -> FacesqlError:
    return FacesqlError(f"{name!r} cannot be read to its end; mend it. ({first_words(error)})")


def _batches(
    connection: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, source: str, name: str
) -> Iterator[pa.RecordBatch]:
    """The reader's batches; it needs its connection."""
    with closing(connection), _keeping_secrets(source, name):
        try:
            with plain_errors(f"{name!r} cannot be read to its end; mend it."):
                yield from reader
        except (pa.ArrowException, OSError) as error:  # Arrow's names for what DuckDB says
            raise _cut_short(name, error) from error


def _load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the connection open addresses, by an extension that the user has installed."""
    try:
        connection.execute("load httpfs")
    except duckdb.Error as error:
        raise FacesqlError(
            "An address is opened by DuckDB's extension httpfs, which is not installed; install it by: "
            "python -c \"import duckdb; duckdb.sql('install httpfs')\", or download the file and name that."
        ) from error


def _refuse_unreadable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise FacesqlError(f"Cannot read {str(file)!r} ({error.strerror}); check its name.") from error


def _json_columns(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any], named: Named) -> dict[str, str]:
    """The types of a JSON file's columns. Names are text: a long number is not to be rounded."""
    texts = {*IDS, *PEOPLE, named.id, named.person}
    found = connection.execute(engine_sql("import_json_columns"), dict(parameters)).fetchall()
    whole = re.compile("U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE")
    return {name: "VARCHAR" if {name, name.lower()} & texts and whole.fullmatch(kind) else kind for name, kind in found}


# NumPy's files


def _numpy_rows(file: Path, labels: Path | None, named: Named) -> Rows:
    arrays = stored_arrays(file)
    matrix_name = _matrix_name(file, arrays, named)
    matrix = arrays[matrix_name]
    columns = _label_columns(labels, named) if labels is not None else _other_arrays(arrays, matrix, matrix_name)
    for what, column in columns.items():
        if len(column) != matrix.shape[0]:
            raise FacesqlError(
                f"{str(file)!r} has {matrix.shape[0]:,} encodings, and {str(labels or what)!r} has {len(column):,} "
                "lines; give each encoding a line of its own, in their order."
            )
    if not columns:
        raise FacesqlError(
            f"{str(file)!r} has encodings and no names; pass --labels FILE, with the id and the person of each on a "
            "line."
        )
    number = pa.from_numpy_dtype(matrix.dtype.newbyteorder("="))
    schema = pa.schema([(matrix_name, pa.list_(number, matrix.shape[1])), *((n, c.type) for n, c in columns.items())])
    return Rows(str(file), schema, _numpy_batches(matrix, columns, schema), matrix.shape[0])


def _matrix_name(file: Path, arrays: Mapping[str, StoredArray], named: Named) -> str:
    matrices = {
        name: array
        for name, array in arrays.items()
        if len(array.shape) == 2 and array.dtype.kind in "fiu" and array.dtype.itemsize <= 8
    }
    chosen = [name for name in matrices if name.lower() in ENCODINGS] or list(matrices)
    if named.encoding is not None and file.suffix.lower() == ".npz":
        chosen = [name for name in matrices if name == named.encoding]
    if len(chosen) == 1 and matrices[chosen[0]].shape[1] > 0:
        return chosen[0]
    told = ", ".join(f"{name!r} ({array.dtype}, shape {array.shape})" for name, array in arrays.items()) or "none"
    raise FacesqlError(
        f"{str(file)!r} must have one matrix of numbers, a row an encoding; its arrays: {told}; name it with "
        "--encoding."
    )


def _other_arrays(arrays: Mapping[str, StoredArray], matrix: StoredArray, name: str) -> dict[str, pa.Array]:
    """The other arrays of a .npz file that have a value for each encoding."""
    return {
        other: pa.array(array.whole())
        for other, array in arrays.items()
        if other != name and array.shape == matrix.shape[:1] and array.dtype.kind in "fiubUM"
    }


def _numpy_batches(matrix: StoredArray, columns: Mapping[str, pa.Array], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    start = 0
    for part in matrix.parts(BATCH_ROWS):
        values = pa.array(np.ascontiguousarray(part, part.dtype.newbyteorder("=")).reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(values, part.shape[1])
        others = [column.slice(start, len(part)) for column in columns.values()]
        yield pa.RecordBatch.from_arrays([lists, *others], schema=schema)
        start += len(part)


def _label_columns(file: Path, named: Named) -> dict[str, pa.Array]:
    """The columns of a file of labels: with a first line that names them, or else id and person, or id alone."""
    text = read_text(file)
    first = text.partition("\n")[0]
    separator = next((mark for mark in "\t;," if mark in first), ",")
    try:
        lines = [line for line in csv.reader(text.splitlines(), delimiter=separator, strict=True) if line]
    except csv.Error as error:
        raise FacesqlError(f"{str(file)!r} cannot be read as labels ({error}); mend it.") from error
    if not lines:
        return {"id": pa.array([], pa.string())}
    known = {*IDS, *PEOPLE, named.id, named.person}
    names = lines.pop(0) if {name.strip().lower() for name in lines[0]} & known or named.id in lines[0] else None
    width = len(names or lines[0])
    if names is None and width > 2:
        raise FacesqlError(f"{str(file)!r} has {width} columns and no line that names them; write such a first line.")
    names = names or ["id", "person"][:width]
    for row, line in enumerate(lines, start=1):
        if len(line) != width:
            raise FacesqlError(f"Row {row} of {str(file)!r} has {len(line)} values, and others have {width}; mend it.")
    return {name: pa.array([line[place] for line in lines], pa.string()) for place, name in enumerate(names)}
