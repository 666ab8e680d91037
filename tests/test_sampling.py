"""A sample of the impostor pairs beside all of them: what is drawn, estimated and said, and how sure it is."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facesql.analyze import analyze_faces, plan_analysis
from facesql.binning import EUCLIDEAN, BinCounts, Bins, Metric, parse_number
from facesql.blocks import Counted, Numbers, Weighting, block_counts
from facesql.errors import FacesqlError
from facesql.estimates import StratumSums, estimate
from facesql.known import known_counts
from facesql.pairs import Plan
from facesql.sampled import FINGERPRINT, SamplePlan, count_sample, plan_sample, relative_error
from facesql.sampling import (
    Draw,
    SampleWanted,
    Stratum,
    Tiles,
    allotted,
    fitting_tile,
    least_pairs,
    parse_sample,
    strata_of,
    up_to_two_digits,
)
from facesql.sources import DATABASE
from facesql.text import explained
from facesql.uncertainty import Rate, fmr_band
from tests.benchmarks import sampling as benchmark
from tests.conftest import Run, compare, faces_table, filled
from tests.simulation import BINS, equal, simulated, truth

# In few blocks, for a sample has so many pairs of tiles from each two.
PEOPLE, ENCODINGS = benchmark.few_blocks(700, 3)
NONE = np.empty(0, np.int64)
Rows = list[tuple[object, ...]]


def counted(connection: duckdb.DuckDBPyConnection, *, same: bool) -> Rows:
    rows = "select block_a, block_b, bin, pairs from binned_counts where same_person = $1 order by all"
    return connection.execute(rows, [same]).fetchall()


def below(connection: duckdb.DuckDBPyConnection, *, same: bool = False) -> NDArray[np.float64]:
    """Pairs and person weights up to each edge, (2, edges)."""
    rows = connection.execute(
        "select bin, sum(pairs)::bigint, sum(person_weight) from binned_counts where same_person = $1 group by bin",
        [same],
    ).fetchall()
    cells = np.zeros((2, EUCLIDEAN.count))
    for bin_, pairs, weight in rows:
        cells[:, bin_] = pairs, weight
    return np.asarray(cells.cumsum(axis=1)[:, : len(EUCLIDEAN.edges)])


def planned(connection: duckdb.DuckDBPyConnection, wanted: SampleWanted, threads: int = 2) -> SamplePlan:
    plan = plan_sample(connection, wanted, bins=EUCLIDEAN, threads=threads)
    assert plan is not None
    return plan


def layout(people: Sequence[str], tile_faces: int) -> tuple[duckdb.DuckDBPyConnection, Tiles]:
    """The tiles of these faces."""
    connection = filled(people, np.zeros((len(people), 2)))
    wanted = SampleWanted(seconds=1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facesql.sampled.fitting_tile", lambda *_: tile_faces)
        plan = plan_sample(connection, wanted, bins=EUCLIDEAN)
    assert plan is not None
    return connection, plan.tiles


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=25), st.integers(1, 9))
def test_strata_and_tiles_that_share_a_person_are_all_pairs_of_tiles_once(sizes: list[int], tile_faces: int) -> None:
    people = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
    connection, tiles = layout(people, tile_faces)
    rows = connection.execute("select tile, block, person_number, person_faces from tiled_face").fetchall()
    who = [{person for of, _, person, _ in rows if of == tile} for tile in range(len(tiles.block))]
    assert tiles.block.tolist() == [next(b for of, b, _, _ in rows if of == tile) for tile in range(len(who))]
    every = set(combinations_with_replacement(range(len(who)), 2))
    sharing = list(tiles.sharing())
    assert set(sharing) == {(a, b) for a, b in every if who[a] & who[b]}
    assert len(sharing) == len(set(sharing)) == tiles.sharing_count
    drawn = Counter(sharing)
    weights = [sum(1 / faces for of, _, _, faces in rows if of == tile) for tile in range(len(who))]
    for stratum in strata_of(tiles):
        a, b = stratum.tiles(np.arange(stratum.count))
        drawn.update(pairs := list(zip(a.tolist(), b.tolist(), strict=True)))
        assert all((tiles.block[a], tiles.block[b]) == (stratum.block_a, stratum.block_b) for a, b in pairs)
        assert stratum.pairs == sum(int(tiles.faces[a] * tiles.faces[b]) for a, b in pairs)
        assert stratum.weight == pytest.approx(sum(weights[a] * weights[b] for a, b in pairs))
    assert drawn == Counter(every)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 5))
def test_a_draw_goes_on_without_replacement_and_repeats(sizes: list[int], seed: int) -> None:
    stratum = Stratum(3, 5, 10, 20, 40, 40, 1.0, np.array([8]), np.empty(0, np.int64))
    draws = [Draw([stratum], seed) for _ in range(2)]
    drawn = [[draw.up_to(np.array([size]))[0] for size in sizes] for draw in draws]
    pairs = [(a, b) for tiles in drawn[0] for a, b in zip(*map(np.ndarray.tolist, tiles), strict=True)]
    assert len(pairs) == len(set(pairs)) == min(max(sizes), 40) == draws[0].sizes[0]
    assert all(10 <= a < 15 and 20 <= b < 28 for a, b in pairs)
    for one, other in zip(*drawn, strict=True):
        assert [side.tolist() for side in one] == [side.tolist() for side in other]


def test_every_pair_of_tiles_is_drawn_equally_often_in_whatever_rounds() -> None:
    stratum = Stratum(0, 1, 0, 0, 12, 12, 1.0, np.array([4]), np.empty(0, np.int64))
    hits = np.zeros(12)
    for seed in range(3000):
        draw = Draw([stratum], seed)
        for size in (2, 5):
            a, b = draw.up_to(np.array([size]))[0]
            hits[4 * a + b] += 1
    # A binomial number of 5 in 12; six standard deviations.
    assert np.abs(hits - 1250).max() < 6 * np.sqrt(3000 * 5 / 12 * 7 / 12)


def test_a_stratum_has_two_draws_or_all_and_else_its_share() -> None:
    counts = (1, 2, 3, 1000, 3000)
    strata = [Stratum(0, 1, 0, 0, count, 100 * count, 1.0, np.array([1]), np.empty(0, np.int64)) for count in counts]
    assert allotted(strata, 0).tolist() == [1, 2, 2, 2, 2]
    assert allotted(strata, 40_060).tolist() == [1, 2, 2, 100, 300]
    assert allotted(strata, 1e9).tolist() == [1, 2, 3, 1000, 3000]
    assert least_pairs(strata, 5000) == 5900
    assert least_pairs(strata[:2], 50) == 350
    assert up_to_two_digits(123_001) == 130_000


def test_tiles_are_made_for_the_sample() -> None:
    sizes = [fitting_tile(pairs, 1_000_000, 64) for pairs in (1e6, 1e7, 1e8, 1e9, 1e10, 1e12)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (8, 256)


@pytest.mark.parametrize(
    "people", [PEOPLE, ["everywhere" if number % 3 else name for number, name in enumerate(PEOPLE)]]
)
def test_genuine_pairs_are_exact_and_impostor_pairs_as_many_as_there_are(people: list[str]) -> None:
    full, sampled = filled(people, ENCODINGS), filled(people, ENCODINGS)
    compare(full)
    result = count_sample(sampled, planned(sampled, SampleWanted(pairs=500_000)))
    assert not result.exact
    assert result.pairs < 0.6 * result.of_pairs
    assert counted(sampled, same=True) == counted(full, same=True)
    assert below(sampled, same=True)[1] == pytest.approx(below(full, same=True)[1])
    of_blocks = "select block_a, block_b, sum(pairs), sum(person_weight) from binned_counts group by all order by all"
    for one, other in zip(sampled.execute(of_blocks).fetchall(), full.execute(of_blocks).fetchall(), strict=True):
        assert one[:3] == other[:3]
        assert one[3] == pytest.approx(other[3], rel=1e-5)


def test_a_sample_of_everything_is_the_full_analysis() -> None:
    full, sampled = filled(PEOPLE, ENCODINGS), filled(PEOPLE, ENCODINGS)
    compare(full)
    plan = planned(sampled, SampleWanted(relative_error=0.001))
    result = count_sample(sampled, plan)
    assert result.exact
    assert counted(sampled, same=False) == counted(full, same=False)
    assert below(sampled)[1] == pytest.approx(below(full)[1], rel=1e-5)
    fmr = result.fmr[Weighting.PAIRS]
    assert (fmr.low == fmr.high).all()
    assert not fmr.few.any()
    assert fmr.value == pytest.approx(below(full)[0] / result.of_pairs)


def test_means_over_seeds_are_those_of_all_pairs() -> None:
    full, sampled = filled(PEOPLE, ENCODINGS), filled(PEOPLE, ENCODINGS)
    compare(full)
    plan = planned(sampled, SampleWanted(pairs=100_000))
    truth = below(full) / below(full)[:, -1:]
    results = list(benchmark.sample(sampled, plan, range(30)))
    for row, weighting in enumerate(Weighting):
        values = np.array([result[weighting].value for result in results])
        for place in (700, 740, 800, 860):
            spread = values[:, place].std(ddof=1) / np.sqrt(len(values))
            assert abs(values[:, place].mean() - truth[row, place]) < 4.5 * spread
            # What a sample says of its own error is what samples differ by.
            told = np.sqrt(np.mean([result[weighting].se[place] ** 2 for result in results]))
            assert told == pytest.approx(values[:, place].std(ddof=1), rel=0.45)


def test_the_seed_alone_decides() -> None:
    def counts(seed: int, threads: int) -> Rows:
        connection = filled(PEOPLE, ENCODINGS)
        count_sample(connection, planned(connection, SampleWanted(pairs=100_000, seed=seed), threads))
        return connection.execute("from block_pair_counts order by all").fetchall()

    first = counts(1, 1)
    assert first == counts(1, 4)
    assert first != counts(2, 1)


def test_sums_are_rounded_and_counts_are_their_differences() -> None:
    """Three pairs of tiles of a stratum of 100 pairs, sampled by 9 pairs: each sum is the nearest whole number."""
    bins = Bins(Metric.EUCLIDEAN, 0, 3, parse_number("0.5", "width"))
    stratum = Stratum(2, 7, 0, 0, 30, 100, 5.0, np.array([5]), np.empty(0, np.int64))
    sums = StratumSums()
    parts = [([1, 2], 1), ([0, 1, 2], 0), ([3], 3)]
    sums.add([BinCounts(first, np.array(pairs), np.array(pairs) / 10) for pairs, first in parts])
    sums_in_two = StratumSums()
    for pairs, first in reversed(parts):
        sums_in_two.add([BinCounts(first, np.array(pairs), np.array(pairs) / 10)])
    certain = [((2, 7, False), BinCounts(0, np.array([5]), np.array([0.5])))]
    for of_stratum in (sums, sums_in_two):
        estimated = estimate([stratum], [of_stratum], certain, bins)
        [(key, counts)] = estimated.counted
        assert key == (2, 7, False)
        # 0, 2, 6 and 9 of 9: 0, 22.2, 66.7 and 100 of 100.
        assert counts.pairs.tolist() == [5, 22, 45, 33]
        assert counts.person_weight == pytest.approx([0.5, 10 / 9, 20 / 9, 15 / 9])
        # Of the first edge that has any: residuals 1 - 2/3, 1 - 2/3 and 0 - 2/3 of x = 3 each; mean 3.
        variance = 100**2 * (1 - 3 / 30) / 3 * (6 / 9 / 2) / 3**2
        assert estimated.fmr[Weighting.PAIRS].se[1] == pytest.approx(np.sqrt(variance) / 105)
        assert estimated.fmr[Weighting.PAIRS].value.tolist() == [5 / 105, 27 / 105, 72 / 105, 1]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_sum_is_off_by_more_than_half_a_pair(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=5))
    rows = [[*row, 1] for row in rows]
    pairs = data.draw(st.integers(1, 10**9))
    bins = Bins(Metric.EUCLIDEAN, 0, 3, parse_number("0.5", "width"))
    stratum = Stratum(0, 1, 0, 0, 10, pairs, float(pairs), np.array([5]), np.empty(0, np.int64))
    sums = StratumSums()
    sums.add([BinCounts(0, np.array(row), np.array(row, float)) for row in rows])
    [(_, counts)] = estimate([stratum], [sums], [], bins).counted
    expected = np.cumsum(np.sum(rows, axis=0)) / np.sum(rows) * pairs
    assert np.abs(np.cumsum(counts.pairs) - expected).max() <= 0.5 + 1e-6
    assert counts.pairs.sum() == pairs
    assert (counts.pairs >= 0).all()


def test_a_stratum_that_is_drawn_in_full_tells_nothing_of_others() -> None:
    """All pairs of one stratum are compared, and match; of another, 40 of 10,000, of which none does."""
    bins = Bins(Metric.EUCLIDEAN, 0, 3, parse_number("0.5", "width"))
    strata = [
        Stratum(0, b, 0, 0, pairs, pairs, float(pairs), np.array([5]), NONE) for b, pairs in ((1, 2), (2, 10_000))
    ]
    sums = [StratumSums(), StratumSums()]
    sums[0].add([BinCounts(0, np.array([1]), np.array([1.0]))] * 2)
    sums[1].add([BinCounts(3, np.array([1]), np.array([1.0]))] * 40)
    fmr = estimate(strata, sums, [], bins).fmr[Weighting.PAIRS]
    assert fmr.value[0] == fmr.low[0] == pytest.approx(2 / 10_002)
    assert fmr.few[0]
    assert fmr.high[0] == pytest.approx((2 + 10_000 * (1 - 0.025 ** (1 / 42))) / 10_002)


def test_where_nothing_matches_the_interval_is_the_rule_of_three() -> None:
    """Of 1,000 pairs, each of tiles of its own, none matches: at most 1 - 0.025^(1/1000) do."""
    bins = Bins(Metric.EUCLIDEAN, 0, 3, parse_number("0.5", "width"))
    stratum = Stratum(0, 1, 0, 0, 10**9, 10**9, 1e9, np.array([5]), np.empty(0, np.int64))
    sums = StratumSums()
    sums.add([BinCounts(2 + place % 2, np.array([1]), np.array([1.0])) for place in range(1000)])
    fmr = estimate([stratum], [sums], [], bins).fmr[Weighting.PAIRS]
    assert fmr.value.tolist() == [0, 0, 0.5, 1]
    assert fmr.number[0] == pytest.approx(1000, rel=0.01)
    assert fmr.high[0] == pytest.approx(1 - 0.025 ** (1 / 1000), rel=0.01)
    assert (fmr.low[0], fmr.few.tolist()) == (0, [True, True, False, True])
    assert fmr.low[2] == pytest.approx(0.469, abs=0.001)


def test_intervals_hold_the_full_value_as_often_as_they_say() -> None:
    held = benchmark.coverage(benchmark.table_of(600), pairs=100_000, seeds=60, places=(720, 760, 820))
    shares = [np.mean(row) for row in held.values()]
    assert len(shares) == 6
    # 60 runs tell 95% but for 5.5% either way; of six numbers together a little more.
    assert min(shares) > 0.86


def test_coverage_notices_intervals_that_are_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    real = StratumSums.variances
    monkeypatch.setattr(StratumSums, "variances", lambda self, count: real(self, count) / 9)
    held = benchmark.coverage(benchmark.table_of(600), pairs=100_000, seeds=60, places=(720, 760, 820))
    assert max(np.mean(row) for row in held.values()) < 0.86


def thinned(counted: Counted, share: float, random: np.random.Generator) -> tuple[Counted, Mapping[Weighting, Numbers]]:
    """What a sample of so large a share of the pairs of each two blocks tells; a pair of tiles is a pair of faces."""
    strata, sums = [], []
    for (a, b, same), counts in counted:
        if same:
            continue
        pairs, drawn = int(counts.pairs.sum()), max(2, int(share * counts.pairs.sum()))
        parts = random.multivariate_hypergeometric(counts.pairs, drawn)
        places = np.repeat(np.arange(len(parts)), parts)
        of_stratum = StratumSums()
        of_stratum.add([BinCounts(counts.first + place, np.array([1]), np.array([1.0])) for place in places.tolist()])
        strata.append(Stratum(a, b, 0, 0, pairs, pairs, float(counts.person_weight.sum()), np.array([1]), NONE))
        sums.append(of_stratum)
    estimated = estimate(strata, sums, [], BINS)
    genuine = [row for row in counted if row[0][2]]
    return [*genuine, *estimated.counted], {of: fmr.number for of, fmr in estimated.fmr.items()}


def test_intervals_of_other_people_hold_the_error_of_the_sampling_once() -> None:
    """Pairs are sampled so thinly that their own error is as large as that of the people; see tests/simulation.py."""
    known = truth(120, equal, BINS).rates[Weighting.PEOPLE][Rate.FMR]
    place = int(np.abs(known - 0.03).argmin())
    held, wider = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        counted, people = simulated(120, equal, random, BINS)
        sampled, numbers = thinned(counted, 0.03, random)
        of_all, of_sample = (
            fmr_band(block_counts(counts, people, BINS, sampled=of)[0][Weighting.PEOPLE])
            for counts, of in ((counted, None), (sampled, numbers))
        )
        held.append(of_sample.low[place] <= known[place] <= of_sample.high[place])
        wider.append(of_sample.se[place] / of_all.se[place])
    assert np.mean(held) > 0.86
    assert np.nanmedian(wider) > 1.05


def test_a_bound_of_people_and_of_the_sample_is_that_of_both() -> None:
    """No pair matches: 3 in so many disjoint pairs of people, and 3 in so many sampled pairs, in sum."""
    counted, people = simulated(120, equal, np.random.default_rng(0), BINS)
    none = [(key, BinCounts(10, np.array([counts.pairs.sum()]), np.array([counts.person_weight.sum()])))
            for key, counts in counted]  # fmt: skip
    numbers = dict.fromkeys(Weighting, np.full(len(BINS.edges), 200.0))
    alone, joined = (
        fmr_band(block_counts(none, people, BINS, sampled=of)[0][Weighting.PEOPLE]).high[3] for of in (None, numbers)
    )
    assert alone == pytest.approx(1 - 0.05 ** (1 / 60))
    assert joined == pytest.approx(1 - 0.05 ** (1 / 60 + 1 / 200))


@pytest.mark.parametrize("wanted", [SampleWanted(seconds=0.5), SampleWanted(relative_error=0.06)])
def test_rounds_go_on_until_that_is_enough(wanted: SampleWanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesql.sampled._DEPENDENT", 1)
    monkeypatch.setattr("facesql.sampled._PAIRS_A_SECOND", 10**5)
    connection = filled(PEOPLE, ENCODINGS)
    plan = planned(connection, wanted)
    result = count_sample(connection, plan)
    if wanted.relative_error is not None:
        assert relative_error(result.fmr[Weighting.PEOPLE], 1e-3) <= wanted.relative_error
    assert plan.first.sum() < result.tile_pairs <= result.of_tile_pairs


def test_what_is_no_sample_is_refused(small_table: Path, tmp_path: Path) -> None:
    for pairs in ("x", "-5", "nan", "0"):
        with pytest.raises(FacesqlError, match="no number of pairs"):
            parse_sample(pairs, None, None, 0)
    for seconds in (0.0, -1.0, float("inf")):
        with pytest.raises(FacesqlError, match="no time"):
            parse_sample(None, seconds, None, 0)
    for share in ("200%", "0", "x%"):
        with pytest.raises(FacesqlError, match="no --relative-error"):
            parse_sample(None, None, share, 0)
    with pytest.raises(FacesqlError, match="give one of"):
        parse_sample("1e6", 2.0, None, 0)
    assert parse_sample(None, None, None, 3) is None
    with pytest.raises(FacesqlError, match="leave out --by"):
        analyze_faces(small_table, tmp_path / "r", sample=SampleWanted(pairs=100), by="person")
    with pytest.raises(FacesqlError, match="all 1,056: leave out --pairs"):
        analyze_faces(small_table, tmp_path / "r", sample=SampleWanted(pairs=100))
    assert not (tmp_path / "r").exists()


def test_the_least_that_is_named_is_enough() -> None:
    connection = filled(PEOPLE, ENCODINGS)
    with pytest.raises(FacesqlError, match="give at least --pairs") as refused:
        planned(connection, SampleWanted(pairs=10_000))
    least = int(str(refused.value).rsplit(" ", 1)[-1].rstrip(".").replace(",", ""))
    assert planned(connection, SampleWanted(pairs=least)).first.sum() > 0
    with pytest.raises(FacesqlError, match="give at least --pairs"):
        planned(connection, SampleWanted(pairs=int(least * 0.9)))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sampled") / "faces.parquet"
    pq.write_table(faces_table(PEOPLE, ENCODINGS), path)
    return path


def test_a_report_says_that_it_is_of_a_sample(table: Path, tmp_path: Path, run: Run) -> None:
    report = tmp_path / "report"
    command = ["analyze", table, "-o", report, "--formats", "png", "--threads", "2", "--pairs", "5e5", "--seed", "3"]
    done = run(*command, cwd=tmp_path)
    summary = json.loads((report / "summary.json").read_text())
    told = f"A sample: {summary['sample_pairs']:,} of {summary['impostor_pairs']:,} pairs of two people were compared"
    assert told in done.stdout
    assert "by seed 3" in done.stdout
    assert "What the sampling alone leaves open" in done.stdout
    assert "the sample does not tell" in done.stdout
    page, notes = (report / "report.html").read_text(), (report / "run.md").read_text()
    assert told in page
    assert "What the sampling alone leaves open" in page
    assert "No faces are sought for the page" in page
    assert f"| of these compared, as a sample | {summary['sample_pairs']:,} |" in notes
    assert "| analyze: sample seed | `3` |" in notes
    kept = pl.read_parquet(report / "sampling_intervals.parquet")
    assert kept.height == 2 * 3 * len(EUCLIDEAN.edges)
    assert kept.filter(pl.col("low") > pl.col("value")).is_empty()
    assert kept.filter(pl.col("high") < pl.col("value")).is_empty()
    with duckdb.connect(str(report / DATABASE), read_only=True) as connection:
        assert connection.execute("select count(*) from sampling_intervals").fetchall() == [(kept.height,)]
        assert connection.execute("select distinct fingerprint from block_pair_counts").fetchall() == [(FINGERPRINT,)]
    explained_ = run(*command, "--explain", cwd=tmp_path).stdout
    assert "strata" in explained_
    assert "by seed 3" in explained_


def test_counts_of_a_sample_are_never_taken_for_exact_ones(table: Path, tmp_path: Path) -> None:
    report, other = tmp_path / "report", tmp_path / "other"
    sampled = analyze_faces(table, report, sample=SampleWanted(pairs=500_000), formats=())
    assert (report / "sampling_intervals.csv").exists()
    full = analyze_faces(table, report, formats=())
    assert full.pairs_known == 0
    assert not (report / "sampling_intervals.csv").exists()
    assert full.summary()["sample_seed"] is None
    expected = analyze_faces(table, other, formats=())
    assert full.table.equals(expected.table)
    assert not sampled.table.equals(expected.table)
    again = analyze_faces(table, report, sample=SampleWanted(pairs=500_000), formats=())
    assert again.pairs_known == 0
    assert again.table.equals(sampled.table)
    assert len(list(known_counts(tmp_path / "none", report / DATABASE))) == 1


def test_a_sample_as_large_as_all_pairs_is_the_full_analysis_and_says_so(table: Path, tmp_path: Path) -> None:
    analysis = analyze_faces(table, tmp_path / "report", sample=SampleWanted(pairs=10**12), formats=())
    assert analysis.answers.sampled is None
    assert [doubt for doubt in analysis.doubts if "every pair is compared" in doubt]
    assert isinstance(plan_analysis(table, tmp_path / "report", sample=SampleWanted(pairs=10**12)), Plan)


def test_a_plan_tells_what_would_be_drawn(table: Path, tmp_path: Path) -> None:
    plan = plan_analysis(table, tmp_path / "report", sample=SampleWanted(pairs=500_000, seed=4), threads=1)
    assert isinstance(plan, SamplePlan)
    text = explained(plan)
    assert f"{int(plan.first.sum()):,} of them by seed 4" in text
    assert f"{len(plan.strata):,}" in text
