"""The kernel that finds the closest or the farthest pairs of two tiles, exactly, and counts those up to a cut-off.

Distances are those of the kernel that counts: its matrix products tell which pairs cannot be among those sought, nor
near the cut-off, and all others are computed by ``pair_distance``. What is found in one part bounds what is worth
looking at in the next.
"""

from dataclasses import dataclass
from math import inf
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facesql.binning import Bins, Metric
from facesql.distance import (
    CHUNK_FACES,
    STRIP_FACES,
    Numbers,
    Rule,
    Side,
    Tile,
    TilePair,
    compiled,
    cut,
    pair_distance,
    part_of,
)

# So many pairs are held beside the best before all but the best go.
_HELD = 1024
# What a limit is widened by, as a share of it: more than the few roundings that its own computation has.
_WIDER = 1e-9


@dataclass(frozen=True)
class Search:
    """What is sought: the ``most`` closest pairs of two people, or the farthest of one (``genuine``).

    Without a ``cutoff`` it is one pair for any two people, or for each person; with one, all pairs of two people at a
    distance of at most that, or all of one person beyond it. ``named`` is the number of a person of whom all pairs are
    to be.
    """

    genuine: bool
    most: int
    cutoff: float | None = None
    named: int | None = None

    @property
    def sign(self) -> int:
        """By which a distance becomes a score, of which the least is sought."""
        return -1 if self.genuine else 1


class Found(NamedTuple):
    """Pairs, in step, the best first: scores, the numbers of the first and second faces, and of their two people."""

    scores: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    people: NDArray[np.int64]
    """The lesser of the two people's numbers, times 2^32, plus the greater."""

    def take(self, rows: NDArray[np.intp]) -> "Found":
        """Those of some rows."""
        return Found._make(column[rows] for column in self)


