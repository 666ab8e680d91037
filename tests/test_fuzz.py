"""Damaged photos: whatever a file holds, reading it gives pixels or a PhotoError, and nothing else."""

import io
from functools import cache

import numpy as np
import pytest

from facesql import photos
from facesql.drawing import draw_face, draw_person, random_pose
from facesql.photos import PhotoError, read_photo

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
MORE_KINDS = (*KINDS, "AVIF", "HEIF", "JPEG2000", "PPM")  # not every Pillow has them
DAMAGES = ("bits", "cut", "splice", "header")
MAX_MEGAPIXELS = 4.0


@cache
def drawn(kind: str, seed: int = 0, side: int = 96) -> bytes:
    """A drawn photo as a file of that kind."""
    random = np.random.default_rng(seed)
    content = io.BytesIO()
    photos._known_formats()  # registers what writes HEIF, too
    draw_face(draw_person(random), random_pose(random), side).save(content, kind)
    return content.getvalue()


def damaged(number: int, kinds: tuple[str, ...] = KINDS) -> tuple[str, str, bytes]:
    """The photo of that number: its kind, what was done to it, and its bytes; equal numbers give equal photos."""
    random = np.random.default_rng([2_026, number])
    kind = kinds[number % len(kinds)]
    damage = DAMAGES[number // len(kinds) % len(DAMAGES)]
    content = np.frombuffer(drawn(kind), np.uint8).copy()
    if damage in ("bits", "header"):
        end = content.size if damage == "bits" else min(content.size, 256)
        for place in random.integers(0, end, random.integers(1, 20)):
            content[place] ^= 1 << random.integers(8)
        return kind, damage, content.tobytes()
    cut = int(random.integers(content.size))
    if damage == "cut":
        return kind, damage, content[:cut].tobytes()
    other = np.frombuffer(drawn(str(random.choice(kinds)), seed=1), np.uint8)
    return kind, damage, content[:cut].tobytes() + other[random.integers(other.size) :].tobytes()


def outcome(content: bytes) -> str:
    """'decoded', or the status of the PhotoError; anything else that is raised comes through."""
    try:
        pixels = read_photo(content, MAX_MEGAPIXELS).pixels
    except PhotoError as error:
        return error.status
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert 0 < pixels.shape[0] * pixels.shape[1] <= MAX_MEGAPIXELS * 1e6
    return "decoded"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_to_be_damaged_can_be_read(kind: str) -> None:
    assert read_photo(drawn(kind)).pixels.shape == (96, 96, 3)


def test_a_damaged_photo_gives_pixels_or_a_photo_error() -> None:
    outcomes = {outcome(damaged(number)[2]) for number in range(200)}
    assert outcomes <= {"decoded", "unreadable", "too_large"}
    assert {"decoded", "unreadable"} <= outcomes
