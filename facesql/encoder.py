"""Photos' pixels to their faces, by one of two backends. The only module that knows face_recognition and dlib."""

import hashlib
import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facesql import converted
from facesql.errors import FacesqlError, MissingPackageError, parse_choice
from facesql.reduced import Box, box_in_photo, reduced
from facesql.weights import WeightsError, read_layers

ENCODING_SIZE = 128
# Two encodings of one face by the two backends differ by less in every component.
TOLERANCE = 1e-5
CHIP_SIDE, CHIP_PADDING = 150, 0.25
WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
CNN_DETECTOR = "mmod_human_face_detector.dat"
# Raised whenever conversion changes, so that no older network is taken from a cache.
CONVERSION = "1"
# So many drawn faces are encoded both ways when the network has been converted.
COMPARED_FACES = 3
# The side of the faces that dlib's detector looks for, in pixels: it finds others by making photos smaller or larger.
SMALLEST_DETECT_SIZE = 80


class BackendName(StrEnum):
    """What runs the network: ONNX Runtime, or face_recognition by dlib, the reference, which is much slower."""

    ONNX = "onnx"
    FACE_RECOGNITION = "face_recognition"


class Detector(StrEnum):
    """What finds faces: histograms of gradients, or a network, which finds more and takes many times as long."""

    HOG = "hog"
    CNN = "cnn"


class Landmarks(StrEnum):
    """By how many points a face is aligned: 5 or 68."""

    SMALL = "small"
    LARGE = "large"


PREDICTORS = {
    Landmarks.SMALL: "shape_predictor_5_face_landmarks.dat",
    Landmarks.LARGE: "shape_predictor_68_face_landmarks.dat",
}


@dataclass(frozen=True)
class FaceSettings:
    """The settings of face_recognition, under its own names but for ``upsample``, and with its own defaults.

    ``upsample`` is how many times a photo is doubled for the detector. ``jitters`` above 1 encode so many randomly
    changed copies of a face, the same in every run, and take the mean. ``detect_size``, which face_recognition has not,
    is the longest side, in pixels, of the copy that a larger photo's faces are looked for in, before it is doubled;
    they are encoded from the photo itself. 0 looks for them in the photo.
    """

    detector: Detector = Detector.HOG
    upsample: int = 1
    jitters: int = 1
    landmarks: Landmarks = Landmarks.SMALL
    detect_size: int = 2000


DEFAULTS = FaceSettings()

# The import names of what a backend needs, in the order in which a lack is best told.
NEEDED = {
    BackendName.ONNX: ("dlib", "face_recognition_models", "onnxruntime", "onnx", "PIL"),
    BackendName.FACE_RECOGNITION: ("dlib", "face_recognition_models", "pkg_resources", "face_recognition", "PIL"),
}
# pip would compile dlib for minutes to satisfy face_recognition, hence the two steps.
INSTALL = {
    BackendName.ONNX: "pip install 'facesql[encode]'",
    BackendName.FACE_RECOGNITION: (
        "pip install 'facesql[encode]' 'setuptools<81' && pip install --no-deps face_recognition"
    ),
}


@dataclass(frozen=True)
class Face:
    """A face in a photo: its box in pixels, and its encoding, a float32 array of 128 (no unit)."""

    top: int
    right: int
    bottom: int
    left: int
    encoding: NDArray[np.float32]


@dataclass(frozen=True)
class FoundFace:
    """A face before it is encoded: its box, and what its backend's ``encode`` needs of it."""

    box: Box
    content: NDArray[Any]


class Backend(Protocol):
    """The two steps from pixels to encodings. Faces of several photos are best encoded together."""

    def find(self, pixels: NDArray[np.uint8]) -> list[FoundFace]:
        """The faces of a photo (uint8 RGB, height x width x 3), in the detector's order."""

    def encode(self, faces: Sequence[FoundFace]) -> list[Face]:
        """The encodings of faces found by this backend."""


