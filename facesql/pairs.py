"""The partitioned self-join: table faces to binned_counts, batch by batch."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement
from math import isqrt

import duckdb
import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from facesql.database import bin_lists, create_tile_counts, engine_sql
from facesql.distance import BINS, BinCounts
from facesql.progress import bar

TILE_FACES = 512
# DuckDB copies the encodings of both tiles into each row of the join: this bounds the copies of one batch.
BATCH_BYTES = 64 * 2**20

# block_a, block_b, and whether the pairs are of one person.
BlockPair = tuple[int, int, bool]


def count_pairs(
    connection: duckdb.DuckDBPyConnection,
    *,
    tile_faces: int = TILE_FACES,
    batch_bytes: int = BATCH_BYTES,
    threads: int | None = None,
    progress: bool = False,
) -> None:
    """Join table faces with itself and fill block_pair_counts, and so the view binned_counts.

    Every pair of faces counts once, in the bin of its distance. ``faces`` has the columns id, person and encoding
    (FLOAT[] or DOUBLE[]), all valid. The pairs are equal, and the person weights too, for every ``batch_bytes``
    and ``threads`` (default: one a core); the weights' last digits depend on ``tile_faces``.
    """
    connection.execute("create or replace temp table tile as from tiles($1)", [tile_faces])
    faces = [size for (size,) in connection.execute("select len(people) from tile order by tile").fetchall()]
    number, bytes_a_face = _encoding_layout(connection)
    # A batch joins so many tiles with as many others.
    side = max(1, isqrt(batch_bytes // max(1, 2 * max(faces, default=0) * bytes_a_face)))
    totals: dict[BlockPair, BinCounts] = {}
    with (
        ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool,
        threadpool_limits(1, "blas"),
        bar(_pairs(sum(faces)), "pair", shown=progress, what="comparing") as shown,
    ):
        create_tile_counts(connection, number, pool)
        for a, b in _batches(len(faces), side):
            _add(totals, _join(connection, a, b))
            shown.update(_pairs_between(faces, a, b))
    _store(connection, totals)


def _encoding_layout(connection: duckdb.DuckDBPyConnection) -> tuple[str, int]:
    """The type of the encodings' numbers, and the bytes of one encoding."""
    [(kind, size)] = connection.execute(
        "select typeof(any_value(encodings)), coalesce(max(len(encodings[1])), 0) from tile"
    ).fetchall()
    return ("double", 8 * size) if kind.startswith("DOUBLE") else ("float", 4 * size)


def _batches(tiles: int, side: int) -> Iterator[tuple[range, range]]:
    """Ranges of tiles to be joined with each other, so that every pair of tiles is met once, in ascending order."""
    ranges = [range(start, min(start + side, tiles)) for start in range(0, tiles, side)]
    return combinations_with_replacement(ranges, 2)


def _pairs(faces: int) -> int:
    return faces * (faces - 1) // 2


def _pairs_between(faces: Sequence[int], a: range, b: range) -> int:
    in_a, in_b = (sum(faces[tile] for tile in tiles) for tiles in (a, b))
    return _pairs(in_a) if a == b else in_a * in_b


def _join(connection: duckdb.DuckDBPyConnection, a: range, b: range) -> pa.Table:
    """One batch, as sql/engine/self_join.sql gives it."""
    join = connection.sql(
        engine_sql("self_join"), params={"first_a": a[0], "last_a": a[-1], "first_b": b[0], "last_b": b[-1]}
    )
    joined: pa.Table = join.to_arrow_table()
    return joined


def _add(totals: dict[BlockPair, BinCounts], joined: pa.Table) -> None:
    """Add a batch's counts to the totals, in the order of its tiles: sums of weights repeat to the last digit."""
    tiles_a, tiles_b, blocks_a, blocks_b = (
        joined[name].to_pylist() for name in ("tile_a", "tile_b", "block_a", "block_b")
    )
    counts = joined["counts"].combine_chunks()
    for row in sorted(range(len(counts)), key=lambda row: (tiles_a[row], tiles_b[row])):
        for same_person, name in ((True, "genuine"), (False, "impostor")):
            pairs, weight = (counts[row][name][field].values.to_numpy() for field in ("pairs", "person_weight"))
            if not len(pairs):
                continue
            key = (blocks_a[row], blocks_b[row], same_person)
            total = totals.setdefault(key, BinCounts(np.zeros(BINS, np.int64), np.zeros(BINS)))
            total.pairs[: len(pairs)] += pairs
            total.person_weight[: len(pairs)] += weight


def _store(connection: duckdb.DuckDBPyConnection, totals: dict[BlockPair, BinCounts]) -> None:
    keys = sorted(totals)
    lists = bin_lists([totals[key] for key in keys])
    stored = pa.table(
        {
            "block_a": pa.array([key[0] for key in keys], pa.int32()),
            "block_b": pa.array([key[1] for key in keys], pa.int32()),
            "same_person": pa.array([key[2] for key in keys], pa.bool_()),
            "pairs": lists.field("pairs"),
            "person_weight": lists.field("person_weight"),
        }
    )
    connection.register("counted", stored)
    connection.execute("insert into block_pair_counts by name from counted")
    connection.unregister("counted")
