"""The rates against hand-computed tables, scikit-learn, and the cases at the ends."""

from decimal import Decimal
from math import sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, confusion_matrix, f1_score, precision_score, recall_score, roc_auc_score, roc_curve

from facesql.binning import EUCLIDEAN, Bins, Metric
from facesql.errors import FacesqlError
from facesql.metrics import BIN_TOTALS, KEY_CUTOFFS, cutoff_table, equal_error_rate, key_bins, parse_cutoffs, summarize
from tests.conftest import compare, filled, some_people


def totals(genuine: dict[int, int], impostor: dict[int, int]) -> pl.DataFrame:
    """Pairs a bin, written as {bin: pairs}."""
    rows = [(True, number, pairs) for number, pairs in genuine.items()]
    rows += [(False, number, pairs) for number, pairs in impostor.items()]
    return pl.DataFrame(rows, schema=BIN_TOTALS, orient="row")


def at(table: pl.DataFrame, number: int) -> dict[str, object]:
    return table.row(number, named=True)


def test_four_faces_by_hand() -> None:
    # Ann and Bob with two faces each, on a line: Ann at 0 and 0.3, Bob at 0.5 and 1.125.
    encodings = np.array([[0.0], [0.3], [0.5], [1.125]])
    connection = filled(["Ann", "Ann", "Bob", "Bob"], encodings)
    compare(connection)
    table = cutoff_table(pl.DataFrame(connection.sql("from bin_totals").to_arrow_table()))
    # Genuine distances: 0.3 and 0.625. Impostor distances: 0.5, 1.125, 0.2 and 0.825.
    nothing = {"genuine_matched": 0, "impostor_matched": 0, "precision": 1.0, "recall": 0.0, "fmr": 0.0, "fnmr": 1.0}
    at_03 = {"genuine_matched": 1, "impostor_matched": 1, "precision": 1 / 2, "recall": 1 / 2, "fmr": 1 / 4}
    at_0625 = {
        "genuine_matched": 2,
        "impostor_matched": 2,
        "precision": 2 / 4,
        "recall": 1.0,
        "fmr": 2 / 4,
        "fnmr": 0.0,
    }
    at_1125 = {"genuine_matched": 2, "impostor_matched": 4, "precision": 2 / 6, "recall": 1.0, "fmr": 1.0, "f1": 4 / 8}
    for number, expected in ((199, nothing), (300, at_03), (625, at_0625), (1125, at_1125)):
        row = at(table, number)
        assert {name: row[name] for name in expected} == expected
    assert at(table, 200)["impostor_matched"] == 1  # <=: the distance lies on the cut-off
    assert at(table, 600)["cutoff"] == 0.6
    assert at(table, 300)["f1"] == 2 * 1 / (2 * 1 + 1 + 1)


def test_one_row_a_cutoff_ascending_and_no_nan() -> None:
    table = cutoff_table(totals({100: 3}, {700: 5}))
    assert table["cutoff"].to_list() == [number / 1000 for number in range(2001)]
    assert not any(table[name].is_nan().any() for name, kind in table.schema.items() if kind.is_float())