class OnnxBackend:
    """face_recognition's steps with its models: all by dlib, but the network by ONNX Runtime.

    ``model`` is what ``network.to_onnx`` makes of dlib's network; ``threads`` is how many run it. Of the settings,
    ``jitters`` has no part.
    """

    def __init__(self, model: bytes, threads: int = 1, settings: FaceSettings = DEFAULTS) -> None:
        import dlib
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._dlib = dlib
        self._detector = (
            dlib.get_frontal_face_detector()
            if settings.detector == Detector.HOG
            else dlib.cnn_face_detection_model_v1(str(models_folder() / CNN_DETECTOR))
        )
        self._upsample, self._detect_size = settings.upsample, settings.detect_size
        self._predictor = dlib.shape_predictor(str(models_folder() / PREDICTORS[settings.landmarks]))

    def find(self, pixels: NDArray[np.uint8]) -> list[FoundFace]:
        """The faces of a photo; what is kept of each is the photo."""
        copy = reduced(pixels, self._detect_size)
        height, width = copy.shape[:2]
        boxes = [
            (max(at.top(), 0), min(at.right(), width), min(at.bottom(), height), max(at.left(), 0))
            for at in (getattr(found, "rect", found) for found in self._detector(copy, self._upsample))
        ]
        return [FoundFace(box_in_photo(box, copy, pixels), pixels) for box in boxes]

    def encode(self, faces: Sequence[FoundFace]) -> list[Face]:
        """The encodings; a face's is the same in whatever company it is encoded.

        Each step is done for all faces before the next: detector, landmarks and network drive each other's numbers
        out of the processor's caches.
        """
        if not faces:
            return []
        landmarks = [self.landmarks(face.content, face.box) for face in faces]
        chips = [
            self._dlib.get_face_chip(face.content, points, CHIP_SIDE, CHIP_PADDING)
            for face, points in zip(faces, landmarks, strict=True)
        ]
        (encodings,) = self._session.run(None, {self._session.get_inputs()[0].name: np.stack(chips)})
        return [Face(*face.box, encoding) for face, encoding in zip(faces, encodings, strict=True)]

    def landmarks(self, pixels: NDArray[np.uint8], box: Box) -> Any:
        """The landmarks of a face, as dlib has them."""
        top, right, bottom, left = box
        return self._predictor(pixels, self._dlib.rectangle(left, top, right, bottom))


class FaceRecognitionBackend:
    """The package itself."""

    def __init__(self, settings: FaceSettings = DEFAULTS) -> None:
        self._library = _face_recognition()
        self._settings = settings

    def find(self, pixels: NDArray[np.uint8]) -> list[FoundFace]:
        """The faces of a photo, encoded at once: the package does both."""
        settings = self._settings
        copy = reduced(pixels, settings.detect_size)
        found = self._library.face_locations(copy, settings.upsample, settings.detector)
        boxes = [box_in_photo(box, copy, pixels) for box in found]
        if boxes and settings.jitters > 1:
            # The network goes on with its random numbers from photo to photo; a new one begins as every other did.
            import dlib

            self._library.api.face_encoder = dlib.face_recognition_model_v1(str(models_folder() / WEIGHTS))
        encodings = self._library.face_encodings(pixels, boxes, settings.jitters, settings.landmarks)
        return [FoundFace(box, np.asarray(e, np.float32)) for box, e in zip(boxes, encodings, strict=True)]

    def encode(self, faces: Sequence[FoundFace]) -> list[Face]:
        """What was encoded already."""
        return [Face(*face.box, face.content) for face in faces]


def parse_settings(detector: str, upsample: int, jitters: int, landmarks: str, detect_size: int) -> FaceSettings:
    """The settings by the names that a user gives.

    Raises FacesqlError for a detector or landmarks that there are not, and for a copy that is too small.
    """
    if detect_size and detect_size < SMALLEST_DETECT_SIZE:
        raise FacesqlError(
            f"{detect_size} pixels are too few to find a face in; give --detect-size {SMALLEST_DETECT_SIZE} or more, "
            "or 0 for each photo's own size."
        )
    return FaceSettings(
        parse_choice(detector, Detector, "detector"),
        upsample,
        jitters,
        parse_choice(landmarks, Landmarks, "set of landmarks"),
        detect_size,
    )


def parse_backend(text: str) -> BackendName:
    """The backend of that name.

    Raises FacesqlError for a backend that there is not.

    >>> parse_backend("onnx").value
    'onnx'
    """
    return parse_choice(text, BackendName, "backend")


def missing(name: BackendName) -> list[str]:
    """The import names of the packages that a backend needs and that are not installed; nothing is imported."""
    return [needed for needed in NEEDED[name] if importlib.util.find_spec(needed) is None]


def require(name: BackendName = BackendName.ONNX) -> None:
    """Raise MissingPackageError, with the command that mends it, where a backend cannot work."""
    absent = missing(name)
    if absent == ["pkg_resources"]:
        raise MissingPackageError(
            "face_recognition_models needs pkg_resources, which setuptools has dropped; "
            "run: pip install 'setuptools<81'"
        )
    if absent:
        raise MissingPackageError(f"Encoding photos needs {', '.join(absent)}; run: {INSTALL[name]}")


