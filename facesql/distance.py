"""The list-distance kernel: how many pairs of encodings of two tiles fall into each bin of distance. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Bin 0 holds distances of exactly 0, bin k those in ((k - 1) / 1000, k / 1000], the last all beyond the last edge.
BINS_PER_UNIT = 1000
LAST_EDGE = 2000
OVERFLOW = LAST_EDGE + 1
BINS = OVERFLOW + 1

# The slow road holds so many pairs at once: 4 MB of float64 at 128 numbers an encoding.
_EXACT_AT_ONCE = 4096


@dataclass(frozen=True)
class Tile:
    """A tile's faces, in step: numbers for their people and photos, what those people have in all, the encodings.

    ``people`` holds a number for each person and ``photos`` one for each photo of that person; ``person_faces`` and
    ``person_pairs`` hold how many faces and genuine pairs the person has. They are integers of shape (n,);
    ``encodings`` is float32 or float64 of shape (n, d).
    """

    people: NDArray[np.integer]
    photos: NDArray[np.integer]
    person_faces: NDArray[np.integer]
    person_pairs: NDArray[np.integer]
    encodings: NDArray[np.floating]


@dataclass(frozen=True)
class BinCounts:
    """Pairs a bin (int64) and their person weights a bin (float64), each of shape (BINS,)."""

    pairs: NDArray[np.int64]
    person_weight: NDArray[np.float64]


def face_distances(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """The Euclidean distance of each row of ``a`` to that row of ``b``: float64 of shape (n,), summed left to right.

    >>> face_distances(np.array([[0.0, 0.0]]), np.array([[0.3, 0.4]]))
    array([0.5])
    """
    difference = a.astype(np.float64) - b.astype(np.float64)
    return np.sqrt(np.cumsum(difference * difference, axis=1)[:, -1])


def distance_bins(distance: NDArray[np.float64]) -> NDArray[np.int32]:
    """The bin of each distance, such that ``distance <= k / 1000`` is the same as ``bin <= k``.

    The product with 1000 may round across an edge; the comparisons with the edges themselves decide.

    >>> distance_bins(np.array([0.0, 1e-9, 0.07, 0.6, 2.0, 2.5]))
    array([   0,    1,   70,  600, 2000, 2001], dtype=int32)
    """
    bins = np.ceil(np.minimum(distance, OVERFLOW) * BINS_PER_UNIT)
    bins -= (bins > 0) & (distance <= (bins - 1) / BINS_PER_UNIT)
    bins += distance > bins / BINS_PER_UNIT
    return np.asarray(np.minimum(bins, OVERFLOW), np.int32)


def pair_bins(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.int32]:
    """The bins of the distances of all n x m pairs of rows, equal to those of a loop over ``face_distances``.

    |a - b|^2 = |a|^2 + |b|^2 - 2 ab comes from one matrix product, and is off by rounding. Pairs so near to an
    edge that the error bound does not tell the side are computed again the slow way (for LFW, one in millions).
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    shape = len(a), len(b)
    with np.errstate(over="ignore", invalid="ignore"):
        squares_a, squares_b = np.vecdot(a, a), np.vecdot(b, b)
        doubt = _doubt(a.shape[1], squares_a.max(), squares_b.max())
        if not doubt < 0.25:  # large norms, or not finite: every pair would be in doubt
            return _exact_bins(a, b, np.arange(len(a) * len(b))).reshape(shape)
        scale = float(BINS_PER_UNIT**2)
        left = np.column_stack([a * (-2 * scale), squares_a * scale, np.full(len(a), scale)])
        right = np.column_stack([b, np.ones(len(b)), squares_b])
        scaled = left @ right.T  # 1000^2 x squared distance
    near_zero = np.flatnonzero(scaled < 0.25) if scaled.min() < 0.25 else np.empty(0, np.intp)
    np.clip(scaled, 0, (LAST_EDGE + 0.5) ** 2, out=scaled)
    np.sqrt(scaled, out=scaled)
    scaled += 1 + doubt
    bins = np.asarray(scaled, np.int32)
    scaled -= bins
    # What is left is how far a distance lies above the edge below it, plus the doubt.
    near_edge = np.flatnonzero(scaled < 2 * doubt) if scaled.min() < 2 * doubt else np.empty(0, np.intp)
    again = np.concatenate([near_zero, near_edge])
    if len(again):
        bins.flat[again] = _exact_bins(a, b, again)
    return bins


def count_tile_pair(a: Tile, b: Tile, *, same_tile: bool, same_block: bool) -> tuple[BinCounts, BinCounts]:
    """Count the pairs of two tiles: genuine (same person) and impostor (different people).

    ``same_tile``: both are one tile, and each pair of its faces counts once. ``same_block`` False promises that
    the tiles have no person in common. Two faces of one person in one photo are no pair. The weight of a pair is
    1 / (pairs of that person, or of those two people).
    """
    bins = pair_bins(a.encodings, b.encodings)
    weight = np.outer(1 / a.person_faces, 1 / b.person_faces)
    if not same_block:
        return _empty(), _counted(bins.ravel(), weight.ravel())
    same = a.people[:, np.newaxis] == b.people
    once = np.triu(np.ones(bins.shape, dtype=bool), k=1) if same_tile else np.ones(bins.shape, dtype=bool)
    apart = a.photos[:, np.newaxis] != b.photos
    genuine, impostor = same & apart & once, ~same & once
    own_weight = np.broadcast_to((1 / np.maximum(a.person_pairs, 1))[:, np.newaxis], bins.shape)
    return _counted(bins[genuine], own_weight[genuine]), _counted(bins[impostor], weight[impostor])


def _doubt(size: int, largest_a: float, largest_b: float) -> float:
    """How far, in bins, rounding may move a distance of half a bin or more; a bound.

    A sum of ``size`` products is off by at most size x u x the sum of their absolute values (Higham, Accuracy
    and Stability of Numerical Algorithms, section 3.1), u = 2^-53; here those are at most twice |a|^2 + |b|^2.
    """
    squared = 4 * (size + 8) * 2.0**-53 * (largest_a + largest_b)
    smallest = 0.5 / BINS_PER_UNIT
    of_slow_way = size * 2.0**-53 * LAST_EDGE
    return float(squared / smallest * BINS_PER_UNIT + of_slow_way + 1e-9)


def _exact_bins(a: NDArray[np.floating], b: NDArray[np.floating], pairs: NDArray[np.intp]) -> NDArray[np.int32]:
    """The bins of chosen pairs, the slow way, in bounded memory; a pair's number is its place in the n x m pairs."""
    bins = np.empty(len(pairs), np.int32)
    for start in range(0, len(pairs), _EXACT_AT_ONCE):
        part = pairs[start : start + _EXACT_AT_ONCE]
        bins[start : start + len(part)] = distance_bins(face_distances(a[part // len(b)], b[part % len(b)]))
    return bins


def _counted(bins: NDArray[np.int32], weight: NDArray[np.float64]) -> BinCounts:
    person_weight = np.asarray(np.bincount(bins, weights=weight, minlength=BINS), np.float64)
    return BinCounts(np.bincount(bins, minlength=BINS), person_weight)


def _empty() -> BinCounts:
    return BinCounts(np.zeros(BINS, np.int64), np.zeros(BINS))
