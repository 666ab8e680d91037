"""Which pairs of tiles a sample compares: a stratified random sample, drawn without replacement. NumPy only.

A stratum is a pair of blocks, and what is drawn of it are pairs of tiles, one of each block. Pairs of tiles that share
a person are all compared, for all genuine pairs lie in them; what is drawn is drawn from the others, in which all pairs
are impostor pairs. No list of these is made: the number of one tells which tiles it joins.

Source: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), chapters 5 (strata) and 9A (clusters).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from facesql.errors import FacesqlError

# From so many faces a tile on, the work on a pair of tiles is mostly arithmetic; below the least there is hardly any.
LEAST_TILE, MOST_TILE = 8, 256
# So many pairs of tiles are to be drawn from a stratum where the tiles can be made for it; two tell a variance.
_WISHED, LEAST_DRAWN = 3, 2
# The tiles that share a person are not to take more than about a sixth of the pairs, but smaller ones than these only
# where they would take half.
_SHARE, _SMALL_TILE = 6, 32

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class SampleWanted:
    """How large a sample is to be: one of the three, and the seed of what is drawn."""

    pairs: int | None = None
    """About so many impostor pairs."""
    seconds: float | None = None
    """As many as are compared in that time."""
    relative_error: float | None = None
    """So many that the sampling's standard error of an FMR of max_fmr is at most that share of it."""
    seed: int = 0


def parse_sample(
    pairs: str | None, seconds: float | None, relative_error: str | None, seed: int
) -> SampleWanted | None:
    """The sample that options ask for; None where they ask for all pairs.

    Raises FacesqlError for what is no number of pairs, no time or no share, or where two are given.

    >>> parse_sample("1e6", None, None, 7)
    SampleWanted(pairs=1000000, seconds=None, relative_error=None, seed=7)
    >>> parse_sample(None, None, "5%", 0).relative_error
    0.05
    """
    if sum(asked is not None for asked in (pairs, seconds, relative_error)) > 1:
        raise FacesqlError("A sample has one size; give one of --pairs, --seconds and --relative-error.")
    if pairs is not None:
        return SampleWanted(pairs=_number_of_pairs(pairs), seed=seed)
    if seconds is not None:
        if not (isfinite(seconds) and seconds > 0):
            raise FacesqlError(f"{seconds:g} is no time; give --seconds above 0, such as 60.")
        return SampleWanted(seconds=seconds, seed=seed)
    if relative_error is not None:
        return SampleWanted(relative_error=_share(relative_error), seed=seed)
    return None


def _number_of_pairs(text: str) -> int:
    try:
        number = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        number = float("nan")
    if not (isfinite(number) and number >= 1):
        raise FacesqlError(f"{text!r} is no number of pairs; give --pairs such as 1e9.")
    return int(number)


