"""A finished analysis to files in a folder, without its charts."""

import json
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from facesql.errors import FacesqlError

# What a chart can be written as, beside its Vega-Lite JSON.
ChartFormat = Literal["html", "png", "svg"]
CHART_FORMATS: tuple[ChartFormat, ...] = get_args(ChartFormat)


# The page that tells the whole story of an analysis.
PAGE = "report.html"


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
    table.write_csv(folder / f"{name}.csv")
    table.write_parquet(folder / f"{name}.parquet")


def write_summary(folder: Path, summary: dict[str, float | int | str | None]) -> None:
    """Write summary.json; a figure that the data cannot tell is null."""
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    (folder / "summary.json").write_text(text, encoding="utf-8")


def write_page(folder: Path, page: str) -> None:
    """Write report.html."""
    (folder / PAGE).write_text(page, encoding="utf-8")


def write_notes(folder: Path, notes: str) -> None:
    """Write run.md."""
    (folder / "run.md").write_text(notes, encoding="utf-8")
