"""Operating points: which cut-off to take, what it costs, and what the data cannot support.

FMR and FNMR are those in which every person, or every two, count the same: what holds for new people. A target is met
where the *interval* meets it, never where the rate alone does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log, log10, sqrt

import numpy as np
import polars as pl

from facesql.binning import EUCLIDEAN, Bins, written
from facesql.blocks import BlockCounts, Numbers, Weighting
from facesql.uncertainty import Band, Rate, precision_at, rate_bands
from facesql.wanted import Wanted

# What is shown beside what is asked for.
USUAL_FMR = (1e-2, 1e-3, 1e-4)
# face_recognition's own cut-off.
PACKAGE_CUTOFF = 600

Bands = Mapping[Weighting, Mapping[Rate, Band]]


@dataclass(frozen=True)
class OperatingPoint:
    """A cut-off and why it is one, or why there is none."""

    name: str
    bin: int | None
    """The bin that ends at the cut-off; None where the data cannot support what is asked."""
    refusal: str = ""
    """A sentence, where there is none."""
    recommended: bool = False
    chosen: bool = True
    """Whether the data choose the cut-off; face_recognition's own is the same for all."""


@dataclass(frozen=True)
class Sureness:
    """The counts by block of people, and the bands of all rates from them."""

    counts: Mapping[Weighting, BlockCounts]
    bands: Bands
    confidence: float

    @classmethod
    def of(cls, counts: Mapping[Weighting, BlockCounts], confidence: float) -> "Sureness":
        """All bands of these counts."""
        return cls(counts, {weighting: rate_bands(counts[weighting], confidence) for weighting in counts}, confidence)

    def people(self, rate: Rate) -> Band:
        """The band of a rate in which every person counts the same."""
        return self.bands[Weighting.PEOPLE][rate]

    def precision(self, genuine_share: float | None) -> Band:
        """The precision: every pair counts the same, or at the share of genuine comparisons that is given."""
        if genuine_share is None:
            return self.bands[Weighting.PAIRS][Rate.PRECISION]
        return precision_at(self.counts[Weighting.PEOPLE], genuine_share, self.confidence)


def operating_points(sure: Sureness, wanted: Wanted, bins: Bins) -> list[OperatingPoint]:
    """What is asked for and what is shown anyway, the recommended point first.

    Without genuine or without impostor pairs, only what can be told of the others.
    """
    return list(_points(sure, wanted, bins))


def recommended(sure: Sureness, wanted: Wanted, bins: Bins) -> OperatingPoint:
    """The highest cut-off whose FMR is surely at most ``max_fmr``, or that which costs least where costs are given."""
    if wanted.cost_false_match is None or wanted.cost_miss is None:
        return _at_most_fmr(sure, wanted.max_fmr, bins, recommended=True)
    costs = expected_cost(sure, wanted)
    name = "least cost"
    if np.isnan(costs).all():
        return OperatingPoint(name, None, "Costs need pairs of one person and of two; add photos.", recommended=True)
    return OperatingPoint(name, bins.first + _place_of_least(costs), recommended=True)


def expected_cost(sure: Sureness, wanted: Wanted) -> Numbers:
    """What a comparison costs on average at each cut-off, in the unit of the costs."""
    share = genuine_share(sure, wanted)
    fmr, fnmr = sure.people(Rate.FMR).value, sure.people(Rate.FNMR).value
    return np.asarray(share * (wanted.cost_miss or 0) * fnmr + (1 - share) * (wanted.cost_false_match or 0) * fmr)


def genuine_share(sure: Sureness, wanted: Wanted) -> float:
    """The share of comparisons that are of one person: the user's, or that of the pairs compared."""
    if wanted.genuine_share is not None:
        return wanted.genuine_share
    counts = sure.counts[Weighting.PAIRS]
    genuine = float(counts.genuine_all.sum())
    return genuine / (genuine + counts.impostor_all) if genuine + counts.impostor_all else float("nan")


