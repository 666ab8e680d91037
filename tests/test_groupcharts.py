"""The charts of groups: what they draw, that names of groups are harmless, and that every output is whole."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from facesql.blocks import Weighting
from facesql.chartfiles import write_chart
from facesql.groupcharts import fmr_heatmap, group_rates
from facesql.groups import GROUP_PAIRS, GROUPS, GroupRates, Groups

Row = tuple[float | None, float | None, float | None, bool | None]
CHARTS = (fmr_heatmap, group_rates)


def made_up(names: list[str], rates: list[Row]) -> GroupRates:
    """The same rates for each group and pair of groups in turn, of both weightings."""
    of = Groups("made/up.csv", names, pl.DataFrame({"person": ["a", "b"]}), 0, 0, 0)
    groups, pairs = [], []
    for weighting in Weighting:
        place = 0
        for one, name in enumerate(names):
            groups.append([name, weighting.value, 3, 9, 9, 27, *rates[one % len(rates)], *rates[one % len(rates)]])
            for other in names[one:]:
                pairs.append([name, other, weighting.value, 27, 1, *rates[place % len(rates)]])
                place += 1
    return GroupRates(
        of=of,
        cutoff=Decimal("0.60"),
        confidence=0.9,
        groups=pl.DataFrame(groups, schema=GROUPS, orient="row"),
        group_pairs=pl.DataFrame(pairs, schema=GROUP_PAIRS, orient="row"),
        differences=[],
    )


SOME: list[Row] = [
    (1e-3, 5e-4, 2e-3, False),
    (0.0, 0.0, 3e-2, True),
    (4e-2, 1e-3, 0.2, False),
    (2e-3, 0.0, 0.3, True),
    (None, None, None, None),
]


def rows(chart: Any) -> list[dict[str, Any]]:
    return [row for dataset in chart.to_dict()["datasets"].values() for row in dataset]


def test_the_heat_map_has_a_cell_for_each_two_groups_in_either_order() -> None:
    rates = made_up(["a", "b", "c"], SOME)
    cells = {(row["group"], row["other"]): row for row in rows(fmr_heatmap(rates))}
    assert {names: cell["number"] for names, cell in cells.items()} == {
        ("a", "a"): "1.0e-3",
        ("a", "b"): "0*",
        ("b", "a"): "0*",
        ("a", "c"): "4.0e-2",
        ("c", "a"): "4.0e-2",
        ("b", "b"): "2.0e-3*",
        ("b", "c"): "-",
        ("c", "b"): "-",
        ("c", "c"): "1.0e-3",
    }
    assert cells["a", "c"]["logarithm"] == pytest.approx(-1.397940)
    drawn = fmr_heatmap(rates).to_dict()
    colour = drawn["layer"][0]["encoding"]["color"]
    assert colour["condition"]["test"] == "datum.fmr > 0"
    assert colour["condition"]["scale"]["domain"] == pytest.approx([-3, -1.397940])
    assert drawn["title"]["subtitle"][0] == "at cut-off 0.6: 2 people in 3 groups by up.csv"
    assert [axis["sort"] for axis in (drawn["layer"][0]["encoding"][name] for name in "xy")] == [["a", "b", "c"]] * 2


def test_the_chart_of_rates_marks_bounds_and_holds_all_intervals() -> None:
    drawn = group_rates(made_up(["a", "b", "c", "d", "e"], SOME)).to_dict()
    for side, title in zip(drawn["hconcat"], ("false match rate (FMR)", "false non-match rate (FNMR)"), strict=True):
        bars, points = side["layer"]
        assert bars["encoding"]["x"]["title"] == title
        assert bars["encoding"]["strokeDash"]["condition"]["test"] == "datum.bound"
        assert bars["encoding"]["y"]["scale"]["domain"] == ["a", "b", "c", "d", "e"]
        start, end = bars["encoding"]["x"]["scale"]["domain"]
        assert 0 < start <= 5e-4
        assert end >= 0.3
        assert bars["encoding"]["x"]["axis"]["values"] == [5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2]
        assert points["transform"] == [{"filter": f"datum.value >= {start}"}]
    shown = {row["group"]: row for row in rows(group_rates(made_up(["a", "b", "c", "d", "e"], SOME)))}
    assert sorted(shown) == ["a", "b", "c", "d"]  # of e, there is nothing to tell
    assert [shown[name]["bound"] for name in "abcd"] == [False, True, False, True]
    assert shown["b"]["low"] == start
    assert (shown["a"]["low"], shown["a"]["high"]) == (5e-4, 2e-3)


HARMFUL = ['</script><b>&"', "a\x1b[31m\nb", "long " * 100, "long " * 100 + "!", "null", "NaN"]


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize(
    ("names", "rates"),
    [
        (HARMFUL, SOME),
        (["a", "b"], [(0.0, 0.0, 0.5, True)]),
        (["a", "b"], [(None, None, None, None)]),
        (["a", "b"], [(1.0, 0.5, 1.0, True)]),
        ([f"group {number}" for number in range(50)], SOME),
    ],
    ids=["harmful", "zero", "none", "one", "many"],
)
def test_every_output_is_whole(
    tmp_path: Path, chart: Any, weighting: Weighting, names: list[str], rates: list[Row]
) -> None:
    write_chart(tmp_path, "groups", chart(made_up(names, rates), weighting), ["html", "png", "svg"])
    text = (tmp_path / "groups.vl.json").read_text(encoding="utf-8")
    specification = json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
    y = specification.get("hconcat", [specification])[0]["layer"][0]["encoding"]["y"]
    labels = y["sort"] if "sort" in y else y["scale"]["domain"]
    assert len(set(labels)) == len(names)
    drawn = {row["group"] for dataset in specification["datasets"].values() for row in dataset}
    assert drawn <= set(labels)
    assert all(label.isprintable() and len(label) < 60 for label in labels)
    page = (tmp_path / "groups.html").read_text(encoding="utf-8")
    assert page.count("</script>") == 2
    svg = (tmp_path / "groups.svg").read_text(encoding="utf-8")
    assert svg.rstrip().endswith("</svg>")
    with Image.open(tmp_path / "groups.png") as picture:
        assert 300 < picture.width < 3000
        assert 100 < picture.height < 3000
        colours = picture.convert("RGB").getcolors(2**24)
    assert colours is not None
    assert len(colours) > 10
