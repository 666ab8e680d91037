"""Encodings of other programs to a table of faces: which column is what, and checks of each row."""

import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from facesql import __version__
from facesql.binning import Metric
from facesql.database import first_words, plain_errors
from facesql.encodingfiles import BATCH_ROWS, ENCODINGS, IDS, PEOPLE, Named, Rows, is_address, open_rows
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.faces import FACES, FOUND, PREFIX, clashing, file_hash, noted, photos_path
from facesql.output import refuse_existing, whole_file
from facesql.progress import bar
from facesql.provenance import METRIC, SOURCE, SOURCE_HASH, SOURCE_ROWS
from facesql.vectors import encodings_of, float_type, is_list, is_number, is_text, numbered_columns

# A table of faces in memory. A reader can be read once.
FacesTable: TypeAlias = pa.Table | pa.RecordBatchReader | pl.DataFrame | pl.LazyFrame | duckdb.DuckDBPyRelation
# Rows are gathered to so many bytes before they are written: many small groups of rows are slow to read.
_GROUP_BYTES = 64 << 20
# The largest number of an encoding without a direction; as in sql/invalid_faces.sql.
_NO_LENGTH = 1e-75


@dataclass(frozen=True)
class ImportSummary:
    """What ``import_faces`` or ``write_faces`` wrote."""

    output: Path
    rows: int
    people: int
    numbers: int
    """How many numbers an encoding has."""
    number_type: str
    """float or double: 32 or 64 bits."""
    columns: "Columns"
    metric: Metric | None
    skipped: Counter[str] = field(default_factory=Counter)
    """Rows left out, by what is wrong with them."""


@dataclass(frozen=True)
class Columns:
    """Which column is what. ``person`` is None where the id's first folder tells; ``others`` are carried."""

    id: str
    person: str | None
    encoding: Sequence[str]
    others: Sequence[str]


