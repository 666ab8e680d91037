"""What the blocks of people have of a report's counts, and so what is left of these without each block.

Two photos of one person lie in one block, so to leave a block out is to leave people out, with all pairs that they are
part of. All sums are taken here, once; what follows are rates of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    sampled: Numbers | None = None
    """How many independent pairs of people would tell as much of FMR as those compared, (edges,), of a sample."""

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which blocks have people, (blocks,)."""
        return self.people > 0

    def independent_pairs(self, times: int = 1) -> Numbers:
        """How many independent pairs of people bound FMR, (edges,): disjoint ones of so many times the people.

        Of a sample they are fewer, for its variance is added to theirs.
        """
        disjoint = np.full(self.impostor.shape, self.impostor_people / 2 * times)
        if self.sampled is None:
            return disjoint
        with np.errstate(divide="ignore"):
            return np.asarray(1 / (1 / disjoint + 1 / self.sampled))

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
    counted: Counted,
    people: pl.DataFrame,
    bins: Bins,
    *,
    parts: Sequence[Collection[int]] = (range(BLOCKS),),
    sampled: Mapping[Weighting, Numbers] | None = None,
) -> list[dict[Weighting, BlockCounts]]:
    """The counts of a report's table block_pair_counts by block, for each of several sets of blocks alone.

    ``counted`` has a row for each pair of blocks (the smaller first) and same_person; ``people`` has the columns block,
    faces and genuine_pairs, a row for each person. The result has an entry for each of ``parts``, the blocks whose
    people are taken; pairs with anybody else are left out. Where impostor pairs are estimated from a sample,
    ``sampled`` are as many independent pairs as would tell as much of all, (edges,).
    """
    inside = [np.isin(np.arange(BLOCKS), list(part)) for part in parts]
    weighted = [
        _weighted(weighting, counted, people, bins, inside, None if sampled is None else sampled[weighting])
        for weighting in Weighting
    ]
    return [dict(zip(Weighting, of_part, strict=True)) for of_part in zip(*weighted, strict=True)]


def _weighted(
    weighting: Weighting,
    counted: Counted,
    people: pl.DataFrame,
    bins: Bins,
    parts: Sequence[NDArray[np.bool_]],
    sampled: Numbers | None,
) -> list[BlockCounts]:
    """The counts under one weighting, for each part; parts say which blocks are inside."""
    genuine, impostor = (_Cells.of(weighting, [row for row in counted if row[0][2] is same]) for same in (True, False))
    a, b = impostor.a, impostor.b
    people_of = np.bincount(people["block"].to_numpy(), minlength=BLOCKS).astype(np.float64)
    people_across = people_of[a] * people_of[b]
    # Which rows are of a part, and of these, which are of two blocks; (parts, rows).
    within = np.array([inside[a] & inside[b] for inside in parts], np.float64)
    across = within * (a != b)
    genuine_at = np.zeros((BLOCKS, len(bins.edges)))
    touching_at = np.zeros((len(parts), BLOCKS, len(bins.edges)))
    impostor_at, squares, with_all, with_people = np.zeros((4, len(parts), len(bins.edges)))
    for edges, matched in genuine.cumulated(bins):
        genuine_at[genuine.a, edges] = matched
    for edges, matched in impostor.cumulated(bins):
        touching_at[:, :, edges] = impostor.touching(matched, parts)
        impostor_at[:, edges] = within @ matched
        squares[:, edges] = across @ matched**2
        with_all[:, edges] = (across * impostor.alls) @ matched
        with_people[:, edges] = (across * people_across) @ matched
    genuine_all = np.zeros(BLOCKS)
    genuine_all[genuine.a] = genuine.alls
    touching_all = impostor.touching(impostor.alls[:, np.newaxis], parts)[:, :, 0]
    impostor_all = within @ impostor.alls
    all_squares, people_squares = across @ impostor.alls**2, across @ people_across**2
    shares = impostor_all / (float(impostor.alls.sum()) or 1.0)
    return [
        BlockCounts(
            weighting=weighting,
            genuine=genuine_at * inside[:, np.newaxis],
            genuine_all=genuine_all * inside,
            touching=touching_at[part],
            touching_all=touching_all[part],
            impostor=impostor_at[part],
            impostor_all=float(impostor_all[part]),
            across=Across(
                squares[part],
                with_all[part],
                with_people[part],
                float(all_squares[part]),
                float(people_squares[part]),
            ),
            people=people_of * inside,
            sampled=None if sampled is None or not shares[part] else sampled * shares[part],
            **_effective_people(weighting, people, inside),
        )
        for part, inside in enumerate(parts)
    ]


