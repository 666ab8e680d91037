"""The self-join in DuckDB against a naive double loop over the faces."""

from collections import Counter
from itertools import combinations

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from facesql.database import connect
from facesql.pairs import count_pairs
from tests.conftest import filled, some_people
from tests.test_distance import naive_bin, naive_distance

Counts = dict[tuple[bool, int], int]


def counted(connection: duckdb.DuckDBPyConnection) -> Counts:
    rows = connection.execute("select same_person, bin, pairs from bin_totals").fetchall()
    return {(same_person, number): pairs for same_person, number, pairs in rows}


def naive_counts(people: list[str], encodings: NDArray[np.floating]) -> Counts:
    counts: Counter[tuple[bool, int]] = Counter()
    for i, j in combinations(range(len(people)), 2):
        counts[people[i] == people[j], naive_bin(naive_distance(encodings[i], encodings[j]))] += 1
    return dict(counts)


def test_counts_equal_the_double_loop() -> None:
    people, encodings = some_people(9, 4)
    connection = filled(people, encodings)
    count_pairs(connection)
    assert counted(connection) == naive_counts(people, encodings)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_people_any_encodings_any_tiles(data: st.DataObject) -> None:
    people = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=14))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    some = data.draw(
        arrays(dtype, (data.draw(st.integers(1, 5)), 3), elements=st.sampled_from([0, 0.001, 0.3, 0.6, 1, -1]))
    )
    # Drawn from a few rows, so that many encodings are equal.
    encodings = some[data.draw(st.lists(st.integers(0, len(some) - 1), min_size=len(people), max_size=len(people)))]
    connection = filled(people, encodings)
    count_pairs(connection, tile_faces=data.draw(st.integers(1, 6)), threads=data.draw(st.integers(1, 3)))
    assert counted(connection) == naive_counts(people, encodings)
    assert sum(counted(connection).values()) == len(people) * (len(people) - 1) // 2


@pytest.mark.parametrize("tile_faces", [1, 7, 64, 512])
@pytest.mark.parametrize("batch_bytes", [1, 100_000, 10**9])
def test_tiles_and_batches_of_any_size_give_equal_counts(tile_faces: int, batch_bytes: int) -> None:
    people, encodings = some_people(20, 3)
    connection = filled(people, encodings)
    count_pairs(connection, tile_faces=tile_faces, batch_bytes=batch_bytes)
    assert counted(connection) == naive_counts(people, encodings)


def test_batches_and_threads_do_not_change_the_last_digit_of_a_weight() -> None:
    def weights(batch_bytes: int, threads: int) -> list[tuple[object, ...]]:
        connection = filled(*some_people(30, 3))
        count_pairs(connection, batch_bytes=batch_bytes, threads=threads)
        return connection.execute("from block_pair_counts").fetchall()

    assert weights(1, 1) == weights(10**6, 2) == weights(10**9, 5)


def test_weights_of_a_person_and_of_a_pair_of_people_are_one() -> None:
    people = ["a"] * 5 + ["b"] * 2 + ["c"]
    connection = filled(people, some_people(1, 8)[1])
    count_pairs(connection)
    sums = dict(connection.execute("select same_person, sum(person_weight) from binned_counts group by 1").fetchall())
    assert sums[True] == pytest.approx(2)  # a and b; c has one photo
    assert sums[False] == pytest.approx(3)  # ab, ac, bc


def test_genuine_pairs_lie_within_a_block_and_blocks_are_ordered() -> None:
    connection = filled(*some_people(100, 2))
    count_pairs(connection)
    rows = connection.execute("select block_a, block_b, same_person from binned_counts").fetchall()
    assert all(block_a == block_b for block_a, block_b, same_person in rows if same_person)
    assert all(0 <= block_a <= block_b < 64 for block_a, block_b, _ in rows)
    assert len({block_a for block_a, _, _ in rows}) > 32


def test_one_person_with_more_faces_than_a_tile_holds() -> None:
    people, encodings = ["only"] * 40, some_people(1, 40)[1]
    connection = filled(people, encodings)
    count_pairs(connection, tile_faces=16)
    assert counted(connection) == naive_counts(people, encodings)
    assert connection.execute("select sum(person_weight) from binned_counts").fetchall()[0][0] == pytest.approx(1)


@pytest.mark.parametrize("batch_bytes", [2**20, 2**24, 2**28])
def test_little_memory_does_not_change_the_counts(batch_bytes: int) -> None:
    people, encodings = some_people(800, 8)
    plenty, little = filled(people, encodings), filled(people, encodings)
    little.execute("set memory_limit = '150MB'")  # half of it would be too little
    little.execute("set temp_directory = ''")
    count_pairs(plenty)
    count_pairs(little, batch_bytes=batch_bytes)
    assert counted(plenty) == counted(little)
    assert sum(counted(little).values()) == 6400 * 6399 // 2


def test_no_faces_and_one_face_have_no_pairs() -> None:
    empty = connect(report=True)
    count_pairs(empty)
    assert counted(empty) == {}
    single = filled(["a"], some_people(1, 1)[1])
    count_pairs(single)
    assert counted(single) == {}


def test_encodings_of_512_float64_numbers() -> None:
    people = ["a", "a", "b", "c"]
    encodings = np.random.default_rng(1).normal(scale=0.03, size=(4, 512))
    connection = filled(people, encodings)
    count_pairs(connection)
    assert counted(connection) == naive_counts(people, encodings)
