"""Binned counts to the cut-off table and to single figures. Pure polars.

Terms are those of ISO/IEC 19795-1: genuine pairs show one person, impostor pairs two. A pair matches where
``distance <= cutoff``. FMR is the share of impostor pairs that match, FNMR the share of genuine pairs that do not.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

import polars as pl

from facesql.binning import EUCLIDEAN, Bins, parse_number

# The cut-offs at which the original investigation printed its table.
KEY_CUTOFFS = tuple(map(Decimal, ("0", "0.3", "0.4", "0.45", "0.5", "0.55", "0.6", "0.9", "1", "1.5")))

BIN_TOTALS = pl.Schema({"same_person": pl.Boolean, "bin": pl.Int32, "pairs": pl.Int64})
CUTOFF_COLUMNS = ("bin", "cutoff", "genuine_matched", "impostor_matched", "precision", "recall", "fmr", "fnmr", "f1")


def parse_cutoffs(text: str) -> tuple[Decimal, ...]:
    """Cut-offs such as "0.4,0.6"; ``Bins.bin_of`` says whether they are edges.

    Raises FacesqlError for what is no number.

    >>> parse_cutoffs("0.4, 0.6")
    (Decimal('0.4'), Decimal('0.6'))
    """
    return tuple(parse_number(part.strip(), "cut-off") for part in text.split(","))


def key_bins(bin_totals: pl.DataFrame, bins: Bins = EUCLIDEAN) -> list[int]:
    """The bins at whose edges the table is shown where nobody says which, ascending.

    Those of the original investigation in its bins; in others four to twelve, 1, 2 or 5 x 10^k apart, from the first
    that holds pairs to the last.
    """
    if bins == EUCLIDEAN:
        return [bins.bin_of(cutoff) for cutoff in KEY_CUTOFFS]
    filled = bin_totals.filter(pl.col("pairs") > 0)["bin"].clip(bins.first, bins.last).to_list()
    low, high = min(filled, default=bins.first), max(filled, default=bins.last)
    step = next(
        step for power in range(6) for step in (10**power, 2 * 10**power, 5 * 10**power) if high - low <= 10 * step
    )
    edges = range(low // step * step, high + step, step)
    return [edge for edge in edges if bins.first <= edge <= bins.last]


def cutoff_table(bin_totals: pl.DataFrame, bins: Bins = EUCLIDEAN) -> pl.DataFrame:
    """The rates at every cut-off, which are the edges of the bins, from pairs a bin and same_person.

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
    counted = _by_bin(bin_totals, bins)
    return (
        counted.select(
            "bin",
            "cutoff",
            genuine_matched=pl.col("genuine").cum_sum(),
            impostor_matched=pl.col("impostor").cum_sum(),
        )
        # Whole columns: by a single number polars would multiply, by 1 / 49, and 49 of 49 would be less than 1.
        .with_columns(
            pl.Series("genuine_pairs", [int(counted["genuine"].sum())] * bins.count, pl.Int64),
            pl.Series("impostor_pairs", [int(counted["impostor"].sum())] * bins.count, pl.Int64),
        )
        .with_columns(
            precision=pl.when(matched > 0).then(genuine / matched).otherwise(1.0),
            recall=_ratio(genuine, all_genuine),
            fmr=_ratio(impostor, all_impostor),
            fnmr=_ratio(all_genuine - genuine, all_genuine),
            f1=pl.when(all_genuine > 0).then(2 * genuine / (all_genuine + matched)),
        )
        .filter(pl.col("bin") <= bins.last)
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


def summarize(bin_totals: pl.DataFrame, bins: Bins = EUCLIDEAN) -> Figures:
    """The figures of pairs a bin and same_person."""
    counted = _by_bin(bin_totals, bins)
    eer, eer_cutoff = equal_error_rate(bin_totals, bins)
    genuine_mean, genuine_sd = _moments(counted, "genuine", bins)
    impostor_mean, impostor_sd = _moments(counted, "impostor", bins)
    return Figures(
        genuine_pairs=int(counted["genuine"].sum()),
        impostor_pairs=int(counted["impostor"].sum()),
        auc=_auc(counted),
        eer=eer,
        eer_cutoff=eer_cutoff,
        d_prime=_d_prime(genuine_mean, genuine_sd, impostor_mean, impostor_sd),
        genuine_mean=genuine_mean,
        genuine_sd=genuine_sd,
        impostor_mean=impostor_mean,
        impostor_sd=impostor_sd,
    )


def equal_error_rate(bin_totals: pl.DataFrame, bins: Bins = EUCLIDEAN) -> tuple[float | None, float | None]:
    """The EER and its cut-off; None where there are no genuine or no impostor pairs.

    FMR rises and FNMR falls with the cut-off. Between the last edge with FMR < FNMR and the first with
    FMR >= FNMR both are taken as straight lines; the EER is the middle of the two rates where they cross. Where
    they are equal at several edges, the cut-off is the middle of those. Just before the first edge nothing matches; at
    the last all that lies beyond is taken to match, too.
    """
    table = cutoff_table(bin_totals, bins).select("cutoff", "fmr", "fnmr").drop_nulls()
    if table.is_empty():
        return None, None
    nothing_matched = pl.DataFrame({"cutoff": bins.edges[:1], "fmr": [0.0], "fnmr": [1.0]})
    everything_matched = pl.DataFrame({"cutoff": bins.edges[-1:], "fmr": [1.0], "fnmr": [0.0]})
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


def _by_bin(bin_totals: pl.DataFrame, bins: Bins) -> pl.DataFrame:
    """One row for each bin there is, empty ones too: bin, its upper edge as cutoff, genuine and impostor pairs."""
    pairs = [
        bin_totals.filter(same_person).group_by("bin").agg(pl.col("pairs").sum().alias(name))
        for name, same_person in (("genuine", pl.col("same_person")), ("impostor", ~pl.col("same_person")))
    ]
    numbers, cutoffs = range(bins.first, bins.beyond + 1), [*bins.edges.tolist(), None]
    counted = pl.DataFrame({"bin": numbers, "cutoff": cutoffs}, schema={"bin": pl.Int32, "cutoff": pl.Float64})
    for column in pairs:
        counted = counted.join(column, on="bin", how="left", maintain_order="left")
    return counted.with_columns(pl.col("genuine", "impostor").fill_null(0))


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


def _auc(counted: pl.DataFrame) -> float | None:
    genuine, impostor = pl.col("genuine"), pl.col("impostor")
    farther = impostor.sum() - impostor.cum_sum()
    # Products of counts pass 2^63 for large tables, those of shares do not.
    nearer_share = (genuine / genuine.sum()) * ((farther + impostor / 2) / impostor.sum())
    value = counted.select(pl.when(genuine.sum() > 0, impostor.sum() > 0).then(nearer_share.sum())).item()
    return None if value is None else float(value)


def _moments(counted: pl.DataFrame, pairs: str, bins: Bins) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the distances of a class, taken at the middles of their bins.

    The first bin has its edge alone; distances beyond the last edge count as lying on it.
    """
    weight = pl.col(pairs) / pl.col(pairs).sum()
    numerator, denominator = bins.ratio
    number = pl.col("bin")
    middle = (
        pl.when(number == bins.first)
        .then(bins.edges[0])
        .when(number == bins.beyond)
        .then(bins.edges[-1])
        .otherwise((number - 0.5) * numerator / denominator)
    )
    if not counted[pairs].sum():
        return None, None
    mean = float(counted.select((weight * middle).sum()).item())
    variance = float(counted.select((weight * (middle - mean) ** 2).sum()).item())
    return mean, sqrt(variance)


def _d_prime(
    genuine_mean: float | None, genuine_sd: float | None, impostor_mean: float | None, impostor_sd: float | None
) -> float | None:
    if genuine_mean is None or genuine_sd is None or impostor_mean is None or impostor_sd is None:
        return None
    spread = sqrt((genuine_sd**2 + impostor_sd**2) / 2)
    return (impostor_mean - genuine_mean) / spread if spread > 0 else None
