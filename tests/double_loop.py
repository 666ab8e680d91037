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


def read(path: Path) -> tuple[Numbers, NDArray[np.float64]]:
    """A number for each face's person, and the encodings: n x d."""
    table = pq.read_table(path)
    people = table["person"].combine_chunks().dictionary_encode().indices.to_numpy()
    return people.astype(np.int64), np.array(table["encoding"].to_pylist(), dtype=np.float64)


def double_loop(people: Numbers, encodings: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
    """Genuine and impostor pairs a bin, 2002 of them each; the last holds what lies beyond 2."""
    counts = np.zeros((2, 2_002), np.int64)
    for same, distance in _pairs(people, encodings):
        bins = np.searchsorted(EDGES, distance)
        counts[0] += np.bincount(bins[same], minlength=2_002)
        counts[1] += np.bincount(bins[~same], minlength=2_002)
    return counts[0], counts[1]


def _pairs(people: Numbers, encodings: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """Whether each pair is of one person, and its distance; SciPy's pdist and cdist are double loops in C."""
    for start in range(0, len(people), ROWS):
        block, later = slice(start, start + ROWS), slice(start + ROWS, None)
        first, second = np.triu_indices(len(people[block]), 1)
        yield people[block][first] == people[block][second], pdist(encodings[block])
        across = people[block][:, np.newaxis] == people[later]
        yield across.ravel(), cdist(encodings[block], encodings[later]).ravel()
