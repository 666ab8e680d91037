"""One photo's pixels to its faces. The only module that knows face_recognition and dlib."""

import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from facesql.errors import MissingPackageError

ENCODING_SIZE = 128
# pip would compile dlib for minutes to satisfy face_recognition, hence the two steps.
INSTALL = (
    'pip install dlib-bin face_recognition_models "setuptools<81" pillow click '
    "&& pip install --no-deps face_recognition"
)
# Import name of what must be there, in the order in which a lack is best told.
NEEDED = ("dlib", "face_recognition_models", "pkg_resources", "face_recognition", "PIL")
SETTINGS = {"detector": "hog", "upsample": "1", "jitters": "1", "landmarks": "small"}


@dataclass(frozen=True)
class Face:
    """A face in a photo: its box in pixels, and its encoding, a float32 array of 128 (no unit)."""

    top: int
    right: int
    bottom: int
    left: int
    encoding: NDArray[np.float32]


def missing() -> list[str]:
    """The import names of the packages that encoding needs and that are not installed; nothing is imported."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def require() -> None:
    """Raise MissingPackageError, with the command that mends it, where encoding cannot work."""
    absent = missing()
    if absent == ["pkg_resources"]:
        raise MissingPackageError(
            "face_recognition_models needs pkg_resources, which setuptools has dropped; "
            "run: pip install 'setuptools<81'"
        )
    if absent:
        raise MissingPackageError(f"Encoding photos needs {', '.join(absent)}; run: {INSTALL}")


def preflight() -> dict[str, str]:
    """Load the models, look at one known picture, and return the versions of all that takes part.

    An unfit pair of dlib and NumPy calls every photo an "unsupported image type"; here it fails once.

    Raises MissingPackageError, with the versions and the remedy.
    """
    require()
    try:
        found = _face_recognition().face_locations(np.zeros((64, 64, 3), dtype=np.uint8))
    except (RuntimeError, TypeError) as error:
        raise MissingPackageError(
            f"dlib {_version('dlib-bin', 'dlib')} cannot read a picture of NumPy {_version('numpy')} ({error}); "
            f"run: {INSTALL}"
        ) from error
    if found:
        raise MissingPackageError(f"dlib's detector finds a face in an empty picture; run: {INSTALL}")
    return {
        "dlib": _version("dlib-bin", "dlib"),
        "face_recognition": _version("face_recognition"),
        "face_recognition_models": _version("face_recognition_models"),
        "numpy": _version("numpy"),
        "pillow": _version("pillow"),
    }


def find_faces(pixels: NDArray[np.uint8]) -> list[Face]:
    """The faces of a photo, in the detector's order, with face_recognition's default settings.

    ``pixels`` is uint8 RGB, height x width x 3. An encoding holds 128 numbers that dlib computed in float32;
    two encodings within Euclidean distance <= cut-off are a match.
    """
    library = _face_recognition()
    boxes = library.face_locations(pixels)
    encodings = library.face_encodings(pixels, boxes)
    return [
        Face(top, right, bottom, left, np.asarray(encoding, np.float32))
        for (top, right, bottom, left), encoding in zip(boxes, encodings, strict=True)
    ]


@cache
def _face_recognition() -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pkg_resources warns of its own end
            import face_recognition
    except (ImportError, SystemExit, RuntimeError) as error:  # the library calls quit() where its models are missing
        raise MissingPackageError(f"face_recognition cannot be loaded ({error}); run: {INSTALL}") from error
    library: ModuleType = face_recognition
    return library


def _version(*names: str) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "of unknown version"
