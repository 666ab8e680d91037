"""How sure a rate is for other people than those compared: intervals from leaving people out, a block at a time.

Pairs are not independent, for a person is in many: what is independent are people. A rate is computed again without
each block of people; how far these rates lie from each other tells how far the rate of other people may lie (the
delete-a-group jackknife: P. S. Kott, The delete-a-group jackknife, J. Official Statistics 17, 2001), on the logit
scale, on which no interval leaves 0 to 1. Its quantile is Student's, with one degree of freedom less than there are
blocks in effect (Kish), for precision and F1 of the genuine pairs, which are fewer. What the blocks add to the variance
tells of still fewer where few make most of it: those in effect, less two, of which one is what simulations ask for
where few people have most photos; for recall and FNMR, by F. E. Satterthwaite
(An approximate distribution of estimates of variance components, Biometrics Bulletin 2, 1946).

An impostor pair is of two people, and so those across blocks are left out twice: once with each. What the jackknife
counts twice of these is taken off again (B. Efron and C. Stein, The jackknife estimate of variance, Ann. Statist. 9,
1981, show the surplus; P. M. Aronow, C. Samii and V. A. Assenova, Cluster-robust variance estimation for dyadic data,
Political Analysis 23, 2015, the sum without it), but for as much as the pairs of blocks would vary if they were
independent. That is what they have beyond what each of their two blocks adds to all its pairs, for this is the blocks'
own (W. Hoeffding, A class of statistics with asymptotically normal distribution, Ann. Math. Statist. 19, 1948).

Where fewer than ten blocks of people err, or one has a part in every error, leaving them out cannot tell, and there is
a bound instead: that of Clopper and Pearson for independent people, and for FMR disjoint pairs of people, as many as
there are in effect (E. L. Korn and B. I. Graubard, Confidence intervals for proportions with small expected number of
positive counts estimated from survey data, Survey Methodology 24, 1998). Where none errs it is the rule of three: at
most 3 in n, at 95%. Where every person counts the same, FNMR is bounded so where all errors together are worth less
than five people who always err, too: these may be of people with many photos, who err now and then, and one person of
two photos would outweigh them. Precision and F1 have the bounds that follow from those of recall and FMR: where few
false matches were seen, one person whom many look like would make more of them than all genuine pairs.

tests/benchmarks/coverage.py counts how often intervals hold the truth.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isnan, sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, logit, stdtrit

from facesql.binning import Bins
from facesql.blocks import BlockCounts, GroupPairCounts, Numbers, Weighting, effective

# Where fewer blocks err, there is a bound and no interval.
LEAST_ERRING = 10
# So, too, where errors are worth fewer people who always err, if every person counts the same.
LEAST_WORTH = 5
# With fewer degrees of freedom, one block at one cut-off would make an interval of 0 to 1, and of its neighbours, too.
_LEAST_FREEDOM = 2
# A rate of no pairs is NaN, and the logit of 0 is infinite; what is said of them is a bound, or nothing.
quiet = np.errstate(divide="ignore", invalid="ignore")


class Rate(StrEnum):
    """The rates of the cut-off table that have intervals."""

    PRECISION = "precision"
    RECALL = "recall"
    FMR = "fmr"
    FNMR = "fnmr"
    F1 = "f1"


@dataclass(frozen=True)
class Band:
    """A rate at each cut-off with its interval, in 0 to 1; (edges,) each, NaN where there are no pairs to tell from."""

    value: Numbers
    low: Numbers
    high: Numbers
    se: Numbers
    """The standard error, the jackknife's of the rate itself; NaN where the interval is a bound."""
    bound: NDArray[np.bool_]
    """Whether low and high are a bound from the number of people, and not an interval."""

    def reversed(self) -> "Band":
        """That of 1 - rate."""
        return Band(1 - self.value, 1 - self.high, 1 - self.low, self.se, self.bound)

    def at(self, place: int) -> "Estimate | None":
        """That at one cut-off, by its place; None where there are no pairs to tell from."""
        value, low, high = (float(ends[place]) for ends in (self.value, self.low, self.high))
        return None if isnan(value) else Estimate(value, low, high, bool(self.bound[place]))


