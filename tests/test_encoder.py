"""The one module that knows face_recognition: what it finds, and what it says when it cannot."""

import importlib.util
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from facesql import encoder
from facesql.drawing import draw_face, draw_person
from facesql.errors import MissingPackageError
from facesql.photos import read_pixels
from tests.conftest import Run
from tests.test_photos import STORED, saved


def portrait(seed: int = 3) -> Image.Image:
    return draw_face(draw_person(np.random.default_rng(seed)))


def test_boxes_and_encodings_are_those_of_face_recognition() -> None:
    face_recognition = encoder._face_recognition()
    pixels = np.asarray(portrait())
    [face] = encoder.find_faces(pixels)
    assert [(face.top, face.right, face.bottom, face.left)] == face_recognition.face_locations(pixels)
    [expected] = face_recognition.face_encodings(pixels)
    assert face.encoding.dtype == np.float32
    assert face.encoding.shape == (encoder.ENCODING_SIZE,)
    assert np.array_equal(face.encoding.astype(np.float64), expected)  # dlib computes in float32: nothing is lost


def test_the_same_photo_gives_the_same_bytes() -> None:
    pixels = np.asarray(portrait())
    assert encoder.find_faces(pixels)[0].encoding.tobytes() == encoder.find_faces(pixels)[0].encoding.tobytes()


@pytest.mark.parametrize("orientation", STORED)
def test_a_photo_on_its_side_has_the_encoding_of_the_upright_one(orientation: int) -> None:
    upright = portrait()
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = read_pixels(saved(upright.transpose(STORED[orientation]), exif=exif))
    [expected], [face] = encoder.find_faces(np.asarray(upright)), encoder.find_faces(turned)
    assert np.array_equal(face.encoding, expected.encoding)


def test_grey_encodes_as_equal_red_green_and_blue() -> None:
    grey = portrait().convert("L")
    [from_grey] = encoder.find_faces(read_pixels(saved(grey)))
    [from_rgb] = encoder.find_faces(read_pixels(saved(grey.convert("RGB"))))
    assert np.array_equal(from_grey.encoding, from_rgb.encoding)


def test_preflight_names_all_versions() -> None:
    versions = encoder.preflight()
    assert set(versions) == {"dlib", "face_recognition", "face_recognition_models", "numpy", "pillow"}
    assert all(version[0].isdigit() for version in versions.values())


def test_a_dlib_that_cannot_read_numpys_arrays_fails_once_with_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("Unsupported image type, must be 8bit gray or RGB image.")

    monkeypatch.setattr(encoder, "_face_recognition", lambda: SimpleNamespace(face_locations=refuse))
    with pytest.raises(MissingPackageError, match=r"dlib \d.*NumPy \d.*Unsupported image type.*run: pip install"):
        encoder.preflight()


def without(monkeypatch: pytest.MonkeyPatch, *absent: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find(name))


def test_what_is_missing_is_named_with_the_command_that_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "dlib", "face_recognition")
    with pytest.raises(MissingPackageError, match="needs dlib, face_recognition; run: pip install dlib-bin") as error:
        encoder.require()
    assert "pip install --no-deps face_recognition" in str(error.value)


def test_a_setuptools_without_pkg_resources_is_told_apart_from_missing_models(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pkg_resources")
    with pytest.raises(MissingPackageError, match="'setuptools<81'"):
        encoder.require()


def test_a_library_that_quits_when_it_is_imported_is_an_error_not_an_exit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "face_recognition.py").write_text("print('Please install models'); quit()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "face_recognition", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    encoder._face_recognition.cache_clear()
    with pytest.raises(MissingPackageError, match="cannot be loaded"):
        encoder.preflight()
    encoder._face_recognition.cache_clear()


def test_the_command_says_in_one_sentence_what_is_missing(run: Run, tmp_path: Path) -> None:
    # Python imports this module before all others: there, the two packages cannot be found.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u; f = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name in ('dlib', 'face_recognition') else f(name, *rest)\n"
    )
    done = run("encode", ".", cwd=tmp_path, check=False, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("facesql: Encoding photos needs dlib, face_recognition; run: pip install dlib-bin")
    assert done.stderr.count("\n") == 1
