"""Pairs counted a bin, for pairs of blocks, as Arrow tables have them."""

from collections.abc import Iterable, Iterator

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from facesql.binning import BinCounts, BlockPair

COUNTS = pa.schema(
    [
        ("block_a", pa.int32()),
        ("block_b", pa.int32()),
        ("same_person", pa.bool_()),
        ("first_bin", pa.int32()),
        ("pairs", pa.list_(pa.int64())),
        ("person_weight", pa.list_(pa.float32())),
    ]
)


# The blocks of the two faces, whether they are of one person, and the counts.
Counted = tuple[BlockPair, BinCounts]


def counts_table(counted: Iterable[Counted]) -> pa.Table:
    """Counts as a table of schema COUNTS, one row each."""
    keys, ranges = zip(*counted, strict=True) if (counted := list(counted)) else ((), ())
    offsets = np.cumsum([0, *(len(part.pairs) for part in ranges)], dtype=np.int32)
    pairs = np.concatenate([np.empty(0, np.int64), *(part.pairs for part in ranges)])
    weights = np.concatenate([np.empty(0), *(part.person_weight for part in ranges)], dtype=np.float32)
    columns = [
        *([key[place] for key in keys] for place in range(3)),
        [part.first for part in ranges],
        pa.ListArray.from_arrays(offsets, pairs),
        pa.ListArray.from_arrays(offsets, weights),
    ]
    return pa.table(columns, schema=COUNTS)


def read_counts(table: pa.Table) -> Iterator[Counted]:
    """The rows of a table that has the columns of COUNTS; the arrays are views of its memory."""
    keys = zip(*(table[name].to_pylist() for name in ("block_a", "block_b", "same_person")), strict=True)
    pairs, weights = (table[name].combine_chunks() for name in ("pairs", "person_weight"))
    pair_values, weight_values = pairs.values.to_numpy(), weights.values.to_numpy()
    pair_offsets, weight_offsets = pairs.offsets.to_numpy(), weights.offsets.to_numpy()
    for row, (key, first) in enumerate(zip(keys, table["first_bin"].to_pylist(), strict=True)):
        yield (
            key,
            BinCounts(
                first,
                pair_values[pair_offsets[row] : pair_offsets[row + 1]],
                weight_values[weight_offsets[row] : weight_offsets[row + 1]],
            ),
        )


def counts_and_people(connection: duckdb.DuckDBPyConnection) -> tuple[list[Counted], pl.DataFrame]:
    """What faces have been counted to: table block_pair_counts, and block, faces and genuine_pairs of view people."""
    counted = list(read_counts(connection.sql("from block_pair_counts").to_arrow_table()))
    people = connection.sql("select block, faces, genuine_pairs from people").to_arrow_table()
    return counted, pl.DataFrame(people)
