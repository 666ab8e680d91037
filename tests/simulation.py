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
from facesql.paired import Table
from facesql.uncertainty import Rate

BINS = Bins(Metric.EUCLIDEAN, 0, 10, Decimal("0.1"))
# In wide bins, FMR and FNMR bend at the edges, and so does the EER: with finer ones it is as smooth as in a report.
FINE = Bins(Metric.EUCLIDEAN, 0, 50, Decimal("0.02"))
# So many distances are drawn at a time.
_AT_ONCE = 2**21
GENUINE, SPREAD, OF_PERSON = 0.45, 0.07, 0.05
IMPOSTOR, ALIKE, OF_PAIR = 0.8, 0.05, 0.05
# Of two encoders: how much larger the second's genuine distances are, and what spread of either's is its own.
FARTHER, OF_ENCODER = 0.03, 0.02
# How sure the intervals of a difference are.
CONFIDENCE = 0.95

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
    return block_counts(*simulated(people, photos, random, bins), bins)[0]


def simulated(
    people: int, photos: Photos, random: np.random.Generator, bins: Bins = BINS
) -> tuple[list[tuple[BlockPair, BinCounts]], pl.DataFrame]:
    """The counts of so many people, and block, faces and genuine pairs of each."""
    faces = photos(people, random)
    block = random.integers(0, BLOCKS, people)
    pairs = faces * (faces - 1) // 2
    genuine = _counted(block, block, pairs, GENUINE + random.normal(0, OF_PERSON, people), bins, random, same=True)
    alike = random.normal(0, ALIKE, people)
    i, j = np.triu_indices(people, 1)
    middle = IMPOSTOR + alike[i] + alike[j] + random.normal(0, OF_PAIR, len(i))
    first, second = np.minimum(block[i], block[j]), np.maximum(block[i], block[j])
    impostor = _counted(first, second, faces[i] * faces[j], middle, bins, random, same=False)
    return genuine + impostor, pl.DataFrame({"block": block, "faces": faces, "genuine_pairs": pairs})


def simulate_two(
    people: int, photos: Photos, random: np.random.Generator, bins: Bins = FINE
) -> dict[Weighting, tuple[Table, Table]]:
    """Two encoders on the same people; the second has genuine distances that are larger by FARTHER, on average.

    What makes a person hard, and two people alike, is the same for both, but for a part of either's own, OF_ENCODER.
    """
    faces = photos(people, random)
    block = random.integers(0, BLOCKS, people)
    pairs = faces * (faces - 1) // 2
    i, j = np.triu_indices(people, 1)
    first, second = np.minimum(block[i], block[j]), np.maximum(block[i], block[j])
    hard, alike = random.normal(0, OF_PERSON, people), random.normal(0, ALIKE, people)
    of_pair = random.normal(0, OF_PAIR, len(i))
    counted = []
    for more in (0.0, FARTHER):
        own = random.normal(0, OF_ENCODER, people)
        genuine = _counted(block, block, pairs, GENUINE + more + hard + own, bins, random, same=True)
        middle = IMPOSTOR + alike[i] + alike[j] + of_pair
        counted.append(genuine + _counted(first, second, faces[i] * faces[j], middle, bins, random, same=False))
    rows = pl.DataFrame({"block": block, "faces": faces, "genuine_pairs": pairs})
    counts = [block_counts(of, rows, bins)[0] for of in counted]
    return {
        weighting: (
            Table.of(counts[0][weighting], counted[0], bins, CONFIDENCE),
            Table.of(counts[1][weighting], counted[1], bins, CONFIDENCE),
        )
        for weighting in Weighting
    }


def truths_of_two(people: int, photos: Photos, bins: Bins = FINE) -> tuple[Truth, Truth]:
    """What holds for all people there are, of the two encoders of ``simulate_two``."""
    a, b = (truth(people, photos, bins, farther=farther, of_encoder=OF_ENCODER) for farther in (0.0, FARTHER))
    return a, b


def truth(people: int, photos: Photos, bins: Bins = BINS, *, farther: float = 0.0, of_encoder: float = 0.0) -> Truth:
    """The rates that the same number of other people have on average.

    Genuine distances are larger by ``farther``, and ``of_encoder`` is a further spread of theirs from person to person.
    """
    edges = bins.edges
    recall = ndtr((edges - GENUINE - farther) / np.sqrt(SPREAD**2 + OF_PERSON**2 + of_encoder**2))
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


def _counted(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    tries: NDArray[np.int64],
    middle: NDArray[np.float64],
    bins: Bins,
    random: np.random.Generator,
    *,
    same: bool,
) -> list[tuple[BlockPair, BinCounts]]:
    """So many distances around each middle, drawn and counted by bin and by the pair of blocks that they are of."""
    key = (first * BLOCKS + second) * bins.count
    size = BLOCKS * BLOCKS * bins.count
    pairs, weight = np.zeros(size, np.int64), np.zeros(size)
    ends = np.cumsum(tries)
    for chunk in np.array_split(np.arange(len(tries)), int(ends[-1]) // _AT_ONCE + 1):
        drawn = np.repeat(chunk, tries[chunk])
        distances = middle[drawn] + SPREAD * random.standard_normal(len(drawn))
        # The first bin holds what is at its edge, 0, or below; the last one all beyond the last edge.
        number = np.clip(np.ceil(distances / float(bins.width)).astype(np.int64), 0, bins.count - 1)
        place = key[drawn] + number
        pairs += np.bincount(place, minlength=size)
        weight += np.bincount(place, 1 / tries[drawn], size)
    rows = [cells.reshape(BLOCKS * BLOCKS, bins.count) for cells in (pairs, weight)]
    return [
        ((int(row) // BLOCKS, int(row) % BLOCKS, same), BinCounts(0, rows[0][row], rows[1][row]))
        for row in np.flatnonzero(rows[0].any(axis=1))
    ]
