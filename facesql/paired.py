"""Two tables of the same people: how much their rates differ, and how sure that is for other people.

Each rate is computed again without each block of people in both tables, and the jackknife is that of the difference
(see facesql.uncertainty, whose rules for degrees of freedom, and for when there is a bound, are used): what makes both
encoders err together takes no part in it. What the jackknife counts twice of impostor pairs is that of the difference,
too: of how much more each pair of blocks has of what matches in the one table than in the other.

Distances of two encoders have different scales. So FNMR is compared where FMR is equal: each table has the cut-off at
which its FMR is what is asked for, between two edges by straight lines, and chosen again without each block. Rates at
the recommended cut-offs are those at one cut-off a table, chosen once: what each would do where it is used.

Where few err in either table there is a bound instead: from the lowest end that one table has to the highest of the
other, each so sure that both hold with the confidence that is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from facesql.binning import Bins
from facesql.blocks import BLOCKS, BlockCounts, Counted, Numbers, Weighting, effective
from facesql.uncertainty import (
    Band,
    Estimate,
    Rate,
    area,
    auc,
    crossing,
    eer,
    fmr_without,
    fnmr_without,
    freedom_of_one,
    freedom_of_two,
    genuine_without,
    impostor_without,
    jackknife_variance,
    of_pairs_alone,
    quiet,
    rate_bands,
    student_quantile,
    wide_rates,
    wide_slopes,
    with_ends,
)


@dataclass(frozen=True)
class Measured:
    """One figure of one table."""

    value: float
    without: Numbers
    """The figure without each block that has people, (blocks,); NaN where a block has no part in it."""
    shares: Numbers
    """How much more than its share each pair of different blocks has of the figure, by its impostors, (pairs,)."""
    own: Numbers
    """Likewise all pairs that touch a block, (blocks,)."""
    low: float
    """What the figure is at least for other people, so sure as ``Table.confidence`` says."""
    high: float
    bound: bool
    """Whether too few err for a jackknife."""
    most: float
    """Degrees of freedom at most."""
    of_one: bool
    """Whether all that err are pairs of one person."""


@dataclass(frozen=True)
class Difference:
    """A figure of two tables, and what the second has more than the first."""

    a: float
    b: float
    value: float
    low: float
    high: float
    se: float
    """The standard error of the difference; NaN where there is a bound."""
    bound: bool
    """Whether low and high are a bound, for few err."""

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Table:
    """The counts of one table under one weighting."""

    counts: BlockCounts
    counted: Counted
    """The impostor pairs that ``counts`` were summed from, in the order of their blocks."""
    bins: Bins
    confidence: float
    """How sure the ends of its own bounds are."""

    @classmethod
    def of(cls, counts: BlockCounts, counted: Counted, bins: Bins, confidence: float) -> "Table":
        """So that bounds of a difference hold with that confidence: they are made of four ends, two a table."""
        impostor = sorted((row for row in counted if not row[0][2]), key=lambda row: row[0])
        return cls(counts, impostor, bins, 1 - (1 - confidence) / 4)

    @cached_property
    def bands(self) -> Mapping[Rate, Band]:
        """All rates at each cut-off."""
        return rate_bands(self.counts, self.confidence)

    @cached_property
    def blocks(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The two blocks of each row of impostor pairs."""
        a, b = (np.array([key[side] for key, _ in self.counted], np.intp) for side in range(2))
        return a, b

    @cached_property
    def pairs(self) -> Numbers:
        """The share that each row has of all impostor pairs."""
        alls = np.array([self._weights(row).sum(dtype=np.float64) for row in range(len(self.counted))])
        return np.asarray(alls / alls.sum())

    @cached_property
    def pairs_of_people(self) -> Numbers:
        """The share that each row has of all pairs of people."""
        (a, b), people = self.blocks, self.counts.people
        across = np.where(a == b, people[a] * (people[a] - 1) / 2, people[a] * people[b])
        return np.asarray(across / self.counts.pairs_of_people)

    def _weights(self, row: int) -> NDArray[np.number]:
        counts = self.counted[row][1]
        return counts.pairs if self.counts.weighting is Weighting.PAIRS else counts.person_weight

    def impostors(self, slopes: Numbers, share: Numbers) -> tuple[Numbers, Numbers]:
        """What the impostors of each two blocks, and those that touch each, have more than their share of a figure.

        ``slopes`` are how far the figure moves with the number of impostor pairs that match at each edge, (edges,).
        """
        # A pair matches at its bin's edge and at all later ones.
        later = np.append(np.cumsum(slopes[::-1])[::-1], 0.0)
        sums = np.empty(len(self.counted))
        for row, (_, counts) in enumerate(self.counted):
            place = counts.first - self.bins.first
            weights = self._weights(row)
            sums[row] = weights.astype(np.float64) @ later[place : place + len(weights)]
        more = sums - sums.sum() * share
        a, b = self.blocks
        across = a != b
        own = np.bincount(a, more, BLOCKS) + np.bincount(b[across], more[across], BLOCKS)
        return np.asarray(more[across]), np.asarray(own[self.counts.present], np.float64)

    @cached_property
    def fmr(self) -> Numbers:
        """FMR at each edge."""
        return np.asarray(self.counts.impostor / self.counts.impostor_all)

    @cached_property
    def fnmr(self) -> Numbers:
        """FNMR at each edge."""
        every = self.counts.genuine_all.sum()
        return np.asarray((every - self.counts.genuine.sum(axis=0)) / every)

    @cached_property
    def wide_rates(self) -> tuple[float, Numbers, Numbers]:
        """See ``facesql.uncertainty.wide_rates``."""
        return wide_rates(self.counts, self.fmr, self.fnmr)

    @property
    def freedom(self) -> float:
        """Degrees of freedom at most of what hangs on both classes."""
        return min(effective(self.counts.genuine_all), effective(self.counts.touching_all)) - 1

    def one_hot(self, place: int, height: float) -> Numbers:
        """Slopes of what hangs on the impostor pairs that match at one edge."""
        slopes = np.zeros(len(self.fmr))
        slopes[place] = height
        return slopes


