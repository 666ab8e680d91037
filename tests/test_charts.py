"""The chart: what it draws, that every output is strict, whole and needs no network."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import pytest
from PIL import Image
from playwright.sync_api import Browser
from scipy.stats import norm

from facesql import chartfiles
from facesql.binning import EUCLIDEAN, Bins, Metric
from facesql.chartfiles import write_chart
from facesql.charts import BLUE, BOUND, CHARTS, COLOURS, DIFFERENT, ENDS, GREY, INTERVAL, SAME, ChartData, calibration
from facesql.metrics import BIN_TOTALS, cutoff_table, summarize
from tests.test_metrics import totals
from tests.test_photos import put

LIKE_REAL = totals({380: 40, 430: 60, 436: 50, 500: 30}, {0: 1, 700: 500, 850: 900, 2001: 3})
DEGENERATE = {
    "nothing": totals({}, {}),
    "one class": totals({}, {500: 3}),
    "all at 0": totals({0: 4}, {0: 2}),
    "all beyond": totals({2001: 4}, {2001: 2}),
}


def data(bin_totals: pl.DataFrame, photos: int = 100, people: int = 20, bins: Bins = EUCLIDEAN) -> ChartData:
    return ChartData(bin_totals, cutoff_table(bin_totals, bins), summarize(bin_totals, bins), photos, people, bins)


def rows(name: str, bin_totals: pl.DataFrame, bins: Bins = EUCLIDEAN) -> list[dict[str, Any]]:
    """The rows that a chart holds, of all its data sets."""
    datasets = CHARTS[name](data(bin_totals, bins=bins)).to_dict()["datasets"]
    return [row for dataset in datasets.values() for row in dataset]


def strict(text: str) -> Any:
    """Parse JSON as browsers do: NaN and Infinity are errors."""
    return json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))


def test_the_areas_are_one_and_the_bars_lie_where_their_bins_do() -> None:
    drawn = pl.DataFrame(rows("distribution", LIKE_REAL))
    area = dict(drawn.group_by("pairs_of").agg(pl.col("density").sum() * 0.01).iter_rows())
    assert area[SAME] == pytest.approx(1)
    assert area[DIFFERENT] == pytest.approx(1401 / 1404)  # three pairs lie beyond the range
    same = dict(drawn.filter(pairs_of=SAME).select("distance", "density").iter_rows())
    # Bins 421 to 430 make the bar from 0.42 to 0.43, bins 431 to 440 the next.
    assert same[0.42] == pytest.approx(60 / 180 / 0.01)
    assert same[0.43] == pytest.approx(50 / 180 / 0.01)
    assert same[0.44] == 0


def test_the_cumulative_shares_are_those_of_the_counts() -> None:
    shares = {(row["pairs_of"], row["distance"]): row["share"] for row in rows("cumulative", LIKE_REAL)}
    assert shares[SAME, 0.43] == pytest.approx(100 / 180)
    assert shares[DIFFERENT, 0.699] == pytest.approx(1 / 1404)


def test_the_normal_curves_have_the_means_and_the_area_of_their_class() -> None:
    bars = [row["distance"] for row in rows("distribution", LIKE_REAL)]
    curves = pl.DataFrame(rows("normal", LIKE_REAL)[len(bars) :])
    same = curves.filter(pairs_of=SAME)
    assert same["density"].sum() / 200 == pytest.approx(1, abs=0.01)
    [peak] = same.filter(pl.col("density") == pl.col("density").max())["distance"]
    assert peak == pytest.approx(summarize(LIKE_REAL).genuine_mean, abs=0.005)
    assert "same person: mean 0.432" in CHARTS["normal"](data(LIKE_REAL)).to_dict()["title"]["subtitle"][1]


def test_points_of_the_curves_are_the_tables_rates_and_none_lies_off_its_axes() -> None:
    table = cutoff_table(LIKE_REAL)
    for name, columns in (
        ("precision_by_recall", ["precision", "recall"]),
        ("roc", ["fmr", "recall"]),
        ("det", ["fmr", "fnmr"]),
    ):
        points = rows(name, LIKE_REAL)
        assert points
        for point in points:
            row = table.row(round(point["cutoff"] * 1000), named=True)
            assert [point[column] for column in columns] == [row[column] for column in columns]
    assert all(point["fmr"] > 0 for point in rows("roc", LIKE_REAL))
    assert all(0 < point["fmr"] < 1 and 0 < point["fnmr"] < 1 for point in rows("det", LIKE_REAL))


def test_det_axes_are_normal_deviates_marked_with_rates() -> None:
    for point in rows("det", LIKE_REAL):
        assert norm.cdf(point["fmr_deviate"]) == pytest.approx(point["fmr"])
        assert norm.cdf(point["fnmr_deviate"]) == pytest.approx(point["fnmr"])
    x = CHARTS["det"](data(LIKE_REAL)).to_dict()["layer"][0]["encoding"]["x"]
    low, high = (norm.cdf(end) for end in x["scale"]["domain"])
    fmr = [point["fmr"] for point in rows("det", LIKE_REAL)]
    assert low <= min(fmr)
    assert max(fmr) <= high
    assert x["axis"]["values"] == pytest.approx([norm.ppf(1e-4), norm.ppf(1e-3)])
    assert f"'{round(norm.ppf(1e-3) * 1000)}': '0.001'" in x["axis"]["labelExpr"]


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_says_what_was_compared(name: str) -> None:
    title = CHARTS[name](data(LIKE_REAL, 1234, 56)).to_dict()["title"]
    subtitle = title["subtitle"][0] if isinstance(title["subtitle"], list) else title["subtitle"]
    assert subtitle == "1,584 comparisons, 180 of the same person: 1,234 photos of 56 people"


@pytest.mark.parametrize(
    ("genuine", "impostor", "why"),
    [
        ({}, {500: 3}, "no person has two photos"),
        ({400: 3}, {}, "all photos are of one person"),
        ({400: 3}, {600: 1}, "at every cut-off one of the rates is 0 or 1"),
    ],
)
def test_an_empty_curve_says_why(genuine: dict[int, int], impostor: dict[int, int], why: str) -> None:
    title = CHARTS["det"](data(totals(genuine, impostor))).to_dict()["title"]
    assert title["subtitle"][1].startswith(f"Nothing to draw: {why}")
    full = CHARTS["det"](data(LIKE_REAL)).to_dict()["title"]["subtitle"]
    assert "Nothing" not in full


def test_the_two_colours_are_those_that_the_colour_blind_tell_apart() -> None:
    chart = CHARTS["distribution"](data(LIKE_REAL)).to_dict()
    assert chart["layer"][0]["encoding"]["color"]["scale"] == {"domain": list(COLOURS), "range": ["#0072B2", "#D55E00"]}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_of_many_pairs_holds_few_rows(name: str) -> None:
    both = [(same, number, 10**9) for same in (True, False) for number in range(2002)]
    assert len(rows(name, pl.DataFrame(both, schema=BIN_TOTALS, orient="row"))) < 5_000


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_tables_still_make_a_whole_chart(name: str, case: str, tmp_path: Path) -> None:
    write_chart(tmp_path, name, CHARTS[name](data(DEGENERATE[case])), ["svg"])
    specification = strict((tmp_path / f"{name}.vl.json").read_text())
    alt.Chart.from_dict(specification)  # validates against Vega-Lite's schema
    svg = (tmp_path / f"{name}.svg").read_text()
    assert "comparisons" in svg
    assert "NaN" not in svg


@pytest.mark.parametrize("name", CHARTS)
def test_every_format_is_written_and_says_the_same(name: str, tmp_path: Path) -> None:
    write_chart(tmp_path, name, CHARTS[name](data(LIKE_REAL)), ["html", "png", "svg"])
    specification = strict((tmp_path / f"{name}.vl.json").read_text())
    assert specification["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    alt.Chart.from_dict(specification)
    svg, html = ((tmp_path / f"{name}.{kind}").read_text() for kind in ("svg", "html"))
    for text in (svg, html):
        assert "1,584 comparisons" in text
    assert "NaN" not in svg
    with Image.open(tmp_path / f"{name}.png") as image:
        assert image.width > 1_000


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_chart(tmp_path, "distribution", CHARTS["distribution"](data(LIKE_REAL)), ["html"])
    html = (tmp_path / "distribution.html").read_text()
    assert "<title>Distances between photos of the same and of different people</title>" in html
    elements = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", html, flags=re.DOTALL)
    assert elements.count("<script") >= 1
    assert not re.findall(r"\b(?:src|href)\s*=|@import|url\(", elements)
    assert not re.findall(r"\bimport\s*\(?\s*['\"]https?:", html)
    assert len(html) > 500_000  # the scripts are inside


def test_the_script_of_pages_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = chartfiles.vega_scripts()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    chartfiles.vega_scripts.cache_clear()
    assert chartfiles.vega_scripts() == made
    [kept] = (tmp_path / "facesql").glob("vega-*.js")
    assert kept.read_bytes() == made.encode()
    assert kept.stat().st_mode & 0o077 == 0
    chartfiles.vega_scripts.cache_clear()
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda: 1 / 0)
    assert chartfiles.vega_scripts() == made


def test_pages_are_made_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = chartfiles.vega_scripts()
    monkeypatch.setenv("XDG_CACHE_HOME", str(put(tmp_path / "file", b"")))
    chartfiles.vega_scripts.cache_clear()
    assert chartfiles.vega_scripts() == made


def test_the_page_fits_a_phone_and_the_dark_theme(browser: Browser, tmp_path: Path) -> None:
    named = alt.Chart(alt.InlineData(values=[{"x": 1}]), title=alt.Title("Names")).mark_text(text="Ann").encode(x="x:Q")
    write_chart(tmp_path, "names", named.properties(width=700, height=700), ["html"])
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark") as context:
        page = context.new_page()
        page.goto((tmp_path / "names.html").as_uri())
        page.locator(".role-mark text").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        drawn = page.locator("svg.marks").bounding_box()
        assert drawn is not None
        assert drawn["width"] == pytest.approx(drawn["height"], rel=0.2)  # scaled, not cut off or drawn out
        colour = "element => getComputedStyle(element)[{}]".format
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 27)"
        for text in (page.locator(".role-mark text"), page.locator(".role-title-text text")):
            assert text.evaluate(colour("'fill'")) == "rgb(230, 230, 232)"


INNER = Bins(Metric.INNER, -1000, 1000, Decimal(2))


def test_bars_of_negative_distances_lie_where_their_bins_do_and_the_axis_holds_them_alone() -> None:
    bin_totals = totals({-729: 1, -720: 2, -719: 1}, {-11: 3, 120: 1})
    drawn = pl.DataFrame(rows("distribution", bin_totals, INNER))
    same = dict(drawn.filter(pairs_of=SAME).select("distance", "density").iter_rows())
    # Bins -729 to -720 make the bar of 20 that begins at bin -730's edge, -1460; bin -719 is the first of the next.
    assert {left: density for left, density in same.items() if density} == pytest.approx(
        {-1460: 3 / 4 / 20, -1440: 1 / 4 / 20}
    )
    assert (min(same), max(same)) == (-1480, 240)
    x = CHARTS["distribution"](data(bin_totals, bins=INNER)).to_dict()["layer"][0]["encoding"]["x"]
    assert (x["scale"]["domain"], x["title"]) == ([-1600, 400], "negative inner product of two encodings")
    assert [row["cutoff"] for row in rows("rates_by_cutoff", bin_totals, INNER)][:2] == [-1600, -1598]


@pytest.mark.parametrize("name", CHARTS)
def test_another_metric_is_named_in_the_title(name: str) -> None:
    titles = [CHARTS[name](data(LIKE_REAL, bins=Bins(metric, 0, 2000, EUCLIDEAN.width))).title for metric in Metric]
    first, *others = [title.text for title in titles]
    assert others == [f"{first} ({metric})" for metric in ("sqeuclidean", "cosine", "inner")]


@pytest.mark.parametrize("name", CHARTS)
def test_the_most_bins_that_there_may_be_fit_into_a_chart(name: str, tmp_path: Path) -> None:
    bins = Bins(Metric.INNER, -10_000, 10_000, Decimal("0.0001"))
    both = [(same, number, 10**6 + number) for same in (True, False) for number in range(bins.first, bins.beyond + 1)]
    bin_totals = pl.DataFrame(both, schema=BIN_TOTALS, orient="row")
    write_chart(tmp_path, name, CHARTS[name](calibrated(bin_totals, bins)), [])
    for dataset in strict((tmp_path / f"{name}.vl.json").read_text())["datasets"].values():
        assert 100 < len(dataset) < 5000


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("bin_totals", [totals({}, {}), totals({1001: 2}, {1001: 1}), totals({-1000: 2}, {-1000: 1})])
def test_degenerate_tables_of_another_metric_still_make_a_whole_chart(
    name: str, bin_totals: pl.DataFrame, tmp_path: Path
) -> None:
    write_chart(tmp_path, name, CHARTS[name](data(bin_totals, bins=INNER)), ["svg"])
    strict((tmp_path / f"{name}.vl.json").read_text())
    assert "NaN" not in (tmp_path / f"{name}.svg").read_text()


def calibrated(bin_totals: pl.DataFrame, bins: Bins = EUCLIDEAN, sure: tuple[int, int] = (400, 700)) -> ChartData:
    """Shares that fall from bin to bin, with intervals from one bin to another and bounds elsewhere."""
    numbers = np.arange(bins.first, bins.beyond + 1)
    share = 1 - (numbers - bins.first) / bins.count
    table = pl.DataFrame(
        {
            "bin": pl.Series(numbers, dtype=pl.Int32),
            "distance": [*bins.edges.tolist(), None],
            "share": share,
            "low": share * 0.9,
            "high": 1 - (1 - share) * 0.9,
            "bound": (numbers < sure[0]) | (numbers > sure[1]),
        }
    )
    return replace(data(bin_totals, bins=bins), calibration=table)


def test_calibrated_shares_are_those_of_the_table_in_runs_that_adjoin() -> None:
    drawn = calibrated(LIKE_REAL)
    chart = calibration(drawn).to_dict()
    [dataset] = chart["datasets"].values()
    shown = pl.DataFrame(dataset)
    assert drawn.calibration is not None
    inside = drawn.calibration.filter(pl.col("bin") <= 900)
    values = ["distance", "share", "low", "high"]
    begins = shown.filter(pl.col("run").diff() > 0)
    assert shown.join(begins, on=["run", "distance"], how="anti").select(values).rows() == inside.select(values).rows()
    # A step ends at its distance; the interval's begins where the bound's ends.
    assert begins["distance"].to_list() == [0.399, 0.7]
    assert begins["share"].to_list() == [inside["share"][400], inside["share"][701]]
    assert shown.group_by("run", maintain_order=True).agg(pl.col("ends").unique())["ends"].to_list() == [
        [BOUND],
        [INTERVAL],
        [BOUND],
    ]
    bands, line = chart["layer"]
    assert bands["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert bands["encoding"]["color"]["scale"] == {"domain": list(ENDS), "range": [BLUE, GREY]}
    assert bands["mark"]["interpolate"] == line["mark"]["interpolate"] == "step-before"
    assert chart["title"]["subtitle"][1] == "Where 11.4% of all comparisons are of the same person"
    at_half = calibration(replace(drawn, genuine_share=0.5)).to_dict()["title"]["subtitle"]
    assert at_half[1] == "Where 50% of all comparisons are of the same person"


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("table", ["none", "nulls", "full"])
def test_a_calibration_of_any_table_is_a_whole_chart(case: str, table: str, tmp_path: Path) -> None:
    drawn = calibrated(DEGENERATE[case])
    assert drawn.calibration is not None
    nulls = drawn.calibration.with_columns(
        pl.lit(None).cast(drawn.calibration[name].dtype).alias(name) for name in ("share", "low", "high", "bound")
    )
    tables = {"none": None, "nulls": nulls, "full": drawn.calibration}
    write_chart(tmp_path, "calibration", calibration(replace(drawn, calibration=tables[table])), ["svg"])
    specification = strict((tmp_path / "calibration.vl.json").read_text())
    alt.Chart.from_dict(specification)
    assert "NaN" not in (tmp_path / "calibration.svg").read_text()
    if case == "one class" and table == "nulls":
        assert specification["title"]["subtitle"][1] == "Nothing to draw: no person has two photos."


def test_a_calibration_of_the_most_bins_fits_into_a_chart() -> None:
    bins = Bins(Metric.INNER, -10_000, 10_000, Decimal("0.0001"))
    [dataset] = calibration(calibrated(totals({-9_000: 5}, {9_000: 5}), bins)).to_dict()["datasets"].values()
    assert 1000 < len(dataset) < 2100
    assert {row["ends"] for row in dataset} == {INTERVAL, BOUND}
