"""Binned counts to the cut-off table and to single figures. Pure polars.

Terms are those of ISO/IEC 19795-1: genuine pairs show one person, impostor pairs two. A pair matches where
``distance <= cutoff``. FMR is the share of impostor pairs that match, FNMR the share of genuine pairs that do not.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

import polars as pl

from facesql.binning import BINS, BINS_PER_UNIT, LAST_EDGE, OVERFLOW
from facesql.errors import FacesqlError

# The cut-offs at which the original investigation printed its table.
KEY_CUTOFFS = (0, 300, 400, 450, 500, 550, 600, 900, 1000, 1500)

BIN_TOTALS = pl.Schema({"same_person": pl.Boolean, "bin": pl.Int32, "pairs": pl.Int64})
CUTOFF_COLUMNS = ("bin", "cutoff", "genuine_matched", "impostor_matched", "precision", "recall", "fmr", "fnmr", "f1")


def parse_cutoffs(text: str) -> tuple[int, ...]:
    """Cut-offs such as "0.4,0.6" as bins: a cut-off must be one of the edges 0.000, 0.001, ... 2.000.

    Raises FacesqlError for what is no number, lies beyond the last edge, or between two edges.

    >>> parse_cutoffs("0.4,0.6")
    (400, 600)
    """
    return tuple(_parse_cutoff(part.strip()) for part in text.split(","))


def _parse_cutoff(text: str) -> int:
    try:
        scaled = Decimal(text) * BINS_PER_UNIT
    except ArithmeticError as error:
        raise FacesqlError(f"{text!r} is no cut-off; write numbers such as 0.4,0.6.") from error
    if not scaled.is_finite() or not 0 <= scaled <= LAST_EDGE:
        raise FacesqlError(f"The cut-off {text} lies outside 0 to {LAST_EDGE / BINS_PER_UNIT:g}; choose one inside.")
    if scaled != int(scaled):
        raise FacesqlError(f"The cut-off {text} lies between two bins of 0.001; round it to three decimals.")
    return int(scaled)


def cutoff_table(bin_totals: pl.DataFrame) -> pl.DataFrame:
    """The rates at every cut-off 0.000, 0.001, ... 2.000, from pairs a bin and same_person.

    One row a cut-off, ascending: ``bin`` and ``cutoff`` (no unit), ``genuine_matched`` and ``impostor_matched``
    (pairs at ``distance <= cutoff``), then

    - precision: the share of genuine pairs among those matched; 1 where nothing is matched;
    - recall, fnmr, f1: of the genuine pairs; null where there are none;
    - fmr: of the impostor pairs; null where there are none.

    Rates lie in 0 to 1; nothing is NaN.
    """
    genuine, impostor = pl.col("genuine_matched"), pl.col("impostor_matched")
    all_genuine, all_impostor = pl.col("genuine_pairs"), pl.col("impostor_pairs")
    matched = genuine + impostor
    bins = _by_bin(bin_totals)
    return (
        bins.select(
            "bin",
            "cutoff",
            genuine_matched=pl.col("genuine").cum_sum(),
            impostor_matched=pl.col("impostor").cum_sum(),
        )
        # Whole columns: by a single number polars would multiply, by 1 / 49, and 49 of 49 would be less than 1.
        .with_columns(
            pl.Series("genuine_pairs", [int(bins["genuine"].sum())] * BINS, pl.Int64),
            pl.Series("impostor_pairs", [int(bins["impostor"].sum())] * BINS, pl.Int64),
        )
        .with_columns(
            precision=pl.when(matched > 0).then(genuine / matched).otherwise(1.0),
            recall=_ratio(genuine, all_genuine),
            fmr=_ratio(impostor, all_impostor),
            fnmr=_ratio(all_genuine - genuine, all_genuine),
            f1=pl.when(all_genuine > 0).then(2 * genuine / (all_genuine + matched)),
        )
        .filter(pl.col("bin") <= LAST_EDGE)
        .select(CUTOFF_COLUMNS)
    )


@dataclass(frozen=True)
class Figures:
    """Single figures of the two distributions; None where a class has no pairs. Distances have no unit."""

    genuine_pairs: int
    impostor_pairs: int
    auc: float | None
    """The chance that a genuine pair is nearer than an impostor pair, equals counted half: the area under the ROC."""
    eer: float | None
    """The rate at which FMR and FNMR are equal, see ``equal_error_rate``."""
    eer_cutoff: float | None
    d_prime: float | None
    """The distance of the two means over the root mean square of the two standard deviations."""
    genuine_mean: float | None
    """Means and standard deviations are those of the distances, taken at the middles of their bins."""
    genuine_sd: float | None
    impostor_mean: float | None
    impostor_sd: float | None


def summarize(bin_totals: pl.DataFrame) -> Figures:
    """The figures of pairs a bin and same_person."""
    bins = _by_bin(bin_totals)
    eer, eer_cutoff = equal_error_rate(bin_totals)
    genuine_mean, genuine_sd = _moments(bins, "genuine")
    impostor_mean, impostor_sd = _moments(bins, "impostor")
    return Figures(
        genuine_pairs=int(bins["genuine"].sum()),
        impostor_pairs=int(bins["impostor"].sum()),
        auc=_auc(bins),
        eer=eer,
        eer_cutoff=eer_cutoff,
        d_prime=_d_prime(genuine_mean, genuine_sd, impostor_mean, impostor_sd),
        genuine_mean=genuine_mean,
        genuine_sd=genuine_sd,
        impostor_mean=impostor_mean,
        impostor_sd=impostor_sd,
    )


def equal_error_rate(bin_totals: pl.DataFrame) -> tuple[float | None, float | None]:
    """The EER and its cut-off; None where there are no genuine or no impostor pairs.

    FMR rises and FNMR falls with the cut-off. Between the last edge with FMR < FNMR and the first with
    FMR >= FNMR both are taken as straight lines; the EER is the middle of the two rates where they cross. Where
    they are equal at several edges, the cut-off is the middle of those. Before the first edge nothing matches.
    """
    table = cutoff_table(bin_totals).select("cutoff", "fmr", "fnmr").drop_nulls()
    if table.is_empty():
        return None, None
    nothing_matched = pl.DataFrame({"cutoff": [0.0], "fmr": [0.0], "fnmr": [1.0]})
    everything_matched = pl.DataFrame({"cutoff": [LAST_EDGE / BINS_PER_UNIT], "fmr": [1.0], "fnmr": [0.0]})
    table = pl.concat([nothing_matched, table, everything_matched])
    equal = table.filter(pl.col("fmr") == pl.col("fnmr"))
    if not equal.is_empty():
        return equal["fmr"][0], (equal["cutoff"][0] + equal["cutoff"][-1]) / 2
    before = table.filter(pl.col("fmr") < pl.col("fnmr")).row(-1, named=True)
    after = table.filter(pl.col("fmr") > pl.col("fnmr")).row(0, named=True)
    gap_before, gap_after = before["fnmr"] - before["fmr"], after["fmr"] - after["fnmr"]
    share = gap_before / (gap_before + gap_after)
    fmr, fnmr, cutoff = (before[name] + share * (after[name] - before[name]) for name in ("fmr", "fnmr", "cutoff"))
    return (fmr + fnmr) / 2, cutoff


def _by_bin(bin_totals: pl.DataFrame) -> pl.DataFrame:
    """One row for each bin there is, empty ones too: bin, its upper edge as cutoff, genuine and impostor pairs."""
    pairs = [
        bin_totals.filter(same_person).group_by("bin").agg(pl.col("pairs").sum().alias(name))
        for name, same_person in (("genuine", pl.col("same_person")), ("impostor", ~pl.col("same_person")))
    ]
    # Python divides: polars multiplies by 1 / 1000, and 0.009 would become 0.009000000000000001.
    cutoffs = [edge / BINS_PER_UNIT for edge in range(LAST_EDGE + 1)] + [None] * (BINS - LAST_EDGE - 1)
    bins = pl.DataFrame({"bin": range(BINS), "cutoff": cutoffs}, schema={"bin": pl.Int32, "cutoff": pl.Float64})
    for column in pairs:
        bins = bins.join(column, on="bin", how="left", maintain_order="left")
    return bins.with_columns(pl.col("genuine", "impostor").fill_null(0))


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


def _auc(bins: pl.DataFrame) -> float | None:
    genuine, impostor = pl.col("genuine"), pl.col("impostor")
    farther = impostor.sum() - impostor.cum_sum()
    # Products of counts pass 2^63 for large tables, those of shares do not.
    nearer_share = (genuine / genuine.sum()) * ((farther + impostor / 2) / impostor.sum())
    value = bins.select(pl.when(genuine.sum() > 0, impostor.sum() > 0).then(nearer_share.sum())).item()
    return None if value is None else float(value)


def _moments(bins: pl.DataFrame, pairs: str) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the distances of a class; those beyond the last edge count as lying on it."""
    weight = pl.col(pairs) / pl.col(pairs).sum()
    middle = pl.when(pl.col("bin") == 0).then(0.0).otherwise((pl.col("bin") - 0.5) / BINS_PER_UNIT)
    middle = pl.when(pl.col("bin") == OVERFLOW).then(LAST_EDGE / BINS_PER_UNIT).otherwise(middle)
    if not bins[pairs].sum():
        return None, None
    mean = float(bins.select((weight * middle).sum()).item())
    variance = float(bins.select((weight * (middle - mean) ** 2).sum()).item())
    return mean, sqrt(variance)


def _d_prime(
    genuine_mean: float | None, genuine_sd: float | None, impostor_mean: float | None, impostor_sd: float | None
) -> float | None:
    if genuine_mean is None or genuine_sd is None or impostor_mean is None or impostor_sd is None:
        return None
    spread = sqrt((genuine_sd**2 + impostor_sd**2) / 2)
    return (impostor_mean - genuine_mean) / spread if spread > 0 else None