@quiet
def fmr_at(table: Table, place: int) -> Measured:
    """FMR at the edge of that place."""
    counts, band = table.counts, table.bands[Rate.FMR]
    impostors = table.impostors(table.one_hot(place, 1 / counts.impostor_all), table.pairs)
    without = fmr_without(counts)[counts.present, place]
    return _measured(band, place, without, impostors, effective(counts.touching_all) - 1)


@quiet
def fnmr_at(table: Table, place: int) -> Measured:
    """FNMR at the edge of that place."""
    counts, band = table.counts, table.bands[Rate.FNMR]
    without = np.where(counts.genuine_all > 0, fnmr_without(counts)[:, place], np.nan)[counts.present]
    most = effective(counts.genuine_all) - 1
    return _measured(band, place, without, (np.zeros(1), np.zeros(1)), most, of_one=True)


@quiet
def precision_at_place(table: Table, place: int) -> Measured:
    """Precision at the edge of that place; both classes are put to what all people would have."""
    counts, band = table.counts, table.bands[Rate.PRECISION]
    log_odds = np.log(genuine_without(counts)[:, place]) - np.log(impostor_without(counts)[:, place])
    value = band.value[place]
    slope = -value * (1 - value) / counts.impostor[place]
    impostors = table.impostors(table.one_hot(place, slope), table.pairs_of_people)
    most = effective(counts.genuine_all) - 1
    return _measured(band, place, expit(log_odds)[counts.present], impostors, most)


@quiet
def fnmr_at_fmr(table: Table, target: float) -> Measured:
    """FNMR where FMR is ``target``: straight lines between the last edge at which it is at most that and the next."""
    counts = table.counts
    value = float(_at_rate(table.fmr[np.newaxis], table.fnmr[np.newaxis], target)[0])
    wide, fmr, fnmr = table.wide_rates
    moved = logit(_at_rate(fmr, fnmr, target)) - logit(value)
    place = max(int(np.searchsorted(table.fmr, target, "right")) - 1, 0)
    rise, fall = wide_slopes(table.fmr, table.fnmr, target)
    slope = fall / rise if rise > 0 else 0.0  # FNMR falls so much where FMR may rise by 1
    shares, own = table.impostors(table.one_hot(place, slope / counts.impostor_all), table.pairs)
    false, missed = table.bands[Rate.FMR], table.bands[Rate.FNMR]
    # The cut-off that people at large have lies from the first edge whose FMR may reach the target to the last.
    edges = len(table.fmr)
    earliest = int(np.searchsorted(false.high, target)) - 1
    latest = int(np.searchsorted(false.low, target, "right"))
    return Measured(
        value=value,
        without=expit(logit(value) + moved / wide),
        shares=shares,
        own=own,
        low=min(value, float(missed.low[latest]) if latest < edges else 0.0),
        high=max(value, float(missed.high[earliest]) if earliest >= 0 else 1.0),
        bound=bool(false.bound[place] or missed.bound[place] or not rise > 0),
        most=table.freedom,
        of_one=False,
    )


