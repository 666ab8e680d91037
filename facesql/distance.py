"""The list-distance kernel: how many pairs of encodings of two tiles fall into each bin of distance.

Matrix products are NumPy's. What is made of each, and the scattered counting, are loops that Numba compiles: in NumPy
they take twice as long, and hold Python's lock where they count, so that further cores help little.

``extremes`` finds the pairs themselves, by the same bounds and the same distances.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, sqrt
from typing import NamedTuple, ParamSpec, TypeVar

import numba
import numpy as np
from numpy.typing import DTypeLike, NDArray

from facesql.binning import BinCounts, Bins, BlockPair, Metric

# So many faces of one tile are compared with so many of the other at a time: products that a core's cache holds.
STRIP_FACES, CHUNK_FACES = 384, 1024
# How far, in bins, rounding may move a distance that the fast way computes in float32, and in float64.
_FLOAT32_SLACK, _FLOAT64_SLACK = 0.05, 0.25
# What is added to the bases' sizes, lest a distance of nearly 0 be taken for 0 when its slack underflows.
_LEAST = 1.0

Numbers = NDArray[np.integer]
Encodings = NDArray[np.floating]
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Tile:
    """A tile's faces, in step: their block, numbers for person and photo, what the person has in all, the encodings.

    Faces stand in the order of their blocks. ``people`` holds a number for each person and ``photos`` one for each
    photo of that person; ``person_faces`` and ``person_pairs`` hold how many faces and genuine pairs the person has.
    All are integers of shape (n,); ``encodings`` is float32 or float64 of shape (n, d).
    """

    blocks: Numbers
    people: Numbers
    photos: Numbers
    person_faces: Numbers
    person_pairs: Numbers
    encodings: Encodings
    tiles: Sequence[int] = ()
    """How many faces each of the tiles has that this one was put together from."""

    @classmethod
    def of(cls, tiles: Sequence["Tile"]) -> "Tile":
        """Several tiles one after the other, whose pairs are counted apart."""
        return cls(
            blocks=np.concatenate([tile.blocks for tile in tiles]),
            people=np.concatenate([tile.people for tile in tiles]),
            photos=np.concatenate([tile.photos for tile in tiles]),
            person_faces=np.concatenate([tile.person_faces for tile in tiles]),
            person_pairs=np.concatenate([tile.person_pairs for tile in tiles]),
            encodings=np.concatenate([tile.encodings for tile in tiles]),
            tiles=[len(tile.blocks) for tile in tiles],
        )

    @cached_property
    def starts(self) -> list[int]:
        """Where the runs begin, faces of one block and one tile, and where the last ends."""
        changes = (np.flatnonzero(np.diff(self.blocks)) + 1).tolist()
        return sorted({0, *changes, *np.cumsum(self.tiles, dtype=np.int64).tolist(), len(self.blocks)})

    @cached_property
    def runs(self) -> Numbers:
        """For each face, the number of its run in the tile: 0, 1, ..."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @cached_property
    def tile_of_run(self) -> Numbers:
        """For each run, which of the tiles that this one was put together from it is of."""
        return np.searchsorted(np.cumsum(self.tiles), self.starts[:-1], side="right")


