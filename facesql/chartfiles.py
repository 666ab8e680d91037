"""A chart to files: Vega-Lite JSON, pictures, and a page that needs no network."""

import html
import io
import json
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any, Literal, get_args

import altair as alt
import polars as pl
import vl_convert

from facesql.errors import FacesqlError
from facesql.report import ChartFormat

# What a single chart can be written as: a page, a picture, Vega-Lite, or the table that it is drawn from.
FileFormat = Literal["html", "png", "svg", "vl.json", "csv", "parquet"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)

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


def write_chart(folder: Path, name: str, chart: alt.TopLevelMixin, formats: Iterable[ChartFormat]) -> None:
    """Write a chart as Vega-Lite JSON and in further formats; the HTML loads nothing.

    Altair's own ``save`` would check and draw the chart anew for each format.
    """
    for suffix, content in drawn(chart, ("vl.json", *formats)).items():
        (folder / f"{name}.{suffix}").write_bytes(content)


def drawn(chart: alt.TopLevelMixin, formats: Iterable[ChartFormat | Literal["vl.json"]]) -> dict[str, bytes]:
    """What the files of a chart hold, by format."""
    specification = chart.to_dict()
    wanted = list(formats)
    svg = vl_convert.vegalite_to_svg(specification) if {"svg", "png"}.intersection(wanted) else ""
    contents: dict[str, bytes] = {}
    for kind in wanted:
        match kind:
            case "vl.json":
                contents[kind] = (json.dumps(specification, indent=1, allow_nan=False) + "\n").encode()
            case "html":
                contents[kind] = _page(specification).encode()
            case "png":
                contents[kind] = vl_convert.svg_to_png(svg, scale=2)
            case "svg":
                contents[kind] = svg.encode()
    return contents


def parse_file_format(output: Path) -> FileFormat:
    """What a chart is written as, by the suffix of its file.

    Raises FacesqlError for a suffix of none of FILE_FORMATS.

    >>> parse_file_format(Path("faces.vl.json"))
    'vl.json'
    """
    for known in FILE_FORMATS:
        if output.name.lower().endswith(f".{known}"):
            return known
    endings = ", ".join(f".{known}" for known in FILE_FORMATS)
    raise FacesqlError(f"{str(output)!r} ends in no format of a chart; end it in one of {endings}.")


def file_content(chart: alt.TopLevelMixin, table: pl.DataFrame, form: FileFormat) -> bytes:
    """What the file of a chart, or of the table that it is drawn from, holds."""
    written = io.BytesIO()
    match form:
        case "csv":
            table.write_csv(written)
        case "parquet":
            table.write_parquet(written)
        case _:
            return drawn(chart, [form])[form]
    return written.getvalue()


def _page(specification: dict[str, Any]) -> str:
    """A page that holds the chart and its scripts; no text of the chart can end the script that it stands in."""
    title = specification["title"]["text"]
    return _PAGE.substitute(
        title=html.escape(title),
        vega=vl_convert.javascript_bundle(),  # type: ignore[call-arg]  # its stub knows no default
        specification=json.dumps(specification, allow_nan=False).replace("<", "\\u003c"),
    )
