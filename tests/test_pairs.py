"""The self-join in DuckDB against a naive double loop over the faces."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from facesql.database import connect
from tests.conftest import compare, filled, some_people
from tests.double_loop import double_loop
from tests.test_distance import naive_bin, naive_distance

Counts = dict[tuple[bool, int], int]
Weights = dict[tuple[bool, int], float]


def counted(connection: duckdb.DuckDBPyConnection) -> Counts:
    rows = connection.execute("select same_person, bin, pairs from bin_totals").fetchall()
    return {(same_person, number): pairs for same_person, number, pairs in rows}


def naive_counts(
    people: list[str], encodings: NDArray[np.floating], photos: Sequence[str | None] | None = None
) -> Counts:
    counts: Counter[tuple[bool, int]] = Counter()
    for i, j in naive_pairs(people, photos):
        counts[people[i] == people[j], naive_bin(naive_distance(encodings[i], encodings[j]))] += 1
    return dict(counts)


def naive_pairs(people: list[str], photos: Sequence[str | None] | None) -> list[tuple[int, int]]:
    """The pairs that are compared: all but those of one person in one photo that is known."""
    pairs = []
    for i, j in combinations(range(len(people)), 2):
        in_one_photo = photos is not None and photos[i] is not None and photos[i] == photos[j]
        if not (in_one_photo and people[i] == people[j]):
            pairs.append((i, j))
    return pairs


def naive_weights(people: list[str], encodings: NDArray[np.floating], photos: Sequence[str | None] | None) -> Weights:
    """Each pair's weight is one by the number of pairs that are of the same person, or of the same two people."""
    of_people = Counter(frozenset((people[i], people[j])) for i, j in naive_pairs(people, photos))
    weights: defaultdict[tuple[bool, int], float] = defaultdict(float)
    for i, j in naive_pairs(people, photos):
        key = people[i] == people[j], naive_bin(naive_distance(encodings[i], encodings[j]))
        weights[key] += 1 / of_people[frozenset((people[i], people[j]))]
    return dict(weights)


def weighed(counts: duckdb.DuckDBPyRelation) -> tuple[Counts, Weights]:
    """Pairs and person weights a class and bin, from what has the columns of binned_counts."""
    rows = counts.aggregate("same_person, bin, sum(pairs), sum(person_weight)").fetchall()
    return {(same, bin_): pairs for same, bin_, pairs, _ in rows}, {(same, bin_): sum_ for same, bin_, _, sum_ in rows}


def test_counts_equal_the_double_loop() -> None:
    people, encodings = some_people(9, 4)
    connection = filled(people, encodings)
    compare(connection)
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
    # The same names of photos for all people: two people in one photo are an impostor pair.
    names = st.lists(st.sampled_from(["1", "2", "", None]), min_size=len(people), max_size=len(people))
    photos = data.draw(st.none() | names)
    connection = filled(people, encodings, photos)
    compare(connection, tile_faces=data.draw(st.integers(1, 6)), threads=data.draw(st.integers(1, 3)))
    assert counted(connection) == naive_counts(people, encodings, photos)
    for road in ("from binned_counts", "from slow_binned_counts()"):
        pairs, weights = weighed(connection.sql(road))
        assert pairs == naive_counts(people, encodings, photos)
        assert weights == pytest.approx(naive_weights(people, encodings, photos))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", None])), min_size=1, max_size=14))
def test_all_pairs_are_counted_but_those_within_the_photos_of_a_person(faces: list[tuple[str, str | None]]) -> None:
    people, photos = [person for person, _ in faces], [photo for _, photo in faces]
    connection = filled(people, np.zeros((len(faces), 2)), photos)
    compare(connection, tile_faces=3)
    in_photo = [size for (_, photo), size in Counter(faces).items() if photo is not None]
    assert sum(counted(connection).values()) == pairs_of(len(faces)) - sum(map(pairs_of, in_photo))
    in_sql = dict(connection.execute("select person, (faces, genuine_pairs) from people").fetchall())
    of_people = Counter(people[i] for i, j in naive_pairs(people, photos) if people[i] == people[j])
    assert in_sql == {person: (size, of_people[person]) for person, size in Counter(people).items()}


def pairs_of(faces: int) -> int:
    return faces * (faces - 1) // 2


@pytest.mark.parametrize("tile_faces", [1, 5, 512])
def test_two_faces_of_one_photo_are_no_pair(tile_faces: int) -> None:
    people, encodings = some_people(30, 4)
    photos = [f"{person}/{number % 4 // 2}" for number, person in enumerate(people)]
    connection = filled(people, encodings, photos)
    compare(connection, tile_faces=tile_faces)
    of_person, of_photo = (np.unique(names, return_inverse=True)[1] for names in (people, photos))
    expected_counts = double_loop(of_person, of_photo, encodings.astype(np.float64))
    for same, expected in zip((True, False), expected_counts, strict=True):
        assert {bin_: n for (of_same, bin_), n in counted(connection).items() if of_same == same} == {
            bin_: n for bin_, n in enumerate(expected.tolist()) if n
        }
    # Four faces in two photos: four of the six pairs.
    assert connection.execute("select distinct genuine_pairs from people").fetchall() == [(4,)]
    sums = dict(connection.execute("select same_person, sum(person_weight) from binned_counts group by 1").fetchall())
    assert sums == {True: pytest.approx(30), False: pytest.approx(30 * 29 / 2)}


def test_the_bar_ends_at_its_total(capsys: pytest.CaptureFixture[str]) -> None:
    people, encodings = some_people(6, 4)
    connection = filled(people, encodings, [person + str(number % 3) for number, person in enumerate(people)])
    compare(connection, tile_faces=5, batch_bytes=1, progress=True)
    expected = sum(counted(connection).values())
    assert f" {expected}/{expected} " in capsys.readouterr().err


