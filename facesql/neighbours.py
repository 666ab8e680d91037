"""How far each photo is from its own person and from everybody else, by medians, block by block.

Nothing here grows with the square of the faces but the time: a block of rows is compared with all faces, and what is
kept of it is a few numbers a face, a few a person, and counts a bin of distance.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from facesql.medians import fill_medians, tally_faces, tally_people
from facesql.progress import bar

# A block has so many distances and medians, float32, at most; and so many faces.
_BLOCK_CELLS, _BLOCK_FACES = 2**21, 256
# Of a person with more photos, so many in equal steps stand for all where sets of photos are compared.
MOST_OF_A_SET = 256
# Sizes of sets of photos that are told apart: 1, 2 to 3, 4 to 7, 8 and more; see ``size_class``.
CLASSES = 4
# So many of the nearest people are kept.
RANKS = 3
_NONE = -1

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Encodings = NDArray[np.floating]


@dataclass(frozen=True)
class SortedFaces:
    """Faces in the order of their people, in step: a number for each person (0, 1, ...) and photo, and the encodings.

    ``people`` and ``photos`` are of shape (n,), ``encodings`` float32 or float64 of shape (n, d).
    """

    people: Numbers
    photos: Numbers
    encodings: Encodings

    @cached_property
    def starts(self) -> Numbers:
        """Where the faces of each person begin, and where the last end."""
        return np.searchsorted(self.people, np.arange(int(self.people[-1]) + 2 if len(self.people) else 1))

    @cached_property
    def sizes(self) -> Numbers:
        """The faces of each person."""
        return np.diff(self.starts)

    def of(self, person: int) -> Numbers:
        """The rows of a person's faces."""
        return np.arange(self.starts[person], self.starts[person + 1])

    def distances(self, rows: Numbers, others: Numbers) -> Floats:
        """The distances of faces to others, in float64: shape (rows, others)."""
        wide = self.encodings[others].astype(np.float64)
        of = self.encodings[rows].astype(np.float64)
        return np.array([np.sqrt(np.square(wide - one).sum(axis=1)) for one in of]).reshape(len(rows), len(others))

    def medians(self, rows: Numbers, others: Numbers) -> Floats:
        """The median distance of each face to the others that are of another photo; NaN where there are none."""
        found = self.distances(rows, others)
        found[self.photos[rows][:, np.newaxis] == self.photos[others]] = np.nan
        return np.array([np.median(row[~np.isnan(row)]) if not np.isnan(row).all() else np.nan for row in found])


@dataclass(frozen=True)
class Neighbours:
    """What ``compare_all`` finds. Distances are float64; people are numbers, -1 where there is none.

    Of each face, ``own`` is the median distance to its person's faces in other photos, NaN where there are none;
    ``near`` are the RANKS least median distances to other people's faces, and ``nearest`` is whose the first is;
    ``close`` are the least distances to single faces of other people, in other photos, and ``closest`` is that face.
    Of each person, ``alike_near`` are the least distances to other people's photos, by ``set_distance``, and ``alike``
    is whose the first is. Where there are too few others, distances are infinite.
    ``impostor`` is of shape (CLASSES, bins): how many pairs of sets of two people's photos, by their size class, are at
    a distance of that bin. In class 0 each pair of people weighs one: there, a set is a face.
    """

    own: Floats
    near: Floats
    nearest: Numbers
    close: Floats
    closest: Numbers
    alike_near: Floats
    alike: Numbers
    impostor: Floats
    width: float
    """That of a bin."""


def size_class(one: int, other: int) -> int:
    """The class of two sets of photos, by the harmonic mean of their sizes: 0 for 1, 1 from 2 on, 2 from 4, 3 from 8.

    The more photos on both sides, the less a median hangs on any of them.

    >>> [size_class(1, 100), size_class(2, 2), size_class(5, 9), size_class(300, 20)]
    [0, 1, 2, 3]
    """
    return min(CLASSES - 1, int(np.log2(2 * one * other / (one + other))))


