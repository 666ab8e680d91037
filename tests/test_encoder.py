"""The one module that knows face_recognition and dlib: what its backends find, and what it says when they cannot."""

import importlib.util
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesql import converted, encoder
from facesql.drawing import draw_face, draw_person
from facesql.encode import encode_photos
from facesql.encoder import (
    TOLERANCE,
    BackendName,
    Detector,
    Encoder,
    Face,
    FaceSettings,
    Landmarks,
    parse_settings,
    prepare,
)
from facesql.errors import FacesqlError, MissingPackageError
from facesql.faces import read_metadata
from facesql.photos import read_pixels
from facesql.reduced import box_in_photo, reduced
from facesql.text import encoded
from tests.benchmarks.detect_size import overlap
from tests.conftest import Run
from tests.test_photos import STORED, saved

Backends = dict[BackendName, encoder.Backend]


def portrait(seed: int = 3) -> Image.Image:
    return draw_face(draw_person(np.random.default_rng(seed)))


@pytest.fixture(scope="module")
def backends() -> Backends:
    return {name: prepare(name)[0].load() for name in BackendName}


@pytest.fixture(scope="module", params=list(BackendName))
def backend(request: pytest.FixtureRequest, backends: Backends) -> encoder.Backend:
    return backends[request.param]


def face_box(face: Face) -> tuple[int, int, int, int]:
    return face.top, face.right, face.bottom, face.left


def faces_in(pixels: NDArray[np.uint8], backend: encoder.Backend) -> list[Face]:
    return backend.encode(backend.find(pixels))


def test_the_reference_gives_what_face_recognition_gives(backends: Backends) -> None:
    face_recognition = encoder._face_recognition()
    pixels = np.asarray(portrait())
    [face] = faces_in(pixels, backends[BackendName.FACE_RECOGNITION])
    assert [(face.top, face.right, face.bottom, face.left)] == face_recognition.face_locations(pixels)
    [expected] = face_recognition.face_encodings(pixels)
    assert face.encoding.dtype == np.float32
    assert face.encoding.shape == (encoder.ENCODING_SIZE,)
    assert np.array_equal(face.encoding.astype(np.float64), expected)  # dlib computes in float32: nothing is lost


def two_faces(seed: int) -> NDArray[np.uint8]:
    """Two people side by side, one of them cut by the picture's edge."""
    left, right = portrait(seed), portrait(seed + 100).crop((0, 0, 150, 200))
    both = Image.new("RGB", (left.width + right.width, 200), "grey")
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return np.asarray(both)


def test_the_onnx_backend_gives_the_same_boxes_and_encodings(backends: Backends) -> None:
    pictures = [np.asarray(portrait(seed)) for seed in range(8)] + [two_faces(seed) for seed in range(4)]
    counted = 0
    for pixels in pictures:
        by_onnx, reference = (faces_in(pixels, backends[name]) for name in BackendName)
        assert len(by_onnx) == len(reference)
        for ours, theirs in zip(by_onnx, reference, strict=True):
            counted += 1
            assert (ours.top, ours.right, ours.bottom, ours.left) == (
                theirs.top,
                theirs.right,
                theirs.bottom,
                theirs.left,
            )
            assert ours.encoding.dtype == theirs.encoding.dtype == np.float32
            assert np.abs(ours.encoding - theirs.encoding).max() < encoder.TOLERANCE
            assert not np.array_equal(ours.encoding, np.zeros(encoder.ENCODING_SIZE))
    assert counted >= 10


def test_a_face_has_the_same_encoding_in_any_company(backends: Backends) -> None:
    backend = backends[BackendName.ONNX]
    found = [face for seed in range(5) for face in backend.find(np.asarray(portrait(seed)))]
    together = backend.encode(found)
    for face, expected in zip(found, together, strict=True):
        [alone] = backend.encode([face])
        assert alone.encoding.tobytes() == expected.encoding.tobytes()
    assert backend.encode([]) == []


def test_the_same_photo_gives_the_same_bytes(backend: encoder.Backend) -> None:
    pixels = np.asarray(portrait())
    assert faces_in(pixels, backend)[0].encoding.tobytes() == faces_in(pixels, backend)[0].encoding.tobytes()


@pytest.mark.parametrize("orientation", STORED)
def test_a_photo_on_its_side_has_the_encoding_of_the_upright_one(orientation: int, backends: Backends) -> None:
    upright = portrait()
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = read_pixels(saved(upright.transpose(STORED[orientation]), exif=exif))
    backend = backends[BackendName.ONNX]
    [expected], [face] = faces_in(np.asarray(upright), backend), faces_in(turned, backend)
    assert np.array_equal(face.encoding, expected.encoding)


