"""How much more data: how the intervals at one cut-off would narrow with more people, or with more photos a person.

It is a projection and no promise: the rates are taken to stay as they are, and those who come to be like those who are
here.

The variance of FNMR goes with 1 / people. That of FMR has a part that goes with 1 / people, of how people differ, and
one that goes with 1 / people^2, of how pairs of people do beyond that (W. Hoeffding, A class of statistics with
asymptotically normal distribution, Ann. Math. Statist. 19, 1948). The second is what the jackknife counts twice, and
facesql.uncertainty takes off once. Degrees of freedom grow, too, towards those of blocks that vary alike.

More photos tell more of each person, and nothing of other people. One pair of photos of anybody matches or does not,
and varies by r (1 - r), r being the rate. Of that, a part is how people differ, and the rest is which photos they
happen to have. The rest shrinks with a person's photos, and is taken to do so as the pairs do that share no photo, half
as many as there are photos: at most so much is left of it (Hoeffding again). How much people differ is what there is
beyond that, which may be too little; so more photos may well narrow less than is projected. That part is a floor, which
they lower only in so far as people with one photo get genuine pairs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10, sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from facesql.binning import Bins
from facesql.blocks import BLOCKS, BlockCounts, Weighting, effective
from facesql.uncertainty import (
    Band,
    Rate,
    clopper_pearson,
    doubled_fmr,
    fmr_band,
    fmr_without,
    fnmr_band,
    fnmr_without,
    freedom_of_one,
    freedom_of_two,
    jackknife_variance,
    quiet,
    student_quantile,
)

# So many times the people, and so many times the photos of each.
MORE_PEOPLE, MORE_PHOTOS = (2, 4, 10), (2, 4)
# What the degrees of freedom of FNMR and of FMR come to where all blocks vary alike: of squares of normal deviates, a
# third as many count in effect.
_MOST_OF_ONE, _MOST_OF_TWO = BLOCKS - 1, BLOCKS / 3 - 2
_SCHEMA = pl.Schema(
    {
        "rate": pl.String,
        "people": pl.Int64,
        "photos": pl.Int64,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "bound": pl.Boolean,
    }
)


@quiet
def growth(counts: BlockCounts, people: pl.DataFrame, bins: Bins, at: int, confidence: float = 0.95) -> pl.DataFrame:
    """The intervals of FMR and FNMR at one cut-off as they are, and as they would be with more data.

    ``at`` is the bin that ends at the cut-off; ``people`` has a row for each person of the counts, and a column faces.
    The table has a row a rate as it is, then one for each of MORE_PEOPLE and, for FNMR, of MORE_PHOTOS: rate ("fmr" or
    "fnmr"), people and photos (how many times as many, photos a person), value, low, high (0 to 1) and bound. A rate of
    no pairs has no rows.

    The ends of an interval come nearer to the rate on the logit scale, as standard error and Student's quantile do. A
    bound becomes that of as many more people, or that of the next interval there is if it is less, as that becomes;
    with more people it may also become an interval, which is narrower.
    """
    place = at - bins.first
    rows: list[tuple[object, ...]] = []
    if counts.impostor_all:
        band = fmr_band(counts, confidence)
        source = _source(band, place, rising=True)
        mores = _more_for_fmr(counts, place if source is None else source, confidence)
        rows += [_row(Rate.FMR, band, place, source, more, confidence) for more in mores]
    if counts.genuine_all.any():
        band = fnmr_band(counts, confidence)
        source = _source(band, place, rising=False)
        mores = _more_for_fnmr(counts, people, place if source is None else source, confidence)
        rows += [_row(Rate.FNMR, band, place, source, more, confidence) for more in mores]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def growth_sentences(table: pl.DataFrame) -> list[str]:
    """A table of ``growth`` in words, a sentence a rate."""
    sentences = []
    for rate in table["rate"].unique(maintain_order=True):
        now, *more = table.filter(pl.col("rate") == rate).iter_rows(named=True)
        narrowest = min(row["high"] - row["low"] for row in (now, *more))
        digits = max(2, ceil(log10(now["high"] / narrowest)) + 1) if narrowest else 2
        parts = [_with([row for row in more if row["people"] > 1], "people", "the people", digits)]
        if photos := [row for row in more if row["photos"] > 1]:
            told = _with(photos, "photos", "the photos of each", digits)
            parts.append(f"and {told}, at best, for photos tell nothing of other people")
        sentences.append(f"{rate.upper()} is {_span(now, digits)} here; by projection {'; '.join(parts)}.")
    return sentences


@dataclass(frozen=True)
class _More:
    """So many times the people and the photos of each, and what comes of them."""

    people: int
    photos: int
    narrower: float
    """What the half-width of an interval is multiplied by, on the logit scale."""
    independent: float
    """How many people, or disjoint pairs of them, a bound is of."""


def _more_for_fmr(counts: BlockCounts, place: int, confidence: float) -> Iterator[_More]:
    at = slice(place, place + 1)
    without = logit(fmr_without(counts)[:, at])[counts.present]
    of_pairs = doubled_fmr(counts)[at] / (1 - counts.impostor[at] / counts.impostor_all) ** 2
    every = float(jackknife_variance(without, of_pairs)[0])
    share = float(of_pairs[0]) / every if every else 0.0
    freedom = float(freedom_of_two(without, effective(counts.touching_all) - 1)[0])
    for times in (1, *MORE_PEOPLE):
        variance = (1 - share) / times + share / times**2
        narrower = sqrt(variance) * _quantiles(freedom, _MOST_OF_TWO, times, confidence)
        yield _More(times, 1, narrower, float(counts.independent_pairs(times)[place]))


def _more_for_fnmr(counts: BlockCounts, people: pl.DataFrame, place: int, confidence: float) -> Iterator[_More]:
    every = counts.genuine_all.sum()
    rate = float((every - counts.genuine[:, place].sum()) / every)
    without = logit(fnmr_without(counts)[:, place : place + 1])[counts.present & (counts.genuine_all > 0)]
    variance = float(jackknife_variance(without, np.zeros(1))[0]) * (rate * (1 - rate)) ** 2
    freedom = float(freedom_of_one(without, effective(counts.genuine_all) - 1)[0])
    faces = people["faces"].to_numpy()
    now, alone = _Photos.of(faces, counts.weighting), rate * (1 - rate)
    spread = now.of_people - now.of_photos
    # Of a person, by two photos: r (1 - r) is how people differ, and what is left to the photos.
    differ = min(max((variance - alone * now.of_photos) / spread, 0.0), alone) if spread else 0.0
    for times in (1, *MORE_PEOPLE):
        narrower = sqrt(1 / times) * _quantiles(freedom, _MOST_OF_ONE, times, confidence)
        yield _More(times, 1, narrower, counts.genuine_people * times)
    for times in MORE_PHOTOS:
        then = _Photos.of(faces * times, counts.weighting)
        left = then.of_both(differ, alone) / now.of_both(differ, alone) if alone else 1.0
        in_effect = now.of_people / then.of_people
        narrower = sqrt(left) * _quantiles(freedom, _MOST_OF_ONE, in_effect, confidence)
        yield _More(1, times, narrower, counts.genuine_people * in_effect)


@dataclass(frozen=True)
class _Photos:
    """What the variance of a mean over people is multiplied by: of their own rates, and of their disjoint pairs."""

    of_people: float
    of_photos: float

    @classmethod
    def of(cls, faces: NDArray[np.integer], weighting: Weighting) -> "_Photos":
        """For people who have so many photos, of whom those with one have no genuine pair."""
        faces = faces[faces > 1]
        weights = np.ones(len(faces)) if weighting is Weighting.PEOPLE else faces * (faces - 1) / 2
        squares = (weights / weights.sum()) ** 2
        return cls(float(squares.sum()), float((squares / (faces // 2)).sum()))

    def of_both(self, differ: float, alone: float) -> float:
        """The variance of the mean where people's rates vary by so much, and one pair of photos of anybody by that."""
        return differ * self.of_people + (alone - differ) * self.of_photos


