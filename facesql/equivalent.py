"""Metrics by way of Euclidean distances: what orders pairs as a metric does, and what it is in that metric."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facesql.binning import Metric

# Those whose order is that of Euclidean distances: cosine's of encodings of length 1, where it is half the square.
ORDERED = frozenset({Metric.EUCLIDEAN, Metric.SQUARED, Metric.COSINE})


Distance = TypeVar("Distance", float, NDArray[np.float64])


@dataclass(frozen=True)
class Equivalent:
    """Euclidean distances between ``encodings`` of this stand for those of ``metric``, which is one of ORDERED.

    What needs the geometry of lengths, such as medians of distances and densities of them, is computed of these, and
    told in the metric.
    """

    metric: Metric = Metric.EUCLIDEAN

    @classmethod
    def of(cls, metric: Metric) -> "Equivalent":
        """That of a metric; of one that orders pairs otherwise, as inner products do, the Euclidean one."""
        return cls(metric if metric in ORDERED else Metric.EUCLIDEAN)

    def encodings(self, encodings: NDArray[np.floating]) -> NDArray[np.floating]:
        """Encodings (n, d) such that Euclidean distances order their pairs: for cosine of length 1, in float64.

        >>> Equivalent(Metric.COSINE).encodings(np.array([[3.0, 4.0]])).tolist()
        [[0.6, 0.8]]
        """
        if self.metric is not Metric.COSINE:
            return encodings
        wide = encodings.astype(np.float64)
        largest = np.abs(wide).max(axis=1, keepdims=True)  # lest squares overflow, or vanish
        wide /= np.where(largest > 0, largest, 1)
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        return np.asarray(wide / np.where(lengths > 0, lengths, 1))

    def told(self, distance: Distance) -> Distance:
        """What a Euclidean distance of such encodings is in the metric.

        >>> Equivalent(Metric.COSINE).told(2.0), Equivalent(Metric.SQUARED).told(3.0)
        (2.0, 9.0)
        """
        match self.metric:
            case Metric.SQUARED:
                return distance**2
            case Metric.COSINE:
                return distance**2 / 2
            case _:
                return distance

    def euclidean(self, distance: float) -> float:
        """The Euclidean distance of such encodings that is told so: what ``told`` turns back.

        >>> Equivalent(Metric.COSINE).euclidean(0.5)
        1.0
        """
        match self.metric:
            case Metric.SQUARED:
                return float(np.sqrt(distance))
            case Metric.COSINE:
                return float(np.sqrt(2 * distance))
            case _:
                return distance
