"""The SQL function tile_counts: the list-distance kernel, as the self-join calls it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import groupby, pairwise

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType
from numpy.typing import NDArray

from facesql.binning import BinCounts, Bins, BlockPair, total
from facesql.counts import Counted, counts_table
from facesql.distance import CHUNK_FACES, Tile, TilePair
from facesql.packing import unpacked

_TILE_SQL = (
    "struct(tile integer, faces struct(place bigint, block integer, person_number integer, photo_number integer, "
    "person_faces integer, person_pairs bigint, encoding blob)[])"
)
_COUNTS_SQL = (
    "struct(block_a integer, block_b integer, same_person boolean, first_bin integer, "
    "pairs bigint[], person_weight float[])[]"
)


def create_tile_counts(
    connection: duckdb.DuckDBPyConnection, number: str, bins: Bins, pool: Executor, counted: Callable[[int], object]
) -> None:
    """Create the SQL function tile_counts(a, b) for encodings of ``number``: "float" or "double".

    Its arguments are two tiles, or one twice; its result is a list of block_a, block_b, same_person,
    first_bin, pairs and person_weight, as sql/engine/self_join.sql says. The threads of ``pool`` count parts of a tile
    pair side by side; ``counted`` is told how many pairs each part had.
    """

    def tile_counts(a: pa.ChunkedArray, b: pa.ChunkedArray) -> pa.Array:
        lists = _count(_gathered(_tile_pairs(a, b, number), bins), len(a), pool, counted)
        rows = counts_table(row for rows in lists for row in rows).to_struct_array().combine_chunks()
        return pa.ListArray.from_arrays(np.cumsum([0, *map(len, lists)], dtype=np.int32), rows)

    connection.create_function(
        "tile_counts", tile_counts, [_TILE_SQL, _TILE_SQL], _COUNTS_SQL, type=PythonUDFType.ARROW
    )


def _count(
    pairs: Iterable[tuple[Sequence[int], TilePair]], number: int, pool: Executor, counted: Callable[[int], object]
) -> list[list[Counted]]:
    """All counts of each of a number of pairs of tiles, in the order of their blocks.

    With a comparison come the places of the pairs of tiles that each run of its second side belongs to.
    """
    # The pool begins with the first pair while the next is made ready.
    strips = ((places, pair, strip) for places, pair in pairs for strip in pair.strips)
    parts: list[dict[BlockPair, list[BinCounts]]] = [{} for _ in range(number)]
    for places, rows in pool.map(_count_strip, strips):
        for run, key, counts in rows:
            parts[places[run]].setdefault(key, []).append(counts)
        counted(sum(int(counts.pairs.sum()) for _, _, counts in rows))
    return [[(key, total(of_pair[key])) for key in sorted(of_pair)] for of_pair in parts]


def _count_strip(
    strip: tuple[Sequence[int], TilePair, slice],
) -> tuple[Sequence[int], list[tuple[int, BlockPair, BinCounts]]]:
    places, pair, faces = strip
    return places, pair.count(faces)


def _gathered(pairs: Iterable[tuple[int, Tile, Tile]], bins: Bins) -> Iterator[tuple[Sequence[int], TilePair]]:
    """The comparisons of pairs of tiles, with the place of the pair that each run of the second side belongs to.

    Small tiles that one tile is to be compared with are put together: to make each comparison ready takes longer than
    its arithmetic. They share no person with it, for genuine pairs are not counted apart.
    """
    in_order = sorted(enumerate(pairs), key=lambda row: row[1][0])
    for _, of_tile in groupby(in_order, key=lambda row: row[1][0]):
        held: list[tuple[int, Tile, Tile]] = []
        for place, (_, a, b) in of_tile:
            if a is b or a.people[-1] >= b.people[0]:
                yield _compared([(place, a, b)], bins)
                continue
            if sum(len(tile.blocks) for _, _, tile in held) + len(b.blocks) > CHUNK_FACES and held:
                yield _compared(held, bins)
                held = []
            held.append((place, a, b))
        if held:
            yield _compared(held, bins)


def _compared(held: Sequence[tuple[int, Tile, Tile]], bins: Bins) -> tuple[Sequence[int], TilePair]:
    place, a, b = held[0]
    if len(held) == 1:
        return [place] * (len(b.starts) - 1), TilePair(a, b, bins)
    together = Tile.of([tile for _, _, tile in held])
    return [held[tile][0] for tile in together.tile_of_run.tolist()], TilePair(a, together, bins)


def _tile_pairs(a: pa.ChunkedArray, b: pa.ChunkedArray, number: str) -> Iterator[tuple[int, Tile, Tile]]:
    """The tiles of two columns of the function, in step, after the number of the first.

    A tile that is paired with itself is one object.
    """
    for (number_a, tile_a), (number_b, tile_b) in zip(_tiles(a, number), _tiles(b, number), strict=True):
        yield number_a, tile_a, tile_a if number_a == number_b else tile_b


def _tiles(column: pa.ChunkedArray, number: str) -> Iterator[tuple[int, Tile]]:
    """Tiles with their numbers, each tile's faces in the order of their places.

    The arrays are views of DuckDB's memory if that order is theirs. Columns are taken for all tiles at once, for many
    tiles are small.
    """
    numbers, faces = column.combine_chunks().flatten()
    *columns, encodings = faces.values.flatten()
    place, block, person, photo, person_faces, person_pairs = (values.to_numpy() for values in columns)
    vectors = unpacked(encodings, number)
    for tile_number, (start, stop) in zip(numbers.to_pylist(), pairwise(faces.offsets.to_pylist()), strict=True):
        order: slice | NDArray[np.intp] = slice(start, stop)
        if (np.diff(place[start:stop]) < 0).any():
            order = start + np.argsort(place[start:stop])
        tile = block[order], person[order], photo[order], person_faces[order], person_pairs[order], vectors[order]
        yield tile_number, Tile(*tile)