def _points(sure: Sureness, wanted: Wanted, bins: Bins) -> Iterator[OperatingPoint]:
    first = recommended(sure, wanted, bins)
    yield first
    targets = sorted({*USUAL_FMR, wanted.max_fmr}, reverse=True)
    yield from (point for target in targets if (point := _at_most_fmr(sure, target, bins)).name != first.name)
    if wanted.max_fnmr is not None:
        yield _at_most_fnmr(sure, wanted.max_fnmr, f"FNMR at most {wanted.max_fnmr:g}", bins)
    if wanted.min_recall is not None:
        yield _at_most_fnmr(sure, 1 - wanted.min_recall, f"recall at least {wanted.min_recall:g}", bins)
    if wanted.min_precision is not None:
        yield _at_least_precision(sure, wanted, bins)
    f1 = sure.bands[Weighting.PAIRS][Rate.F1].value
    if not np.isnan(f1).all():
        yield OperatingPoint("best F1", bins.first + _place_of_least(-f1))
    gap = np.abs(sure.people(Rate.FMR).value - sure.people(Rate.FNMR).value)
    if not np.isnan(gap).all():
        yield OperatingPoint("EER of people", bins.first + _place_of_least(gap))
    if bins == EUCLIDEAN:
        yield OperatingPoint("face_recognition's 0.6", PACKAGE_CUTOFF, chosen=False)


def _at_most_fmr(sure: Sureness, target: float, bins: Bins, *, recommended: bool = False) -> OperatingPoint:
    name = f"FMR at most {target:g}"
    band = sure.people(Rate.FMR)
    met = np.flatnonzero(band.high <= target)
    if len(met):
        return OperatingPoint(name, bins.first + int(met[-1]), recommended=recommended)
    people = int(sure.counts[Weighting.PEOPLE].people.sum())
    if np.isnan(band.value).all():
        refusal = "FMR needs photos of two people; add others."
    else:
        least = float(band.high.min())
        needed = people_needed(people, least, target, sure.confidence)
        refusal = (
            f"An FMR of at most {target:g} needs about {needed:,} people, and here are {people:,}: of these, the least "
            f"that can be said for sure is {least:.1e}."
        )
    return OperatingPoint(name, None, refusal, recommended)


def _place_of_least(values: Numbers) -> int:
    """Where the least value stands; of several in a row, in their midst, farthest from where they are more."""
    least = np.nanmin(values)
    first = int(np.nanargmin(values))
    same = np.flatnonzero(~np.isclose(values[first:], least, rtol=1e-9, atol=1e-15))
    return first + (int(same[0]) - 1 if len(same) else len(values) - 1 - first) // 2


def _chance(rate: str, others: int | None) -> pl.Expr:
    """The chance that any of so many comparisons matches: 1 - (1 - rate)^others, where rates are tiny, too."""
    if others is None:
        return pl.lit(None, pl.Float64)
    return 1 - (others * (-pl.col(rate)).log1p()).exp()


def people_needed(people: int, least: float, target: float, confidence: float) -> int:
    """About how many people support an FMR, where so many support ``least``; to two digits.

    As many pairs of people as the two rates differ by, and so the root of that in people; but not more than the rule of
    three asks for if none of their disjoint pairs matches.

    >>> people_needed(50, 0.12, 0.001, 0.95)
    550
    """
    by_rule = 2 * -log(1 - confidence) / target
    number = min(by_rule, people * sqrt(least / target))
    unit: int = 10 ** max(0, int(log10(number)) - 1)
    return max(ceil(number / unit) * int(unit), people + 1)


def _at_most_fnmr(sure: Sureness, target: float, name: str, bins: Bins) -> OperatingPoint:
    band = sure.people(Rate.FNMR)
    met = np.flatnonzero(band.high <= target)
    if len(met):
        return OperatingPoint(name, bins.first + int(met[0]))
    if np.isnan(band.value).all():
        return OperatingPoint(name, None, "FNMR needs people with two photos; add photos of people who are there.")
    least, people = float(band.high.min()), int(sure.counts[Weighting.PEOPLE].genuine_people)
    needed = ceil(-log(1 - sure.confidence) / target)
    refusal = (
        f"{name[0].upper()}{name[1:]} needs about {max(needed, people + 1):,} people with two photos or more, and here "
        f"are {people:,}: of these, the least FNMR that can be said for sure is {least:.1e}."
    )
    return OperatingPoint(name, None, refusal)


