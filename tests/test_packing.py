"""Encodings as blobs: what goes in comes out, by DuckDB and from any part of an array."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from facesql.packing import packing, unpacked


@pytest.mark.parametrize(("number", "dtype"), [("float", np.float32), ("double", np.float64)])
@pytest.mark.parametrize("size", [1, 3, 128])
def test_encodings_come_back_as_they_were(number: str, dtype: type[np.floating], size: int) -> None:
    encodings = np.random.default_rng(size).normal(size=(5000, size)).astype(dtype)  # more than DuckDB hands on at once
    encodings[0, 0], encodings[-1, -1] = -0.0, np.finfo(dtype).tiny
    faces = pa.table({"place": range(5000), "encoding": encodings.tolist()})
    with duckdb.connect() as connection:
        connection.register("faces", faces)
        with packing(connection, number):
            query = f"select packed(encoding::{number}[]) as packed from faces where place > 100 order by place desc"
            blobs = connection.sql(query).to_arrow_table()["packed"].combine_chunks()
        expected = encodings[:100:-1]
        assert unpacked(blobs, number).tobytes() == expected.tobytes()
        assert np.array_equal(unpacked(blobs[7:1001], number), expected[7:1001])
        assert np.array_equal(unpacked(blobs[-1:], number), expected[-1:])


def test_the_function_goes_with_the_block() -> None:
    with duckdb.connect() as connection:
        with pytest.raises(ZeroDivisionError), packing(connection, "float"):
            1 / 0  # noqa: B018
        with pytest.raises(duckdb.CatalogException):
            connection.execute("select packed([1::float])")


def test_what_is_packed_is_numbers_one_after_the_other() -> None:
    with duckdb.connect() as connection, packing(connection, "float"):
        assert connection.execute("select packed([1::float, -2::float]), packed(null)").fetchall() == [
            (np.array([1, -2], "<f4").tobytes(), None)
        ]
