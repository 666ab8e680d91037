"""From a report's counts to what its user wants to know: which cut-off, what it costs, and how sure that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import polars as pl

from facesql.binning import Bins
from facesql.blocks import Weighting
from facesql.calibration import calibration
from facesql.counts import counts_and_people
from facesql.crossfit import counts_and_folds, crossfit
from facesql.database import engine_sql
from facesql.estimates import sampling_intervals
from facesql.growth import growth
from facesql.operating import OperatingPoint, Sureness, operating_points, operating_table
from facesql.sampled import NO_SAMPLE, Sampled
from facesql.uncertainty import Estimate, auc, eer, interval_table
from facesql.wanted import Wanted

# What a photo may have become without a usable face; those left out on purpose were never tried.
_NOT_ACQUIRED = ("no_face", "several_faces", "unreadable", "failed")
_NOT_TRIED = ("excluded", "duplicate", "undecidable")


@dataclass(frozen=True)
class Answers:
    """The answers to what is wanted, and the tables that a report keeps of them."""

    wanted: Wanted
    sure: Sureness
    points: Sequence[OperatingPoint]
    operating: pl.DataFrame
    """See ``operating_table``."""
    intervals: pl.DataFrame
    """See ``interval_table``."""
    optimism: pl.DataFrame
    """See ``crossfit``."""
    calibration: pl.DataFrame
    """See ``calibration``: at the share of genuine comparisons that is wanted, or else that of the pairs."""
    growth: pl.DataFrame
    """See ``growth``, at ``a_cutoff``: every person counts the same."""
    eer: Mapping[Weighting, Estimate | None]
    auc: Mapping[Weighting, Estimate | None]
    fta: float | None
    """See ``failure_to_acquire``."""
    heaviest: pl.DataFrame
    """The people with most genuine pairs: person, faces, genuine_share and impostor_share of the pairs."""
    sampled: Sampled | None = None
    """What was sampled, where not all pairs were compared."""
    sampling: pl.DataFrame | None = None
    """See ``sampling_intervals``; None where all pairs were compared."""

    @property
    def recommended(self) -> OperatingPoint:
        """The cut-off to take, or why there is none."""
        return next(point for point in self.points if point.recommended)

    def a_cutoff(self, bins: Bins) -> Decimal:
        """The recommended cut-off, or else that of the first point that has one, or the middle of the bins."""
        return a_bin(self.points, bins) * bins.width

    def summary(self) -> dict[str, float | None]:
        """The single figures by name, as the table summary holds them; NaN is null there."""
        figures: dict[str, float | None] = {
            "confidence": self.wanted.confidence,
            "genuine_share": self.wanted.genuine_share,
            "fta": self.fta,
        }
        for name, estimates in (("auc", self.auc), ("eer", self.eer)):
            for weighting, estimate in estimates.items():
                suffix = "" if weighting is Weighting.PAIRS else "_of_people"
                if suffix:
                    figures[f"{name}{suffix}"] = None if estimate is None else estimate.value
                figures[f"{name}{suffix}_low"] = None if estimate is None else estimate.low
                figures[f"{name}{suffix}_high"] = None if estimate is None else estimate.high
        row = self.operating.filter("recommended").row(0, named=True)
        sample = NO_SAMPLE if self.sampled is None else self.sampled.summary()
        return {**figures, "recommended_cutoff": row["cutoff"], **sample}


def find_answers(
    connection: duckdb.DuckDBPyConnection,
    bins: Bins,
    wanted: Wanted,
    found: Iterable[Mapping[str, int]] = (),
    sampled: Sampled | None = None,
) -> Answers:
    """The answers from a report's table block_pair_counts and view people; ``found`` is what each table's photos gave.

    ``sampled`` is what the counts were estimated from, if they were. Nothing is compared again.
    """
    counted, people = counts_and_people(connection)
    numbers = None if sampled is None else {weighting: fmr.number for weighting, fmr in sampled.fmr.items()}
    counts, folds = counts_and_folds(counted, people, bins, numbers)
    sure = Sureness.of(counts, wanted.confidence)
    points = operating_points(sure, wanted, bins)
    fta, at = failure_to_acquire(found), a_bin(points, bins)
    weighting = Weighting.PAIRS if wanted.genuine_share is None else Weighting.PEOPLE
    return Answers(
        wanted=wanted,
        sure=sure,
        points=points,
        operating=operating_table(points, sure, wanted, bins, fta),
        intervals=interval_table(sure.bands, bins),
        optimism=crossfit(points, sure, folds, wanted, bins),
        calibration=calibration(
            counts[weighting], bins, genuine_share=wanted.genuine_share, confidence=wanted.confidence
        ),
        growth=growth(counts[Weighting.PEOPLE], people, bins, at, wanted.confidence).with_columns(
            cutoff=float(bins.edges[at - bins.first])
        ),
        eer={of: eer(counts[of], wanted.confidence, sure.bands[of]) for of in Weighting},
        auc={of: auc(counts[of], wanted.confidence, sure.bands[of]) for of in Weighting},
        fta=fta,
        heaviest=pl.DataFrame(connection.sql(engine_sql("heaviest_people")).to_arrow_table()),
        sampled=sampled,
        sampling=None if sampled is None else sampling_intervals(sampled.fmr, counts, bins),
    )


def a_bin(points: Sequence[OperatingPoint], bins: Bins) -> int:
    """The bin of the first point that has one, the recommended one if it has, or the middle of the bins."""
    return next((point.bin for point in points if point.bin is not None), (bins.first + bins.last) // 2)


def failure_to_acquire(found: Iterable[Mapping[str, int]]) -> float | None:
    """The share of photos without a usable face: FTA of ISO/IEC 19795-1. None where a table does not tell.

    Photos left out on purpose count neither way, nor those in which nothing tells which face is the person's.

    >>> failure_to_acquire([{"photos": 110, "excluded": 10, "no_face": 4, "unreadable": 1}])
    0.05
    """
    tables = list(found)
    if not tables or not all("photos" in table for table in tables):
        return None
    failed = sum(table.get(status, 0) for table in tables for status in _NOT_ACQUIRED)
    tried = sum(table["photos"] - sum(table.get(status, 0) for status in _NOT_TRIED) for table in tables)
    return failed / tried if tried > 0 else None
