"""Arrays of encodings to a map: a place in two dimensions for each, and which encoding of another person is nearest."""

import importlib.util

import numpy as np
from numpy.typing import NDArray

from facesql.errors import MissingPackageError
from facesql.progress import bar

INSTALL = "pip install 'facesql[map]'"
# Fewer encodings have too few neighbours for t-SNE; they are seen from where they spread most.
FEWEST = 10
# t-SNE's own: how many neighbours count, about, and how many steps it takes, the first of them with more attraction.
# Three times as many take three times as long, and keep no more neighbours: of the ten nearest of LFW's people, 23%.
_PERPLEXITY, _FIRST_STEPS, _STEPS = 30, 100, 250
# From so many on Fourier transforms take less time than trees; for a few they take 4 seconds, and trees a tenth of one.
_MANY = 2_000
# How many bytes of distances are there at a time.
_BATCH_BYTES = 2**25


def is_installed() -> bool:
    """Whether the package that places faces is there."""
    return importlib.util.find_spec("openTSNE") is not None


def require() -> None:
    """Raise MissingPackageError, with the command that mends it, where the package that places faces is missing."""
    if not is_installed():
        raise MissingPackageError(f"A map needs openTSNE; run: {INSTALL}")


def place(encodings: NDArray[np.floating], seed: int = 0) -> NDArray[np.float64]:
    """Where encodings (n x d, any n and d) lie on a map: n x 2, without a unit, around 0 and at most 1 from it.

    By t-SNE (van der Maaten and Hinton 2008, as openTSNE computes it), which begins with the
    two directions in which the encodings spread most, and moves until neighbours are neighbours: those that are near
    each other on the map are alike; how far others are apart means nothing. Fewer than FEWEST stay where they begin.
    Equal encodings, of the same order, and an equal seed give an equal map on one machine.

    Raises MissingPackageError where openTSNE is missing.
    """
    start = _spread(encodings)
    if len(start) < FEWEST or not start.any():
        return start
    require()
    from openTSNE import TSNE

    # One thread: more of them wait for each other longer than they save, and may add up in another order.
    tsne = TSNE(
        perplexity=min(_PERPLEXITY, (len(start) - 1) / 3),
        initialization=_shaken(start / start[:, 0].std(), seed) * 1e-4,
        early_exaggeration_iter=_FIRST_STEPS,
        n_iter=_STEPS,
        neighbors="exact",
        negative_gradient_method="fft" if len(start) >= _MANY else "bh",
        n_jobs=1,
        random_state=seed,
    )
    return _scaled(np.asarray(tsne.fit(_scaled(encodings)), dtype=np.float64))


def _shaken(places: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Each place moved a little, so that equal ones can part; all else in t-SNE happens without chance."""
    return places + np.random.default_rng(seed).normal(scale=0.01, size=places.shape)


def nearest_others(
    encodings: NDArray[np.floating], people: NDArray[np.integer], *, progress: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each of n encodings (n x d) the row of the nearest one of another person, and how far that is.

    ``people`` has a number for each row's person. Distances are Euclidean, in float64. Where there is nobody else, the
    row is -1 and the distance NaN.

    >>> rows, distances = nearest_others(np.array([[0.0], [1.0], [3.0]]), np.array([7, 7, 8]))
    >>> rows.tolist(), distances.tolist()
    ([2, 2, 1], [3.0, 2.0, 2.0])
    """
    exact = np.asarray(encodings, dtype=np.float64)
    centred = exact - exact.mean(axis=0) if len(exact) else exact
    squares = np.einsum("ij,ij->i", centred, centred)
    nearest = np.full(len(centred), -1, dtype=np.int64)
    step = max(_BATCH_BYTES // (8 * max(len(centred), 1)), 1)
    with bar(len(centred), "face", shown=progress, what="looking for the most alike") as told:
        for first in range(0, len(centred), step):
            rows = slice(first, first + step)
            apart = centred[rows] @ centred.T
            apart *= -2
            apart += squares
            apart[people[rows, None] == people] = np.inf
            found = apart.argmin(axis=1)
            nearest[rows] = np.where(np.isfinite(apart[np.arange(len(found)), found]), found, -1)
            told.update(len(found))
    distances = np.linalg.norm(exact - exact[nearest], axis=1)
    distances[nearest < 0] = np.nan
    return nearest, distances


def means(encodings: NDArray[np.floating], people: NDArray[np.integer]) -> NDArray[np.float64]:
    """The mean encoding of each person (people x d), where ``people`` numbers n encodings (n x d) from 0 on.

    >>> means(np.array([[0.0], [1.0], [3.0]]), np.array([0, 0, 1])).tolist()
    [[0.5], [3.0]]
    """
    counts = np.bincount(people)
    sums = np.zeros((len(counts), encodings.shape[1]))
    np.add.at(sums, people, encodings)
    return sums / counts[:, None]


def _spread(encodings: NDArray[np.floating]) -> NDArray[np.float64]:
    """The encodings in the two directions in which they spread most, the first of them first; 0 where there is none."""
    centred = _scaled(encodings)
    found = np.zeros((len(centred), 2))
    if min(centred.shape) == 0 or not centred.any():
        return found
    values, directions = np.linalg.eigh(centred.T @ centred)
    told = directions[:, ::-1][:, :2] * (values[::-1][:2] > 0)
    # A direction may be turned round: its largest part is positive, whatever computed it.
    told = told * np.sign(told[np.abs(told).argmax(axis=0), np.arange(told.shape[1])])
    found[:, : told.shape[1]] = centred @ told
    return _scaled(found)


def _scaled(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """The points around 0, the largest of their numbers 1; all 0 where they are equal."""
    exact = np.asarray(points, dtype=np.float64)
    if not exact.size:
        return exact
    largest = np.abs(exact).max() or 1.0
    centred = exact / largest
    centred -= centred.mean(axis=0)
    spread = np.abs(centred).max()
    # What is left of equal numbers by rounding is no direction.
    return centred / spread if spread > 1e-12 else np.zeros_like(centred)
