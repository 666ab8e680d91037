"""Which face is the person's, when a photo holds several."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from facesql.encoder import Face
from facesql.errors import parse_choice


class FaceRule(StrEnum):
    """How the person's face is told from the others in the photo."""

    MATCH = "match"  # the face nearest to the faces in the person's other photos
    CENTRAL = "central"  # the face whose centre is nearest to the photo's
    LARGEST = "largest"  # the face with the largest box
    ONLY = "only"  # photos with one face, no others
    ALL = "all"  # every face


def parse_rule(text: str) -> FaceRule:
    """The rule of that name.

    Raises FacesqlError for a rule that there is not.

    >>> parse_rule("largest").value
    'largest'
    """
    return parse_choice(text, FaceRule, "rule for faces")


@dataclass(frozen=True)
class Candidates:
    """A photo of a person with the faces found in it; width and height in pixels."""

    photo: str
    person: str
    width: int
    height: int
    faces: Sequence[Face]


# Why a photo with several faces gives no row, by the rule that cannot decide.
UNDECIDED = {
    FaceRule.MATCH: ("undecidable", "several faces, and too few other photos of the person to tell by"),
    FaceRule.ONLY: ("several_faces", "more than one face"),
}


def choose(photos: Sequence[Candidates], rule: FaceRule) -> list[list[int]]:
    """For each photo, in order, which of its faces (0-based) are the person's; none where the rule cannot decide.

    With ``match``, the face with the smallest mean distance to all faces in the person's other photos; it
    decides only where the person has more than two photos with faces. Of equals, the first is taken.
    """
    by_person: dict[str, list[Candidates]] = defaultdict(list)
    for photo in photos:
        if photo.faces:
            by_person[photo.person].append(photo)
    return [_choose(photo, by_person[photo.person], rule) for photo in photos]


def _choose(photo: Candidates, same_person: Sequence[Candidates], rule: FaceRule) -> list[int]:
    if len(photo.faces) < 2 or rule is FaceRule.ALL:
        return list(range(len(photo.faces)))
    if rule is FaceRule.ONLY:
        return []
    if rule is FaceRule.MATCH:
        if len(same_person) <= 2:
            return []
        others = [face for other in same_person if other is not photo for face in other.faces]
        return [int(np.argmin(_mean_distances(photo.faces, others)))]
    if rule is FaceRule.LARGEST:
        return [int(np.argmax([(face.bottom - face.top) * (face.right - face.left) for face in photo.faces]))]
    return [int(np.argmin([_from_centre(face, photo) for face in photo.faces]))]


def _mean_distances(faces: Sequence[Face], others: Sequence[Face]) -> NDArray[np.float64]:
    """The mean Euclidean distance of each of n faces to m others: float64, shape (n,)."""
    to = np.array([other.encoding for other in others], dtype=np.float64)
    return np.array([np.linalg.norm(to - face.encoding.astype(np.float64), axis=1).mean() for face in faces])


def _from_centre(face: Face, photo: Candidates) -> float:
    """The distance, in pixels, between the centre of the face's box and the photo's."""
    across = (face.left + face.right - photo.width) / 2
    down = (face.top + face.bottom - photo.height) / 2
    return float(np.hypot(across, down))
