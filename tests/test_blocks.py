"""The counts by block against people left out of the table, and the rest compared again by a double loop."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from facesql import blocks
from facesql.binning import EUCLIDEAN, BinCounts, Bins, BlockPair, Metric
from facesql.blocks import BLOCKS, BlockCounts, Weighting, block_counts, effective
from facesql.counts import read_counts
from facesql.fitting import set_bins, set_metric
from facesql.pairs import count_pairs, plan_pairs
from tests.conftest import compare, filled, some_people

Numbers = NDArray[np.float64]

# Bins of 0.05: few, so that a naive loop may go over all; some distances lie beyond the last edge.
WIDE = Bins(Metric.EUCLIDEAN, 0, 16, Decimal("0.05"))


@dataclass(frozen=True)
class Naive:
    """What pairs of faces have: sums at each edge (edges,), and of all."""

    genuine: Numbers
    impostor: Numbers
    genuine_all: float
    impostor_all: float


def naive(
    people: list[str], distances: Numbers, weighting: Weighting, bins: Bins, chosen: Collection[str] | None = None
) -> Naive:
    """The sums over pairs of faces of the people chosen; a pair weighs 1, or 1 by the pairs of these two people."""
    rows = [row for row, person in enumerate(people) if chosen is None or person in chosen]
    names = [people[row] for row in rows]
    between = distances[np.ix_(rows, rows)]
    pairs = Counter(frozenset((names[i], names[j])) for i, j in combinations(range(len(rows)), 2))
    sums, alls = {True: np.zeros(len(bins.edges)), False: np.zeros(len(bins.edges))}, {True: 0.0, False: 0.0}
    for i, j in combinations(range(len(rows)), 2):
        same = names[i] == names[j]
        weight = 1.0 if weighting is Weighting.PAIRS else 1 / pairs[frozenset((names[i], names[j]))]
        sums[same] += weight * (between[i, j] <= bins.edges)
        alls[same] += weight
    return Naive(sums[True], sums[False], alls[True], alls[False])


def skewed(people: int, seed: int, size: int = 128) -> tuple[list[str], Numbers]:
    """Made-up people with one to eight photos; a few have most of them."""
    names, encodings = some_people(people, 8, seed)
    photos = np.random.default_rng(seed).choice([1, 1, 1, 2, 2, 3, 8], people)
    kept = [row for row, _ in enumerate(names) if row % 8 < photos[row // 8]]
    return [names[row] for row in kept], encodings[kept, :size].astype(np.float64)


def people_of(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return pl.DataFrame(connection.sql("select block, faces, genuine_pairs from people").to_arrow_table())


def counted_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[BlockPair, BinCounts]]:
    return list(read_counts(connection.sql("from block_pair_counts").to_arrow_table()))


def compared(people: list[str], encodings: Numbers, bins: Bins = EUCLIDEAN) -> duckdb.DuckDBPyConnection:
    """Compare made-up faces in these bins."""
    connection = filled(people, encodings)
    set_metric(connection, bins.metric)
    set_bins(connection, bins)
    count_pairs(connection, plan_pairs(connection, bins=bins), progress=False)
    return connection


def blocks_of(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(connection.execute("select person, block from people").fetchall())


def close(expected: Numbers | float) -> Any:
    """Person weights are kept in float32."""
    return pytest.approx(expected, rel=1e-6, abs=1e-6)


def check(counts: BlockCounts, people: list[str], distances: Numbers, block_of: dict[str, int], bins: Bins) -> None:
    """All sums, and what is left of them without each block, equal the naive ones of the people inside."""
    inside = {person for person in people if counts.people[block_of[person]]}
    every = naive(people, distances, counts.weighting, bins, inside)
    assert counts.impostor == close(every.impostor)
    assert counts.impostor_all == close(every.impostor_all)
    assert counts.genuine.sum(axis=0) == close(every.genuine)
    for block in range(BLOCKS):
        others = {person for person in inside if block_of[person] != block}
        assert counts.people[block] == len(inside) - len(others)
        assert counts.present[block] == (others != inside)
        if others != inside:
            rest = naive(people, distances, counts.weighting, bins, others)
            assert counts.genuine.sum(axis=0) - counts.genuine[block] == close(rest.genuine)
            assert counts.genuine_all.sum() - counts.genuine_all[block] == close(rest.genuine_all)
            assert counts.impostor - counts.touching[block] == close(rest.impostor)
            assert counts.impostor_all - counts.touching_all[block] == close(rest.impostor_all)
            pairs_left = len(others) * (len(others) - 1) / 2
            assert counts.pairs_of_people - counts.touching_people[block] == pairs_left
        else:
            for sums in (counts.genuine, counts.genuine_all, counts.touching, counts.touching_all):
                assert not sums[block].any()
            assert counts.touching_people[block] == 0


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_left_without_a_block_is_what_the_others_have(weighting: Weighting, seed: int) -> None:
    people, encodings = skewed(25, seed)
    connection = compared(people, encodings, WIDE)
    distances = cdist(encodings, encodings)
    assert (distances > float(WIDE.edges[-1])).any()
    block_of = blocks_of(connection)
    assert max(Counter(block_of.values()).values()) > 1  # some blocks hold several people
    [counts] = block_counts(counted_of(connection), people_of(connection), WIDE)
    assert set(counts) == set(Weighting)
    check(counts[weighting], people, distances, block_of, WIDE)


@pytest.mark.parametrize("weighting", Weighting)
def test_parts_are_the_people_of_their_blocks_alone(weighting: Weighting) -> None:
    people, encodings = skewed(25, 2)
    connection = compared(people, encodings, WIDE)
    block_of = blocks_of(connection)
    filled_blocks = sorted(set(block_of.values()))
    empty = next(block for block in range(BLOCKS) if block not in filled_blocks)
    parts = [range(32), range(32, BLOCKS), filled_blocks[::2], filled_blocks[:1], [empty], []]
    table = people_of(connection)
    found = block_counts(counted_of(connection), table, WIDE, parts=parts)
    assert len(found) == len(parts)
    for part, of_part in zip(parts, found, strict=True):
        counts = of_part[weighting]
        check(counts, people, cdist(encodings, encodings), block_of, WIDE)
        chosen = table.filter(pl.col("block").is_in(list(part)))
        assert counts.people.sum() == len(chosen)
        check_effective(counts, chosen["faces"].to_list(), chosen["genuine_pairs"].to_list())


def check_effective(counts: BlockCounts, faces: list[int], genuine_pairs: list[int]) -> None:
    def naive_effective(weights: list[int]) -> float:
        return sum(weights) ** 2 / sum(weight**2 for weight in weights) if any(weights) else 0.0

    if counts.weighting is Weighting.PEOPLE:
        assert counts.genuine_people == sum(pairs > 0 for pairs in genuine_pairs)
        assert counts.impostor_people == len(faces)
    else:
        assert counts.genuine_people == pytest.approx(naive_effective(genuine_pairs))
        assert counts.impostor_people == pytest.approx(naive_effective(faces))


@pytest.mark.parametrize("weighting", Weighting)
def test_sums_across_blocks_are_those_of_a_loop_over_their_pairs(weighting: Weighting) -> None:
    people, encodings = skewed(20, 3)
    connection = compared(people, encodings, WIDE)
    block_of, distances = blocks_of(connection), cdist(encodings, encodings)
    [counts] = block_counts(counted_of(connection), people_of(connection), WIDE)
    across = counts[weighting].across
    squares, with_all, with_people = (np.zeros(len(WIDE.edges)) for _ in range(3))
    all_squares = people_squares = 0.0
    for a, b in combinations(sorted(set(block_of.values())), 2):
        of_a, of_b = ({person for person in people if block_of[person] == block} for block in (a, b))
        both, first, second = (naive(people, distances, weighting, WIDE, part) for part in (of_a | of_b, of_a, of_b))
        matched = both.impostor - first.impostor - second.impostor
        every = both.impostor_all - first.impostor_all - second.impostor_all
        squares += matched**2
        with_all += matched * every
        with_people += matched * len(of_a) * len(of_b)
        all_squares += every**2
        people_squares += (len(of_a) * len(of_b)) ** 2
    assert squares.any()
    assert across.squares == close(squares)
    assert across.with_all == close(with_all)
    assert across.with_people == close(with_people)
    assert across.all_squares == close(all_squares)
    assert across.people_squares == close(people_squares)


@pytest.mark.parametrize("chunk", [1, 7, 2001])
def test_bins_are_summed_alike_in_chunks_of_any_size(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    people, encodings = skewed(12, 4)
    connection = filled(people, encodings)
    compare(connection)
    distances, block_of = cdist(encodings, encodings), blocks_of(connection)
    monkeypatch.setattr(blocks, "_BINS", chunk)
    [counts] = block_counts(counted_of(connection), people_of(connection), EUCLIDEAN)
    for weighting in Weighting:
        check(counts[weighting], people, distances, block_of, EUCLIDEAN)


@pytest.mark.parametrize("chunk", [3, 2048])
def test_inner_products_have_bins_below_0(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bins = Bins(Metric.INNER, -10, 10, Decimal("0.1"))
    people, encodings = skewed(20, 5)
    encodings = encodings - 0.01
    connection = compared(people, encodings, bins)
    distances = -encodings @ encodings.T
    assert (distances < 0).any()
    assert (distances > 0).any()
    monkeypatch.setattr(blocks, "_BINS", chunk)
    [counts] = block_counts(counted_of(connection), people_of(connection), bins)
    for weighting in Weighting:
        check(counts[weighting], people, distances, blocks_of(connection), bins)


@pytest.mark.parametrize(
    ("people", "genuine_people", "impostor_people"),
    [([], 0, 0), (["Ann"], 0, 1), (["Ann"] * 3, 1, 1), (["Ann", "Bob"], 0, 2), (["Ann", "Bob", "Cid"], 0, 3)],
    ids=["nobody", "one face", "one person", "two faces", "a face a person"],
)
def test_few_people(people: list[str], genuine_people: float, impostor_people: float) -> None:
    encodings = np.linspace(0, 0.6, max(len(people), 1))[: len(people), np.newaxis]
    connection = compared(people, encodings.reshape(len(people), 1), WIDE)
    [counts] = block_counts(counted_of(connection), people_of(connection), WIDE)
    distances = cdist(encodings, encodings) if people else np.zeros((0, 0))
    for weighting in Weighting:
        check(counts[weighting], people, distances, blocks_of(connection), WIDE)
        assert counts[weighting].genuine_people == genuine_people
        assert counts[weighting].impostor_people == impostor_people


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_block_that_has_all_leaves_exactly_nothing(seed: int, by_pairs: bool) -> None:
    # The sum of 1/3, 1/7, ... in one order is not that in another, but for the rounding here.
    random = np.random.default_rng(seed)
    counted = []
    for block in range(1, 30):
        pairs = random.integers(0, 9, WIDE.count)
        parts = random.choice([3, 7, 11, 49], WIDE.count)
        counted.append(((0, block, False), BinCounts(0, pairs, pairs / parts)))
        counted.append(((block, block, True), BinCounts(0, pairs, pairs / parts)))
    people = pl.DataFrame({"block": range(30), "faces": [2] * 30, "genuine_pairs": [1] * 30})
    counts = block_counts(counted, people, WIDE)[0][Weighting.PAIRS if by_pairs else Weighting.PEOPLE]
    assert np.array_equal(counts.touching[0], counts.impostor)
    assert np.array_equal(counts.touching[1:].sum(axis=0), counts.impostor)
    assert counts.touching_all[0] == counts.impostor_all
    weights = [part.pairs if by_pairs else part.person_weight for (_, _, same), part in counted if same]
    assert counts.genuine_all[1:30] == pytest.approx([weight.sum() for weight in weights], rel=1e-12)
    last = np.array([weight[:-1].sum() for weight in weights])
    assert counts.genuine[1:30, -1] == pytest.approx(last, rel=1e-12)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 9), max_size=9), st.integers(1, 1000))
def test_equal_weights_count_in_full_and_their_scale_does_not(weights: list[int], scale: int) -> None:
    array = np.array(weights, np.float64)
    assert effective(array * scale) == pytest.approx(effective(array))
    assert 0 <= effective(array) <= np.count_nonzero(array) * (1 + 1e-12)
    assert effective(np.full(7, float(scale))) == pytest.approx(7)
