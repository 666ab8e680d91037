"""The map of faces: where points lie, who is nearest to whom, what the chart shows, and what the command writes."""

import json
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facesql.chartfiles import drawn
from facesql.errors import FacesqlError, MissingPackageError
from facesql.facemap import FEWEST, means, nearest_others, place
from facesql.mapchart import FaceMap, map_chart
from facesql.mapping import map_faces
from facesql.sources import sample_faces
from tests.conftest import Run, faces_table, some_people
from tests.test_charts import strict


def clusters(count: int, seed: int = 0) -> NDArray[np.float64]:
    """Two clusters of ``count`` encodings each, far apart."""
    random = np.random.default_rng(seed)
    centres = np.repeat([[0.0] * 128, [1.0] * 128], count, axis=0)
    return centres + random.normal(scale=0.3, size=(2 * count, 128))


@pytest.mark.parametrize("count", [4, 40])
def test_two_planted_clusters_lie_apart_and_the_same_seed_draws_the_same_map(count: int) -> None:
    encodings = clusters(count)
    places = place(encodings, seed=3)
    assert np.array_equal(places, place(encodings, seed=3))
    assert np.array_equal(places, place(encodings, seed=4)) == (2 * count < FEWEST)
    one, other = places[:count], places[count:]
    farthest = max(np.linalg.norm(part - part.mean(axis=0), axis=1).max() for part in (one, other))
    assert np.linalg.norm(one[:, None] - other, axis=2).min() > farthest / 2


@pytest.mark.parametrize(("count", "numbers"), [*product([0, 1, 2, 3, FEWEST - 1, FEWEST, 31], [1, 2, 3, 200])])
def test_any_number_of_encodings_of_any_length_has_a_place(count: int, numbers: int) -> None:
    encodings = np.random.default_rng(1).normal(size=(count, numbers))
    for points in (encodings, encodings * 1e-200, encodings * 1e200, encodings.astype(np.float32)):
        places = place(points)
        assert places.shape == (count, 2)
        assert np.abs(places).max(initial=0) <= 1
        assert len(np.unique(places, axis=0)) == count
    assert not place(np.full((count, numbers), 0.3)).any()


def test_few_encodings_are_as_far_apart_as_they_are() -> None:
    encodings = np.random.default_rng(2).normal(size=(3, 128))  # three points lie in a plane
    places = place(encodings)
    apart, mapped = (np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1) for points in (encodings, places))
    assert mapped / mapped.sum() == pytest.approx(apart / apart.sum())


def test_equal_encodings_among_others_lie_in_one_place_and_not_all() -> None:
    encodings = np.repeat(np.random.default_rng(4).normal(size=(3, 5)), 10, axis=0)
    assert len(np.unique(place(encodings).round(1), axis=0)) == 3


def test_without_the_package_a_sentence_says_how_to_get_it(small_table: Path) -> None:
    with (
        patch("importlib.util.find_spec", return_value=None),
        pytest.raises(MissingPackageError, match=r"facesql\[map"),
    ):
        map_faces(small_table, small_table.with_name("map.png"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5), st.integers(-5, 5)), max_size=12), st.integers(1, 400))
def test_the_nearest_other_is_that_of_a_double_loop(rows: list[tuple[int, int, int]], batch: int) -> None:
    people = np.array([person for person, _, _ in rows], dtype=np.int64)
    encodings = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 2)
    with patch("facesql.facemap._BATCH_BYTES", batch):
        nearest, distances = nearest_others(encodings, people)
    for row, (person, x, y) in enumerate(rows):
        others = [np.hypot(x - a, y - b) for other, a, b in rows if other != person]
        if not others:
            assert nearest[row] == -1
            assert np.isnan(distances[row])
        else:
            assert people[nearest[row]] != person
            assert distances[row] == pytest.approx(min(others))
            assert np.linalg.norm(encodings[row] - encodings[nearest[row]]) == pytest.approx(min(others))


def test_means_are_those_of_each_person() -> None:
    encodings = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert means(encodings, np.array([1, 0, 1, 1])).tolist() == [[3, 4, 5], [5, 6, 7]]


def test_the_map_has_a_row_a_person_with_the_nearest_other(tmp_path: Path) -> None:
    names = ["b", "a", "a", "b", "b", "c"]
    encodings = np.array([[0, 0], [4, 0], [6, 0], [0, 1], [0, 0.4], [9, 0]], dtype=np.float32)
    pq.write_table(faces_table(names, encodings), tmp_path / "faces.parquet")
    output = tmp_path / "map.csv"
    faces, why = map_faces(tmp_path / "faces.parquet", output)
    assert why is None
    rows = faces.table.select("person", "id", "photos", "nearest_person", "nearest_id", "distance").rows()
    assert rows == [
        ("b", "b/4.jpg", 3, "a", "a/1.jpg", 4.0),
        ("a", "a/1.jpg", 2, "c", "c/5.jpg", 3.0),
        ("c", "c/5.jpg", 1, "a", "a/2.jpg", 3.0),
    ]
    assert pl.read_csv(output).rows() == faces.table.rows()
    assert output.stat().st_mode & 0o777 == 0o600
    assert faces.nearness == (3.0, 3.0)


