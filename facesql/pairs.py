"""The partitioned self-join: table faces to binned_counts, batch by batch."""

import os
from collections.abc import Iterator
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

    Every pair of faces counts once, in the bin of its distance, but for two faces of one person in one photo, which do
    not count. ``faces`` has the columns id, person and encoding (FLOAT[] or DOUBLE[]), all valid, and may have photo:
    without it, or where it is null, each row is a photo of its own. The pairs are equal, and the person weights too,
    for every ``batch_bytes`` and ``threads`` (default: one a core); the weights' last digits depend on ``tile_faces``.
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
        bar(_pairs_to_count(connection), "pair", shown=progress, what="comparing") as shown,
    ):
        create_tile_counts(connection, number, pool)
        for a, b in _batches(len(faces), side):
            shown.update(_add(totals, _join(connection, a, b)))
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


def _pairs_to_count(connection: duckdb.DuckDBPyConnection) -> int:
    """All pairs, n (n - 1) / 2 of n faces, less those of one person's faces in one photo."""
    people = connection.execute("select faces, genuine_pairs from people").fetchall()
    faces: int = sum(of_person for of_person, _ in people)
    within_photos: int = sum(_pairs(of_person) - genuine for of_person, genuine in people)
    return _pairs(faces) - within_photos


def _pairs(faces: int) -> int:
    return faces * (faces - 1) // 2


def _join(connection: duckdb.DuckDBPyConnection, a: range, b: range) -> pa.Table:
    """One batch, as sql/engine/self_join.sql gives it."""
    join = connection.sql(
        engine_sql("self_join"), params={"first_a": a[0], "last_a": a[-1], "first_b": b[0], "last_b": b[-1]}
    )
    joined: pa.Table = join.to_arrow_table()
    return joined


def _add(totals: dict[BlockPair, BinCounts], joined: pa.Table) -> int:
    """Add a batch's counts to the totals, in the order of its tiles: sums of weights repeat to the last digit.

    Returns how many pairs the batch had.
    """
    added = 0
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
            added += int(pairs.sum())
    return added


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
