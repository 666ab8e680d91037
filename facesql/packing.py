"""Encodings as blobs: all bytes of one are handed on at once, where DuckDB copies a list number by number."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType
from numpy.typing import NDArray


@contextmanager
def packing(connection: duckdb.DuckDBPyConnection, number: str) -> Iterator[None]:
    """Let a connection have the SQL function packed(encoding) while the block runs, of "float" or "double" numbers.

    It takes a list and returns a blob: the numbers as they lie in memory, which ``unpacked`` takes.
    """
    connection.create_function("packed", _packed, [f"{number}[]"], "blob", type=PythonUDFType.ARROW)
    try:
        yield
    finally:
        connection.remove_function("packed")


def unpacked(blobs: pa.Array, number: str) -> NDArray[np.floating]:
    """Encodings of shape (n, d), one a blob, as a view of these; ``number`` is "float" or "double"."""
    _, offsets, numbers = blobs.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[blobs.offset, blobs.offset + len(blobs)]].tolist()
    numbers_of_all = np.frombuffer(numbers, np.uint8)[first:last].view("f4" if number == "float" else "f8")
    return numbers_of_all.reshape(len(blobs), -1)


def _packed(encodings: pa.ChunkedArray) -> pa.Array:
    lists = encodings.combine_chunks()
    numbers = lists.flatten().to_numpy()
    offsets = (lists.offsets.to_numpy() - lists.offsets[0].as_py()) * numbers.itemsize
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(numbers)]
    return pa.Array.from_buffers(pa.binary(), len(lists), buffers)
