"""Curves of two tables in one chart."""

import json
from statistics import NormalDist
from typing import Any

import altair as alt
import polars as pl
import pytest

from facesql.curvecharts import Curves, det_of_several, roc_of_several


def curves(count: int = 5) -> Curves:
    """Two tables with so many cut-offs each, from one at which nothing matches to one at which all do."""
    share = [number / (count - 1) for number in range(count)]
    points = pl.concat(
        pl.DataFrame({"cutoff": share, "fmr": [x**power for x in share], "recall": share}).with_columns(
            table=pl.lit(name), fnmr=1 - pl.col("recall")
        )
        for name, power in (("a", 2), ("b\n", 3))
    )
    return Curves(points, ["a", "b\n"], "two tables")


def values(chart: alt.LayerChart) -> list[dict[str, Any]]:
    written = json.dumps(chart.to_dict(), allow_nan=False)
    return list(next(iter(json.loads(written)["datasets"].values())))


def test_both_curves_have_their_points_and_names_that_cannot_steer() -> None:
    chart = roc_of_several(curves())
    points = values(chart)
    assert [(point["table"], point["cutoff"]) for point in points] == [
        (name, cutoff) for name in ("a", r"b\n") for cutoff in (0.25, 0.5, 0.75, 1)
    ]
    assert [point["fmr"] for point in points[:4]] == [0.0625, 0.25, 0.5625, 1]
    assert chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["a", r"b\n"]


def test_det_places_rates_at_their_normal_deviates() -> None:
    for point in values(det_of_several(curves())):
        assert 0 < point["fmr"] < 1
        assert 0 < point["fnmr"] < 1
        assert point["fmr_deviate"] == pytest.approx(NormalDist().inv_cdf(point["fmr"]))


def test_of_very_many_points_each_curve_keeps_some_and_its_last() -> None:
    points = values(roc_of_several(curves(9_001)))
    for name in ("a", r"b\n"):
        of = [point["cutoff"] for point in points if point["table"] == name]
        assert 1_500 < len(of) <= 2_002
        assert of == sorted(of)
        assert of[-1] == 1


def test_where_nothing_can_be_drawn_the_chart_says_so() -> None:
    chart = det_of_several(curves(2)).to_dict()
    assert chart["title"]["subtitle"][1].startswith("Nothing to draw")
