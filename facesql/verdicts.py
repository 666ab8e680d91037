"""What a report says of a distance: how many pairs so far apart are of one person, and which cut-offs match."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from facesql.binning import EUCLIDEAN, Bins, Metric
from facesql.calibration import Share, calibration, share_at
from facesql.database import engine_sql, plain_errors
from facesql.encoder import ENCODING_SIZE
from facesql.errors import FacesqlError
from facesql.fitting import read_bins
from facesql.operating import PACKAGE_CUTOFF
from facesql.sources import find_database, open_report
from facesql.wanted import Wanted

# The columns that tell what a distance means.
MEANING = pl.Schema(
    {
        "share": pl.Float64,  # of the pairs at that distance, those of one person; null where nothing is known
        "share_low": pl.Float64,
        "share_high": pl.Float64,
        "share_bound": pl.Boolean,  # whether low and high are a bound, and no interval
        "outside": pl.String,  # nearer or farther, where no pair of the report is at such a distance
        "match_from": pl.Float64,  # the lowest of the cut-offs at which it is a match; null where it is none
    }
)


class Outside(StrEnum):
    """Where a distance lies that no pair of a report has."""

    NEARER = "nearer"
    FARTHER = "farther"


@dataclass(frozen=True)
class Judge:
    """What a report knows, to judge distances by. All are Euclidean, of face_recognition's encodings."""

    report: Path
    bins: Bins
    calibration: pl.DataFrame
    points: pl.DataFrame
    """The rows of table operating_points that have a cut-off, the recommended one first."""
    refusal: str | None
    """Why no cut-off is recommended, if none is."""
    genuine_share: float | None
    """How many of the comparisons are of one person, which shares hang on; None where the report has no pairs."""
    of_user: bool
    """Whether the user has said so; else it is as in the report."""
    confidence: float
    closest: int | None
    """The first bin that holds a pair, and the last one."""
    farthest: int | None
    made: Mapping[str, str]
    """How its faces were encoded, as their first table notes it; all were encoded alike."""

    @classmethod
    def of(cls, report: Path, genuine_share: float | None = None) -> "Judge":
        """The judge that a report's folder makes; ``genuine_share`` is how many of the user's comparisons are genuine.

        Raises FacesqlError where there is no report, or its distances are not those of two photos.
        """
        wanted = Wanted(genuine_share=genuine_share)
        failed = f"{str(report)!r} is of another version of facesql; make it again with facesql analyze."
        with open_report(find_database(report)) as connection, plain_errors(failed):
            summary = _table(connection, "from summary").row(0, named=True)
            bins = read_bins(connection)
            _refuse_others(connection, report, bins)
            points = _table(connection, "from operating_points")
            [(closest, farthest)] = connection.execute(engine_sql("closest_and_farthest")).fetchall()
            refusals = points.filter(pl.col("recommended"))["refusal"].to_list()
            return cls(
                report=report,
                bins=bins,
                calibration=_calibration(connection, bins, wanted, summary["confidence"]),
                points=points.filter(pl.col("cutoff").is_not_null()),
                refusal=next(iter(refusals), None),
                genuine_share=_share(summary) if genuine_share is None else genuine_share,
                of_user=genuine_share is not None,
                confidence=summary["confidence"],
                closest=closest,
                farthest=farthest,
                made=_made(connection),
            )

    def share(self, distance: float) -> Share | None:
        """Of pairs at a distance, the share that are of one person; None where the report cannot tell."""
        return share_at(self.calibration, self.bins, distance)

    def matched(self, distance: float) -> list[bool]:
        """What each of the points says."""
        return [self._bin(distance) <= bin_ for bin_ in self.points["bin"]]

    def outside(self, distance: float) -> Outside | None:
        """Where a distance lies, if no pair of the report lies there or beyond."""
        if self.closest is None or self.farthest is None:
            return None
        bin_ = self._bin(distance)
        if bin_ < self.closest:
            return Outside.NEARER
        return Outside.FARTHER if bin_ > self.farthest or bin_ == self.bins.beyond else None

    def _bin(self, distance: float) -> int:
        return self.bins.first + int(self.bins.places(np.array([distance]))[0])


def meanings(distances: Iterable[float], judge: Judge | None) -> pl.DataFrame:
    """What distances mean: the schema MEANING, a row each. Without a judge, face_recognition's 0.6 alone is known."""
    return pl.DataFrame([_meaning(distance, judge) for distance in distances], schema=MEANING)


def _meaning(distance: float, judge: Judge | None) -> dict[str, Any]:
    if judge is None:
        usual = float(EUCLIDEAN.edges[PACKAGE_CUTOFF])
        return {**dict.fromkeys(MEANING), "match_from": usual if distance <= usual else None}
    share = judge.share(distance)
    names = ("share", "share_low", "share_high", "share_bound")
    matching = judge.points["cutoff"].filter(pl.Series(judge.matched(distance), dtype=pl.Boolean))
    return {
        **dict(zip(names, [None] * len(names) if share is None else share, strict=True)),
        "outside": judge.outside(distance),
        "match_from": matching.min(),
    }


def _table(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    return pl.DataFrame(connection.sql(query).to_arrow_table())


def _refuse_others(connection: duckdb.DuckDBPyConnection, report: Path, bins: Bins) -> None:
    """Raise FacesqlError where the report's distances are not those that two photos have."""
    if bins.metric is not Metric.EUCLIDEAN:
        raise FacesqlError(
            f"{str(report)!r} counts {bins.metric} distances, and photos are compared by Euclidean ones; name a report "
            "made with --metric euclidean."
        )
    [(_, size, _)] = connection.execute(engine_sql("encodings")).fetchall()
    if size not in {0, ENCODING_SIZE}:
        raise FacesqlError(
            f"{str(report)!r} is of encodings of {size} numbers, and photos are encoded to {ENCODING_SIZE}; name a "
            "report on faces that facesql or face_recognition encoded."
        )


def _calibration(connection: duckdb.DuckDBPyConnection, bins: Bins, wanted: Wanted, confidence: float) -> pl.DataFrame:
    """The report's own calibration, or, at another share of genuine comparisons, a new one from its counts."""
    if wanted.genuine_share is None:
        return _table(connection, "from calibration order by bin")
    from facesql.blocks import Weighting, block_counts
    from facesql.counts import counts_and_people

    [counts] = block_counts(*counts_and_people(connection), bins)
    return calibration(counts[Weighting.PEOPLE], bins, genuine_share=wanted.genuine_share, confidence=confidence)


def _share(summary: Mapping[str, Any]) -> float | None:
    """How many of a report's comparisons are of one person: as its user has said, or as they are."""
    if summary["genuine_share"] is not None:
        return float(summary["genuine_share"])
    pairs = summary["genuine_pairs"] + summary["impostor_pairs"]
    return summary["genuine_pairs"] / pairs if pairs else None


def _made(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the first table that notes anything notes; nothing of a report of an earlier version."""
    try:
        rows = connection.execute("select faces_file, name, value from encode_settings").fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: value for file, name, value in rows if file == rows[0][0]}
