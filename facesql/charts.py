"""Tables to altair charts, one pure function a chart. Charts are fed bins, never pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, pi, sqrt
from statistics import NormalDist

import altair as alt
import polars as pl

from facesql.binning import EUCLIDEAN, Bins, Metric
from facesql.metrics import Figures

# Colours of Okabe and Ito's set, which the colour-blind tell apart: blue, vermilion, bluish green and grey.
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"
SAME, DIFFERENT = "same person", "different people"
COLOURS = {SAME: BLUE, DIFFERENT: VERMILION}
INTERVAL, BOUND = "interval", "bound, for few people"
ENDS = {INTERVAL: BLUE, BOUND: GREY}
# A chart's bars are ten bins wide, its axis begins and ends at a hundredth bin, and a curve has so many points at most.
BINS_A_BAR, BINS_A_MARK, POINTS = 10, 100, 2001
_SHARES = pl.Schema(
    {
        "distance": pl.Float64,
        "share": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "ends": pl.String,
        "run": pl.UInt32,
    }
)
DISTANCES = {
    Metric.EUCLIDEAN: "distance of two encodings",
    Metric.SQUARED: "squared distance of two encodings",
    Metric.COSINE: "cosine distance of two encodings",
    Metric.INNER: "negative inner product of two encodings",
}
NOTHING = "Nothing to draw: at every cut-off one of the rates is 0 or 1, which has no place on these axes."
# The rates that the axes of the DET chart are marked with.
DET_MARKS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999)


@dataclass(frozen=True)
class ChartData:
    """What charts are drawn from: pairs a same_person and bin, the cut-off table of those, and what was compared."""

    bin_totals: pl.DataFrame
    table: pl.DataFrame
    figures: Figures
    photos: int
    people: int
    bins: Bins = EUCLIDEAN
    calibration: pl.DataFrame | None = None
    """As facesql.calibration has it."""
    genuine_share: float | None = None
    """The share of genuine comparisons that it is for; None is the data's own."""

    @property
    def points(self) -> pl.DataFrame:
        """The rows of the table; where these are more than POINTS, every second one, or third, and so on."""
        return self.table.filter(pl.col("bin") % self.every == 0)

    @property
    def every(self) -> int:
        """How many bins lie from one point to the next."""
        return -(-self.table.height // POINTS)


Chart = Callable[[ChartData], alt.LayerChart]


def distribution(data: ChartData) -> alt.LayerChart:
    """The densities of the distances of same-person and of different-person pairs, each of area one.

    Pairs beyond the last edge count towards the area, but lie outside the chart.
    """
    bars = _bars(data)
    base = alt.Chart(bars).encode(
        x=_distance_axis(data),
        y=alt.Y("density:Q", title="density", stack=None, scale=_from_zero(bars)),
        color=_colour(COLOURS),
    )
    areas = base.mark_area(interpolate="step-after", opacity=0.35)
    outlines = base.mark_line(interpolate="step-after", strokeWidth=1.5)
    return _finish([areas, outlines], data, "Distances between photos of the same and of different people")


def cumulative(data: ChartData) -> alt.LayerChart:
    """The share of same-person and of different-person pairs at each distance or nearer."""
    start, end = _domain(data)
    shares = data.points.select(distance="cutoff", **{SAME: "recall", DIFFERENT: "fmr"})
    lines = shares.unpivot(index="distance", variable_name="pairs_of", value_name="share").drop_nulls()
    lines = lines.filter(pl.col("distance").is_between(start, end))
    chart = alt.Chart(lines).encode(
        x=_distance_axis(data),
        y=alt.Y("share:Q", title="share of pairs at this distance or nearer", scale=alt.Scale(domain=[0, 1])),
        color=_colour(COLOURS),
    )
    return _finish([chart.mark_line(interpolate="step-after")], data, "Share of pairs up to each distance")


def normal(data: ChartData) -> alt.LayerChart:
    """The distribution with a normal curve of the same mean and standard deviation over each class."""
    bars = _bars(data)
    areas = (
        alt.Chart(bars)
        .mark_area(interpolate="step-after", opacity=0.35)
        .encode(
            x=_distance_axis(data),
            y=alt.Y("density:Q", title="density", stack=None, scale=_from_zero(bars)),
            color=_colour(COLOURS),
        )
    )
    curves = alt.Chart(_normal_curves(data))
    lines = curves.mark_line(strokeDash=[6, 3], strokeWidth=2).encode(
        x="distance:Q", y="density:Q", color=_colour(COLOURS)
    )
    figures = data.figures
    moments = [
        f"{name}: mean {mean:.{data.bins.decimals}f}, standard deviation {sd:.{data.bins.decimals}f}"
        for name, mean, sd in (
            (SAME, figures.genuine_mean, figures.genuine_sd),
            (DIFFERENT, figures.impostor_mean, figures.impostor_sd),
        )
        if mean is not None and sd is not None
    ]
    return _finish([areas, lines], data, "Distances, and normal curves fitted to them", *moments)


def rates_by_cutoff(data: ChartData) -> alt.LayerChart:
    """Precision and recall against the cut-off."""
    start, end = _domain(data)
    colours = {"precision": GREEN, "recall": BLUE}
    lines = data.points.select("cutoff", *colours).unpivot(index="cutoff", variable_name="pairs_of", value_name="rate")
    lines = lines.drop_nulls().filter(pl.col("cutoff").is_between(start, end))
    chart = alt.Chart(lines).encode(
        x=alt.X("cutoff:Q", title="cut-off", scale=alt.Scale(domain=[start, end], nice=False)),
        y=alt.Y("rate:Q", title="rate", scale=alt.Scale(domain=[0, 1])),
        color=_colour(colours),
    )
    return _finish([chart.mark_line(interpolate="step-after")], data, "Precision and recall at each cut-off")


def precision_by_recall(data: ChartData) -> alt.LayerChart:
    """Precision against recall, a point a cut-off; cut-offs at which nothing is matched are left out."""
    matched = pl.col("genuine_matched") + pl.col("impostor_matched") > 0
    points = data.points.filter(matched).select("cutoff", "precision", "recall").drop_nulls()
    base = alt.Chart(points).encode(
        x=alt.X("recall:Q", title="recall", scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("precision:Q", title="precision", scale=alt.Scale(domain=[0, 1])),
        order=alt.Order("cutoff:Q"),
        tooltip=["cutoff:Q", "precision:Q", "recall:Q"],
    )
    return _finish(
        _line_and_points(base), data, "Precision against recall, a point a cut-off", _why_empty(points, data)
    )


def roc(data: ChartData) -> alt.LayerChart:
    """Recall against FMR, a point a cut-off, on a logarithmic axis; cut-offs at which FMR is 0 have no place on it."""
    points = data.points.filter(pl.col("fmr") > 0).select("cutoff", "fmr", "recall").drop_nulls()
    least = points["fmr"].min()
    base = alt.Chart(points).encode(
        x=alt.X(
            "fmr:Q",
            title="false match rate (FMR)",
            scale=alt.Scale(type="log", domain=[least if isinstance(least, float) and least < 1 else 1e-3, 1]),
            axis=alt.Axis(format="~e", tickCount=8),
        ),
        y=alt.Y("recall:Q", title="recall (1 - FNMR)", scale=alt.Scale(domain=[0, 1])),
        order=alt.Order("cutoff:Q"),
        tooltip=["cutoff:Q", "fmr:Q", "recall:Q"],
    )
    title = "ROC: recall against false matches, a point a cut-off"
    return _finish(_line_and_points(base), data, title, _why_empty(points, data))


def det(data: ChartData) -> alt.LayerChart:
    """FNMR against FMR on normal deviates (ISO/IEC 19795-1), where two normal distributions give a straight line.

    Rates of 0 and of 1 have no place on it.
    """
    inside = pl.col("fmr").is_between(0, 1, closed="none") & pl.col("fnmr").is_between(0, 1, closed="none")
    points = data.points.filter(inside).select("cutoff", "fmr", "fnmr")
    deviates = {f"{name}_deviate": [NormalDist().inv_cdf(rate) for rate in points[name]] for name in ("fmr", "fnmr")}
    points = points.with_columns(**{name: pl.Series(values, dtype=pl.Float64) for name, values in deviates.items()})
    (fmr_scale, fmr_axis), (fnmr_scale, fnmr_axis) = deviate_axis(points["fmr"]), deviate_axis(points["fnmr"])
    base = alt.Chart(points).encode(
        x=alt.X("fmr_deviate:Q", title="false match rate (FMR)", scale=fmr_scale, axis=fmr_axis),
        y=alt.Y("fnmr_deviate:Q", title="false non-match rate (FNMR)", scale=fnmr_scale, axis=fnmr_axis),
        order=alt.Order("cutoff:Q"),
        tooltip=["cutoff:Q", "fmr:Q", "fnmr:Q"],
    )
    title = "DET: missed against false matches, a point a cut-off"
    return _finish(_line_and_points(base, clip=True), data, title, _why_empty(points, data))


def calibration(data: ChartData) -> alt.LayerChart:
    """The share of genuine among the pairs at each distance, with its interval, or its bound where there is none."""
    shares = pl.DataFrame(schema=_SHARES) if data.calibration is None else _shares(data.calibration, data)
    base = alt.Chart(shares).encode(x=_distance_axis(data))
    title = "share that are of the same person"
    colours = alt.Scale(domain=list(ENDS), range=list(ENDS.values()))
    bands = base.mark_area(interpolate="step-before", opacity=0.3).encode(
        y=alt.Y("low:Q", title=title, scale=alt.Scale(domain=[0, 1])),
        y2="high:Q",
        detail="run:N",
        color=alt.Color("ends:N", title=None, scale=colours),
    )
    line = base.mark_line(interpolate="step-before", color=BLUE, strokeWidth=2).encode(y="share:Q")
    genuine, pairs = data.figures.genuine_pairs, data.figures.genuine_pairs + data.figures.impostor_pairs
    share = data.genuine_share if data.genuine_share is not None else genuine / max(pairs, 1)
    note = (
        f"Where {share * 100:.3g}% of all comparisons are of the same person"
        if not shares.is_empty()
        else _why_empty(shares, data)
    )
    return _finish([bands, line], data, "Share of the same person among pairs at each distance", note)


CHARTS: dict[str, Chart] = {
    "distribution": distribution,
    "cumulative": cumulative,
    "normal": normal,
    "rates_by_cutoff": rates_by_cutoff,
    "precision_by_recall": precision_by_recall,
    "roc": roc,
    "det": det,
    "calibration": calibration,
}


def restyled(
    chart: alt.LayerChart, *, width: int | None = None, height: int | None = None, title: str | None = None
) -> alt.LayerChart:
    """The chart in another size (pixels of its plot) or with another title; what was compared stays below it."""
    size = {name: value for name, value in (("width", width), ("height", height)) if value is not None}
    restyled_chart: alt.LayerChart = chart.properties(**size)
    if title is not None:
        restyled_chart.title = alt.Title(title, subtitle=chart.title.subtitle)
    return restyled_chart


def _finish(layers: list[alt.Chart], data: ChartData, title: str, *notes: str) -> alt.LayerChart:
    """Size, title, and the subtitle that every chart has: what was compared, and a line for each note.

    The description, which is read to those who do not see the chart, is the same in one line.
    """
    metric = data.bins.metric
    if metric is not Metric.EUCLIDEAN:
        title = f"{title} ({metric})"
    comparisons, genuine = data.figures.genuine_pairs + data.figures.impostor_pairs, data.figures.genuine_pairs
    compared = (
        f"{comparisons:,} comparisons, {genuine:,} of the same person: "
        f"{data.photos:,} photos of {data.people:,} {'person' if data.people == 1 else 'people'}"
    )
    subtitle = [compared, *filter(None, notes)]
    return finished(layers, title, subtitle)


def finished(layers: Sequence[alt.Chart], title: str, subtitle: Sequence[str], **legend: int) -> alt.LayerChart:
    """Layers in the size and style that all charts have; ``legend`` is what the legend has beyond that."""
    chart: alt.LayerChart = (
        alt.layer(*layers)
        .properties(
            title=alt.Title(title, subtitle=list(subtitle)),
            description=". ".join([title, *(line.removesuffix(".") for line in subtitle)]) + ".",
            width=640,
            height=360,
        )
        .configure_title(anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#555")
        .configure_axis(labelFontSize=12, titleFontSize=13, labelFlush=False, labelOverlap=True, labelSeparation=4)
        .configure_legend(orient="top", labelFontSize=13, symbolType="square", **legend)
    )
    return chart


def _why_empty(points: pl.DataFrame, data: ChartData) -> str:
    """Why a curve has no points; empty where it has some."""
    if not points.is_empty():
        return ""
    if not data.figures.genuine_pairs:
        return "Nothing to draw: no person has two photos."
    if not data.figures.impostor_pairs:
        return "Nothing to draw: all photos are of one person."
    return NOTHING


def _shares(table: pl.DataFrame, data: ChartData) -> pl.DataFrame:
    """The rows of a calibration that lie on the axis of distances; steps end at their distance.

    Bins that have an interval, and those that have a bound, make runs. Each begins where the one before ends.
    """
    start, end = _marks(data)
    every = -(-(table.height - 1) // POINTS)
    inside = pl.col("bin").is_between(start, min(end, data.bins.last)) & (pl.col("bin") % every == 0)
    ends = pl.when("bound").then(pl.lit(BOUND)).otherwise(pl.lit(INTERVAL))
    rows = table.filter(inside).drop_nulls().with_columns(ends=ends, run=pl.col("bound").rle_id())
    begins = rows.with_columns(distance=pl.col("distance").shift()).filter(pl.col("run").diff() > 0)
    return pl.concat([rows, begins]).select(_SHARES.names()).sort("run", "distance")


def _colour(colours: dict[str, str]) -> alt.Color:
    return alt.Color("pairs_of:N", title=None, scale=alt.Scale(domain=list(colours), range=list(colours.values())))


def _distance_axis(data: ChartData) -> alt.X:
    scale = alt.Scale(domain=_domain(data), nice=False)
    return alt.X("distance:Q", title=DISTANCES[data.bins.metric], scale=scale)


def _line_and_points(base: alt.Chart, *, clip: bool = False) -> list[alt.Chart]:
    """A line, with points large enough to be seen where the table has only one or two.

    ``clip`` cuts off what lies outside the axes; it also halves a line that runs along their edge.
    """
    line = base.mark_line(color=BLUE, strokeWidth=2, clip=clip)
    return [line, base.mark_point(color=BLUE, filled=True, size=12, clip=clip)]


def deviate_axis(rates: pl.Series) -> tuple[alt.Scale, alt.Axis]:
    """A scale of normal deviates, marked with rates, from the mark below the least rate to that above the greatest."""
    least, greatest = rates.min(), rates.max()
    low = max((mark for mark in DET_MARKS if isinstance(least, float) and mark <= least), default=DET_MARKS[0])
    high = min((mark for mark in DET_MARKS if isinstance(greatest, float) and mark >= greatest), default=DET_MARKS[-1])
    deviates = {mark: NormalDist().inv_cdf(mark) for mark in DET_MARKS if low <= mark <= high}
    names = {mark: f"{mark:g}".replace("e-0", "e-") for mark in deviates}
    labels = ", ".join(f"'{round(deviate * 1000)}': '{names[mark]}'" for mark, deviate in deviates.items())
    axis = alt.Axis(
        values=list(deviates.values()),
        labelExpr=f"({{{labels}}})[toString(round(datum.value * 1000))]",
        labelOverlap=True,
    )
    return alt.Scale(domain=[deviates[low], deviates[high]], nice=False, zero=False), axis


def _normal_curves(data: ChartData) -> pl.DataFrame:
    """Density of the normal curve of each class that has a mean and a spread, at every half of a bar."""
    figures, bins = data.figures, data.bins
    start, end = _marks(data)
    every = BINS_A_BAR // 2 * -(-bins.count // (POINTS + 1))
    rows = [
        {"pairs_of": name, "distance": x, "density": exp(-(((x - mean) / sd) ** 2) / 2) / (sd * sqrt(2 * pi))}
        for name, mean, sd in (
            (SAME, figures.genuine_mean, figures.genuine_sd),
            (DIFFERENT, figures.impostor_mean, figures.impostor_sd),
        )
        if mean is not None and sd
        for x in (_edge(number, bins) for number in range(start, min(end, bins.last) + 1, every))
    ]
    return pl.DataFrame(rows, schema={"pairs_of": pl.String, "distance": pl.Float64, "density": pl.Float64})


def _bars(data: ChartData) -> pl.DataFrame:
    """One row for each class and bar, from the axis' start to one past the last that is not empty.

    ``distance`` is the bar's left end; the columns are pairs_of, distance and density.
    """
    bins = data.bins
    counted = (
        data.bin_totals.with_columns(
            bar=_bar(bins),
            pairs_of=pl.when("same_person").then(pl.lit(SAME)).otherwise(pl.lit(DIFFERENT)),
            share=pl.col("pairs") / pl.col("pairs").sum().over("same_person"),
        )
        .filter(pl.col("bin") <= bins.last)
        .group_by("pairs_of", "bar")
        .agg(density=pl.col("share").sum() / _edge(BINS_A_BAR, bins))
    )
    start, end = _filled_bars(data)
    numbers = range(start, end + 1)
    ends = pl.DataFrame({"bar": numbers, "distance": [_edge(number * BINS_A_BAR, bins) for number in numbers]})
    return (
        counted.select("pairs_of")
        .unique()
        .join(ends, how="cross")
        .join(counted, on=["pairs_of", "bar"], how="left")
        .select("pairs_of", "distance", density=pl.col("density").fill_null(0.0))
        .sort("pairs_of", "distance", descending=[True, False])
    )


def _bar(bins: Bins) -> pl.Expr:
    """A bin's bar: bins 1 to 10 make bar 0, which begins at 0. The first bin, of its edge alone, joins the second's."""
    return (pl.col("bin").cast(pl.Int64) - 1).clip(bins.first) // BINS_A_BAR


def _filled_bars(data: ChartData) -> tuple[int, int]:
    """The first bar that is drawn, and the one after the last that holds pairs.

    In the usual bins it is that from 0, so that charts of face_recognition's encodings have one axis; in others that
    before the first that holds pairs.
    """
    bars = data.bin_totals.filter(pl.col("bin") <= data.bins.last).select(_bar(data.bins)).to_series().to_list()
    first, last = min(bars, default=0), max(bars, default=0)
    return (0 if data.bins == EUCLIDEAN else max(first - 1, data.bins.first // BINS_A_BAR)), last + 1


def _from_zero(bars: pl.DataFrame) -> alt.Scale:
    """From 0 to the highest; where nothing is drawn the axis has no top of its own."""
    return alt.Scale(domain=[0, 1]) if bars.is_empty() else alt.Scale(nice=True, zero=True)


def _marks(data: ChartData) -> tuple[int, int]:
    """The ends of the axis of distances, in bins: those of the bars, each moved outwards to a hundredth bin."""
    if data.bin_totals.filter(pl.col("bin") <= data.bins.last).is_empty():
        return data.bins.first, (data.bins.first + data.bins.last) // 2
    start, end = (number * BINS_A_BAR for number in _filled_bars(data))
    return start // BINS_A_MARK * BINS_A_MARK, -(-end // BINS_A_MARK) * BINS_A_MARK


def _domain(data: ChartData) -> list[float]:
    """The ends of the axis of distances."""
    return [_edge(number, data.bins) if number else 0 for number in _marks(data)]


def _edge(number: int, bins: Bins) -> float:
    """An edge, of bins that there are or would be beyond those."""
    numerator, denominator = bins.ratio
    return number * numerator / denominator