@dataclass(frozen=True)
class Estimate:
    """A single figure with its interval, both in 0 to 1."""

    value: float
    low: float
    high: float
    bound: bool
    """Whether low and high are a bound from the number of people."""


@quiet
def rate_bands(counts: BlockCounts, confidence: float = 0.95) -> dict[Rate, Band]:
    """All rates at each cut-off with their intervals, which hold the rate of other people with that confidence.

    The intervals of FMR, FNMR and recall rise or fall with the cut-off, as the rates do.
    """
    fmr, fnmr = fmr_band(counts, confidence), fnmr_band(counts, confidence)
    recall = fnmr.reversed()
    precision = _precision_band(counts, recall, fmr, confidence)
    return {
        Rate.PRECISION: precision,
        Rate.RECALL: recall,
        Rate.FMR: fmr,
        Rate.FNMR: fnmr,
        Rate.F1: _f1_band(counts, precision, recall, confidence),
    }


@quiet
def fmr_band(counts: BlockCounts, confidence: float = 0.95) -> Band:
    """The false match rate: of the impostor pairs, the share that match.

    Where few err, the bound is one of disjoint pairs of people, or the upper end of the next interval, if that is less:
    FMR never falls with the cut-off.
    """
    value = counts.impostor / counts.impostor_all
    band = interval(
        value,
        logit(fmr_without(counts)),
        counts.present,
        doubled_fmr(counts) / (1 - value) ** 2,
        effective(counts.touching_all) - 1,
        confidence,
    )
    few = _few(counts.touching, counts.impostor)
    few_not = _few(_column(counts.touching_all) - counts.touching, counts.impostor_all - counts.impostor)
    return _monotone(_bounded(band, few, few_not, counts.independent_pairs(), confidence))


@quiet
def fnmr_band(counts: BlockCounts, confidence: float = 0.95) -> Band:
    """The false non-match rate: of the genuine pairs, the share that do not match; bounds are those of people."""
    missed = _column(counts.genuine_all) - counts.genuine
    every = counts.genuine_all.sum()
    value = missed.sum(axis=0) / every
    band = interval(
        value,
        logit(fnmr_without(counts)),
        counts.present & (counts.genuine_all > 0),
        np.zeros_like(value),
        effective(counts.genuine_all) - 1,
        confidence,
        freedom_of_one,
    )
    few, few_not = (
        _few(of_blocks, of_all) | _little(of_all / every, counts)
        for of_blocks, of_all in ((missed, missed.sum(axis=0)), (counts.genuine, counts.genuine.sum(axis=0)))
    )
    bounded = _bounded(_flipped(band), few[::-1], few_not[::-1], counts.genuine_people, confidence)
    return _flipped(_monotone(bounded))


@quiet
def fmr_between(counts: GroupPairCounts, confidence: float = 0.95) -> Estimate | None:
    """The false match rate of people of two groups at one cut-off; None where there are no pairs.

    A block is left out of both groups at once. Where few blocks of either group err, the bound is one of disjoint pairs
    of people, for those of the smaller one are all that it has: errors of many others with few people tell of these.
    """
    matched, pairs = counts.matched.sum(), counts.pairs.sum()
    if not pairs:
        return None
    value = np.array([matched / pairs])
    touching, touching_all = (_touching(cells) for cells in (counts.matched, counts.pairs))
    without = logit((matched - touching) / (pairs - touching_all))
    across = ~np.eye(len(touching), dtype=np.bool_)
    # What each pair of blocks has more than its share, of all that match: it is left out with the one and the other.
    doubled = (((counts.matched / matched - counts.pairs / pairs) ** 2)[across]).sum() / (1 - value) ** 2
    freedom = effective(touching_all) - 1
    band = interval(value, _column(without), touching_all > 0, doubled, freedom, confidence)
    few, few_not = (
        np.logical_or(*(_few(_column(cells.sum(axis=side)), np.array([cells.sum()])) for side in (0, 1)))
        for cells in (counts.matched, counts.pairs - counts.matched)
    )
    return _bounded(band, few, few_not, counts.disjoint, confidence).at(0)


