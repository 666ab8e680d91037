"""What more data would do: by hand, against formulas in loops, and against simulations that have them."""

from math import sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import t as student

from facesql.blocks import BlockCounts, Weighting
from facesql.growth import MORE_PEOPLE, MORE_PHOTOS, growth, growth_sentences
from facesql.uncertainty import fmr_band, fnmr_band
from tests.simulation import BINS as DRAWN
from tests.simulation import Photos, equal, geometric, simulate
from tests.test_calibration import BINS, of_cells, random_cells

AT = 1


def faces(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"faces": numbers}, schema={"faces": pl.Int64})


def row(table: pl.DataFrame, rate: str, people: int = 1, photos: int = 1) -> dict[str, float]:
    [found] = table.filter(rate=rate, people=people, photos=photos).iter_rows(named=True)
    return found


def width(row: dict[str, float]) -> float:
    """That of an interval on the logit scale."""
    return float(logit(row["high"]) - logit(row["low"]))


def cells_of(blocks: int) -> dict[tuple[int, int, bool], list[int]]:
    """Counts of which both rates have an interval at AT."""
    return random_cells(3, blocks, BINS)


def shares(left_out: int | None, *, same: bool) -> float:
    """The share of pairs that lie at AT or below, without a block, counted in loops."""
    matched = every = 0
    for (a, b, of_one), pairs in cells_of(24).items():
        if of_one == same and left_out not in (a, b):
            matched += sum(pairs[: AT + 1])
            every += sum(pairs)
    return matched / every


def jackknife(*, same: bool) -> tuple[float, float, float]:
    """The variance of the logit, how few blocks make it in effect, and Satterthwaite's degrees of freedom."""
    without = np.array([logit(shares(block, same=same)) for block in range(24)])
    squares = (without - without.mean()) ** 2
    spread = ((squares - squares.mean()) ** 2).sum()
    variance = float(23 / 24 * squares.sum())
    return variance, float(squares.sum() ** 2 / (squares**2).sum()), float(2 * squares.sum() ** 2 / spread)


def in_effect(*, same: bool) -> float:
    """How many blocks have pairs in effect, of which an impostor pair may be in two."""
    of_block = np.zeros(24)
    for (a, b, of_one), pairs in cells_of(24).items():
        if of_one == same:
            of_block[list({a, b})] += sum(pairs)
    return float(of_block.sum() ** 2 / (of_block**2).sum())


def quantiles(freedom: float, most: float, times: float) -> float:
    """Of Student's t with as many degrees of freedom as these become, over that of these."""
    then = 1 / (1 / most + (1 / freedom - 1 / most) / times)
    return float(student.ppf(0.975, then) / student.ppf(0.975, freedom))


def test_fnmr_narrows_with_the_root_of_people_and_with_degrees_of_freedom() -> None:
    table = growth(of_cells(cells_of(24)), faces(*[2] * 24), BINS, AT)
    assert not table["bound"].any()
    _, _, freedom = jackknife(same=True)
    freedom = min(freedom, in_effect(same=True) - 1)
    for times in MORE_PEOPLE:
        narrower = width(row(table, "fnmr", times)) / width(row(table, "fnmr"))
        assert narrower == pytest.approx(sqrt(1 / times) * quantiles(freedom, 63, times))


def test_fmr_narrows_with_people_and_with_pairs_of_them() -> None:
    table = growth(of_cells(cells_of(24)), faces(*[2] * 24), BINS, AT)
    variance, few_make_it, _ = jackknife(same=False)
    impostor = {(a, b): pairs for (a, b, same), pairs in cells_of(24).items() if not same}
    matched = {key: sum(pairs[: AT + 1]) for key, pairs in impostor.items()}
    every = {key: sum(pairs) for key, pairs in impostor.items()}
    odd = {key: matched[key] / sum(matched.values()) - every[key] / sum(every.values()) for key in impostor}
    # What each block adds to all its pairs is not of pairs.
    added = sum(sum(part for key, part in odd.items() if block in key) ** 2 for block in range(24)) / 22
    squares = sum(part**2 for (a, b), part in odd.items() if a != b) - added
    of_pairs = squares / (1 - shares(None, same=False)) ** 2
    of_people = variance - 2 * of_pairs  # counted twice, of pairs
    assert 0.1 < of_pairs / of_people < 10
    freedom = min(max(few_make_it - 2, 2), in_effect(same=False) - 1)
    for times in MORE_PEOPLE:
        left = (of_people / times + of_pairs / times**2) / (of_people + of_pairs)
        narrower = width(row(table, "fmr", times)) / width(row(table, "fmr"))
        assert narrower == pytest.approx(sqrt(left) * quantiles(freedom, 64 / 3 - 2, times))


