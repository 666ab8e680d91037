"""Which bins a report counts in, and where its database says so."""

from decimal import Decimal

import duckdb

from facesql.binning import Bins, Metric, fitting_bins
from facesql.database import engine_sql, resources


def set_metric(connection: duckdb.DuckDBPyConnection, metric: Metric) -> None:
    """Let a report's new database speak of that metric, before it holds faces."""
    connection.execute(engine_sql("create_binning"))
    file = resources() / "sql" / "metrics" / metric / "face_distance.sql"
    connection.execute(file.read_text(encoding="utf-8"))
    set_bins(connection, fitting_bins(metric))


def set_bins(connection: duckdb.DuckDBPyConnection, bins: Bins) -> None:
    """Write bins to a report's table binning."""
    numerator, denominator = bins.ratio
    row = {
        "metric": bins.metric.value,
        "first_bin": bins.first,
        "last_bin": bins.last,
        "bin_width": float(bins.width),
        "numerator": float(numerator),
        "denominator": float(denominator),
    }
    connection.execute(engine_sql("fill_binning"), row)


def read_bins(connection: duckdb.DuckDBPyConnection) -> Bins:
    """The bins of table binning, or of the view.

    Raises ValueError where they cannot be bins.
    """
    columns = "select metric, first_bin, last_bin, numerator, denominator from binning"
    [(metric, first, last, numerator, denominator)] = connection.execute(columns).fetchall()
    if None in (first, last, numerator, denominator) or not (numerator > 0 and denominator > 0):
        raise ValueError(f"{numerator} / {denominator} is no width, or {first} to {last} are no bins")
    return Bins(Metric(metric), first, last, Decimal(numerator) / Decimal(denominator))


def choose_bins(
    connection: duckdb.DuckDBPyConnection, metric: Metric, width: Decimal | None = None, reach: Decimal | None = None
) -> Bins:
    """The bins that fit the faces of a connection, as ``fitting_bins`` says.

    Raises FacesqlError as that does.
    """
    bound, numbers = None, 0
    if metric is not Metric.COSINE and (width is None or reach is None):
        [(distance, square, numbers)] = connection.execute(engine_sql("distance_bound")).fetchall()
        bound = square if metric is Metric.INNER else distance
        if metric is Metric.SQUARED and bound is not None:
            bound *= bound
    return fitting_bins(metric, bound, numbers=numbers or 0, width=width, reach=reach)
