"""Reading photos: each kind of file that archives hold, made here."""

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from facesql.errors import FacesqlError
from facesql.photos import PhotoError, find_photos, read_pixels

# Each EXIF orientation, and how upright pixels are turned to be stored with it.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def gradient(height: int = 6, width: int = 9) -> NDArray[np.uint8]:
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("orientation", STORED)
def test_the_cameras_orientation_is_applied(orientation: int) -> None:
    upright = gradient()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(upright).transpose(STORED[orientation])
    assert np.array_equal(read_pixels(saved(stored, exif=exif)), upright)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "CMYK", "RGBA", "RGB", "YCbCr"])
def test_every_mode_becomes_contiguous_rgb(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    pixels = read_pixels(saved(Image.fromarray(gradient()).convert(mode), kind))
    assert pixels.shape == (6, 9, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_grey_is_equal_red_green_and_blue() -> None:
    grey = gradient()[:, :, 0]
    assert np.array_equal(read_pixels(saved(Image.fromarray(grey))), np.dstack([grey] * 3))


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    grey = np.array([[0, 257, 32_896, 65_535]], dtype=np.uint16)
    assert read_pixels(saved(Image.fromarray(grey)))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(PhotoError, match="floating-point"):
        read_pixels(saved(Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_laid_on_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    options: dict[str, Any] = {}
    if mode == "P":
        image = Image.new("P", (2, 1), 0)
        image.putpalette([10, 20, 30, 0, 0, 0])
        image.putpixel((1, 0), 1)
        options = {"transparency": 0}
    pixels = read_pixels(saved(image if mode == "P" else image.convert(mode), **options))
    assert pixels[0].tolist() == [[255, 255, 255], [0, 0, 0]]


def test_a_truncated_photo_is_not_half_decoded_even_if_another_package_asks_for_that() -> None:
    ImageFile.LOAD_TRUNCATED_IMAGES = True  # as face_recognition does when it is imported
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise), "JPEG")
    with pytest.raises(PhotoError, match="cannot be decoded") as error:
        read_pixels(content[: len(content) // 2])
    assert error.value.status == "unreadable"


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"not a photo, but text", "no photo of a known kind")]
)
def test_what_is_no_photo_is_unreadable(content: bytes, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        read_pixels(content)


def test_postscript_is_not_run() -> None:
    with pytest.raises(PhotoError, match="known kind"):
        read_pixels(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")


def one_bit_png(side: int) -> bytes:
    """A PNG of side x side black pixels in a few kilobytes, as a decompression bomb is made."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(bytes((side + 7) // 8 + 1) * side, 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [11_000, 20_000])
def test_a_decompression_bomb_is_skipped_before_it_is_decoded(side: int) -> None:
    with pytest.raises(PhotoError, match="--max-megapixels") as error:
        read_pixels(one_bit_png(side))
    assert error.value.status == "too_large"


def test_the_limit_on_pixels_can_be_moved_both_ways() -> None:
    content = one_bit_png(1_200)
    assert read_pixels(content, max_megapixels=1.44).shape == (1_200, 1_200, 3)
    with pytest.raises(PhotoError, match=r"1\.43 megapixels"):
        read_pixels(content, max_megapixels=1.43)
    assert read_pixels(one_bit_png(14_000), max_megapixels=200).shape == (14_000, 14_000, 3)


def test_a_webp_is_decoded_by_content_and_an_animation_by_its_first_picture() -> None:
    red, blue = Image.new("RGB", (3, 2), "red"), Image.new("RGB", (3, 2), "blue")
    assert read_pixels(saved(red, "WEBP", lossless=True))[0, 0].tolist() == [255, 0, 0]
    animated = saved(red, "GIF", save_all=True, append_images=[blue])
    assert read_pixels(animated)[0, 0].tolist() == [255, 0, 0]


def test_suffixes_are_matched_without_case_and_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    names = ["a.JPG", "b.jpeg", "c.WebP", ".DS_Store", "Thumbs.db", "._a.jpg", "notes.txt", "desktop.ini"]
    for name in names:
        put(tmp_path / "Ann" / name)
    put(tmp_path / ".hidden" / "x.jpg")
    put(tmp_path / "__MACOSX" / "Ann" / "x.jpg")
    listing = find_photos(tmp_path)
    assert [photo.id for photo in listing.photos] == ["Ann/a.JPG", "Ann/b.jpeg", "Ann/c.WebP"]
    assert listing.other_files == 1  # the notes


def test_nested_folders_have_distinct_ids_and_the_first_component_is_the_person(tmp_path: Path) -> None:
    for person in ("Ann", "Bob"):
        put(tmp_path / person / "2020" / "a.jpg")
    photos = find_photos(tmp_path).photos
    assert [(photo.id, photo.person) for photo in photos] == [("Ann/2020/a.jpg", "Ann"), ("Bob/2020/a.jpg", "Bob")]


def test_loose_and_undecodable_photos_are_listed_with_their_reason(tmp_path: Path) -> None:
    put(tmp_path / "loose.jpg")
    put(tmp_path / "Ann" / "phone.HEIC")
    heic, loose = find_photos(tmp_path).photos
    assert (heic.status, heic.reason) == ("unsupported", "HEIC cannot be decoded; convert it to JPEG")
    assert (loose.status, loose.person) == ("loose", None)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_out_of_the_folder_are_not_followed_but_listed(tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere" / "secret.jpg")
    inside = put(tmp_path / "photos" / "Ann" / "a.jpg")
    (tmp_path / "photos" / "Ann" / "b.jpg").symlink_to(inside)
    (tmp_path / "photos" / "Ann" / "c.jpg").symlink_to(outside)
    (tmp_path / "photos" / "Bob").symlink_to(outside.parent)
    photos = find_photos(tmp_path / "photos").photos
    assert [(photo.id, photo.status) for photo in photos] == [
        ("Ann/a.jpg", None),
        ("Ann/b.jpg", None),
        ("Ann/c.jpg", "link"),
        ("Bob", "link"),
    ]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX names can be bytes that are no text")
def test_a_name_that_is_not_unicode_gets_an_id_that_is(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/J\xf6rg"
    os.mkdir(folder)  # noqa: PTH102 - a Path cannot be made of bytes
    Path(os.fsdecode(folder + b"/a.jpg")).write_bytes(b"x")
    [photo] = find_photos(tmp_path).photos
    assert photo.id == r"J\xf6rg/a.jpg"
    assert photo.path.read_bytes() == b"x"


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FacesqlError, match="is not a folder; give one"):
        find_photos(put(tmp_path / "a.jpg"))