def _share(text: str) -> float:
    percent = text.strip().endswith("%")
    try:
        share = float(text.strip().removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        share = float("nan")
    if not 0.001 <= share < 1:
        raise FacesqlError(f"{text!r} is no --relative-error; give a share from 0.1% to less than 100%, such as 5%.")
    return share


def fitting_tile(pairs: float, faces: int, blocks: int) -> int:
    """How many faces a tile has at most, for a sample of so many impostor pairs of faces in so many blocks.

    >>> fitting_tile(1e9, 1_000_000, 64), fitting_tile(1e7, 12_872, 64), fitting_tile(1e8, 1_000_000, 64)
    (166, 40, 32)
    """
    strata = blocks * (blocks + 1) // 2
    several = sqrt(pairs / (_WISHED * max(strata, 1)))
    apart = max(pairs / (_SHARE * max(faces, 1)), min(_SMALL_TILE, pairs / (2.5 * max(faces, 1))))
    return int(min(max(min(several, apart), LEAST_TILE), MOST_TILE))


@dataclass(frozen=True)
class Tiles:
    """Tiles of one block each, numbered in the order of their blocks and of the people in them; (tiles,) each."""

    block: Integers
    faces: Integers
    weight: Numbers
    """The sum over its faces of 1 / (faces of the person): of two tiles without a person in both, the product is the
    person weight of their pairs."""
    last: Integers
    """The last tile that has a person of this one; at least its own number."""

    @classmethod
    def of(cls, tile: Integers, block: Integers, person: Integers, faces: Integers, person_faces: Integers) -> "Tiles":
        """From a row for each tile and person in it, as sql/engine/tile_people.sql has them, in its order."""
        starts = np.flatnonzero(np.diff(tile, prepend=-1))
        ends = np.append(starts[1:], len(tile))
        last_row = np.searchsorted(person, person, side="right") - 1  # people are numbered in the order of tiles
        return cls(
            block=block[starts],
            faces=np.add.reduceat(faces, starts) if len(tile) else faces,
            weight=np.add.reduceat(faces / person_faces, starts) if len(tile) else np.zeros(0),
            last=tile[last_row[ends - 1]] if len(tile) else tile,
        )

    def sharing(self) -> Iterator[tuple[int, int]]:
        """The pairs of tiles that share a person, each tile with itself among them, in their order."""
        for tile, last in enumerate(self.last.tolist()):
            for other in range(tile, last + 1):
                yield tile, other

    @cached_property
    def sharing_count(self) -> int:
        """How many pairs of tiles share a person."""
        return int((self.last - np.arange(len(self.last)) + 1).sum())


@dataclass(frozen=True)
class Stratum:
    """A pair of blocks, and the pairs of their tiles that share nobody, numbered from 0."""

    block_a: int
    block_b: int
    tile_a: int
    """The first tile of block_a, and of block_b."""
    tile_b: int
    count: int
    """How many pairs of tiles there are to draw from."""
    pairs: int
    """The pairs of faces in them, all of two people, and their person weight."""
    weight: float
    ends: Integers
    """Within one block: how many of them have their first tile up to each; else how many tiles block_b has, (1,)."""
    others: Integers
    """Within one block: the first tile that shares nobody with each."""

    def tiles(self, numbers: Integers) -> tuple[Integers, Integers]:
        """The tiles of the pairs of these numbers."""
        if self.block_a != self.block_b:
            first, second = np.divmod(numbers, self.ends[0])
            return self.tile_a + first, self.tile_b + second
        first = np.searchsorted(self.ends, numbers, side="right")
        begins = np.append(0, self.ends)[first]
        return self.tile_a + first, self.others[first] + numbers - begins


def strata_of(tiles: Tiles) -> list[Stratum]:
    """All strata, in the order of their blocks; those without a pair of tiles to draw, too."""
    starts = np.flatnonzero(np.diff(tiles.block, prepend=-1)).tolist()
    spans = [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(tiles.block)], strict=True)]
    sums = [(int(tiles.faces[span].sum()), float(tiles.weight[span].sum())) for span in spans]
    strata = []
    for i, a in enumerate(spans):
        strata.append(_within(tiles, a))
        for j in range(i + 1, len(spans)):
            b = spans[j]
            of_b = b.stop - b.start
            strata.append(
                Stratum(
                    block_a=int(tiles.block[a.start]),
                    block_b=int(tiles.block[b.start]),
                    tile_a=a.start,
                    tile_b=b.start,
                    count=(a.stop - a.start) * of_b,
                    pairs=sums[i][0] * sums[j][0],
                    weight=sums[i][1] * sums[j][1],
                    ends=np.array([of_b]),
                    others=np.empty(0, np.int64),
                )
            )
    return strata


def _within(tiles: Tiles, span: slice) -> Stratum:
    """The stratum of one block."""
    others = tiles.last[span] + 1
    faces, weight = tiles.faces[span], tiles.weight[span]
    # Those after each tile, and after the last none.
    faces_from = np.append(np.cumsum(faces[::-1])[::-1], 0)[others - span.start]
    weight_from = np.append(np.cumsum(weight[::-1])[::-1], 0.0)[others - span.start]
    return Stratum(
        block_a=int(tiles.block[span.start]),
        block_b=int(tiles.block[span.start]),
        tile_a=span.start,
        tile_b=span.start,
        count=int((span.stop - others).sum()),
        pairs=int((faces * faces_from).sum()),
        weight=float((weight * weight_from).sum()),
        ends=np.cumsum(span.stop - others),
        others=others,
    )


