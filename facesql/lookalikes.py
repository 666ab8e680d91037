"""The pairs themselves: who looks most like somebody else, and whose photos differ most.

The closest pairs of different people are where a cut-off matches wrongly first, and the farthest of one person where it
misses first; photos under a wrong name are often among them.
"""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl

from facesql.binning import Bins, Metric, parse_number
from facesql.crops import Crops
from facesql.database import connect, engine_sql, plain_errors
from facesql.errors import FacesqlError
from facesql.loading import Chosen
from facesql.page import ShownPair
from facesql.pairs import fitting_tile_faces
from facesql.provenance import doubts
from facesql.tables import FacesLike, files_of

if TYPE_CHECKING:
    from facesql.extremes import Found

# How many pairs are told of where nothing is said.
MOST = 60
PAIRS = {
    "distance": pl.Float64,
    "id_a": pl.String,
    "person_a": pl.String,
    "id_b": pl.String,
    "person_b": pl.String,
}
_FAILED = "The search failed; free some memory or disk space and run it again."


class PairKind(StrEnum):
    """Which pairs are sought."""

    CLOSEST = "closest"
    """Look-alikes: the closest photos of two people, one pair for any two people."""
    FARTHEST = "farthest"
    """The farthest photos of one person, one pair for each person."""
    BELOW = "below"
    """Pairs of two people at a distance of at most a cut-off: it matches them wrongly."""
    ABOVE = "above"
    """Pairs of one person at a distance beyond a cut-off: it misses them."""

    @property
    def genuine(self) -> bool:
        """Whether the pairs are of one person."""
        return self in {PairKind.FARTHEST, PairKind.ABOVE}

    @property
    def of_faces(self) -> bool:
        """Whether each pair of faces is one, which has a cut-off, and not the best of people."""
        return self in {PairKind.BELOW, PairKind.ABOVE}


def parse_kind(
    *, closest: bool = False, farthest: bool = False, below: str | None = None, above: str | None = None
) -> tuple[PairKind, float | None]:
    """Which pairs are asked for, and their cut-off if they have one; the closest where nothing is.

    Raises FacesqlError where more than one kind is asked for, or a cut-off is no number.

    >>> parse_kind(below="0.5")
    (<PairKind.BELOW: 'below'>, 0.5)
    """
    asked = {PairKind.CLOSEST: closest, PairKind.FARTHEST: farthest, PairKind.BELOW: below, PairKind.ABOVE: above}
    kinds = [kind for kind, value in asked.items() if value is not None and value is not False]
    if len(kinds) > 1:
        raise FacesqlError(
            f"Pairs are sought one way at a time; give one of {', '.join(f'--{kind}' for kind in asked)}."
        )
    cutoff = next((value for value in (below, above) if value is not None), None)
    return next(iter(kinds), PairKind.CLOSEST), None if cutoff is None else float(parse_number(cutoff, "cut-off"))


@dataclass(frozen=True)
class FoundPairs:
    """What ``find_pairs`` found. ``table`` has the columns of PAIRS, a row a pair, in the order of ``kind``."""

    kind: PairKind
    cutoff: float | None
    person: str | None
    """As the table names who was named."""
    table: pl.DataFrame
    matched: int | None
    """How many pairs there are in all on that side of the cut-off; None without one."""
    bins: Bins
    doubts: Sequence[str] = ()
    """Sentences on what the tables do not tell, and the distances hang on."""