@pytest.mark.parametrize("tile_faces", [1, 7, 64, 512])
@pytest.mark.parametrize("batch_bytes", [1, 100_000, 10**9])
def test_tiles_and_batches_of_any_size_give_equal_counts(tile_faces: int, batch_bytes: int) -> None:
    people, encodings = some_people(20, 3)
    connection = filled(people, encodings)
    compare(connection, tile_faces=tile_faces, batch_bytes=batch_bytes)
    assert counted(connection) == naive_counts(people, encodings)


def test_batches_and_threads_do_not_change_the_last_digit_of_a_weight() -> None:
    def weights(batch_bytes: int, threads: int) -> list[tuple[object, ...]]:
        connection = filled(*some_people(30, 3))
        compare(connection, batch_bytes=batch_bytes, threads=threads)
        return connection.execute("from block_pair_counts").fetchall()

    assert weights(1, 1) == weights(10**6, 2) == weights(10**9, 5)


def test_weights_of_a_person_and_of_a_pair_of_people_are_one() -> None:
    people = ["a"] * 5 + ["b"] * 2 + ["c"]
    connection = filled(people, some_people(1, 8)[1])
    compare(connection)
    sums = dict(connection.execute("select same_person, sum(person_weight) from binned_counts group by 1").fetchall())
    assert sums[True] == pytest.approx(2)  # a and b; c has one photo
    assert sums[False] == pytest.approx(3)  # ab, ac, bc


def test_genuine_pairs_lie_within_a_block_and_blocks_are_ordered() -> None:
    connection = filled(*some_people(100, 2))
    compare(connection)
    rows = connection.execute("select block_a, block_b, same_person from binned_counts").fetchall()
    assert all(block_a == block_b for block_a, block_b, same_person in rows if same_person)
    assert all(0 <= block_a <= block_b < 64 for block_a, block_b, _ in rows)
    assert len({block_a for block_a, _, _ in rows}) > 32


def test_one_person_with_more_faces_than_a_tile_holds() -> None:
    people, encodings = ["only"] * 40, some_people(1, 40)[1]
    connection = filled(people, encodings)
    compare(connection, tile_faces=16)
    assert counted(connection) == naive_counts(people, encodings)
    assert connection.execute("select sum(person_weight) from binned_counts").fetchall()[0][0] == pytest.approx(1)


@pytest.mark.parametrize("batch_bytes", [2**20, 2**24, 2**28])
def test_little_memory_does_not_change_the_counts(batch_bytes: int) -> None:
    people, encodings = some_people(800, 8)
    plenty, little = filled(people, encodings), filled(people, encodings)
    little.execute("set memory_limit = '150MB'")  # half of it would be too little
    little.execute("set temp_directory = ''")
    compare(plenty)
    compare(little, batch_bytes=batch_bytes)
    assert counted(plenty) == counted(little)
    assert sum(counted(little).values()) == 6400 * 6399 // 2


def test_no_faces_and_one_face_have_no_pairs() -> None:
    empty = connect(report=True)
    compare(empty)
    assert counted(empty) == {}
    single = filled(["a"], some_people(1, 1)[1])
    compare(single)
    assert counted(single) == {}


def test_encodings_of_512_float64_numbers() -> None:
    people = ["a", "a", "b", "c"]
    encodings = np.random.default_rng(1).normal(scale=0.03, size=(4, 512))
    connection = filled(people, encodings)
    compare(connection)
    assert counted(connection) == naive_counts(people, encodings)


def hard_data(kind: str) -> tuple[list[str], NDArray[np.floating]]:
    """People and encodings that a fast formula, or unequal tiles, might count wrong."""
    random = np.random.default_rng(7)
    people, drawn = some_people(60, 5)
    encodings: NDArray[np.floating] = drawn
    match kind:
        case "one person with half of all photos":
            people = ["everywhere" if number % 2 else name for number, name in enumerate(people)]
        case "one face a person":
            people = [f"p{number}" for number in range(len(people))]
        case "equal encodings":
            encodings = encodings[random.integers(0, 9, len(people))]
        case "nearly equal encodings":
            encodings = encodings[:1].astype(np.float64) + random.choice([0, 1e-15, 1e-9, 0.001], (len(people), 128))
        case "distances on edges":
            encodings = np.zeros((len(people), 8))
            encodings[:, random.integers(0, 8)] = random.integers(-700, 700, len(people)) / 1000
        case "large norms":
            encodings = encodings.astype(np.float64) + random.choice([0.0, 1e3, 1e8], (len(people), 1))
    return people, encodings


@pytest.mark.parametrize(
    "kind",
    [
        "one person with half of all photos",
        "one face a person",
        "equal encodings",
        "nearly equal encodings",
        "distances on edges",
        "large norms",
    ],
)
@pytest.mark.parametrize("tile_faces", [17, 10_000])
def test_hard_data_equals_the_double_loop_in_every_bin(kind: str, tile_faces: int) -> None:
    people, encodings = hard_data(kind)
    connection = filled(people, encodings)
    compare(connection, tile_faces=tile_faces, batch_bytes=100_000)
    of_person = np.unique(people, return_inverse=True)[1]
    in_classes = double_loop(of_person, np.arange(len(people)), encodings.astype(np.float64))
    for same, expected in zip((True, False), in_classes, strict=True):
        found = {number: pairs for (of_same, number), pairs in counted(connection).items() if of_same == same}
        assert found == {number: pairs for number, pairs in enumerate(expected.tolist()) if pairs}
