"""Two tables of the same photos: what is compared, what is said of it, and what cannot be compared."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from facesql.binning import Metric
from facesql.comparisontext import differing, verdict
from facesql.errors import FacesqlError
from facesql.twotables import SCHEMA, Comparison, compare_tables
from tests.conftest import Run, faces_table, some_people
from tests.double_loop import double_loop, read


def written(path: Path, people: list[str], encodings: NDArray[np.floating], rows: slice = slice(None)) -> Path:
    pq.write_table(faces_table(people, encodings)[rows], path)
    return path


def noisy(encodings: NDArray[np.float32], scale: float, seed: int = 1) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return (encodings + random.normal(scale=scale, size=encodings.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """200 people with three faces each, and the same with noise; distances of both classes overlap."""
    folder = tmp_path_factory.mktemp("tables")
    people, encodings = some_people(200, 3, seed=2)
    clear = 0.3 * noisy(encodings, 0.07)
    return written(folder / "clear.parquet", people, clear), written(
        folder / "noisy.parquet", people, noisy(clear, 0.012, seed=9)
    )


@pytest.fixture(scope="module")
def found(tables: tuple[Path, Path]) -> Comparison:
    return compare_tables(*tables)


def test_a_table_with_noise_is_worse_for_sure(found: Comparison) -> None:
    row = found.headline
    assert (row["figure"], row["counts_same"]) == ("FNMR at FMR 0.001", "people")
    assert verdict(found).startswith("a is better, surely: at an FMR of 0.001 a misses 0.")
    for figure in ("FNMR at FMR 0.01", "EER"):
        for of in found.table.filter(figure=figure).iter_rows(named=True):
            assert (of["better"], of["sure"]) == ("a", True)
            assert of["low"] <= of["difference"] <= of["high"]
            assert of["difference"] == of["b"] - of["a"]


def test_the_figures_are_those_of_a_double_loop(found: Comparison, tables: tuple[Path, Path]) -> None:
    for side, path in zip("ab", tables, strict=True):
        genuine, impostor = (np.cumsum(counts[:-1]) / counts.sum() for counts in double_loop(*read(path)))
        target = 0.01
        place = int((impostor <= target).sum()) - 1
        share = (target - impostor[place]) / (impostor[place + 1] - impostor[place])
        recall = genuine[place] + share * (genuine[place + 1] - genuine[place])
        row = found.table.filter(figure="FNMR at FMR 0.01", counts_same="pairs").row(0, named=True)
        assert row[side] == pytest.approx(1 - recall)
        assert row[f"cutoff_{side}"] == pytest.approx(place / 1000)
        # A person has as many pairs as another, so that both weightings have one curve.
        curve = found.curves.filter(table=side)
        assert curve["fmr"].to_numpy() == pytest.approx(impostor, abs=1e-6)
        assert curve["recall"].to_numpy() == pytest.approx(genuine, abs=1e-6)


def test_a_table_does_not_differ_from_its_copy(tables: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(tables[0].read_bytes())
    same = compare_tables(tables[0], copy)
    told = same.table.drop_nulls("difference")
    assert told.height >= 10
    assert set(told["difference"]) == {0.0}
    assert not told["sure"].any()
    assert verdict(same).startswith("No difference at an FMR of 0.001: both miss 0.")


def test_turned_round_the_differences_are_the_negative(found: Comparison, tables: tuple[Path, Path]) -> None:
    back = compare_tables(tables[1], tables[0])
    for there, other in zip(found.table.iter_rows(named=True), back.table.iter_rows(named=True), strict=True):
        assert there["figure"] == other["figure"]
        if there["difference"] is not None:
            assert there["difference"] == -other["difference"]
            assert (there["low"], there["high"]) == (-other["high"], -other["low"])
            assert {there["better"], other["better"]} in ({"a", "b"}, {None})


def test_what_only_one_has_is_left_out_and_counted(tmp_path: Path) -> None:
    people, encodings = some_people(30, 4, seed=3)
    a = written(tmp_path / "a.parquet", people, encodings, slice(0, 110))
    b = written(tmp_path / "b.parquet", people, noisy(encodings, 0.01), slice(7, 120))
    both = compare_tables(a, b)
    assert (both.faces, both.a.left_out, both.b.left_out) == (103, 7, 10)
    alone = [
        written(tmp_path / f"alone_{name}.parquet", people, of, slice(7, 110))
        for name, of in (("a", encodings), ("b", noisy(encodings, 0.01)))
    ]
    assert both.table.equals(compare_tables(*alone).table)


def test_each_table_has_its_metric_its_length_and_its_bins(tmp_path: Path) -> None:
    people, encodings = some_people(40, 3, seed=4)
    a = written(tmp_path / "a.parquet", people, encodings)
    b = written(tmp_path / "b.parquet", people, 50 * encodings[:, :32].astype(np.float64))
    both = compare_tables(a, b, metric_b=Metric.COSINE)
    assert (both.a.bins.metric, both.b.bins.metric) == (Metric.EUCLIDEAN, Metric.COSINE)
    assert "metric cosine" in differing(both)
    euclidean = compare_tables(a, b)
    assert euclidean.b.bins.last * euclidean.b.bins.width > 10


def test_few_people_give_bounds_and_no_cutoff(tmp_path: Path) -> None:
    people, encodings = some_people(6, 3)
    a = written(tmp_path / "a.parquet", people, encodings)
    b = written(tmp_path / "b.parquet", people, noisy(encodings, 0.02))
    few = compare_tables(a, b)
    assert (few.a.cutoff, few.b.cutoff) == (None, None)
    assert few.headline["bound"]
    assert few.table.filter(figure="FMR at own cut-off")["a"].to_list() == [None, None]
    text = differing(few)
    assert "* a bound" in text
    assert "No cut-off of a is recommended: An FMR of at most 0.001 needs" in text
    assert not few.table["sure"].any()


@pytest.mark.parametrize("change", ["ids", "people", "one person", "alone", "photo"])
def test_what_cannot_be_compared_is_refused(tmp_path: Path, change: str) -> None:
    people, encodings = some_people(4, 2)
    told = {
        "ids": "No id of",
        "people": r"'p0/0.jpg' is of 'p0' in .* and of 'else'",
        "photo": "4 pairs of one person in .* and 3 in",
        "one person": "28 pairs of one person and 0 of two",
        "alone": "0 pairs of one person",
    }
    tables = [faces_table(people, encodings) for _ in range(2)]
    if change == "ids":
        tables[1] = tables[1].set_column(0, "id", pa.array([f"x{row}" for row in range(8)]))
    if change == "people":
        tables[1] = tables[1].set_column(1, "person", pa.array(["else", *people[1:]]))
    if change == "one person":
        tables = [table.set_column(1, "person", pa.array(["p"] * 8)) for table in tables]
    if change == "alone":
        tables = [table.take(list(range(0, 8, 2))) for table in tables]
    if change == "photo":
        tables[1] = faces_table(people, encodings, ["one", "one", None, None, None, None, None, None])
    paths = [tmp_path / f"{name}.parquet" for name in "ab"]
    for table, path in zip(tables, paths, strict=True):
        pq.write_table(table, path)
    with pytest.raises(FacesqlError, match=told[change]):
        compare_tables(*paths)


def test_the_command_prints_and_writes_a_folder(tables: tuple[Path, Path], found: Comparison, run: Run) -> None:
    folder = tables[0].parent
    printed = run("compare-tables", "clear.parquet", "noisy.parquet", "-o", "out", cwd=folder).stdout
    assert "a is better, surely" in printed
    assert "600 faces of 200 people in both: 600 pairs of one person, 179,100 of two" in printed
    names = {path.name for path in (folder / "out").iterdir()}
    charts = {f"comparison_{name}.{kind}" for name in ("roc", "det") for kind in ("html", "png", "svg", "vl.json")}
    data = {f"{name}.{kind}" for name in ("comparison", "comparison_curves") for kind in ("csv", "parquet")}
    assert names == charts | data | {"summary.json"}
    assert pl.read_parquet(folder / "out" / "comparison.parquet").schema == pl.Schema(SCHEMA)
    assert json.loads((folder / "out" / "summary.json").read_text())["people"] == 200
    chart = json.loads((folder / "out" / "comparison_det.vl.json").read_text())
    values = next(iter(chart["datasets"].values()))
    assert {point["table"] for point in values} == {"a: clear.parquet", "b: noisy.parquet"}
    assert all(0 < point["fmr"] < 1 and 0 < point["fnmr"] < 1 for point in values)
    refused = run("compare-tables", "clear.parquet", "noisy.parquet", "-o", "clear.parquet", cwd=folder, check=False)
    assert (refused.returncode, "is a file" in refused.stderr) == (1, True)
    assert found.people == 200
