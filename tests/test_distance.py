"""The kernel against a naive double loop, bin for bin."""

from collections import Counter, defaultdict
from decimal import Decimal
from itertools import combinations
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from facesql import distance
from facesql.binning import EUCLIDEAN, BinCounts, Bins, BlockPair, Metric, total
from facesql.distance import Tile, TilePair, pair_distance
from tests.conftest import some_people

METRICS = list(Metric)
BINS = {
    Metric.EUCLIDEAN: EUCLIDEAN,
    Metric.SQUARED: Bins(Metric.SQUARED, 0, 1000, Decimal("0.002")),
    Metric.COSINE: Bins(Metric.COSINE, 0, 2000, Decimal("0.001")),
    Metric.INNER: Bins(Metric.INNER, -500, 500, Decimal("0.005")),
}
Counts = dict[tuple[bool, int], int]


def naive_distance(a: NDArray[np.floating], b: NDArray[np.floating], metric: Metric = Metric.EUCLIDEAN) -> float:
    pairs = [(float(x), float(y)) for x, y in zip(a, b, strict=True)]
    square = sum((x - y) * (x - y) for x, y in pairs)
    product = sum(x * y for x, y in pairs)
    match metric:
        case Metric.EUCLIDEAN:
            return sqrt(square)
        case Metric.SQUARED:
            return square
        case Metric.COSINE:
            return 1 - product / sqrt(sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs))
        case Metric.INNER:
            return -product


def naive_bin(distance: float, bins: Bins = EUCLIDEAN) -> int:
    """The first bin whose upper edge is not below the distance, by trying one after the other."""
    edges = ((number, float(number * bins.width)) for number in range(bins.first, bins.last + 1))
    return next((number for number, edge in edges if distance <= edge), bins.beyond)


def tile(people: list[int], encodings: NDArray[np.floating], photos: list[int] | None = None, block: int = 0) -> Tile:
    """A tile of one block that holds all faces of its people; a person's number tells them in all blocks."""
    photos = list(range(len(people))) if photos is None else photos
    faces = list(zip(people, photos, strict=True))
    pairs = Counter(a[0] for a, b in combinations(faces, 2) if a[0] == b[0] and a[1] != b[1])
    person_faces, person_pairs = ([count[person] for person in people] for count in (Counter(people), pairs))
    blocks = np.full(len(people), block)
    return Tile(blocks, np.array(people), np.array(photos), np.array(person_faces), np.array(person_pairs), encodings)


def part(whole: Tile, faces: slice) -> Tile:
    names = ("blocks", "people", "photos", "person_faces", "person_pairs", "encodings")
    return Tile(*(getattr(whole, name)[faces] for name in names))


def count(a: Tile, b: Tile, bins: Bins = EUCLIDEAN) -> dict[BlockPair, BinCounts]:
    """All counts of a pair of tiles."""
    pair = TilePair(a, b, bins)
    parts: defaultdict[BlockPair, list[BinCounts]] = defaultdict(list)
    for strip in pair.strips:
        for _, key, counts in pair.count(strip):
            parts[key].append(counts)
    return {key: total(counts) for key, counts in parts.items()}


def filled_bins(counts: BinCounts) -> dict[int, int]:
    return {counts.first + place: pairs for place, pairs in enumerate(counts.pairs.tolist()) if pairs}


def bins_of(a: NDArray[np.floating], b: NDArray[np.floating], bins: Bins = EUCLIDEAN) -> dict[int, int]:
    """How many pairs of rows lie in each bin, all of different people."""
    counted = count(tile(list(range(len(a))), a), tile(list(range(len(a), len(a) + len(b))), b, block=1), bins)
    return filled_bins(counted[0, 1, False])


def naive_bins(a: NDArray[np.floating], b: NDArray[np.floating], bins: Bins = EUCLIDEAN) -> dict[int, int]:
    return dict(Counter(naive_bin(naive_distance(x, y, bins.metric), bins) for x in a for y in b))


def test_tiles_put_together_are_counted_apart() -> None:
    _, encodings = some_people(9, 2)
    first = tile([0, 0, 1], encodings[:3])
    others = [
        tile([2, 3], encodings[3:5], block=1),
        tile([4], encodings[5:6], block=1),
        tile([5, 6], encodings[6:8], block=2),
    ]
    together = Tile.of(others)
    assert together.starts == [0, 2, 3, 5]  # the first two are of one block
    assert together.tile_of_run.tolist() == [0, 1, 2]
    pair = TilePair(first, together, EUCLIDEAN)
    counted = {run: (key, filled_bins(counts)) for strip in pair.strips for run, key, counts in pair.count(strip)}
    assert counted == {
        run: ((0, int(other.blocks[0]), False), naive_bins(first.encodings, other.encodings))
        for run, other in enumerate(others)
    }


