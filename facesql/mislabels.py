"""What is probably wrong with the names of photos: five kinds, each by the odds of its evidence.

Every decision compares medians, so that no single photo decides for a person; see ``evidence`` for how distances
become odds. ``PRIOR`` is shared among the others: a photo that bears a wrong name is any other person's alike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isnan, log

import numpy as np

from facesql.duplicates import near_pairs
from facesql.evidence import LEAST_VALUES, PRIOR, Genuine, Impostor, fit_genuine, fit_impostor, log_ratio
from facesql.neighbours import CLASSES, Encodings, Floats, Neighbours, Numbers, SortedFaces, set_distance, size_class

# Who has fewer photos is not cut into two sets by all of them.
LEAST_OF_TWO = 4
_ROUNDS = 20

_Pair = frozenset[int | None]


class Kind(StrEnum):
    """What is wrong."""

    MISPLACED = "misplaced"
    """A photo far from its own person's, and near another's."""
    ONE_PERSON = "one person"
    """Two names whose photos are as near as those of one."""
    TWO_PEOPLE = "two people"
    """One name whose photos fall into two sets, as far from each other as those of two."""
    SAME_PHOTO = "same photo"
    """Nearly the same picture under two names."""
    WRONG_FACE = "wrong face"
    """Another face of the same photo fits the person better."""


@dataclass(frozen=True, eq=False)
class Alternative:
    """A face of a photo that is in the table by another face: the row of that; then this one's.

    ``box`` is in pixels of the photo: top, right, bottom and left.
    """

    row: int
    photo: str
    face: int
    box: tuple[int, int, int, int]
    encoding: Encodings


@dataclass(frozen=True)
class Finding:
    """Something that is probably wrong. Rows are those of the sorted faces, people their numbers.

    ``rows`` are the faces to leave out; where two names are one person there are none, and the person of ``row`` is to
    be called ``person_other``. ``row`` and ``other`` are the two faces to look at; of a wrong face, ``alternative`` is
    the other one. ``own`` is the distance to the own person, NaN where there is none to tell, and ``distance`` that to
    the other, both medians but for the same photo. ``log_odds`` are natural.
    """

    kind: Kind
    row: int
    rows: tuple[int, ...]
    own: float
    distance: float
    log_odds: float
    other: int | None = None
    person_other: int | None = None
    alternative: Alternative | None = None
    by_one_photo: bool = False
    """Whether ``distance`` is that to the face ``other`` alone."""


@dataclass(frozen=True)
class Calibration:
    """The densities that distances are judged by, from the same data.

    ``genuine`` and ``impostor`` are those of sets of photos a size class; ``cut`` is that of two sets into which one
    person's photos are cut where they are farthest apart.
    """

    genuine: Sequence[Genuine]
    impostor: Sequence[Impostor]
    cut: Genuine
    least: float
    """The log odds above which something is found."""

    def ratio(self, distance: float, size: int = 0) -> float:
        """The log likelihood ratio of one person to two, at a distance of sets of that size class."""
        return log_ratio(self.genuine[size], self.impostor[size], distance)

    def search(self, others: int, runner_up: float, size: int = 0) -> float:
        """The log prior odds that it is the nearest of so many others, with the third nearest so far away."""
        return log(PRIOR) + self.impostor[size].log_search(others, runner_up)


@dataclass(frozen=True)
class _Cut:
    """One person's photos in two sets."""

    larger: Numbers
    smaller: Numbers
    distance: float


def find_mislabels(
    faces: SortedFaces, neighbours: Neighbours, alternatives: Sequence[Alternative] = (), *, least: float = 0.0
) -> list[Finding]:
    """All findings whose log odds are above ``least``.

    No face is to be left out twice: the same photo is told first, then a wrong face, a misplaced photo, and two people.
    Without pairs of one person, or of two, only the same photo can be told.
    """
    found = list(_same_photos(faces, neighbours))
    cuts = {person: cut for person in range(len(faces.sizes)) if (cut := _cut(faces, person, neighbours.own))}
    known = _calibrate(faces, neighbours, cuts, least)
    if known is None:
        return found
    # Of a person's only photo, either it is misplaced or theirs are two names: what is more probable.
    names = {_pair(faces, finding): finding for finding in _one_person(faces, neighbours, known)}
    # Who has one photo only, and that is the other's, too, is told already.
    told = {_pair(faces, photo) for photo in found if faces.sizes[_person(faces, photo.row)] == 1}
    names = {pair: finding for pair, finding in names.items() if pair not in told}
    photos: dict[_Pair, Finding] = {}
    same = {frozenset((photo.row, photo.other)) for photo in found}
    for finding in sorted(_by_one_photo(faces, neighbours, known), key=lambda finding: -finding.log_odds):
        pair = _pair(faces, finding)
        if frozenset((finding.row, finding.other)) in same:
            continue
        if pair not in photos and (pair not in names or names[pair].log_odds < finding.log_odds):
            photos[pair] = finding
    found += (finding for pair, finding in names.items() if pair not in photos)
    taken = {row for finding in found for row in finding.rows}
    for kind in (
        _wrong_faces(faces, known, alternatives, taken),
        _misplaced(faces, neighbours, known, photos.values(), taken),
        _two_people(faces, neighbours, known, cuts, taken),
    ):
        for finding in kind:
            taken.update(finding.rows)
            found.append(finding)
    return found