class TilePair:
    """The comparison of two tiles, or of one with itself, in strips that threads may count side by side.

    Two tiles are compared face by face, all of ``a`` with all of ``b``; one tile (``b`` is ``a``) only its faces with
    later ones. Two faces of one person in one photo are no pair. The weight of a pair is 1 / (pairs of that person, or
    of those two people). Each pair counts in the bin of its distance as ``pair_distance`` gives it, in float64.

    In bins, a distance of faces i and j, or its square, is base[i] + base[j] + vectors[i] vectors[j]: matrix products,
    which are fast but round in an order of their own. A bound on that tells between which two bins the distance lies;
    a pair for which these are not one bin is computed again, the slow way (for LFW, one in 130).
    """

    number: type[np.floating] | None
    """The type that the fast way computes in; None where it would leave every pair in doubt."""

    def __init__(self, a: Tile, b: Tile, bins: Bins) -> None:
        self._a, self._b, self._bins = a, b, bins
        size = a.encodings.shape[1]
        self.rule = Rule.of(bins, size)
        with np.errstate(all="ignore"):  # what is not finite is computed the slow way
            scaled_a, scaled_b = _scaled(a.encodings, b.encodings, bins)
            self.number = _number(scaled_a, scaled_b, size, bins)
        if self.number is None:
            self.sides = _side(a, _nothing(a), np.float64, 0, inf), _side(b, _nothing(b), np.float64, 0, inf)
        else:
            products, sums = _rounding(size, self.number)
            self.sides = _side(a, scaled_a, self.number, products, sums), _side(b, scaled_b, self.number, 1, sums)

    @property
    def strips(self) -> list[slice]:
        """The faces of ``a``, at most STRIP_FACES of one block at a time."""
        return [strip for start, stop in pairwise(self._a.starts) for strip in cut(start, stop, STRIP_FACES)]

    def count(self, strip: slice) -> list[tuple[int, BlockPair, BinCounts]]:
        """The pairs of a strip with all faces of ``b``, or with those after them where ``b`` is ``a``.

        They are counted apart for each run of ``b``, whose number is the first of each entry; but for genuine pairs,
        which are of its first tile.
        """
        a, b, bins = self._a, self._b, self._bins
        block_a, blocks_b = int(a.blocks[strip.start]), b.blocks[b.starts[:-1]].tolist()
        side_a, side_b = part_of(self.sides[0], strip), self.sides[1]
        impostor, genuine = (_Tally.empty(runs, bins) for runs in (len(blocks_b), 1))
        products = np.empty((CHUNK_FACES, len(side_a.base)), side_a.vectors.dtype)
        first = strip.start if a is b else 0
        for rows in cut(first, len(b.blocks), CHUNK_FACES):
            found = products[: rows.stop - rows.start]
            np.matmul(side_b.vectors[rows], side_a.vectors.T, out=found)
            earlier = rows.start - first if a is b else len(side_a.base)
            _tally(found, side_a, part_of(side_b, rows), earlier, self.rule, genuine, impostor)
        of_runs = enumerate(zip(blocks_b, impostor.counts(bins), strict=True))
        counted = [(run, (block_a, block_b, False), counts) for run, (block_b, counts) in of_runs if counts is not None]
        of_one = [(0, (block_a, block_a, True), counts) for counts in genuine.counts(bins) if counts is not None]
        return counted + of_one


