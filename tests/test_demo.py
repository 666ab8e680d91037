"""The demo: drawn people through the whole job, and again."""

from pathlib import Path

import numpy as np
import pytest

from facesql.demo import run_demo
from facesql.drawing import draw_face, draw_people, draw_person
from facesql.errors import FacesqlError
from facesql.text import compared
from tests.test_photos import put


def test_equal_seeds_draw_equal_photos_and_others_do_not(tmp_path: Path) -> None:
    draw_people(tmp_path / "a", people=2, photos=2, seed=5)
    draw_people(tmp_path / "b", people=2, photos=2, seed=5)
    draw_people(tmp_path / "c", people=2, photos=2, seed=6)
    names = ["person_01/1.png", "person_01/2.png", "person_02/1.png", "person_02/2.png"]
    assert sorted(path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*.png")) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes()


def test_a_face_is_drawn_at_any_size() -> None:
    person = draw_person(np.random.default_rng(0))
    assert draw_face(person, side=100).size == (100, 100)


@pytest.mark.parametrize("name", ["faces.parquet", "photos/person_01/1.png", "photos/Ann/1.jpg"])
def test_the_demo_does_not_touch_a_folder_that_it_did_not_make(tmp_path: Path, name: str) -> None:
    mine = put(tmp_path / name, b"mine")
    with pytest.raises(FacesqlError, match="did not make; name another folder with -o"):
        run_demo(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    with pytest.raises(FacesqlError, match="is a file"):
        run_demo(mine)
    assert mine.read_bytes() == b"mine"


def test_the_demo_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesql.demo.draw_people", lambda folder: draw_people(folder, people=3, photos=2, seed=1))
    first = run_demo(tmp_path / "demo")
    put(tmp_path / "demo" / "photos" / ".DS_Store")
    assert run_demo(tmp_path / "demo").analyzed.summary() == first.analyzed.summary()
    assert first.encoded.photos == 6
    assert first.sample.faces == 12_872
    assert (first.sample.report / "roc.html").is_file()
    lines = compared(first).splitlines()
    assert "0.600       0.34  0.32      0.99  0.99" in [line.strip() for line in lines]
    assert len([line for line in lines if line.strip()[:1].isdigit()]) == 10
