"""What the blocks of people have of a report's counts, and so what is left of these without each block.

Two photos of one person lie in one block, so to leave a block out is to leave people out, with all pairs that they are
part of. All sums are taken here, once; what follows are rates of them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facesql.binning import BinCounts, Bins, BlockPair

# sql/person_block.sql deals people into so many, and sql/groups/person_block.sql those of each group.
BLOCKS = 64
# So many bins are summed at a time: 2,144 rows of counts take 9 MB then.
_BINS = 512

Numbers = NDArray[np.float64]


class Weighting(StrEnum):
    """What counts the same in a rate."""

    PAIRS = "pairs"
    """Every pair, so that people with many photos count for more."""
    PEOPLE = "people"
    """Every person among genuine pairs, and every two people among impostor pairs."""


@dataclass(frozen=True)
class Across:
    """Sums over the pairs of different blocks, of products: e are the impostor pairs that match, (edges,) each."""

    squares: Numbers
    """e x e."""
    with_all: Numbers
    """e x all impostor pairs of these blocks."""
    with_people: Numbers
    """e x the pairs of people of these blocks."""
    all_squares: float
    """All impostor pairs of these blocks, squared."""
    people_squares: float
    """The pairs of people of these blocks, squared."""


@dataclass(frozen=True)
class BlockCounts:
    """What each block has a cut-off, under one weighting, summed from the first bin on: pairs that match there.

    Arrays have BLOCKS rows, one a block, or ``edges`` columns, one a cut-off, or both. ``touching`` are impostor pairs
    of which at least one person is in the block, so that a pair across blocks is in two of them.
    """

    weighting: Weighting
    genuine: Numbers
    """Genuine pairs that match, (blocks, edges)."""
    genuine_all: Numbers
    """All of them, (blocks,)."""
    touching: Numbers
    """Impostor pairs that match and touch a block, (blocks, edges)."""
    touching_all: Numbers
    """All of them, (blocks,)."""
    impostor: Numbers
    """Impostor pairs that match, each once, (edges,)."""
    impostor_all: float
    across: Across
    people: Numbers
    """How many people a block has, (blocks,)."""
    genuine_people: float
    """How many people have genuine pairs, in effect; see ``effective``."""
    impostor_people: float
    """How many people have impostor pairs, in effect."""

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which blocks have people, (blocks,)."""
        return self.people > 0

    @cached_property
    def pairs_of_people(self) -> float:
        """How many pairs of people there are."""
        people = float(self.people.sum())
        return people * (people - 1) / 2

    @cached_property
    def touching_people(self) -> Numbers:
        """How many pairs of people touch a block, (blocks,)."""
        others: Numbers = self.people.sum() - self.people
        return np.asarray(self.people * (self.people - 1) / 2 + self.people * others)


@dataclass(frozen=True)
class GroupPairCounts:
    """What the pairs of a person of one group and a person of another have at a cut-off, under one weighting.

    Arrays are (BLOCKS, BLOCKS): a row for each block of people of the one, a column for each of the other.
    """

    matched: Numbers
    """Pairs that match."""
    pairs: Numbers
    """All of them."""
    disjoint: float
    """How many of them there are, in effect, if nobody is in two: as many as the smaller group has people."""


