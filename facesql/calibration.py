"""A calibrated distance: the share that are of one person among pairs so far apart, and how sure it is.

The share of each bin by itself would jump up and down. It is fitted to fall with the distance: isotonic regression
pools neighbouring bins into groups of one share each, until it does (M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid and
E. Silverman, An empirical distribution function for sampling with incomplete information, Ann. Math. Statist. 26, 1955;
for classifiers B. Zadrozny and C. Elkan, Transforming classifier scores into accurate multiclass probability estimates,
KDD 2002).

Where another share of all comparisons is genuine than of those here, the odds of every group are multiplied by the same
(Bayes' rule), and so the groups are the same ones.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from facesql.binning import Bins
from facesql.blocks import BlockCounts, Numbers, effective
from facesql.uncertainty import (
    LEAST_ERRING,
    fmr_band,
    fnmr_band,
    genuine_without,
    impostor_without,
    interval,
    quiet,
)

_SCHEMA = pl.Schema(
    {
        "bin": pl.Int32,
        "distance": pl.Float64,
        "share": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "bound": pl.Boolean,
    }
)


class Share(NamedTuple):
    """The share of genuine pairs at a distance with its interval, in 0 to 1."""

    share: float
    low: float
    high: float
    bound: bool
    """Whether low and high are a bound, and not an interval."""


@quiet
def calibration(
    counts: BlockCounts, bins: Bins, *, genuine_share: float | None = None, confidence: float = 0.95
) -> pl.DataFrame:
    """For each bin, that beyond the last edge included, the share of genuine among the pairs that lie in it.

    ``genuine_share`` is how often two photos are of one person where distances are to be judged, between 0 and 1; None
    takes the share that genuine pairs have of all pairs, under the weighting of the counts. Weighting.PAIRS tells of
    these data, Weighting.PEOPLE goes with a share of the user's.

    The result has a row a bin, ascending: bin, distance (its upper edge; null beyond the last), share, low, high and
    bound. Share, low and high lie in 0 to 1 and never rise with the distance; where a class has no pairs, they and
    bound are null. A bin without pairs has the share of the next one farther out.

    Intervals are the jackknife's of the log odds of a group of bins, as facesql.uncertainty has it, the groups staying
    as they are. What it counts twice of impostor pairs stays in, so that they are rather too wide. Where fewer than ten
    blocks have genuine pairs in a group, or impostor pairs, or one block has all of these, there is a bound. As shares
    fall, what holds for a group holds on one side of it, too: each low is at least any farther out, each high at most
    any nearer by. Beyond that, where there are bounds,

    - a bin of the nearest group has at least the share that all bins from it to the group's end have together: by
      Bayes' rule, from the lower end of recall and the upper end of FMR at that end, as the bound of precision is, and
      the share of genuine pairs before the bin;
    - a bin of the farthest group has at most the share that all bins from the group's start to it have together: by
      Bayes' rule, from the upper end of FNMR before that start, and the impostor pairs of these bins.
    """
    in_bins = replace(
        counts,
        genuine=_in_bins(counts.genuine, counts.genuine_all),
        touching=_in_bins(counts.touching, counts.touching_all),
        impostor=_in_bins(counts.impostor, np.array(counts.impostor_all)),
    )
    genuine, impostor = in_bins.genuine.sum(axis=0), in_bins.impostor
    every, others = genuine.sum(), impostor.sum()
    if not every or not others:
        return _table(bins, {})
    shift = 0.0 if genuine_share is None else float(logit(genuine_share) - np.log(every / others))
    groups = _Groups.of(genuine, impostor)
    low, high, bound = _ends(in_bins, groups, shift, genuine_share is None, confidence)
    share, low, high, bound = (
        groups.shares[groups.farther],
        low[groups.farther],
        high[groups.nearer],
        bound[groups.farther],
    )
    nearest, farthest = bound & (groups.farther == 0), bound & (groups.nearer == len(groups.starts) - 1)
    low = np.where(nearest, _shifted(_least_of_nearest(counts, groups, confidence), shift), low)
    high = np.where(farthest, _shifted(_most_of_farthest(counts, groups, confidence), shift), high)
    share = _shifted(share, shift)
    low = np.minimum(np.maximum.accumulate(low[::-1])[::-1], share)
    high = np.maximum(np.minimum.accumulate(high), share)
    return _table(bins, {"share": share, "low": low, "high": high, "bound": bound})


def share_at(table: pl.DataFrame, bins: Bins, distance: float) -> Share | None:
    """What a table of ``calibration`` says of a distance, by the bin that holds it; None where a class has no pairs."""
    [place] = bins.places(np.array([distance]))
    share, low, high, bound = table.row(int(place))[2:]
    return None if share is None else Share(share, low, high, bound)


class _Groups(NamedTuple):
    """Bins pooled so that shares fall: starts and shares are (groups,); farther and nearer (bins,)."""

    starts: NDArray[np.intp]
    """The first bin of each that has pairs."""
    shares: Numbers
    """Of genuine among all pairs, as they were counted."""
    farther: NDArray[np.intp]
    """The group of each bin; where it has no pairs, of the next one farther out that has, or the last one."""
    nearer: NDArray[np.intp]
    """The same of the next one nearer by, or the first one."""

    @classmethod
    def of(cls, genuine: Numbers, impostor: Numbers) -> "_Groups":
        """Isotonic regression of the shares of bins that have pairs, weighed by these."""
        pairs = genuine + impostor
        filled = np.flatnonzero(pairs)
        shares = isotonic_regression(genuine[filled] / pairs[filled], weights=pairs[filled], increasing=False).x
        first = np.concatenate([[True], np.diff(shares) < 0])
        group, places = np.cumsum(first) - 1, np.arange(len(pairs))
        farther = np.minimum(np.searchsorted(filled, places), len(filled) - 1)
        nearer = np.maximum(np.searchsorted(filled, places, side="right") - 1, 0)
        return cls(filled[first], shares[first], group[farther], group[nearer])


def _ends(
    in_bins: BlockCounts, groups: _Groups, shift: float, of_data: bool, confidence: float
) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """The interval of each group's share, (groups,); 0 and 1 where there is none, and whether there is none.

    Where the share of genuine among all is that of these data, leaving out people tells of that, too.
    """
    counts = replace(
        in_bins,
        genuine=np.add.reduceat(in_bins.genuine, groups.starts, axis=1),
        touching=np.add.reduceat(in_bins.touching, groups.starts, axis=1),
        impostor=np.add.reduceat(in_bins.impostor, groups.starts),
    )
    without = np.log(genuine_without(counts)) - np.log(impostor_without(counts))
    if not of_data:
        all_ = replace(
            counts,
            genuine=counts.genuine_all[:, np.newaxis],
            touching=counts.touching_all[:, np.newaxis],
            impostor=np.array([counts.impostor_all]),
        )
        without -= np.log(genuine_without(all_)) - np.log(impostor_without(all_))
    doubled = np.zeros(len(groups.shares))
    freedom = effective(counts.genuine_all) - 1
    band = interval(_shifted(groups.shares, shift), without, counts.present, doubled, freedom, confidence)
    blocks = (np.sum(part > 0, axis=0) for part in (counts.genuine, counts.touching))
    bound = (np.minimum(*blocks) < LEAST_ERRING) | np.isnan(band.low) | np.isnan(band.high)
    return np.where(bound, 0.0, band.low), np.where(bound, 1.0, band.high), bound


def _least_of_nearest(counts: BlockCounts, groups: _Groups, confidence: float) -> Numbers:
    """The lower end of the share of all bins from each one to the end of the nearest group; 0 after that."""
    recall, fmr = fnmr_band(counts, confidence).reversed(), fmr_band(counts, confidence)
    end = groups.starts[1] if len(groups.starts) > 1 else len(recall.value) + 1
    at_least, at_most = np.append(recall.low, 1.0)[end - 1], np.append(fmr.high, 1.0)[end - 1]
    ends = np.zeros(len(recall.value) + 1)
    genuine = np.maximum(at_least - np.insert(recall.value, 0, 0.0)[:end], 0) * counts.genuine_all.sum()
    ends[:end] = genuine / (genuine + at_most * counts.impostor_all)
    return ends


def _most_of_farthest(counts: BlockCounts, groups: _Groups, confidence: float) -> Numbers:
    """The upper end of the share of all bins from the start of the farthest group to each one; 1 before that."""
    start = groups.starts[-1]
    missed = fnmr_band(counts, confidence).high[start - 1] if start else 1.0
    impostor = np.append(counts.impostor, counts.impostor_all)[start:]
    genuine = missed * counts.genuine_all.sum()
    ends = np.ones(len(counts.impostor) + 1)
    ends[start:] = genuine / (genuine + impostor - (counts.impostor[start - 1] if start else 0.0))
    return ends


def _shifted(shares: Numbers, shift: float) -> Numbers:
    """Shares whose log odds are so much more."""
    return shares if not shift else np.asarray(expit(logit(shares) + shift))


def _in_bins(cumulated: Numbers, every: Numbers) -> Numbers:
    """What lies in each bin, that beyond the last edge included, from what lies at each edge or below, and from all."""
    return np.diff(np.concatenate([cumulated, every[..., np.newaxis]], axis=-1), axis=-1, prepend=0)


def _table(bins: Bins, columns: Mapping[str, NDArray[np.generic]]) -> pl.DataFrame:
    """One row a bin; columns that are not given are null."""
    known = {"bin": range(bins.first, bins.beyond + 1), "distance": [*bins.edges.tolist(), None], **columns}
    nothing = [None] * bins.count
    return pl.DataFrame({name: known.get(name, nothing) for name in _SCHEMA}, schema=_SCHEMA)
