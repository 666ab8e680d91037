"""Time detection at several sizes, and compare the faces found with those found in the photos at their full size.

python -m tests.benchmarks.detect_size FOLDER [DETECTOR] [UPSAMPLE]

Every photo below FOLDER counts. Of each size it prints the seconds of a core that making the copy of a photo and
finding its faces takes, how many times faster that is than at full size, and how many faces are found: of those found
at full size, those that are found again, in a box that overlaps by more than half (intersection over union); and
others. Of the faces found again it prints the median and the largest distance of the two encodings, and of those missed
the median and the largest width in the photo, in pixels.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facesql.encoder import DEFAULTS, Backend, Detector, Face, FaceSettings, prepare
from facesql.photos import PHOTO_SUFFIXES, read_pixels

SIZES = (800, 1200, 1600, 2000, 2400, 3000)
OVERLAP = 0.5


@dataclass(frozen=True)
class Found:
    """The faces of each photo, and the seconds of a core that finding, not encoding, them took."""

    faces: list[list[Face]]
    seconds: float


def find(photos: Sequence[Path], backend: Backend) -> Found:
    faces, seconds = [], 0.0
    for photo in photos:
        pixels = read_pixels(photo.read_bytes())
        start = time.process_time()  # what else a machine does is not counted
        found = backend.find(pixels)
        seconds += time.process_time() - start
        faces.append(backend.encode(found))
    return Found(faces, seconds)


def overlap(a: Face, b: Face) -> float:
    """The boxes' intersection over their union."""
    wide = min(a.right, b.right) - max(a.left, b.left)
    high = min(a.bottom, b.bottom) - max(a.top, b.top)
    both = max(wide, 0) * max(high, 0)
    areas = [(face.right - face.left) * (face.bottom - face.top) for face in (a, b)]
    return both / (sum(areas) - both)


def matched(full: Sequence[Face], others: Sequence[Face]) -> list[tuple[Face, Face | None]]:
    """Each face that was found at full size with the same face as it was found otherwise, if it was."""
    nearest = [max(others, key=lambda other: overlap(face, other), default=None) for face in full]
    return [
        (face, other if other is not None and overlap(face, other) > OVERLAP else None)
        for face, other in zip(full, nearest, strict=True)
    ]


def line(size: str, found: Found, full: Found) -> str:
    pairs = [pair for ours, theirs in zip(full.faces, found.faces, strict=True) for pair in matched(ours, theirs)]
    distances = [np.linalg.norm(a.encoding - b.encoding) for a, b in pairs if b is not None]
    missed = [a.right - a.left for a, b in pairs if b is None]
    others = sum(map(len, found.faces)) - len(distances)
    apart = f"{np.median(distances):8.3f} {max(distances):8.3f}" if distances else f"{'-':>8} {'-':>8}"
    widths = f"{np.median(missed):8.0f} {max(missed):8.0f}" if missed else f"{'-':>8} {'-':>8}"
    return (
        f"{size:>5} {found.seconds / len(found.faces):8.2f} {full.seconds / found.seconds:8.1f} "
        f"{len(distances):5d} of {len(pairs):<5d} {others:6d} {apart} {widths}"
    )


def main(folder: Path, settings: FaceSettings) -> None:
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    shapes = [read_pixels(photo.read_bytes()).shape for photo in photos]
    megapixels = [height * width / 1e6 for height, width, _ in shapes]
    print(
        f"{len(photos)} photos of {min(megapixels):.1f} to {max(megapixels):.1f} megapixels, median "
        f"{np.median(megapixels):.1f}; {settings.detector}, upsample {settings.upsample}"
    )
    print(f"{'':40}{'distance':>17} {'missed widths':>17}")
    print(
        f"{'size':>5} {'s/photo':>8} {'faster':>8} {'found again':>14} {'others':>6} "
        f"{'median':>8} {'largest':>8} {'median':>8} {'largest':>8}"
    )
    full = find(photos, prepare(faces=replace(settings, detect_size=0))[0].load())
    for size in SIZES:
        found = find(photos, prepare(faces=replace(settings, detect_size=size))[0].load())
        print(line(str(size), found, full), flush=True)
    print(line("full", full, full))


if __name__ == "__main__":
    folder, detector, upsample = [*sys.argv[1:], *(str(DEFAULTS.detector), str(DEFAULTS.upsample))[len(sys.argv) - 2 :]]
    main(Path(folder), replace(DEFAULTS, detector=Detector(detector), upsample=int(upsample)))
