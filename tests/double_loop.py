"""The naive answer: every distance by a double loop in float64, and the first edge that is not below it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

EDGES = np.arange(2_001) / 1_000
ROWS = 512

Numbers = NDArray[np.int64]


def read(path: Path) -> tuple[Numbers, Numbers, NDArray[np.float64]]:
    """Numbers for each face's person and photo (its own where the table tells none), and the encodings: n x d."""
    table = pq.read_table(path)
    people = table["person"].combine_chunks().dictionary_encode().indices.to_numpy()
    photos = np.arange(len(table))
    if "photo" in table.column_names:
        photos = table["photo"].combine_chunks().dictionary_encode().indices.to_numpy()
    return people.astype(np.int64), photos.astype(np.int64), np.array(table["encoding"].to_pylist(), dtype=np.float64)


def double_loop(people: Numbers, photos: Numbers, encodings: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
    """Genuine and impostor pairs a bin, 2002 of them each; the last holds what lies beyond 2.

    Two faces of one person in one photo count in neither.
    """
    counts = np.zeros((2, 2_002), np.int64)
    for same, same_photo, distance in _pairs(people, photos, encodings):
        bins = np.searchsorted(EDGES, distance)
        counts[0] += np.bincount(bins[same & ~same_photo], minlength=2_002)
        counts[1] += np.bincount(bins[~same], minlength=2_002)
    return counts[0], counts[1]


def _pairs(
    people: Numbers, photos: Numbers, encodings: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]]:
    """Whether each pair is of one person, of one photo, and its distance; SciPy's pdist and cdist are loops in C."""
    for start in range(0, len(people), ROWS):
        block, later = slice(start, start + ROWS), slice(start + ROWS, None)
        first, second = np.triu_indices(len(people[block]), 1)
        within = [numbers[block][first] == numbers[block][second] for numbers in (people, photos)]
        yield within[0], within[1], pdist(encodings[block])
        across = [(numbers[block][:, np.newaxis] == numbers[later]).ravel() for numbers in (people, photos)]
        yield across[0], across[1], cdist(encodings[block], encodings[later]).ravel()
