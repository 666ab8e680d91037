"""The partitioned self-join: table faces to binned_counts, batch by batch."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations_with_replacement, groupby, product

import duckdb
import pyarrow as pa
from threadpoolctl import threadpool_limits

from facesql.binning import EUCLIDEAN, BinCounts, Bins, total
from facesql.counts import counts_table, read_counts
from facesql.database import engine_sql
from facesql.distance import BlockPair
from facesql.progress import bar
from facesql.tiles import create_tile_counts

# sql/person_block.sql deals people into so many.
BLOCKS = 64
# The bytes of the encodings of a tile at most, and of all tiles that a batch joins, each as often as it is joined.
TILE_BYTES, BATCH_BYTES = 4 * 2**20, 16 * 2**20
# So many bytes of encodings are put into tiles at a time.
_FILL_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Batch:
    """Pairs of tiles that one query joins, in step; ``whole`` where with them all pairs of their groups are counted."""

    tiles_a: Sequence[int]
    tiles_b: Sequence[int]
    whole: bool


@dataclass(frozen=True)
class Plan:
    """How the faces of a connection are compared; ``groups`` holds the tiles of each group of blocks, in table tile."""

    bins: Bins
    pairs: int
    number: str
    """The type of the encodings' numbers, "float" or "double"."""
    face_bytes: int
    """The bytes of an encoding."""
    groups: Sequence[Sequence[int]]
    tile_faces: Sequence[int]
    """The faces of each tile."""
    batch_tiles: int
    """How many pairs of tiles a batch has at most."""
    threads: int

    def batches(self) -> Iterator[Batch]:
        """The batches of the self-join, in which each pair of tiles is met once, in the order of their groups."""
        held: list[tuple[int, int]] = []
        for group_a, group_b in combinations_with_replacement(self.groups, 2):
            pairs = list(combinations_with_replacement(group_a, 2) if group_a is group_b else product(group_a, group_b))
            if held and len(held) + len(pairs) > self.batch_tiles:
                yield _batch(held, whole=True)
                held = []
            while len(pairs) > self.batch_tiles:
                yield _batch(pairs[: self.batch_tiles], whole=False)
                pairs = pairs[self.batch_tiles :]
            held += pairs
        if held:
            yield _batch(held, whole=True)


def _batch(pairs: Sequence[tuple[int, int]], *, whole: bool) -> Batch:
    return Batch([a for a, _ in pairs], [b for _, b in pairs], whole)


