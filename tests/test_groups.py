"""Groups of people: counts against a double loop, intervals against leaving blocks out by hand, and what is refused."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations, combinations_with_replacement
from math import sqrt
from pathlib import Path
from statistics import geometric_mean

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri
from scipy.stats import beta, t

from facesql.binning import EUCLIDEAN, Bins, Metric, fitting_bins
from facesql.blocks import BLOCKS, GroupPairCounts, Weighting
from facesql.database import connect_to
from facesql.errors import FacesqlError
from facesql.groups import MOST_GROUPS, GroupRates, compare_groups, read_groups
from facesql.grouptext import grouped
from facesql.metrics import cutoff_table
from facesql.uncertainty import Rate, fmr_between
from tests.conftest import Run, compare, filled, some_people

CUTOFF = Decimal("0.8")  # at which made-up people err


def with_column(connection: duckdb.DuckDBPyConnection, values: Mapping[str, object], kind: str = "varchar") -> None:
    """Give table faces a column team: the value of each person, for all faces."""
    connection.execute(f"alter table faces add column team {kind}")
    for person, value in values.items():
        connection.execute("update faces set team = $1 where person = $2", [value, person])


def csv(folder: Path, text: str) -> str:
    path = folder / "groups.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def three_teams(people: int) -> dict[str, str | None]:
    """Two of six people are in team a, two in b, one in c, and one in none."""
    return {f"p{number}": "aabbc"[number % 6] if number % 6 < 5 else None for number in range(people)}


def naive_distances(encodings: NDArray[np.floating], metric: Metric) -> NDArray[np.float64]:
    """Each distance in float64, (n, n)."""
    wide = encodings.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1))
    differences = wide[:, np.newaxis] - wide
    squares = (differences * differences).sum(axis=2)
    match metric:
        case Metric.EUCLIDEAN:
            return np.asarray(np.sqrt(squares))
        case Metric.SQUARED:
            return np.asarray(squares)
        case Metric.COSINE:
            return np.asarray(1 - wide @ wide.T / np.outer(lengths, lengths))
        case Metric.INNER:
            return -wide @ wide.T


Rates = dict[tuple[str, ...], dict[str, float]]


def naive_rates(
    people: Sequence[str],
    distances: NDArray[np.float64],
    groups: Mapping[str, str | None],
    cutoff: float,
    photos: Sequence[str] | None = None,
) -> tuple[Rates, Rates]:
    """By a double loop: for each group, genuine pairs and FNMR; for each pair of groups, impostor pairs and FMR.

    A rate is that of all pairs, and the mean of those of people, or of pairs of people.
    """
    genuine: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    impostor: dict[tuple[str, ...], dict[frozenset[str], list[bool]]] = defaultdict(lambda: defaultdict(list))
    for i, j in combinations(range(len(people)), 2):
        one, other = groups.get(people[i]), groups.get(people[j])
        if one is None or other is None:
            continue
        matches = bool(distances[i, j] <= cutoff)
        if people[i] != people[j]:
            impostor[tuple(sorted((one, other)))][frozenset((people[i], people[j]))].append(matches)
        elif photos is None or photos[i] != photos[j]:
            genuine[one][people[i]].append(not matches)
    return (
        {(name,): _both({frozenset((person,)): pairs for person, pairs in of.items()}) for name, of in genuine.items()},
        {names: _both(of) for names, of in impostor.items()},
    )


def _both(pairs: Mapping[frozenset[str], list[bool]]) -> dict[str, float]:
    every = [erring for of in pairs.values() for erring in of]
    return {
        "number": len(every),
        "erring": sum(every),
        "pairs": sum(every) / len(every),
        "people": float(np.mean([np.mean(of) for of in pairs.values()])),
    }


def assert_equal(rates: GroupRates, expected: tuple[Rates, Rates]) -> None:
    """Each rate of both tables is that of the double loop."""
    fnmr, fmr = expected
    for row in rates.groups.iter_rows(named=True):
        own, pairs = fnmr.get((row["group"],)), fmr.get((row["group"], row["group"]))
        assert row["genuine_pairs"] == (own["number"] if own else 0)
        assert row["impostor_pairs"] == (pairs["number"] if pairs else 0)
        assert row["fnmr"] == (pytest.approx(own[row["weighting"]], rel=1e-6) if own else None)
        assert row["fmr"] == (pytest.approx(pairs[row["weighting"]], rel=1e-6) if pairs else None)
    seen = set()
    for row in rates.group_pairs.iter_rows(named=True):
        pairs = fmr.get((row["group"], row["other"]))
        seen.add((row["group"], row["other"], row["weighting"]))
        assert row["impostor_pairs"] == (pairs["number"] if pairs else 0)
        assert row["impostor_matched"] == (pairs["erring"] if pairs else 0)
        assert row["fmr"] == (pytest.approx(pairs[row["weighting"]], rel=1e-6) if pairs else None)
    assert seen == {
        (one, other, weighting)
        for one, other in combinations_with_replacement(rates.of.names, 2)
        for weighting in ("pairs", "people")
    }


def compared(
    people: Sequence[str],
    encodings: NDArray[np.floating],
    groups: Mapping[str, str | None],
    cutoff: Decimal = CUTOFF,
    bins: Bins = EUCLIDEAN,
    photos: Sequence[str] | None = None,
) -> GroupRates:
    connection = filled(people, encodings, photos)
    with_column(connection, groups)
    return compare_groups(connection, read_groups(connection, "team"), cutoff, bins)


@pytest.mark.parametrize(
    ("metric", "cutoff"),
    [
        (Metric.EUCLIDEAN, "0.8"),
        (Metric.EUCLIDEAN, "0.05"),
        (Metric.EUCLIDEAN, "0"),
        (Metric.EUCLIDEAN, "2"),
        (Metric.SQUARED, "0.6"),
        (Metric.COSINE, "0.9"),
        (Metric.INNER, "0.1"),
        (Metric.INNER, "-0.1"),
        (Metric.INNER, "0"),
    ],
)
def test_counts_and_rates_are_those_of_the_double_loop(metric: Metric, cutoff: str) -> None:
    people, encodings = some_people(20, 3)
    encodings[1] = encodings[0]
    encodings[9] = encodings[3]
    distances = naive_distances(encodings, metric)
    rates = compared(people, encodings, three_teams(20), Decimal(cutoff), fitting_bins(metric))
    expected = naive_rates(people, distances, three_teams(20), float(cutoff))
    assert_equal(rates, expected)
    matched = {row["fmr"] for row in rates.group_pairs.to_dicts()}
    assert len(matched) > 2 or cutoff in {"0", "0.05", "2"}, "a cut-off at which nothing is told apart proves nothing"


def test_a_distance_on_the_cut_off_matches() -> None:
    people = [f"p{number}" for number in range(40) for _ in range(2)]
    encodings = np.zeros((80, 8))
    encodings[:, 3] = np.random.default_rng(3).integers(-700, 700, 80) / 1000
    distances = naive_distances(encodings, Metric.EUCLIDEAN)
    on_edge = np.unique(distances[np.isin(distances, EUCLIDEAN.edges)])
    for edge in np.random.default_rng(4).choice(on_edge, 5, replace=False):
        cutoff = Decimal(f"{edge:.3f}")
        assert float(cutoff) == edge
        rates = compared(people, encodings, three_teams(40), cutoff)
        assert_equal(rates, naive_rates(people, distances, three_teams(40), float(edge)))


def test_two_faces_of_one_person_in_one_photo_are_no_pair() -> None:
    people, encodings = some_people(12, 4)
    photos = [f"{person}/{number % 4 // 2}" for number, person in enumerate(people)]
    rates = compared(people, encodings, three_teams(12), photos=photos)
    distances = naive_distances(encodings, Metric.EUCLIDEAN)
    assert_equal(rates, naive_rates(people, distances, three_teams(12), float(CUTOFF), photos))
    assert rates.groups["genuine_pairs"].to_list()[:3] == [4 * 4, 4 * 4, 2 * 4]


def test_many_groups_have_fewer_blocks_and_the_same_rates() -> None:
    people, encodings = some_people(90, 2)
    groups = {f"p{number}": f"g{number % 30}" for number in range(90)}
    rates = compared(people, encodings, groups)
    assert rates.of.names == [f"g{number}" for number in range(30)]
    expected = naive_rates(people, naive_distances(encodings, Metric.EUCLIDEAN), groups, float(CUTOFF))
    ordered = {tuple(sorted(names, key=rates.of.names.index)): rate for names, rate in expected[1].items()}
    assert_equal(rates, (expected[0], ordered))


def test_all_groups_together_have_the_counts_of_the_report() -> None:
    people, encodings = some_people(60, 3)
    connection = filled(people, encodings)
    with_column(connection, {f"p{number}": number % 4 for number in range(60)}, "integer")
    compare(connection)
    rates = compare_groups(connection, read_groups(connection, "TEAM"), CUTOFF, EUCLIDEAN)
    totals = pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())
    row = cutoff_table(totals).filter(bin=800).row(0, named=True)
    pairs = rates.group_pairs.filter(weighting="pairs")
    groups = rates.groups.filter(weighting="pairs")
    assert pairs["impostor_matched"].sum() == row["impostor_matched"] > 0
    assert (groups["fnmr"] * groups["genuine_pairs"]).sum() == pytest.approx(180 - row["genuine_matched"])
    assert pairs["impostor_pairs"].sum() == 180 * 179 // 2 - 180


def test_four_people_by_hand() -> None:
    # On a line, in tenths: two photos each of Ann (0, 3) and Bea (1, 2), one of Cid (9), two of Dan (5, 8).
    people = ["Ann", "Ann", "Bea", "Bea", "Cid", "Dan", "Dan"]
    encodings = np.array([[0.0], [0.3], [0.1], [0.2], [0.9], [0.5], [0.8]])
    groups = {"Ann": "women", "Bea": "women", "Cid": "men", "Dan": "men"}
    rates = compared(people, encodings, groups, Decimal("0.25"))
    table = rates.groups.filter(weighting="people").to_dicts()
    shown = [[row[name] for name in ("group", "people", "faces", "genuine_pairs", "fnmr", "fmr")] for row in table]
    # Ann's two are 0.3 apart, Bea's 0.1, Dan's 0.3. Of Cid and Dan one of two is near, of Ann and Bea all of four.
    assert shown == [["men", 2, 3, 1, 1.0, 0.5], ["women", 2, 4, 2, 0.5, 1.0]]
    [between] = rates.group_pairs.filter(weighting="pairs", group="men", other="women").to_dicts()
    # Dan's 0.5 lies 0.2 from Ann's 0.3, and 0.3 and more from the others.
    assert (between["impostor_pairs"], between["impostor_matched"]) == (12, 1)
    assert between["fmr"] == pytest.approx(1 / 12)
    [people_row] = rates.group_pairs.filter(weighting="people", group="men", other="women").to_dicts()
    assert people_row["fmr"] == pytest.approx(0.25 / 4)  # one of four pairs of Dan and Ann, and none of three others
    # Nobody is enough: of two people, 1 - FMR^(1 / 1) is all that is told.
    assert rates.group_pairs["fmr_bound"].all()
    assert {difference.rate: difference.highest for difference in rates.differences} == {
        Rate.FMR: None,
        Rate.FNMR: None,
    }


Rows = NDArray[np.int64]


def drawn_pairs(one: int, other: int, random: np.random.Generator, middle: float = 0.2) -> Rows:
    """The pairs of people of two made-up groups, with FMR ``middle``: the block of each, pairs of faces and matches."""
    faces = random.geometric(0.4, (one, 1)), random.geometric(0.4, other)
    blocks = random.integers(0, BLOCKS, (one, 1)), random.integers(0, BLOCKS, other)
    alike = random.normal(0, 0.5, (one, 1)) + random.normal(0, 0.5, other) + random.normal(0, 0.5, (one, other))
    tries = faces[0] * faces[1]
    matched = random.binomial(tries, ndtr(ndtri(middle) * sqrt(1.75) + alike))
    return np.stack([column.ravel() for column in np.broadcast_arrays(*blocks, tries, matched)], axis=1)


def by_block(rows: Rows, weighting: Weighting, disjoint: float = 1e3) -> GroupPairCounts:
    a, b, tries, matched = rows.T
    weight = 1 if weighting is Weighting.PAIRS else 1 / tries
    cells = np.zeros((2, BLOCKS, BLOCKS))
    for place, values in enumerate((matched, tries)):
        np.add.at(cells[place], (a, b), values * weight)
    return GroupPairCounts(cells[0], cells[1], disjoint)


def kish(weights: NDArray[np.number]) -> float:
    return float(weights.sum()) ** 2 / float((weights.astype(np.float64) ** 2).sum())


def left_out(rows: Rows, weighting: Weighting, block: int | None) -> tuple[float, float]:
    """What matches, and all, without the people of a block, from the pairs of people."""
    left = [(number, match) for a, b, number, match in rows.tolist() if block not in {a, b}]
    if weighting is Weighting.PAIRS:
        return sum(match for _, match in left), sum(number for number, _ in left)
    return sum(match / number for number, match in left), len(left)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_two_groups_is_that_of_leaving_blocks_out_one_by_one(weighting: Weighting, seed: int) -> None:
    rows = drawn_pairs(70, 50, np.random.default_rng(seed))
    blocks = sorted({*rows[:, 0].tolist(), *rows[:, 1].tolist()})
    matched, every = left_out(rows, weighting, None)
    value = matched / every
    without = [left_out(rows, weighting, block) for block in blocks]
    logits = np.array([logit(part / whole) for part, whole in without])
    jackknife = (len(blocks) - 1) / len(blocks) * ((logits - logits.mean()) ** 2).sum()
    # The people of two blocks, each with those of the other group: left out with the one block and with the other.
    of_two = [rows[(rows[:, 0] == a) & (rows[:, 1] == b)] for a in blocks for b in blocks if a != b]
    parts = [left_out(part, weighting, None) for part in of_two]
    doubled = sum((part / matched - whole / every) ** 2 for part, whole in parts) / (1 - value) ** 2
    variance = max(jackknife - doubled, doubled)
    squares = (logits - logits.mean()) ** 2
    touching = np.array([every - whole for _, whole in without])
    freedom = min(max(kish(squares) - 2, 2), kish(touching) - 1)
    reach = float(t.ppf(0.975, freedom)) * sqrt(variance)
    estimate = fmr_between(by_block(rows, weighting))
    assert estimate is not None
    assert not estimate.bound
    assert estimate.value == pytest.approx(value)
    assert (estimate.low, estimate.high) == pytest.approx((expit(logit(value) - reach), expit(logit(value) + reach)))


def test_the_order_of_two_groups_does_not_matter() -> None:
    counts = by_block(drawn_pairs(70, 50, np.random.default_rng(5)), Weighting.PAIRS)
    turned = GroupPairCounts(counts.matched.T, counts.pairs.T, counts.disjoint)
    one, other = fmr_between(counts), fmr_between(turned)
    assert one is not None
    assert other is not None
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_where_few_blocks_of_one_group_err_there_is_a_bound_of_its_people() -> None:
    pairs = np.zeros((BLOCKS, BLOCKS))
    pairs[:12, :60] = 1
    matched = np.zeros((BLOCKS, BLOCKS))
    none = fmr_between(GroupPairCounts(matched, pairs, 12))
    assert none is not None
    assert none.bound
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.05 ** (1 / 12))
    matched[:9, :60] = 0.1  # many of the others err, but of these nine
    few = fmr_between(GroupPairCounts(matched, pairs, 12))
    share = 9 * 60 * 0.1 / (12 * 60)
    assert few is not None
    assert few.bound
    assert few.low == 0
    assert few.value == pytest.approx(share)
    assert few.high == pytest.approx(beta.ppf(0.95, 12 * share + 1, 12 - 12 * share))
    matched[:10, :60] = 0.1
    enough = fmr_between(GroupPairCounts(matched, pairs, 12))
    assert enough is not None
    assert not enough.bound
    most = fmr_between(GroupPairCounts(pairs - np.where(pairs * np.arange(BLOCKS) == 3, 1, 0), pairs, 12))
    assert most is not None
    assert most.bound
    assert most.high == 1
    assert fmr_between(GroupPairCounts(matched * 0, pairs * 0, 0)) is None


@pytest.mark.parametrize(("one", "other", "middle"), [(120, 60, 0.05), (40, 300, 0.02), (50, 50, 0.3)])
def test_intervals_of_two_groups_hold_the_truth(one: int, other: int, middle: float) -> None:
    held = defaultdict(list)
    for seed in range(200):
        rows = drawn_pairs(one, other, np.random.default_rng([one, other, seed]), middle)
        for weighting in Weighting:
            estimate = fmr_between(by_block(rows, weighting))
            assert estimate is not None
            held[weighting].append(estimate.low <= middle <= estimate.high)
            assert not estimate.bound
    for runs in held.values():
        assert 0.91 <= np.mean(runs) <= 0.99


def unlike_groups() -> tuple[list[str], NDArray[np.float64], dict[str, str | None]]:
    """People of three groups, of whom those of one are more like each other, so that more of their pairs match."""
    random = np.random.default_rng(2)
    groups: dict[str, str | None] = {f"p{number}": ("near", "far", "further")[number % 3] for number in range(450)}
    spread = np.array([{"near": 0.22, "far": 0.3, "further": 0.32}[group or ""] for group in groups.values()])
    centres = random.normal(size=(450, 1, 12)) * spread[:, np.newaxis, np.newaxis]
    encodings = (centres + random.normal(scale=0.13, size=(450, 3, 12))).reshape(-1, 12)
    return [person for person in groups for _ in range(3)], encodings, groups


def test_how_far_groups_differ_is_told_by_intervals_that_hold_for_all() -> None:
    people, encodings, groups = unlike_groups()
    connection = filled(people, encodings)
    with_column(connection, groups)
    cutoff = Decimal("0.7")
    of = read_groups(connection, "team")
    rates = compare_groups(connection, of, cutoff, EUCLIDEAN)
    wider = compare_groups(connection, of, cutoff, EUCLIDEAN, confidence=1 - 0.05 / 3)
    [fmr, fnmr] = rates.differences
    for difference, name in ((fmr, "fmr"), (fnmr, "fnmr")):
        rows = {row["group"]: row for row in rates.groups.filter(weighting="people").to_dicts()}
        all_at_once = wider.groups.filter(weighting="people").to_dicts()
        assert not any(row[f"{name}_bound"] for row in rows.values())
        values = {group: row[name] for group, row in rows.items()}
        assert difference.highest is not None
        assert values[difference.highest.higher] == max(values.values())
        assert values[difference.highest.lower] == min(values.values())
        assert difference.highest.times == pytest.approx(max(values.values()) / min(values.values()))
        assert difference.over_mean == pytest.approx(max(values.values()) / geometric_mean(values.values()))
        least = max(row[f"{name}_low"] for row in all_at_once) / min(row[f"{name}_high"] for row in all_at_once)
        assert (difference.sure.times if difference.sure else None) == (pytest.approx(least) if least > 1 else None)
    assert fmr.sure is not None
    assert fmr.sure.higher == "near"


def test_a_column_gives_each_person_the_group_that_all_their_faces_have() -> None:
    connection = filled(["a", "a", "b", "b", "c", "c", "d", "d", "e"], some_people(9, 1)[1])
    connection.execute('alter table faces add column "Age band" varchar')
    bands = ["10 - 20", None, "5", " 5 ", "5", "10 - 20", None, " ", "100"]
    for number, band in enumerate(bands):
        connection.execute('update faces set "Age band" = $1 where id like $2', [band, f"%/{number}.jpg"])
    groups = read_groups(connection, "age band")
    assert groups.names == ["5", "10 - 20", "100"]
    assert dict(groups.members.iter_rows()) == {"a": 1, "b": 0, "e": 2}
    assert (groups.without, groups.several, groups.unknown) == (1, 1, 0)


def test_a_file_gives_the_groups_of_those_it_names(tmp_path: Path) -> None:
    people = ["Ann", "Bob", "Jose\N{COMBINING ACUTE ACCENT}", 'Dee "D", Jr.', "Eve"]
    connection = filled(people, some_people(5, 1)[1])
    text = (
        '\ufeffGroup,note,Person\nx,,Ann\ny,,Bob\ny,,Jos\u00e9\nx,2,"Dee ""D"", Jr."\nx,,Nobody\n,,Eve\nx,again,Ann\n'
    )
    groups = read_groups(connection, csv(tmp_path, text))
    assert groups.names == ["x", "y"]
    assert dict(groups.members.iter_rows()) == {"Ann": 0, "Bob": 1, people[2]: 1, people[3]: 0}
    assert (groups.without, groups.several, groups.unknown) == (1, 0, 1)
    text = "person;group\nAnn;1\nBob;2\n"
    assert read_groups(connection, csv(tmp_path, text)).names == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("person,team\nAnn,x\n", r"has the columns person, team; name a CSV file with a first line 'person,group'"),
        ("person,group\nAnn,x\nBob,y\nAnn,z\n", r"puts 'Ann' into two groups, 'x' and 'z'; keep one"),
        ("person,group\nZoe,x\nZoe,y\nAnn,x\nBob,y\n", r"puts 'Zoe' into two groups, 'x' and 'y'; keep one"),
        ("person,group\nAnn,x\nBob,x\n", r"gives one group, 'x'; to compare groups takes two"),
        ("person,group\nZoe,x\nYan,y\n", r"gives no group of people who have faces; to compare groups takes two"),
        ("", r"name a CSV file with a first line 'person,group'|name a file with a first line 'person,group'"),
    ],
)
def test_a_file_that_gives_no_groups_is_refused(tmp_path: Path, text: str, error: str) -> None:
    connection = filled(["Ann", "Bob"], some_people(2, 1)[1])
    with pytest.raises(FacesqlError, match=error):
        read_groups(connection, csv(tmp_path, text))


def test_a_column_that_gives_no_groups_is_refused() -> None:
    people, encodings = some_people(MOST_GROUPS + 1, 2)
    connection = filled(people, encodings)
    with pytest.raises(
        FacesqlError, match="no column 'nothing', and no file of that name; the columns are id, person, e"
    ):
        read_groups(connection, "nothing")
    with pytest.raises(
        FacesqlError, match="'id' has several values for 51 of 51 people, so it groups photos, not people"
    ):
        read_groups(connection, "id")
    with pytest.raises(FacesqlError, match="'person' gives 51 groups, more than 50; join some"):
        read_groups(connection, "person")
    with_column(connection, dict.fromkeys(people, "x"))
    with pytest.raises(FacesqlError, match="'team' gives one group, 'x'; to compare"):
        read_groups(connection, "team")


def test_a_cut_off_between_edges_is_refused() -> None:
    with pytest.raises(FacesqlError, match="lies between two edges"):
        compared(*some_people(12, 2), three_teams(12), Decimal("0.8005"))


def test_the_text_says_who_is_in_which_group_and_who_are_too_few() -> None:
    people, encodings, groups = unlike_groups()
    groups |= {"p0": None, "p1": "few\x1b[31m", "p2": "few\x1b[31m"}
    text = grouped(compared(people, encodings, groups, Decimal("0.7")))
    lines = text.splitlines()
    assert lines[0] == "At cut-off 0.7, 449 people in 4 groups by 'team'; left out: 1 without a group."
    assert "\x1b" not in text
    header, *rows = [line.split() for line in lines[4:9]]
    assert header == ["group", "people", "faces", "FNMR", "FMR", "FNMR", "FMR"]
    assert [row[:3] for row in rows] == [
        ["'far'", "149", "447"],
        [r"'few\x1b[31m'", "2", "6"],
        ["'further'", "149", "447"],
        ["'near'", "149", "447"],
    ]
    assert ["]*" in line for line in lines[5:9]] == [False, True, False, False]
    assert "FMR of 'near' is 3" in text
    assert "Intervals that hold for all 4 groups at once lie apart: that of 'near' is at least" in text
    assert r"Too few people to tell: FNMR of 'few\x1b[31m'; FMR within 'few\x1b[31m'; FMR between 'far' and" in text


def test_the_text_lists_the_pairs_of_groups_that_match_most() -> None:
    people, encodings = some_people(72, 2)
    rates = compared(people, encodings, {f"p{number}": f"g{number % 8}" for number in range(72)})
    lines = grouped(rates).splitlines()
    start = lines.index("Comparisons of a person of one group with a person of another, the 15 highest of 28:") + 3
    across = rates.group_pairs.filter(pl.col("group") != pl.col("other"), weighting="people")
    highest = across.sort("fmr", descending=True, maintain_order=True).head(15)
    assert [line.split()[:3] for line in lines[start : start + 15]] == [
        [repr(row["group"]), repr(row["other"]), f"{row['fmr']:.1e}"] for row in highest.to_dicts()
    ]
    assert lines[start + 15].startswith("* a bound")


def test_the_command_keeps_what_groups_have_and_drops_it_when_none_are_asked_for(run: Run, small_table: Path) -> None:
    folder = small_table.parent
    people = sorted(set(pq.read_table(small_table)["person"].to_pylist()))
    rows = [f"{person},{'even' if place % 2 == 0 else '<odd>'}" for place, person in enumerate(people)]
    (folder / "groups.csv").write_text("\n".join(["person,group", *rows]) + "\n")
    said = run("analyze", "--by", "groups.csv", "--formats", "png", cwd=folder).stdout
    assert "12 people in 2 groups by 'groups.csv'" in said
    assert "'<odd>'" in said
    report = folder / "report"
    with connect_to(report / "facesql.duckdb") as connection:
        for name in ("group_rates", "group_pairs"):
            stored = pl.DataFrame(connection.table(name).to_arrow_table())
            assert stored.equals(pl.read_parquet(report / f"{name}.parquet"))
            assert stored.height == {"group_rates": 4, "group_pairs": 6}[name]
    assert {path.name for path in report.glob("group_*")} == {
        *("group_rates.csv", "group_rates.parquet", "group_pairs.csv", "group_pairs.parquet"),
        *("group_rates.png", "group_rates.vl.json", "group_fmr.png", "group_fmr.vl.json"),
    }
    assert "| analyze: groups by | `groups.csv` |" in (report / "run.md").read_text()
    run("analyze", "--formats", "", cwd=folder)
    assert not list(report.glob("group_*"))
    failed = run("analyze", "--by", "colour", cwd=folder, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "colour" in failed.stderr