def cut(start: int, stop: int, most: int) -> list[slice]:
    """A range in parts as equal as can be, of at most so many."""
    parts = -(-(stop - start) // most)
    edges = [start + (stop - start) * part // parts for part in range(parts + 1)] if parts else [start]
    return [slice(first, last) for first, last in pairwise(edges)]


class _Tally(NamedTuple):
    """Pairs and person weights a bin, for each block of one side: both of shape (blocks, bins.count)."""

    pairs: NDArray[np.int64]
    person_weight: NDArray[np.float64]

    @classmethod
    def empty(cls, blocks: int, bins: Bins) -> "_Tally":
        return cls(np.zeros((blocks, bins.count), np.int64), np.zeros((blocks, bins.count)))

    def counts(self, bins: Bins) -> list[BinCounts | None]:
        """Those of each block without the empty bins at both ends; None where all are empty."""
        filled = self.pairs > 0
        firsts = filled.argmax(axis=1).tolist()
        ends = (bins.count - filled[:, ::-1].argmax(axis=1)).tolist()
        return [
            BinCounts(
                bins.first + first, self.pairs[block, first:end].copy(), self.person_weight[block, first:end].copy()
            )
            if filled[block, first]
            else None
            for block, (first, end) in enumerate(zip(firsts, ends, strict=True))
        ]


class Side(NamedTuple):
    """One side of a comparison, in step; ``vectors`` and the three after it are float32 or float64."""

    vectors: Encodings
    base: NDArray[np.floating]
    reach: NDArray[np.floating]
    """The slack of a pair is the product of the reaches, and the sum of the slacks."""
    slack: NDArray[np.floating]
    encodings: Encodings
    runs: Numbers
    people: Numbers
    photos: Numbers
    shares: NDArray[np.float64]
    """1 / (faces of the person); the weight of an impostor pair is the product."""
    pair_shares: NDArray[np.float64]
    """1 / (genuine pairs of the person)."""


def part_of(side: Side, part: slice) -> Side:
    return Side._make(column[part] for column in side)


class Rule(NamedTuple):
    """How a distance is computed, and where the bins end."""

    metric: int
    edges: NDArray[np.float64]
    slack: float
    """How far a distance in float64 may be off, as a share of it, in whatever order its sum is taken."""

    @classmethod
    def of(cls, bins: Bins, size: int) -> "Rule":
        return cls(_METRICS.index(bins.metric), bins.edges, (2 * size + 16) * 2.0**-53)


_METRICS = [Metric.EUCLIDEAN, Metric.SQUARED, Metric.COSINE, Metric.INNER]
EUCLIDEAN_RULE, _SQUARED, _COSINE, _INNER = range(len(_METRICS))
"""How ``pair_distance`` is told of each."""


def rule_of(metric: Metric) -> int:
    """How ``pair_distance`` is told of a metric."""
    return _METRICS.index(metric)


class _Scaled(NamedTuple):
    """One side such that a bin is one wide, in float64: vectors, still without a factor; their lengths, and bases."""

    vectors: NDArray[np.float64]
    factor: float
    lengths: NDArray[np.float64]
    base: NDArray[np.float64]


def _side(tile: Tile, scaled: _Scaled, number: DTypeLike, of_products: float, of_base: float) -> Side:
    vectors = scaled.vectors.astype(number)
    vectors *= scaled.factor
    return Side(
        vectors=vectors,
        base=scaled.base.astype(number),
        reach=(of_products * scaled.lengths).astype(number),
        slack=(of_base * (np.abs(scaled.base) + _LEAST)).astype(number),
        encodings=tile.encodings,
        runs=tile.runs,
        people=tile.people,
        photos=tile.photos,
        shares=1 / tile.person_faces,
        pair_shares=1 / np.maximum(tile.person_pairs, 1),
    )


def _nothing(tile: Tile) -> _Scaled:
    """Vectors of zeros, for a comparison that leaves every pair to the slow way."""
    none = np.zeros(len(tile.encodings))
    return _Scaled(np.zeros(tile.encodings.shape), 1, none, none)


def _scaled(a: Encodings, b: Encodings, bins: Bins) -> tuple[_Scaled, _Scaled]:
    x = a.astype(np.float64)
    y = x if a is b else b.astype(np.float64)
    bins_a_unit = 1 / float(bins.width)
    if bins.metric in {Metric.EUCLIDEAN, Metric.SQUARED}:
        scale = bins_a_unit if bins.metric is Metric.EUCLIDEAN else sqrt(bins_a_unit)
        middle = x.mean(axis=0)  # shorter vectors, less rounding
        x -= middle
        x *= scale
        if x is not y:
            y -= middle
            y *= scale
        squares_x, squares_y = np.vecdot(x, x), np.vecdot(y, y)
        return _Scaled(x, -2, 2 * np.sqrt(squares_x), squares_x), _Scaled(y, 1, np.sqrt(squares_y), squares_y)
    lengths_x, lengths_y = np.sqrt(np.vecdot(x, x)), np.sqrt(np.vecdot(y, y))
    of_zero = 0.0
    if bins.metric is Metric.COSINE:
        x, y = x / lengths_x[:, np.newaxis], y / lengths_y[:, np.newaxis]
        lengths_x, lengths_y = np.ones(len(x)), np.ones(len(y))
        of_zero = bins_a_unit
    base = np.full(len(x), of_zero - bins.first)
    return _Scaled(x, -bins_a_unit, bins_a_unit * lengths_x, base), _Scaled(y, 1, lengths_y, np.zeros(len(y)))


def _number(a: _Scaled, b: _Scaled, size: int, bins: Bins) -> type[np.floating] | None:
    base = np.abs(a.base).max() + np.abs(b.base).max()
    for number, limit in ((np.float32, _FLOAT32_SLACK), (np.float64, _FLOAT64_SLACK)):
        products, sums = _rounding(size, number)
        slack = products * a.lengths.max() * b.lengths.max() + sums * base
        if bins.metric is Metric.EUCLIDEAN:  # that was of the square
            slack /= 2 * sqrt(max(base, 1))
        if slack < limit and bins.count**2 < 1 / np.finfo(number).eps:  # squares of bins are exact
            return number
    return None


def _rounding(size: int, number: DTypeLike) -> tuple[float, float]:
    """What rounding may change, as a share of the two lengths' product, and of each base; a bound.

    A sum of n products is off by at most n x u x the sum of their absolute values, in whatever order it is taken
    (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); u is 2^-24 or 2^-53. To that come the
    vectors' own rounding, the sums with the bases and with the slack, and what the slow way itself rounds.
    """
    unit = float(np.finfo(number).eps) / 2
    slow_way = (2 * size + 16) * 2.0**-53
    return (size + 16) * unit + slow_way, 8 * unit + slow_way


def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """The function, compiled when first called, to run without Python's lock; kept for the next run where it can be."""
    try:
        quick: Callable[_Parameters, _Result] = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither beside this file nor among the user's caches can anything be written
        quick = numba.njit(nogil=True)(function)
    return quick


@compiled
def pair_distance(metric: int, a: Encodings, b: Encodings) -> float:
    """The distance of two encodings of shape (d,), in float64, sums taken from left to right; see ``Metric``."""
    sum_, squares_a, squares_b = 0.0, 0.0, 0.0
    for i in range(len(a)):
        x, y = np.float64(a[i]), np.float64(b[i])
        if metric in (EUCLIDEAN_RULE, _SQUARED):
            sum_ += (x - y) * (x - y)
        else:
            sum_ += x * y
            squares_a += x * x
            squares_b += y * y
    if metric == EUCLIDEAN_RULE:
        return sqrt(sum_)
    if metric == _SQUARED:
        return sum_
    return 1 - sum_ / sqrt(squares_a * squares_b) if metric == _COSINE else -sum_


@compiled
def _fill_places(
    products: NDArray[np.floating],
    j: int,
    bases: NDArray[np.floating],
    reaches: NDArray[np.floating],
    slacks: NDArray[np.floating],
    base: float,
    reach: float,
    least: float,
    root: bool,
    top: int,
    places: NDArray[np.int32],
) -> None:
    """The places of the bins of a face's distances to others; where rounding may decide, ~place of the least there is.

    Row ``j`` holds the products; base, reach and slack are those of the others, then of the face itself. Arrays, not
    the tuples that hold them, and no branches: so the loop is compiled to vector instructions.
    """
    zero, last = products.dtype.type(0), products.dtype.type(top)
    for i in range(len(places)):
        value = products[j, i] + (bases[i] + base)
        slack = reaches[i] * reach + (slacks[i] + least)
        low = max(value - slack, zero)
        place = np.ceil(np.sqrt(low)) if root else np.ceil(low)
        edge = place * place if root else place
        certain = (value + slack <= edge) | (place >= last)
        number = np.int32(min(place, last))
        places[i] = number if certain else ~number


@numba.njit(nogil=True, fastmath={"reassoc"})
def _square(a: Encodings, b: Encodings) -> float:
    """The square of the length of the difference, in float64, summed in whatever order is quickest."""
    square = 0.0
    for i in range(len(a)):
        difference = np.float64(a[i]) - np.float64(b[i])
        square += difference * difference
    return square


@compiled
def _exact_place(least: int, rule: Rule, a: Encodings, b: Encodings) -> int:
    """The place of the bin of two encodings' distance, which is ``least`` or, most often, the next."""
    edges = rule.edges
    if rule.metric == EUCLIDEAN_RULE and least + 1 < len(edges):
        distance = np.sqrt(_square(a, b))
        slack = distance * rule.slack
        if distance + slack <= edges[least]:
            return least
        if edges[least] < distance - slack and distance + slack <= edges[least + 1]:
            return least + 1
    return int(np.searchsorted(edges, pair_distance(rule.metric, a, b)))


@compiled
def _tally(
    products: NDArray[np.floating],
    a: Side,
    b: Side,
    earlier: int,
    rule: Rule,
    genuine: _Tally,
    impostor: _Tally,
) -> None:
    """Count the pairs of b's face j with all faces of a, or the first ``earlier + j`` where those are fewer."""
    root, top = rule.metric == EUCLIDEAN_RULE, len(rule.edges)
    base, reach, slack, encodings = a.base, a.reach, a.slack, a.encodings
    people, photos, shares, pair_shares = a.people, a.photos, a.shares, a.pair_shares
    genuine_pairs, genuine_weight = genuine
    impostor_pairs, impostor_weight = impostor
    b_base, b_reach, b_slack = b.base, b.reach, b.slack
    b_people, b_photos, b_shares, b_runs = b.people, b.photos, b.shares, b.runs
    places = np.empty(len(base), np.int32)
    for j in range(len(products)):
        # No row is taken out of an array here: to count who holds an array costs more than a few pairs.
        person, photo, share, run = b_people[j], b_photos[j], b_shares[j], b_runs[j]
        _fill_places(products, j, base, reach, slack, b_base[j], b_reach[j], b_slack[j], root, top, places)
        for i in range(min(len(base), earlier + j)):
            place = places[i]
            if place < 0:
                place = np.int32(_exact_place(~place, rule, encodings[i], b.encodings[j]))
            if people[i] != person:
                impostor_pairs[run, place] += 1
                impostor_weight[run, place] += shares[i] * share
            elif photos[i] != photo:
                genuine_pairs[0, place] += 1
                genuine_weight[0, place] += pair_shares[i]
