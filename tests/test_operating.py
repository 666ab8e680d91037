"""Operating points: what is recommended, refused, and judged on others."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import log
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from facesql.analyze import analyze_faces
from facesql.answers import Answers, failure_to_acquire, find_answers
from facesql.answertext import weighting_notes
from facesql.binning import EUCLIDEAN
from facesql.blocks import Weighting
from facesql.crossfit import FOLDS
from facesql.database import connect, connect_to
from facesql.errors import FacesqlError
from facesql.operating import (
    Sureness,
    expected_cost,
    operating_points,
    operating_table,
    people_needed,
    recommended,
)
from facesql.sources import sample_faces
from facesql.uncertainty import Band, Rate, precision_at
from facesql.wanted import Wanted
from tests.conftest import Run, compare, filled, some_people
from tests.simulation import BINS, geometric, simulate


@cache
def simulated(people: int = 200) -> Sureness:
    return Sureness.of(simulate(people, geometric, np.random.default_rng(1)), 0.95)


def with_band(sure: Sureness, rate: Rate, band: Band, weighting: Weighting = Weighting.PEOPLE) -> Sureness:
    """The same, but for one band."""
    changed = {**sure.bands[weighting], rate: band}
    return replace(sure, bands={**sure.bands, weighting: changed})


def by_hand(low: list[float], value: list[float], high: list[float]) -> Band:
    edges = len(BINS.edges)
    whole = [np.array([*rate, *[rate[-1]] * (edges - len(rate))]) for rate in (value, low, high)]
    return Band(whole[0], whole[1], whole[2], se=np.zeros(edges), bound=np.zeros(edges, np.bool_))


def test_the_interval_meets_the_target_and_not_the_rate_alone() -> None:
    band = by_hand([0, 0.0001, 0.001, 0.01], [0, 0.0005, 0.002, 0.05], [0.0001, 0.0009, 0.004, 0.09])
    sure = with_band(simulated(), Rate.FMR, band)
    assert recommended(sure, Wanted(max_fmr=0.001), BINS).bin == 1
    assert recommended(sure, Wanted(max_fmr=0.003), BINS).bin == 1  # the rate at 2 is below, its interval is not
    assert recommended(sure, Wanted(max_fmr=0.004), BINS).bin == 2
    assert recommended(sure, Wanted(max_fmr=0.00005), BINS).bin is None


def test_the_lowest_cutoff_meets_a_bound_on_misses() -> None:
    band = by_hand([0.8, 0.3, 0.04, 0.001], [0.9, 0.4, 0.05, 0.004], [0.95, 0.5, 0.08, 0.01])
    sure = with_band(simulated(), Rate.FNMR, band)
    points = {point.name: point.bin for point in operating_points(sure, Wanted(max_fnmr=0.06, min_recall=0.9), BINS)}
    assert points["FNMR at most 0.06"] == 3
    assert points["recall at least 0.9"] == 2


def test_a_precision_is_met_by_its_lower_end() -> None:
    band = by_hand([0, 0.9, 0.7, 0.1], [1, 0.99, 0.9, 0.2], [1, 1, 0.95, 0.4])
    sure = with_band(simulated(), Rate.PRECISION, band, Weighting.PAIRS)
    [point] = [p for p in operating_points(sure, Wanted(min_precision=0.6), BINS) if p.name.startswith("precision")]
    assert point.bin == 2
    [point] = [p for p in operating_points(sure, Wanted(min_precision=0.95), BINS) if p.name.startswith("precision")]
    assert point.bin is None
    assert "is 0.9, at 0.1" in point.refusal


def test_of_several_cutoffs_that_are_best_the_middle_one_is_taken() -> None:
    sure = with_band(simulated(), Rate.FNMR, by_hand([0], [1, 0.5, 0], [1]))
    sure = with_band(sure, Rate.FMR, by_hand([0], [0, 0, 0, 0, 0, 0, 0, 0.5], [1]))
    points = {point.name: point.bin for point in operating_points(sure, Wanted(), BINS)}
    assert points["EER of people"] == 4  # both are 0 from 2 to 6
    assert recommended(sure, Wanted(cost_false_match=1, cost_miss=1), BINS).bin == 4


def test_a_search_that_has_found_nothing_wrong_may_yet() -> None:
    wanted = Wanted(gallery=1000, max_fmr=0.5, max_fnmr=0.9)
    sure = with_band(simulated(), Rate.FMR, by_hand([0], [0], [0.01]))
    table = operating_table(operating_points(sure, wanted, BINS), sure, wanted, BINS, None)
    none = table.filter(pl.col("fmr") == 0)
    assert not none.is_empty()
    assert (none["false_match_chance"] == 0).all()
    assert none["false_match_chance_high"].to_list() == pytest.approx([1 - 0.99**1000] * none.height)


def test_what_few_people_cannot_support_is_refused_with_a_number() -> None:
    counts = simulate(20, geometric, np.random.default_rng(3))
    sure = Sureness.of(counts, 0.95)
    point = recommended(sure, Wanted(max_fmr=1e-6), BINS)
    assert point.bin is None
    least = sure.people(Rate.FMR).high.min()
    assert f"about {people_needed(20, least, 1e-6, 0.95):,} people, and here are 20" in point.refusal
    assert f"{least:.1e}" in point.refusal


@pytest.mark.parametrize("people", [10, 300, 5_000])
@pytest.mark.parametrize("target", [1e-2, 1e-4, 1e-6])
def test_more_people_are_needed_for_less_but_never_more_than_the_rule_of_three_asks(people: int, target: float) -> None:
    needed = people_needed(people, 0.5, target, 0.95)
    assert people < needed <= max(people + 1, 1.1 * 2 * -log(0.05) / target)
    assert people_needed(people, 0.5, target / 10, 0.95) > needed


def test_least_cost_is_that_of_a_plain_search() -> None:
    sure, wanted = simulated(), Wanted(cost_false_match=50, cost_miss=2, genuine_share=0.1)
    fmr, fnmr = sure.people(Rate.FMR).value, sure.people(Rate.FNMR).value
    costs = [0.1 * 2 * miss + 0.9 * 50 * match for match, miss in zip(fmr, fnmr, strict=True)]
    assert expected_cost(sure, wanted) == pytest.approx(costs)
    assert recommended(sure, wanted, BINS).bin == costs.index(min(costs))
    dear = replace(wanted, cost_false_match=5_000)
    assert recommended(sure, dear, BINS).bin < recommended(sure, wanted, BINS).bin  # type: ignore[operator]


def test_costs_without_a_share_take_that_of_the_pairs() -> None:
    sure = simulated()
    pairs = sure.counts[Weighting.PAIRS]
    share = pairs.genuine_all.sum() / (pairs.genuine_all.sum() + pairs.impostor_all)
    wanted = Wanted(cost_false_match=1, cost_miss=1)
    assert expected_cost(sure, wanted) == pytest.approx(expected_cost(sure, replace(wanted, genuine_share=share)))


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"max_fmr": 0.0}, "--max-fmr"),
        ({"min_precision": 1.5}, "--min-precision"),
        ({"genuine_share": -0.1}, "--genuine-share"),
        ({"confidence": 1.0}, "--confidence"),
        ({"max_fnmr": float("nan")}, "--max-fnmr"),
        ({"cost_miss": 3.0}, "give both"),
        ({"cost_miss": 3.0, "cost_false_match": -1.0}, "no cost"),
        ({"gallery": 0}, "--gallery"),
        ({"gallery": 10**400}, "--gallery"),
        ({"max_fmr": 5e-324}, "--max-fmr"),
        ({"confidence": 1e-17}, "--confidence"),
        ({"cost_miss": 3.0, "cost_false_match": float("inf")}, "finite"),
    ],
)
def test_what_nothing_can_meet_is_one_sentence(wanted: Mapping[str, float], sentence: str) -> None:
    with pytest.raises(FacesqlError, match=sentence):
        Wanted(**wanted)  # type: ignore[arg-type]


def test_the_table_has_frr_by_its_formula_and_what_a_search_finds() -> None:
    sure, wanted = simulated(), Wanted(max_fmr=0.05, gallery=40, genuine_share=0.2)
    table = operating_table(operating_points(sure, wanted, BINS), sure, wanted, BINS, 0.1)
    row = table.filter("recommended").row(0, named=True)
    place = row["bin"]
    assert row["fmr"] == sure.people(Rate.FMR).value[place]
    assert row["frr"] == pytest.approx(0.1 + 0.9 * row["fnmr"])
    assert row["false_matches"] == pytest.approx(40 * row["fmr"])
    assert row["false_match_chance"] == pytest.approx(1 - (1 - row["fmr"]) ** 40)
    assert row["false_match_chance_high"] == pytest.approx(1 - (1 - row["fmr_high"]) ** 40)
    assert row["precision"] == precision_at(sure.counts[Weighting.PEOPLE], 0.2).value[place]
    unknown = operating_table(operating_points(sure, Wanted(), BINS), sure, Wanted(), BINS, None)
    assert unknown["frr"].null_count() == unknown["false_matches"].null_count() == unknown.height


def test_usual_points_are_there_and_in_order() -> None:
    points = operating_points(simulated(), Wanted(max_fmr=0.02), BINS)
    names = [point.name for point in points]
    assert names == [
        "FMR at most 0.02",
        "FMR at most 0.01",
        "FMR at most 0.001",
        "FMR at most 0.0001",
        "best F1",
        "EER of people",
    ]
    assert [point.recommended for point in points] == [True, *[False] * 5]
    places = [point.bin for point in points[:4] if point.bin is not None]
    assert places == sorted(places, reverse=True)


def answers_of(people: list[str], encodings: np.ndarray, wanted: Wanted) -> Answers:
    connection = filled(people, encodings)
    compare(connection)
    return find_answers(connection, EUCLIDEAN, wanted)


def test_the_others_are_judged_as_if_their_quarter_were_alone() -> None:
    names, encodings = some_people(160, 3, seed=4)
    wanted = Wanted(max_fmr=0.05)
    answers = answers_of(names, encodings, wanted)
    block = {name: b for b, name in _blocks(names)}
    false = pairs = missed = genuine = 0.0
    cutoffs = []
    for fold in range(FOLDS):
        inside = [block[name] % FOLDS == fold for name in names]
        chosen = answers_of(
            [n for n, i in zip(names, inside, strict=True) if not i], encodings[~np.array(inside)], wanted
        )
        cutoff = chosen.operating.filter("recommended")["cutoff"].item()
        cutoffs.append(cutoff)
        alone = filled([n for n, i in zip(names, inside, strict=True) if i], encodings[inside])
        compare(alone)
        [(f, p, m, g)] = alone.execute(
            "select sum(person_weight) filter (not same_person and bin <= $1), "
            "sum(person_weight) filter (not same_person), sum(person_weight) filter (same_person and bin > $1), "
            "sum(person_weight) filter (same_person) from binned_counts",
            [round(cutoff * 1000)],
        ).fetchall()
        false, pairs, missed, genuine = false + (f or 0), pairs + p, missed + (m or 0), genuine + g
    row = answers.optimism.filter(point="FMR at most 0.05").row(0, named=True)
    assert (row["lowest"], row["highest"]) == (min(cutoffs), max(cutoffs))
    assert row["fmr_others"] == pytest.approx(false / pairs, rel=1e-5)
    assert row["fnmr_others"] == pytest.approx(missed / genuine, rel=1e-5)
    whole = answers.operating.filter("recommended").row(0, named=True)
    assert (row["fmr"], row["fnmr"]) == pytest.approx((whole["fmr"], whole["fnmr"]))


def _blocks(names: list[str]) -> list[tuple[int, str]]:
    connection = connect()
    return connection.execute("select person_block(unnest($1)), unnest($1)", [sorted(set(names))]).fetchall()


def test_the_best_f1_flatters_itself_where_people_are_few() -> None:
    gaps = []
    for seed in range(8):
        names, encodings = some_people(40, 3, seed=seed)
        blurred = encodings + np.random.default_rng(seed).normal(scale=0.03, size=encodings.shape).astype(np.float32)
        answers = answers_of(names, blurred, Wanted(max_fmr=0.3))
        row = answers.optimism.filter(point="best F1")
        gaps += (row["f1"] - row["f1_others"]).to_list()
    assert len(gaps) >= 6
    assert np.mean(gaps) > 0


@pytest.mark.parametrize(
    ("found", "share"),
    [
        ([], None),
        ([{}], None),
        ([{"photos": 10}, {}], None),
        ([{"photos": 10}], 0.0),
        ([{"photos": 10, "no_face": 1}, {"photos": 30, "unreadable": 2, "failed": 1}], 0.1),
        ([{"photos": 10, "no_face": 2, "excluded": 3, "undecidable": 2, "duplicate": 1}], 0.5),
        ([{"photos": 10, "several_faces": 1}], 0.1),
        ([{"photos": 3, "excluded": 3}], None),
    ],
)
def test_photos_without_a_usable_face_are_a_share_of_those_tried(
    found: list[dict[str, int]], share: float | None
) -> None:
    assert failure_to_acquire(found) == share


def test_lfw_names_who_makes_most_of_its_pairs(tmp_path: Path) -> None:
    analysis = analyze_faces(sample_faces("lfw"), tmp_path / "report", formats=[], wanted=Wanted(gallery=1000))
    answers = analysis.answers
    faces = answers.heaviest["faces"][0]
    assert answers.heaviest["genuine_share"][0] == pytest.approx(faces * (faces - 1) / 2 / 241_121)
    assert round(answers.heaviest["genuine_share"][0], 2) == 0.58
    assert answers.fta == pytest.approx(67 / (13_233 - 21 - 273))
    stored = pl.read_parquet(tmp_path / "report" / "operating_points.parquet")
    assert stored.equals(answers.operating)
    assert analysis.summary()["recommended_cutoff"] == answers.operating.filter("recommended")["cutoff"].item()
    connection = connect_to(tmp_path / "report" / "facesql.duckdb")
    for name, table in (
        ("rate_intervals", answers.intervals),
        ("operating_points", answers.operating),
        ("optimism", answers.optimism),
    ):
        assert pl.DataFrame(connection.sql(f"from {name}").to_arrow_table()).equals(table)


def test_the_command_takes_what_is_wanted(run: Run, small_table: Path) -> None:
    folder = small_table.parent
    wanted = ["--cost-false-match", "9", "--cost-miss", "1", "--genuine-share", "0.05", "--gallery", "50"]
    said = run("analyze", *wanted, "--confidence", "0.8", "--formats", "", cwd=folder).stdout
    assert "a false match costs 9 and a miss 1, and 5% of the comparisons are of one person (as you say)" in said
    assert "A search among 50 others finds" in said
    assert "at 80% confidence" in said
    assert "precision is that where 0.05 are of one person" in said
    refused = run("analyze", "--max-fmr", "7", cwd=folder, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no --max-fmr" in refused.stderr
    refusal = run("analyze", "--max-fmr", "1e-6", "--formats", "", cwd=folder).stdout
    assert "An FMR of at most 1e-06 needs about" in refusal
    assert "no cut-off is recommended" in refusal


def answers_with(pairs: tuple[float, float, float], people: tuple[float, float, float]) -> Answers:
    """Answers of made-up people, with a recall (low, value, high) of their own at every cut-off."""
    answers = answers_of(*some_people(90, 3, seed=2), Wanted(max_fmr=0.5))
    edges = len(EUCLIDEAN.edges)
    sure = answers.sure
    for weighting, (low, value, high) in ((Weighting.PAIRS, pairs), (Weighting.PEOPLE, people)):
        whole = [np.full(edges, end) for end in (value, low, high)]
        band = Band(whole[0], whole[1], whole[2], se=np.zeros(edges), bound=np.zeros(edges, np.bool_))
        sure = with_band(sure, Rate.RECALL, band, weighting)
    return replace(answers, sure=sure)


def test_weightings_disagree_where_no_value_lies_in_both_intervals() -> None:
    overlapping = answers_with((0.6, 0.8, 0.9), (0.85, 0.87, 0.89))
    assert not [note for note in weighting_notes(overlapping, EUCLIDEAN) if "more apart" in note]
    apart = answers_with((0.6, 0.7, 0.8), (0.85, 0.87, 0.89))
    [note] = [note for note in weighting_notes(apart, EUCLIDEAN) if "recall is" in note]
    block = overlapping.heaviest.sort("genuine_share", descending=True)["block"][0]
    counts = overlapping.sure.counts[Weighting.PAIRS]
    place = next(point.bin for point in overlapping.points if point.bin is not None)
    matched, every = (np.delete(values, block).sum() for values in (counts.genuine[:, place], counts.genuine_all))
    assert "recall is 0.7000 where every pair counts the same, and 0.8700 where every person does: more apart" in note
    assert f"the first is {matched / every:.4f}." in note
