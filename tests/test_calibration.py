"""The calibrated distance: by hand, against scikit-learn, against a jackknife in loops, where the truth is known."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student
from sklearn.isotonic import IsotonicRegression

from facesql.binning import EUCLIDEAN, BinCounts, Bins, Metric
from facesql.blocks import BLOCKS, BlockCounts, Weighting, block_counts
from facesql.calibration import calibration, share_at
from facesql.uncertainty import Rate
from tests.simulation import Photos, few, geometric, simulate, truth

# Bins of one each, and a last one beyond 3.
BINS = Bins(Metric.EUCLIDEAN, 0, 3, Decimal(1))
ENDS = ("low", "share", "high")
Cells = Mapping[tuple[int, int, bool], Sequence[int]]


def of_cells(cells: Cells, weighting: Weighting = Weighting.PAIRS, bins: Bins = BINS) -> BlockCounts:
    """Counts of pairs a bin, by the blocks of the two faces and whether they are of one person; a person a block."""
    counted = [
        (key, BinCounts(bins.first, np.array(pairs, np.int64), np.array(pairs, np.float64)))
        for key, pairs in cells.items()
    ]
    blocks = sorted({block for a, b, _ in cells for block in (a, b)})
    genuine = [sum(cells.get((block, block, True), ())) for block in blocks]
    schema = {"block": pl.Int64, "faces": pl.Int64, "genuine_pairs": pl.Int64}
    people = pl.DataFrame({"block": blocks, "faces": [2] * len(blocks), "genuine_pairs": genuine}, schema)
    return block_counts(counted, people, bins)[0][weighting]


def dealt(genuine: Sequence[int], impostor: Sequence[int], bins: Bins = BINS) -> BlockCounts:
    """Pairs a bin, dealt among blocks: the genuine ones each to another, the impostor ones to pairs of these."""
    cells: dict[tuple[int, int, bool], list[int]] = {}
    for same, counts in ((True, genuine), (False, impostor)):
        number = 0
        for place, pairs in enumerate(counts):
            for _ in range(pairs):
                block = number % BLOCKS
                key = (block, block if same else (block + 1) % BLOCKS, same)
                key = (min(key[:2]), max(key[:2]), same)
                cells.setdefault(key, [0] * len(counts))[place] += 1
                number += 1
    return of_cells(cells, bins=bins)


def random_cells(seed: int, blocks: int, bins: Bins) -> dict[tuple[int, int, bool], list[int]]:
    """Genuine pairs nearer by than impostor pairs, of so many blocks, some with many."""
    random = np.random.default_rng(seed)
    places = np.arange(bins.count)
    near, far = (np.exp(-(((places - middle * bins.count) / (0.4 * bins.count)) ** 2)) for middle in (0.25, 0.7))
    cells = {(k, k, True): random.poisson(near * random.gamma(1, 6)).tolist() for k in range(blocks)}
    for a in range(blocks):
        for b in range(a, blocks):
            cells[a, b, False] = random.poisson(far * random.gamma(2, 1)).tolist()
    return cells


def column(table: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return table[name].to_numpy().astype(np.float64)


def in_order(table: pl.DataFrame) -> None:
    """Nothing is null, each end is on its side of the share, all lie in 0 to 1 and fall."""
    low, share, high = (column(table, name) for name in ENDS)
    assert not np.isnan([low, share, high]).any()
    assert (low >= 0).all()
    assert (low <= share).all()
    assert (share <= high).all()
    assert (high <= 1).all()
    for values in (low, share, high):
        assert (np.diff(values) <= 0).all()


def test_pooled_shares_by_hand() -> None:
    # Shares 4/4, 1/4, 3/4, 0/2 and 0/6: the second and the third, which rise, make 4/8.
    counts = dealt([4, 1, 3, 0, 0], [0, 3, 1, 2, 6])
    table = calibration(counts, BINS)
    assert table.columns == ["bin", "distance", "share", "low", "high", "bound"]
    assert table["bin"].to_list() == [0, 1, 2, 3, 4]
    assert table["distance"].to_list() == [0, 1, 2, 3, None]
    assert table["share"].to_list() == [1, 0.5, 0.5, 0, 0]
    # Of 8 genuine and 12 impostor pairs, the two bins hold 4 each: at even odds 4/8 to 4/12.
    even = calibration(counts, BINS, genuine_share=0.5)
    assert even["share"].to_list() == pytest.approx([1, 0.6, 0.6, 0, 0])


def test_a_bin_without_pairs_has_the_share_of_the_next_one_farther_out() -> None:
    assert calibration(dealt([3, 0, 1, 0, 0], [0, 0, 1, 0, 0]), BINS)["share"].to_list() == [1, 0.5, 0.5, 0.5, 0.5]
    assert calibration(dealt([0, 2, 0, 0, 1], [0, 1, 0, 0, 1]), BINS)["share"].to_list() == pytest.approx(
        [2 / 3, 2 / 3, 0.5, 0.5, 0.5]
    )


@pytest.mark.parametrize("genuine_share", [None, 0.5, 0.02])
@pytest.mark.parametrize("seed", range(5))
def test_the_shares_are_those_of_scikit_learn(seed: int, genuine_share: float | None) -> None:
    bins = Bins(Metric.EUCLIDEAN, 0, 60, Decimal("0.01"))
    random = np.random.default_rng(seed)
    genuine, impostor = (random.poisson(np.exp(-(((np.arange(62) - middle) / 15) ** 2)) * 9) for middle in (15, 40))
    table = calibration(dealt(genuine.tolist(), impostor.tolist(), bins), bins, genuine_share=genuine_share)
    prior = genuine.sum() / (genuine.sum() + impostor.sum()) if genuine_share is None else genuine_share
    weights = prior * genuine / genuine.sum(), (1 - prior) * impostor / impostor.sum()
    places = np.tile(np.arange(62), 2)
    fit = IsotonicRegression(increasing=False).fit(places, [1] * 62 + [0] * 62, sample_weight=np.concatenate(weights))
    filled = genuine + impostor > 0
    assert column(table, "share")[filled] == pytest.approx(fit.predict(np.flatnonzero(filled)))


@pytest.mark.parametrize("genuine_share", [None, 0.3])
def test_an_interval_is_the_jackknife_in_loops(genuine_share: float | None) -> None:
    blocks = 14
    cells = random_cells(3, blocks, BINS)
    # All pairs of a group in one bin, so that the groups are plain: the shares fall from bin to bin.
    table = calibration(of_cells(cells), BINS, genuine_share=genuine_share)
    assert table["share"].n_unique() == BINS.count
    place = 1
    assert not table["bound"][place]

    def odds(kept: Sequence[int]) -> float:
        """Log odds among so many people; all of them are what some are taken for."""
        inside = {key: pairs for key, pairs in cells.items() if key[0] in kept and key[1] in kept}
        genuine = sum(pairs[place] for (_, _, same), pairs in inside.items() if same)
        impostor = sum(pairs[place] for (_, _, same), pairs in inside.items() if not same)
        if genuine_share is None:
            return float(np.log(genuine / len(kept)) - np.log(impostor / (len(kept) * (len(kept) - 1))))
        every = sum(sum(pairs) for (_, _, same), pairs in inside.items() if same)
        others = sum(sum(pairs) for (_, _, same), pairs in inside.items() if not same)
        return float(np.log(genuine / every) - np.log(impostor / others))

    without = np.array([odds([k for k in range(blocks) if k != left]) for left in range(blocks)])
    squares = (without - without.mean()) ** 2
    of_block = np.array([sum(cells[k, k, True]) for k in range(blocks)])
    in_effect = [values.sum() ** 2 / (values**2).sum() for values in (squares, of_block)]
    freedom = min(max(in_effect[0] - 2, 2), in_effect[1] - 1)
    reach = student.ppf(0.975, freedom) * np.sqrt((blocks - 1) / blocks * squares.sum())
    middle = logit(table["share"][place])
    ends = table.select("low", "high").row(place)
    # No neighbour narrows these: the shares of the others are farther away than their intervals are wide.
    assert ends == pytest.approx((expit(middle - reach), expit(middle + reach)))


def test_bounds_by_hand_where_no_group_has_both() -> None:
    # Twenty people with a genuine pair each in bin 0; all 190 impostor pairs beyond the last edge.
    cells = {(k, k, True): [1, 0, 0, 0, 0] for k in range(20)}
    cells |= {(a, b, False): [0, 0, 0, 0, 1] for a in range(20) for b in range(a + 1, 20)}
    missed, false = 1 - 0.05 ** (1 / 20), 1 - 0.05 ** (1 / 10)  # at most: none of twenty people, of ten pairs of them
    nearest, farthest = 20 * (1 - missed) / (190 * false), 20 * missed / 190
    for weighting in Weighting:
        counts = of_cells(cells, weighting)
        for genuine_share, ratio in ((None, 1.0), (0.25, (1 / 3) / (20 / 190))):
            table = calibration(counts, BINS, genuine_share=genuine_share)
            assert table["bound"].all()
            assert table["share"].to_list() == [1, 0, 0, 0, 0]
            low, high = (odds * ratio / (1 + odds * ratio) for odds in (nearest, farthest))
            assert table["low"].to_list() == pytest.approx([low, 0, 0, 0, 0])
            assert table["high"].to_list() == pytest.approx([1, 1, 1, 1, high])


def test_a_bound_is_of_the_bins_from_the_groups_end_to_the_bin() -> None:
    # All genuine pairs in bins 0 and 1, ten of each, all impostor pairs in bin 3 and beyond it, 95 of each.
    cells = {(k, k, True): [int(k < 10), int(k >= 10), 0, 0, 0] for k in range(20)}
    strangers = [(a, b, False) for a in range(20) for b in range(a + 1, 20)]
    cells |= {key: [0, 0, 0, number % 2, 1 - number % 2] for number, key in enumerate(strangers)}
    table = calibration(of_cells(cells), BINS)
    assert table["share"].to_list() == [1, 1, 0, 0, 0]
    missed, false = 1 - 0.05 ** (1 / 20), 1 - 0.05 ** (1 / 10)
    genuine = [20 * (1 - missed), 20 * (1 - missed) - 10]  # at least, of both bins and of the second
    assert table["low"].to_list() == pytest.approx([*(each / (each + 190 * false) for each in genuine), 0, 0, 0])
    at_most = [20 * missed / (20 * missed + impostor) for impostor in (95, 190)]
    assert table["high"].to_list() == pytest.approx([1, 1, 1, *at_most])


def test_what_holds_for_a_group_holds_on_one_side_of_it() -> None:
    cells = random_cells(1, 30, BINS)
    for (a, b, same), pairs in cells.items():
        pairs[0] = int(same and a < 2)  # too few for an interval, and no impostor pair
        pairs[4] = int(not same and a != b)
    table = calibration(of_cells(cells), BINS)
    assert table["bound"].to_list() == [True, False, False, False, True]
    assert table["low"][0] == table["low"][1] > 0.2
    assert table["high"][4] <= table["high"][3]
    in_order(table)


counts = st.lists(st.integers(0, 40), min_size=5, max_size=5)


@given(counts, counts, st.none() | st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 0.999))
def test_a_table_is_in_order_whatever_the_counts(
    genuine: list[int], impostor: list[int], genuine_share: float | None, confidence: float
) -> None:
    table = calibration(dealt(genuine, impostor), BINS, genuine_share=genuine_share, confidence=confidence)
    if sum(genuine) and sum(impostor):
        in_order(table)
    else:
        assert table.null_count().row(0) == (0, 1, 5, 5, 5, 5)
        assert share_at(table, BINS, 1.0) is None


def test_another_share_of_genuine_pairs_moves_all_odds_alike() -> None:
    counts = of_cells(random_cells(5, 40, EUCLIDEAN), bins=EUCLIDEAN)
    rare, often = (calibration(counts, EUCLIDEAN, genuine_share=share) for share in (0.01, 0.4))
    assert rare["bound"].to_list() == often["bound"].to_list()
    assert not rare["bound"].all()
    for name in ENDS:
        moved = expit(logit(column(rare, name)) + logit(0.4) - logit(0.01))
        assert column(often, name) == pytest.approx(moved)
    every, others = counts.genuine_all.sum(), counts.impostor_all
    of_data = calibration(counts, EUCLIDEAN)
    same = calibration(counts, EUCLIDEAN, genuine_share=float(every / (every + others)))
    assert column(same, "share") == pytest.approx(column(of_data, "share"))


def test_neither_the_order_of_blocks_nor_of_photos_matters() -> None:
    cells = random_cells(6, 20, BINS)
    turned = {(min(3 * a % 64, 3 * b % 64), max(3 * a % 64, 3 * b % 64), same): n for (a, b, same), n in cells.items()}
    first, second = (calibration(of_cells(each), BINS) for each in (cells, turned))
    for name in (*ENDS, "bound"):
        assert column(second, name) == pytest.approx(column(first, name))


def test_more_confidence_is_a_wider_interval() -> None:
    counts = of_cells(random_cells(7, 30, BINS))
    tables = [calibration(counts, BINS, confidence=confidence) for confidence in (0.5, 0.8, 0.95, 0.99)]
    for narrow, wide in pairwise(tables):
        sure = ~narrow["bound"].to_numpy()
        assert sure.sum() >= 2
        assert (column(wide, "low") < column(narrow, "low"))[sure].all()
        assert (column(wide, "high") > column(narrow, "high"))[sure].all()


def test_a_distance_is_looked_up_in_the_bin_that_holds_it() -> None:
    table = calibration(dealt([40, 30, 30, 0, 0], [0, 15, 30, 20, 60]), BINS)
    distances = {0.0: 0, 1e-9: 1, 1.0: 1, 1.5: 2, 2.0: 2, np.nextafter(2.0, 3): 3, 3.0: 3, 3.1: 4, 1e9: 4}
    for distance, place in distances.items():
        assert share_at(table, BINS, distance) == table.row(place)[2:]


@pytest.mark.parametrize("photos", [geometric, few])
def test_an_interval_holds_what_is_so(photos: Photos) -> None:
    people, bins = 120, Bins(Metric.EUCLIDEAN, 0, 30, Decimal("0.04"))
    drawn = [simulate(people, photos, np.random.default_rng(run), bins) for run in range(80)]
    for weighting, genuine_share in ((Weighting.PEOPLE, 0.1), (Weighting.PEOPLE, None), (Weighting.PAIRS, None)):
        share = true_shares(people, photos, bins, weighting, genuine_share)
        tables = [calibration(counts[weighting], bins, genuine_share=genuine_share) for counts in drawn]
        holds = np.array([(column(table, "low") <= share) & (share <= column(table, "high")) for table in tables])
        bounds = np.array([table["bound"] for table in tables])
        assert 0.93 <= holds[~bounds].mean() <= 0.99
        assert holds[bounds].mean() >= 0.95
        assert holds.mean(axis=0).min() >= 0.9
        assert (bounds.mean(axis=0) < 0.5).sum() >= 4


def true_shares(
    people: int, photos: Photos, bins: Bins, weighting: Weighting, genuine_share: float | None
) -> NDArray[np.float64]:
    """The share of genuine pairs in each bin among all pairs that there could be."""
    rates = truth(people, photos, bins).rates[weighting]
    genuine, impostor = (np.diff(rates[rate], prepend=0, append=1) for rate in (Rate.RECALL, Rate.FMR))
    precision, recall, fmr = (rates[rate][-1] for rate in (Rate.PRECISION, Rate.RECALL, Rate.FMR))
    odds = precision / (1 - precision) * fmr / recall
    if genuine_share is not None:
        odds = genuine_share / (1 - genuine_share)
    shares: NDArray[np.float64] = odds * genuine / (odds * genuine + impostor)
    return shares