distributions = st.dictionaries(st.integers(0, EUCLIDEAN.beyond), st.integers(1, 9), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(distributions, distributions, st.sampled_from([0, 1, 300, 600, 2000]))
def test_rates_equal_those_of_scikit_learn(genuine: dict[int, int], impostor: dict[int, int], cutoff: int) -> None:
    bin_totals = totals(genuine, impostor)
    bins = np.array([number for counts in (genuine, impostor) for number, n in counts.items() for _ in range(n)])
    truth = np.array([True] * sum(genuine.values()) + [False] * sum(impostor.values()))
    matched = bins <= cutoff
    row = at(cutoff_table(bin_totals), cutoff)
    true_negative, false_positive, false_negative, true_positive = confusion_matrix(truth, matched).ravel()
    assert (row["genuine_matched"], row["impostor_matched"]) == (true_positive, false_positive)
    assert row["precision"] == pytest.approx(precision_score(truth, matched, zero_division=1))
    assert row["recall"] == pytest.approx(recall_score(truth, matched))
    assert row["f1"] == pytest.approx(f1_score(truth, matched))
    assert row["fmr"] == pytest.approx(false_positive / (false_positive + true_negative))
    assert row["fnmr"] == pytest.approx(false_negative / (false_negative + true_positive))
    assert summarize(bin_totals).auc == pytest.approx(roc_auc_score(truth, -bins))


@settings(max_examples=30, deadline=None)
@given(distributions, distributions)
def test_the_roc_is_that_of_scikit_learn(genuine: dict[int, int], impostor: dict[int, int]) -> None:
    table = cutoff_table(totals(genuine, impostor))
    bins = np.array([number for counts in (genuine, impostor) for number in counts])
    truth = np.array([True] * len(genuine) + [False] * len(impostor))
    weights = np.array([n for counts in (genuine, impostor) for n in counts.values()])
    fmr, recall, thresholds = roc_curve(truth, -bins, sample_weight=weights, drop_intermediate=False)
    for threshold, expected_fmr, expected_recall in zip(-thresholds, fmr, recall, strict=True):
        if 0 <= threshold <= 2000:
            row = at(table, int(threshold))
            assert (row["fmr"], row["recall"]) == pytest.approx((expected_fmr, expected_recall))
    assert summarize(totals(genuine, impostor)).auc == pytest.approx(auc(fmr, recall))


def test_eer_is_interpolated_where_the_rates_cross() -> None:
    # At 0.400: FMR 1/10, FNMR 4/10. At 0.401: FMR 5/10, FNMR 2/10. The lines cross 3/6 of the way.
    bin_totals = totals({100: 6, 401: 2, 900: 2}, {50: 1, 401: 4, 950: 5})
    eer, cutoff = equal_error_rate(bin_totals)
    assert eer == pytest.approx(0.3)
    assert cutoff == pytest.approx(0.4005)


def test_eer_of_people_told_apart_is_0_in_the_middle_of_the_gap() -> None:
    assert equal_error_rate(totals({101: 5}, {400: 7})) == pytest.approx((0.0, (0.101 + 0.399) / 2))


def test_eer_of_reversed_distances_is_1_and_of_one_bin_one_half() -> None:
    assert equal_error_rate(totals({400: 5}, {100: 7}))[0] == 1.0
    assert equal_error_rate(totals({400: 5}, {400: 7})) == pytest.approx((0.5, 0.3995))
    assert equal_error_rate(totals({0: 5}, {0: 7})) == pytest.approx((0.5, 0.0))


def test_moments_and_d_prime_by_hand() -> None:
    # Middles of bins: genuine 0.0995 and 0.2995, impostor 0.5995 and 0.7995.
    figures = summarize(totals({100: 1, 300: 1}, {600: 3, 800: 1}))
    assert figures.genuine_mean == pytest.approx(0.1995)
    assert figures.genuine_sd == pytest.approx(0.1)
    assert figures.impostor_mean == pytest.approx(0.6495)
    assert figures.impostor_sd == pytest.approx(sqrt(3 / 16) * 0.2)
    assert figures.d_prime == pytest.approx(0.45 / sqrt((0.01 + 0.04 * 3 / 16) / 2))


def test_distances_of_exactly_0_and_beyond_the_last_edge_have_a_place() -> None:
    figures = summarize(totals({0: 1}, {2001: 4}))
    assert (figures.genuine_mean, figures.impostor_mean, figures.impostor_sd) == (0.0, 2.0, 0.0)
    assert figures.d_prime is None  # neither class spreads
    last = at(cutoff_table(totals({0: 1}, {2001: 4})), 2000)
    assert (last["genuine_matched"], last["impostor_matched"], last["fmr"]) == (1, 0, 0.0)


def test_a_class_without_pairs_gives_nulls_never_nan() -> None:
    no_genuine, no_impostor = totals({}, {500: 3}), totals({500: 3}, {})
    row = at(cutoff_table(no_genuine), 600)
    assert [row[name] for name in ("precision", "recall", "fnmr", "f1", "fmr")] == [0.0, None, None, None, 1.0]
    row = at(cutoff_table(no_impostor), 600)
    assert [row[name] for name in ("precision", "recall", "fnmr", "f1", "fmr")] == [1.0, 1.0, 0.0, 1.0, None]
    for bin_totals in (no_genuine, no_impostor, totals({}, {})):
        figures = summarize(bin_totals)
        assert (figures.auc, figures.eer, figures.eer_cutoff, figures.d_prime) == (None, None, None, None)
    assert at(cutoff_table(totals({}, {})), 600)["precision"] == 1.0


@pytest.mark.parametrize("pairs", range(1, 120))
def test_all_of_the_pairs_are_exactly_1(pairs: int) -> None:
    last = at(cutoff_table(totals({100: pairs}, {100: pairs})), 2000)
    assert (last["recall"], last["fmr"], last["fnmr"], last["precision"]) == (1.0, 1.0, 0.0, 0.5)


def test_large_counts_do_not_overflow() -> None:
    many = 4 * 10**18
    figures = summarize(totals({100: many}, {100: many}))
    assert figures.auc == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["0.6", "0.600", ".6", "6e-1", " 0.6 "])
