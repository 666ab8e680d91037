"""Pairs to folds by their people, so that a cut-off is judged on people whom it was not chosen on."""

from collections.abc import Sequence
from hashlib import md5

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def dealt_by_people(a: Sequence[str], b: Sequence[str], folds: int) -> NDArray[np.int64]:
    """The folds of the two people of each pair, (pairs, 2), from 0 to at most ``folds`` - 1.

    People who are linked by pairs, directly or through others, go into one fold, those with most pairs first, each
    such group into the fold that has fewest pairs so far. Where a group has more than a fifth of the pairs, which no
    fold could hold beside others of its size, its people are dealt one by one, by a hash of their names: then a pair's
    two people may be of two folds.

    >>> dealt_by_people(["Ann", "Ann", "Bo", "Cy", "Di", "Ed"], ["Ann", "Ben", "Bo", "Cy", "Di", "Ed"], 3).shape
    (6, 2)
    """
    people, numbers = np.unique(np.array([*a, *b], dtype=object), return_inverse=True)
    first, second = numbers[: len(a)], numbers[len(a) :]
    links = coo_array((np.ones(len(a), bool), (first, second)), (len(people), len(people)))
    count, group = connected_components(links, directed=False)
    pairs = np.bincount(group[first], minlength=count)
    hashes = np.array([_hash(person) for person in people])
    whole = pairs * 5 <= len(a)
    of_group, full = np.zeros(count, np.int64), np.zeros(folds, np.int64)
    for number in _largest_first(group, pairs, hashes):
        if whole[number]:
            of_group[number] = full.argmin()
            full[of_group[number]] += pairs[number]
    fold = np.where(whole[group], of_group[group], (hashes % folds).astype(np.int64))
    return np.column_stack([fold[first], fold[second]])


def _largest_first(group: NDArray[np.int32], pairs: NDArray[np.int64], hashes: NDArray[np.uint64]) -> list[int]:
    """The groups in the order in which they are dealt; of equals, the one with the lowest hash first."""
    lowest = np.full(len(pairs), np.iinfo(np.uint64).max)
    np.minimum.at(lowest, group, hashes)
    return [int(number) for number in np.lexsort([lowest, -pairs])]


def fold_of_pair(folds: NDArray[np.int64]) -> NDArray[np.int64]:
    """In which of its people's folds each pair is judged, (pairs,): the lower where their sum is even, else the higher.

    So each fold is given about as many of the pairs that lie between two as any other.

    >>> fold_of_pair(np.array([[3, 3], [0, 2], [2, 1]])).tolist()
    [3, 0, 2]
    """
    even = folds.sum(axis=1) % 2 == 0
    return np.asarray(np.where(even, folds.min(axis=1), folds.max(axis=1)))


def _hash(person: str) -> np.uint64:
    """A number that is the same on every machine; that of sql/person_block.sql."""
    return np.uint64(int.from_bytes(md5(person.encode(), usedforsecurity=False).digest()[8:], "little"))
