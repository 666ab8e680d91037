"""The search for pairs in table searched_face, tile by tile: as many are in memory as are being compared."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations_with_replacement

import duckdb
import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from facesql.binning import Bins
from facesql.database import engine_sql
from facesql.distance import Numbers, Tile
from facesql.extremes import Best, Search, TileSearch
from facesql.progress import bar


@dataclass(frozen=True)
class _TileOf:
    """A tile that is not read yet: its number, how many faces it has, and its people from the first to the last."""

    number: int
    faces: int
    first: int
    last: int

    def holds(self, person: int) -> bool:
        return self.first <= person <= self.last

    def pairs(self, other: "_TileOf") -> int:
        """How many pairs of faces the two have, or one has with itself."""
        return self.faces * (self.faces - 1) // 2 if other is self else self.faces * other.faces


def search_faces(
    connection: duckdb.DuckDBPyConnection, search: Search, bins: Bins, *, threads: int, progress: bool = False
) -> Best:
    """The best pairs of the faces of table searched_face, whatever its tiles and however many threads search them."""
    tiles = [_TileOf(*row) for row in connection.execute(engine_sql("searched_tiles")).fetchall()]
    pairs = [pair for pair in combinations_with_replacement(tiles, 2) if _may_hold(*pair, search)]
    best = Best(search)
    with (
        ThreadPoolExecutor(threads) as pool,
        threadpool_limits(1, "blas"),
        bar(sum(a.pairs(b) for a, b in pairs), "pair", shown=progress, what="searching") as shown,
    ):
        at_work: list[Future[None]] = []
        try:
            for (a, b), tile_search in zip(pairs, _searches(connection, pairs, bins, search), strict=True):
                parts = [pool.submit(tile_search.search, part, best) for part in tile_search.parts]
                # The next tiles are read and made ready while the threads are at work on these.
                _finish(at_work)
                at_work = parts
                shown.update(a.pairs(b))
            _finish(at_work)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return best


def _finish(parts: Sequence[Future[None]]) -> None:
    for part in parts:
        part.result()


def _may_hold(a: _TileOf, b: _TileOf, search: Search) -> bool:
    """Whether two tiles, of which b is a or a later one, have pairs that are sought."""
    if search.named is not None and search.genuine:
        return a.holds(search.named) and b.holds(search.named)
    if search.named is not None:
        return a.holds(search.named) or b.holds(search.named)
    return not search.genuine or b.first <= a.last


def _searches(
    connection: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[_TileOf, _TileOf]], bins: Bins, search: Search
) -> Iterator[TileSearch]:
    number, read = -1, None
    for a, b in pairs:
        if read is None or a.number != number:
            number, read = a.number, _read(connection, a)
        tile, numbers = read
        other, other_numbers = read if b is a else _read(connection, b)
        yield TileSearch(tile, other, (numbers, other_numbers), bins, search)


def _read(connection: duckdb.DuckDBPyConnection, tile: _TileOf) -> tuple[Tile, Numbers]:
    """A tile, and the numbers of its faces."""
    rows: pa.Table = connection.sql(engine_sql("searched_tile"), params={"tile": tile.number}).to_arrow_table()
    columns = ("face_number", "person_number", "photo_number")
    numbers, people, photos = (rows[name].combine_chunks().to_numpy() for name in columns)
    encodings = rows["encoding"].combine_chunks().flatten().to_numpy().reshape(len(rows), -1)
    blocks, ones = np.zeros(len(rows), np.int32), np.ones(len(rows), np.int32)  # for weights, of which there are none
    return Tile(blocks, people, photos, ones, ones, encodings), numbers
