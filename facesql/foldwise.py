"""Pairs with distances: how accurate a cut-off is, chosen on all folds but one and judged on that one. NumPy only."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from facesql.binning import Metric
from facesql.uncertainty import area, crossing

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


def pair_distances(a: NDArray[np.floating], b: NDArray[np.floating], metric: Metric) -> Numbers:
    """The distances of encodings in step, (n, d) each, in float64; see ``Metric``.

    >>> pair_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), Metric.EUCLIDEAN).tolist()
    [5.0]
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    match metric:
        case Metric.EUCLIDEAN:
            return np.asarray(np.linalg.norm(x - y, axis=1))
        case Metric.SQUARED:
            return np.asarray(((x - y) ** 2).sum(axis=1))
        case Metric.COSINE:
            lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
            return np.asarray(1 - (x * y).sum(axis=1) / lengths)
        case Metric.INNER:
            return np.asarray(-(x * y).sum(axis=1))


def best_cutoff(distances: Numbers, same: Flags) -> float:
    """The cut-off at which most pairs are decided rightly: those of one person match, ``distance <= cut-off``.

    It lies half-way between the farthest pair that matches and the next; where nothing matches, just below the nearest,
    and where all do, at the farthest. Of cut-offs that are equally accurate it is the lowest, at which least matches.

    >>> best_cutoff(np.array([0.25, 0.5, 0.75]), np.array([True, True, False]))
    0.625
    """
    order = np.argsort(distances, kind="stable")
    values, starts = np.unique(distances[order], return_index=True)
    genuine = np.append(0, np.cumsum(same[order]))[np.append(starts, len(order))]
    matched = np.append(starts, len(order))
    right = genuine + (len(order) - int(same.sum())) - (matched - genuine)
    place = int(np.argmax(right))
    if place == 0:
        return float(np.nextafter(values[0], -np.inf))
    if place == len(values):
        return float(values[-1])
    low, high = float(values[place - 1]), float(values[place])
    middle = low + (high - low) / 2
    return middle if middle < high else low


@dataclass(frozen=True)
class Spread:
    """What a rate is over folds."""

    mean: float
    sd: float
    """The standard deviation of the folds, n - 1 in the divisor."""
    se: float
    """That over the root of the number of folds: the standard error of the mean, as LFW asks for it."""

    @classmethod
    def of(cls, rates: Numbers) -> "Spread":
        """The spread of the rates of two folds or more."""
        sd = float(rates.std(ddof=1))
        return cls(float(rates.mean()), sd, sd / sqrt(len(rates)))


def chosen_on_others(distances: Numbers, same: Flags, folds_of: NDArray[np.int64], folds: int) -> Numbers:
    """For each fold, the best cut-off of the pairs of all others, (folds,).

    ``folds_of`` are the folds that each pair has a part in, (pairs, n): those of its people, or its own, n times.
    """
    others = [(folds_of != number).all(axis=1) for number in range(folds)]
    return np.array([best_cutoff(distances[chosen], same[chosen]) for chosen in others])


def rightly_decided(distances: Numbers, same: Flags, cutoffs: Numbers) -> Flags:
    """Whether each pair is decided rightly at its cut-off."""
    return np.asarray((distances <= cutoffs) == same)


@dataclass(frozen=True)
class Curve:
    """The ROC of pairs: a point at every distance, ascending, (points,) each; without the origin."""

    cutoff: Numbers
    fmr: Numbers
    recall: Numbers

    @classmethod
    def of(cls, distances: Numbers, same: Flags) -> "Curve":
        """Of pairs of both classes."""
        cutoff = np.unique(distances)
        rates = [
            np.searchsorted(np.sort(distances[of_class]), cutoff, "right") / of_class.sum()
            for of_class in (~same, same)
        ]
        return cls(cutoff, *rates)

    @property
    def auc(self) -> float:
        """The area below: the chance that a genuine pair is nearer than an impostor pair, equals counted half."""
        return float(area(self.fmr[np.newaxis], self.recall[np.newaxis])[0])

    @property
    def eer(self) -> float:
        """The rate at which FMR and FNMR are equal, straight lines between the points."""
        return float(crossing(self.fmr[np.newaxis], 1 - self.recall[np.newaxis])[0])