@dataclass(frozen=True)
class _Cells:
    """The counts of one class of pairs, a row a pair of blocks."""

    a: NDArray[np.intp]
    b: NDArray[np.intp]
    firsts: Sequence[int]
    """The bin of the first weight of each row."""
    weights: Sequence[NDArray[np.number]]
    """How much lies in each bin from that on."""
    grain: float
    alls: Numbers
    """How much lies in all bins, in grains; (rows,)."""

    @classmethod
    def of(cls, weighting: Weighting, counted: Counted) -> "_Cells":
        a, b = (np.array([key[side] for key, _ in counted], np.intp) for side in range(2))
        weights = [counts.pairs if weighting is Weighting.PAIRS else counts.person_weight for _, counts in counted]
        grain = _grain(float(sum(weight.sum(dtype=np.float64) for weight in weights)))
        alls = np.array([np.rint(np.divide(weight, grain, dtype=np.float64)).sum() * grain for weight in weights])
        return cls(a, b, [counts.first for _, counts in counted], weights, grain, alls)

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """The row of each pair of blocks, in either order, (blocks, blocks); the number of rows where there is none."""
        rows = np.full((BLOCKS, BLOCKS), len(self.a), np.intp)
        rows[self.a, self.b] = rows[self.b, self.a] = np.arange(len(self.a))
        return rows

    def touching(self, values: Numbers, parts: Sequence[NDArray[np.bool_]]) -> Numbers:
        """Of values, (rows, edges), the sums of those that touch each block in each part, (parts, blocks, edges)."""
        cells = np.vstack([values, np.zeros((1, values.shape[1]))])[self.rows]
        inside = np.array(parts, np.float64)
        touching = (inside @ cells.reshape(BLOCKS, -1)).reshape(len(parts), BLOCKS, -1)
        return np.asarray(touching * inside[:, :, np.newaxis])

    def cumulated(self, bins: Bins) -> Iterator[tuple[slice, Numbers]]:
        """For each row, what lies at each edge or below, in grains; (rows, edges), and which edges, so many at once."""
        below = np.zeros((len(self.a), 1))
        for start in range(bins.first, bins.beyond, _BINS):
            end = min(start + _BINS, bins.beyond)
            matched = np.zeros((len(self.a), end - start))
            for row, (first, weight) in enumerate(zip(self.firsts, self.weights, strict=True)):
                part = weight[max(start - first, 0) : max(end - first, 0)]
                place = max(first - start, 0)
                matched[row, place : place + len(part)] = part
            np.rint(np.divide(matched, self.grain, out=matched), out=matched)
            matched *= self.grain
            np.cumsum(matched, axis=1, out=matched)
            matched += below
            below = matched[:, -1:].copy()
            yield slice(start - bins.first, end - bins.first), matched


def _grain(total: float) -> float:
    """A power of two of which the total is less than 2^52 times: sums of its multiples are exact, in whichever order.

    So a block that has all errors leaves none, and not what rounding leaves.

    >>> _grain(3.0) == 2.0**-50
    True
    """
    return float(np.ldexp(1.0, np.frexp(total)[1] - 52))


def _effective_people(weighting: Weighting, people: pl.DataFrame, inside: NDArray[np.bool_]) -> dict[str, float]:
    """How many people have genuine pairs, and impostor pairs, in effect."""
    chosen = people.filter(pl.Series(inside[people["block"].to_numpy()]))
    pairs, faces = (chosen[name].to_numpy().astype(np.float64) for name in ("genuine_pairs", "faces"))
    if weighting is Weighting.PEOPLE:
        pairs, faces = np.sign(pairs), np.sign(faces)
    return {"genuine_people": effective(pairs), "impostor_people": effective(faces)}
