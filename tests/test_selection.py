"""Whose face it is: each rule on hand-made faces."""

import numpy as np
import pytest

from facesql.encoder import Face
from facesql.errors import FacesqlError
from facesql.selection import Candidates, FaceRule, choose, parse_rule


def face(value: float, top: int = 0, left: int = 0, side: int = 10) -> Face:
    return Face(top, left + side, top + side, left, np.array([value, 0], np.float32))


def photo(name: str, *faces: Face, person: str = "Ann") -> Candidates:
    return Candidates(name, person, 100, 80, faces)


def test_match_takes_the_face_nearest_to_all_faces_of_the_other_photos() -> None:
    photos = [photo("1", face(0.1)), photo("2", face(0.9), face(0.2)), photo("3", face(0.0), face(0.85))]
    # Photo 2: 0.9 is at mean (0.8 + 0.9 + 0.05) / 3, 0.2 at (0.1 + 0.2 + 0.65) / 3. Photo 3: 0.0 is at
    # (0.1 + 0.9 + 0.2) / 3, 0.85 at (0.75 + 0.05 + 0.65) / 3.
    assert choose(photos, FaceRule.MATCH) == [[0], [1], [0]]


def test_match_cannot_decide_with_two_photos_that_have_faces() -> None:
    photos = [photo("1", face(0.1)), photo("2", face(0.9), face(0.2)), photo("3")]
    assert choose(photos, FaceRule.MATCH) == [[0], [], []]


def test_match_looks_at_no_other_persons_photos() -> None:
    photos = [photo("1", face(0.0), face(1.0)), *(photo(str(n), face(0.0), person="Bob") for n in range(5))]
    assert choose(photos, FaceRule.MATCH)[0] == []


def test_of_equals_match_takes_the_first() -> None:
    photos = [photo("1", face(0.5)), photo("2", face(0.5)), photo("3", face(0.4), face(0.6))]
    assert choose(photos, FaceRule.MATCH)[2] == [0]


def test_rules_by_box() -> None:
    corner_large, middle_small = face(0, 0, 0, side=30), face(1, 37, 47, side=6)
    photos = [photo("1", corner_large, middle_small)]
    assert choose(photos, FaceRule.CENTRAL) == [[1]]
    assert choose(photos, FaceRule.LARGEST) == [[0]]
    assert choose(photos, FaceRule.ONLY) == [[]]
    assert choose(photos, FaceRule.ALL) == [[0, 1]]


@pytest.mark.parametrize("rule", FaceRule)
def test_one_face_is_the_persons_by_every_rule_and_no_face_is_none(rule: FaceRule) -> None:
    assert choose([photo("1", face(0.5)), photo("2")], rule) == [[0], []]


def test_a_rule_that_there_is_not_is_one_sentence() -> None:
    with pytest.raises(FacesqlError, match="match, central, largest, only, all"):
        parse_rule("best")
