"""A finished analysis to files in a folder."""

import html
import json
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any, Literal, get_args

import altair as alt
import polars as pl
import vl_convert

from facesql.errors import FacesqlError

# What a chart can be written as, beside its Vega-Lite JSON.
ChartFormat = Literal["html", "png", "svg"]
CHART_FORMATS: tuple[ChartFormat, ...] = get_args(ChartFormat)

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<script>$vega</script>
</head>
<body>
<div id="chart"></div>
<script>
vegaEmbed("#chart", $specification, {"renderer": "svg"}).catch(console.error);
</script>
</body>
</html>
""")


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


def write_notes(folder: Path, notes: str) -> None:
    """Write run.md."""
    (folder / "run.md").write_text(notes, encoding="utf-8")


def write_chart(folder: Path, name: str, chart: alt.TopLevelMixin, formats: Iterable[ChartFormat]) -> None:
    """Write a chart as Vega-Lite JSON and in further formats; the HTML loads nothing.

    Altair's own ``save`` would check and draw the chart anew for each format.
    """
    specification = chart.to_dict()
    text = json.dumps(specification, indent=1, allow_nan=False) + "\n"
    contents = {"vl.json": text.encode()}
    svg = vl_convert.vegalite_to_svg(specification) if {"svg", "png"}.intersection(formats) else ""
    for kind in formats:
        match kind:
            case "html":
                contents[kind] = _page(specification).encode()
            case "png":
                contents[kind] = vl_convert.svg_to_png(svg, scale=2)
            case "svg":
                contents[kind] = svg.encode()
    for suffix, content in contents.items():
        (folder / f"{name}.{suffix}").write_bytes(content)


def _page(specification: dict[str, Any]) -> str:
    """A page that holds the chart and its scripts; no text of the chart can end the script that it stands in."""
    title = specification["title"]["text"]
    return _PAGE.substitute(
        title=html.escape(title),
        vega=vl_convert.javascript_bundle(),  # type: ignore[call-arg]  # its stub knows no default
        specification=json.dumps(specification, allow_nan=False).replace("<", "\\u003c"),
    )
