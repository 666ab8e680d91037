"""Differences of two tables: against what is computed directly from pairs, and as often right as they say."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from facesql.blocks import Weighting
from facesql.paired import (
    Measured,
    Table,
    auc_of,
    difference,
    eer_of,
    fmr_at,
    fnmr_at,
    fnmr_at_fmr,
    place_at_fmr,
    precision_at_place,
)
from facesql.uncertainty import Rate, student_quantile
from tests import simulation
from tests.benchmarks.paired import figures
from tests.simulation import BINS, equal, few, simulate_two, truths_of_two
from tests.test_uncertainty import Compared, made_up

RUNS = 40
MEASURES: dict[str, Callable[[Table], Measured]] = {
    "fmr": lambda table: fmr_at(table, 5),
    "fnmr": lambda table: fnmr_at(table, 5),
    "precision": lambda table: precision_at_place(table, 5),
    "fnmr at fmr": lambda table: fnmr_at_fmr(table, 0.05),
    "eer": eer_of,
    "auc": auc_of,
}


def table(compared: Compared, weighting: Weighting) -> Table:
    return Table.of(compared.counts()[weighting], compared.counted(), BINS, 0.95)


def two(weighting: Weighting, seed: int = 0) -> tuple[Compared, Compared, Table, Table]:
    """Many people by two encoders, of which the second moves distances a little, most of them up."""
    a = made_up(seed, np.random.default_rng(seed).integers(1, 5, 90))
    moved = np.random.default_rng(seed + 1).choice([-1, 0, 0, 1, 1], len(a.bin))
    b = replace(a, bin=np.clip(a.bin + moved, 0, BINS.beyond))
    return a, b, table(a, weighting), table(b, weighting)


def rate(compared: Compared, weighting: Weighting, kept: NDArray[np.bool_], place: int, *, same: bool) -> float:
    """The share of the kept pairs of a class that match, one pair after the other."""
    matched = every = 0.0
    weights = compared.weight(weighting)
    for row in np.flatnonzero(kept & (compared.same == same)):
        every += weights[row]
        matched += weights[row] * (compared.bin[row] <= place)
    return matched / every


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize(("measure", "same"), [("fmr", False), ("fnmr", True)])
def test_replicates_are_the_rates_without_each_block_in_both(weighting: Weighting, measure: str, same: bool) -> None:
    a, b, table_a, table_b = two(weighting)
    found = [MEASURES[measure](of) for of in (table_a, table_b)]
    blocks = np.flatnonzero(table_a.counts.present)
    for compared, measured in zip((a, b), found, strict=True):
        everybody = np.ones(len(compared.bin), np.bool_)
        direct = [rate(compared, weighting, compared.without(int(block)), 5, same=same) for block in blocks]
        direct = [1 - value for value in direct] if same else direct
        told = np.isfinite(measured.without)
        assert measured.without[told] == pytest.approx(np.array(direct)[told], rel=1e-5)
        value = rate(compared, weighting, everybody, 5, same=same)
        assert measured.value == pytest.approx(1 - value if same else value, rel=1e-5)


@pytest.mark.parametrize("weighting", Weighting)
def test_the_variance_of_fmrs_difference_is_the_jackknifes_without_what_it_counts_twice(weighting: Weighting) -> None:
    a, b, table_a, table_b = two(weighting)
    told = difference(fmr_at(table_a, 5), fmr_at(table_b, 5), 0.95)
    assert not told.bound
    blocks = np.flatnonzero(table_a.counts.present)
    weights = a.weight(weighting)
    impostor = ~a.same
    more = weights * ((b.bin <= 5).astype(float) - (a.bin <= 5)) * impostor
    every = float((weights * impostor).sum())
    value = float(more.sum()) / every
    without = np.array(
        [more[keep].sum() / (weights * impostor)[keep].sum() for keep in map(a.without, map(int, blocks))]
    )
    jackknife = (len(blocks) - 1) / len(blocks) * ((without - without.mean()) ** 2).sum()
    # What each two blocks have more than their share, and what each block has more in all its pairs.
    excess = (more - value * weights * impostor) / every
    one, other = a.block[a.first], a.block[a.second]
    squares = sum(
        excess[((one == i) & (other == j)) | ((one == j) & (other == i))].sum() ** 2
        for place, i in enumerate(blocks)
        for j in blocks[place + 1 :]
    )
    added = sum(excess[(one == block) | (other == block)].sum() ** 2 for block in blocks) / (len(blocks) - 2)
    doubled = max(squares - added, 0)
    assert told.value == pytest.approx(value, rel=1e-4)
    assert told.se**2 == pytest.approx(max(jackknife - doubled, doubled), rel=1e-3)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("measure", MEASURES)
def test_against_nothing_the_standard_error_is_that_of_the_one_table(weighting: Weighting, measure: str) -> None:
    *_, of = two(weighting)
    measured = MEASURES[measure](of)
    assert not measured.bound
    nothing = replace(
        measured,
        value=0.0,
        without=np.where(np.isnan(measured.without), np.nan, 0.0),
        shares=np.zeros_like(measured.shares),
        own=np.zeros_like(measured.own),
    )
    told = difference(nothing, measured, 0.95)
    rates = {"fmr": Rate.FMR, "fnmr": Rate.FNMR}
    if measure in rates:
        assert told.se == pytest.approx(of.bands[rates[measure]].se[5], rel=1e-6)
    # That is one of eight degrees of freedom or more, or of the two that are the least.
    reach = told.high - told.value
    assert student_quantile(np.array([200.0]), 0.95)[0] * told.se <= reach
    assert reach <= student_quantile(np.array([2.0]), 0.95)[0] * told.se * (1 + 1e-12)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("measure", MEASURES)
def test_a_table_does_not_differ_from_itself_and_differences_turn_round(weighting: Weighting, measure: str) -> None:
    *_, a, b = two(weighting)
    none = difference(MEASURES[measure](a), MEASURES[measure](a), 0.95)
    assert (none.value, none.low, none.high, none.sure) == (0, 0, 0, False)
    there, back = (
        difference(MEASURES[measure](first), MEASURES[measure](second), 0.95) for first, second in ((a, b), (b, a))
    )
    assert there.value != 0
    assert (there.value, there.low, there.high) == (-back.value, -back.high, -back.low)


def test_fnmr_at_an_fmr_lies_on_the_line_between_two_edges() -> None:
    *_, of = two(Weighting.PAIRS)
    for target in (0.02, 0.05, 0.3):
        place = place_at_fmr(of, target)
        assert place is not None
        low, high = of.fmr[place], of.fmr[place + 1]
        assert low <= target < high
        share = (target - low) / (high - low)
        expected = (1 - share) * of.fnmr[place] + share * of.fnmr[place + 1]
        assert fnmr_at_fmr(of, target).value == pytest.approx(expected, rel=1e-12)


def test_where_few_err_there_is_a_bound_that_holds_both_tables_ends() -> None:
    a = made_up(3, [3] * 12, genuine=1.0, impostor=9.5)
    of = table(a, Weighting.PEOPLE)
    told = difference(fnmr_at(of, 5), fnmr_at(of, 5), 0.95)
    assert told.bound
    band = of.bands[Rate.FNMR]
    assert told.high == pytest.approx(band.high[5] - band.low[5])
    assert told.low == -told.high
    assert not told.sure


@pytest.mark.parametrize("photos", [equal, few])
def test_intervals_hold_the_true_difference_as_often_as_they_say(photos: simulation.Photos) -> None:
    known, place = truths_of_two(120, photos), 30
    of_each = figures(place, 0.02)
    random = np.random.default_rng(11)
    held = {(weighting.value, name): 0 for weighting in Weighting for name in of_each}
    for _ in range(RUNS):
        for weighting, (a, b) in simulate_two(120, photos, random).items():
            for name, figure in of_each.items():
                told = difference(figure.measure(a), figure.measure(b), 0.95)
                true = figure.truth(known[1], weighting) - figure.truth(known[0], weighting)
                held[weighting.value, name] += told.low <= true <= told.high
    # Of 40, less than 34 would hold in one of 300 runs where 95% do.
    assert {key: count for key, count in held.items() if count < 34} == {}, held