def allotted(strata: Sequence[Stratum], pairs: float) -> Integers:
    """How many pairs of tiles are drawn from each stratum, (strata,), for about so many pairs of faces in all.

    In proportion, and so many that a variance can be told: two, or all.
    """
    counts = np.array([stratum.count for stratum in strata], np.int64)
    every = sum(stratum.pairs for stratum in strata)
    share = min(pairs / every, 1) if every and pairs > 0 else 0.0
    wished = np.diff(np.rint(np.cumsum(counts * share)), prepend=0).astype(np.int64)
    return np.minimum(np.maximum(wished, LEAST_DRAWN), counts)


def expected_pairs(strata: Sequence[Stratum], sizes: Integers) -> float:
    """About how many pairs of faces so many pairs of tiles of each stratum have."""
    parts = zip(strata, sizes.tolist(), strict=True)
    return float(sum(size * stratum.pairs / stratum.count for stratum, size in parts))


def least_pairs(strata: Sequence[Stratum], certain: int) -> int:
    """The smallest sample that tells its variance, beside ``certain`` pairs compared anyway; to two digits, upwards.

    All pairs where it has them all.
    """
    sizes = allotted(strata, 0)
    if all(size == stratum.count for stratum, size in zip(strata, sizes.tolist(), strict=True)):
        return certain + sum(stratum.pairs for stratum in strata)
    return up_to_two_digits(certain + expected_pairs(strata, sizes))


def up_to_two_digits(number: float) -> int:
    """A number rounded up to two digits.

    >>> up_to_two_digits(123456), up_to_two_digits(7)
    (130000, 7)
    """
    unit: int = 10 ** max(0, len(str(ceil(number))) - 2)
    return ceil(number / unit) * unit


class Draw:
    """What has been drawn so far, by a seed: each call draws more, never the same again."""

    def __init__(self, strata: Sequence[Stratum], seed: int) -> None:
        self._strata, self._seed, self._round = strata, seed, 0
        self._drawn: list[Integers] = [np.empty(0, np.int64) for _ in strata]

    @property
    def sizes(self) -> Integers:
        """How many pairs of tiles are drawn from each stratum so far, (strata,)."""
        return np.array([len(drawn) for drawn in self._drawn], np.int64)

    def up_to(self, sizes: Integers) -> list[tuple[Integers, Integers]]:
        """For each stratum the two tiles of each further pair, so that there are as many as ``sizes`` says, if not yet.

        What is drawn hangs on the seed, on the stratum's blocks and on what was drawn before.
        """
        pairs = []
        for place, (stratum, size) in enumerate(zip(self._strata, sizes.tolist(), strict=True)):
            drawn = self._drawn[place]
            more = min(size, stratum.count) - len(drawn)
            numbers = np.empty(0, np.int64)
            if more > 0:
                random = np.random.default_rng([self._seed, stratum.block_a, stratum.block_b, self._round])
                chosen = random.choice(stratum.count - len(drawn), more, replace=False, shuffle=False)
                numbers = np.sort(not_among(drawn, chosen.astype(np.int64)))
                self._drawn[place] = np.sort(np.concatenate([drawn, numbers]))
            pairs.append(stratum.tiles(numbers))
        self._round += 1
        return pairs


def not_among(drawn: Integers, places: Integers) -> Integers:
    """Which numbers stand at these places among 0, 1, ... without those drawn, which are sorted.

    >>> not_among(np.array([2, 5]), np.array([0, 1, 2, 3, 4, 5])).tolist()
    [0, 1, 3, 4, 6, 7]
    """
    return places + np.searchsorted(drawn - np.arange(len(drawn)), places, side="right")