@quiet
def precision_at(counts: BlockCounts, genuine_share: float, confidence: float = 0.95) -> Band:
    """The precision where ``genuine_share`` of all pairs are of one person: by Bayes' rule, from recall and FMR.

    1 where nothing matches, NaN where a class has no pairs; the share lies between 0 and 1.
    """
    recall, fmr = fnmr_band(counts, confidence).reversed(), fmr_band(counts, confidence)
    odds = logit(genuine_share)
    every = counts.genuine_all.sum()
    matched = counts.genuine.sum(axis=0)
    none = (matched + counts.impostor == 0) & (every > 0) & (counts.impostor_all > 0)
    value = np.where(none, 1.0, expit(odds + np.log(recall.value) - np.log(fmr.value)))
    without = odds + np.log(1 - fnmr_without(counts)) - np.log(fmr_without(counts))
    band = interval(
        value,
        without,
        counts.present,
        doubled_fmr(counts),
        effective(counts.genuine_all) - 1,
        confidence,
    )
    return _where(_few_matched(counts), _matched_bounds(counts, recall, fmr, odds), band, value)


@quiet
def eer(counts: BlockCounts, confidence: float = 0.95, bands: Mapping[Rate, Band] | None = None) -> Estimate | None:
    """The equal error rate, as metrics.equal_error_rate has it; None where a class has no pairs.

    ``bands`` are the ``rate_bands`` of the counts, where there are such already.

    Where few err, it is bounded by the bands of the two rates: at any cut-off it is at most the larger of their upper
    ends, and at least the smaller of their lower ones.
    """
    every = counts.genuine_all.sum()
    if not every or not counts.impostor_all:
        return None
    bands = bands or {Rate.FMR: fmr_band(counts, confidence), Rate.FNMR: fnmr_band(counts, confidence)}
    fmr, fnmr = bands[Rate.FMR], bands[Rate.FNMR]
    value = float(crossing(fmr.value[np.newaxis], fnmr.value[np.newaxis])[0])
    doubled = doubled_fmr(counts) * fmr.value**2
    place = int(np.argmin(np.abs(fmr.value - fnmr.value)))
    if fmr.bound[place] or fnmr.bound[place]:
        low = float(np.minimum(fmr.low, fnmr.low).max())
        high = float(np.maximum(fmr.high, fnmr.high).min())
        return Estimate(value, min(low, value), max(high, value), bound=True)
    # How far the crossing follows FMR: its share of the two slopes there.
    rise, fall = wide_slopes(fmr.value, fnmr.value, value)
    follows = fall / (rise + fall) if rise + fall > 0 else 0.5
    wide, moved_fmr, moved_fnmr = wide_rates(counts, fmr.value, fnmr.value)
    moved = (logit(crossing(moved_fmr, moved_fnmr)) - logit(value)) / wide
    freedom = min(effective(counts.genuine_all), effective(counts.touching_all)) - 1
    surplus = doubled[place] * follows**2 / (value * (1 - value)) ** 2
    return _estimate(value, expit(logit(value) + moved), surplus, freedom, confidence)


@quiet
def auc(counts: BlockCounts, confidence: float = 0.95, bands: Mapping[Rate, Band] | None = None) -> Estimate | None:
    """The area under the ROC, as metrics.Figures has it; None where a class has no pairs.

    ``bands`` are those of ``eer``.

    Where few err at the cut-off of the EER, no curve that passes there has less area than (1 - EER)^2.
    """
    rate = eer(counts, confidence, bands)
    if rate is None:
        return None
    every = counts.genuine_all.sum()
    fmr = counts.impostor / counts.impostor_all
    recall = counts.genuine.sum(axis=0) / every
    doubled = np.nan_to_num(doubled_fmr(counts) * fmr**2)
    value = float(area(fmr[np.newaxis], recall[np.newaxis])[0])
    if rate.bound:
        return Estimate(value, min(value, (1 - rate.high) ** 2), 1.0, bound=True)
    # 1 - AUC is the mean FMR at the distances of genuine pairs; parts of it vary together.
    surplus = float(np.diff(recall, prepend=0) @ np.sqrt(doubled)) ** 2 / (value * (1 - value)) ** 2
    freedom = min(effective(counts.genuine_all), effective(counts.touching_all)) - 1
    replicates = area(fmr_without(counts)[counts.present], 1 - fnmr_without(counts)[counts.present])
    return _estimate(value, replicates, surplus, freedom, confidence)


