"""The partitioned self-join: table faces to binned_counts, batch by batch."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import combinations_with_replacement, groupby, product

import duckdb
import pyarrow as pa
from threadpoolctl import threadpool_limits

from facesql.binning import EUCLIDEAN, BinCounts, Bins, BlockPair, total
from facesql.blocks import BLOCKS
from facesql.counts import counts_table, read_counts
from facesql.database import engine_sql
from facesql.packing import packing
from facesql.progress import bar

# What counts are of other faces than these, or were made in another way, must not be taken for theirs: to be raised
# with whatever changes a count.
COMPARED = 1
# A batch joins tiles whose encodings have so many bytes, each counted as often as it is joined; a tile has a quarter.
BATCH_BYTES, _TILES_A_BATCH = 16 * 2**20, 4
# A batch is so small a part of the memory for tables that its copies, and what is made of it, find room.
_BATCHES_IN_MEMORY = 8

Held = dict[BlockPair, list[BinCounts]]


@dataclass(frozen=True)
class Group:
    """Blocks that stand one after the other, and the tiles that hold their faces."""

    number: int
    blocks: Sequence[int]
    tiles: Sequence[int]


@dataclass(frozen=True)
class Batch:
    """Pairs of tiles that one query joins, in step; ``whole`` where with them all pairs of their groups are counted."""

    tiles_a: Sequence[int]
    tiles_b: Sequence[int]
    whole: bool


@dataclass(frozen=True)
class Plan:
    """How the faces of a connection are compared; table tiled_face holds them already."""

    bins: Bins
    pairs: int
    pairs_known: int
    """Those whose counts an earlier run left."""
    number: str
    """The type of the encodings' numbers, "float" or "double"."""
    face_bytes: int
    """The bytes of an encoding."""
    tile_faces: Sequence[int]
    """The faces of each tile."""
    fingerprints: Mapping[int, str]
    """What tells a block's faces from others, and how they are compared, by block."""
    groups: Sequence[Group]
    to_do: Sequence[tuple[Group, Group]]
    """The pairs of groups that are to be counted."""
    batch_tiles: int
    """How many pairs of tiles a batch has at most."""
    threads: int

    def tiles_to_do(self) -> dict[int, Sequence[int]]:
        """The tiles that are to be compared, by the number of their group."""
        return {group.number: group.tiles for pair in self.to_do for group in pair}

    def batches(self) -> Iterator[Batch]:
        """The batches of the self-join, in which each pair of tiles is met once, in the order of their groups.

        A batch reads the tiles from its first to its last on either side, so that no two groups share it on the left.
        """
        for _, of_group in groupby(self.to_do, key=lambda groups: groups[0].number):
            held: list[tuple[int, int]] = []
            for a, b in of_group:
                pairs = list(combinations_with_replacement(a.tiles, 2) if a is b else product(a.tiles, b.tiles))
                if held and len(held) + len(pairs) > self.batch_tiles:
                    yield _batch(held, whole=True)
                    held = []
                while len(pairs) > self.batch_tiles:
                    yield _batch(pairs[: self.batch_tiles], whole=False)
                    pairs = pairs[self.batch_tiles :]
                held += pairs
            yield _batch(held, whole=True)


# Joins batches: given those of a plan, and what to tell how many pairs were counted, it gives each batch, in their
# order, with its counts, as sql/engine/self_join.sql has them.
Join = Callable[[Iterator[Batch], Callable[[int], object]], Generator[tuple[Batch, pa.Table], None, None]]


def _batch(pairs: Sequence[tuple[int, int]], *, whole: bool) -> Batch:
    return Batch([a for a, _ in pairs], [b for _, b in pairs], whole)