def find_pairs(
    faces: FacesLike,
    kind: PairKind = PairKind.CLOSEST,
    *,
    cutoff: float | None = None,
    person: str | None = None,
    most: int = MOST,
    metric: Metric | None = None,
    skip_invalid: bool = False,
    threads: int | None = None,
    memory_limit: int | None = None,
    tile_faces: int | None = None,
    progress: bool = False,
) -> FoundPairs:
    """Find the closest pairs of different people, or the farthest of one, in one or several tables of faces.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``.
    ``kind`` says which; ``cutoff`` goes with those below or above it. ``person`` is whom all pairs are to be of: then
    that person's face is the first of a pair of two. Otherwise the lower id is. Equal distances stand in the order of
    their ids. There are at most ``most`` pairs, whatever tiles and ``threads`` (default: one a core) they are found by.
    Two faces of one person in one photo are no pair. Distances are float64, and those that ``analyze_faces`` counts
    with the same ``metric`` (None: as there): as many pairs match at a cut-off. ``memory_limit`` is as there.

    Raises FacesqlError for a file that cannot be used, tables that do not fit together and a person who is not there,
    InvalidFacesError for rows that cannot be compared, unless ``skip_invalid``.
    """
    if (cutoff is not None) != kind.of_faces or (cutoff is not None and not isfinite(cutoff)):
        raise FacesqlError(f"{cutoff} is no cut-off for the {kind} pairs; give a number to below and above alone.")
    opening = files_of(faces, skip_invalid=skip_invalid)
    with opening as opened, plain_errors(_FAILED), closing(connect(report=True)) as connection:
        chosen = Chosen(opened.files, metric, skip_invalid=skip_invalid, memory_limit=memory_limit)
        loaded = chosen.load(connection)
        _cut(connection, tile_faces or fitting_tile_faces(connection, loaded.database_bytes))
        named, person = (None, None) if person is None else _named(connection, person, opened.files)
        table, matched = _search(connection, kind, loaded.bins, cutoff, named, most, threads, progress=progress)
        doubted = [opened.told(doubt) for doubt in doubts(loaded.made)]
    told = matched if kind.of_faces else None
    return FoundPairs(kind, cutoff, person, table, told, loaded.bins, doubted)


def search_pairs(
    connection: duckdb.DuckDBPyConnection,
    kind: PairKind,
    bins: Bins,
    *,
    most: int,
    database_bytes: int,
    threads: int | None = None,
    progress: bool = False,
) -> pl.DataFrame:
    """The closest or the farthest pairs of a connection's table faces, whose rows have been checked: columns PAIRS.

    ``database_bytes`` is the memory limit of the database.
    """
    _cut(connection, fitting_tile_faces(connection, database_bytes))
    return _search(connection, kind, bins, None, None, most, threads, progress=progress)[0]


def shown_pairs(table: pl.DataFrame, crops: Crops, *, progress: bool = False) -> list[ShownPair]:
    """Pairs as pages show them; ``table`` has the columns PAIRS."""
    sides = ((table[f"id_{side}"], table[f"person_{side}"]) for side in "ab")
    faces = crops.shown((face for side in sides for face in zip(*side, strict=True)), progress=progress)
    rows = table.select("id_a", "id_b", "distance").iter_rows()
    return [ShownPair(faces[a], faces[b], distance) for a, b, distance in rows]


def _cut(connection: duckdb.DuckDBPyConnection, tile_faces: int) -> None:
    connection.execute(engine_sql("create_searched_face"), {"tile_faces": tile_faces})


def _search(
    connection: duckdb.DuckDBPyConnection,
    kind: PairKind,
    bins: Bins,
    cutoff: float | None,
    named: int | None,
    most: int,
    threads: int | None,
    *,
    progress: bool,
) -> tuple[pl.DataFrame, int]:
    """The pairs of table searched_face, and how many match."""
    from facesql.extremes import Search  # half a second: the compiler
    from facesql.tilesearch import search_faces

    search = Search(kind.genuine, most, cutoff, named)
    best = search_faces(connection, search, bins, threads=threads or os.cpu_count() or 1, progress=progress)
    return _table(connection, best.found(), search.sign), best.matched


def _named(connection: duckdb.DuckDBPyConnection, person: str, files: Sequence[Path]) -> tuple[int, str]:
    """The number of a person in table searched_face, and the name as the table has it."""
    for number, name in connection.execute(engine_sql("person_named"), {"person": person}).fetchall():
        return number, name
    similar = [
        repr(name) for (name,) in connection.execute(engine_sql("similar_people"), {"person": person}).fetchall()
    ]
    near = f"; is it {' or '.join(similar)}?" if similar else "; name one as the table does."
    raise FacesqlError(f"There is no person {person!r} in {' and '.join(repr(str(file)) for file in files)}{near}")


def _table(connection: duckdb.DuckDBPyConnection, found: "Found", sign: int) -> pl.DataFrame:
    """The pairs with their distances, ids and people."""
    numbers = np.unique(np.concatenate([found.first, found.second]))
    rows = connection.execute(engine_sql("numbered_faces"), {"numbers": numbers.tolist()}).fetchall()
    faces = {number: (id_, name) for number, id_, name in rows}
    sides = [[faces[number] for number in side.tolist()] for side in (found.first, found.second)]
    columns = [[face[place] for face in side] for side in sides for place in (0, 1)]
    return pl.DataFrame(dict(zip(PAIRS, [sign * found.scores, *columns], strict=True)), schema=PAIRS)
