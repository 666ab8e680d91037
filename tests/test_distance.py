"""The kernel against a naive double loop, bin for bin."""

from collections import Counter
from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from facesql.distance import BINS, OVERFLOW, Tile, count_tile_pair, distance_bins, face_distances, pair_bins
from tests.conftest import some_people


def naive_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    differences = [float(x) - float(y) for x, y in zip(a, b, strict=True)]
    return sqrt(sum(difference * difference for difference in differences))


def naive_bin(distance: float) -> int:
    """The first bin whose upper edge is not below the distance, by trying one after the other."""
    return next((k for k in range(OVERFLOW) if distance <= k / 1000), OVERFLOW)


def naive_bins(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.array([[naive_bin(naive_distance(x, y)) for y in b] for x in a])


def test_a_distance_on_an_edge_and_its_neighbours_fall_on_the_right_sides() -> None:
    edges = np.arange(1, 2001)
    assert distance_bins(edges / 1000).tolist() == edges.tolist()
    assert distance_bins(np.nextafter(edges / 1000, 0)).tolist() == edges.tolist()
    assert distance_bins(np.nextafter(edges / 1000, 3)).tolist() == (edges + 1).tolist()
    assert [naive_bin(cutoff) for cutoff in (edges / 1000).tolist()] == edges.tolist()


def test_far_distances_overflow_and_none_is_lost() -> None:
    assert distance_bins(np.array([2.0, 2.0000001, 7.0, 1e300, np.inf])).tolist() == [2000] + [OVERFLOW] * 4


def test_random_encodings_equal_the_double_loop() -> None:
    _, encodings = some_people(6, 5)
    assert pair_bins(encodings[:13], encodings[13:]).tolist() == naive_bins(encodings[:13], encodings[13:]).tolist()


def test_distances_exactly_on_edges_equal_the_double_loop() -> None:
    steps = np.zeros((400, 128))
    steps[:, 3] = np.arange(400) / 1000
    origin = np.zeros((1, 128))
    assert pair_bins(origin, steps).ravel().tolist() == list(range(400))


def test_equal_and_nearly_equal_encodings() -> None:
    _, encodings = some_people(1, 1)
    near = np.repeat(encodings.astype(np.float64), 4, axis=0)
    near[1, 0] += 1e-12
    near[2, 0] += 0.0005
    near[3, 0] += 0.0011
    assert pair_bins(near, near)[0].tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("norm", [1e3, 1e6, 1e100, 1e200])
def test_large_norms_take_the_slow_road_and_stay_right(norm: float) -> None:
    a = np.full((3, 16), norm)
    b = a.copy()
    b[1, 0] += 0.25
    b[2, 5] = -norm
    assert pair_bins(a, b).tolist() == naive_bins(a, b).tolist()


def test_a_sum_is_taken_from_left_to_right_in_float64() -> None:
    _, encodings = some_people(2, 3)
    expected = [naive_distance(a, b) for a, b in zip(encodings[:3], encodings[3:], strict=True)]
    assert face_distances(encodings[:3], encodings[3:]).tolist() == expected


coordinates = st.one_of(
    st.sampled_from([0.0, 0.001, -0.001, 0.25, 0.5, 0.6, 1.0, -1.0]),
    st.floats(-2, 2, allow_nan=False, width=32),
)


@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=coordinates),
    st.data(),
)
def test_any_encodings_equal_the_double_loop(a: NDArray[np.float64], data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 6))
    b = data.draw(arrays(np.float64, (rows, a.shape[1]), elements=coordinates))
    assert pair_bins(a, b).tolist() == naive_bins(a, b).tolist()


def whole_people(people: list[int], photos: list[int], encodings: NDArray[np.floating]) -> Tile:
    """A tile that holds all faces of its people."""
    faces = list(zip(people, photos, strict=True))
    pairs = Counter(a[0] for a, b in combinations(faces, 2) if a[0] == b[0] and a[1] != b[1])
    person_faces, person_pairs = ([count[person] for person in people] for count in (Counter(people), pairs))
    return Tile(np.array(people), np.array(photos), np.array(person_faces), np.array(person_pairs), encodings)


def test_a_tile_with_itself_counts_each_pair_once() -> None:
    _, encodings = some_people(3, 2)
    tile = whole_people([1, 1, 2, 2, 3, 3], [1, 2, 1, 2, 1, 2], encodings)
    genuine, impostor = count_tile_pair(tile, tile, same_tile=True, same_block=True)
    assert (genuine.pairs.sum(), impostor.pairs.sum()) == (3, 12)
    assert genuine.pairs.shape == impostor.pairs.shape == (BINS,)
    # Three people, and three pairs of people, each of weight one.
    assert genuine.person_weight.sum() == pytest.approx(3)
    assert impostor.person_weight.sum() == pytest.approx(3)


def test_tiles_of_two_blocks_have_no_genuine_pairs() -> None:
    _, encodings = some_people(2, 3)
    a = whole_people([1, 1, 1], [1, 2, 3], encodings[:3])
    b = whole_people([2, 2, 2], [1, 2, 3], encodings[3:])
    genuine, impostor = count_tile_pair(a, b, same_tile=False, same_block=False)
    assert genuine.pairs.sum() == 0
    assert impostor.pairs.sum() == 9
    assert impostor.person_weight.sum() == pytest.approx(1)


def test_two_faces_of_one_person_in_one_photo_are_no_pair() -> None:
    _, encodings = some_people(2, 4)
    # Person 1 has three faces in photo 1 and one in photo 2, person 2 three faces in photos 1, 1 and 2, person 3 one.
    tile = whole_people([1, 1, 1, 1, 2, 2, 2, 3], [1, 1, 1, 2, 1, 1, 2, 1], encodings)
    genuine, impostor = count_tile_pair(tile, tile, same_tile=True, same_block=True)
    assert (genuine.pairs.sum(), impostor.pairs.sum()) == (3 + 2, 12 + 4 + 3)
    assert genuine.person_weight.sum() == pytest.approx(2)
    assert impostor.person_weight.sum() == pytest.approx(3)
    first, rest = (Tile(*(column[part] for column in vars(tile).values())) for part in (slice(0, 2), slice(2, None)))
    genuine, impostor = count_tile_pair(first, rest, same_tile=False, same_block=True)
    assert (genuine.pairs.sum(), impostor.pairs.sum()) == (2, 8)


def test_a_person_whose_faces_are_all_in_one_photo_has_no_genuine_pair() -> None:
    _, encodings = some_people(1, 3)
    tile = whole_people([1, 1, 1], [4, 4, 4], encodings)
    genuine, impostor = count_tile_pair(tile, tile, same_tile=True, same_block=True)
    assert genuine.pairs.sum() == impostor.pairs.sum() == 0