@quiet
def eer_of(table: Table) -> Measured:
    """The EER, as facesql.uncertainty has it."""
    value = float(crossing(table.fmr[np.newaxis], table.fnmr[np.newaxis])[0])
    wide, fmr, fnmr = table.wide_rates
    moved = logit(crossing(fmr, fnmr)) - logit(value)
    place = int(np.argmin(np.abs(table.fmr - table.fnmr)))
    rise, fall = wide_slopes(table.fmr, table.fnmr, value)
    # How far the crossing follows FMR: the share that FNMR has of the two slopes there.
    follows = fall / (rise + fall) if rise + fall > 0 else 0.5
    impostors = table.impostors(table.one_hot(place, follows / table.counts.impostor_all), table.pairs)
    estimate = eer(table.counts, table.confidence, table.bands)
    return _of_both(table, value, expit(logit(value) + moved / wide), impostors, estimate)


@quiet
def auc_of(table: Table) -> Measured:
    """The area under the ROC, as facesql.uncertainty has it."""
    counts = table.counts
    value = float(area(table.fmr[np.newaxis], 1 - table.fnmr[np.newaxis])[0])
    without = area(fmr_without(counts)[counts.present], 1 - fnmr_without(counts)[counts.present])
    # By parts: an edge's FMR counts for the recall that is gained half before and half after it.
    gained = np.diff(1 - table.fnmr, prepend=0, append=1)
    slopes = -(gained[:-1] + gained[1:]) / 2 / counts.impostor_all
    estimate = auc(counts, table.confidence, table.bands)
    return _of_both(table, value, without, table.impostors(slopes, table.pairs), estimate)


@quiet
def difference(a: Measured, b: Measured, confidence: float) -> Difference:
    """What the second has more than the first, with its interval, or its bound where few err in either."""
    value = b.value - a.value
    if a.bound or b.bound:
        return Difference(a.value, b.value, value, b.low - a.high, b.high - a.low, nan, bound=True)
    without = b.without - a.without
    without = without[np.isfinite(without)][:, np.newaxis]
    if len(without) < 2:
        return Difference(a.value, b.value, value, nan, nan, nan, bound=False)
    squares, own = float(((b.shares - a.shares) ** 2).sum()), float(((b.own - a.own) ** 2).sum())
    doubled = of_pairs_alone(np.array([squares]), np.array([own]), len(b.own))
    variance = float(jackknife_variance(without, doubled)[0])
    rule = freedom_of_one if a.of_one and b.of_one else freedom_of_two
    reach = float(student_quantile(rule(without, min(a.most, b.most)), confidence)[0]) * sqrt(variance)
    return Difference(a.value, b.value, value, value - reach, value + reach, sqrt(variance), bound=False)


def place_at_fmr(table: Table, target: float) -> int | None:
    """The place of the last edge at which FMR is at most that; None where it is more at all of them."""
    place = int(np.searchsorted(table.fmr, target, "right")) - 1
    return place if place >= 0 else None


def _measured(
    band: Band,
    place: int,
    without: Numbers,
    impostors: tuple[Numbers, Numbers],
    most: float,
    *,
    of_one: bool = False,
) -> Measured:
    """A rate at one edge."""
    value, low, high = (float(ends[place]) for ends in (band.value, band.low, band.high))
    return Measured(value, without, *impostors, low, high, bool(band.bound[place]), most, of_one)


def _of_both(
    table: Table, value: float, without: Numbers, impostors: tuple[Numbers, Numbers], estimate: Estimate | None
) -> Measured:
    """A figure that hangs on both classes, of which ``estimate`` has the ends."""
    low, high, bound = (0.0, 1.0, True) if estimate is None else (estimate.low, estimate.high, estimate.bound)
    return Measured(value, without, *impostors, low, high, bound, table.freedom, of_one=False)


def _at_rate(fmr: Numbers, fnmr: Numbers, target: float) -> Numbers:
    """FNMR where FMR is the target, below 1, straight lines between edges; (rows, edges) each, one a row."""
    fmr, fnmr = with_ends(fmr, 0, 1), with_ends(fnmr, 1, 0)
    after = (fmr > target).argmax(axis=1)
    rows, before = np.arange(len(fmr)), after - 1
    share = (target - fmr[rows, before]) / (fmr[rows, after] - fmr[rows, before])
    return np.asarray(fnmr[rows, before] + share * (fnmr[rows, after] - fnmr[rows, before]))
