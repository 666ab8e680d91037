"""What was found of groups to altair charts: FMR of each pair of groups, and the rates of each group."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, inf, log10
from pathlib import Path
from typing import TypeVar

import altair as alt
import polars as pl

from facesql.binning import written
from facesql.blocks import Weighting
from facesql.charts import BLUE, VERMILION
from facesql.errors import plain
from facesql.groups import GroupRates, short_names

# What the cells of a heat map, and the rows of the chart of rates, take in all, in pixels.
_MAP, _ROWS = 800, 600
# The sides of a cell, in pixels: the largest, the least in which a number is written large, and small, and the least.
_CELLS = (72, 48, 36, 12)
# Longer names are cut; an axis gives them so many pixels.
_LETTERS, _LABEL = 24, 200
# The rows of the chart of rates are so many pixels high at most, and at least.
_HIGHEST_ROW, _LOWEST_ROW = 28, 13
# The multiples of powers of ten that an axis of logarithms is marked with, if its end is less than so many times
# its start.
_DIGITS: tuple[tuple[float, Sequence[int]], ...] = ((20, range(1, 10)), (1e4, (1, 2, 5)), (inf, (1,)))
# An axis of rates begins at most at so small a part of the least of them; and its ends where there are none.
_FAR_BELOW, _NO_RATES = 10, (1e-3, 1.0)

_Chart = TypeVar("_Chart", alt.LayerChart, alt.HConcatChart)


def fmr_heatmap(rates: GroupRates, weighting: Weighting = Weighting.PEOPLE) -> alt.LayerChart:
    """The false match rate of each pair of groups, at the cut-off that all share.

    A star marks what people are too few for; a cell whose rate is 0 has no colour.
    """
    labels = _labels(rates.of.names)
    cells = _cells(rates, weighting, labels)
    ends = _colour_ends(cells["logarithm"])
    cells = cells.with_columns(pl.col("logarithm").fill_null(ends[0]))  # what is null would not be drawn at all
    largest, large, small, least = _CELLS
    side = max(min(_MAP // len(labels), largest), least)
    order = list(labels.values())
    base = alt.Chart(cells).encode(
        x=alt.X(
            "other:N", title=None, sort=order, axis=alt.Axis(labelLimit=_LABEL, labelOverlap=False, labelAngle=-45)
        ),
        y=alt.Y("group:N", title=None, sort=order, axis=alt.Axis(labelLimit=_LABEL, labelOverlap=False)),
        tooltip=[
            "group:N",
            "other:N",
            *(alt.Tooltip(f"{name}:Q", format=".2e") for name in ("fmr", "fmr_low", "fmr_high")),
        ],
    )
    squares = base.mark_rect(stroke="#999", strokeWidth=0.5).encode(
        color=alt.condition(
            "datum.fmr > 0",
            alt.Color(
                "logarithm:Q",
                title="FMR",
                scale=alt.Scale(scheme="blues", domain=ends),
                legend=alt.Legend(labelExpr="format(pow(10, datum.value), '.1e')", tickCount=3, gradientLength=200),
            ),
            alt.value("#fff"),
        ),
    )
    dark = f"datum.logarithm > {(ends[0] + 2 * ends[1]) / 3}"
    numbers = base.mark_text(fontSize=11 if side >= large else 9, baseline="middle").encode(
        text="number:N" if side >= small else "star:N",
        color=alt.condition(dark, alt.value("#fff"), alt.value("#000")),
    )
    each = "every two people count alike" if weighting is Weighting.PEOPLE else "every pair counts alike"
    chart = alt.LayerChart(layer=[squares, numbers]).properties(width=alt.Step(side), height=alt.Step(side))
    return _finish(chart, rates, "False match rate of each pair of groups", f"{each}; *: people are too few to tell")


def _cells(rates: GroupRates, weighting: Weighting, labels: Mapping[str, str]) -> pl.DataFrame:
    """The cells of the heat map, those of two groups twice; ``logarithm`` is null where the rate is 0 or untold."""
    rows = rates.group_pairs.filter(weighting=weighting.value)
    mirrored = rows.filter(pl.col("group") != pl.col("other")).rename({"group": "other", "other": "group"})
    return pl.concat([rows, mirrored.select(rows.columns)]).select(
        pl.col("group").replace_strict(labels),
        pl.col("other").replace_strict(labels),
        "fmr",
        "fmr_low",
        "fmr_high",
        logarithm=pl.when(pl.col("fmr") > 0).then(pl.col("fmr").log10()),
        star=pl.when("fmr_bound").then(pl.lit("*")).otherwise(pl.lit("")),
        number=pl.struct("fmr", "fmr_bound").map_elements(_number, pl.String),
    )


def group_rates(rates: GroupRates, weighting: Weighting = Weighting.PEOPLE) -> alt.HConcatChart:
    """FMR and FNMR of each group with their intervals, at the cut-off that all share.

    A hollow point, with a dashed line, marks what people are too few for.
    """
    labels = _labels(rates.of.names)
    rows = rates.groups.filter(weighting=weighting.value).with_columns(pl.col("group").replace_strict(labels))
    sides = [
        _side(rows, list(labels.values()), "fmr", "false match rate (FMR)", VERMILION),
        _side(rows, list(labels.values()), "fnmr", "false non-match rate (FNMR)", BLUE, names=False),
    ]
    each = "every person, or every two, count alike" if weighting is Weighting.PEOPLE else "every pair counts alike"
    confidence = f"intervals at {100 * rates.confidence:.3g}% confidence"
    note = f"{each}; {confidence}; hollow and dashed: a bound, for people are too few"
    return _finish(alt.hconcat(*sides, spacing=24), rates, "False matches and misses of each group", note)


GROUP_CHARTS: dict[str, Callable[[GroupRates], alt.LayerChart | alt.HConcatChart]] = {
    "group_fmr": fmr_heatmap,
    "group_rates": group_rates,
}


def _side(
    rows: pl.DataFrame, order: Sequence[str], rate: str, title: str, colour: str, *, names: bool = True
) -> alt.LayerChart:
    """One rate of each group, a row each, on an axis of logarithms, on which 0 lies at its left end, and beyond."""
    shown = rows.select("group", value=rate, low=f"{rate}_low", high=f"{rate}_high", bound=f"{rate}_bound").drop_nulls()
    start, end = _ends(shown)
    shown = shown.with_columns(pl.col("low").clip(start))
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "group:N",
            title=None,
            scale=alt.Scale(domain=order),
            axis=alt.Axis(labels=names, labelLimit=_LABEL, labelOverlap=False, grid=True),
        ),
        tooltip=["group:N", *(alt.Tooltip(f"{name}:Q", format=".2e") for name in ("value", "low", "high"))],
    )
    scale = alt.Scale(type="log", domain=[start, end], nice=False)
    x = alt.X(
        "low:Q", title=title, scale=scale, axis=alt.Axis(format="~g", values=_marks(start, end), labelOverlap=True)
    )
    bars = base.mark_rule(color=colour, strokeWidth=2, clip=True).encode(
        x=x, x2="high:Q", strokeDash=alt.condition("datum.bound", alt.value([3, 3]), alt.value([1, 0]))
    )
    points = (
        base.transform_filter(f"datum.value >= {start}")
        .mark_point(color=colour, size=50, opacity=1)
        .encode(x="value:Q", fill=alt.condition("datum.bound", alt.value("#fff"), alt.value(colour)))
    )
    step = max(min(_ROWS // len(order), _HIGHEST_ROW), _LOWEST_ROW)
    side: alt.LayerChart = alt.LayerChart(layer=[bars, points]).properties(width=300, height=alt.Step(step))
    return side


def _ends(rows: pl.DataFrame) -> tuple[float, float]:
    """The ends of the axis: it holds all rates above 0, and intervals, but for what lies far below all rates."""
    least = rows.select(pl.when(pl.col("value") > 0).then("value").otherwise("high").min()).item()
    if least is None:
        return _NO_RATES
    lowest = rows.filter(pl.col("low") > 0)["low"].min()
    start = max(0.9 * lowest, least / _FAR_BELOW) if isinstance(lowest, float) else least / 2
    return min(start, least / 2), 1.1 * rows.select(pl.col("high").max()).item()


def _marks(start: float, end: float) -> list[float]:
    """What an axis of logarithms is marked with: powers of ten, and where these are few, multiples of them."""
    powers = range(floor(log10(start)), ceil(log10(end)) + 1)
    digits = next(digits for factor, digits in _DIGITS if end / start < factor)
    marks = (float(f"{digit}e{power}") for power in powers for digit in digits)
    return [mark for mark in marks if start <= mark <= end]


def _colour_ends(logarithms: pl.Series) -> list[float]:
    """The logarithms that the palest and the darkest colour stand for: a factor of 10 or more, lest noise be seen."""
    least, greatest = logarithms.min(), logarithms.max()
    if not isinstance(least, float) or not isinstance(greatest, float):
        return [-3.0, -2.0]
    spare = max(1 - (greatest - least), 0) / 2
    return [least - spare, greatest + spare]


def _number(cell: dict[str, float | bool | None]) -> str:
    """What stands in a cell of the heat map."""
    if cell["fmr"] is None:
        return "-"
    number = f"{cell['fmr']:.1e}".replace("e-0", "e-") if cell["fmr"] else "0"
    return f"{number}{'*' if cell['fmr_bound'] else ''}"


def _labels(names: Sequence[str]) -> dict[str, str]:
    """What stands for each name: it is printable."""
    return {name: plain(short) for name, short in short_names(names, _LETTERS).items()}


def _finish(chart: _Chart, rates: GroupRates, title: str, note: str) -> _Chart:
    """The title, and the subtitle: what was compared, and how it is to be read."""
    of = rates.of
    [by] = _labels([Path(of.by).name]).values()
    compared = f"at cut-off {written(rates.cutoff)}: {of.members.height:,} people in {len(of.names):,} groups by {by}"
    finished: _Chart = (
        chart.properties(title=alt.Title(title, subtitle=[compared, note]), description=f"{title}, {compared}; {note}.")
        .configure_title(anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#555")
        .configure_axis(labelFontSize=12, titleFontSize=13)
        .configure_legend(labelFontSize=12)
    )
    return finished
