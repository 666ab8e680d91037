"""Faces that are there twice: one picture under two names, as it was or saved again."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Two encodings at this distance or nearer are taken for one picture. A photo saved again as JPEG of quality 70 or more,
# doubled in size or cropped at its edges nearly always stays within it, one made much smaller does not, as
# tests.benchmarks.duplicates measures; of LFW's 241,121 pairs of one person's photos one pair is as near.
NEAR = 0.1
_TILE = 512
# What the fast formula may be off by in a squared distance.
_SLACK = 1e-9


@dataclass(frozen=True)
class Repeats:
    """Pairs of rows that are nearly the same picture; and the rows that are to go, each with one that it repeats."""

    of_one_person: int
    of_two_people: int
    repeated: dict[int, int]


def find_repeats(encodings: NDArray[np.floating], people: Sequence[Hashable], photos: Sequence[Hashable]) -> Repeats:
    """The rows of an array of shape (n, d) that repeat others; ``people`` and ``photos`` tell each row's.

    Of pictures that are nearly the same all but the first go, and all of them where they bear names of two people:
    nobody can tell whose face it is. Two faces of one photo are never the same.

    >>> find_repeats(np.array([[0.0], [9.0], [0.05]]), ["Ann", "Bob", "Ann"], [1, 2, 3])
    Repeats(of_one_person=1, of_two_people=0, repeated={2: 0})
    """
    pairs = [(a, b) for a, b in near_pairs(encodings) if photos[a] != photos[b]]
    same = sum(people[a] == people[b] for a, b in pairs)
    repeated = {}
    for first, *others in groups(pairs):
        if any(people[row] != people[first] for row in others):
            repeated[first] = others[0]
        repeated |= dict.fromkeys(others, first)
    return Repeats(same, len(pairs) - same, repeated)


def near_pairs(encodings: NDArray[np.floating], bound: float = NEAR) -> list[tuple[int, int]]:
    """The pairs of rows (i < j) of an array of shape (n, d) whose Euclidean distance is at most ``bound``, in order.

    Along any one axis two such rows differ by no more than ``bound``: sorted along the axis in which they differ most,
    each row is compared with its neighbours only.

    >>> near_pairs(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.04]]))
    [(0, 2)]
    """
    if len(encodings) < 2:
        return []
    wide = encodings.astype(np.float64)
    along = wide[:, np.argmax(wide.var(axis=0))]
    order = np.argsort(along, kind="stable")
    found = ((int(order[a]), int(order[b])) for a, b in _near(wide[order], along[order], bound))
    return sorted((min(pair), max(pair)) for pair in found)


def _near(rows: NDArray[np.float64], along: NDArray[np.float64], bound: float) -> Iterator[tuple[int, int]]:
    """The pairs a < b of near rows, which are in the ascending order of ``along``, one of their columns."""
    squares = np.einsum("ij,ij->i", rows, rows)
    for start in range(0, len(rows), _TILE):
        end = min(start + _TILE, len(rows))
        last = int(np.searchsorted(along, along[end - 1] + bound, side="right"))
        squared = squares[start:end, None] + squares[None, start:last] - 2 * rows[start:end] @ rows[start:last].T
        for a, b in zip(*np.nonzero(squared <= bound * bound + _SLACK), strict=True):
            if a < b and np.linalg.norm(rows[start + a] - rows[start + b]) <= bound:
                yield int(start + a), int(start + b)


def groups(pairs: list[tuple[int, int]]) -> list[list[int]]:
    """The rows that hang together by pairs, each group ascending, in the order of their first rows.

    >>> groups([(0, 2), (1, 4), (2, 3)])
    [[0, 2, 3], [1, 4]]
    """
    group_of: dict[int, list[int]] = {}
    for a, b in pairs:
        first, second = group_of.get(a, [a]), group_of.get(b, [b])
        if first is not second:
            first += second
        group_of.update(dict.fromkeys(first, first))
    return sorted(sorted(group) for group in {id(group): group for group in group_of.values()}.values())
