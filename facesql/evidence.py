"""How much a distance tells: of one person or of two, as odds, from the same data's distances.

The model is that of label errors as rare outliers. A distance has a *genuine* density, that of sets of one person's
photos, and an *impostor* density, that of sets of two people's. Both are fitted so that a few wrong labels among the
data do not move them, and both are taken from the statistic that is judged: medians of as many photos.

- Middle and spread are the median and 1.4826 x the median absolute deviation (Huber and Ronchetti, Robust Statistics,
  2nd ed., section 5.1; Rousseeuw and Croux, JASA 88, 1993): half of the data may be wrong before these are.
- Genuine distances have a longer upper tail than a normal distribution, for some photos are poor: beyond the quantile
  of 0.9 the density is at least an exponential one with the median excess of what lies beyond (peaks over a threshold:
  Coles, An Introduction to Statistical Modeling of Extreme Values, chapter 4, with shape 0). Were one in a hundred
  wrong, that would be a tenth of the excesses, and the median of them hardly moves.
- The impostor density falls to near distances as a normal one, whose spread is also at least what the lower quantile of
  2 / people tells. Below it lie as many pairs as there are people: twice as many as there would be of one person if
  every person had two names.
- Nearer than the genuine middle is not less genuine, farther than the impostor middle not less impostor: there the
  densities stay level. So the odds fall with the distance, all the way.

Odds are posterior ones: the likelihood ratio times the prior odds of an error, ``PRIOR``. Something is suspected where
they are above 1; by Markov's inequality at most ``PRIOR`` of what is right is suspected wrongly, if the densities hold.

Who is nearest is found among all others, and some people are near many: for those a near neighbour tells little (the
"lambs" and "wolves" of Doddington et al., ICSLP 1998). So the nearest is judged beside the runner-up, as Lowe's ratio
test does (IJCV 60, 2004), here the third nearest, for three names may be one person's; see ``log_search``.
"""

from dataclasses import dataclass
from math import isfinite, log, pi

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

# Of labels, one in a hundred is wrong before anything is seen. Ten public test sets had 3.3% on average (Northcutt,
# Athalye and Mueller, Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks, NeurIPS 2021).
PRIOR = 0.01
# Fewer statistics than these do not make a density of their own: of a hundred, two that are wrong do not reach the
# quantile of 0.95, by which the tail is fitted. A class of larger sets takes the density of smaller ones then.
LEAST_VALUES = 100
_FAR = 0.9
_MAD_TO_SD = 1.4826

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Genuine:
    """The density of distances of one person's photos."""

    middle: float
    spread: float
    tail: float
    """Where the tail begins, the quantile of 0.9."""
    scale: float
    """The mean excess beyond it."""

    def log_density(self, distance: float) -> float:
        """Its logarithm; level below the middle."""
        distance = max(distance, self.middle)
        body = _log_normal(distance, self.middle, self.spread)
        if distance <= self.tail:
            return body
        return max(body, log((1 - _FAR) / self.scale) - (distance - self.tail) / self.scale)


@dataclass(frozen=True)
class Impostor:
    """The density of distances of two people's photos."""

    middle: float
    spread: float

    def log_search(self, others: int, runner_up: float) -> float:
        """What the search for the nearest of so many others takes from the odds, with the third nearest so far away.

        By chance the two nearest lie as impostor distances below the runner-up's do: with H the share of these, the
        density of the nearest is at most 2 / H times theirs. Of fewer than three others each is as likely, 1 / others.
        """
        if not isfinite(runner_up):
            return -log(max(1, others))
        return float(log_ndtr((runner_up - self.middle) / self.spread)) - log(2)

    def log_density(self, distance: float) -> float:
        """Its logarithm; level above the middle."""
        return _log_normal(min(distance, self.middle), self.middle, self.spread)


def log_ratio(genuine: Genuine, impostor: Impostor, distance: float) -> float:
    """The logarithm of the likelihood ratio of one person to two, at a distance; it falls with the distance.

    >>> round(log_ratio(Genuine(0.4, 0.1, 0.5, 0.1), Impostor(0.8, 0.1), 0.4), 6)
    8.0
    """
    return genuine.log_density(distance) - impostor.log_density(distance)


def fit_genuine(distances: Floats, weights: Floats, least: float) -> Genuine:
    """The density of distances with weights, both of shape (n,), n > 0; no spread is below ``least``."""
    middle = quantile(distances, weights, 0.5)
    tail = quantile(distances, weights, _FAR)
    excess = quantile(distances, weights, 1 - (1 - _FAR) / 2) - tail
    spread = _MAD_TO_SD * quantile(np.abs(distances - middle), weights, 0.5)
    return Genuine(middle, max(spread, least), tail, max(excess / log(2), least))


def fit_impostor(distances: Floats, weights: Floats, people: int, least: float) -> Impostor:
    """The density of distances with weights, both of shape (n,), n > 0, of pairs of so many people."""
    middle = quantile(distances, weights, 0.5)
    spread = _MAD_TO_SD * quantile(np.abs(distances - middle), weights, 0.5)
    share = 2 / people
    if share < 0.25:  # else the quartiles tell as much
        spread = max(spread, (quantile(distances, weights, share) - middle) / float(ndtri(share)))
    return Impostor(middle, max(spread, least))


def quantile(values: Floats, weights: Floats, share: float) -> float:
    """The least value at which the weights up to it are that share of all.

    >>> quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    return float(values[order[min(int(np.searchsorted(upto, share * upto[-1])), len(order) - 1)]])


def _log_normal(distance: float, middle: float, spread: float) -> float:
    return -(((distance - middle) / spread) ** 2) / 2 - log(spread) - log(2 * pi) / 2