def effective(weights: NDArray[np.floating]) -> float:
    """Kish's effective number, (sum of w)^2 / (sum of w^2): so many equal weights tell as much as these.

    Source: L. Kish, Survey Sampling (1965), section 11.7.

    >>> effective(np.array([1.0, 1.0, 1.0, 0.0])), round(effective(np.array([98.0, 1.0, 1.0])), 2)
    (3.0, 1.04)
    """
    squares = float((weights * weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


Counted = Sequence[tuple[BlockPair, BinCounts]]


def block_counts(
    counted: Counted, people: pl.DataFrame, bins: Bins, *, parts: Sequence[Collection[int]] = (range(BLOCKS),)
) -> list[dict[Weighting, BlockCounts]]:
    """The counts of a report's table block_pair_counts by block, for each of several sets of blocks alone.

    ``counted`` has a row for each pair of blocks (the smaller first) and same_person; ``people`` has the columns block,
    faces and genuine_pairs, a row for each person. The result has an entry for each of ``parts``, the blocks whose
    people are taken; pairs with anybody else are left out.
    """
    inside = [np.isin(np.arange(BLOCKS), list(part)) for part in parts]
    weighted = [_weighted(weighting, counted, people, bins, inside) for weighting in Weighting]
    return [dict(zip(Weighting, of_part, strict=True)) for of_part in zip(*weighted, strict=True)]


def _weighted(
    weighting: Weighting, counted: Counted, people: pl.DataFrame, bins: Bins, parts: Sequence[NDArray[np.bool_]]
) -> list[BlockCounts]:
    """The counts under one weighting, for each part; parts say which blocks are inside."""
    a, b = (np.array([key[side] for key, _ in counted], np.intp) for side in range(2))
    same = np.array([key[2] for key, _ in counted], np.bool_)
    weights = [counts.pairs if weighting is Weighting.PAIRS else counts.person_weight for _, counts in counted]
    sums = np.array([weight.sum(dtype=np.float64) for weight in weights])
    grains = np.where(same, _grain(float(sums[same].sum())), _grain(float(sums[~same].sum())))
    alls = np.array([np.rint(weight / grain).sum() * grain for weight, grain in zip(weights, grains, strict=True)])
    of_part = [_Rows.of(inside[a] & inside[b], a, b, same) for inside in parts]
    of_chunks: list[list[tuple[Numbers, ...]]] = [[] for _ in parts]
    firsts = [counts.first for _, counts in counted]
    people_of = np.bincount(people["block"].to_numpy(), minlength=BLOCKS).astype(np.float64)
    of_people = people_of[a] * people_of[b]
    for matched in _cumulated(firsts, weights, grains, bins):
        squares = matched * matched
        for rows, of_rows in zip(of_part, of_chunks, strict=True):
            across = rows.across
            of_rows.append(
                (
                    rows.genuine @ matched,
                    rows.touching @ matched,
                    rows.impostor @ matched,
                    across @ squares,
                    (across * alls) @ matched,
                    (across * of_people) @ matched,
                )
            )
    results = []
    for inside, rows, of_rows in zip(parts, of_part, of_chunks, strict=True):
        summed = [np.concatenate(arrays, axis=-1) for arrays in zip(*of_rows, strict=True)]
        genuine, touching, impostor, squares, with_all, with_people = summed
        all_squares, people_squares = float(rows.across @ alls**2), float(rows.across @ of_people**2)
        results.append(
            BlockCounts(
                weighting=weighting,
                genuine=genuine,
                genuine_all=rows.genuine @ alls,
                touching=touching,
                touching_all=rows.touching @ alls,
                impostor=impostor,
                impostor_all=float(rows.impostor @ alls),
                across=Across(squares, with_all, with_people, all_squares, people_squares),
                people=people_of * inside,
                **_effective_people(weighting, people, inside),
            )
        )
    return results


@dataclass(frozen=True)
class _Rows:
    """Which rows of the counts are added up for what: 1 for those that are, else 0; (rows,), or (blocks, rows)."""

    genuine: Numbers
    touching: Numbers
    impostor: Numbers
    across: Numbers

    @classmethod
    def of(
        cls, inside: NDArray[np.bool_], a: NDArray[np.intp], b: NDArray[np.intp], same: NDArray[np.bool_]
    ) -> "_Rows":
        blocks = np.arange(BLOCKS)[:, np.newaxis]
        in_block = ((blocks == a) | (blocks == b)) & inside
        masks = in_block & same, in_block & ~same, inside & ~same, inside & ~same & (a != b)
        return cls(*(mask.astype(np.float64) for mask in masks))


def _grain(total: float) -> float:
    """A power of two of which the total is less than 2^52 times: sums of its multiples are exact, in whichever order.

    So a block that has all errors leaves none, and not what rounding leaves.

    >>> _grain(3.0) == 2.0**-50
    True
    """
    return float(np.ldexp(1.0, np.frexp(total)[1] - 52))


def _cumulated(
    firsts: Sequence[int], weights: Sequence[NDArray[np.number]], grains: Numbers, bins: Bins
) -> Iterator[Numbers]:
    """For each row, what lies at each edge or below, in its grains; (rows, edges), so many edges at a time."""
    column = grains[:, np.newaxis]
    below = np.zeros((len(firsts), 1))
    for start in range(bins.first, bins.beyond, _BINS):
        end = min(start + _BINS, bins.beyond)
        matched = np.zeros((len(firsts), end - start))
        for row, (first, weight) in enumerate(zip(firsts, weights, strict=True)):
            part = weight[max(start - first, 0) : max(end - first, 0)]
            place = max(first - start, 0)
            matched[row, place : place + len(part)] = part
        np.rint(np.divide(matched, column, out=matched), out=matched)
        matched *= column
        np.cumsum(matched, axis=1, out=matched)
        matched += below
        below = matched[:, -1:].copy()
        yield matched


def _effective_people(weighting: Weighting, people: pl.DataFrame, inside: NDArray[np.bool_]) -> dict[str, float]:
    """How many people have genuine pairs, and impostor pairs, in effect."""
    chosen = people.filter(pl.Series(inside[people["block"].to_numpy()]))
    pairs, faces = (chosen[name].to_numpy().astype(np.float64) for name in ("genuine_pairs", "faces"))
    if weighting is Weighting.PEOPLE:
        pairs, faces = np.sign(pairs), np.sign(faces)
    return {"genuine_people": effective(pairs), "impostor_people": effective(faces)}