def _pair(faces: SortedFaces, finding: Finding) -> _Pair:
    """The two people that it is about."""
    return frozenset((_person(faces, finding.row), finding.person_other))


def _calibrate(
    faces: SortedFaces, neighbours: Neighbours, cuts: Mapping[int, _Cut], least: float
) -> Calibration | None:
    """The densities; None where there are no two people, or no two photos of one."""
    told = ~np.isnan(neighbours.own)
    middles = (np.arange(neighbours.impostor.shape[1]) + 0.5) * neighbours.width
    if not told.any() or not neighbours.impostor[0].any():
        return None
    several = int((faces.sizes > 1).sum())
    weights = 1 / faces.sizes[faces.people[told]]
    genuine = [fit_genuine(neighbours.own[told], weights, neighbours.width)]
    impostor: list[Impostor] = []
    by_class = _halves(faces)
    for size in range(CLASSES):
        counts = neighbours.impostor[size]
        if size and min(counts.sum(), len(by_class[size])) < LEAST_VALUES:
            impostor.append(impostor[-1])
            genuine.append(genuine[-1])
            continue
        people = len(faces.sizes) if size == 0 else several
        impostor.append(fit_impostor(middles[counts > 0], counts[counts > 0], people, neighbours.width))
        if size:
            genuine.append(_fit(by_class[size], neighbours.width))
    distances = [cut.distance for cut in cuts.values()]
    cut = _fit(distances, neighbours.width) if len(distances) >= LEAST_VALUES else genuine[0]
    return Calibration(genuine, impostor, cut, least)


def _fit(distances: Sequence[float], least: float) -> Genuine:
    return fit_genuine(np.array(distances), np.ones(len(distances)), least)


def _halves(faces: SortedFaces) -> list[list[float]]:
    """How far each person's photos with even numbers are from those with odd ones, by size class: like two names."""
    found: list[list[float]] = [[] for _ in range(CLASSES)]
    for person in np.flatnonzero(faces.sizes >= LEAST_OF_TWO).tolist():
        rows = faces.of(person)
        distance = set_distance(faces, rows[::2], rows[1::2])
        if not isnan(distance):
            found[size_class(len(rows[::2]), len(rows[1::2]))].append(distance)
    return found


def _same_photos(faces: SortedFaces, neighbours: Neighbours) -> Iterator[Finding]:
    """Pairs of nearly the same picture under two names. Of the two, that goes which fits its own person less."""
    taken: set[int] = set()
    for pair in near_pairs(faces.encodings):
        if faces.people[pair[0]] == faces.people[pair[1]] or faces.photos[pair[0]] == faces.photos[pair[1]]:
            continue
        kept, row = sorted(pair, key=lambda face: (_or_far(float(neighbours.own[face])), face))
        if row in taken:
            continue
        taken.add(row)
        distance = float(faces.distances(np.array([row]), np.array([kept]))[0, 0])
        own = float(faces.medians(np.array([row]), faces.of(_person(faces, row)))[0])
        yield Finding(Kind.SAME_PHOTO, row, (row,), own, distance, inf, kept, _person(faces, kept))


def _or_far(distance: float) -> float:
    return inf if isnan(distance) else float(distance)