def interval_table(bands: Mapping[Weighting, Mapping[Rate, Band]], bins: Bins) -> pl.DataFrame:
    """All bands as one table: bin, cutoff, weighting, rate, value, low, high, se, bound; a row for each of them."""
    numbers = range(bins.first, bins.last + 1)
    parts = [
        pl.DataFrame(
            {"bin": numbers, "cutoff": bins.edges},
            schema={"bin": pl.Int32, "cutoff": pl.Float64},
        ).with_columns(
            weighting=pl.lit(weighting.value),
            rate=pl.lit(rate.value),
            **{name: pl.Series(getattr(band, name)).fill_nan(None) for name in ("value", "low", "high", "se")},
            bound=pl.Series(band.bound),
        )
        for weighting, of_weighting in bands.items()
        for rate, band in of_weighting.items()
    ]
    return pl.concat(parts)


@quiet
def clopper_pearson(
    share: NDArray[np.floating] | float, number: NDArray[np.floating] | float, confidence: float
) -> Numbers:
    """The upper bound of a share that was observed among so many independent ones, which need not be whole.

    >>> clopper_pearson(0.0, 1000, 0.95).round(5)  # 3 in 1,000
    np.float64(0.00299)
    """
    number = np.asarray(number, np.float64)
    erring = np.asarray(share) * number
    upper = betaincinv(erring + 1, np.maximum(number - erring, 0), confidence)
    return np.asarray(np.where((number > 0) & (erring < number), upper, 1.0))


def fmr_without(counts: BlockCounts) -> Numbers:
    """FMR without each block, (blocks, edges)."""
    return np.asarray((counts.impostor - counts.touching) / _column(counts.impostor_all - counts.touching_all))


def fnmr_without(counts: BlockCounts) -> Numbers:
    """FNMR without each block, (blocks, edges)."""
    missed = _column(counts.genuine_all) - counts.genuine
    return np.asarray((missed.sum(axis=0) - missed) / _column(counts.genuine_all.sum() - counts.genuine_all))


def _precision_band(counts: BlockCounts, recall: Band, fmr: Band, confidence: float) -> Band:
    """Of the pairs that match, the share that are genuine; 1 where none matches.

    Without a block, both classes are put to what all people would have: as many as there are, and as many pairs of
    them. Where few err, the bound is from those of recall and FMR.
    """
    matched = counts.genuine.sum(axis=0)
    value = np.where(matched + counts.impostor > 0, matched / (matched + counts.impostor), 1.0)
    without = np.log(genuine_without(counts)) - np.log(impostor_without(counts))
    freedom = effective(counts.genuine_all) - 1
    band = interval(value, without, counts.present, _doubled_impostor(counts), freedom, confidence)
    odds = np.log(counts.genuine_all.sum() / np.float64(counts.impostor_all))
    return _where(_few_matched(counts), _matched_bounds(counts, recall, fmr, odds), band, value)


def _few_matched(counts: BlockCounts) -> NDArray[np.bool_]:
    """Whether few match of either class, of which precision is made."""
    return _few(counts.touching, counts.impostor) | _few(counts.genuine, counts.genuine.sum(axis=0))


def _matched_bounds(counts: BlockCounts, recall: Band, fmr: Band, odds: float) -> tuple[Numbers, Numbers]:
    """Bounds of a precision from those of recall and FMR, both at once; where nothing matches, nothing is known of it.

    ``odds`` are the log of how many genuine pairs there are for an impostor pair.
    """
    none = counts.genuine.sum(axis=0) + counts.impostor == 0
    low = expit(odds + np.log(recall.low) - np.log(fmr.high))
    high = expit(odds + np.log(recall.high) - np.log(fmr.low))
    return np.where(none, 0.0, np.nan_to_num(low)), np.where(none, 1.0, np.nan_to_num(high, nan=1.0))