def some_of(rows: Numbers, most: int = MOST_OF_A_SET) -> Numbers:
    """All rows, or so many of them in equal steps.

    >>> some_of(np.arange(10), 4).tolist()
    [0, 2, 5, 7]
    """
    return rows if len(rows) <= most else rows[np.arange(most) * len(rows) // most]


def set_distance(faces: SortedFaces, rows: Numbers, others: Numbers) -> float:
    """The median, over the smaller of two sets of photos, of the median distance to the other. No single photo decides.

    NaN where all are of one photo.
    """
    smaller, larger = (rows, others) if len(rows) <= len(others) else (others, rows)
    found = faces.medians(some_of(smaller), some_of(larger))
    found = found[~np.isnan(found)]
    return float(np.median(found)) if len(found) else float("nan")


def compare_all(
    faces: SortedFaces, width: float, bins: int, *, threads: int | None = None, progress: bool = False
) -> Neighbours:
    """Compare each face with all others; distances are counted in ``bins`` bins of ``width``, the last without an end.

    The result is the same with any number of ``threads`` but for the last digits of sums.
    """
    faces_all, people = len(faces.people), len(faces.sizes)
    own = np.full(faces_all, np.nan, np.float32)
    near, close, alike_near = (np.full((size, RANKS), np.inf, np.float32) for size in (faces_all, faces_all, people))
    nearest, closest, alike = (np.full(size, _NONE) for size in (faces_all, faces_all, people))
    impostor = np.zeros((CLASSES, bins))
    middle = faces.encodings.mean(axis=0, dtype=np.float64) if faces_all else 0.0  # shorter vectors, less rounding
    vectors = (faces.encodings - middle).astype(np.float32)
    squares = np.vecdot(vectors, vectors)

    def compare(block: tuple[int, int, int, int]) -> Floats:
        first, last, start, stop = block
        squared = np.maximum(squares[start:stop, None] + squares - 2 * (vectors[start:stop] @ vectors.T), 0)
        medians = np.empty((stop - start, people), np.float32)
        counted = np.zeros((CLASSES, bins))
        part = slice(start, stop)
        fill_medians(squared, start, faces.people, faces.starts, faces.photos, medians, closest[part], close[part])
        tally_faces(medians, faces.people[part], faces.sizes, width, own[part], near[part], nearest[part], counted[0])
        tally_people(
            medians, first, last, start, faces.starts, width, alike[first:last], alike_near[first:last], counted
        )
        return counted

    rows = max(1, min(_BLOCK_FACES, _BLOCK_CELLS // (faces_all + people)))
    with (
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(threads) as pool,
        bar(faces_all, "face", shown=progress, what="comparing") as shown,
    ):
        blocks = list(_blocks(faces, rows))
        for block, counted in zip(blocks, pool.map(compare, blocks), strict=True):
            impostor += counted
            shown.update(block[3] - block[2])
    own_wide, near_wide, close_wide, alike_wide = (
        distances.astype(np.float64) for distances in (own, near, close, alike_near)
    )
    return Neighbours(own_wide, near_wide, nearest, close_wide, closest, alike_wide, alike, impostor, width)


def _blocks(faces: SortedFaces, rows: int) -> Iterator[tuple[int, int, int, int]]:
    """Blocks of at most so many faces.

    Each is the first person whose faces it holds all of, the one after the last, its first face, and the one after the
    last. Of a person with more faces, the first block stands for all of them.
    """
    first = 0
    while first < len(faces.sizes):
        start = int(faces.starts[first])
        last = int(np.searchsorted(faces.starts, start + rows, side="right")) - 1
        if last > first:
            yield first, last, start, int(faces.starts[last])
        else:
            stop = int(faces.starts[first + 1])
            last = first + 1
            parts = ceil((stop - start) / rows)
            edges = [start + (stop - start) * part // parts for part in range(parts + 1)]
            yield first, last, edges[0], edges[1]
            for begin, end in pairwise(edges[1:]):
                yield last, last, begin, end
        first = last