def import_faces(
    source: str | Path,
    output: Path,
    *,
    id_column: str | None = None,
    person_column: str | None = None,
    encoding_column: str | None = None,
    labels: Path | None = None,
    root: str | None = None,
    leave_out: Sequence[str] = (),
    metric: Metric | None = None,
    skip_invalid: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> ImportSummary:
    """Write encodings that another program made as a table of faces, which ``analyze_faces`` takes.

    ``source`` is a CSV file (a column a number, or a list written as text), a JSON file (a list of objects, or one a
    line), a Parquet file (lists of any kind of number), a .npz file (a matrix, and an array each of ids and people), a
    .npy file (a matrix of n x d, with ``labels``: a CSV or text file of n lines, id and person), or an address of one
    of the first three, which DuckDB's httpfs opens where the user has installed it. Nothing pickled is read.

    Columns and arrays go by their usual names unless they are named; columns of numbers side by side by their common
    beginning, such as ``e`` of e0 to e127. Without a column of people a person is the id's first folder, below
    ``root`` if that is given. Other columns are carried, but those of ``leave_out``. Encodings of float16 and float32
    become float32, others float64. ``metric`` is noted in the table as the one that it is made for (None: nothing is).

    The rows are read in batches, so that the memory taken does not grow with them but by their ids. Raises
    InvalidFacesError, which names the first row that is no face, unless ``skip_invalid``; FacesqlError where the source
    cannot be read, or the output written.
    """
    source = str(source)
    _refuse_output(output, overwrite=overwrite)
    if not is_address(source) and output.exists() and Path(source).exists() and output.samefile(source):
        raise FacesqlError(f"{str(output)!r} is what is read; name another file with -o.")
    named = Named(id_column, person_column, encoding_column)
    rows = open_rows(source, labels, named)
    made = (
        {SOURCE: rows.name} if is_address(source) else {SOURCE: Path(source).name, SOURCE_HASH: file_hash(Path(source))}
    )
    return _write(
        replace(rows, made={**rows.made, **made}),
        output,
        _columns(rows, named, leave_out),
        root=root,
        metric=metric,
        skip_invalid=skip_invalid,
        progress=progress,
    )


def write_faces(
    table: FacesTable,
    output: Path,
    *,
    metric: Metric | None = None,
    skip_invalid: bool = False,
    overwrite: bool = False,
    name: str = "the table",
) -> ImportSummary:
    """Check a table of faces that is in memory, and write it to a Parquet file, which every other verb takes.

    ``table`` is of polars, of DuckDB (a relation, read on its own connection) or of Arrow, one row a face, with the
    columns id (unique), person and encoding (lists of as many numbers each, of any type); other columns are carried.
    Columns go by their names and ``metric`` is noted as by ``import_faces``; what a table of Arrow still notes of how
    it was encoded is kept. ``name`` is what errors call it. Raises InvalidFacesError, which names the first row that
    is no face, unless ``skip_invalid``; FacesqlError where a column lacks, or the output cannot be written.

    >>> import tempfile
    >>> faces = pa.table({"id": ["Ann/1", "Bo/1"], "person": ["Ann", "Bo"], "encoding": [[0.0, 1.0], [1.0, 0.0]]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_faces(faces, Path(folder) / "faces.parquet").rows
    2
    """
    _refuse_output(output, overwrite=overwrite)
    reader = _reader(table, name)
    made = {key: value for key, value in noted(reader.schema.metadata or {}).items() if key != FOUND}
    rows = Rows(name, reader.schema, _until_broken(reader, name), made=made)
    columns = _columns(rows, Named(), ())
    return _write(rows, output, columns, root=None, metric=metric, skip_invalid=skip_invalid, progress=False)


def _reader(table: FacesTable, name: str) -> pa.RecordBatchReader:
    with _told_of(name):
        match table:
            case pa.RecordBatchReader():
                return table
            case pa.Table():
                return table.to_reader(BATCH_ROWS)
            case pl.LazyFrame():
                return table.collect().to_arrow().to_reader(BATCH_ROWS)
            case pl.DataFrame():
                return table.to_arrow().to_reader(BATCH_ROWS)
            case duckdb.DuckDBPyRelation():
                return table.to_arrow_reader(BATCH_ROWS)
    raise FacesqlError(f"A {type(table).__name__} is no table of polars, DuckDB or Arrow; convert it to one of these.")


def _until_broken(reader: pa.RecordBatchReader, name: str) -> Iterator[pa.RecordBatch]:
    with _told_of(name):
        yield from reader


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Turn what a library says of a table that cannot be read, such as a query that fails, into one sentence."""
    with plain_errors(f"{name!r} cannot be read; mend it."):
        try:
            yield
        except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
            raise FacesqlError(f"{name!r} cannot be read; mend it. ({first_words(error)})") from error


def _refuse_output(output: Path, *, overwrite: bool) -> None:
    refuse_existing(output, overwrite=overwrite)
    if photos_path(output).exists():
        raise FacesqlError(
            f"{str(photos_path(output))!r} is of photos that encode has found, and goes with {str(output)!r}; name "
            "another file with -o."
        )


# Which column is what


def _columns(rows: Rows, named: Named, leave_out: Sequence[str]) -> Columns:
    names = rows.schema.names
    if missing := [name for name in leave_out if name not in names]:
        raise FacesqlError(f"{rows.name!r} has no column {missing[0]!r} to leave out; it has {_listed(names)}.")
    id_ = _one(rows, "id", IDS, named.id)
    person = _one(rows, "person", PEOPLE, named.person, needed=named.person is not None)
    encoding = _encoding(rows, named.encoding, {id_, person, *leave_out})
    if id_ is None:
        raise _no_column(rows, "id")
    others = [name for name in names if name not in {id_, person, *encoding, *leave_out}]
    _refuse_others(rows, others)
    return Columns(id_, person, encoding, others)


def _one(rows: Rows, what: str, usual: Sequence[str], named: str | None, *, needed: bool = True) -> str | None:
    """The column that is named, or the first that has a usual name; whatever its case."""
    names = rows.schema.names
    if named is not None and names.count(named) == 1:
        return named
    if named is None:
        for name in usual:
            if found := [column for column in names if column.lower() == name]:
                return str(found[0])
    if needed:
        raise _no_column(rows, what, named)
    return None


def _encoding(rows: Rows, named: str | None, taken: set[str | None]) -> list[str]:
    """The columns of the encoding: one of lists or of text, or numbers side by side."""
    types = {name: rows.schema.field(name).type for name in rows.schema.names if rows.schema.names.count(name) == 1}
    usual = [name for name in types if name.lower() in ENCODINGS] if named is None else [named]
    for name in usual:
        if name in types and (is_list(types[name]) or is_text(types[name]) or is_number(types[name])):
            return [name]
        if name in types:
            raise FacesqlError(
                f"The column {name!r} of {rows.name!r} is {types[name]}; an encoding is a list of numbers."
            )
    numbers = [name for name, kind in types.items() if name not in taken and (is_number(kind) or is_text(kind))]
    runs = numbered_columns(numbers)
    if named is not None:
        runs = [run for run in runs if run[0].rstrip("0123456789") == named.rstrip("*")]
    if len(runs) == 1:
        return runs[0]
    lists = [name for name, kind in types.items() if is_list(kind) and name not in taken]
    if named is None and not runs and len(lists) == 1:
        return lists
    raise _no_column(rows, "encoding", named)


def _no_column(rows: Rows, what: str, named: str | None = None) -> FacesqlError:
    is_it = f"has no column {named!r}" if named is not None else f"does not say which column is the {what}"
    return FacesqlError(f"{rows.name!r} {is_it}; it has {_listed(rows.schema.names)}; name one with --{what}.")


def _refuse_others(rows: Rows, others: Sequence[str]) -> None:
    """Raise FacesqlError where a column cannot be carried. Those of encode's own can, if they are of its types."""
    own = {
        name for name in FACES.names if name in others and _fits(rows.schema.field(name).type, FACES.field(name).type)
    }
    if clashes := [name for name in clashing(others) if name not in own]:
        raise FacesqlError(
            f"{rows.name!r} has a column {_listed(clashes)}, a name that facesql's own tables or another column there "
            f"has; rename it, or pass --leave-out {clashes[0]}."
        )


def _fits(kind: pa.DataType, own: pa.DataType) -> bool:
    return is_text(kind) if is_text(own) else kind.equals(own)


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown or "none"


# From rows to faces


def _write(
    rows: Rows,
    output: Path,
    columns: Columns,
    *,
    root: str | None,
    metric: Metric | None,
    skip_invalid: bool,
    progress: bool,
) -> ImportSummary:
    number = float_type([_number_type(rows.schema.field(name).type) for name in columns.encoding])
    schema = _face_schema(rows.schema, columns, number)
    checked = _Checked(rows, columns, number, root, metric, skip_invalid)
    metadata = {"version": __version__, **rows.made} | ({} if metric is None else {METRIC: metric.value})
    with whole_file(output) as path:
        writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            use_dictionary=["person"],
            column_encoding={"encoding.list.element": "BYTE_STREAM_SPLIT"},
        )
        with writer, bar(rows.count or 0, "row", shown=progress, what="importing") as shown:
            for table in _groups(checked.faces(schema), schema):
                writer.write_table(table)
                shown.update(checked.read - shown.n)
            checked.refuse_unusable()
            metadata[SOURCE_ROWS] = str(checked.read)
            writer.add_key_value_metadata({PREFIX + key: value for key, value in metadata.items()})
    return ImportSummary(
        output,
        len(checked.ids),
        len(checked.people),
        checked.size or 0,
        str(number),
        columns,
        metric,
        checked.skipped,
    )


