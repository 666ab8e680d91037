"""Which photos a folder holds, and one photo as upright RGB pixels."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from facesql.errors import FacesqlError

# fmt: off
PHOTO_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
})
UNSUPPORTED_SUFFIXES = frozenset({
    ".heic", ".heif", ".hif", ".jxl", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf",
    ".psd", ".svg", ".eps",
})
# fmt: on
# Decoders that only read pixels. Pillow has others, one of which runs PostScript programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
MACHINES_OWN = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})
MAX_MEGAPIXELS = 120.0
BACKGROUND = (255, 255, 255)


@dataclass(frozen=True)
class FoundPhoto:
    """A file that is, or looks like, a photo. ``status`` and ``reason`` say why it is not to be opened, if so."""

    id: str
    path: Path
    person: str | None
    status: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Listing:
    """What a folder holds: photos in the order of their ids, and how many files are none."""

    photos: list[FoundPhoto] = field(default_factory=list)
    other_files: int = 0


class PhotoError(Exception):
    """This photo gives no pixels; ``status`` names the kind, the message the reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


def find_photos(folder: Path) -> Listing:
    """List the photos below ``folder``; the first component of a photo's relative path is its person.

    Ids are relative paths with ``/`` on every system. Hidden files and what systems leave in folders
    (.DS_Store, ._a.jpg, Thumbs.db) are passed over. Suffixes are matched without case. A photo that stands
    outside a person's folder, is of a kind that cannot be decoded, or is a link out of the folder, is
    listed with its status.

    Raises FacesqlError where ``folder`` is not a folder that can be read.
    """
    if not folder.is_dir():
        raise FacesqlError(f"{str(folder)!r} is not a folder; give one that holds a folder of photos for each person.")
    photos = []
    other_files = 0
    for path in _files(folder):
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        suffix = relative.suffix.lower()
        if not path.is_dir() and suffix not in PHOTO_SUFFIXES | UNSUPPORTED_SUFFIXES:
            other_files += 1
            continue
        photos.append(_found(folder, path, relative))
    return Listing(sorted(photos, key=lambda photo: photo.id), other_files)


def read_pixels(content: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Decode a photo to upright RGB: a contiguous uint8 array of height x width x 3.

    The kind is told by the content, not by a name. The camera's orientation (EXIF) is applied, transparent
    parts are laid on white, 16-bit grey is brought to 8 bits, and of an animation the first picture is taken.

    Raises PhotoError ('too_large' above the limit, before anything is decoded; 'unreadable' where the content
    is no photo, or only a part of one).
    """
    if not content:
        raise PhotoError("unreadable", "the file is empty")
    with _limits(max_megapixels):
        try:
            # Other packages set this to True for the whole process: half of a photo would become a grey face.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            image = Image.open(io.BytesIO(content), formats=_known_formats())
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
        except PhotoError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            reason = f"more than {max_megapixels:g} megapixels; --max-megapixels sets the limit"
            raise PhotoError("too_large", reason) from error
        except Exception as error:  # decoders raise whatever a damaged file leads them to
            raise PhotoError("unreadable", _decoder_says(error)) from error


@cache
def _known_formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow was built with; all of its decoders are registered first."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below ``folder`` that is not hidden, and links to folders, which are not entered."""

    def refuse(error: OSError) -> None:
        raise FacesqlError(
            f"Cannot read the folder {error.filename!r} ({error.strerror}); make it readable."
        ) from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _passed_over(name)]
        here = Path(parent)
        yield from (here / name for name in folders if (here / name).is_symlink())
        yield from (here / name for name in files if not _passed_over(name))


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in MACHINES_OWN


def _found(folder: Path, path: Path, relative: PurePosixPath) -> FoundPhoto:
    # A name that is not valid Unicode would fit neither a table nor a terminal.
    text = os.fsencode(str(relative)).decode("utf-8", "backslashreplace")
    person = text.split("/")[0]
    if path.is_symlink() and _leads_away(path, folder):
        return FoundPhoto(text, path, person, "link", "a link that is not followed; copy what it points to")
    if "/" not in text:
        return FoundPhoto(text, path, None, "loose", "not in a person's folder; move it into one")
    if relative.suffix.lower() in UNSUPPORTED_SUFFIXES:
        reason = f"{relative.suffix.lower()[1:].upper()} cannot be decoded; convert it to JPEG"
        return FoundPhoto(text, path, person, "unsupported", reason)
    if not path.is_file():
        return FoundPhoto(text, path, person, "unreadable", "not a regular file")
    return FoundPhoto(text, path, person)


def _leads_away(link: Path, folder: Path) -> bool:
    """Whether a link is to a folder, out of ``folder``, or round in a circle."""
    try:
        return link.is_dir() or not link.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a circle; which of them is raised depends on Python's version
        return True


@contextmanager
def _limits(max_megapixels: float) -> Iterator[None]:
    """Pillow's own check of a photo's size, before it decodes, at our limit instead of its default."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max(1, int(max_megapixels * 1e6)) if max_megapixels < inf else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode == "F":
        raise PhotoError("unreadable", "pixels are floating-point numbers of unknown range")
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65_535:
            raise PhotoError("unreadable", "pixels are integers of more than 16 bits")
        image = Image.fromarray((grey // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    return np.ascontiguousarray(image.convert("RGB"))


def _decoder_says(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "the content is no photo of a known kind"
    return f"cannot be decoded: {error or type(error).__name__}"