def _one_person(faces: SortedFaces, neighbours: Neighbours, known: Calibration) -> Iterator[Finding]:
    """People and those who are most like them."""
    pairs = {(min(pair), max(pair)) for pair in enumerate(neighbours.alike.tolist()) if pair[1] >= 0}
    for pair in sorted(pairs):
        # Who has fewer photos gets the other's name.
        larger, smaller = sorted(pair, key=lambda person: (-faces.sizes[person], person))
        rows, others = faces.of(smaller), faces.of(larger)
        distance = set_distance(faces, rows, others)
        size = size_class(len(rows), len(others))
        runner_up = float(neighbours.alike_near[list(pair), -1].min())
        odds = known.search(len(faces.sizes) - 1, runner_up, size) + known.ratio(distance, size)
        if not odds > known.least:
            continue
        row, other = _middle_pair(faces, rows, others)
        own = float(np.nanmedian(neighbours.own[rows])) if not np.isnan(neighbours.own[rows]).all() else float("nan")
        yield Finding(Kind.ONE_PERSON, row, (), own, distance, odds, other, larger)


def _middle_pair(faces: SortedFaces, rows: Numbers, others: Numbers) -> tuple[int, int]:
    """Of two sets, the photo of the one that is most like the other, and that of the other that is most like it."""
    row = int(rows[np.argmin(faces.medians(rows, others))])
    return row, int(others[np.argmin(faces.distances(np.array([row]), others))])


def _wrong_faces(
    faces: SortedFaces, known: Calibration, alternatives: Sequence[Alternative], taken: set[int]
) -> Iterator[Finding]:
    by_row: dict[int, list[Alternative]] = {}
    for alternative in alternatives:
        by_row.setdefault(alternative.row, []).append(alternative)
    for row, several in sorted(by_row.items()):
        theirs = faces.of(_person(faces, row))
        theirs = theirs[faces.photos[theirs] != faces.photos[row]]
        if row in taken or not len(theirs):
            continue
        own, *distances = (
            float(np.median(np.linalg.norm(faces.encodings[theirs].astype(np.float64) - encoding, axis=1)))
            for encoding in (faces.encodings[row], *(other.encoding for other in several))
        )
        best = int(np.argmin(distances))
        odds = log(PRIOR / len(several)) - known.ratio(own) + known.ratio(distances[best])
        if odds > known.least:
            yield Finding(Kind.WRONG_FACE, row, (row,), own, distances[best], odds, alternative=several[best])


def _misplaced(
    faces: SortedFaces, neighbours: Neighbours, known: Calibration, by_one_photo: Iterable[Finding], taken: set[int]
) -> Iterator[Finding]:
    """Photos that are near another person's by the median, and those that are very near one of them."""
    found = [*_by_median(faces, neighbours, known), *by_one_photo]
    for finding in sorted(found, key=lambda finding: -finding.log_odds):
        if finding.row not in taken:
            taken.add(finding.row)
            yield finding


def _by_median(faces: SortedFaces, neighbours: Neighbours, known: Calibration) -> Iterator[Finding]:
    others = len(faces.sizes) - 1
    for row in np.flatnonzero(neighbours.near[:, 0] < neighbours.own).tolist():
        against = -known.ratio(neighbours.own[row])
        near, *_, runner_up = neighbours.near[row]
        # More probably the other's than a stranger's, whom the other is nearest to by chance.
        for_other = known.impostor[0].log_search(others, runner_up) + known.ratio(near)
        odds = log(PRIOR) + against + for_other
        if not (against > 0 and for_other > 0 and odds > known.least):
            continue
        here, other = np.array([row]), int(neighbours.nearest[row])
        own = float(faces.medians(here, faces.of(_person(faces, row)))[0])
        distances = faces.distances(here, faces.of(other))[0]
        nearest = int(faces.of(other)[np.argmin(distances)])
        yield Finding(Kind.MISPLACED, row, (row,), own, float(np.median(distances)), odds, nearest, other)


def _by_one_photo(faces: SortedFaces, neighbours: Neighbours, known: Calibration) -> Iterator[Finding]:
    """Photos that are very near one of another person, while they do not fit their own: that may have no others."""
    for row, other in enumerate(neighbours.closest.tolist()):
        own = neighbours.own[row]
        fits = other < 0 or (not isnan(own) and known.ratio(own) > 0)
        if fits or _or_far(own) < _or_far(neighbours.own[other]):
            continue
        distance = float(faces.distances(np.array([row]), np.array([other]))[0, 0])
        runner_up = float(neighbours.close[[row, other], -1].min())
        odds = known.search(len(faces.people) - 1, runner_up) + known.ratio(distance)
        if odds > known.least:
            own = float(faces.medians(np.array([row]), faces.of(_person(faces, row)))[0])
            theirs = _person(faces, other)
            yield Finding(Kind.MISPLACED, row, (row,), own, distance, odds, other, theirs, by_one_photo=True)


