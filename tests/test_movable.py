"""The movable cut-off: that it tells what the tables tell, and that its chart is strict, small and whole."""

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import pyarrow.parquet as pq
import pytest
import vl_convert

from facesql.analyze import Analysis, analyze_faces
from facesql.binning import Metric
from facesql.charts import ChartData
from facesql.movable import OUTPUTS, SHOWN, Movable, movable, movable_chart, movable_patch
from facesql.redraw import read_report
from facesql.wanted import Wanted
from tests.conftest import faces_table, some_people
from tests.test_charts import strict


def analyzed(folder: Path, people: int = 12, photos: int = 4, **options: Any) -> tuple[Analysis, ChartData]:
    pq.write_table(faces_table(*some_people(people, photos)), folder / "faces.parquet")
    analysis = analyze_faces(folder / "faces.parquet", folder / "report", formats=[], **options)
    return analysis, read_report(folder / "report")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, ChartData, Movable]:
    analysis, data = analyzed(tmp_path_factory.mktemp("movable"))
    return analysis, data, movable(data, analysis.answers)


def test_each_cutoff_tells_what_the_tables_of_rates_and_of_intervals_tell(
    told: tuple[Analysis, ChartData, Movable],
) -> None:
    analysis, _, shown = told
    assert shown.cutoffs[:2] == ["0.000", "0.001"]
    assert len(shown.cutoffs) > 500
    sure = analysis.answers.intervals
    weightings = {"precision": "pairs", "recall": "people", "fmr": "people", "fnmr": "people"}
    of_others = {
        name: sure.filter(rate=name, weighting=weighting).sort("bin").to_dicts()
        for name, weighting in weightings.items()
    }
    for place, cutoff in enumerate(shown.cutoffs):
        row = analysis.table.row(place, named=True)
        assert f"{row['cutoff']:.3f}" == cutoff
        assert shown.rates["precision"][place] == f"{row['precision']:.4f}"
        assert shown.rates["recall"][place] == f"{row['recall']:.4f}"
        assert shown.rates["fmr"][place] == f"{row['fmr']:.2e}"
        assert shown.rates["fnmr"][place] == f"{row['fnmr']:.2e}"
        for name, form in (("precision", ".4f"), ("recall", ".4f"), ("fmr", ".1e"), ("fnmr", ".4f")):
            told_row = of_others[name][place]
            star = "*" if told_row["bound"] else ""
            value, low, high = (format(told_row[end], form) for end in ("value", "low", "high"))
            assert shown.of_others[name][place] == f"{value} [{low}, {high}]{star}"
        assert shown.fmr[place] == tuple(of_others["fmr"][place][end] for end in ("value", "low", "high"))


def test_it_begins_at_the_recommended_cutoff_or_else_at_the_first_that_there_is(
    told: tuple[Analysis, ChartData, Movable], tmp_path: Path
) -> None:
    analysis, _, shown = told
    assert analysis.answers.recommended.bin is None
    assert Decimal(shown.cutoffs[shown.start]) == analysis.answers.a_cutoff(analysis.bins)
    assert shown.gallery == 1000
    other, data = analyzed(tmp_path, wanted=Wanted(max_fmr=0.5, gallery=77))
    again = movable(data, other.answers)
    assert other.answers.recommended.bin == again.start
    assert again.gallery == 77


def test_the_chart_is_strict_vega_lite_and_its_numbers_follow_its_cutoff(
    told: tuple[Analysis, ChartData, Movable],
) -> None:
    analysis, data, shown = told
    text = json.dumps(movable_chart(data, shown).to_dict(), allow_nan=False)
    assert len(text) < 300_000
    specification = strict(text)
    alt.Chart.from_dict(specification)
    assert specification["description"].startswith("Distances between photos")
    assert specification["title"]["subtitle"][0] == "1,128 comparisons, 72 of the same person: 48 photos of 12 people"
    [slider] = [param for param in specification["params"] if param["name"] == "cutoff"]
    assert slider["bind"] == {
        "input": "range",
        "min": 0,
        "max": float(shown.cutoffs[-1]),
        "step": 0.001,
        "name": "cut-off",
    }
    row = analysis.table.row(300, named=True)
    slider["value"] = 0.3
    svg = vl_convert.vegalite_to_svg(specification)
    assert "Cut-off 0.300" in svg
    assert f"precision {row['precision']:.4f}, recall {row['recall']:.4f}" in svg
    assert f"FMR {row['fmr']:.2e}, FNMR {row['fnmr']:.2e}" in svg


def test_the_patch_binds_every_number_and_what_moves_the_line(told: tuple[Analysis, ChartData, Movable]) -> None:
    _, data, shown = told
    specification = movable_chart(data, shown).to_dict()
    signals = vl_convert.vegalite_to_vega(specification)["signals"]
    bound = {}
    for change in movable_patch(specification, shown):
        _, place, key = change["path"].removeprefix("/").split("/")
        bound[signals[int(place)]["name"], key] = change["value"]
    assert bound["cutoff", "bind"] == {"element": "#cutoff"}
    assert "pointerdown" in bound["cutoff", "on"][0]["events"]
    assert {name for name, key in bound if key == "bind"} == {"cutoff", "gallery", *(f"{name}_now" for name in OUTPUTS)}


@pytest.mark.parametrize(
    ("people", "photos", "options"),
    [(3, 1, {}), (1, 3, {}), (1, 1, {}), (12, 4, {"metric": Metric.INNER}), (12, 4, {"bin_width": Decimal("0.0001")})],
    ids=["no genuine", "no impostor", "no pair", "inner", "many bins"],
)
def test_what_cannot_be_told_is_a_dash_and_other_bins_are_whole(
    people: int, photos: int, options: dict[str, Any], tmp_path: Path
) -> None:
    analysis, data = analyzed(tmp_path, people, photos, **options)
    shown = movable(data, analysis.answers)
    assert 0 <= shown.start < len(shown.cutoffs) <= 2001
    steps = {Decimal(after) - Decimal(before) for before, after in pairwise(shown.cutoffs)}
    assert steps == {Decimal(shown.step)}
    table = {f"{row['cutoff']:.{data.bins.decimals}f}": row for row in analysis.table.iter_rows(named=True)}
    for cutoff, recall in zip(shown.cutoffs, shown.rates["recall"], strict=True):
        expected = table[cutoff]["recall"]
        assert recall == ("-" if expected is None else f"{expected:.4f}")
    specification = strict(json.dumps(movable_chart(data, shown).to_dict(), allow_nan=False))
    svg = vl_convert.vegalite_to_svg(specification)
    assert f"Cut-off {shown.cutoffs[shown.start]}" in svg
    assert "NaN" not in svg
    assert set(shown.at_first()) == {*SHOWN, *(f"{name}_of_others" for name in SHOWN)}