class Best:
    """The best pairs so far. Several threads may add to it; the order of what is added makes no difference."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._held: list[Found] = [_none()]
        self._lock = Lock()
        self.matched = 0
        """How many pairs there are on that side of the cut-off."""
        self.bound = inf
        """A pair that scores more is not among the best."""

    def add(self, found: Found, matched: int) -> None:
        """Add what a part of the faces has."""
        with self._lock:
            self.matched += matched
            if len(found.scores):
                self._held.append(found)
            held = sum(len(part.scores) for part in self._held[1:])
            if held > _HELD + self._search.most:
                self._drop()

    def found(self) -> Found:
        """The best pairs: the lowest scores, then the lowest numbers of the faces."""
        with self._lock:
            self._drop()
            return self._held[0]

    def _drop(self) -> None:
        """Drop all but the best."""
        all_ = Found(*(np.concatenate(columns) for columns in zip(*self._held, strict=True)))
        order = np.lexsort((all_.second, all_.first, all_.scores))
        if self._search.cutoff is None:
            order = order[np.sort(np.unique(all_.people[order], return_index=True)[1])]
        best = all_.take(order[: self._search.most])
        self._held = [best]
        if len(best.scores) == self._search.most:
            self.bound = float(best.scores[-1])


def _none() -> Found:
    return Found(np.empty(0), *(np.empty(0, np.int64) for _ in range(3)))


class TileSearch:
    """The search in two tiles, or in one twice, in parts that threads may search side by side.

    The tiles' faces stand in the order of their people's numbers, and ``numbers`` tell the faces of each tile apart.
    """

    def __init__(self, a: Tile, b: Tile, numbers: tuple[Numbers, Numbers], bins: Bins, search: Search) -> None:
        self._a, self._b, self._numbers, self._search = a, b, numbers, search
        pair = TilePair(a, b, bins)
        self._sides, self._rule = pair.sides, pair.rule
        self._scale = _Scale(bins.metric is Metric.EUCLIDEAN, float(bins.width), float(bins.first))

    @property
    def parts(self) -> list[tuple[slice, slice]]:
        """Faces of the one tile and of the other; each pair that may be sought is in one of the parts."""
        of_a, of_b = self._named(self._a), self._named(self._b)
        if self._search.genuine:
            of_b = slice(0, len(self._b.people)) if self._search.named is None else of_b
            return [(strip, _same_people(self._a, strip, self._b, of_b)) for strip in _strips(of_a)]
        all_b = slice(0, len(self._b.people))
        parts = [(strip, all_b) for strip in _strips(of_a)]
        if self._search.named is not None:
            parts += [(strip, of_b) for strip in _strips(slice(0, len(self._a.people)))]
        return parts

    def _named(self, tile: Tile) -> slice:
        """The faces of the person who is named, or all."""
        if self._search.named is None:
            return slice(0, len(tile.people))
        return slice(*np.searchsorted(tile.people, [self._search.named, self._search.named + 1]).tolist())

    def search(self, part: tuple[slice, slice], best: Best) -> None:
        """Search a part, and add what is found to the best."""
        strip, faces = part
        side_a, numbers_a = part_of(self._sides[0], strip), self._numbers[0][strip]
        runs = np.cumsum(np.diff(side_a.people, prepend=side_a.people[:1]) != 0)
        asked = _Asked(
            self._search.genuine,
            self._search.sign,
            -1 if self._search.named is None else self._search.named,
            self._search.cutoff is not None,
            self._search.cutoff or 0.0,
        )
        first = max(faces.start, strip.start) if self._a is self._b else faces.start
        products = np.empty((CHUNK_FACES, len(numbers_a)), side_a.vectors.dtype)
        for rows in cut(first, faces.stop, CHUNK_FACES):
            of_rows = products[: rows.stop - rows.start]
            side_b = part_of(self._sides[1], rows)
            np.matmul(side_b.vectors, side_a.vectors.T, out=of_rows)
            earlier = rows.start - strip.start if self._a is self._b else len(numbers_a)
            out = _Out(np.empty(of_rows.size), *(np.empty(of_rows.size, np.int64) for _ in range(3)))
            numbers, bound, matched = (numbers_a, self._numbers[1][rows]), best.bound, 0
            if asked.counted:
                count, matched = _search_faces(
                    of_rows, side_a, side_b, *numbers, earlier, self._rule, self._scale, asked, bound, out
                )
            else:
                count = _search_people(
                    of_rows, side_a, side_b, *numbers, runs, earlier, self._rule, self._scale, asked, bound, out
                )
            best.add(Found._make(column[:count].copy() for column in out), matched)


def _strips(faces: slice) -> list[slice]:
    return cut(faces.start, faces.stop, STRIP_FACES)


def _same_people(a: Tile, strip: slice, b: Tile, of_b: slice) -> slice:
    """The faces of ``b`` from the first person of a strip of ``a`` to the last, within ``of_b``."""
    people = a.people[[strip.start, strip.stop - 1]] + [0, 1]
    start, stop = np.searchsorted(b.people, people).tolist()
    return slice(max(start, of_b.start), min(stop, of_b.stop))


class _Scale(NamedTuple):
    """How a distance becomes what the matrix products give: in bins, or in squares of bins (``root``)."""

    root: bool
    width: float
    first: float


class _Asked(NamedTuple):
    """A ``Search``, as compiled code takes it."""

    genuine: bool
    sign: int
    named: int
    counted: bool
    cutoff: float


class _Out(NamedTuple):
    """Where what is found goes: the columns of ``Found``, as long as there are pairs."""

    scores: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    people: NDArray[np.int64]


@compiled
def _limit(score: float, sign: int, scale: _Scale) -> float:
    """The score in the scale of the matrix products."""
    if abs(score) == inf:
        return score
    distance = sign * score
    if scale.root:
        square = (distance / scale.width) * (distance / scale.width)
        return sign * square if distance >= 0 else -sign * inf
    return sign * (distance / scale.width - scale.first)


@compiled
def _wider(limit: float) -> float:
    """A little more than a limit: what lies beyond that lies beyond the limit, however either has been rounded."""
    return limit + abs(limit) * _WIDER


@compiled
def _fill_lows(
    products: NDArray[np.floating],
    j: int,
    bases: NDArray[np.floating],
    reaches: NDArray[np.floating],
    slacks: NDArray[np.floating],
    base: float,
    reach: float,
    least: float,
    sign: np.floating,
    lows: NDArray[np.floating],
) -> None:
    """The least scores that a face's pairs may have, in the scale of the products; see ``distance._fill_places``."""
    for i in range(len(lows)):
        value = products[j, i] + (bases[i] + base)
        slack = reaches[i] * reach + (slacks[i] + least)
        lows[i] = sign * value - slack


@compiled
def _is_sought(genuine: bool, person: int, other: int, photo: int, other_photo: int) -> bool:
    """Whether two faces are of one person, and not in one photo, or of two people."""
    return photo != other_photo and person == other if genuine else person != other


@compiled
def _ordered(first: int, second: int, person: int, asked: _Asked) -> tuple[int, int]:
    """The face of the person who is named, who may be the first face's, before that of another; or the lower number."""
    in_order = first < second if asked.genuine or asked.named < 0 else person == asked.named
    return (first, second) if in_order else (second, first)


