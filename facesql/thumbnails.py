"""Small pictures of faces made smaller: for the tooltips of a chart, and many of them as one picture."""

import io
from base64 import b64encode
from collections.abc import Sequence
from math import ceil, sqrt

# A thumbnail's side in pixels, and what WebP keeps of it: 700 bytes or so.
SIDE, QUALITY = 64, 50
# The sides of a sprite: the Embedding Projector takes no more than 8,192 pixels, many graphics cards 4,096.
LARGEST, USUAL = 8192, 4096
# What stands for a picture that there is not.
_NOTHING = (221, 221, 221)


def data_uri(picture: bytes | None) -> str:
    """A picture of at most SIDE pixels a side, as an address that holds it; empty where there is none."""
    if picture is None:
        return ""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        image.thumbnail((SIDE, SIDE))
        written = io.BytesIO()
        image.save(written, "WebP", quality=QUALITY)
    return f"data:image/webp;base64,{b64encode(written.getvalue()).decode()}"


def sprite_side(count: int) -> int:
    """The side of each of ``count`` pictures in a sprite, in pixels: SIDE, or what is left of USUAL, or of LARGEST.

    >>> sprite_side(20), sprite_side(12_872), sprite_side(10**6)
    (64, 35, 8)
    """
    columns = _columns(count)
    return min(SIDE, max(USUAL // columns, min(LARGEST // columns, 16)))


def sprite(pictures: Sequence[bytes | None]) -> bytes:
    """Pictures side by side in a square, row by row, as one PNG; grey where there is none.

    Each is a square of ``sprite_side`` pixels. The last rows of the square may be empty.
    """
    from PIL import Image

    side, columns = sprite_side(len(pictures)), _columns(len(pictures))
    whole = Image.new("RGB", (side * columns, side * columns), _NOTHING)
    for place, picture in enumerate(pictures):
        if picture is not None:
            with Image.open(io.BytesIO(picture)) as image:
                small = image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            whole.paste(small, (place % columns * side, place // columns * side))
    written = io.BytesIO()
    whole.save(written, "PNG")
    return written.getvalue()


def _columns(count: int) -> int:
    return max(ceil(sqrt(count)), 1)