def _f1_band(counts: BlockCounts, precision: Band, recall: Band, confidence: float) -> Band:
    """The harmonic mean of precision and recall; bounded by theirs where precision is."""
    matched, every = counts.genuine.sum(axis=0), counts.genuine_all.sum()
    value = np.where(every > 0, 2 * matched / (every + matched + counts.impostor), np.nan)
    wrong = every - matched + counts.impostor
    genuine, impostor = genuine_without(counts), impostor_without(counts)
    all_genuine = _scaled(every - counts.genuine_all, counts.people)
    without = np.log(2 * genuine) - np.log(_column(all_genuine) - genuine + impostor)
    surplus = _doubled_impostor(counts) * (counts.impostor / wrong) ** 2
    freedom = effective(counts.genuine_all) - 1
    band = interval(value, without, counts.present, np.nan_to_num(surplus), freedom, confidence)
    low, high = (
        np.nan_to_num(2 * p * r / (p + r)) for p, r in ((precision.low, recall.low), (precision.high, recall.high))
    )
    return _where(_few_matched(counts), (low, high), band, value)


def genuine_without(counts: BlockCounts) -> Numbers:
    """Genuine pairs that match without each block, put to as many people as there are."""
    return _scaled(counts.genuine.sum(axis=0) - counts.genuine, counts.people)


def impostor_without(counts: BlockCounts) -> Numbers:
    """Impostor pairs that match without each block, put to as many pairs of people as there are."""
    left = counts.impostor - counts.touching
    return left * _column(counts.pairs_of_people / (counts.pairs_of_people - counts.touching_people))


def _touching(cells: Numbers) -> Numbers:
    """What touches each block of two groups' people: its row and its column."""
    touching: Numbers = cells.sum(axis=0) + cells.sum(axis=1) - cells.diagonal()
    return touching


def _scaled(without: Numbers, people: Numbers) -> Numbers:
    share = people.sum() / (people.sum() - people)
    return without * (_column(share) if without.ndim > 1 else share)


def doubled_fmr(counts: BlockCounts) -> Numbers:
    """The variance of log FMR that pairs of blocks would have if they were independent."""
    across = counts.across
    squares = _squares(counts.impostor, counts.impostor_all, across.squares, across.with_all, across.all_squares)
    return _of_pairs(squares, counts, counts.touching_all / counts.impostor_all)


def _doubled_impostor(counts: BlockCounts) -> Numbers:
    """The variance of the log of the impostor pairs that match, a pair of people, as for FMR."""
    across, every = counts.across, counts.pairs_of_people
    squares = _squares(counts.impostor, every, across.squares, across.with_people, across.people_squares)
    return _of_pairs(squares, counts, counts.touching_people / every)


def _squares(matched: Numbers, every: float, squares: Numbers, products: Numbers, of_every: float) -> Numbers:
    """The sum over pairs of blocks of (their share of what matches - their share of all)^2."""
    if not every:
        return np.zeros_like(matched)
    return squares / matched**2 - 2 * products / (matched * every) + of_every / every**2


def _of_pairs(squares: Numbers, counts: BlockCounts, of_all: Numbers) -> Numbers:
    """See ``of_pairs_alone``; ``of_all`` is the share of all pairs that touch a block."""
    own = (counts.touching / counts.impostor - _column(of_all)) ** 2
    return of_pairs_alone(squares, own.sum(axis=0), int(counts.present.sum()))


def of_pairs_alone(squares: Numbers, own: Numbers, blocks: int) -> Numbers:
    """What is left of squares of pairs of blocks without what each block adds to all its pairs, by least squares.

    ``own`` are the squares of what touches each block, summed; the pairs within it, one in 64, are taken along.
    """
    return np.asarray(np.maximum(squares - own / (blocks - 2) if blocks > 2 else squares, 0))


def freedom_of_two(without: Numbers, most: float) -> Numbers:
    """Degrees of freedom where pairs of two people err: two less than the blocks that make the variance, in effect."""
    squares = (without - without.mean(axis=0)) ** 2
    return np.asarray(np.minimum(np.maximum(_effective_each(squares) - 2, _LEAST_FREEDOM), most))