@compiled
def _search_faces(
    products: NDArray[np.floating],
    a: Side,
    b: Side,
    numbers_a: Numbers,
    numbers_b: Numbers,
    earlier: int,
    rule: Rule,
    scale: _Scale,
    asked: _Asked,
    bound: float,
    out: _Out,
) -> tuple[int, int]:
    """Search b's face j and all faces of a, or the first ``earlier + j`` where those are fewer, for all pairs.

    Returns how many are found, and how many there are on that side of the cut-off.
    """
    number, genuine, sign = products.dtype.type, asked.genuine, asked.sign
    base, reach, slack, people, photos, encodings = a.base, a.reach, a.slack, a.people, a.photos, a.encodings
    b_base, b_reach, b_slack, b_people, b_photos = b.base, b.reach, b.slack, b.people, b.photos
    lows = np.empty(len(base), products.dtype)
    limit = _wider(_limit(bound, sign, scale))
    cutoff = _limit(sign * asked.cutoff, sign, scale)
    scan, inner = np.nextafter(number(_wider(cutoff)), number(inf)), -_wider(-cutoff)
    count = matched = 0
    for j in range(len(products)):
        _fill_lows(products, j, base, reach, slack, b_base[j], b_reach[j], b_slack[j], number(sign), lows)
        person, photo = b_people[j], b_photos[j]
        for i in range(min(len(base), earlier + j)):
            if lows[i] > scan or not _is_sought(genuine, people[i], person, photos[i], photo):
                continue
            # The greatest score that it may have is twice the slack above the least.
            width = np.float64(reach[i]) * b_reach[j] + (np.float64(slack[i]) + b_slack[j])
            certain = np.float64(lows[i]) + 2 * _wider(width) < inner
            if certain and lows[i] > limit:
                matched += 1
                continue
            distance = pair_distance(rule.metric, encodings[i], b.encodings[j])
            if certain or (distance <= asked.cutoff) != genuine:
                matched += 1
                if sign * distance <= bound:
                    out.scores[count] = sign * distance
                    out.first[count], out.second[count] = _ordered(numbers_a[i], numbers_b[j], people[i], asked)
                    out.people[count] = 0
                    count += 1
    return count, matched


class _Held(NamedTuple):
    """The best pair of each of a's people with one of b: its score, that in the scale of the products, its faces."""

    scores: NDArray[np.float64]
    limits: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


@compiled
def _hold(held: _Held, run: int, score: float, limit: float, first: int, second: int) -> None:
    """Hold a pair if it is better than the one that is held."""
    best, best_first, best_second = held.scores[run], held.first[run], held.second[run]
    if score < best or (score == best and (first, second) < (best_first, best_second)):
        held.scores[run], held.limits[run], held.first[run], held.second[run] = score, limit, first, second


@compiled
def _search_people(
    products: NDArray[np.floating],
    a: Side,
    b: Side,
    numbers_a: Numbers,
    numbers_b: Numbers,
    runs: Numbers,
    earlier: int,
    rule: Rule,
    scale: _Scale,
    asked: _Asked,
    bound: float,
    out: _Out,
) -> int:
    """Search as ``_search_faces`` does for the best pair of each of a's people with each of b; returns how many.

    ``runs`` are the places of a's people, 0, 1, ..., in step with its faces.
    """
    number, genuine, sign = products.dtype.type, asked.genuine, asked.sign
    base, reach, slack, people, photos, encodings = a.base, a.reach, a.slack, a.people, a.photos, a.encodings
    b_base, b_reach, b_slack, b_people, b_photos = b.base, b.reach, b.slack, b.people, b.photos
    lows = np.empty(len(base), products.dtype)
    scan = np.nextafter(number(_wider(_limit(bound, sign, scale))), number(inf))
    faces = np.zeros(len(base), np.int64)
    held = _Held(np.full(len(base), inf), np.full(len(base), inf), faces, faces.copy())
    touched, touches = np.zeros(len(base), np.int64), 0
    count = 0
    for j in range(len(products)):
        _fill_lows(products, j, base, reach, slack, b_base[j], b_reach[j], b_slack[j], number(sign), lows)
        person, photo = b_people[j], b_photos[j]
        for i in range(min(len(base), earlier + j)):
            if lows[i] > scan or not _is_sought(genuine, people[i], person, photos[i], photo):
                continue
            run = runs[i]
            if lows[i] > held.limits[run]:
                continue
            score = sign * pair_distance(rule.metric, encodings[i], b.encodings[j])
            if score <= bound:
                if held.scores[run] == inf:
                    touched[touches] = i
                    touches += 1
                first, second = _ordered(numbers_a[i], numbers_b[j], people[i], asked)
                _hold(held, run, score, _wider(_limit(score, sign, scale)), first, second)
        if j + 1 == len(products) or b_people[j + 1] != person:
            for i in touched[:touches]:
                run = runs[i]
                out.scores[count], out.first[count], out.second[count] = (
                    held.scores[run],
                    held.first[run],
                    held.second[run],
                )
                out.people[count] = min(person, people[i]) * 2**32 + max(person, people[i])
                held.scores[run] = held.limits[run] = inf
                count += 1
            touches = 0
    return count