def _number_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if is_list(kind) else kind


def _face_schema(schema: pa.Schema, columns: Columns, number: pa.DataType) -> pa.Schema:
    carried = [(name, _carried_type(schema.field(name).type)) for name in columns.others]
    return pa.schema(
        [("id", pa.string()), ("person", pa.string()), ("encoding", pa.list_(number)), *carried],
    )


def _carried_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if is_text(kind) or pa.types.is_null(kind) else kind


def _groups(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The batches in tables that are worth a group of rows each."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.nbytes for one in held) >= _GROUP_BYTES:
            yield pa.Table.from_batches(held, schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, schema)


class _Checked:
    """Rows of a source as faces, checked one after the other, and what became of them."""

    def __init__(
        self, rows: Rows, columns: Columns, number: pa.DataType, root: str | None, metric: Metric | None, skip: bool
    ) -> None:
        self.rows, self.columns, self.number, self.metric, self.skip = rows, columns, number, metric, skip
        self.root = None if root is None else root.replace("\\", "/").rstrip("/") + "/"
        self.ids: set[str] = set()
        self.people: set[str] = set()
        self.skipped: Counter[str] = Counter()
        self.read = 0
        self.size: int | None = None

    def faces(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The faces of each batch: id, person, encoding and what is carried.

        Raises InvalidFacesError at the first row that is none, unless such are skipped.
        """
        for batch in self.rows.batches:
            encodings, faults = encodings_of([batch.column(name) for name in self.columns.encoding], self.number)
            ids, people = self._names(batch)
            self._note_faults(faults, ids, people, encodings)
            self._raise_or_count(faults, ids)
            good = pa.array([fault is None for fault in faults], pa.bool_())
            arrays = [pa.array(ids, pa.string()), pa.array(people, pa.string()), encodings]
            arrays += [batch.column(name).cast(schema.field(name).type) for name in self.columns.others]
            self.read += len(batch)
            yield pa.RecordBatch.from_arrays(arrays, schema=schema).filter(good)

    def refuse_unusable(self) -> None:
        """Raise FacesqlError where the faces cannot be compared as they are, though each is one."""
        if not self.ids:
            why = f": {self.skipped.most_common(1)[0][0]}" if self.skipped else ""
            raise FacesqlError(f"{self.rows.name!r} holds no faces{why}; name another source.")
        if self.columns.person is None and len(self.people) == 1 and len(self.ids) > 1:
            common = posixpath.commonpath([_slashed(id_) for id_ in self.ids])
            raise FacesqlError(
                f"By the first folder of their ids, such as {min(self.ids)!r}, all faces are of one person; name the "
                f"folder that people's folders are in, with --root {common}, or the column of people with --person."
            )

    def _names(self, batch: pa.RecordBatch) -> tuple[list[str], list[str]]:
        """Ids and people; empty where there is none."""
        ids = _texts(batch.column(self.columns.id))
        if self.root is not None:
            ids = [_slashed(id_).removeprefix(self.root) for id_ in ids]
        if self.columns.person is None:
            people = [_first_folder(id_) for id_ in ids]
        else:
            people = [person.strip() for person in _texts(batch.column(self.columns.person))]
        return ids, pc.utf8_normalize(pa.array(people, pa.string()), form="NFC").to_pylist()

    def _note_faults(
        self, faults: list[str | None], ids: Sequence[str], people: Sequence[str], encodings: pa.ListArray
    ) -> None:
        """Say what is wrong with each row, if anything is, and note the ids and people of the others."""
        numbers = self._number_faults(encodings)
        for row, (id_, person) in enumerate(zip(ids, people, strict=True)):
            fault = self._name_fault(id_, person) or faults[row] or numbers[row]
            if fault is None and id_ in self.ids:
                fault = "has the id of an earlier row"
            if fault is None:
                self.ids.add(id_)
                self.people.add(person)
            faults[row] = fault

    def _name_fault(self, id_: str, person: str) -> str | None:
        if not id_:
            return "has no id"
        if person:
            return None
        return (
            "has no person" if self.columns.person else "has no folder that names its person; pass --root or --person"
        )

    def _number_faults(self, encodings: pa.ListArray) -> list[str | None]:
        lengths = pc.fill_null(pc.list_value_length(encodings), -1).to_numpy(zero_copy_only=False)
        if self.size is None and (lengths > 0).any():
            sizes = Counter(lengths[lengths > 0].tolist())
            self.size = max(sizes, key=lambda size: (sizes[size], size == 128, -size))
        fits = lengths == self.size
        faults = np.full(len(lengths), None, dtype=object)
        for row in np.flatnonzero(~fits):
            faults[row] = self._length_fault(int(lengths[row]))
        if fits.any():
            values = encodings.filter(pa.array(fits)).flatten()
            faults[fits] = self._value_faults(values)
        told: list[str | None] = faults.tolist()
        return told

    def _length_fault(self, length: int) -> str:
        if length < 0:
            return "has no encoding"
        return f"has {length:,} numbers where others have {self.size:,}" if length else "has an empty encoding"

    def _value_faults(self, values: pa.Array) -> NDArray[np.object_]:
        """What is wrong with encodings that are long enough, of their numbers one after the other."""
        missing = values.is_null().to_numpy(zero_copy_only=False).reshape(-1, self.size or 1)
        matrix = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False).reshape(missing.shape)
        faults = np.full(len(matrix), None, dtype=object)
        if self.metric is Metric.COSINE:
            faults[np.abs(matrix).max(axis=1) < _NO_LENGTH] = "has length 0, which has no direction"
        with np.errstate(over="ignore", invalid="ignore"):
            faults[~np.isfinite(matrix.sum(axis=1, dtype=np.float64))] = "has a number that is not finite"
        faults[missing.any(axis=1)] = "has a NULL among its numbers"
        return faults

    def _raise_or_count(self, faults: Sequence[str | None], ids: Sequence[str]) -> None:
        for row, fault in enumerate(faults):
            if fault is None:
                continue
            if not self.skip:
                named = f" ({ids[row]!r})" if ids[row] else ""
                raise InvalidFacesError(
                    f"Row {self.read + row + 1:,}{named} of {self.rows.name!r} {fault}; mend it, or pass "
                    "--skip-invalid to go on without such rows."
                )
            self.skipped[fault] += 1


def _texts(column: pa.Array) -> list[str]:
    """A column as text, empty where it is null, or no number, which is how pandas writes null among numbers."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    return [str(text) for text in pc.fill_null(column.cast(pa.string()), "").to_pylist()]


def _slashed(path: str) -> str:
    """A path with / on every system, without needless parts at its beginning."""
    return path.replace("\\", "/").removeprefix("./")


def _first_folder(id_: str) -> str:
    """The first folder of a photo's path, empty where there is none.

    >>> _first_folder("Ann/2020/a.jpg"), _first_folder("a.jpg")
    ('Ann', '')
    """
    folder, slash, _ = _slashed(id_).partition("/")
    return folder if slash else ""
