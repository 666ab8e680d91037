"""Metrics, and the bins of their distances: the one place where a bin becomes a distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Metric(StrEnum):
    """How far two encodings lie from each other; less is nearer, and none has a unit."""

    EUCLIDEAN = "euclidean"
    """The length of the difference, face_recognition's."""
    SQUARED = "sqeuclidean"
    """The square of that."""
    COSINE = "cosine"
    """1 - cos of the angle between the two, 0 to 2."""
    INNER = "inner"
    """The negative inner product."""


@dataclass(frozen=True)
class Bins:
    """Bin k ends at the edge k x width, which it holds: ``distance <= k * width`` is the same as ``bin <= k``.

    Bin ``first`` holds all distances up to its edge, for distances that are never negative just those of 0; the bin
    after ``last`` holds all beyond the last edge.
    """

    metric: Metric
    first: int
    last: int
    width: Decimal

    @property
    def beyond(self) -> int:
        """The last bin, of all distances beyond the last edge."""
        return self.last + 1

    @property
    def count(self) -> int:
        """How many bins there are, that beyond the last edge included."""
        return self.beyond - self.first + 1

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The edges of bins ``first`` to ``last``: the float64 nearest to each multiple of the width.

        >>> EUCLIDEAN.edges[70]
        np.float64(0.07)
        """
        return np.array([float(number * self.width) for number in range(self.first, self.last + 1)])

    def places(self, distance: NDArray[np.float64]) -> NDArray[np.intp]:
        """The place of each distance's bin, counted from bin ``first``.

        >>> EUCLIDEAN.places(np.array([0.0, 1e-9, 0.07, 0.6, 2.0, 2.5])).tolist()
        [0, 1, 70, 600, 2000, 2001]
        """
        return np.searchsorted(self.edges, distance)


class BinCounts(NamedTuple):
    """Pairs a bin (int64) and their person weights a bin (float64), from bin ``first`` on."""

    first: int
    pairs: NDArray[np.int64]
    person_weight: NDArray[np.float64]

    def trimmed(self) -> "BinCounts | None":
        """These without the empty bins at both ends, as a copy; None where all are empty."""
        filled = np.flatnonzero(self.pairs)
        if not len(filled):
            return None
        part = slice(int(filled[0]), int(filled[-1]) + 1)
        return BinCounts(self.first + part.start, self.pairs[part].copy(), self.person_weight[part].copy())


def total(parts: Sequence[BinCounts]) -> BinCounts:
    """The sum of counts; weights are added in the order of the parts."""
    if len(parts) == 1:
        return parts[0]
    first = min(part.first for part in parts)
    size = max(part.first + len(part.pairs) for part in parts) - first
    pairs, weight = np.zeros(size, np.int64), np.zeros(size)
    for part in parts:
        place = slice(part.first - first, part.first - first + len(part.pairs))
        pairs[place] += part.pairs
        weight[place] += part.person_weight
    return BinCounts(first, pairs, weight)


# What face_recognition's encodings are compared by: distances of 0 to 2, a thousandth a bin.
EUCLIDEAN = Bins(Metric.EUCLIDEAN, 0, 2000, Decimal("0.001"))

# The Euclidean bins, in numbers.
BINS_PER_UNIT = 1000
LAST_EDGE = EUCLIDEAN.last
OVERFLOW = EUCLIDEAN.beyond
BINS = EUCLIDEAN.count
