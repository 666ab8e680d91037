"""The chart: what it draws, that every output is strict, whole and needs no network."""

import json
import re
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from PIL import Image

from facesql.charts import COLOURS, DIFFERENT, SAME, distribution
from facesql.metrics import BIN_TOTALS
from facesql.report import write_chart
from tests.test_metrics import totals

LIKE_REAL = totals({380: 40, 430: 60, 436: 50, 500: 30}, {0: 1, 700: 500, 850: 900, 2001: 3})
DEGENERATE = {
    "nothing": totals({}, {}),
    "one class": totals({}, {500: 3}),
    "all at 0": totals({0: 4}, {0: 2}),
    "all beyond": totals({2001: 4}, {2001: 2}),
}


def bars(chart: alt.LayerChart) -> pl.DataFrame:
    [rows] = chart.to_dict()["datasets"].values()
    return pl.DataFrame(rows, schema={"pairs_of": pl.String, "distance": pl.Float64, "density": pl.Float64})


def strict(text: str) -> Any:
    """Parse JSON as browsers do: NaN and Infinity are errors."""
    return json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))


def test_the_areas_are_one_and_the_bars_lie_where_their_bins_do() -> None:
    drawn = bars(distribution(LIKE_REAL, photos=100, people=20))
    area = dict(drawn.group_by("pairs_of").agg(pl.col("density").sum() * 0.01).iter_rows())
    assert area[SAME] == pytest.approx(1)
    assert area[DIFFERENT] == pytest.approx(1401 / 1404)  # three pairs lie beyond the range
    same = dict(drawn.filter(pairs_of=SAME, density=pl.col("density")).select("distance", "density").iter_rows())
    # Bins 421 to 430 make the bar from 0.42 to 0.43, bins 431 to 440 the next.
    assert same[0.42] == pytest.approx(60 / 180 / 0.01)
    assert same[0.43] == pytest.approx(50 / 180 / 0.01)
    assert same[0.44] == 0


def test_the_subtitle_counts_comparisons_photos_and_people() -> None:
    chart = distribution(LIKE_REAL, photos=1234, people=56).to_dict()
    assert chart["title"]["subtitle"] == "1,584 comparisons, 180 of the same person: 1,234 photos of 56 people"


def test_the_two_colours_are_those_that_the_colour_blind_tell_apart() -> None:
    chart = distribution(LIKE_REAL, photos=1, people=1).to_dict()
    assert chart["layer"][0]["encoding"]["color"]["scale"] == {"domain": list(COLOURS), "range": ["#0072B2", "#D55E00"]}


def test_a_chart_of_many_pairs_holds_few_rows() -> None:
    many = pl.DataFrame({"same_person": [False] * 2002, "bin": range(2002), "pairs": [10**9] * 2002}, schema=BIN_TOTALS)
    assert bars(distribution(many, photos=1, people=1)).height <= 402


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_tables_still_make_a_whole_chart(case: str, tmp_path: Path) -> None:
    chart = distribution(DEGENERATE[case], photos=3, people=2)
    write_chart(tmp_path, "distribution", chart, ["png", "svg"])
    specification = strict((tmp_path / "distribution.vl.json").read_text())
    domain = specification["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert domain[0] == 0 < domain[1]
    with Image.open(tmp_path / "distribution.png") as image:
        assert image.width > 1_000
    assert "NaN" not in (tmp_path / "distribution.svg").read_text()


def test_every_format_is_written_and_says_the_same(tmp_path: Path) -> None:
    chart = distribution(LIKE_REAL, photos=100, people=20)
    write_chart(tmp_path, "distribution", chart, ["html", "png", "svg"])
    specification = strict((tmp_path / "distribution.vl.json").read_text())
    assert specification["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    alt.Chart.from_dict(specification)  # validates against Vega-Lite's schema
    subtitle = "1,584 comparisons"
    svg = (tmp_path / "distribution.svg").read_text()
    html = (tmp_path / "distribution.html").read_text()
    for text in (svg, html):
        assert subtitle in text
    assert "distance of two encodings" in svg


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_chart(tmp_path, "distribution", distribution(LIKE_REAL, photos=1, people=1), ["html"])
    html = (tmp_path / "distribution.html").read_text()
    elements = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", html, flags=re.DOTALL)
    assert elements.count("<script") >= 1
    assert not re.findall(r"\b(?:src|href)\s*=|@import|url\(", elements)
    assert not re.findall(r"\bimport\s*\(?\s*['\"]https?:", html)
    assert len(html) > 500_000  # the scripts are inside