def _two_people(
    faces: SortedFaces, neighbours: Neighbours, known: Calibration, cuts: Mapping[int, _Cut], taken: set[int]
) -> Iterator[Finding]:
    """People whose photos fall into two sets, or a few of whose are far from all the rest. The fewer go."""
    far = {
        row
        for row in np.flatnonzero(~np.isnan(neighbours.own)).tolist()
        if log(PRIOR) - known.ratio(neighbours.own[row]) > known.least
    }
    for person in sorted({_person(faces, row) for row in far} | set(cuts)):
        rows = faces.of(person)
        ways = [(cut, _cut_odds(known, cut)) for cut in (cuts.get(person),) if cut is not None]
        if (apart := _without_far(faces, neighbours, known, rows, far)) is not None:
            ways.append((apart, log(PRIOR) - known.ratio(apart.distance)))
        cut, odds = max(ways, key=lambda way: way[1], default=(None, -inf))
        if cut is None or not odds > known.least or taken.issuperset(cut.smaller.tolist()):
            continue
        going = tuple(row for row in cut.smaller.tolist() if row not in taken)
        row = going[int(np.argmax(faces.medians(np.array(going), cut.larger)))]
        between = faces.medians(cut.larger, cut.larger) if len(cut.larger) > 1 else np.zeros(1)
        other = int(cut.larger[np.nanargmin(between)]) if not np.isnan(between).all() else int(cut.larger[0])
        own = float(faces.medians(np.array([row]), rows)[0])
        yield Finding(Kind.TWO_PEOPLE, row, going, own, cut.distance, odds, other, person)


def _cut_odds(known: Calibration, cut: _Cut) -> float:
    """The log odds of two people, by the density of the sets into which photos of one are cut."""
    size = size_class(len(cut.larger), len(cut.smaller))
    return log(PRIOR) - log_ratio(known.cut, known.impostor[size], cut.distance)


def _without_far(
    faces: SortedFaces, neighbours: Neighbours, known: Calibration, rows: Numbers, far: set[int]
) -> _Cut | None:
    """The photos of a person that are far from most others, against the rest; None where there are none.

    Where most are, those go that are not near the one in the middle; of two, that which is nearer to somebody else.
    """
    is_far = np.array([row in far for row in rows.tolist()])
    if not is_far.any():
        return None
    if 2 * is_far.sum() >= len(rows):
        middle = rows[np.nanargmin(neighbours.own[rows])]
        if len(rows) == 2:
            middle = rows[np.argmax(neighbours.near[rows, 0])]
        near = np.array([known.ratio(distance) > 0 for distance in faces.distances(np.array([middle]), rows)[0]])
        is_far &= ~near
    smaller, larger = rows[is_far], rows[~is_far]
    if not len(smaller) or not len(larger):
        return None
    return _Cut(larger, smaller, set_distance(faces, smaller, larger))


def _cut(faces: SortedFaces, person: int, own: Floats) -> _Cut | None:
    """A person's photos in two sets by two means, from the photo in the middle and the outermost one (Lloyd, 1982).

    None where they are too few, or one photo's.
    """
    rows = faces.of(person)
    if len(rows) < LEAST_OF_TWO or np.isnan(own[rows]).all():
        return None
    encodings = faces.encodings[rows].astype(np.float64)
    centres = encodings[[np.nanargmin(own[rows]), np.nanargmax(own[rows])]]
    second = np.zeros(len(rows), bool)
    for _ in range(_ROUNDS):
        before, second = second, _nearer_to_second(encodings, centres)
        if second.all() or not second.any():
            return None
        if (second == before).all():
            break
        centres = np.array([encodings[~second].mean(axis=0), encodings[second].mean(axis=0)])
    one, other = rows[~second], rows[second]
    larger, smaller = (one, other) if len(one) >= len(other) else (other, one)
    distance = set_distance(faces, smaller, larger)
    return None if isnan(distance) else _Cut(larger, smaller, distance)


def _nearer_to_second(encodings: Floats, centres: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    first, second = (np.square(encodings - centre).sum(axis=1) for centre in centres)
    nearer: np.ndarray[tuple[int], np.dtype[np.bool_]] = second < first
    return nearer


def _person(faces: SortedFaces, row: int) -> int:
    return int(faces.people[row])
