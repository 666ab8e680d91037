"""What a stratified sample of pairs of tiles tells of all impostor pairs: estimated counts, and how sure they are.

In each stratum, counts are scaled by what all its pairs are to those compared: the separate ratio estimator of W. G.
Cochran, Sampling Techniques, 3rd ed. (1977), section 6.10; its variance, of sums up to each cut-off, is that of
section 6.4, with finite population correction. Pairs of tiles of one stratum have nearly equally many pairs, and so its
bias is far below its error. Intervals are taken on the logit scale, with Student's quantile (degrees of freedom by
Satterthwaite). Where fewer than ten sampled pairs match in effect, the interval is that of Clopper and Pearson for the
number of independent pairs that tell as much (E. L. Korn and B. I. Graubard, Survey Methodology 24, 1998).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, logit

from facesql.binning import BinCounts, Bins, total
from facesql.blocks import BlockCounts, Counted, Weighting
from facesql.sampling import Numbers, Stratum
from facesql.uncertainty import quiet, student_quantile

# Where fewer sampled pairs match in effect, the sample does not tell how many match.
LEAST_MATCHED = 10
_WEIGHTINGS = tuple(Weighting)
# So many pairs of tiles are summed at a time.
_ROWS = 256


class StratumSums:
    """Sums over the pairs of tiles drawn from a stratum: of what lies in each bin or below, squares and products.

    They are of both weightings; ``first`` is the bin that the first column is of, and what lies below is nothing.
    """

    def __init__(self) -> None:
        self.drawn = 0
        self.first = 0
        self._x = np.zeros((2, 2))
        self._sums = np.zeros((3, 2, 0))

    def add(self, counted: Sequence[BinCounts]) -> None:
        """Add the impostor pairs of pairs of tiles, which all have some."""
        for start in range(0, len(counted), _ROWS):
            self._add(counted[start : start + _ROWS])

    def _add(self, counted: Sequence[BinCounts]) -> None:
        self._widen(min(part.first for part in counted), max(part.first + len(part.pairs) for part in counted))
        cells = np.zeros((2, len(counted), self._sums.shape[2]))
        for row, part in enumerate(counted):
            place = slice(part.first - self.first, part.first - self.first + len(part.pairs))
            cells[0, row, place] = part.pairs
            cells[1, row, place] = part.person_weight
        np.cumsum(cells, axis=2, out=cells)
        every = cells[:, :, -1]
        self.drawn += len(counted)
        self._x += np.stack([every.sum(axis=1), (every * every).sum(axis=1)])
        self._sums[0] += cells.sum(axis=1)
        self._sums[1] += np.einsum("wrb,wrb->wb", cells, cells)
        self._sums[2] += np.einsum("wrb,wr->wb", cells, every)

    def _widen(self, first: int, end: int) -> None:
        if not self.drawn:
            self.first, self._sums = first, np.zeros((3, 2, end - first))
            return
        before, after = max(self.first - first, 0), max(end - self.first - self._sums.shape[2], 0)
        if before or after:
            self.first -= before
            left = np.zeros((3, 2, before))
            right = np.repeat(self._sums[:, :, -1:], after, axis=2)
            self._sums = np.concatenate([left, self._sums, right], axis=2)

    @property
    def pairs(self) -> int:
        """The pairs of faces compared."""
        return round(float(self._x[0, 0]))

    @property
    def rates(self) -> Numbers:
        """The share of what lies in each bin or below, (2, bins), a row a weighting; at the last bin 1."""
        return np.asarray(self._sums[0] / self._x[0][:, np.newaxis])

    def variances(self, count: int) -> Numbers:
        """The variances of these, where there are so many pairs of tiles in all, (2, bins)."""
        if self.drawn in {1, count}:
            return np.zeros(self._sums.shape[1:])
        rates, squares_of_all = self.rates, self._x[1][:, np.newaxis]
        squares = np.maximum(self._sums[1] - 2 * rates * self._sums[2] + rates * rates * squares_of_all, 0)
        correction = (1 - self.drawn / count) * self.drawn / (self.drawn - 1)
        return np.asarray(correction * squares / self._x[0][:, np.newaxis] ** 2)


@dataclass(frozen=True)
class SampledFmr:
    """FMR as a sample tells it, with an interval of the sampling alone; (edges,) each, rates in 0 to 1."""

    value: Numbers
    low: Numbers
    high: Numbers
    se: Numbers
    matched: Numbers
    """How many sampled pairs match, or do not if these are fewer, in effect: as independent ones would tell as much."""
    number: Numbers
    """How many independent pairs would tell as much as the sample; infinite where all are compared."""

    @property
    def few(self) -> NDArray[np.bool_]:
        """Whether so few match that the sample does not tell how many."""
        return np.asarray(self.matched < LEAST_MATCHED)


@dataclass(frozen=True)
class Estimated:
    """All impostor pairs by what was sampled of them, and FMR in both weightings."""

    counted: Counted
    """The counts of each pair of blocks: pairs are whole numbers, and as many as there are."""
    fmr: Mapping[Weighting, SampledFmr]


@dataclass
class _Sums:
    """What is summed over strata, (2, edges) each, a row a weighting."""

    edges: int
    below: Numbers = field(init=False)
    variance: Numbers = field(init=False)
    """Of the same, and the squares of each stratum's over its degrees of freedom."""
    squares: Numbers = field(init=False)
    every: Numbers = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        self.below, self.variance, self.squares = np.zeros((3, 2, self.edges))

    def add(self, first: int, cumulated: Numbers, bins: Bins) -> None:
        """Add sums up to each bin from the first on, (2, bins)."""
        place = slice(first - bins.first, first - bins.first + cumulated.shape[1])
        self.below[:, place] += cumulated[:, : self._within(place)]
        self.below[:, place.stop :] += cumulated[:, -1:]
        self.every += cumulated[:, -1]

    def vary(self, first: int, variances: Numbers, drawn: int, bins: Bins) -> None:
        """Add their variances, of so many pairs of tiles."""
        place = slice(first - bins.first, first - bins.first + variances.shape[1])
        kept = variances[:, : self._within(place)]
        self.variance[:, place] += kept
        self.squares[:, place] += kept**2 / max(drawn - 1, 1)

    def _within(self, place: slice) -> int:
        """How many of the bins do not lie beyond the last edge."""
        return len(range(*place.indices(self.edges)))


