"""The charts of a finished analysis, drawn again: others, larger, or in other formats."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import polars as pl

from facesql.chartfiles import write_chart
from facesql.charts import CHARTS, ChartData, restyled
from facesql.database import plain_errors
from facesql.errors import FacesqlError
from facesql.fitting import read_bins
from facesql.metrics import CUTOFF_COLUMNS, Figures
from facesql.output import whole_files
from facesql.report import CHART_FORMATS, ChartFormat
from facesql.sources import find_source, opened


def list_charts() -> dict[str, str]:
    """The charts there are, by name, each with a sentence that says what it shows."""
    return {name: (chart.__doc__ or "").split("\n")[0] for name, chart in CHARTS.items()}


def draw_charts(
    report: Path,
    names: Sequence[str] = (),
    output: Path | None = None,
    *,
    formats: Sequence[ChartFormat] = CHART_FORMATS,
    width: int | None = None,
    height: int | None = None,
    title: str | None = None,
) -> list[Path]:
    """Draw charts from the folder of a finished analysis into ``output`` (default: that folder); returns their files.

    No names draw all. ``width`` and ``height`` are those of the plot, in pixels; ``title`` is for one chart. Nothing is
    counted again, and the page report.html stays as it is, for it shows what the tables do not hold. Raises
    FacesqlError where the folder holds no analysis, or for a name that there is not.
    """
    if unknown := [name for name in names if name not in CHARTS]:
        raise FacesqlError(f"There is no chart {unknown[0]!r}; choose from {', '.join(CHARTS)}.")
    chosen = [name for name in CHARTS if name in names] or list(CHARTS)
    if title is not None and len(chosen) != 1:
        raise FacesqlError("A title is for one chart; name which.")
    if title is not None and not title.isprintable():
        raise FacesqlError(f"The title {title!r} holds what is not printable; leave that out.")
    data = read_report(report)
    folder = report if output is None else output
    with whole_files(folder) as private:
        for name in chosen:
            chart = restyled(CHARTS[name](data), width=width, height=height, title=title)
            write_chart(private, name, chart, formats)
        drawn = sorted(path.name for path in private.iterdir())
    return [folder / name for name in drawn]


def read_report(report: Path) -> ChartData:
    """What the charts of a finished analysis are drawn from.

    Raises FacesqlError where the folder holds no analysis that can be read.
    """
    source = find_source(report)
    if not source.is_report:
        raise FacesqlError(f"{str(report)!r} is no report; name the folder that facesql analyze wrote.")
    changed = f"The tables in {str(report)!r} have been changed; make the report again with facesql analyze."
    with opened(source) as connection, plain_errors(f"{str(report)!r} is no report; make it anew."):
        try:
            bins = read_bins(connection)
        except ValueError as error:
            raise FacesqlError(changed) from error
        totals, table, summary, shares = (
            pl.DataFrame(connection.sql(query).to_arrow_table())
            for query in (
                "from bin_totals",
                "from precision_recall order by bin",
                "from summary",
                "from calibration order by bin",
            )
        )
    missing = {*(field.name for field in fields(Figures)), "photos", "people", "genuine_share"} - set(summary.columns)
    cut = table.columns == list(CUTOFF_COLUMNS) and table.height == bins.count - 1
    if missing or summary.height != 1 or not cut or shares.height != bins.count:
        raise FacesqlError(changed)
    row = summary.row(0, named=True)
    figures = Figures(**{field.name: row[field.name] for field in fields(Figures)})
    return ChartData(totals, table, figures, row["photos"], row["people"], bins, shares, row["genuine_share"])
