"""A photo made smaller for the detector, and boxes that were found there in the photo's own pixels."""

import numpy as np
from numpy.typing import NDArray

# Top, right, bottom and left, in pixels.
Box = tuple[int, int, int, int]


def reduced(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """A copy (uint8 RGB, height x width x 3) whose longest side is ``longest`` pixels.

    The photo itself where it is no larger, or where ``longest`` is 0.
    """
    if not longest or max(pixels.shape[:2]) <= longest:
        return pixels
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)


def box_in_photo(box: Box, copy: NDArray[np.uint8], photo: NDArray[np.uint8]) -> Box:
    """The box in the photo of a box in its reduced copy: inside the photo, and never empty.

    A side that is n times longer has n pixels for each of the copy's; a box ends with the last of them.

    >>> box_in_photo((0, 5, 5, 2), np.zeros((10, 10, 3), np.uint8), np.zeros((40, 20, 3), np.uint8))
    (0, 11, 23, 4)
    """
    if copy.shape == photo.shape:
        return box
    top, right, bottom, left = box
    top, bottom = _stretched(top, bottom, photo.shape[0] / copy.shape[0], photo.shape[0])
    left, right = _stretched(left, right, photo.shape[1] / copy.shape[1], photo.shape[1])
    return top, right, bottom, left


def _stretched(first: int, last: int, times: float, side: int) -> tuple[int, int]:
    """Where pixels ``first`` to ``last`` lie on a side that is so many times longer, of ``side`` pixels."""
    start = min(max(round(first * times), 0), side - 1)
    return start, min(max(round((last + 1) * times) - 1, start + 1), side)
