"""Tables to altair charts, one pure function a chart. Charts are fed bins, never pairs."""

import altair as alt
import polars as pl

from facesql.distance import BINS_PER_UNIT, OVERFLOW

# Two colours of Okabe and Ito's set, which the colour-blind tell apart: blue and vermilion.
SAME, DIFFERENT = "same person", "different people"
COLOURS = {SAME: "#0072B2", DIFFERENT: "#D55E00"}
# A chart's bars are ten bins wide: 0.01.
BINS_A_BAR = 10


def distribution(bin_totals: pl.DataFrame, *, photos: int, people: int) -> alt.LayerChart:
    """The densities of the distances of same-person and of different-person pairs, each of area one.

    ``bin_totals`` holds pairs a same_person and bin. Pairs beyond the last edge count towards the area, but lie
    outside the chart.
    """
    bars = _bars(bin_totals)
    comparisons = int(bin_totals["pairs"].sum())
    genuine = int(bin_totals.filter("same_person")["pairs"].sum())
    base = alt.Chart(bars).encode(
        x=alt.X("distance:Q", title="distance of two encodings", scale=alt.Scale(domain=[0, _end(bars)], nice=False)),
        y=alt.Y("density:Q", title="density", stack=None, scale=_density_scale(bars)),
        color=alt.Color("pairs_of:N", title=None, scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))),
    )
    areas = base.mark_area(interpolate="step-after", opacity=0.35)
    outlines = base.mark_line(interpolate="step-after", strokeWidth=1.5)
    chart: alt.LayerChart = (
        alt.layer(areas, outlines)
        .properties(
            title=alt.Title(
                "Distances between photos of the same and of different people",
                subtitle=f"{comparisons:,} comparisons, {genuine:,} of the same person: "
                f"{photos:,} photos of {people:,} people",
            ),
            width=640,
            height=360,
        )
        .configure_title(anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#555")
        .configure_axis(labelFontSize=12, titleFontSize=13)
        .configure_legend(orient="top", labelFontSize=13, symbolType="square")
    )
    return chart


def _bars(bin_totals: pl.DataFrame) -> pl.DataFrame:
    """One row for each class and bar up to one past the last that is not empty: distance (left end) and density."""
    width = BINS_A_BAR / BINS_PER_UNIT
    # Bin k ends at k / 1000, so bins 1 to 10 make the first bar; bin 0, distances of exactly 0, joins them.
    bar = (pl.col("bin").cast(pl.Int64) - 1).clip(0) // BINS_A_BAR
    counted = (
        bin_totals.with_columns(
            bar=bar,
            pairs_of=pl.when("same_person").then(pl.lit(SAME)).otherwise(pl.lit(DIFFERENT)),
            share=pl.col("pairs") / pl.col("pairs").sum().over("same_person"),
        )
        .filter(pl.col("bin") < OVERFLOW)
        .group_by("pairs_of", "bar")
        .agg(density=pl.col("share").sum() / width)
    )
    last = counted["bar"].max()
    all_bars = pl.DataFrame({"bar": range((int(last) if isinstance(last, int) else 0) + 2)}, schema={"bar": pl.Int64})
    return (
        counted.select("pairs_of")
        .unique()
        .join(all_bars, how="cross")
        .join(counted, on=["pairs_of", "bar"], how="left")
        .select(
            "pairs_of", distance=pl.col("bar") * BINS_A_BAR / BINS_PER_UNIT, density=pl.col("density").fill_null(0.0)
        )
        .sort("pairs_of", "distance", descending=[True, False])
    )


def _density_scale(bars: pl.DataFrame) -> alt.Scale:
    """From 0 to the highest bar; where no bar is drawn the axis has no top of its own."""
    return alt.Scale(domain=[0, 1]) if bars.is_empty() else alt.Scale(nice=True, zero=True)


def _end(bars: pl.DataFrame) -> float:
    """The right end of the axis: the end of the last bar, rounded up to a tenth."""
    last = bars["distance"].max()
    return -(-round(last * BINS_PER_UNIT) // 100) / 10 if isinstance(last, float) and last > 0 else 1.0
