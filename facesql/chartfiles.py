"""A chart to files: Vega-Lite JSON, pictures, and a page that needs no network."""

import html
import json
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any, Literal

import altair as alt
import vl_convert

from facesql.report import ChartFormat

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
    contents = {}
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


def _page(specification: dict[str, Any]) -> str:
    """A page that holds the chart and its scripts; no text of the chart can end the script that it stands in."""
    title = specification["title"]["text"]
    return _PAGE.substitute(
        title=html.escape(title),
        vega=vl_convert.javascript_bundle(),  # type: ignore[call-arg]  # its stub knows no default
        specification=json.dumps(specification, allow_nan=False).replace("<", "\\u003c"),
    )
