"""Pictures that are there twice: found as a double loop finds them, told, and left out if asked."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facesql.analyze import analyze_faces
from facesql.duplicates import NEAR, Repeats, find_repeats, groups, near_pairs
from facesql.encode import Duplicates, encode_photos
from facesql.faces import photos_path
from facesql.records import read_records
from facesql.text import analyzed, encoded
from tests.test_photos import put, saved


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_near_pairs_are_those_of_a_double_loop(seed: int, rows: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 0.3, (rows, 3)).astype(np.float32)
    wide = points.astype(np.float64)
    near = [(i, j) for i in range(rows) for j in range(i + 1, rows) if np.linalg.norm(wide[i] - wide[j]) <= NEAR]
    assert near_pairs(points) == near


def test_near_pairs_reach_across_tiles() -> None:
    points = np.random.default_rng(0).normal(size=(2_000, 8))
    points[1_999] = points[3] + 0.001
    points[700] = points[1_300]
    assert near_pairs(points) == [(3, 1_999), (700, 1_300)]


def test_groups_hang_together_by_pairs() -> None:
    assert groups([]) == []
    assert groups([(0, 5), (1, 2), (2, 5), (3, 4)]) == [[0, 1, 2, 5], [3, 4]]


def test_all_but_the_first_go_and_all_of_two_people_and_none_of_one_photo() -> None:
    points = np.array([[0.0], [0.05], [0.09], [1.0], [1.01], [2.0], [2.0]])
    people = ["Ann", "Ann", "Ann", "Bob", "Dee", "Eve", "Eve"]
    repeated = {1: 0, 2: 0, 3: 4, 4: 3}  # whose face the fourth and the fifth are, nobody can tell
    assert find_repeats(points, people, [1, 2, 3, 4, 5, 6, 6]) == Repeats(3, 1, repeated)
    assert find_repeats(np.empty((0, 1)), [], []) == Repeats(0, 0, {})


@pytest.fixture
def doubled(drawn: Path, tmp_path: Path) -> Path:
    """Ann's picture is there as a copy, and saved again; Dee's is Bob's, too."""
    folder = tmp_path / "photos"
    for name, person in (("Ann", 1), ("Bob", 2), ("Dee", 4)):
        put(folder / name / "1.png", (drawn / f"person_0{person}" / "1.png").read_bytes())
    put(folder / "Ann" / "copy.png", (folder / "Ann" / "1.png").read_bytes())
    again = saved(Image.open(folder / "Ann" / "1.png").convert("RGB"), "JPEG", quality=95)
    put(folder / "Ann" / "saved_again.jpg", again)
    put(folder / "Bob" / "of_dee.png", (folder / "Dee" / "1.png").read_bytes())
    return folder


def test_duplicates_are_told_and_left_out_if_asked(doubled: Path, tmp_path: Path) -> None:
    output = tmp_path / "faces.parquet"
    summary = encode_photos(doubled, output)
    assert summary.duplicates == Duplicates(copies=2, of_one_person=3, of_two_people=1)
    assert "2 files with the content of another one\n3 pairs of one person and 1 of two at" in encoded(summary)
    told = analyzed(analyze_faces(output, tmp_path / "report", formats=[]))
    assert "3 pairs of one person and 1 of two are at a distance of at most 0.1" in told

    dropped = encode_photos(doubled, output, drop_duplicates=True)
    assert (dropped.photos, dropped.rows, dropped.encoded) == (6, 2, 0)
    assert encoded(dropped).endswith(
        "\n3 pairs of one person and 1 of two at a distance of at most 0.1, taken for one picture twice"
    )
    assert {r.id: r.reason for r in read_records(photos_path(output)) if r.status == "duplicate"} == {
        "Ann/copy.png": "nearly the same picture: as 'Ann/1.png'",
        "Ann/saved_again.jpg": "nearly the same picture: as 'Ann/1.png'",
        "Bob/of_dee.png": "nearly the same picture: as 'Dee/1.png'",  # whose face it is, nobody can tell
        "Dee/1.png": "nearly the same picture: as 'Bob/of_dee.png'",
    }
    assert "at most 0.1" not in analyzed(analyze_faces(output, tmp_path / "report", formats=[]))
    assert encode_photos(doubled, output).rows == 6
    assert len(pq.read_table(output)) == 6
