"""The distribution with a cut-off that can be moved: what it costs stands above it, and in the page around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl
import vl_convert

from facesql.aligned import number
from facesql.answertext import RATES, distance_form, of_others
from facesql.binning import written
from facesql.charts import ChartData, distribution
from facesql.uncertainty import Rate

if TYPE_CHECKING:  # the types alone
    from collections.abc import Mapping, Sequence

    from facesql.answers import Answers

# What is told at each cut-off.
SHOWN = ("precision", "recall", "fmr", "fnmr")
# A search is among so many others, unless the user has said how many.
USUAL_GALLERY = 1000
# The parameters that the chart computes from the cut-off, by the name of what they tell.
OUTPUTS = ("chosen", *SHOWN, *(f"{name}_of_others" for name in SHOWN), "false_matches")
_PRESSED = "pointerdown, [pointerdown, window:pointerup] > window:pointermove"


@dataclass(frozen=True)
class Movable:
    """The cut-offs to choose from, as they are written, with what each costs; one place a cut-off, ascending."""

    cutoffs: Sequence[str]
    step: str
    """How far apart they are, as written."""
    start: int
    """The place of the cut-off at first: the recommended one, or else that of the first point that has one."""
    rates: Mapping[str, Sequence[str]]
    """Those of the cut-off table, by name of ``SHOWN``, as the table is printed: every pair counts the same."""
    of_others: Mapping[str, Sequence[str]]
    """Those of other people with their intervals, likewise."""
    fmr: Sequence[tuple[float, float, float] | None]
    """FMR of other people, and the ends of its interval, from which false matches of searches follow."""
    gallery: int
    """How many others a search is among at first."""

    @property
    def slider(self) -> alt.BindRange:
        """A range input of all cut-offs."""
        low, high = float(self.cutoffs[0]), float(self.cutoffs[-1])
        return alt.binding_range(min=low, max=high, step=float(self.step), name="cut-off")

    def place(self, cutoff: str) -> str:
        """Vega's expression of the place nearest to what another expression gives."""
        last = len(self.cutoffs) - 1
        return f"clamp(round(({cutoff} - ({self.cutoffs[0]})) / {self.step}), 0, {last})"

    def at_first(self) -> dict[str, str]:
        """What is told of the cut-off at first, by name of ``OUTPUTS``; the chart computes false matches."""
        told = {name: self.rates[name][self.start] for name in SHOWN}
        return told | {f"{name}_of_others": self.of_others[name][self.start] for name in SHOWN}


def movable(data: ChartData, answers: Answers) -> Movable:
    """What a movable cut-off tells at each cut-off of the chart's axis, at most some two thousand of them."""
    axis = distribution(data).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
    table = data.points.filter(pl.col("cutoff").is_between(*axis))
    places = [row - data.bins.first for row in table["bin"]]
    others = [of_others(answers, place) for place in places]
    band = answers.sure.people(Rate.FMR)
    wanted = answers.a_cutoff(data.bins)
    return Movable(
        cutoffs=[number(cutoff, distance_form(data.bins)) for cutoff in table["cutoff"]],
        step=written(data.bins.width * data.every),
        start=int((table["cutoff"] - float(wanted)).abs().arg_min() or 0),
        rates={name: [number(rate, RATES[name][1]) for rate in table[name]] for name in SHOWN},
        of_others={name: [told[name] for told in others] for name in SHOWN},
        fmr=[None if (at := band.at(place)) is None else (at.value, at.low, at.high) for place in places],
        gallery=answers.wanted.gallery or USUAL_GALLERY,
    )


def movable_chart(data: ChartData, told: Movable) -> alt.TopLevelMixin:
    """The distribution with a line at parameter ``cutoff``, which a range input moves.

    Its title tells the cut-off and the rates of the table there. Parameters of ``OUTPUTS`` with ``_now`` after their
    name are all that it tells, as text.
    """
    chart = distribution(data)
    cutoff = alt.param(name="cutoff", value=float(told.cutoffs[told.start]), bind=told.slider)
    lists = {
        "cutoffs": told.cutoffs,
        **{f"all_{name}": told.rates[name] for name in SHOWN},
        **{f"all_{name}_of_others": told.of_others[name] for name in SHOWN},
        "all_ends": [None if ends is None else [float(f"{end:.6g}") for end in ends] for ends in told.fmr],
    }
    computed = {
        "place": told.place("toNumber(cutoff)"),
        "chosen_now": "cutoffs[place]",
        **{f"{name}_now": f"all_{name}[place]" for name in (*SHOWN, *(f"{name}_of_others" for name in SHOWN))},
        "false_matches_now": _false_matches(),
    }
    title = (
        "['Cut-off ' + chosen_now, 'precision ' + precision_now + ', recall ' + recall_now, "
        "'FMR ' + fmr_now + ', FNMR ' + fnmr_now]"
    )
    here = alt.Chart(alt.InlineData([{}])).transform_calculate(at="toNumber(cutoff)", low=told.cutoffs[0])
    matched = here.mark_rect(opacity=0.12, color="#777").encode(x="low:Q", x2="at:Q")
    line = here.mark_rule(strokeWidth=2, color="#777").encode(x="at:Q")
    return (
        alt.layer(matched, *chart.layer, line)
        .properties(
            title=alt.Title(alt.expr(title), subtitle=[*chart.title.subtitle, "What lies left of the line matches"]),
            description=f"{chart.description} A line marks a cut-off, which can be moved.",
            data=chart.data,
            width=chart.width,
            height=chart.height,
            config=chart.config,
        )
        .add_params(
            cutoff,
            alt.param(name="gallery", value=told.gallery),
            *(alt.param(name=name, value=values) for name, values in lists.items()),
            *(alt.param(name=name, expr=expression) for name, expression in computed.items()),
        )
    )


def movable_patch(specification: dict[str, Any], told: Movable) -> list[dict[str, Any]]:
    """What makes the chart's line draggable, and binds its parameters to elements of a page, as a JSON patch for Vega.

    Vega-Lite knows no events of a parameter that is no selection. The elements have the identifiers ``cutoff``,
    ``gallery``, and those of ``OUTPUTS``.
    """
    signals = [signal["name"] for signal in vl_convert.vegalite_to_vega(specification)["signals"]]

    def add(signal: str, key: str, value: object) -> dict[str, Any]:
        return {"op": "add", "path": f"/signals/{signals.index(signal)}/{key}", "value": value}

    pointed = told.place("invert('x', x())")
    return [
        add("cutoff", "on", [{"events": _PRESSED, "update": f"toNumber(cutoffs[{pointed}])"}]),
        add("cutoff", "bind", {"element": "#cutoff"}),
        add("gallery", "bind", {"element": "#gallery"}),
        *(add(f"{name}_now", "bind", {"element": f"#{name}"}) for name in OUTPUTS),
    ]


def _false_matches() -> str:
    """Vega's expression of what a search is expected to find wrongly, with its interval."""

    def times(end: int) -> str:
        found = f"(all_ends[place][{end}] * max(toNumber(gallery), 0))"
        return f"format({found}, {found} > 0 && {found} < 0.001 ? '.1e' : ',.2~r')"

    return f"all_ends[place] == null ? '-' : {times(0)} + ' [' + {times(1)} + ', ' + {times(2)} + ']'"