def plan_pairs(
    connection: duckdb.DuckDBPyConnection,
    *,
    bins: Bins = EUCLIDEAN,
    tile_faces: int | None = None,
    batch_bytes: int = BATCH_BYTES,
    threads: int | None = None,
) -> Plan:
    """Cut table faces into tiles, and plan how these are joined.

    ``faces`` has the columns id, person and encoding (FLOAT[] or DOUBLE[]), all valid, and may have photo: without it,
    or where it is null, each row is a photo of its own. ``tile_faces`` is how many faces a tile has at most (default:
    TILE_BYTES of them); ``threads`` are as many as there are cores.
    """
    number, face_bytes, faces = _encodings(connection)
    tile_faces = tile_faces or max(1, TILE_BYTES // max(1, face_bytes))
    blocks_a_tile = 1
    while blocks_a_tile < BLOCKS and faces * 2 * blocks_a_tile <= tile_faces * BLOCKS:
        blocks_a_tile *= 2
    connection.execute(
        "create or replace temp table tiled_face as from tiled_faces($1, $2)", [blocks_a_tile, tile_faces]
    )
    tiles = connection.execute(engine_sql("tile_sizes")).fetchall()
    _fill_tiles(connection, [size * face_bytes for _, _, size in tiles])
    connection.execute("drop table tiled_face")
    sizes = [size for _, _, size in tiles]
    return Plan(
        bins=bins,
        pairs=_pairs_to_count(connection),
        number=number,
        face_bytes=face_bytes,
        groups=[[tile for tile, _, _ in group] for _, group in groupby(tiles, key=lambda row: row[1])],
        tile_faces=sizes,
        batch_tiles=max(1, batch_bytes // max(1, 2 * max(sizes, default=0) * face_bytes)),
        threads=threads or os.cpu_count() or 1,
    )


def _encodings(connection: duckdb.DuckDBPyConnection) -> tuple[str, int, int]:
    """The type of the encodings' numbers, the bytes of one encoding, and how many there are."""
    [(kind, size, faces)] = connection.execute(engine_sql("encodings")).fetchall()
    return ("double", 8 * size, faces) if kind.startswith("DOUBLE") else ("float", 4 * size, faces)


def _fill_tiles(connection: duckdb.DuckDBPyConnection, tile_bytes: Sequence[int]) -> None:
    """Fill table tile from table tiled_face: some tiles at a time, for it takes several times their bytes."""
    connection.execute(engine_sql("create_tile"))
    first, held = 0, 0
    for tile, size in enumerate(tile_bytes):
        held += size
        if held >= _FILL_BYTES or tile == len(tile_bytes) - 1:
            connection.execute(engine_sql("fill_tiles"), {"first": first, "last": tile})
            first, held = tile + 1, 0


def _pairs_to_count(connection: duckdb.DuckDBPyConnection) -> int:
    """All pairs, n (n - 1) / 2 of n faces, less those of one person's faces in one photo."""
    people = connection.execute("select faces, genuine_pairs from people").fetchall()
    faces: int = sum(of_person for of_person, _ in people)
    within_photos: int = sum(_pairs(of_person) - genuine for of_person, genuine in people)
    return _pairs(faces) - within_photos


def _pairs(faces: int) -> int:
    return faces * (faces - 1) // 2


def count_pairs(connection: duckdb.DuckDBPyConnection, plan: Plan, *, progress: bool = False) -> None:
    """Join table tile with itself and fill block_pair_counts, and so the view binned_counts.

    Every pair of faces counts once, in the bin of its distance, but for two faces of one person in one photo, which do
    not count. The pairs are equal whatever the plan; the person weights' last digits depend on ``tile_faces`` alone.
    """
    with (
        _storing(connection) as store,
        ThreadPoolExecutor(plan.threads) as pool,
        threadpool_limits(1, "blas"),
        bar(plan.pairs, "pair", shown=progress, what="comparing") as shown,
    ):
        create_tile_counts(connection, plan.number, plan.bins, pool, shown.update)
        held: dict[BlockPair, list[BinCounts]] = {}
        for batch in plan.batches():
            _add(held, _join(connection, batch))
            if batch.whole:
                store(held)
                held = {}


def _join(connection: duckdb.DuckDBPyConnection, batch: Batch) -> pa.Table:
    """One batch, as sql/engine/self_join.sql gives it."""
    tiles = {"tiles_a": batch.tiles_a, "tiles_b": batch.tiles_b}
    joined: pa.Table = connection.sql(engine_sql("self_join"), params=tiles).to_arrow_table()
    return joined


def _add(held: dict[BlockPair, list[BinCounts]], joined: pa.Table) -> None:
    """Add a batch's counts to those held, in the order of its tiles: sums of weights repeat to the last digit."""
    tiles = zip(joined["tile_a"].to_pylist(), joined["tile_b"].to_pylist(), strict=True)
    for _, (key, part) in sorted(zip(tiles, read_counts(joined), strict=True), key=lambda row: row[0]):
        held.setdefault(key, []).append(part)


Held = dict[BlockPair, list[BinCounts]]


@contextmanager
def _storing(connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[Held], None]]:
    """What stores counts in table block_pair_counts, while the next batch is counted; all are when the block ends."""
    cursor = connection.cursor()  # which starts elsewhere than the connection
    [(path,)] = connection.execute("select current_setting('search_path')").fetchall()
    cursor.execute("set search_path = $1", [path])
    with ThreadPoolExecutor(1) as thread:
        stored = thread.submit(_store, cursor, {})

        def store(held: Held) -> None:
            nonlocal stored
            stored.result()
            stored = thread.submit(_store, cursor, held)

        yield store
        stored.result()
    cursor.close()


def _store(connection: duckdb.DuckDBPyConnection, held: Held) -> None:
    connection.register("counted", counts_table((key, total(held[key])) for key in sorted(held)))
    connection.execute("insert into block_pair_counts by name from counted")
    connection.unregister("counted")
