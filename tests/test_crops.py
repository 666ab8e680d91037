"""Crops: the right part of the right photo, upright, or None."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facesql.crops import MARGIN, SIDE, Box, Crops, crop_pixels
from facesql.encode import EncodeSummary, encode_photos
from facesql.faces import photos_path, read_folders, times_path
from facesql.folders import photo_folders
from facesql.forget import forget_people


def opened(crop: bytes | None) -> Image.Image:
    assert crop is not None
    image = Image.open(io.BytesIO(crop))
    assert image.format == "JPEG"
    return image


def rows(faces: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(faces, columns=["id", "person", "photo", "box"]).to_pylist()
    return rows


@pytest.fixture
def encoded(drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path) -> Path:
    """A copy of the drawn people and of what encode wrote, which stand beside each other as those do."""
    shutil.copytree(drawn, tmp_path / "photos")
    for file in (drawn_faces[0], photos_path(drawn_faces[0]), times_path(drawn_faces[0])):
        shutil.copy(file, tmp_path)
    return tmp_path / "faces.parquet"


def test_a_crop_is_the_face_with_a_margin(encoded: Path) -> None:
    crops = Crops.of([encoded])
    for row in rows(encoded):
        image = opened(crops.crop(row["id"]))
        box = row["box"]
        side = round(MARGIN * max(box["right"] - box["left"], box["bottom"] - box["top"]))
        assert image.size == (min(side, SIDE), min(side, SIDE))
        # The middle of the box is the middle of the crop, for these faces are far from the edges.
        photo = Image.open(encoded.parent / "photos" / row["photo"]).convert("RGB")
        left, top = (box["left"] + box["right"] - side) // 2, (box["top"] + box["bottom"] - side) // 2
        expected = photo.crop((left, top, left + side, top + side)).resize(image.size, Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(image, np.int16) - np.asarray(expected, np.int16)).mean() < 4
    assert crops.why() is None


def test_a_crop_is_upright_whatever_the_cameras_orientation(tmp_path: Path) -> None:
    # Four colours tell the corners apart; the file holds them turned, with an orientation that turns them back.
    upright = np.zeros((80, 60, 3), np.uint8)
    upright[:40, :30], upright[:40, 30:], upright[40:, :30], upright[40:, 30:] = [
        (250, 0, 0),
        (0, 250, 0),
        (0, 0, 250),
        (250, 250, 0),
    ]
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    (tmp_path / "Ann").mkdir()
    turned = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "Ann" / "a.png", exif=exif)
    write_faces(tmp_path / "faces.parquet", [("Ann/a.jpg", "Ann/a.png", (0, 60, 80, 0))])
    image = opened(Crops.of([tmp_path / "faces.parquet"], [tmp_path]).crop("Ann/a.jpg")).convert("RGB")
    side = image.width
    seen = np.asarray(image, np.int16)
    corners = [seen[y, x] for y in (side // 3, side * 2 // 3) for x in (side * 2 // 5, side * 3 // 5)]
    for corner, drawn in zip(corners, [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)], strict=True):
        assert np.abs(corner - drawn).max() < 40


def write_faces(file: Path, faces: list[tuple[str, str, tuple[int, int, int, int] | None]]) -> None:
    """A table of faces with ids, photos and boxes, and one encoding."""
    import pyarrow as pa

    from facesql.faces import FACES

    table = [
        {
            "id": id_,
            "person": "Ann",
            "encoding": [0.0],
            "photo": photo,
            "box": None if box is None else dict(zip(("top", "right", "bottom", "left"), box, strict=True)),
        }
        for id_, photo, box in faces
    ]
    pq.write_table(pa.Table.from_pylist(table, schema=FACES), file)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_crop_is_a_square_that_holds_the_box_wherever_that_is(width: int, height: int, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    box = Box(top, right, bottom, left)
    side = round(MARGIN * max(right - left, bottom - top))
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[top:bottom, left:right] = 0
    image = opened(crop_pixels(pixels, box))
    assert image.size == (min(side, SIDE), min(side, SIDE))
    # All of the box is in it: as much is black, but for what JPEG and the reduction blur at its edges.
    scale = image.width / side
    black = float((255 - np.asarray(image.convert("L"), np.float64))[np.asarray(image.convert("L")) < 64].sum()) / 255
    assert black >= (scale * (right - left) - 4) * (scale * (bottom - top) - 4) * 0.9 or scale * side < 16


def test_a_photo_narrower_than_its_crop_is_in_the_middle_of_grey() -> None:
    image = opened(crop_pixels(np.full((100, 20, 3), 255, np.uint8), Box(40, 20, 60, 0)))
    assert image.size == (32, 32)
    across = np.asarray(image.convert("L"), np.int16)[16]
    assert np.abs(across[[0, 2, 29, 31]] - 128).max() < 30
    assert across[9:23].min() > 230


@pytest.mark.parametrize("box", [Box(0, 0, 10, 0), Box(5, 10, 5, 0), Box(-1, 10, 10, 0), Box(0, 11, 10, 0)])
def test_a_box_that_is_not_in_the_photo_gives_nothing(box: Box) -> None:
    assert crop_pixels(np.zeros((10, 10, 3), np.uint8), box) is None


def test_what_is_gone_broken_changed_or_unknown_has_no_picture(encoded: Path) -> None:
    ids = [row["id"] for row in rows(encoded)]
    photos = encoded.parent / "photos"
    (photos / ids[0]).unlink()
    (photos / ids[1]).write_bytes((photos / ids[1]).read_bytes()[:500])
    shutil.copy(photos / ids[4], photos / ids[2])
    crops = Crops.of([encoded])
    assert [crops.crop(id_) is None for id_ in (*ids[:4], "nobody.jpg", "\0")] == [True, True, True, False, True, True]
    assert crops.why() is None
    all_gone = Crops.of([encoded])
    assert (all_gone.crop(ids[0]), all_gone.crop(ids[2])) == (None, None)
    assert str(all_gone.why()).startswith(f"The photos are gone from {str(photos)!r}, or have changed;")


def test_another_face_of_a_photo_can_be_shown(encoded: Path) -> None:
    row = rows(encoded)[0]
    crops = Crops.of([encoded])
    assert crops.crop_of(row["photo"], row["box"]) == crops.crop(row["id"])
    assert opened(crops.crop_of(row["photo"], {"top": 0, "right": 9, "bottom": 9, "left": 0})).size == (14, 14)
    assert crops.crop_of("nobody.jpg", row["box"]) is None


def test_faces_are_shown_by_id(encoded: Path) -> None:
    table = rows(encoded)
    crops = Crops.of([encoded])
    shown = crops.shown([(row["id"], row["person"]) for row in table] + [("x.jpg", "X")])
    assert [shown[row["id"]].crop for row in table] == [crops.crop(row["id"]) for row in table]
    assert (shown["x.jpg"].person, shown["x.jpg"].crop) == ("X", None)


def test_tables_and_photos_may_move_together(encoded: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "deeper"
    moved.mkdir(parents=True)
    for path in (encoded, photos_path(encoded), times_path(encoded), encoded.parent / "photos"):
        shutil.move(path, moved)
    id_ = rows(moved / "faces.parquet")[0]["id"]
    assert Crops.of([moved / "faces.parquet"]).crop(id_) is not None
    shutil.move(moved / "photos", moved / "other")
    crops = Crops.of([moved / "faces.parquet"])
    assert crops.crop(id_) is None
    assert crops.why() == f"The photos are gone from {str(moved / 'photos')!r}; name their folder with --photos."
    named = Crops.of([moved / "faces.parquet"], [moved / "other"])
    assert (named.crop(id_) is None, named.why()) == (False, None)


def test_where_a_link_leads_is_noted(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    shutil.copytree(drawn / "person_01", tmp_path / "a" / "photos" / "Ann")
    encode_photos(tmp_path / "link" / ".." / "photos", tmp_path / "link" / "faces.parquet", workers=1)
    assert read_folders(tmp_path / "link" / "faces.parquet") == {"": "../photos"}
    crops = Crops.of([tmp_path / "link" / "faces.parquet"])
    assert crops.crop(rows(tmp_path / "link" / "faces.parquet")[0]["id"]) is not None


def test_photos_of_several_folders_and_tables_are_found(drawn: Path, tmp_path: Path) -> None:
    for folder, person in (("A", "person_01"), ("B", "person_02"), ("C", "person_03")):
        shutil.copytree(drawn / person, tmp_path / folder / "Ann")
    two, one = tmp_path / "two.parquet", tmp_path / "one.parquet"
    encode_photos([tmp_path / "A", tmp_path / "B"], two, workers=1)
    encode_photos(tmp_path / "C", one, workers=1)
    assert photo_folders(two) == {"A/": tmp_path / "A", "B/": tmp_path / "B"}
    shown = Crops.of([two, one]).shown([(row["id"], row["person"]) for row in rows(two) + rows(one)])
    assert len(shown) == 9
    assert all(face.crop for face in shown.values())
    (tmp_path / "new").mkdir()
    for folder in ("A", "B"):
        shutil.move(tmp_path / folder, tmp_path / "new" / folder)
    for folders in ([tmp_path / "new"], [tmp_path / "new" / "A", tmp_path / "new" / "B"]):
        moved = Crops.of([two], folders).shown([(row["id"], row["person"]) for row in rows(two)])
        assert moved == {id_: face for id_, face in shown.items() if id_ in moved}


def test_photos_of_a_manifest_are_found(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn / "person_01", tmp_path / "list" / "Ann")
    photos = sorted((tmp_path / "list" / "Ann").iterdir())
    other = shutil.copy(photos[1], tmp_path / "absolute.png")
    (tmp_path / "list" / "list.csv").write_text(f"path,person\nAnn/{photos[0].name},Ann\n{other},Ann\n")
    encode_photos(tmp_path / "list" / "list.csv", tmp_path / "faces.parquet", workers=1)
    shown = Crops.of([tmp_path / "faces.parquet"]).shown([(row["id"], "") for row in rows(tmp_path / "faces.parquet")])
    assert len(shown) == 2
    assert all(face.crop for face in shown.values())


def test_a_table_of_numbers_notes_no_folder_and_gives_no_picture(drawn: Path, tmp_path: Path) -> None:
    faces = tmp_path / "faces.parquet"
    encode_photos(drawn, faces, limit=1, workers=1, pseudonyms=1)
    assert read_folders(faces) == {}
    crops = Crops.of([faces], [drawn])
    assert crops.crop(rows(faces)[0]["id"]) is None
    assert crops.why() == f"{str(faces)!r} has numbers in place of names, which lead to no photo."


def test_the_folder_stays_noted_when_people_are_forgotten_or_all_is_known(encoded: Path) -> None:
    assert read_folders(encoded) == {"": "photos"}
    forget_people(["person_01"], encoded, None)
    assert read_folders(encoded) == {"": "photos"}
    moved = encoded.parent / "moved"
    shutil.move(encoded.parent / "photos", moved)
    assert encode_photos(moved, encoded).encoded == 3
    assert read_folders(encoded) == {"": "moved"}


def test_pictures_that_are_not_wanted_or_cannot_be_had_are_none(encoded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = rows(encoded)[0]["id"]
    off = Crops.of([encoded], wanted=False)
    assert (off.crop(id_), off.crop_of(id_, Box(0, 9, 9, 0)), off.why()) == (None, None, "No pictures are wanted.")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    without = Crops.of([encoded])
    assert without.crop(id_) is None
    assert without.why() == "Pictures of faces need Pillow; run: pip install 'facesql[encode]'"


def test_another_programs_tables_give_pictures_as_far_as_they_tell(tmp_path: Path, small_table: Path) -> None:
    crops = Crops.of([small_table])
    assert crops.crop("person_0/0.jpg") is None
    assert crops.why() == f"{str(small_table)!r} does not say where its photos are; name their folder with --photos."
    missing = Crops.of([tmp_path / "missing.parquet"], [tmp_path])
    assert missing.crop("a.jpg") is None
    Image.new("RGB", (50, 50)).save(tmp_path / "a.jpg")
    write_faces(tmp_path / "faces.parquet", [("a.jpg", "a.jpg", (0, 50, 50, 0)), ("a.jpg#2", "a.jpg", None)])
    told = Crops.of([tmp_path / "faces.parquet"], [tmp_path])
    assert [told.crop(id_) is None for id_ in ("a.jpg", "a.jpg#2")] == [False, True]
    photos_path(tmp_path / "faces.parquet").write_bytes(b"no table")
    assert Crops.of([tmp_path / "faces.parquet"], [tmp_path]).crop("a.jpg") is not None