def estimate(
    strata: Sequence[Stratum],
    sums: Sequence[StratumSums],
    certain: Counted,
    bins: Bins,
    confidence: float = 0.95,
) -> Estimated:
    """The estimates from the sums of each stratum and ``certain``, the impostor pairs that are all compared.

    In each stratum the sums up to each bin are rounded, and their differences are the counts: so pairs are whole
    numbers, all bins together have as many as there are, and no sum is off by more than half a pair.
    """
    of_sample, of_certain = _Sums(len(bins.edges)), _Sums(len(bins.edges))
    parts = {key: [counts] for key, counts in certain}
    for _, counts in certain:
        of_certain.add(counts.first, np.cumsum([counts.pairs, counts.person_weight], axis=1), bins)
    for stratum, of_stratum in zip(strata, sums, strict=True):
        if not of_stratum.drawn:
            continue
        scale = np.array([stratum.pairs, stratum.weight])[:, np.newaxis]
        cumulated = of_stratum.rates * scale
        np.rint(cumulated[0], out=cumulated[0])
        pairs, weight = np.diff(cumulated, prepend=0, axis=1)
        key = (stratum.block_a, stratum.block_b, False)
        parts.setdefault(key, []).append(BinCounts(of_stratum.first, pairs.astype(np.int64), weight))
        if of_stratum.drawn == stratum.count:
            of_certain.add(of_stratum.first, cumulated, bins)
        else:
            of_sample.add(of_stratum.first, cumulated, bins)
            of_sample.vary(of_stratum.first, of_stratum.variances(stratum.count) * scale**2, of_stratum.drawn, bins)
    drawn = sum(of.drawn for of in sums)
    fmr = {weighting: _fmr(of_sample, of_certain, row, confidence, drawn) for row, weighting in enumerate(_WEIGHTINGS)}
    return Estimated([(key, total(parts[key])) for key in sorted(parts)], fmr)