def plan_pairs(
    connection: duckdb.DuckDBPyConnection,
    *,
    bins: Bins = EUCLIDEAN,
    known: Iterable[pa.Table] = (),
    tile_faces: int | None = None,
    batch_bytes: int = BATCH_BYTES,
    memory_limit: int | None = None,
    threads: int | None = None,
) -> Plan:
    """Cut table faces into tiles, and plan how these are joined.

    ``faces`` has the columns id, person and encoding (FLOAT[] or DOUBLE[]), all valid, and may have photo: without it,
    or where it is null, each row is a photo of its own. ``known`` are tables of counts, as block_pair_counts has them:
    what they hold of the same faces is not counted again. ``tile_faces`` is how many faces a tile has at most (default:
    a quarter of a batch); ``memory_limit`` is that of the database, in bytes; ``threads`` are as many as there are
    cores.
    """
    number, face_bytes, faces = encodings_of(connection)
    batch_bytes = batch_bytes_within(batch_bytes, memory_limit)
    tile_faces = tile_faces or _tile_faces(batch_bytes, face_bytes)
    compared = f"{COMPARED} {bins.metric} {bins.first} {bins.last} {bins.width}"
    blocks = connection.execute(engine_sql("block_fingerprints"), {"compared": compared}).fetchall()
    dealt = BLOCKS * (1 + max((block for block, _, _ in blocks), default=0) // BLOCKS)
    blocks_a_tile = 1
    while blocks_a_tile < dealt and faces * 2 * blocks_a_tile <= tile_faces * dealt:
        blocks_a_tile *= 2
    fingerprints = {block: fingerprint for block, _, fingerprint in blocks}
    done = _recall(connection, known, fingerprints) | {(block, block) for block, size, _ in blocks if size == 1}
    cut = {"blocks_a_tile": blocks_a_tile, "tile_faces": tile_faces}
    with packing(connection, number):
        connection.execute(engine_sql("create_tiled_face"), cut)
    tiles = connection.execute(engine_sql("tile_sizes")).fetchall()
    [(pairs,)] = connection.execute(engine_sql("pairs_to_count")).fetchall()
    groups = [_group(group, list(rows)) for group, rows in groupby(tiles, key=lambda row: int(row[1]))]
    to_do = [(a, b) for a, b in combinations_with_replacement(groups, 2) if not done.issuperset(_block_pairs(a, b))]
    return Plan(
        bins=bins,
        pairs=pairs or 0,
        pairs_known=_drop_partly_known(connection, to_do, blocks_a_tile),
        number=number,
        face_bytes=face_bytes,
        tile_faces=[size for _, _, _, size in tiles],
        fingerprints=fingerprints,
        groups=groups,
        to_do=to_do,
        batch_tiles=max(1, batch_bytes // max(1, 2 * face_bytes * max((row[3] for row in tiles), default=0))),
        threads=threads or os.cpu_count() or 1,
    )


def fitting_tile_faces(connection: duckdb.DuckDBPyConnection, memory_limit: int) -> int:
    """How many faces of table faces a tile holds where nothing else is said; ``memory_limit`` is the database's."""
    return _tile_faces(batch_bytes_within(BATCH_BYTES, memory_limit), encodings_of(connection)[1])


def batch_bytes_within(batch_bytes: int, memory_limit: int | None) -> int:
    """How many bytes of encodings a batch has at most, where the database may have so much memory, in bytes."""
    return batch_bytes if memory_limit is None else min(batch_bytes, memory_limit // _BATCHES_IN_MEMORY)


def _tile_faces(batch_bytes: int, face_bytes: int) -> int:
    return max(1, batch_bytes // _TILES_A_BATCH // max(1, face_bytes))


def _group(number: int, tiles: Sequence[tuple[int, int, list[int], int]]) -> Group:
    return Group(number, sorted({block for _, _, blocks, _ in tiles for block in blocks}), [row[0] for row in tiles])


def _block_pairs(a: Group, b: Group) -> Iterable[tuple[int, int]]:
    return combinations_with_replacement(a.blocks, 2) if a is b else product(a.blocks, b.blocks)


def _recall(
    connection: duckdb.DuckDBPyConnection, known: Iterable[pa.Table], fingerprints: Mapping[int, str]
) -> set[tuple[int, int]]:
    """Fill table block_pair_counts with what is known; returns the pairs of blocks that it is of."""
    connection.register("expected", pa.table({"block": [*fingerprints], "fingerprint": [*fingerprints.values()]}))
    for table in known:
        connection.register("known", table)
        connection.execute(engine_sql("recall_counts"))
        connection.unregister("known")
    connection.unregister("expected")
    return set(connection.execute(engine_sql("known_pairs")).fetchall())


def _drop_partly_known(
    connection: duckdb.DuckDBPyConnection, to_do: Sequence[tuple[Group, Group]], blocks_a_group: int
) -> int:
    """Forget the counts of pairs of blocks that are to be counted again; returns how many pairs are known still."""
    groups = {"groups_a": [a.number for a, _ in to_do], "groups_b": [b.number for _, b in to_do]}
    connection.execute(engine_sql("drop_partly_known"), {**groups, "blocks_a_group": blocks_a_group})
    [(pairs,)] = connection.execute("select coalesce(sum(list_sum(pairs)), 0) from block_pair_counts").fetchall()
    return int(pairs)


def encodings_of(connection: duckdb.DuckDBPyConnection) -> tuple[str, int, int]:
    """The type of the encodings' numbers, the bytes of one encoding, and how many there are."""
    [(kind, size, faces)] = connection.execute(engine_sql("encodings")).fetchall()
    return ("double", 8 * size, faces) if kind.startswith("DOUBLE") else ("float", 4 * size, faces)


def count_pairs(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    *,
    join: Join | None = None,
    keep: Callable[[pa.Table], object] = lambda _: None,
    progress: bool = False,
) -> None:
    """Join table tiled_face with itself, tile by tile, and fill block_pair_counts, and so the view binned_counts.

    Every pair of faces counts once, in the bin of its distance, but for two faces of one person in one photo, which do
    not count. The pairs are equal whatever the plan; the person weights' last digits depend on ``tile_faces`` alone.
    ``join`` joins the batches, in this process where it is None. ``keep`` is given what is counted, in parts, from
    another thread: tables that ``plan_pairs`` takes as known.
    """
    with (
        _storing(connection, plan.fingerprints, keep) as store,
        bar(plan.pairs, "pair", shown=progress, what="comparing", done=plan.pairs_known) as shown,
        closing((join or _join_here(connection, plan))(plan.batches(), shown.update)) as joined,
    ):
        held: Held = {}
        for batch, counts in joined:
            _add(held, counts)
            if batch.whole:
                store(held)
                held = {}


def _join_here(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Join:
    """Joins batches in this process, in as many threads as the plan says."""

    def join(
        batches: Iterator[Batch], counted: Callable[[int], object]
    ) -> Generator[tuple[Batch, pa.Table], None, None]:
        if plan.to_do:
            with counting_tiles(connection, plan.number, plan.bins, plan.threads, counted):
                for batch in batches:
                    yield batch, join_batch(connection, batch)

    return join


@contextmanager
def counting_tiles(
    connection: duckdb.DuckDBPyConnection, number: str, bins: Bins, threads: int, counted: Callable[[int], object]
) -> Iterator[None]:
    """Let a connection have the function tile_counts while the block runs; see ``create_tile_counts``."""
    from facesql.tiles import create_tile_counts  # half a second: the compiler

    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
        create_tile_counts(connection, number, bins, pool, counted)
        yield


def join_batch(connection: duckdb.DuckDBPyConnection, batch: Batch) -> pa.Table:
    """One batch, as sql/engine/self_join.sql gives it, of what the connection has as tiled_face and tile_counts."""
    tiles = {"tiles_a": batch.tiles_a, "tiles_b": batch.tiles_b}
    joined: pa.Table = connection.sql(engine_sql("self_join"), params=tiles).to_arrow_table()
    return joined


def _add(held: Held, joined: pa.Table) -> None:
    """Add a batch's counts to those held, in the order of its tiles: sums of weights repeat to the last digit."""
    tiles = zip(joined["tile_a"].to_pylist(), joined["tile_b"].to_pylist(), strict=True)
    for _, (key, part) in sorted(zip(tiles, read_counts(joined), strict=True), key=lambda row: row[0]):
        held.setdefault(key, []).append(part)


@contextmanager
def _storing(
    connection: duckdb.DuckDBPyConnection, fingerprints: Mapping[int, str], keep: Callable[[pa.Table], object]
) -> Iterator[Callable[[Held], None]]:
    """What stores counts in table block_pair_counts, while the next batch is counted; all are when the block ends."""
    cursor = connection.cursor()  # which starts elsewhere than the connection
    [(path,)] = connection.execute("select current_setting('search_path')").fetchall()
    cursor.execute("set search_path = $1", [path])

    def write(held: Held) -> None:
        keys = sorted(held)
        table = counts_table((key, total(held[key])) for key in keys)
        table = table.append_column("fingerprint", pa.array([fingerprints[a] + fingerprints[b] for a, b, _ in keys]))
        cursor.register("counted", table)
        cursor.execute("insert into block_pair_counts by name from counted")
        cursor.unregister("counted")
        keep(table)

    with ThreadPoolExecutor(1) as thread:
        written: Future[None] | None = None

        def store(held: Held) -> None:
            nonlocal written
            if written is not None:
                written.result()
            written = thread.submit(write, held)

        yield store
        if written is not None:
            written.result()
    cursor.close()
