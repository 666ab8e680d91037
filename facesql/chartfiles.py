"""A chart to files: Vega-Lite JSON, pictures, and a page that needs no network."""

import io
import json
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_args

import altair as alt
import polars as pl
import vl_convert
from markupsafe import Markup

from facesql.errors import FacesqlError
from facesql.output import cache_folder, whole_file
from facesql.page import render
from facesql.report import ChartFormat

# What a single chart can be written as: a page, a picture, Vega-Lite, or the table that it is drawn from.
FileFormat = Literal["html", "png", "svg", "vl.json", "csv", "parquet"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
# A plot of fewer pixels is narrow; so many letters of each part of a title then fit into a line.
_NARROW, _NARROW_LINES = 560, {"text": 34, "subtitle": 44}


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
    title, scripts, shown = specification["title"]["text"], vega_scripts(), in_script(specification)
    return render("chart.html", title=title, scripts=Markup(scripts), specification=Markup(shown))  # noqa: S704


def in_page(specification: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A chart as wide as its place in a page, where it has a width of its own, and a JSON patch for its Vega.

    By the patch, lines of the title are broken where the plot is narrow, as on a phone. Charts of a width a row or
    column stay as they are, for a box that scrolls.
    """
    title, patch = specification["title"], []
    if not isinstance(specification.get("width"), int):
        return specification, []
    fitted = {**specification, "width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    for name, letters in _NARROW_LINES.items():
        text = title.get(name, [])
        lines = [text] if isinstance(text, str) else text
        if isinstance(lines, list):
            narrow = [part for line in lines for part in wrap(line, letters)]
            either = f"width < {_NARROW} ? {json.dumps(narrow)} : {json.dumps(lines)}"
            patch.append({"op": "add", "path": f"/title/{name}", "value": {"signal": either}})
    return fitted, patch


@cache
def vega_scripts() -> str:
    """Vega, Vega-Lite and vega-embed as one script, without imports, and without what would end its element.

    To put them together takes seconds, and so the script is kept in the user's cache, where that can be written to.
    """
    kept = cache_folder() / f"vega-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeError):
        return kept.read_bytes().decode()
    scripts: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub knows no default
    with suppress(FacesqlError), whole_file(kept) as private:
        private.write_bytes(scripts.encode())
    return scripts


def in_script(value: object) -> str:
    """A value as strict JSON that cannot end the element of a page that it stands in."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
