"""Bins that fit metric and data, and the analysis by each metric against scikit-learn, SciPy and SQL."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal
from scipy.spatial.distance import cdist
from sklearn.metrics import precision_score, recall_score, roc_auc_score
from sklearn.metrics.pairwise import cosine_distances

from facesql.analyze import Analysis, analyze_faces
from facesql.binning import EUCLIDEAN, MOST_BINS, Bins, Metric, fitting_bins, parse_number, written
from facesql.charts import CHARTS
from facesql.database import connect, connect_to
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.faces import load_faces
from facesql.fitting import choose_bins, read_bins, set_bins, set_metric
from facesql.metrics import cutoff_table
from facesql.pairs import count_pairs, plan_pairs
from facesql.redraw import draw_charts, read_report
from facesql.sources import DATABASE, sample_faces
from facesql.text import analyzed
from tests.conftest import Run, faces_table, filled, some_people

Matrix = NDArray[np.floating]
PAIRWISE: dict[Metric, Callable[[Matrix], NDArray[np.float64]]] = {
    Metric.EUCLIDEAN: lambda encodings: cdist(encodings, encodings),
    Metric.SQUARED: lambda encodings: cdist(encodings, encodings, "sqeuclidean"),
    Metric.COSINE: cosine_distances,
    Metric.INNER: lambda encodings: -encodings @ encodings.T,
}
# Widths that default bins may have, narrow and wide, and some that only a user would choose.
WIDTHS = [*(Decimal(digit).scaleb(power) for digit, power in product((1, 2, 5), range(-18, 18)))]
ODD_WIDTHS = [Decimal("0.003"), Decimal("0.0025"), Decimal("1.5"), Decimal("0.000123457"), Decimal("999999.999")]


def other_people(people: int, photos: int, size: int, *, scale: float = 1.0) -> tuple[list[str], NDArray[np.float64]]:
    """Encodings as another network gives them: as many numbers, of any length, around a centre a person."""
    random = np.random.default_rng(size)
    centres = random.normal(size=(people, 1, size))
    encodings = scale * (centres + random.normal(scale=0.9, size=(people, photos, size)))
    return [f"p{number}" for number in range(people) for _ in range(photos)], encodings.reshape(-1, size)


def saved(folder: Path, people: list[str], encodings: Matrix) -> Path:
    pq.write_table(faces_table(people, encodings), folder / "faces.parquet")
    return folder / "faces.parquet"


@pytest.mark.parametrize("width", [*WIDTHS, *ODD_WIDTHS], ids=str)
def test_an_edge_is_the_float64_nearest_to_a_multiple_of_the_width_in_python_and_in_sql(width: Decimal) -> None:
    bins = Bins(Metric.INNER, -1000, 2000, width)
    exact = [float(number * Fraction(width)) for number in range(-1000, 2001)]  # Fraction rounds once, correctly
    assert bins.edges.tolist() == exact
    connection = filled([], np.empty((0, 2)))
    set_metric(connection, Metric.INNER)
    set_bins(connection, bins)
    assert read_bins(connection) == bins
    in_sql = connection.execute("select bin_cutoff(bin) from range(-1000, 2002) as bins(bin)").fetchall()
    assert [cutoff for (cutoff,) in in_sql] == [*exact, None]
    around = np.unique(np.concatenate([np.nextafter(exact, -np.inf), exact, np.nextafter(exact, np.inf)]))
    distances = np.array([*around, -np.inf, np.inf, np.nan, 0.0])
    connection.register("distances", pa.table({"distance": distances}))
    in_sql = connection.execute("select distance_bin(distance) from distances").fetchall()
    assert [number + 1000 for (number,) in in_sql] == bins.places(distances).tolist()


@pytest.mark.parametrize(
    ("metric", "bound", "numbers", "expected"),
    [
        (Metric.EUCLIDEAN, None, 0, "0.001 from 0 to 2"),
        (Metric.EUCLIDEAN, 0.0, 512, "0.001 from 0 to 2"),
        (Metric.EUCLIDEAN, 0.21, 512, "0.001 from 0 to 2"),
        (Metric.EUCLIDEAN, 2.0, 512, "0.001 from 0 to 2"),
        (Metric.EUCLIDEAN, 2.0000001, 512, "0.001 from 0 to 2"),  # the length of 1 in float32
        (Metric.EUCLIDEAN, 2.001, 512, "0.002 from 0 to 4"),
        (Metric.EUCLIDEAN, 4.001, 512, "0.005 from 0 to 10"),
        (Metric.EUCLIDEAN, 31.4, 512, "0.02 from 0 to 40"),
        (Metric.EUCLIDEAN, 2e6, 512, "1000 from 0 to 2000000"),
        (Metric.EUCLIDEAN, 0.2, 512, "0.0001 from 0 to 0.2"),
        (Metric.EUCLIDEAN, 0.03, 512, "0.00002 from 0 to 0.04"),
        (Metric.EUCLIDEAN, 0.03, 128, "0.001 from 0 to 2"),  # a few photos of face_recognition's
        (Metric.EUCLIDEAN, 31.4, 128, "0.02 from 0 to 40"),  # another network's
        (Metric.EUCLIDEAN, 1e-30, 512, "0.000000000000000001 from 0 to 0.000000000000002"),
        (Metric.SQUARED, 1.9, 128, "0.001 from 0 to 2"),
        (Metric.SQUARED, 0.03, 128, "0.00002 from 0 to 0.04"),
        (Metric.SQUARED, 4.0, 128, "0.002 from 0 to 4"),
        (Metric.COSINE, None, 512, "0.001 from 0 to 2"),
        (Metric.INNER, None, 0, "0.001 from -1 to 1"),
        (Metric.INNER, 1.0000001, 512, "0.001 from -1 to 1"),
        (Metric.INNER, 1.1, 512, "0.002 from -2 to 2"),
        (Metric.INNER, 0.3, 512, "0.0005 from -0.5 to 0.5"),
        (Metric.INNER, 700.0, 512, "1 from -1000 to 1000"),
    ],
)
def test_bins_fit_metric_and_data(metric: Metric, bound: float | None, numbers: int, expected: str) -> None:
    assert fitting_bins(metric, bound, numbers=numbers).range == expected


@pytest.mark.parametrize(
    ("metric", "width", "reach", "expected"),
    [
        (Metric.EUCLIDEAN, "0.01", None, "0.01 from 0 to 2"),
        (Metric.EUCLIDEAN, "0.003", None, "0.003 from 0 to 2.001"),  # as far as the bins that fit, and a little farther
        (Metric.EUCLIDEAN, None, "1.5", "0.001 from 0 to 1.5"),
        (Metric.EUCLIDEAN, None, "20", "0.001 from 0 to 20"),
        (Metric.COSINE, "0.0001", None, "0.0001 from 0 to 2"),
        (Metric.INNER, "0.0005", None, "0.0005 from -1 to 1"),
        (Metric.INNER, "0.5", "5000", "0.5 from -5000 to 5000"),
        (Metric.EUCLIDEAN, "1E+1", "2E+2", "10 from 0 to 200"),
    ],
)
def test_width_and_range_can_be_chosen(metric: Metric, width: str | None, reach: str | None, expected: str) -> None:
    chosen = [None if text is None else parse_number(text, "number") for text in (width, reach)]
    bins = fitting_bins(metric, None, width=chosen[0], reach=chosen[1])
    assert bins.range == expected
    assert bins.last - bins.first <= MOST_BINS


@pytest.mark.parametrize(
    ("metric", "bound", "width", "reach", "sentence"),
    [
        (Metric.EUCLIDEAN, 1.0, "-1", None, r"-1 is no --bin-width; give a positive number"),
        (Metric.EUCLIDEAN, 1.0, "NaN", None, r"NaN is no --bin-width"),
        (Metric.EUCLIDEAN, 1.0, None, "Infinity", r"Infinity is no --max-distance"),
        (Metric.EUCLIDEAN, 1.0, "0.1234567891", None, r"0\.1234567891 is no --bin-width; .* of at most 9 digits"),
        (Metric.EUCLIDEAN, 1.0, "1e-19", None, r"1E-19 is no --bin-width"),
        (Metric.EUCLIDEAN, 1.0, None, "0.0005", r"largest distance 0\.0005 is no multiple of the bin width 0\.001"),
        (Metric.EUCLIDEAN, 1.0, "0.0001", "2.0001", r"Bins of 0\.0001 up to 2\.0001 are 20,001, more than 20,000"),
        (Metric.INNER, 1.0, "0.0001", "1.0001", r"Bins of 0\.0001 up to 1\.0001 are 20,002, more than 20,000"),
        (Metric.EUCLIDEAN, 1e30, None, None, r"as much as 1e\+30 apart, .*; divide them by some number"),
        (Metric.INNER, np.inf, None, None, r"as much as inf apart"),
    ],
)
def test_bins_that_cannot_be_are_told(
    metric: Metric, bound: float, width: str | None, reach: str | None, sentence: str
) -> None:
    chosen = [None if text is None else Decimal(text) for text in (width, reach)]
    with pytest.raises(FacesqlError, match=sentence):
        fitting_bins(metric, bound, width=chosen[0], reach=chosen[1])


def test_a_number_is_written_as_people_write_it() -> None:
    assert [written(Decimal(text)) for text in ("1E+3", "0.500", "-0.0", "1E-7", "12")] == [
        *("1000", "0.5", "0", "0.0000001", "12")
    ]
    assert [Bins(Metric.EUCLIDEAN, 0, 9, Decimal(width)).decimals for width in ("0.001", "0.50", "20", "1E-7")] == [
        *(3, 1, 0, 7)
    ]


@pytest.mark.parametrize("metric", [Metric.EUCLIDEAN, Metric.SQUARED, Metric.INNER])
@pytest.mark.parametrize(("size", "scale"), [(3, 0.001), (3, 1.0), (128, 40.0), (512, 1.0), (512, 1e5)])
def test_the_bins_that_fit_hold_all_distances_and_waste_few(metric: Metric, size: int, scale: float) -> None:
    people, encodings = other_people(12, 3, size, scale=scale)
    bins = choose_bins(filled(people, encodings + 3 * scale), metric)
    distances = PAIRWISE[metric](encodings + 3 * scale)
    assert bins.edges[0] <= distances.min()
    assert distances.max() <= bins.edges[-1]
    filled_bins = np.ptp(bins.places(distances))
    assert filled_bins > 100


def test_the_mean_is_that_of_a_part_of_many_faces_and_still_bounds_all() -> None:
    encodings = np.zeros((3_000, 2))
    encodings[7], encodings[2_991] = (300, 0), (0, -400)  # 500 apart
    bins = choose_bins(filled([f"p{number}" for number in range(3_000)], encodings), Metric.EUCLIDEAN)
    assert bins.range == "0.5 from 0 to 1000"


def test_encodings_of_length_1_and_those_of_face_recognition_have_the_usual_bins() -> None:
    _, encodings = other_people(30, 2, 512)
    unit = (encodings / np.linalg.norm(encodings, axis=1, keepdims=True)).astype(np.float32)
    people = [str(number) for number in range(60)]
    assert choose_bins(filled(people, unit), Metric.EUCLIDEAN) == EUCLIDEAN
    assert choose_bins(filled(people, unit), Metric.INNER).range == "0.001 from -1 to 1"
    assert choose_bins(filled(["a", "b"], some_people(1, 2)[1] / 100), Metric.EUCLIDEAN) == EUCLIDEAN
    assert choose_bins(filled([], np.empty((0, 128))), Metric.EUCLIDEAN) == EUCLIDEAN


def test_the_sample_has_the_usual_bins() -> None:
    connection = connect(report=True)
    load_faces(connection, sample_faces("lfw"))
    assert choose_bins(connection, Metric.EUCLIDEAN) == EUCLIDEAN


def analyzed_by(metric: Metric, folder: Path, people: list[str], encodings: Matrix, **options: Decimal) -> Analysis:
    file = saved(folder, people, encodings)
    return analyze_faces(file, folder / "report", metric=metric, formats=[], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", Metric)
def test_an_analysis_of_512_numbers_is_that_of_scikit_learn(
    metric: Metric, dtype: type[np.floating], tmp_path: Path
) -> None:
    people, encodings = other_people(12, 5, 512)
    encodings = encodings.astype(dtype)
    analysis = analyzed_by(metric, tmp_path, people, encodings)
    bins = analysis.bins
    first, second = np.triu_indices(60, 1)
    distances = PAIRWISE[metric](encodings.astype(np.float64))[first, second]
    same = np.array(people)[first] == np.array(people)[second]
    places = np.searchsorted(bins.edges, distances)
    assert analysis.table["cutoff"].to_list() == bins.edges.tolist()
    for column, part in (("genuine_matched", places[same]), ("impostor_matched", places[~same])):
        counted = np.bincount(part, minlength=bins.count).cumsum()[:-1]
        assert analysis.table[column].to_list() == counted.tolist()
    assert analysis.figures.auc == pytest.approx(roc_auc_score(same, -places), rel=1e-12)
    assert analysis.figures.auc == pytest.approx(roc_auc_score(same, -distances), abs=1e-3)
    for row in analysis.key_table.iter_rows(named=True):
        matched = distances <= row["cutoff"]
        assert row["precision"] == pytest.approx(precision_score(same, matched, zero_division=1))
        assert row["recall"] == pytest.approx(recall_score(same, matched))
    assert 4 <= analysis.key_table.height <= 12
    width = float(bins.width)
    assert analysis.figures.genuine_mean == pytest.approx(distances[same].mean(), abs=width)
    assert analysis.figures.impostor_mean == pytest.approx(distances[~same].mean(), abs=width)


@pytest.mark.parametrize("metric", Metric)
def test_the_slow_road_gives_the_counts_of_the_engine_in_every_metric(metric: Metric, tmp_path: Path) -> None:
    # Whole numbers: many distances lie on edges, and two encodings are alike, or opposite.
    encodings = np.random.default_rng(5).integers(-3, 4, size=(60, 4)).astype(np.float32)
    encodings[:2] = [1, 2, 3, 1], [-1, -2, -3, -1]
    encodings[~encodings.any(axis=1)] = 1
    people = [f"p{number // 3}" for number in range(60)]
    analyzed_by(metric, tmp_path, people, encodings)
    with connect_to(tmp_path / "report" / DATABASE) as connection:
        engine, slow, rates, table = (
            pl.DataFrame(connection.sql(query).to_arrow_table())
            for query in (
                "from binned_counts order by all",
                "from slow_binned_counts() order by all",
                "with slow as (from slow_binned_counts()) from cutoff_rates(counts := 'slow')",
                "from precision_recall order by bin",
            )
        )
        [(a, b)] = connection.sql(
            "select face_distance(a.encoding, b.encoding), face_distance(b.encoding, a.encoding) "
            "from faces a, faces b where a.file_row = 5 and b.file_row = 8"
        ).fetchall()
    assert_frame_equal(slow, engine, check_dtypes=False, check_exact=False, rel_tol=1e-6)
    assert_frame_equal(rates, table, check_exact=True)
    assert a == b == pytest.approx(PAIRWISE[metric](encodings.astype(np.float64))[5, 8])


@pytest.mark.parametrize("metric", Metric)
def test_a_report_of_any_metric_is_redrawn_as_it_was(metric: Metric, tmp_path: Path) -> None:
    analysis = analyzed_by(metric, tmp_path, *other_people(6, 3, 64, scale=7))
    data = read_report(tmp_path / "report")
    assert data.bins == analysis.bins
    assert data.table.equals(analysis.table)
    assert data.figures == analysis.figures
    assert data.table.equals(cutoff_table(data.bin_totals, data.bins))
    draw_charts(tmp_path / "report", output=tmp_path / "again", formats=[])
    for name in CHARTS:
        again = (tmp_path / "again" / f"{name}.vl.json").read_text()
        assert again == (tmp_path / "report" / f"{name}.vl.json").read_text()


def test_metric_and_bins_are_told_everywhere(run: Run, tmp_path: Path) -> None:
    saved(tmp_path, *other_people(6, 3, 16))
    options = [
        "--metric",
        "inner",
        "--bin-width",
        "0.25",
        "--max-distance",
        "50",
        "--cutoffs=-20,-0.25,50",
        "--formats",
    ]
    lines = run("analyze", *options, "", cwd=tmp_path).stdout.splitlines()
    assert lines[1:3] == ["metric inner, bins of 0.25 from -50 to 50", ""]
    [head] = [place for place, line in enumerate(lines) if "genuine matched" in line]
    assert [line.split()[0] for line in lines[head + 1 : head + 4]] == ["-20.00", "-0.25", "50.00"]
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    told = {name: summary[name] for name in ("metric", "first_bin", "last_bin", "bin_width")}
    assert told == {"metric": "inner", "first_bin": -200, "last_bin": 200, "bin_width": 0.25}
    notes = (tmp_path / "report" / "run.md").read_text()
    assert "| analyze: metric | `inner` |\n| analyze: bins | `0.25 from -50 to 50` |" in notes
    assert "| analyze: cut-offs | `-20, -0.25, 50` |" in notes
    query = "select metric, first_bin, last_bin, bin_width from {}"
    for table in ("binning", "summary"):
        shown = run("sql", query.format(table), "--format", "csv", cwd=tmp_path).stdout
        assert shown == "metric,first_bin,last_bin,bin_width\ninner,-200,200,0.25\n"


def test_usual_bins_are_not_told_on_the_terminal(tmp_path: Path) -> None:
    usual = analyzed_by(Metric.EUCLIDEAN, tmp_path, *some_people(5, 2))
    assert "metric" not in analyzed(usual)
    wider = analyzed_by(Metric.EUCLIDEAN, tmp_path, *some_people(5, 2), bin_width=Decimal("0.01"))
    assert analyzed(wider).splitlines()[1] == "metric euclidean, bins of 0.01 from 0 to 2"


@pytest.mark.parametrize(("metric", "told"), [(Metric.EUCLIDEAN, True), (Metric.COSINE, False), (Metric.INNER, False)])
def test_near_pictures_are_told_of_euclidean_distances_alone(metric: Metric, told: bool, tmp_path: Path) -> None:
    people, encodings = some_people(5, 2)
    encodings[1] = encodings[0] + 1e-3
    assert ("at a distance of at most 0.1" in analyzed(analyzed_by(metric, tmp_path, people, encodings))) is told


@pytest.mark.parametrize("nothing", [0.0, 1e-80])
def test_an_encoding_of_length_0_has_no_direction(nothing: float, run: Run, tmp_path: Path) -> None:
    people, encodings = other_people(4, 2, 16)
    encodings[3] = nothing
    file = saved(tmp_path, people, encodings)
    with pytest.raises(InvalidFacesError, match=r"1 of .* \('p1/3\.jpg' has length 0, which has no direction\)"):
        analyze_faces(file, tmp_path / "report", metric=Metric.COSINE, formats=[])
    done = run("analyze", "--metric", "cosine", "--skip-invalid", "--formats", "", cwd=tmp_path)
    assert done.stdout.startswith("7 faces of 4 people, 1 invalid left out: 3 pairs")
    for metric in (Metric.EUCLIDEAN, Metric.SQUARED, Metric.INNER):
        assert analyze_faces(file, tmp_path / "report", metric=metric, formats=[]).faces == 8


def test_a_direction_may_be_short(tmp_path: Path) -> None:
    people, encodings = other_people(4, 2, 16)
    tables = [
        analyzed_by(Metric.COSINE, tmp_path, people, scale * encodings).table for scale in (1, 2.0**-200, 2.0**200)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


@pytest.mark.parametrize(
    "change",
    [
        "drop table binning",
        "delete from binning",
        "update binning set metric = 'none'",
        "update binning set denominator = 0",
        "update binning set last_bin = 7",
        "update binning set first_bin = null",
    ],
)
def test_a_report_whose_bins_were_changed_is_told(change: str, tmp_path: Path) -> None:
    analyzed_by(Metric.COSINE, tmp_path, *other_people(3, 2, 16))
    with connect_to(tmp_path / "report" / DATABASE, write=True) as connection:
        connection.execute(change)
    with pytest.raises(FacesqlError, match=r"make (it anew|the report again)"):
        read_report(tmp_path / "report")


def test_counts_in_other_bins_are_sums_of_those_in_narrower_ones() -> None:
    people, encodings = some_people(9, 3)
    totals = {}
    for width in ("0.001", "0.01"):
        connection = filled(people, encodings)
        bins = fitting_bins(Metric.EUCLIDEAN, width=Decimal(width))
        count_pairs(connection, plan_pairs(connection, bins=bins))
        totals[width] = cutoff_table(pl.DataFrame(connection.sql("from bin_totals").to_arrow_table()), bins)
    wide, narrow = totals["0.01"].drop("bin"), totals["0.001"].filter(pl.col("bin") % 10 == 0).drop("bin")
    assert wide.equals(narrow)