def freedom_of_one(without: Numbers, most: float) -> Numbers:
    """Degrees of freedom where pairs of one person err: 2 V^2 / var(V), V being the sum of squares (Satterthwaite)."""
    squares = (without - without.mean(axis=0)) ** 2
    spread = ((squares - squares.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.fmin(2 * squares.sum(axis=0) ** 2 / spread, most))


def interval(
    value: Numbers,
    without: Numbers,
    present: NDArray[np.bool_],
    doubled: Numbers,
    freedom: float,
    confidence: float,
    rule: Callable[[Numbers, float], Numbers] = freedom_of_two,
) -> Band:
    """The interval on the logit scale: from the logits without each block, (blocks, edges); none where that is all."""
    if present.sum() < 2:
        none = np.full(value.shape, np.nan)
        return Band(value, none, none, none, np.zeros(value.shape, np.bool_))
    quantile = student_quantile(rule(without[present], freedom), confidence)
    reach = quantile * np.sqrt(jackknife_variance(without[present], doubled))
    middle = logit(value)
    se = np.sqrt(jackknife_variance(expit(without[present]), doubled * (value * (1 - value)) ** 2))
    return Band(value, expit(middle - reach), expit(middle + reach), se, np.zeros(value.shape, np.bool_))


def _estimate(value: float, replicates: Numbers, doubled: float, freedom: float, confidence: float) -> Estimate:
    logits = logit(replicates)[:, np.newaxis]
    variance = jackknife_variance(logits, np.array([doubled]))
    reach = float(student_quantile(freedom_of_two(logits, freedom), confidence)[0] * np.sqrt(variance[0]))
    middle = float(logit(value))
    return Estimate(value, float(expit(middle - reach)), float(expit(middle + reach)), bound=False)


def jackknife_variance(without: Numbers, doubled: Numbers) -> Numbers:
    """The jackknife's variance of what there is without each block, a row each, without what it counts twice."""
    blocks = len(without)
    variance = (blocks - 1) / blocks * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    reduced: Numbers = np.maximum(variance - doubled, doubled)
    return reduced


def student_quantile(freedom: Numbers, confidence: float) -> Numbers:
    return np.asarray(stdtrit(np.maximum(freedom, 0.1), (1 + confidence) / 2))


def _bounded(
    band: Band, few: NDArray[np.bool_], few_not: NDArray[np.bool_], number: Numbers | float, confidence: float
) -> Band:
    """The band with bounds where few err, or few do not; of a rate that rises with the cut-off."""
    sure = ~(few | few_not) & np.isfinite(band.low) & np.isfinite(band.high)
    next_high = band.high[sure][0] if sure.any() else 1.0
    next_low = band.low[sure][-1] if sure.any() else 0.0
    at_most = np.minimum(clopper_pearson(band.value, number, confidence), np.maximum(next_high, band.value))
    at_least = np.maximum(1 - clopper_pearson(1 - band.value, number, confidence), np.minimum(next_low, band.value))
    low = np.where(few_not, at_least, 0.0)
    high = np.where(few, at_most, 1.0)
    return _where(~sure, (low, high), band, band.value)


def _where(bound: NDArray[np.bool_], bounds: tuple[Numbers, Numbers], band: Band, value: Numbers) -> Band:
    """Bounds where they are to be, and the band elsewhere; neither without the value itself."""
    untold = np.isnan(value)
    bound = bound | np.isnan(band.low) | np.isnan(band.high)
    low = np.minimum(np.where(bound, bounds[0], band.low), value)
    high = np.maximum(np.where(bound, bounds[1], band.high), value)
    return Band(
        value,
        np.where(untold, np.nan, low),
        np.where(untold, np.nan, high),
        np.where(bound | untold, np.nan, band.se),
        bound & ~untold,
    )


def _monotone(band: Band) -> Band:
    """The band of a rate that rises with the cut-off: it is at most what it is at a higher one, at least at a lower.

    So an upper end that holds at a higher cut-off holds here, too, and the ends rise. In simulations this costs the
    intervals no truths, where the other way, the running maximum, makes those near the fewest errors twice as wide.
    """
    high = np.minimum.accumulate(band.high[::-1])[::-1]
    low = np.maximum.accumulate(band.low)
    return Band(band.value, np.minimum(low, band.value), np.maximum(high, band.value), band.se, band.bound)


def _flipped(band: Band) -> Band:
    """The band from the last cut-off to the first."""
    return Band(band.value[::-1], band.low[::-1], band.high[::-1], band.se[::-1], band.bound[::-1])


def crossing(fmr: Numbers, fnmr: Numbers) -> Numbers:
    """The rate at which the two are equal, taken as straight lines between edges; (rows, edges) each, one a row."""
    fmr, fnmr = with_ends(fmr, 0, 1), with_ends(fnmr, 1, 0)
    after = (fmr >= fnmr).argmax(axis=1)
    rows, before = np.arange(len(fmr)), after - 1
    gap_before = fnmr[rows, before] - fmr[rows, before]
    gap_after = fmr[rows, after] - fnmr[rows, after]
    share = gap_before / (gap_before + gap_after)
    height = fmr[rows, before] + share * (fmr[rows, after] - fmr[rows, before])
    other = fnmr[rows, before] + share * (fnmr[rows, after] - fnmr[rows, before])
    return np.asarray((height + other) / 2)


def wide_slopes(fmr: Numbers, fnmr: Numbers, target: float) -> tuple[float, float]:
    """How far FMR rises and FNMR falls from half that FMR to twice: a wide piece, for bins are rough; (edges,) each."""
    first = max(int(np.searchsorted(fmr, target / 2)) - 1, 0)
    last = min(int(np.searchsorted(fmr, target * 2)), len(fmr) - 1)
    return float(fmr[last] - fmr[first]), float(fnmr[first] - fnmr[last])


def wide_rates(counts: BlockCounts, fmr: Numbers, fnmr: Numbers) -> tuple[float, Numbers, Numbers]:
    """FMR and FNMR moved so many times as far as each block moves them, (blocks, edges), and before them that number.

    A block moves a crossing little, along the one straight piece that it lies on; all of them move it over many. So
    each moves the rates as far as all together do, and what the crossing moves then is put to one block again.
    """
    wide = sqrt(counts.present.sum() - 1)
    without = fmr_without(counts)[counts.present], fnmr_without(counts)[counts.present]
    return wide, _moved(fmr, without[0], wide), _moved(fnmr, without[1], wide)


def _moved(rate: Numbers, without: Numbers, times: float) -> Numbers:
    """A rate moved so many times as far as it is without each block, on the logit scale; (blocks, edges)."""
    return np.asarray(
        expit(logit(rate) + times * np.nan_to_num(logit(without) - logit(rate), posinf=np.inf, neginf=-np.inf))
    )


def area(fmr: Numbers, recall: Numbers) -> Numbers:
    """The area under recall against FMR, a straight line from edge to edge; (rows, edges) each, one a row."""
    return np.asarray(np.trapezoid(with_ends(recall, 0, 1), with_ends(fmr, 0, 1), axis=1))


def with_ends(rates: Numbers, first: float, last: float) -> Numbers:
    """Rates, (rows, edges), with what they are before the first edge and beyond the last."""
    column = len(rates), 1
    return np.hstack([np.full(column, first, np.float64), rates, np.full(column, last, np.float64)])


def _few(erring: Numbers, every: Numbers) -> NDArray[np.bool_]:
    """Whether too few blocks err to tell by leaving them out: less than ten, or one has a part in every error."""
    blocks = np.sum(erring > 0, axis=0)
    return np.asarray((blocks < LEAST_ERRING) | (erring >= every).any(axis=0))


def _little(share: Numbers, counts: BlockCounts) -> NDArray[np.bool_]:
    """Whether errors are worth less than five people who always err, where every person counts the same.

    ``share`` is that of the errors. Ten people of many photos who err now and then do not tell, then, how often those
    of two photos do, each of whom may err always.
    """
    if counts.weighting is Weighting.PAIRS:
        return np.zeros(share.shape, np.bool_)
    return np.asarray(share * counts.genuine_people < LEAST_WORTH)


def _effective_each(counts: Numbers) -> Numbers:
    """Kish's effective number of blocks, at each cut-off."""
    return np.asarray(np.nan_to_num(counts.sum(axis=0) ** 2 / (counts * counts).sum(axis=0)))


def _column(values: Numbers) -> Numbers:
    return values[:, np.newaxis]
