"""People drawn at random, with rates of their own that are known: to see how often an interval holds the truth.

A genuine distance of person i is normal around 0.45 + s(i), an impostor distance of i and j around 0.8 + a(i) + a(j) +
e(i, j); s, a and e are normal. Photos of a person, and with them pairs, are independent of these, so that weighting by
pairs and by people has one truth for FMR and FNMR.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

from facesql.binning import BinCounts, Bins, BlockPair, Metric
from facesql.blocks import BLOCKS, BlockCounts, Weighting, block_counts
from facesql.uncertainty import Rate

BINS = Bins(Metric.EUCLIDEAN, 0, 10, Decimal("0.1"))
GENUINE, SPREAD, OF_PERSON = 0.45, 0.07, 0.05
IMPOSTOR, ALIKE, OF_PAIR = 0.8, 0.05, 0.05

Photos = Callable[[int, np.random.Generator], NDArray[np.int64]]


def equal(people: int, _random: np.random.Generator) -> NDArray[np.int64]:
    """Four photos a person."""
    return np.full(people, 4)


def geometric(people: int, random: np.random.Generator) -> NDArray[np.int64]:
    """One photo to many, 2.5 on average."""
    return random.geometric(0.4, people)


def few(people: int, random: np.random.Generator) -> NDArray[np.int64]:
    """One person in ten has 20 photos, and with them nearly all genuine pairs; the others have one or two, or more."""
    return np.where(random.random(people) < 0.1, 20, random.geometric(0.6, people)).astype(np.int64)


@dataclass(frozen=True)
class Truth:
    """What holds for all people there are, at each edge."""

    rates: dict[Weighting, dict[Rate, NDArray[np.float64]]]
    eer: float
    auc: float


def simulate(
    people: int, photos: Photos, random: np.random.Generator, bins: Bins = BINS
) -> dict[Weighting, BlockCounts]:
    """So many people, drawn and compared."""
    faces = photos(people, random)
    block = random.integers(0, BLOCKS, people)
    pairs = faces * (faces - 1) // 2
    edges = bins.edges
    genuine_at = ndtr((edges - GENUINE - random.normal(0, OF_PERSON, people)[:, np.newaxis]) / SPREAD)
    genuine = _drawn(pairs, genuine_at, random)
    alike = random.normal(0, ALIKE, people)
    i, j = np.triu_indices(people, 1)
    middle = IMPOSTOR + alike[i] + alike[j] + random.normal(0, OF_PAIR, len(i))
    tries = faces[i] * faces[j]
    impostor = _drawn(tries, ndtr((edges - middle[:, np.newaxis]) / SPREAD), random)
    first, second = np.minimum(block[i], block[j]), np.maximum(block[i], block[j])
    counted = _counted(block, block, genuine, 1 / np.maximum(pairs, 1), bins, same=True)
    counted += _counted(first, second, impostor, 1 / tries, bins, same=False)
    table = pl.DataFrame({"block": block, "faces": faces, "genuine_pairs": pairs})
    return block_counts(counted, table, bins)[0]


def truth(people: int, photos: Photos, bins: Bins = BINS) -> Truth:
    """The rates that the same number of other people have on average."""
    edges = bins.edges
    recall = ndtr((edges - GENUINE) / np.hypot(SPREAD, OF_PERSON))
    fmr = ndtr((edges - IMPOSTOR) / np.sqrt(SPREAD**2 + 2 * ALIKE**2 + OF_PAIR**2))
    many = photos(4_000_000, np.random.default_rng(0)).astype(np.float64)
    genuine_pairs = {Weighting.PAIRS: (many * (many - 1) / 2).mean(), Weighting.PEOPLE: (many > 1).mean()}
    impostor_pairs = {Weighting.PAIRS: many.mean() ** 2, Weighting.PEOPLE: 1.0}
    rates = {}
    for weighting in Weighting:
        every, others = people * genuine_pairs[weighting], people * (people - 1) / 2 * impostor_pairs[weighting]
        genuine, impostor = every * recall, others * fmr
        rates[weighting] = {
            Rate.PRECISION: genuine / (genuine + impostor),
            Rate.RECALL: recall,
            Rate.FMR: fmr,
            Rate.FNMR: 1 - recall,
            Rate.F1: 2 * genuine / (every + genuine + impostor),
        }
    far_recall, far_fmr = np.append(recall, 1), np.append(fmr, 1)
    area = float(np.trapezoid(np.append(0, far_recall), np.append(0, far_fmr)))
    after = int((fmr >= 1 - recall).argmax())
    gaps = (1 - recall - fmr)[after - 1 : after + 1]
    share = gaps[0] / (gaps[0] - gaps[1])
    return Truth(rates, float(fmr[after - 1] + share * (fmr[after] - fmr[after - 1])), area)


def _drawn(tries: NDArray[np.int64], at: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """How many of the tries lie in each bin, also beyond the last edge; ``at`` is the share up to each edge."""
    shares = np.diff(at, axis=1, prepend=0, append=1)
    return random.multinomial(tries, shares / shares.sum(axis=1, keepdims=True))


def _counted(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    pairs: NDArray[np.int64],
    weight: NDArray[np.float64],
    bins: Bins,
    *,
    same: bool,
) -> list[tuple[BlockPair, BinCounts]]:
    """Pairs a bin, summed by the pair of blocks that they are of."""
    key = first * BLOCKS + second
    sums = np.zeros((BLOCKS * BLOCKS, bins.count)), np.zeros((BLOCKS * BLOCKS, bins.count))
    for number in range(bins.count):
        sums[0][:, number] = np.bincount(key, pairs[:, number], BLOCKS * BLOCKS)
        sums[1][:, number] = np.bincount(key, pairs[:, number] * weight, BLOCKS * BLOCKS)
    return [
        ((int(row) // BLOCKS, int(row) % BLOCKS, same), BinCounts(0, sums[0][row].astype(np.int64), sums[1][row]))
        for row in np.flatnonzero(sums[0].any(axis=1))
    ]