def _at_least_precision(sure: Sureness, wanted: Wanted, bins: Bins) -> OperatingPoint:
    target = wanted.min_precision or 0
    name = f"precision at least {target:g}"
    band = sure.precision(wanted.genuine_share)
    met = np.flatnonzero(band.low >= target)
    if len(met):
        return OperatingPoint(name, bins.first + int(met[-1]))
    if np.isnan(band.low).all():
        return OperatingPoint(name, None, "Precision needs pairs of one person and of two; add photos.")
    best = int(np.nanargmax(band.low))
    refusal = (
        f"No cut-off surely has a precision of at least {target:g}: the most that can be said for sure is "
        f"{band.low[best]:.2g}, at {written((bins.first + best) * bins.width)}."
    )
    return OperatingPoint(name, None, refusal)


def operating_table(
    points: list[OperatingPoint], sure: Sureness, wanted: Wanted, bins: Bins, fta: float | None
) -> pl.DataFrame:
    """The points with their rates and intervals, a row each; nulls where a point is refused, or a rate not told.

    FMR and FNMR count every person the same, precision every pair unless ``genuine_share`` is given. frr is FTA +
    (1 - FTA) FNMR (ISO/IEC 19795-1), FTA being the share of photos without a usable face. With a gallery of N others,
    false_matches is N FMR, what a search is expected to find wrongly, and false_match_chance 1 - (1 - FMR)^N, that it
    finds any, which is less where people differ; false_match_chance_high is that of fmr_high.
    """
    bands = {
        "fmr": sure.people(Rate.FMR),
        "fnmr": sure.people(Rate.FNMR),
        "precision": sure.precision(wanted.genuine_share),
    }
    rows = [_row(point, bands, bins) for point in points]
    table = pl.DataFrame(rows, schema=_SCHEMA)
    others = pl.lit(wanted.gallery, pl.Float64)
    return table.with_columns(
        frr=fta + (1 - fta) * pl.col("fnmr") if fta is not None else pl.lit(None, pl.Float64),
        false_matches=others * pl.col("fmr"),
        false_matches_low=others * pl.col("fmr_low"),
        false_matches_high=others * pl.col("fmr_high"),
        false_match_chance=_chance("fmr", wanted.gallery),
        false_match_chance_high=_chance("fmr_high", wanted.gallery),
        refusal=pl.Series([point.refusal or None for point in points], dtype=pl.String),
    )


_RATES = {
    f"{rate}{end}": pl.Boolean if end == "_bound" else pl.Float64
    for rate in ("fmr", "fnmr", "precision")
    for end in ("", "_low", "_high", "_bound")
}
_SCHEMA = {"point": pl.String, "recommended": pl.Boolean, "bin": pl.Int32, "cutoff": pl.Float64, **_RATES}


def _row(point: OperatingPoint, bands: Mapping[str, Band], bins: Bins) -> dict[str, object]:
    place = None if point.bin is None else point.bin - bins.first
    row: dict[str, object] = {
        "point": point.name,
        "recommended": point.recommended,
        "bin": point.bin,
        "cutoff": None if place is None else float(bins.edges[place]),
    }
    for name, band in bands.items():
        row |= _of_band(name, band, place)
    return row


def _of_band(name: str, band: Band, place: int | None) -> dict[str, object]:
    """The columns of a rate: the rate, its interval's ends, and whether that is a bound."""
    columns = {"": band.value, "_low": band.low, "_high": band.high}
    ends = {
        f"{name}{end}": None if place is None or np.isnan(values[place]) else float(values[place])
        for end, values in columns.items()
    }
    return {**ends, f"{name}_bound": None if place is None else bool(band.bound[place])}