def _source(band: Band, place: int, *, rising: bool) -> int | None:
    """The cut-off whose interval tells of one: itself, or for a bound the next one at which more do what few do here.

    None where there is none. ``rising`` is for a rate that rises with the cut-off.
    """
    sure = np.flatnonzero(~band.bound & ~np.isnan(band.value))
    few_err = bool(band.low[place] == 0)
    beside = sure[sure >= place][:1] if few_err == rising else sure[sure <= place][-1:]
    if not band.bound[place]:
        return place
    return int(beside[0]) if len(beside) else None


def _row(rate: Rate, band: Band, place: int, source: int | None, more: _More, confidence: float) -> tuple[object, ...]:
    value, bound = float(band.value[place]), bool(band.bound[place])
    if (more.people, more.photos) == (1, 1):
        low, high = float(band.low[place]), float(band.high[place])
    elif bound:
        low, high = _bound(band, place, source, more, confidence)
    else:
        low, high = _nearer(band, place, more.narrower)
    return rate.value, more.people, more.photos, value, low, high, bound


def _bound(band: Band, place: int, source: int | None, more: _More, confidence: float) -> tuple[float, float]:
    """The bound of more people, or what the next interval becomes; the side of which nothing is known stays so."""
    value, low, high = (float(values[place]) for values in (band.value, band.low, band.high))
    at_least, at_most = (0.0, 1.0) if source is None else _nearer(band, source, more.narrower)
    at_least = max(at_least, 1 - float(clopper_pearson(1 - value, more.independent, confidence)))
    at_most = min(at_most, float(clopper_pearson(value, more.independent, confidence)))
    return min(max(low, at_least), value) if low > 0 else low, max(min(high, at_most), value) if high < 1 else high


def _nearer(band: Band, place: int, narrower: float) -> tuple[float, float]:
    """The ends of an interval after it has become so many times as wide, on the logit scale."""
    value, low, high = (float(logit(values[place])) for values in (band.value, band.low, band.high))
    return float(expit(value + (low - value) * narrower)), float(expit(value + (high - value) * narrower))


def _quantiles(freedom: float, most: float, times: float, confidence: float) -> float:
    """Student's quantile with so many times the people over that with these.

    The inverse of the degrees of freedom goes with the variance of the variance: that of blocks that vary alike, and
    what the people in them add to it, which goes with 1 / people.
    """
    freedom = max(freedom, 0.1)
    then = 1 / (1 / most + (1 / freedom - 1 / most) / times)
    quantile = student_quantile(np.array([freedom, then]), confidence)
    return float(quantile[1] / quantile[0])


def _with(rows: Sequence[Mapping[str, float]], column: str, what: str, digits: int) -> str:
    first, *others = (f"{_span(row, digits)} with {row[column]} times" for row in rows)
    return ", ".join([f"{first} {what}", *others])


def _span(row: Mapping[str, float], digits: int) -> str:
    low, high = f"{row['low']:.{digits}g}", f"{row['high']:.{digits}g}"
    if row["bound"] and not row["low"]:
        return f"at most {high}"
    if row["bound"] and row["high"] == 1:
        return f"at least {low}"
    return f"{low} to {high}"