def models_folder() -> Path:
    """Where face_recognition_models has its files. It is not imported: that needs an old setuptools."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise MissingPackageError(f"face_recognition_models is not installed; run: {INSTALL[BackendName.ONNX]}")
    return Path(spec.origin).parent / "models"


@dataclass(frozen=True)
class Encoder:
    """All that a worker needs to know to encode as the others do."""

    backend: BackendName = BackendName.ONNX
    faces: FaceSettings = DEFAULTS
    threads: int = 1
    model: Path | None = None
    """The converted network, as ``prepare`` keeps it."""

    def settings(self) -> dict[str, str]:
        """The settings that a table of faces names."""
        return {"backend": str(self.backend), **{name: str(value) for name, value in vars(self.faces).items()}}

    def versions(self) -> dict[str, str]:
        """The versions of all that takes part."""
        packages = ["face_recognition_models", "numpy", "pillow"]
        packages.append("onnxruntime" if self.backend == BackendName.ONNX else "face_recognition")
        return {"dlib": _version("dlib-bin", "dlib"), **{name: _version(name) for name in packages}}

    def load(self) -> Backend:
        """The backend with its models, checked on one empty picture.

        An unfit pair of dlib and NumPy calls every photo an "unsupported image type"; here it fails once. Raises
        MissingPackageError, with the versions and the remedy.
        """
        require(self.backend)
        if self.backend == BackendName.FACE_RECOGNITION:
            backend: Backend = FaceRecognitionBackend(self.faces)
        else:
            if self.model is None:
                raise ValueError("the ONNX backend needs the converted network")
            backend = OnnxBackend(converted.read(self.model), self.threads, self.faces)
        try:
            found = backend.find(np.zeros((64, 64, 3), dtype=np.uint8))
        except (RuntimeError, TypeError) as error:
            raise MissingPackageError(
                f"dlib {_version('dlib-bin', 'dlib')} cannot read a picture of NumPy {_version('numpy')} ({error}); "
                f"run: {INSTALL[self.backend]}"
            ) from error
        if found:
            raise MissingPackageError(f"dlib's detector finds a face in an empty picture; run: {INSTALL[self.backend]}")
        return backend


def prepare(
    backend: BackendName = BackendName.ONNX, faces: FaceSettings = DEFAULTS, *, threads: int = 1
) -> tuple[Encoder, str | None]:
    """An encoder for all workers, and a sentence where it is not the one that was asked for.

    The network is converted once for each user and version of what takes part. Then drawn faces are encoded by it and
    by dlib; where the two differ by ``TOLERANCE`` or more in a component, face_recognition encodes. It always does
    with jitters, which are dlib's.

    Raises MissingPackageError where a package is missing, FacesqlError where the network cannot be kept.
    """
    if faces.jitters > 1 or backend == BackendName.FACE_RECOGNITION:
        require(BackendName.FACE_RECOGNITION)
        return Encoder(BackendName.FACE_RECOGNITION, faces, threads), None
    require(backend)
    weights = (models_folder() / WEIGHTS).read_bytes()
    hashed = hashlib.sha256(weights).hexdigest()
    key = converted.key_of(CONVERSION, hashed, _version("onnxruntime"), _version("dlib-bin", "dlib"))
    path = converted.find(key)
    if path is not None:
        return Encoder(backend, faces, threads, path), None
    try:
        model = convert(weights)
        difference = compare(model)
        fault = f"gives encodings that differ by {difference:.1e}" if difference >= TOLERANCE else None
    except WeightsError as error:
        fault = f"cannot be converted: {error}"
    if fault is None:
        return Encoder(backend, faces, threads, converted.keep(key, model)), None
    require(BackendName.FACE_RECOGNITION)
    return (
        Encoder(BackendName.FACE_RECOGNITION, faces, threads),
        f"face_recognition encodes, several times slower: the network for ONNX Runtime {fault}",
    )


def convert(weights: bytes) -> bytes:
    """Dlib's network as a model for ONNX Runtime.

    Raises WeightsError where the weights are not those of dlib's network.
    """
    from facesql.network import to_onnx

    return to_onnx(read_layers(weights))


def compare(model: bytes) -> float:
    """The largest difference of a component between the encodings of drawn faces by a model and by dlib itself.

    Infinite where no face is found.
    """
    import dlib

    from facesql.drawing import draw_face, draw_person

    backend = OnnxBackend(model)
    reference = dlib.face_recognition_model_v1(str(models_folder() / WEIGHTS))
    random = np.random.default_rng(0)
    differences = []
    for _ in range(COMPARED_FACES):
        pixels = np.asarray(draw_face(draw_person(random)))
        found = backend.find(pixels)
        for face in backend.encode(found):
            landmarks = backend.landmarks(pixels, (face.top, face.right, face.bottom, face.left))
            expected = np.array(reference.compute_face_descriptor(pixels, landmarks, 1))
            differences.append(float(np.abs(face.encoding - expected).max()))
    return max(differences, default=float("inf"))


@cache
def _face_recognition() -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pkg_resources warns of its own end
            import face_recognition
    except (ImportError, SystemExit, RuntimeError) as error:  # the library calls quit() where its models are missing
        command = INSTALL[BackendName.FACE_RECOGNITION]
        raise MissingPackageError(f"face_recognition cannot be loaded ({error}); run: {command}") from error
    library: ModuleType = face_recognition
    return library


def _version(*names: str) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "of unknown version"