def test_as_it_is_it_is_the_band() -> None:
    counts = of_cells(cells_of(24))
    table = growth(counts, faces(*[2] * 24), BINS, AT)
    for name, band in (("fmr", fmr_band(counts)), ("fnmr", fnmr_band(counts))):
        now = row(table, name)
        assert (now["value"], now["low"], now["high"]) == (band.value[AT], band.low[AT], band.high[AT])
    assert table.select("rate", "people", "photos").rows() == [
        *(("fmr", times, 1) for times in (1, *MORE_PEOPLE)),
        *(("fnmr", times, 1) for times in (1, *MORE_PEOPLE)),
        *(("fnmr", 1, times) for times in MORE_PHOTOS),
    ]


@pytest.mark.parametrize("photos", [4, 400])
@pytest.mark.parametrize("ones", [0, 72])
def test_photos_narrow_what_is_left_to_them(photos: int, ones: int) -> None:
    counts = of_cells(cells_of(24), Weighting.PEOPLE)
    table = growth(counts, faces(*[photos] * 24, *[1] * ones), BINS, AT)
    variance, _, freedom = jackknife(same=True)
    freedom = min(freedom, in_effect(same=True) - 1)
    rate = 1 - shares(None, same=True)
    of_pair = rate * (1 - rate)
    # The variance of 24 people's mean is (differ + (of_pair - differ) / pairs) / 24, of pairs that share no photo.
    pairs = photos / 2
    differ = max(0, (24 * variance * of_pair**2 - of_pair / pairs) / (1 - 1 / pairs))
    assert (differ > 0) == (photos > 4)
    now = (differ + (of_pair - differ) / pairs) / 24
    for times in MORE_PHOTOS:
        of_each = [differ + (of_pair - differ) / (pairs * times)] * 24
        of_each += [differ + (of_pair - differ) / (times // 2)] * ones
        people = 24 + ones
        narrower = width(row(table, "fnmr", 1, times)) / width(row(table, "fnmr"))
        expected = sqrt(sum(of_each) / people**2 / now) * quantiles(freedom, 63, people / 24)
        assert narrower == pytest.approx(expected)


def none_errs(people: int, weighting: Weighting = Weighting.PAIRS) -> BlockCounts:
    """People with a genuine pair each that matches at the first edge, and impostor pairs that do at none."""
    cells = {(k, k, True): [1, 0, 0, 0, 0] for k in range(people)}
    cells |= {(a, b, False): [0, 0, 0, 0, 1] for a in range(people) for b in range(a + 1, people)}
    return of_cells(cells, weighting)


def test_a_bound_is_that_of_as_many_more_people() -> None:
    table = growth(none_errs(20), faces(*[2] * 20, *[1] * 10), BINS, AT)
    assert table["bound"].all()
    assert set(table["value"]) == set(table["low"]) == {0}
    for times in (1, *MORE_PEOPLE):
        # None of twenty people errs, and none of ten disjoint pairs of people.
        assert row(table, "fnmr", times)["high"] == pytest.approx(1 - 0.05 ** (1 / (20 * times)))
        assert row(table, "fmr", times)["high"] == pytest.approx(1 - 0.05 ** (1 / (10 * times)))


@pytest.mark.parametrize("ones", [0, 10])
def test_more_photos_make_a_bound_that_of_those_who_have_two_then(ones: int) -> None:
    table = growth(none_errs(20, Weighting.PEOPLE), faces(*[2] * 20, *[1] * ones), BINS, AT)
    for times in MORE_PHOTOS:
        assert row(table, "fnmr", 1, times)["high"] == pytest.approx(1 - 0.05 ** (1 / (20 + ones)))


def test_a_bound_beside_an_interval_becomes_as_that_does() -> None:
    cells = cells_of(24)
    for (_, _, same), pairs in cells.items():
        if not same:
            pairs[0] = 0
    table, beside = (growth(of_cells(cells), faces(*[2] * 24), BINS, at) for at in (0, 1))
    assert row(table, "fmr")["bound"]
    assert not row(beside, "fmr")["bound"]
    of_beside = set()
    for times in (1, *MORE_PEOPLE):
        rule, of_next = 1 - 0.05 ** (1 / (12 * times)), row(beside, "fmr", times)["high"]
        assert row(table, "fmr", times)["high"] == pytest.approx(min(rule, of_next))
        of_beside.add(of_next < rule)
    assert of_beside == {True, False}


def test_rates_of_no_pairs_have_no_rows() -> None:
    no_genuine = of_cells({(a, b, False): [1, 0, 1, 0, 0] for a in range(20) for b in range(a)})
    no_impostor = of_cells({(a, a, True): [1, 0, 1, 1, 0] for a in range(20)})
    for counts, rates in ((no_genuine, {"fmr"}), (no_impostor, {"fnmr"}), (of_cells({}), set())):
        table = growth(counts, faces(*[2] * 20), BINS, AT)
        assert set(table["rate"]) == rates
        assert len(growth_sentences(table)) == len(rates)


small = st.lists(st.integers(0, 6), min_size=5, max_size=5)


@settings(max_examples=50, deadline=None)
@given(st.lists(small, max_size=30), st.lists(small, max_size=30), st.integers(0, 3))
def test_more_is_never_less_sure(genuine: list[list[int]], impostor: list[list[int]], at: int) -> None:
    cells = {(k, k, True): pairs for k, pairs in enumerate(genuine)}
    cells |= {(k, k + 1, False): pairs for k, pairs in enumerate(impostor)}
    table = growth(of_cells(cells), faces(*[3] * 31), BINS, at)
    assert table.null_count().sum_horizontal().item() == 0
    for rate in ("fmr", "fnmr"):
        rows = table.filter(rate=rate).filter(pl.col("photos") == 1).iter_rows(named=True)
        wider = None
        for now in rows:
            assert 0 <= now["low"] <= now["value"] <= now["high"] <= 1
            if wider is not None:
                assert wider["low"] <= now["low"]
                assert now["high"] <= wider["high"]
            wider = now


def test_in_words() -> None:
    table = growth(none_errs(20, Weighting.PEOPLE), faces(*[2] * 20, *[1] * 10), BINS, AT)
    assert growth_sentences(table) == [
        "FMR is at most 0.26 here; by projection at most 0.14 with 2 times the people, at most 0.072 with 4 times, at "
        "most 0.03 with 10 times.",
        "FNMR is at most 0.14 here; by projection at most 0.072 with 2 times the people, at most 0.037 with 4 times, "
        "at most 0.015 with 10 times; and at most 0.095 with 2 times the photos of each, at most 0.095 with 4 times, "
        "at best, for photos tell nothing of other people.",
    ]


@pytest.mark.parametrize(("photos", "rate", "at"), [(geometric, "fnmr", 4), (equal, "fnmr", 5), (geometric, "fmr", 7)])
def test_twice_the_people_are_as_sure_as_projected(photos: Photos, rate: str, at: int) -> None:
    few, many = ([drawn(people, photos, seed, at) for seed in range(30)] for people in (100, 200))
    now, projected, real = (
        np.mean([found["high"] - found["low"] for found in rows])
        for rows in (
            [row(table, rate) for table in few],
            [row(table, rate, 2) for table in few],
            [row(table, rate) for table in many],
        )
    )
    assert projected == pytest.approx(real, rel=0.1)
    assert now > 1.3 * real


def drawn(people: int, photos: Photos, seed: int, at: int) -> pl.DataFrame:
    """What more data would do where so many people are drawn."""
    counts = simulate(people, photos, np.random.default_rng((people, seed)))[Weighting.PEOPLE]
    their_faces = photos(people, np.random.default_rng((people, seed)))  # the first that is drawn there
    return growth(counts, faces(*their_faces), DRAWN, at)