def test_grey_encodes_as_equal_red_green_and_blue(backend: encoder.Backend) -> None:
    grey = portrait().convert("L")
    [from_grey] = faces_in(read_pixels(saved(grey)), backend)
    [from_rgb] = faces_in(read_pixels(saved(grey.convert("RGB"))), backend)
    assert np.array_equal(from_grey.encoding, from_rgb.encoding)


@pytest.mark.parametrize("name", list(BackendName))
def test_settings_and_versions_name_the_backend(name: BackendName) -> None:
    prepared, note = prepare(name)
    assert note is None
    assert prepared.settings()["backend"] == name
    runner = "onnxruntime" if name == BackendName.ONNX else "face_recognition"
    assert set(prepared.versions()) == {"dlib", runner, "face_recognition_models", "numpy", "pillow"}
    assert all(version[0].isdigit() for version in prepared.versions().values())


def test_jitters_repeat_whatever_the_number_of_workers(drawn: Path, tmp_path: Path) -> None:
    settings = FaceSettings(jitters=2)
    tables = []
    for workers in (1, 2):
        output = tmp_path / f"{workers}.parquet"
        encode_photos(drawn, output, settings=settings, limit=2, workers=workers)
        tables.append(output.read_bytes())
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    "settings",
    [
        FaceSettings(landmarks=Landmarks.LARGE),
        FaceSettings(upsample=0),
        FaceSettings(detector=Detector.CNN, upsample=0),
    ],
)
def test_other_settings_give_the_encodings_of_face_recognition_with_the_same(
    settings: FaceSettings, drawn: Path
) -> None:
    pixels = np.asarray(Image.open(drawn / "person_01" / "1.png").convert("RGB"))
    ours = prepare(faces=settings)[0].load()
    reference = prepare(BackendName.FACE_RECOGNITION, settings)[0].load()
    [face] = ours.encode(ours.find(pixels))
    [expected] = reference.encode(reference.find(pixels))
    assert (face.top, face.right, face.bottom, face.left) == (
        expected.top,
        expected.right,
        expected.bottom,
        expected.left,
    )
    assert 0 < np.abs(face.encoding - expected.encoding).max() < TOLERANCE
    [default] = (backend := prepare()[0].load()).encode(backend.find(pixels))
    assert not np.array_equal(face.encoding, default.encoding)


