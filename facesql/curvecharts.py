"""Curves of several tables in one chart: ROC and DET, as facesql.charts has them of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import altair as alt
import polars as pl

from facesql.charts import BLUE, GREEN, GREY, NOTHING, POINTS, VERMILION, deviate_axis, finished
from facesql.errors import plain

_COLOURS = (BLUE, VERMILION, GREEN, GREY)


@dataclass(frozen=True)
class Curves:
    """What is drawn: ``points`` has the columns table, cutoff, fmr, fnmr and recall, ascending in cutoff."""

    points: pl.DataFrame
    tables: Sequence[str]
    """Their names, in the order of their colours; at most four."""
    note: str
    """What was compared, in a line."""

    def inside(self, condition: pl.Expr) -> pl.DataFrame:
        """The points that have a place on an axis; of a curve of very many, every second one, or third, and so on."""
        rows = self.points.select("table", "cutoff", "fmr", "fnmr", "recall").drop_nulls().filter(condition)
        step = pl.len().over("table") // POINTS + 1
        row = pl.int_range(pl.len()).over("table")
        names = pl.col("table").map_elements(plain, return_dtype=pl.String)
        return rows.filter((row % step == 0) | (row == pl.len().over("table") - 1)).with_columns(names)


def roc_of_several(curves: Curves) -> alt.LayerChart:
    """Recall against FMR, a point a cut-off, on a logarithmic axis; cut-offs at which FMR is 0 have no place on it."""
    points = curves.inside(pl.col("fmr") > 0)
    least = points["fmr"].min()
    x = alt.X(
        "fmr:Q",
        title="false match rate (FMR)",
        scale=alt.Scale(type="log", domain=[least if isinstance(least, float) and least < 1 else 1e-3, 1]),
        axis=alt.Axis(format="~e", tickCount=8),
    )
    y = alt.Y("recall:Q", title="recall (1 - FNMR)", scale=alt.Scale(domain=[0, 1]))
    return _finished(points, x, y, curves, "ROC: recall against false matches, a point a cut-off")


def det_of_several(curves: Curves) -> alt.LayerChart:
    """FNMR against FMR on normal deviates; rates of 0 and of 1 have no place on it."""
    rates = ("fmr", "fnmr")
    points = curves.inside(pl.all_horizontal(pl.col(*rates).is_between(0, 1, closed="none")))
    deviates = {f"{name}_deviate": [NormalDist().inv_cdf(rate) for rate in points[name]] for name in rates}
    points = points.with_columns(**{name: pl.Series(values, dtype=pl.Float64) for name, values in deviates.items()})
    (x_scale, x_axis), (y_scale, y_axis) = (deviate_axis(points[name]) for name in rates)
    x = alt.X("fmr_deviate:Q", title="false match rate (FMR)", scale=x_scale, axis=x_axis)
    y = alt.Y("fnmr_deviate:Q", title="false non-match rate (FNMR)", scale=y_scale, axis=y_axis)
    return _finished(points, x, y, curves, "DET: missed against false matches, a point a cut-off")


def _finished(points: pl.DataFrame, x: alt.X, y: alt.Y, curves: Curves, title: str) -> alt.LayerChart:
    names = list(map(plain, curves.tables))
    colours = alt.Scale(domain=names, range=list(_COLOURS[: len(names)]))
    base = alt.Chart(points).encode(
        x=x,
        y=y,
        order=alt.Order("cutoff:Q"),
        color=alt.Color("table:N", title=None, scale=colours, legend=None if len(names) == 1 else alt.Legend()),
        tooltip=["table:N", "cutoff:Q", "fmr:Q", "fnmr:Q"],
    )
    subtitle = [plain(curves.note), *([NOTHING] if points.is_empty() else [])]
    layers = [base.mark_line(strokeWidth=2, clip=True), base.mark_point(filled=True, size=8, clip=True)]
    return finished(layers, title, subtitle, labelLimit=600)