def test_a_cutoff_is_read_exactly(text: str) -> None:
    [cutoff] = parse_cutoffs(text)
    assert EUCLIDEAN.bin_of(cutoff) == 600


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("0.6005", r"0\.6005 lies between two edges, which are 0\.001 apart; round it, or give a smaller --bin-width"),
        ("2.001", r"2\.001 lies outside 0 to 2; choose one inside, or give a larger --max-distance"),
        ("-0.1", "inside"),
        ("nan", "'nan' is no cut-off; write a number of at most 9 digits"),
        ("abc", "'abc' is no cut-off; write a number such as 0.4"),
        ("", "write a number"),
    ],
)
def test_a_cutoff_between_edges_or_outside_is_refused(text: str, remedy: str) -> None:
    with pytest.raises(FacesqlError, match=remedy):
        EUCLIDEAN.bin_of(*parse_cutoffs(text))


def test_the_default_cutoffs_are_those_of_the_original() -> None:
    assert parse_cutoffs("0,0.3,0.4,0.45,0.5,0.55,0.6,0.9,1,1.5") == KEY_CUTOFFS


def test_the_table_equals_brute_force_at_every_cutoff() -> None:
    people, encodings = some_people(7, 3)
    connection = filled(people, encodings)
    compare(connection)
    table = cutoff_table(pl.DataFrame(connection.sql("from bin_totals").to_arrow_table()))
    first, second = np.triu_indices(len(people), 1)
    wide = encodings.astype(np.float64)
    distance = np.linalg.norm(wide[first] - wide[second], axis=1)
    same = np.array(people)[first] == np.array(people)[second]
    for row in table.iter_rows(named=True):
        matched = distance <= row["cutoff"]
        assert row["genuine_matched"] == (matched & same).sum()
        assert row["impostor_matched"] == (matched & ~same).sum()


def test_figures_of_negative_distances_by_hand() -> None:
    bins = Bins(Metric.INNER, -1000, 1000, Decimal("0.5"))
    bin_totals = totals({-1000: 1, -401: 1}, {-1000: 1, 1001: 1})
    table = cutoff_table(bin_totals, bins)
    assert table["bin"].to_list() == list(range(-1000, 1001))
    assert table["cutoff"].to_list() == [number / 2 for number in range(-1000, 1001)]
    assert table.select("genuine_matched", "impostor_matched").row(0) == (1, 1)  # already at the first edge
    assert table.select("genuine_matched", "impostor_matched", "fmr").row(-1) == (2, 1, 0.5)
    figures = summarize(bin_totals, bins)
    # Genuine: -500, the first edge, and -200.75, the middle of its bin. Impostor: -500, and what is beyond, on 500.
    assert (figures.genuine_mean, figures.genuine_sd) == pytest.approx((-350.375, 149.625))
    assert (figures.impostor_mean, figures.impostor_sd) == pytest.approx((0, 500))
    assert figures.auc == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert (figures.eer, figures.eer_cutoff) == (0.5, (-500 + -201) / 2)  # both are a half from bin -1000 to bin -402


def test_eer_at_the_ends_of_negative_distances() -> None:
    bins = Bins(Metric.INNER, -10, 10, Decimal(1))
    # Before the first edge nothing matches, at it everything does.
    assert equal_error_rate(totals({-10: 5}, {-10: 7}), bins) == (0.5, -10)
    # At the last edge nothing matches yet, and the rest is taken to lie on it.
    assert equal_error_rate(totals({11: 5}, {11: 7}), bins) == (0.5, 10)


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ({300: 1}, {1100: 1}, [*range(300, 1200, 100)]),
        ({-731: 5}, {12: 1}, [*range(-800, 101, 100)]),
        ({5: 1}, {8: 1}, [5, 6, 7, 8]),
        ({5: 1}, {}, [5]),
        ({-995: 1}, {-970: 1}, [-995, -990, -985, -980, -975, -970]),
        ({}, {2001: 4}, [2000]),
        ({}, {}, [-1000, -500, 0, 500, 1000, 1500, 2000]),
    ],
)
def test_without_a_wish_a_handful_of_even_edges_is_shown(
    genuine: dict[int, int], impostor: dict[int, int], expected: list[int]
) -> None:
    bins = Bins(Metric.INNER, -1000, 2000, Decimal("0.01"))
    assert key_bins(totals(genuine, impostor), bins) == expected