def large_photo(width: int = 3000) -> NDArray[np.uint8]:
    """Two faces in a photo: a large one, and one that is cut by the corner."""
    photo = Image.new("RGB", (3000, 2000), "grey")
    photo.paste(portrait().resize((1400, 1400), Image.Resampling.LANCZOS), (100, 300))
    cut = portrait(5).resize((900, 900), Image.Resampling.LANCZOS).crop((0, 0, 640, 900))
    photo.paste(cut, (photo.width - cut.width, photo.height - cut.height))
    return np.asarray(photo.resize((width, width * 2 // 3), Image.Resampling.LANCZOS))


# The network would take gigabytes and a minute for the larger one.
@pytest.mark.parametrize(("detector", "width"), [(Detector.HOG, 3000), (Detector.CNN, 1200)])
def test_faces_are_found_in_a_small_copy_and_encoded_from_the_photo(detector: Detector, width: int) -> None:
    pixels = large_photo(width)
    at_full_size = FaceSettings(detector, upsample=0, detect_size=0)
    backend = prepare(faces=at_full_size)[0].load()
    expected = faces_in(pixels, backend)
    assert len(expected) == 2
    by_backend = []
    for name in BackendName:
        backend = prepare(name, replace(at_full_size, detect_size=600))[0].load()
        found = faces_in(pixels, backend)
        by_backend.append([face_box(face) for face in found])
        for face in found:
            nearest = max(expected, key=lambda other: overlap(face, other))
            assert overlap(face, nearest) > 0.7
            assert 0 < np.linalg.norm(face.encoding - nearest.encoding) < 0.1
        assert len(found) == len(expected)
    assert by_backend[0] == by_backend[1]


def test_the_detector_sees_no_more_than_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = large_photo()
    seen: list[tuple[int, ...]] = []

    def spied(find: Callable[..., Any]) -> Callable[..., Any]:
        def look(copy: NDArray[np.uint8], *rest: object) -> Any:
            seen.append(copy.shape)
            return find(copy, *rest)

        return look

    settings = FaceSettings(detect_size=600)
    backend = prepare(faces=settings)[0].load()
    assert isinstance(backend, encoder.OnnxBackend)
    monkeypatch.setattr(backend, "_detector", spied(backend._detector))
    assert backend.find(pixels)[0].content is pixels
    reference = prepare(BackendName.FACE_RECOGNITION, settings)[0].load()
    library = encoder._face_recognition()
    monkeypatch.setattr(library, "face_locations", spied(library.face_locations))
    assert reference.find(pixels)
    assert seen == [(400, 600, 3), (400, 600, 3)]


@pytest.mark.parametrize("name", list(BackendName))
def test_a_photo_no_larger_than_the_size_is_untouched(name: BackendName) -> None:
    pixels = two_faces(1)
    longest = max(pixels.shape)
    assert reduced(pixels, longest) is reduced(pixels, 0) is pixels
    assert reduced(pixels, longest - 1).shape[1] == longest - 1
    faces = [
        faces_in(pixels, prepare(name, FaceSettings(detect_size=size))[0].load()) for size in (0, longest, longest + 1)
    ]
    assert len(faces[0]) >= 1
    told = [[(face_box(face), face.encoding.tobytes()) for face in found] for found in faces]
    assert told[0] == told[1] == told[2]


def test_boxes_are_mapped_to_the_pixels_that_they_stand_for_and_clipped() -> None:
    copy, photo = np.zeros((100, 200, 3), np.uint8), np.zeros((300, 500, 3), np.uint8)
    assert box_in_photo((10, 59, 49, 20), copy, photo) == (30, 149, 149, 50)
    assert box_in_photo((0, 200, 100, 0), copy, photo) == (0, 500, 300, 0)
    assert box_in_photo((-5, 260, 130, -7), copy, photo) == (0, 500, 300, 0)
    random = np.random.default_rng(0)
    for _ in range(500):
        sides = random.integers(1, 300, 2)
        copy = np.zeros((*sides, 3), np.uint8)
        photo = np.zeros((*(sides + random.integers(0, 400, 2)), 3), np.uint8)
        corners = np.sort(random.integers(0, sides[:, None] + 1, (2, 2)))
        (top, bottom), (left, right) = corners.tolist()
        mapped = box_in_photo((top, right, bottom, left), copy, photo)
        assert 0 <= mapped[0] <= mapped[2] <= photo.shape[0]
        assert 0 <= mapped[3] <= mapped[1] <= photo.shape[1]
        if copy.shape != photo.shape:
            assert mapped[0] < mapped[2]
            assert mapped[3] < mapped[1]


def test_settings_that_there_are_not_are_refused() -> None:
    with pytest.raises(FacesqlError, match="'dog' is no detector; choose from hog, cnn"):
        parse_settings("dog", 1, 1, "small", 0)
    with pytest.raises(FacesqlError, match="no set of landmarks"):
        parse_settings("hog", 1, 1, "huge", 0)


def test_jitters_are_face_recognitions(drawn: Path, tmp_path: Path) -> None:
    prepared, note = prepare(faces=FaceSettings(jitters=3))
    assert (prepared.backend, prepared.faces.jitters, note) == (BackendName.FACE_RECOGNITION, 3, None)
    summary = encode_photos(drawn, tmp_path / "faces.parquet", settings=FaceSettings(jitters=3), limit=1, workers=1)
    assert summary.rows == 3
    made = read_metadata(tmp_path / "faces.parquet")
    assert (made["backend"], made["jitters"]) == ("face_recognition", "3")
    pixels = np.asarray(portrait())
    [jittered], [plain] = faces_in(pixels, prepared.load()), faces_in(pixels, prepare()[0].load())
    assert 1e-4 < np.linalg.norm(jittered.encoding - plain.encoding) < 0.3


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "facesql"


def test_the_network_is_converted_once_and_again_where_it_is_damaged(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, _ = prepare()
    assert prepared.model is not None
    assert prepared.model.parent == empty_cache
    assert prepared.model.stat().st_mode & 0o777 == 0o600
    content = prepared.model.read_bytes()
    monkeypatch.setattr(encoder, "convert", lambda _: pytest.fail("converted again"))
    assert prepare()[0] == prepared
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty_cache.parent))
    prepared.model.write_bytes(content[:-1] + b"x")
    with pytest.raises(FacesqlError, match="is damaged; run again to make it anew"):
        prepared.load()
    assert prepare()[0] == prepared
    assert prepared.model.read_bytes() == content
    assert list(empty_cache.iterdir()) == [prepared.model]
    prepared.model.unlink()
    with pytest.raises(FacesqlError, match=r"cannot be read \(No such file or directory\); run again to make it anew"):
        prepared.load()


def test_another_version_of_what_takes_part_converts_again(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = prepare()
    versions = encoder._version
    monkeypatch.setattr(encoder, "_version", lambda *names: "99" if "onnxruntime" in names else versions(*names))
    second, _ = prepare()
    assert first.model != second.model
    assert len(list(empty_cache.iterdir())) == 2


def test_a_cache_that_cannot_be_written_to_is_told(empty_cache: Path) -> None:
    empty_cache.parent.write_bytes(b"no folder")
    with pytest.raises(FacesqlError, match="let XDG_CACHE_HOME name one that can, or pass --backend face_recognition"):
        converted.keep("key", b"network")


def test_a_network_that_gives_other_encodings_is_not_used(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(encoder, "TOLERANCE", 1e-12)  # below what two orders of float32 sums can agree to
    summary = encode_photos(drawn, tmp_path / "faces.parquet", limit=1, workers=1)
    assert summary.encoder_note is not None
    assert "face_recognition encodes, several times slower" in encoded(summary)
    assert "gives encodings that differ by" in encoded(summary)
    assert read_metadata(tmp_path / "faces.parquet")["backend"] == "face_recognition"
    assert not empty_cache.exists() or not list(empty_cache.iterdir())


def test_weights_that_cannot_be_converted_are_told(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / encoder.WEIGHTS).write_bytes(b"some other network")
    monkeypatch.setattr(encoder, "models_folder", lambda: tmp_path)
    prepared, note = prepare()
    assert prepared.backend == BackendName.FACE_RECOGNITION
    assert note is not None
    assert "cannot be converted: the file holds no layer of a network" in note
    assert not empty_cache.exists()


def test_a_dlib_that_cannot_read_numpys_arrays_fails_once_with_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Unsupported image type, must be 8bit gray or RGB image.")

    monkeypatch.setattr(encoder, "_face_recognition", lambda: SimpleNamespace(face_locations=refuse))
    with pytest.raises(MissingPackageError, match=r"dlib \d.*NumPy \d.*Unsupported image type.*run: pip install"):
        Encoder(BackendName.FACE_RECOGNITION).load()


def test_a_detector_that_sees_a_face_in_nothing_fails_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [encoder.FoundFace((0, 9, 9, 0), np.zeros(128, np.float32))]
    monkeypatch.setattr(encoder.FaceRecognitionBackend, "find", lambda *_: found)
    with pytest.raises(MissingPackageError, match="finds a face in an empty picture"):
        Encoder(BackendName.FACE_RECOGNITION).load()


def without(monkeypatch: pytest.MonkeyPatch, *absent: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find(name))


def test_what_is_missing_is_named_with_the_command_that_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "dlib", "onnxruntime", "face_recognition")
    with pytest.raises(MissingPackageError, match=r"needs dlib, onnxruntime; run: pip install 'facesql\[encode\]'$"):
        encoder.require()
    with pytest.raises(MissingPackageError, match=r"needs dlib, face_recognition; run: .* --no-deps face_recognition$"):
        encoder.require(BackendName.FACE_RECOGNITION)


def test_the_onnx_backend_needs_neither_face_recognition_nor_an_old_setuptools(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pkg_resources", "face_recognition")
    encoder.require()
    with pytest.raises(MissingPackageError, match="face_recognition"):
        prepare(faces=FaceSettings(jitters=2))


def test_a_setuptools_without_pkg_resources_is_told_apart_from_missing_models(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pkg_resources")
    with pytest.raises(MissingPackageError, match="'setuptools<81'"):
        encoder.require(BackendName.FACE_RECOGNITION)


def test_a_library_that_quits_when_it_is_imported_is_an_error_not_an_exit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "face_recognition.py").write_text("print('Please install models'); quit()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "face_recognition", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    encoder._face_recognition.cache_clear()
    with pytest.raises(MissingPackageError, match="cannot be loaded"):
        Encoder(BackendName.FACE_RECOGNITION).load()
    encoder._face_recognition.cache_clear()


def test_the_command_says_in_one_sentence_what_is_missing(run: Run, tmp_path: Path) -> None:
    # Python imports this module before all others: there, the two packages cannot be found.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u; f = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name in ('dlib', 'onnxruntime') else f(name, *rest)\n"
    )
    done = run("encode", ".", cwd=tmp_path, check=False, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "facesql: Encoding photos needs dlib, onnxruntime; run: pip install 'facesql[encode]'\n"