def test_a_distance_on_an_edge_and_its_neighbours_fall_on_the_right_sides() -> None:
    edges = np.arange(1, 2001)
    assert EUCLIDEAN.places(edges / 1000).tolist() == edges.tolist()
    assert EUCLIDEAN.places(np.nextafter(edges / 1000, 0)).tolist() == edges.tolist()
    assert EUCLIDEAN.places(np.nextafter(edges / 1000, 3)).tolist() == (edges + 1).tolist()
    assert [naive_bin(cutoff) for cutoff in (edges / 1000).tolist()] == edges.tolist()


def test_far_distances_overflow_and_none_is_lost() -> None:
    assert EUCLIDEAN.places(np.array([2.0, 2.0000001, 7.0, 1e300, inf])).tolist() == [2000] + [EUCLIDEAN.beyond] * 4
    far = np.array([[2.0, 0.0], [2.0000001, 0.0], [7.0, 0.0], [1e300, 0.0]])
    assert bins_of(np.zeros((1, 2)), far) == {2000: 1, EUCLIDEAN.beyond: 3}
    assert bins_of(np.zeros((1, 2)), far[:3]) == {2000: 1, EUCLIDEAN.beyond: 2}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_random_encodings_equal_the_double_loop(metric: Metric, number: type[np.floating]) -> None:
    encodings = some_people(8, 5)[1].astype(number)
    assert bins_of(encodings[:13], encodings[13:], BINS[metric]) == naive_bins(
        encodings[:13], encodings[13:], BINS[metric]
    )


@pytest.mark.parametrize("metric", METRICS)
def test_distances_exactly_on_edges_equal_the_double_loop(metric: Metric) -> None:
    steps = np.zeros((400, 128))
    steps[:, 3] = np.arange(1, 401) / 1000
    steps[:, 4] = np.arange(400, 0, -1) / 1000
    start = np.zeros((1, 128))
    start[0, 3] = 1.0
    assert bins_of(start, steps, BINS[metric]) == naive_bins(start, steps, BINS[metric])
    on_edges = np.zeros((400, 128))
    on_edges[:, 3] = np.arange(400) / 1000
    if metric is Metric.EUCLIDEAN:
        assert bins_of(np.zeros((1, 128)), on_edges) == dict.fromkeys(range(400), 1)


def test_equal_and_nearly_equal_encodings() -> None:
    near = np.repeat(some_people(1, 1)[1].astype(np.float64), 6, axis=0)
    near[1, 0] += 1e-12
    near[2, 0] += 0.0005
    near[3, 0] += 0.0011
    near[4] += 1e-160  # it rounds away
    assert bins_of(near[:1], near) == {0: 3, 1: 2, 2: 1}


@pytest.mark.parametrize(
    ("metric", "norm"),
    # The squares of 1e200 are infinite, and the naive cosine is not a number.
    [
        (metric, norm)
        for metric in METRICS
        for norm in (1e3, 1e6, 1e100, 1e200)
        if (metric, norm) != (Metric.COSINE, 1e200)
    ],
)
def test_large_norms_stay_right(metric: Metric, norm: float) -> None:
    a = np.full((3, 16), norm)
    b = a.copy()
    b[1, 0] += 0.25
    b[2, 5] = -norm
    assert bins_of(a, b, BINS[metric]) == naive_bins(a, b, BINS[metric])


@pytest.mark.parametrize("norm", [1e-3, 1e-30, 1e-170])
def test_small_norms_stay_right(norm: float) -> None:
    encodings = some_people(3, 3)[1].astype(np.float64) * norm
    assert bins_of(encodings[:4], encodings[4:]) == naive_bins(encodings[:4], encodings[4:])


def test_far_from_the_origin_rounding_does_not_grow() -> None:
    encodings = some_people(6, 5)[1].astype(np.float64) + 1000
    pair = TilePair(tile([0], encodings[:1]), tile([1], encodings[1:2]), EUCLIDEAN)
    assert pair.number is np.float32
    assert bins_of(encodings[:13], encodings[13:]) == naive_bins(encodings[:13], encodings[13:])


