"""A finished analysis to the files of its folder."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import altair as alt
import polars as pl

from facesql.errors import FacesqlError
from facesql.output import whole_file

# What a chart can be written as, beside its Vega-Lite JSON.
ChartFormat = Literal["html", "png", "svg"]
CHART_FORMATS: tuple[ChartFormat, ...] = get_args(ChartFormat)


def parse_formats(text: str) -> tuple[ChartFormat, ...]:
    """Formats such as "html,png"; an empty text names none.

    Raises FacesqlError for a format that there is not.

    >>> parse_formats("png, svg")
    ('png', 'svg')
    """
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    for name in wanted:
        if name not in CHART_FORMATS:
            raise FacesqlError(f"{name!r} is no format of a chart; choose from {','.join(CHART_FORMATS)}.")
    return tuple(known for known in CHART_FORMATS if known in wanted)


def write_tables(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Write a table as CSV and as Parquet."""
    with whole_file(folder / f"{name}.csv") as path:
        table.write_csv(path)
    with whole_file(folder / f"{name}.parquet") as path:
        table.write_parquet(path)


def write_summary(folder: Path, summary: dict[str, float | int | str | None]) -> None:
    """Write summary.json; a figure that the data cannot tell is null."""
    with whole_file(folder / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_chart(folder: Path, name: str, chart: alt.TopLevelMixin, formats: Iterable[ChartFormat]) -> None:
    """Write a chart as Vega-Lite JSON and in further formats; the HTML holds its scripts and loads nothing."""
    with whole_file(folder / f"{name}.vl.json") as path:
        specification = json.dumps(chart.to_dict(), indent=1, allow_nan=False)
        path.write_text(specification + "\n", encoding="utf-8")
    for kind in formats:
        with whole_file(folder / f"{name}.{kind}") as path:
            if kind == "html":
                chart.save(str(path), format=kind, inline=True)
            else:
                chart.save(str(path), format=kind, scale_factor=2)
