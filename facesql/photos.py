"""One photo as upright RGB pixels, within limits."""

import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError

# fmt: off
PHOTO_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
})
HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
UNSUPPORTED_SUFFIXES = frozenset({
    ".jxl", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf",
    ".psd", ".svg", ".eps",
})
# fmt: on
# Decoders that only read pixels. Pillow has others, one of which runs PostScript programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
# What the first box of a HEIC names, in which an AVIF names its own.
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
CONTAINER_BRANDS = frozenset({b"mif1", b"msf1"})
HEIC_HINT = "HEIC needs an extra; run: pip install 'facesql[heic]', or convert it to JPEG"
# An MPO's pictures are one photo from two sides, or with a preview; of the primary picture HEIC has its own mark.
FORMATS_OF_SEVERAL = frozenset({"GIF", "WEBP", "PNG", "TIFF", "AVIF"})
MAX_COUNTED = 100  # pictures of a TIFF, whose counting takes the longer the more there are
MAX_MEGAPIXELS = 120.0
# Colour profiles and editing histories of real photos reach some MiB; what unpacks to more is meant to fill memory.
MAX_TEXT_CHUNK = 16 * 2**20
MAX_TEXT_MEMORY = 64 * 2**20
# A file may have so many bytes whatever the limit on pixels is, and 16 bits of four channels for each pixel of it.
MIN_FILE_LIMIT = 256 * 2**20
BYTES_A_PIXEL = 8
BACKGROUND = (255, 255, 255)
# Tags of TIFF, and a value of the second.
BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0
# A photo's fault is told as the reason of its status; without a handler, Pillow's words would go to the terminal, too.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class Photo:
    """Upright RGB pixels, a contiguous uint8 array of height x width x 3, and what of the file they do not show."""

    pixels: NDArray[np.uint8]
    note: str | None = None


class PhotoError(Exception):
    """This photo gives no pixels; ``status`` names the kind, the message the reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


def read_content(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> bytes:
    """Return a file's bytes, if it is not far too long for a photo of that many pixels.

    Raises PhotoError ('too_large' above 8 bytes a pixel of the limit, and above 256 MiB in any case, before
    anything is read) and OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > max(MIN_FILE_LIMIT, BYTES_A_PIXEL * max_megapixels * 1e6):
            raise PhotoError("too_large", f"a file of {size:,} bytes; --max-megapixels sets the limit")
        return file.read()


def read_pixels(content: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Decode a photo to upright RGB: a contiguous uint8 array of height x width x 3; as read_photo does."""
    return read_photo(content, max_megapixels).pixels


def read_photo(content: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> Photo:
    """Decode a photo, and say so where the file holds other pictures than that.

    The kind is told by the content, not by a name. The camera's orientation (EXIF) is applied, transparent
    parts are laid on white, 16-bit grey is brought to 8 bits, and of an animation the first picture is taken.

    Raises PhotoError ('too_large' above the limit, before anything is decoded; 'unsupported' for a HEIC
    without the extra; 'unreadable' where the content is no photo, or only a part of one).
    """
    if not content:
        raise PhotoError("unreadable", "the file is empty")
    if _is_heic(content) and not reads_heic():
        raise PhotoError("unsupported", HEIC_HINT)
    with _limits(max_megapixels):
        try:
            # Other packages set this to True for the whole process: half of a photo would become a grey face.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            image = Image.open(io.BytesIO(content), formats=_known_formats())
            kind = image.format
            image.load()
            pixels = _rgb(ImageOps.exif_transpose(image), getattr(image, "tag_v2", {}))
        except PhotoError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            reason = f"more than {max_megapixels:g} megapixels; --max-megapixels sets the limit"
            raise PhotoError("too_large", reason) from error
        except Exception as error:  # decoders raise whatever a damaged file leads them to
            raise PhotoError("unreadable", _decoder_says(error)) from error
        return Photo(pixels, _note(content, kind))


def reads_heic() -> bool:
    """Whether the extra that reads HEIC is installed."""
    return "HEIF" in _known_formats()


@cache
def _known_formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow was built with; all of its decoders are registered first."""
    Image.init()
    known = tuple(name for name in FORMATS if name in Image.OPEN)
    with suppress(ImportError):  # it is an extra
        import pillow_heif

        pillow_heif.register_heif_opener()
        known += ("HEIF",)
    return known


def _is_heic(content: bytes) -> bool:
    """Whether the first box of the file, which lists what it can be read as, says HEIC."""
    if content[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(content[:4], "big"), 1_024)
    brands = {content[start : start + 4] for start in (8, *range(16, length, 4))}
    return bool(brands & HEIC_BRANDS) or (content[8:12] in CONTAINER_BRANDS and not brands & {b"avif", b"avis"})


def _note(content: bytes, kind: str | None) -> str | None:
    pictures = _count_pictures(content, kind) if kind in FORMATS_OF_SEVERAL else 1
    more = " or more" if kind == "TIFF" and pictures == MAX_COUNTED else ""
    return f"the first of {pictures:,} pictures{more}" if pictures > 1 else None


def _count_pictures(content: bytes, kind: str) -> int:
    """As many pictures as can be counted: damage behind the first is no reason to do without that one."""
    pictures = 1
    with suppress(Exception):
        image = Image.open(io.BytesIO(content), formats=[kind])
        if kind != "TIFF":
            return int(getattr(image, "n_frames", 1))
        while pictures < MAX_COUNTED:
            image.seek(pictures)
            pictures += 1
    return pictures


@contextmanager
def _limits(max_megapixels: float) -> Iterator[None]:
    """Pillow's own checks before it decodes, at our limits instead of its defaults or another package's."""
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    Image.MAX_IMAGE_PIXELS = max(1, int(max_megapixels * 1e6)) if max_megapixels < inf else None
    PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = MAX_TEXT_CHUNK, MAX_TEXT_MEMORY
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before


def _rgb(image: Image.Image, tiff: Mapping[int, Any] = MappingProxyType({})) -> NDArray[np.uint8]:
    """The pixels of a decoded image; ``tiff`` holds the tags of the file, if it is a TIFF."""
    if image.mode == "F":
        raise PhotoError("unreadable", "pixels are floating-point numbers of unknown range")
    if image.mode.startswith("I"):
        image = _eight_bits(image, tiff)
    elif image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="RGB") or image
    elif image.mode == "La":  # premultiplied, from which Pillow knows but one way
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    return np.ascontiguousarray(image.convert("RGB"))


def _eight_bits(image: Image.Image, tiff: Mapping[int, Any]) -> Image.Image:
    grey = np.asarray(image).astype(np.int64)
    if grey.min() < 0 or grey.max() > 65_535:
        raise PhotoError("unreadable", "pixels are integers of more than 16 bits")
    opaque = np.where(grey == image.info.get("transparency", -1), 0, 255)
    # Pillow leaves the numbers of a TIFF on their own scale, and those that grow with the darkness as they are.
    peak = 4_095 if tiff.get(BITS_PER_SAMPLE) == (12,) else 65_535
    if tiff.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = peak - grey
    return Image.merge("LA", [Image.fromarray(values.astype(np.uint8)) for values in (grey * 255 // peak, opaque)])


def _decoder_says(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "the content is no photo of a known kind"
    return f"cannot be decoded: {error or type(error).__name__}"
