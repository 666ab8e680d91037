"""Reading photos: each kind of file that archives hold, made here."""

import io
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin

from facesql import photos
from facesql.errors import FacesqlError
from facesql.listing import find_photos
from facesql.photos import HEIC_HINT, PhotoError, read_content, read_photo, read_pixels

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


def srgb_of_lab(stored: tuple[int, int, int]) -> list[int]:
    """CIELAB as a TIFF holds it, in D50, to sRGB by the formulas of both and Bradford's matrix from D50 to D65."""
    middle = (stored[0] / 2.55 + 16) / 116
    roots = np.array([middle + (stored[1] - 128) / 500, middle, middle - (stored[2] - 128) / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * [0.96422, 1.0, 0.82521]
    to_linear = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
    linear = np.clip(to_linear @ xyz, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return [round(255 * value) for value in curved.tolist()]


# Stored values of one pixel, and the RGB that it shows: computed by the definition of each mode.
SHOWN: dict[str, tuple[float | tuple[float, ...], tuple[int, int, int]]] = {
    "1": (255, (255, 255, 255)),
    "L": (77, (77, 77, 77)),
    "RGBA": ((200, 100, 0, 51), (244, 224, 204)),  # a fifth of the colour on four fifths of white
    "LA": ((100, 51), (224, 224, 224)),
    "RGBa": ((40, 20, 0, 51), (244, 224, 204)),
    "La": ((20, 51), (224, 224, 224)),
    "CMYK": ((0, 255, 255, 0), (255, 0, 0)),
    "YCbCr": ((76, 85, 255), (254, 0, 0)),  # as JFIF defines it
    "HSV": ((85, 255, 255), (0, 255, 0)),  # a third of the circle of hues
    "LAB": ((153, 148, 98), (159, 133, 198)),  # as srgb_of_lab computes it
    "I": (514, (2, 2, 2)),
    "I;16": (514, (2, 2, 2)),
    "I;16B": (514, (2, 2, 2)),
    "I;16L": (514, (2, 2, 2)),
}


@pytest.mark.parametrize("mode", SHOWN)
def test_every_mode_shows_the_right_colour(mode: str) -> None:
    stored, shown = SHOWN[mode]
    pixels = photos._rgb(Image.new(mode, (2, 2), stored))
    assert pixels.shape == (2, 2, 3)
    assert np.abs(pixels[1, 1].astype(int) - shown).max() <= 1


@pytest.mark.parametrize("stored", [(153, 148, 98), (100, 128, 128), (180, 120, 160)])
def test_lab_becomes_srgb_as_the_formulas_have_it(stored: tuple[int, int, int]) -> None:
    assert np.abs(photos._rgb(Image.new("LAB", (1, 1), stored))[0, 0] - srgb_of_lab(stored)).max() <= 1


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "I;16", "I;16B", "RGBA", "LA", "1"])
def test_a_tiff_of_every_mode_shows_the_right_colour(mode: str) -> None:
    stored, shown = SHOWN[mode]
    pixels = read_pixels(saved(Image.new(mode, (2, 2), stored), "TIFF"))
    assert np.abs(pixels[1, 1].astype(int) - shown).max() <= 1


@pytest.mark.parametrize(
    ("bits", "white_is_zero", "data", "expected"),
    [
        (16, False, struct.pack("<HH", 0, 51_400), [0, 200]),
        (16, True, struct.pack("<HH", 0, 51_400), [255, 55]),
        (12, False, b"\x80\x0f\xff", [127, 255]),  # 2,048 and 4,095 of 4,095
        (8, True, b"\x00\xc8", [255, 55]),
    ],
)
def test_grey_of_a_tiff_is_brought_to_8_bits(bits: int, white_is_zero: bool, data: bytes, expected: list[int]) -> None:
    start = 8 + len(data) + len(data) % 2
    tags = {256: 2, 257: 1, 258: bits, 259: 1, 262: int(not white_is_zero), 273: 8, 277: 1, 278: 1, 279: len(data)}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", start) + data.ljust(start - 8, b"\0")
    content = head + struct.pack("<H", len(tags)) + directory + bytes(4)
    assert read_pixels(content)[0, :, 0].tolist() == expected


def test_a_palette_with_transparency_is_laid_on_white() -> None:
    image = Image.new("PA", (2, 1))
    image.putpalette([200, 100, 0])
    image.putpixel((0, 0), (0, 51))
    image.putpixel((1, 0), (0, 255))
    expected = [[244, 224, 204], [200, 100, 0]]
    assert photos._rgb(image)[0].tolist() == expected
    image = Image.new("P", (2, 1), 0)
    image.putpalette([200, 100, 0, 200, 100, 0])
    image.putpixel((1, 0), 1)
    assert read_pixels(saved(image, transparency=bytes([51, 255])))[0].tolist() == expected


def test_the_transparent_value_of_16_bit_grey_is_laid_on_white() -> None:
    grey = Image.fromarray(np.array([[0, 25_700]], dtype=np.uint16))
    assert read_pixels(saved(grey, transparency=0))[0, :, 0].tolist() == [255, 100]


def test_a_jpeg_of_cmyk_and_one_of_ycck_show_the_right_colour() -> None:
    cmyk = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    assert np.abs(read_pixels(cmyk)[4, 4].astype(int) - (255, 0, 0)).max() <= 2
    # As Adobe's programs store it, inverted. Read as YCCK, the second and third are chroma of 128, which is
    # none, so that the first is the brightness: 255 - 55.
    marker = b"Adobe\0\x64\0\0\0\0"
    ycck = saved(Image.new("CMYK", (8, 8), (200, 127, 127, 0)), "JPEG", quality=100)
    assert ycck.count(marker + b"\0") == 1
    pixels = read_pixels(ycck.replace(marker + b"\0", marker + b"\2"))
    assert np.abs(pixels[4, 4].astype(int) - 200).max() <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_several_pictures_the_first_is_taken_and_that_is_said(kind: str) -> None:
    red, *others = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    photo = read_photo(saved(red, kind, save_all=True, append_images=others))
    assert photo.note == "the first of 3 pictures"
    assert np.abs(photo.pixels[8, 8].astype(int) - (255, 0, 0)).max() <= 3
    assert read_photo(saved(red, kind)).note is None


def test_an_mpo_is_one_photo() -> None:
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    photo = read_photo(saved(red, "MPO", save_all=True, append_images=[blue]))
    assert photo.note is None
    assert photo.pixels[8, 8].tolist() == [254, 0, 0]


def test_damage_behind_the_first_picture_is_no_reason_to_do_without_it() -> None:
    red, blue = Image.new("RGB", (3, 2), "red"), Image.new("RGB", (3, 2), "blue")
    content = saved(red, "TIFF", save_all=True, append_images=[blue])
    assert read_photo(content).note == "the first of 2 pictures"
    [following] = struct.unpack("<I", content[4:8])
    [entries] = struct.unpack("<H", content[following : following + 2])
    place = following + 2 + 12 * entries
    lost = content[:place] + struct.pack("<I", len(content) + 99) + content[place + 4 :]
    assert read_photo(lost).pixels[0, 0].tolist() == [255, 0, 0]
    assert read_photo(lost).note is None


def test_the_pictures_of_a_tiff_are_counted_to_a_limit_and_those_of_a_gif_without() -> None:
    page = Image.new("L", (1, 1))
    pages = [Image.new("L", (1, 1), number) for number in range(120)]
    assert read_photo(saved(page, "GIF", save_all=True, append_images=pages[1:])).note == "the first of 120 pictures"
    content = saved(page, "TIFF", save_all=True, append_images=[page] * 120)
    assert read_photo(content).note == "the first of 100 pictures or more"


def test_text_in_a_png_is_read_up_to_our_limit_whatever_another_package_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_text(length: int) -> bytes:
        info = PngImagePlugin.PngInfo()
        info.add_text("history", "a" * length, zip=True)
        return saved(Image.new("RGB", (2, 2)), pnginfo=info)

    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 2**40)
    with pytest.raises(PhotoError, match="too large"):
        read_pixels(with_text(photos.MAX_TEXT_CHUNK + 1))
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 1)
    assert read_pixels(with_text(3 * 2**20)).shape == (2, 2, 3)
    assert PngImagePlugin.MAX_TEXT_CHUNK == 1