def test_the_fast_way_is_taken_where_it_can_be() -> None:
    def number(scale: float) -> type | None:
        encodings = some_people(2, 2)[1] * scale
        return TilePair(tile([0, 0], encodings[:2]), tile([1, 1], encodings[2:]), EUCLIDEAN).number

    assert [number(scale) for scale in (1, 1e3, 1e12, 1e25)] == [np.float32, np.float64, None, None]


@pytest.mark.parametrize("metric", METRICS)
def test_a_sum_is_taken_from_left_to_right_in_float64(metric: Metric) -> None:
    encodings = some_people(2, 3)[1]
    for a, b in zip(encodings[:3], encodings[3:], strict=True):
        assert pair_distance(METRICS.index(metric), a, b) == naive_distance(a, b, metric)


coordinates = st.one_of(
    st.sampled_from([0.0, 0.001, -0.001, 0.25, 0.5, 0.6, 1.0, -1.0]),
    st.floats(-2, 2, allow_nan=False, width=32),
)


@settings(deadline=None)
@given(st.sampled_from(METRICS), st.integers(1, 8), st.integers(1, 6), st.integers(1, 9), st.data())
def test_any_encodings_equal_the_double_loop(metric: Metric, n: int, m: int, size: int, data: st.DataObject) -> None:
    a, b = (data.draw(arrays(np.float64, (rows, size), elements=coordinates)) for rows in (n, m))
    if metric is Metric.COSINE:  # no direction without length
        a[:, 0], b[:, 0] = 1, 0.5
    assert bins_of(a, b, BINS[metric]) == naive_bins(a, b, BINS[metric])


def classes(counted: dict[BlockPair, BinCounts]) -> list[float]:
    """Genuine and impostor pairs, and their person weights."""
    parts = [[counts for key, counts in counted.items() if key[2] is same] for same in (True, False)]
    genuine, impostor = (sum(int(counts.pairs.sum()) for counts in of_class) for of_class in parts)
    weights = [sum(float(counts.person_weight.sum()) for counts in of_class) for of_class in parts]
    return [genuine, impostor, *weights]


def test_a_tile_with_itself_counts_each_pair_once() -> None:
    whole = tile([1, 1, 2, 2, 3, 3], some_people(3, 2)[1])
    # Three people, and three pairs of people, each of weight one.
    assert classes(count(whole, whole)) == pytest.approx([3, 12, 3, 3])


def test_tiles_of_two_blocks_have_no_genuine_pairs() -> None:
    encodings = some_people(2, 3)[1]
    counted = count(tile([1, 1, 1], encodings[:3]), tile([2, 2, 2], encodings[3:], block=5))
    assert list(counted) == [(0, 5, False)]
    assert classes(counted) == pytest.approx([0, 9, 0, 1])


def test_two_faces_of_one_person_in_one_photo_are_no_pair() -> None:
    # Person 1 has three faces in photo 1 and one in photo 2, person 2 three faces in photos 1, 1 and 2, person 3 one.
    whole = tile([1, 1, 1, 1, 2, 2, 2, 3], some_people(2, 4)[1], [1, 1, 1, 2, 1, 1, 2, 1])
    assert classes(count(whole, whole)) == pytest.approx([3 + 2, 12 + 4 + 3, 2, 3])
    assert classes(count(part(whole, slice(0, 2)), part(whole, slice(2, None))))[:2] == [2, 8]


def test_a_person_whose_faces_are_all_in_one_photo_has_no_genuine_pair() -> None:
    whole = tile([1, 1, 1], some_people(1, 3)[1], [4, 4, 4])
    assert count(whole, whole) == {}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 9), st.data())
def test_strips_and_chunks_of_any_size_give_the_same(
    block_sizes: list[int], strip: int, chunk: int, data: st.DataObject
) -> None:
    faces = sum(block_sizes)
    people = [block * 100 + data.draw(st.integers(0, 3)) for block, size in enumerate(block_sizes) for _ in range(size)]
    encodings = np.random.default_rng(faces).normal(scale=0.05, size=(faces, 4)).astype(np.float32)
    whole = tile(sorted(people), encodings)
    blocks = Tile(np.repeat(np.arange(len(block_sizes)), block_sizes), *(getattr(whole, name) for name in _NUMBERS))
    expected = {key: filled_bins(counts) for key, counts in count(blocks, blocks).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "STRIP_FACES", strip)
        patch.setattr(distance, "CHUNK_FACES", chunk)
        assert {key: filled_bins(counts) for key, counts in count(blocks, blocks).items()} == expected
    assert sum(sum(of_pair.values()) for of_pair in expected.values()) == faces * (faces - 1) // 2


_NUMBERS = ("people", "photos", "person_faces", "person_pairs", "encodings")
