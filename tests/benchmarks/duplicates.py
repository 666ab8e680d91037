"""How far one picture is from itself, saved again: what the bound NEAR of facesql.duplicates is measured by.

python -m tests.benchmarks.duplicates PHOTOS [N]

N photos (60 without a number) in which the detector finds one face are drawn by lot from a folder, such as LFW's. Each
is saved again as JPEG at several qualities, doubled and halved in size, and cropped at its edges. For each change it
prints the photos that still show one face, quantiles of the distance of the two encodings, and the share within NEAR.
"""

import io
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesql.duplicates import NEAR
from facesql.encoder import Backend, prepare
from facesql.photos import PhotoError, read_pixels

QUANTILES = (0.1, 0.5, 0.9, 0.99)
# The part of the width and the height that is cut off at each edge.
CROPPED = 0.04


def saved(picture: Image.Image, quality: int) -> Image.Image:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return Image.open(content).convert("RGB")


def resized(picture: Image.Image, factor: float) -> Image.Image:
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))


def cropped(picture: Image.Image) -> Image.Image:
    x, y = round(picture.width * CROPPED), round(picture.height * CROPPED)
    return picture.crop((x, y, picture.width - x, picture.height - y))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    **{f"JPEG, quality {quality}": partial(saved, quality=quality) for quality in (95, 85, 70, 50)},
    "doubled": partial(resized, factor=2),
    "cropped": cropped,
    "halved": partial(resized, factor=0.5),
    "halved, quality 85": lambda picture: saved(resized(picture, 0.5), 85),
}


def encoding(backend: Backend, pixels: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The encoding of the only face; None where there are more, or none."""
    found = backend.find(pixels)
    return np.asarray(backend.encode(found)[0].encoding, np.float64) if len(found) == 1 else None


def originals(backend: Backend, photos: Sequence[Path], count: int) -> list[tuple[Image.Image, NDArray[np.float64]]]:
    """The first so many photos that show one face, and its encoding."""
    chosen: list[tuple[Image.Image, NDArray[np.float64]]] = []
    for path in photos:
        if len(chosen) == count:
            break
        try:
            pixels = read_pixels(path.read_bytes())
        except PhotoError:
            continue
        if (known := encoding(backend, pixels)) is not None:
            chosen.append((Image.fromarray(pixels), known))
    return chosen


def main(folder: Path, count: int) -> None:
    prepared, _ = prepare()
    backend = prepared.load()
    photos = sorted(path for path in folder.rglob("*.*") if path.is_file())
    random.Random(1).shuffle(photos)  # noqa: S311 - no secret
    chosen = originals(backend, photos, count)
    print(f"{len(chosen)} photos of one face; distances to the same picture, changed")
    print(f"{'':20} faces" + "".join(f"{f'{100 * q:g} %':>8}" for q in QUANTILES) + f"   within {NEAR:g}")
    for label, change in CHANGES.items():
        again = [(known, encoding(backend, np.asarray(change(picture)))) for picture, known in chosen]
        distances = np.array([np.linalg.norm(known - new) for known, new in again if new is not None])
        if not len(distances):
            print(f"{label:20} {0:5}")
            continue
        quantiles = "".join(f"{value:8.3f}" for value in np.quantile(distances, QUANTILES))
        print(f"{label:20} {len(distances):5}{quantiles}   {np.mean(distances <= NEAR):6.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60)