@quiet
def _fmr(sums: _Sums, of_certain: _Sums, row: int, confidence: float, drawn: int) -> SampledFmr:
    """FMR of one weighting: the interval is taken of the pairs that are sampled, and moved by those that all are."""
    every, below, certain = float(sums.every[row]), sums.below[row], of_certain.below[row]
    in_all = every + float(of_certain.every[row])
    value = (below + certain) / in_all
    if not every:
        never = np.full(len(value), np.inf)
        return SampledFmr(value, value, value, np.zeros_like(value), never, never)
    share = np.clip(below / every, 0, 1)
    variance = sums.variance[row] / every**2
    number = np.where(variance > 0, share * (1 - share) / variance, 0.0)
    matched = np.minimum(share, 1 - share) * number
    number = _filled(number, matched >= LEAST_MATCHED, share, drawn)
    freedom = sums.variance[row] ** 2 / sums.squares[row]
    reach = student_quantile(freedom, confidence) * np.sqrt(variance) / (share * (1 - share))
    low, high = expit(logit(share) - reach), expit(logit(share) + reach)
    few = matched < LEAST_MATCHED
    alpha = (1 - confidence) / 2
    erring = share * number
    least = np.where(share > 0, betaincinv(erring, number - erring + 1, alpha), 0.0)
    most = np.where(share < 1, betaincinv(erring + 1, number - erring, 1 - alpha), 1.0)
    low, high = np.where(few, least, low), np.where(few, most, high)
    ends = [np.clip((end * every + certain) / in_all, 0, 1) for end in (low, high)]
    return SampledFmr(
        value,
        np.minimum(ends[0], value),
        np.maximum(ends[1], value),
        np.sqrt(sums.variance[row]) / in_all,
        matched,
        number,
    )


def _filled(number: Numbers, sure: NDArray[np.bool_], share: Numbers, drawn: int) -> Numbers:
    """How many independent pairs tell as much; where too few match to tell, that of the next cut-off where enough do.

    Pairs that match are the rarer the less alike, so that this is rather too few; without such a cut-off, it is the
    number of pairs of tiles.
    """
    places = np.flatnonzero(sure)
    if not len(places):
        return np.full(len(number), float(drawn))
    near = np.clip(np.searchsorted(places, np.arange(len(number)), side="left"), 0, len(places) - 1)
    far = np.clip(np.searchsorted(places, np.arange(len(number)), side="right") - 1, 0, len(places) - 1)
    return np.where(sure, number, number[places[np.where(share < 0.5, near, far)]])


@quiet
def sampling_intervals(
    fmr: Mapping[Weighting, SampledFmr], counts: Mapping[Weighting, BlockCounts], bins: Bins
) -> pl.DataFrame:
    """What the sampling alone leaves open, of the people compared: a row for each cut-off, weighting and rate.

    Columns are bin, cutoff, weighting, rate (fmr, precision or f1), value, low, high, matched (the sampled impostor
    pairs that match in effect) and few (whether these do not tell how many match). Genuine pairs are exact, and so
    precision and F1 have the ends that follow from those of FMR; where nothing matches, a precision has no ends.
    """
    parts = []
    for weighting, of in fmr.items():
        genuine, every = counts[weighting].genuine.sum(axis=0), counts[weighting].genuine_all.sum()
        rates = {"fmr": [of.value, of.low, of.high]}
        # With more false matches both are less.
        false = [share * counts[weighting].impostor_all for share in (of.value, of.high, of.low)]
        rates["precision"] = [genuine / (genuine + number) for number in false]
        rates["f1"] = [2 * genuine / (every + genuine + number) for number in false]
        for name, (value, low, high) in rates.items():
            columns = {"value": value, "low": low, "high": high, "matched": of.matched}
            parts.append(
                pl.DataFrame(
                    {"bin": range(bins.first, bins.last + 1), "cutoff": bins.edges},
                    schema={"bin": pl.Int32, "cutoff": pl.Float64},
                ).with_columns(
                    weighting=pl.lit(weighting.value),
                    rate=pl.lit(name),
                    **{column: pl.Series(values).fill_nan(None) for column, values in columns.items()},
                    few=pl.Series(of.few),
                )
            )
    return pl.concat(parts)