def test_a_file_that_is_far_too_long_for_a_photo_is_not_read(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jpg")
    assert read_content(path) == b"x"
    with path.open("r+b") as file:
        file.truncate(50 * 10**9)  # sparse: it takes no room
    with pytest.raises(PhotoError, match=r"50,000,000,000 bytes; --max-megapixels sets") as error:
        read_content(path)
    assert error.value.status == "too_large"
    with path.open("r+b") as file:
        file.truncate(photos.MIN_FILE_LIMIT + 1)
    with pytest.raises(PhotoError):
        read_content(path, max_megapixels=1)
    assert len(read_content(path, max_megapixels=40)) == photos.MIN_FILE_LIMIT + 1


@pytest.fixture
def heic() -> bytes:
    """A photo of 64 x 32 pixels, the left half of it light, which is to be turned to the right by a quarter."""
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[:, :32] = 200
    image = Image.fromarray(stored)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    return saved(image, "HEIF", quality=-1, chroma=444)


@pytest.fixture
def heic_but_no_extra(heic: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # importing it fails
    photos._known_formats.cache_clear()
    yield heic
    photos._known_formats.cache_clear()


def test_a_heic_is_a_photo_and_upright(tmp_path: Path, heic: bytes) -> None:
    assert b"irot" in heic  # turned there and, by a word that is not to be followed as well, in EXIF
    put(tmp_path / "Ann" / "a.HEIC", heic)
    [photo] = find_photos(tmp_path).photos
    assert photo.status is None
    pixels = read_pixels(read_content(photo.path))
    assert pixels.shape == (64, 32, 3)
    assert (pixels[8, 16].tolist(), pixels[56, 16].tolist()) == ([200, 200, 200], [0, 0, 0])
    with pytest.raises(PhotoError) as error:
        read_pixels(heic[: len(heic) // 2])
    assert error.value.status == "unreadable"


def test_without_the_extra_a_heic_of_any_name_says_how_to_get_it(tmp_path: Path, heic_but_no_extra: bytes) -> None:
    heic = heic_but_no_extra
    put(tmp_path / "Ann" / "a.heif", heic)
    [photo] = find_photos(tmp_path).photos
    assert (photo.status, photo.reason) == ("unsupported", HEIC_HINT)
    for brands in (heic[8:24], b"mif1\0\0\0\0miafmif1"):
        with pytest.raises(PhotoError, match=r"pip install 'facesql\[heic\]'") as error:
            read_pixels(heic[:8] + brands + heic[24:])
        assert error.value.status == "unsupported"
    assert read_pixels(saved(Image.new("RGB", (16, 16)), "AVIF")).shape == (16, 16, 3)


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
    put(tmp_path / "Ann" / "camera.NEF")
    raw, loose = find_photos(tmp_path).photos
    assert (raw.status, raw.reason) == ("unsupported", "NEF cannot be decoded; convert it to JPEG")
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


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_if_asked_but_not_round_in_a_circle(tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere" / "secret.jpg")
    folder = tmp_path / "photos"
    put(folder / "Ann" / "2020" / "a.jpg")
    (folder / "Ann" / "c.jpg").symlink_to(outside)
    (folder / "Ann" / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    (folder / "Ann" / "itself.jpg").symlink_to(folder / "Ann" / "itself.jpg")
    (folder / "Ann" / "2020" / "up").symlink_to(folder / "Ann")
    (folder / "Ann" / "2020" / "top").symlink_to(folder)
    (folder / "Bob").symlink_to(outside.parent)
    (outside.parent / "Cid").symlink_to(outside.parent)
    found = find_photos(folder, follow_links=True).photos
    assert [(photo.id, photo.person, photo.status) for photo in found] == [
        ("Ann/2020/a.jpg", "Ann", None),
        ("Ann/2020/top", "Ann", "link"),
        ("Ann/2020/up", "Ann", "link"),
        ("Ann/c.jpg", "Ann", None),
        ("Ann/gone.jpg", "Ann", "unreadable"),
        ("Ann/itself.jpg", "Ann", "unreadable"),
        ("Bob/Cid", "Bob", "link"),
        ("Bob/secret.jpg", "Bob", None),
    ]
    assert "round in a circle" in str(found[1].reason)
    assert found[-1].path.read_bytes() == b"x"


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_followed_link_above_the_folder_comes_to_an_end(tmp_path: Path) -> None:
    put(tmp_path / "photos" / "Ann" / "a.jpg")
    (tmp_path / "photos" / "Ann" / "up").symlink_to(tmp_path)
    found = find_photos(tmp_path / "photos", follow_links=True).photos
    assert [(photo.id, photo.status) for photo in found] == [("Ann/a.jpg", None), ("Ann/up/photos", "link")]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS holds the two spellings to be one")
def test_two_spellings_of_an_accent_are_one_person_with_distinct_ids(tmp_path: Path) -> None:
    composed, decomposed = "J\xf6rg", "Jo\u0308rg"
    for name in (composed, decomposed, "Ann"):
        put(tmp_path / name / "a.jpg")
    listing = find_photos(tmp_path)
    assert {photo.id: photo.person for photo in listing.photos} == {
        "Ann/a.jpg": "Ann",
        f"{composed}/a.jpg": composed,
        f"{decomposed}/a.jpg": composed,
    }
    assert listing.spellings() == 1


@pytest.mark.skipif(os.name != "posix", reason="only POSIX names can be bytes that are no text")
def test_names_that_would_be_written_alike_have_distinct_ids(tmp_path: Path) -> None:
    for name in (rb"\xf6", b"\xf6"):
        folder = os.fsencode(tmp_path) + b"/" + name
        os.mkdir(folder)  # noqa: PTH102 - a Path cannot be made of bytes
        for file in (rb"\xf6\xf6.jpg", b"\xf6\\xf6.jpg", b"\xf6\xf6.jpg"):
            Path(os.fsdecode(folder + b"/" + file)).write_bytes(name + file)
    listing = find_photos(tmp_path)
    names = [r"\xf6\xf6.jpg", r"\xf6\xf6.jpg~2", r"\xf6\xf6.jpg~3"]
    assert [photo.id for photo in listing.photos] == [f"{p}/{name}" for p in (r"\xf6", r"\xf6~2") for name in names]
    assert [photo.person for photo in listing.photos] == [r"\xf6"] * 3 + [r"\xf6~2"] * 3
    assert listing.photos[0].path.read_bytes() == rb"\xf6\xf6\xf6.jpg"
    assert len({photo.path.read_bytes() for photo in listing.photos}) == 6
    assert listing.spellings() == 0


@pytest.mark.skipif(os.name != "posix", reason="only POSIX names can be bytes that are no text")
def test_a_name_that_is_not_unicode_gets_an_id_that_is(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/J\xf6rg"
    os.mkdir(folder)  # noqa: PTH102 - a Path cannot be made of bytes
    Path(os.fsdecode(folder + b"/a.jpg")).write_bytes(b"x")
    [photo] = find_photos(tmp_path).photos
    assert photo.id == r"J\xf6rg/a.jpg"
    assert photo.path.read_bytes() == b"x"


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FacesqlError, match="is not a folder; give a folder"):
        find_photos(put(tmp_path / "a.jpg"))
