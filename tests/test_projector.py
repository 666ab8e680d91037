"""The files for the Embedding Projector, read as TensorBoard's plugin reads them."""

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesql.errors import FacesqlError
from facesql.projector import write_projector
from facesql.thumbnails import LARGEST, SIDE, sprite, sprite_side
from tests.conftest import Run, faces_table, some_people


def vectors(folder: Path) -> NDArray[np.float64]:
    lines = (folder / "vectors.tsv").read_text().splitlines()
    return np.array([[float(number) for number in line.split("\t")] for line in lines])


def metadata(folder: Path) -> list[list[str]]:
    text = (folder / "metadata.tsv").read_bytes().decode()
    assert text.endswith("\n")
    return [line.split("\t") for line in text[:-1].split("\n")]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_encodings_are_read_back_equal(tmp_path: Path, kind: type[np.floating]) -> None:
    names, encodings = some_people(3, 3)  # whose ids are in the order of their numbers
    encodings = encodings.astype(kind) * kind(1 / 3)
    encodings[0, :4] = [0, -0.0, np.finfo(kind).tiny, np.finfo(kind).max / 1e10]
    pq.write_table(faces_table(names, encodings), tmp_path / "faces.parquet")
    result = write_projector(tmp_path / "faces.parquet", tmp_path / "out")
    assert np.array_equal(vectors(tmp_path / "out").astype(kind), encodings)
    assert (result.faces, result.people, result.numbers, result.pictures) == (9, 3, 128, 0)
    assert metadata(tmp_path / "out") == [
        ["person", "id"],
        *([name, f"{name}/{n}.jpg"] for n, name in enumerate(names)),
    ]
    written = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()}
    assert written == dict.fromkeys(("vectors.tsv", "metadata.tsv", "projector_config.pbtxt"), 0o600)
    assert "sprite" not in (tmp_path / "out" / "projector_config.pbtxt").read_text()


def test_what_parts_values_and_lines_is_a_space_in_them(tmp_path: Path) -> None:
    table = faces_table(["a\tb\r\nc", "d"], np.eye(2, dtype=np.float32))
    table = table.append_column("te\txt", pa.array(["\u2028x", None])).append_column("year", pa.array([1999, None]))
    table = table.append_column("tags", pa.array([["x"], None]))
    pq.write_table(table, tmp_path / "faces.parquet")
    result = write_projector(tmp_path / "faces.parquet", tmp_path / "out")
    assert result.columns == ["person", "id", "te\txt", "year"]
    assert metadata(tmp_path / "out") == [
        ["person", "id", "te xt", "year"],
        ["a b c", "a b c/0.jpg", " x", "1999"],
        ["d", "d/1.jpg", "", ""],
    ]


def test_encodings_of_one_number_are_refused(tmp_path: Path) -> None:
    pq.write_table(faces_table(["a", "b"], np.eye(2)[:, :1]), tmp_path / "faces.parquet")
    with pytest.raises(FacesqlError, match="at least two numbers"):
        write_projector(tmp_path / "faces.parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    with pytest.raises(FacesqlError, match="is a file; name a folder"):
        write_projector(tmp_path / "faces.parquet", tmp_path / "file")


def test_a_sprite_has_its_pictures_in_their_order() -> None:
    colours = [(250, 0, 0), (0, 250, 0), None, (0, 0, 250), (250, 250, 0)]
    whole = Image.open(io.BytesIO(sprite([None if colour is None else _picture(colour) for colour in colours])))
    assert whole.size == (3 * SIDE, 3 * SIDE)
    for place, colour in enumerate([*colours, None]):
        pixel = whole.getpixel((place % 3 * SIDE + SIDE // 2, place // 3 * SIDE + SIDE // 2))
        assert pixel == pytest.approx(colour or (221, 221, 221), abs=6)


def test_no_sprite_is_larger_than_the_projector_takes() -> None:
    for count in (1, 2, 4096, 4097, 12_872, 65_536, 65_537, 10**6):
        side = sprite_side(count)
        columns = next(columns for columns in range(1, 2000) if columns**2 >= count)
        assert 1 <= side <= SIDE
        assert columns * side <= LARGEST


def test_the_command_writes_what_belongs_together(run: Run, drawn: Path, drawn_faces: tuple[Path, object]) -> None:
    faces, folder = drawn_faces[0], drawn.parent
    done = run("projector", faces, "-o", "out put", cwd=folder)
    assert "24 faces of 8 people, 128 numbers each, in 'out put'" in done.stdout
    assert "24 have a picture" in done.stdout
    assert "biometric data" in done.stdout
    assert done.stdout.endswith("tensorboard --logdir 'out put'\n")
    config = (folder / "out put" / "projector_config.pbtxt").read_text()
    named = re.findall(r'_path: "(.*)"', config)
    assert named == ["vectors.tsv", "metadata.tsv", "sprite.png"]
    assert all((folder / "out put" / name).is_file() for name in named)
    with Image.open(folder / "out put" / "sprite.png") as whole:
        assert whole.size == (5 * SIDE, 5 * SIDE)
    assert config.count(f"single_image_dim: {SIDE}\n") == 2
    done = run("projector", faces, "-o", "out put", "--no-photos", cwd=folder)
    assert "no pictures: No pictures are wanted." in done.stdout
    assert not (folder / "out put" / "sprite.png").exists()  # it would show other faces, or against one's will


def _picture(colour: tuple[int, int, int]) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (90, 90), colour).save(written, "JPEG", quality=95)
    return written.getvalue()