def test_a_limit_takes_those_with_most_photos_and_says_so(tmp_path: Path) -> None:
    names = ["a", "b", "b", "c", "c", "c"]
    pq.write_table(faces_table(names, np.eye(6)), tmp_path / "faces.parquet")
    people, _ = map_faces(tmp_path / "faces.parquet", tmp_path / "map.parquet", limit=2)
    assert people.table["person"].to_list() == ["c", "b"]
    assert people.limited == "2 of 3 people, those with most photos"
    assert people.limited in map_chart(people).to_dict()["title"]["subtitle"]
    each, _ = map_faces(tmp_path / "faces.parquet", tmp_path / "map.parquet", limit=4, each_face=True)
    assert each.table["person"].to_list() == ["c", "c", "c", "b"]
    assert each.limited == "4 of 6 faces, of the people with most photos"


@pytest.mark.parametrize("people", [1, 2, 12])
@pytest.mark.parametrize("each_face", [False, True])
def test_charts_of_few_people_are_strict_json(tmp_path: Path, people: int, each_face: bool) -> None:
    pq.write_table(faces_table(*some_people(people, 3)), tmp_path / "faces.parquet")
    faces, _ = map_faces(tmp_path / "faces.parquet", tmp_path / "map.vl.json", each_face=each_face)
    specification = strict((tmp_path / "map.vl.json").read_text())
    [rows] = specification["datasets"].values()
    assert len(rows) == (3 * people if each_face else people)
    assert map_chart(faces).to_dict() == specification
    pictures = drawn(map_chart(faces), ["svg", "png"])
    assert pictures["svg"].count(b'aria-roledescription="circle"') == len(rows)
    assert pictures["png"].startswith(b"\x89PNG")


def test_names_cannot_end_the_script_and_pictures_stand_in_the_tooltip() -> None:
    row = {"person": "</script><b>\x1b\u202e", "id": "i", "photos": 1, "x": 0.0, "y": 0.0}
    other = {"nearest_person": "o", "nearest_id": "p", "distance": 0.5}
    table = pl.DataFrame([{**row, **other}, {**row, **other, "id": "p"}])
    faces = FaceMap(table, False, 0, 2, 2, 2, 2, pictures={"i": "data:image/webp;base64,AAAA"})
    files = drawn(map_chart(faces), ["html", "svg", "vl.json"])
    assert files["html"].count(b"</script>") == 2
    assert b"<b>" not in files["svg"]
    [rows] = json.loads(files["vl.json"])["datasets"].values()
    assert [row["image"] for row in rows] == ["data:image/webp;base64,AAAA", ""]
    assert rows[0]["person"] == r"</script><b>\x1b\u202e"
    titles = [field["title"] for field in json.loads(files["vl.json"])["layer"][0]["encoding"]["tooltip"]]
    assert titles[:2] == ["title", "image"]


def test_an_output_of_no_format_is_refused(small_table: Path) -> None:
    with pytest.raises(FacesqlError, match=r"ends in no format of a chart; end it in one of \.html, \.png"):
        map_faces(small_table, small_table.with_name("map.gif"))


def test_a_page_has_pictures_unless_they_are_not_wanted(
    run: Run, drawn: Path, drawn_faces: tuple[Path, object]
) -> None:
    faces, folder = drawn_faces[0], drawn.parent
    done = run("map", faces, "-o", "map.html", cwd=folder)
    assert "24 faces of 8 people, a point a person, in 'map.html'" in done.stdout
    assert "8 of 8 points have a picture" in done.stdout
    page = (folder / "map.html").read_text()
    assert page.count("data:image/webp;base64,") == 8
    assert not any(address in page.split("vegaEmbed(")[-1] for address in ("src=", "href="))
    done = run("map", faces, "-o", "map.html", "--no-photos", "--each-face", "--seed", "5", cwd=folder)
    assert "picture" not in done.stdout
    assert "data:image/webp" not in (folder / "map.html").read_text()
    done = run("map", faces, "-o", "map.html", "--photos", "elsewhere", cwd=folder)
    assert "no pictures: The photos are gone from 'elsewhere'; name their folder with --photos." in done.stdout


def test_the_sample_is_placed_where_it_was_and_neighbours_stay_neighbours(tmp_path: Path) -> None:
    faces, _ = map_faces(sample_faces("lfw"), tmp_path / "map.parquet", limit=800)
    again, _ = map_faces(sample_faces("lfw"), tmp_path / "map.parquet", limit=800)
    assert faces.table.equals(again.table)
    table = pq.read_table(sample_faces("lfw"), columns=["person", "encoding"])
    encodings = pl.DataFrame(table).group_by("person").agg(pl.col("encoding").list.to_array(128))
    mean = {person: np.mean(rows, axis=0) for person, rows in encodings.iter_rows()}
    full = np.array([mean[person] for person in faces.table["person"]])
    nearest = np.linalg.norm(full[:, None] - full, axis=2)
    np.fill_diagonal(nearest, np.inf)
    places = faces.table.select("x", "y").to_numpy()
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(apart, np.inf)
    kept = (np.argsort(apart, axis=1)[:, :10] == nearest.argmin(axis=1)[:, None]).any(axis=1)
    assert kept.mean() > 0.5  # by chance it would be 10 of 799
