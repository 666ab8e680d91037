"""Two photos: how far apart their faces are, and what that means by a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from facesql.nearest import distances_from
from facesql.photofaces import PhotoFaces, read_faces
from facesql.photos import MAX_MEGAPIXELS
from facesql.provenance import untold
from facesql.verdicts import MEANING, Judge, meanings

# One row for each face of the first photo and face of the second, in their order.
COMPARED = pl.Schema([("face_a", pl.Int64), ("face_b", pl.Int64), ("distance", pl.Float64), *MEANING.items()])


@dataclass(frozen=True)
class Comparison:
    """What ``compare_photos`` found."""

    first: PhotoFaces
    second: PhotoFaces
    table: pl.DataFrame
    """With the schema COMPARED; faces are numbered from 1, from left to right."""
    judge: Judge | None
    doubts: Sequence[str] = ()
    """Sentences on what makes the distances doubtful."""


def compare_photos(
    first: Path,
    second: Path,
    report: Path | None = None,
    *,
    genuine_share: float | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Comparison:
    """Compare each face of a photo with each of another, by Euclidean distances in float64.

    ``report`` is the folder of a finished analysis: photos are encoded as its faces were, and its calibration and
    operating points tell what distances mean. ``genuine_share`` is how many of the user's comparisons are of one person
    (default: as in the report). Without a report face_recognition's 0.6 alone is known.

    Raises FacesqlError where a photo cannot be read or has no face, or the report is of other distances;
    MissingPackageError where the packages that encode are missing.
    """
    judge = None if report is None else Judge.of(report, genuine_share)
    photos, doubts = read_faces(
        [first, second],
        {} if judge is None else judge.made,
        "" if report is None else str(report),
        max_megapixels=max_megapixels,
    )
    if judge is not None:
        doubts += untold(str(judge.report), judge.made)
    a, b = photos
    pairs = [
        (number, other, float(distances_from(face.encoding, another.encoding[None])[0]))
        for number, face in enumerate(a.faces, 1)
        for other, another in enumerate(b.faces, 1)
    ]
    table = pl.DataFrame(pairs, schema=["face_a", "face_b", "distance"], orient="row")
    told = meanings(table["distance"], judge)
    return Comparison(a, b, pl.concat([table, told], how="horizontal"), judge, doubts)
