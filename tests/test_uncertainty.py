"""The intervals against formulas written out a pair of blocks, or of people, at a time; packages; and at the ends."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyeer.eer_stats import calculate_roc, calculate_roc_auc, get_decidability_value, get_eer_values
from scipy.spatial.distance import cdist
from scipy.special import expit, logit
from scipy.stats import beta, binom, t
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score, roc_curve

from facesql.binning import EUCLIDEAN, BinCounts, BlockPair
from facesql.blocks import BLOCKS, BlockCounts, Weighting, block_counts
from facesql.database import connect
from facesql.faces import load_faces
from facesql.metrics import BIN_TOTALS, cutoff_table, equal_error_rate, summarize
from facesql.sources import sample_faces
from facesql.uncertainty import (
    LEAST_ERRING,
    Band,
    Estimate,
    Rate,
    auc,
    clopper_pearson,
    eer,
    fmr_band,
    fnmr_band,
    interval_table,
    precision_at,
    rate_bands,
)
from tests.benchmarks.coverage import PHOTOS, run
from tests.conftest import compare, filled
from tests.simulation import BINS, FINE, simulate, truth
from tests.test_blocks import counted_of, people_of

Numbers = NDArray[np.float64]
Counted = list[tuple[BlockPair, BinCounts]]

RUNS = 200


@dataclass(frozen=True)
class Compared:
    """Made-up people, whose faces were compared: the two people and the bin of each pair of faces, (pairs,)."""

    block: NDArray[np.intp]
    """The block of each person, (people,); faces likewise."""
    faces: NDArray[np.intp]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    bin: NDArray[np.intp]

    @property
    def same(self) -> NDArray[np.bool_]:
        return np.asarray(self.first == self.second)

    def weight(self, weighting: Weighting) -> Numbers:
        """What each pair of faces weighs."""
        if weighting is Weighting.PAIRS:
            return np.ones(len(self.bin))
        of_people = self.faces[self.first] * np.where(self.same, (self.faces[self.first] - 1) / 2, 1)
        return np.asarray(1 / np.where(self.same, of_people, self.faces[self.first] * self.faces[self.second]))

    def counted(self) -> Counted:
        """The pairs by block and bin."""
        sums: dict[BlockPair, tuple[NDArray[np.int64], Numbers]] = {}
        weight = self.weight(Weighting.PEOPLE)
        for row in range(len(self.bin)):
            a, b = sorted(int(self.block[side[row]]) for side in (self.first, self.second))
            key = a, b, bool(self.same[row])
            pairs, weights = sums.setdefault(key, (np.zeros(BINS.count, np.int64), np.zeros(BINS.count)))
            pairs[self.bin[row]] += 1
            weights[self.bin[row]] += weight[row]
        return [(key, BinCounts(0, pairs, weights.astype(np.float32))) for key, (pairs, weights) in sums.items()]

    def people(self) -> pl.DataFrame:
        pairs = self.faces * (self.faces - 1) // 2
        schema = {"block": pl.Int32, "faces": pl.Int64, "genuine_pairs": pl.Int64}
        return pl.DataFrame({"block": self.block, "faces": self.faces, "genuine_pairs": pairs}, schema=schema)

    def counts(self) -> dict[Weighting, BlockCounts]:
        return block_counts(self.counted(), self.people(), BINS)[0]

    def totals(self, kept: NDArray[np.bool_] | None = None) -> pl.DataFrame:
        """Pairs a bin and same_person, as metrics take them; of the pairs kept."""
        pairs = np.ones(len(self.bin), np.int64) if kept is None else kept.astype(np.int64)
        return pl.DataFrame({"same_person": self.same, "bin": self.bin, "pairs": pairs}, schema=BIN_TOTALS)

    def without(self, block: int) -> NDArray[np.bool_]:
        """The pairs of which nobody is in the block."""
        return np.asarray((self.block[self.first] != block) & (self.block[self.second] != block))


def made_up(
    seed: int, faces: list[int] | NDArray[np.intp], blocks: int = BLOCKS, genuine: float = 3.5, impostor: float = 7.5
) -> Compared:
    """People with so many faces each, dealt into so many blocks, of whom some are hard to know, and some look alike."""
    random = np.random.default_rng(seed)
    faces = np.array(faces, np.intp)
    hard, alike = random.normal(size=(2, len(faces)))
    owner = np.repeat(np.arange(len(faces)), faces)
    i, j = np.triu_indices(len(owner), 1)
    first, second = owner[i], owner[j]
    middle = np.where(first == second, genuine + hard[first], impostor + 0.7 * (alike[first] + alike[second]))
    bins = np.clip(np.rint(random.normal(middle, 1.5)), 0, BINS.beyond).astype(np.intp)
    return Compared(random.integers(0, blocks, len(faces)), faces, first, second, bins)


@dataclass(frozen=True)
class Direct:
    """The rates of some pairs at an edge, by their definitions, and the logits of those that vary with people."""

    genuine: float
    impostor: float
    all_genuine: float
    all_impostor: float
    people: int
    """How many people are among those compared."""

    @classmethod
    def of(cls, compared: Compared, weighting: Weighting, edge: int, block: int | None = None) -> "Direct":
        """Without the people of a block, where it is given."""
        kept = np.ones(len(compared.bin), np.bool_) if block is None else compared.without(block)
        weight, matched = compared.weight(weighting), compared.bin <= edge
        genuine, impostor, all_genuine, all_impostor = (
            float(weight[kept & part].sum()) for part in _parts(compared.same, matched)
        )
        people = int((compared.block != (-1 if block is None else block)).sum())
        return cls(genuine, impostor, all_genuine, all_impostor, people)

    def logit(self, rate: str, people: int, share: float = 0.5) -> float:
        """The logit of a rate; precision and F1 are those of so many people, by growing each class alike."""
        genuine, impostor = self.genuine / self.people, self.impostor / (self.people * (self.people - 1) / 2)
        of_people = people, people * (people - 1) / 2
        if rate == "precision_at":
            odds = share / (1 - share) * (self.genuine / self.all_genuine) / (self.impostor / self.all_impostor)
        elif rate == Rate.PRECISION:
            odds = genuine * of_people[0] / (impostor * of_people[1])
        elif rate == Rate.F1:
            missed = (self.all_genuine - self.genuine) / self.people
            odds = 2 * genuine * of_people[0] / (missed * of_people[0] + impostor * of_people[1])
        elif rate == Rate.FMR:
            odds = self.impostor / (self.all_impostor - self.impostor)
        elif rate == Rate.RECALL:
            odds = self.genuine / (self.all_genuine - self.genuine)
        else:
            odds = (self.all_genuine - self.genuine) / self.genuine
        return float(np.log(odds))


def _parts(same: NDArray[np.bool_], matched: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    yield same & matched
    yield ~same & matched
    yield same
    yield ~same


def doubled(compared: Compared, weighting: Weighting, rate: str, edge: int) -> float:
    """What leaving out both of two blocks counts twice: what their pairs alone add to the variance of the logit."""
    if rate in {Rate.RECALL, Rate.FNMR}:
        return 0.0
    every = Direct.of(compared, weighting, edge)
    parts = parts_of_pairs_of_blocks(compared, weighting, edge, by_people=rate in {Rate.PRECISION, Rate.F1})
    across = sum(parts[a, b] ** 2 for a, b in combinations(range(len(parts)), 2))
    added = sum(sum(row) ** 2 for row in parts) / (len(parts) - 2)
    scale = 1.0
    if rate == Rate.FMR:
        scale = 1 / (1 - every.impostor / every.all_impostor)
    elif rate == Rate.F1:
        scale = every.impostor / (every.all_genuine - every.genuine + every.impostor)
    return float(max(across - added, 0)) * scale**2


def parts_of_pairs_of_blocks(compared: Compared, weighting: Weighting, edge: int, *, by_people: bool) -> Numbers:
    """The share of the impostor pairs that match which are of two blocks, less their share of all; (blocks, blocks).

    All are the impostor pairs, or, ``by_people``, the pairs of people.
    """
    every = Direct.of(compared, weighting, edge)
    weight, matched = compared.weight(weighting), compared.bin <= edge
    of_first, of_second = compared.block[compared.first], compared.block[compared.second]
    present = sorted(set(compared.block.tolist()))
    parts = np.zeros((len(present), len(present)))
    for (row, a), (column, b) in product(enumerate(present), repeat=2):
        between = ~compared.same & (((of_first == a) & (of_second == b)) | ((of_first == b) & (of_second == a)))
        parts[row, column] = float(weight[between & matched].sum()) / every.impostor
        if by_people:
            people, of_a, of_b = every.people, int((compared.block == a).sum()), int((compared.block == b).sum())
            pairs = of_a * (of_a - 1) / 2 if a == b else of_a * of_b
            parts[row, column] -= pairs / (people * (people - 1) / 2)
        else:
            parts[row, column] -= float(weight[between].sum()) / every.all_impostor
    return parts


def kish(weights: Numbers) -> float:
    return float(sum(weights) ** 2 / sum(weight**2 for weight in weights))


def student(logits: Numbers, rate: str, most: float, confidence: float) -> float:
    """Student's quantile, with the degrees of freedom that the module's docstring tells."""
    squares = (logits - logits.mean()) ** 2
    if rate in {Rate.RECALL, Rate.FNMR}:
        freedom = min(2 * squares.sum() ** 2 / ((squares - squares.mean()) ** 2).sum(), most)
    else:
        freedom = min(max(kish(squares) - 2, 2), most)
    return float(t.ppf((1 + confidence) / 2, freedom))


def direct_interval(
    compared: Compared, weighting: Weighting, rate: str, edge: int, confidence: float
) -> tuple[float, float, float]:
    """The interval and the standard error of a rate at an edge, a block and a pair of blocks at a time."""
    every = Direct.of(compared, weighting, edge)
    blocks = sorted(set(compared.block.tolist()))
    weight = compared.weight(weighting)
    of_block = {block: float(weight[compared.same & ~compared.without(block)].sum()) for block in blocks}
    touching = {block: float(weight[~compared.same & ~compared.without(block)].sum()) for block in blocks}
    if rate in {Rate.RECALL, Rate.FNMR}:
        blocks = [block for block in blocks if of_block[block]]
    logits = np.array([Direct.of(compared, weighting, edge, block).logit(rate, every.people) for block in blocks])
    surplus = doubled(compared, weighting, rate, edge)
    middle = every.logit(rate, every.people)
    value = 1 / (1 + np.exp(-middle))
    variances = []
    for replicates, of_logit in ((logits, 1.0), (expit(logits), (value * (1 - value)) ** 2)):
        variance = (len(blocks) - 1) / len(blocks) * sum((replicates - replicates.mean()) ** 2)
        variances.append(max(variance - surplus * of_logit, surplus * of_logit))
    denominators = touching if rate == Rate.FMR else of_block
    most = kish(np.array([*denominators.values()])) - 1
    reach = student(logits, rate, most, confidence) * sqrt(variances[0])
    return float(expit(middle - reach)), float(expit(middle + reach)), sqrt(variances[1])


def erring_blocks(compared: Compared, pairs: NDArray[np.bool_]) -> tuple[int, bool]:
    """How many blocks have a part in some pairs, and whether one has in all."""
    parts = [pairs & ~compared.without(block) for block in sorted(set(compared.block.tolist()))]
    return sum(bool(part.any()) for part in parts), any((part == pairs).all() for part in parts)


def is_sure(compared: Compared, rate: str, edge: int) -> bool:
    """Whether so many blocks err, and so many do not, that there is an interval."""
    same, matched = compared.same, compared.bin <= edge
    wrong, right = {
        Rate.PRECISION: (~same & matched, same & matched),
        Rate.RECALL: (same & ~matched, same & matched),
        Rate.FNMR: (same & ~matched, same & matched),
        Rate.FMR: (~same & matched, ~same & ~matched),
        Rate.F1: (~same & matched, same & matched),
    }[Rate(rate)]
    found = [erring_blocks(compared, pairs) for pairs in (wrong, right)]
    return all(blocks >= LEAST_ERRING and not one_in_all for blocks, one_in_all in found)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize(("seed", "blocks", "confidence"), [(0, BLOCKS, 0.95), (1, 15, 0.8)])
def test_intervals_are_those_of_formulas_a_pair_of_blocks_at_a_time(
    weighting: Weighting, seed: int, blocks: int, confidence: float
) -> None:
    compared = made_up(seed, np.random.default_rng(seed).choice([1, 2, 2, 3, 6], 50), blocks)
    bands = rate_bands(compared.counts()[weighting], confidence)
    for rate in Rate:
        sure = [edge for edge in range(len(BINS.edges)) if is_sure(compared, rate, edge)]
        assert len(sure) >= 3, rate
        assert np.flatnonzero(~bands[rate].bound).tolist() == sure
        expected = [direct_interval(compared, weighting, rate, edge, confidence) for edge in sure]
        low, high, se = map(list, zip(*expected, strict=True))
        if rate in {Rate.RECALL, Rate.FMR}:  # at most what they are at a higher cut-off, at least at a lower
            low = [max(low[: place + 1]) for place in range(len(low))]
            high = [min(high[place:]) for place in range(len(high))]
        if rate is Rate.FNMR:
            low = [max(low[place:]) for place in range(len(low))]
            high = [min(high[: place + 1]) for place in range(len(high))]
        assert bands[rate].low[sure] == pytest.approx(low, rel=1e-4), rate
        assert bands[rate].high[sure] == pytest.approx(high, rel=1e-4), rate
        assert bands[rate].se[sure] == pytest.approx(se, rel=1e-4), rate
    check_bounds_of_matches(compared, weighting, bands)


def check_bounds_of_matches(compared: Compared, weighting: Weighting, bands: dict[Rate, Band]) -> None:
    """Precision and F1 are bounded by what they are where recall is least and FMR greatest, and the other way round."""
    recall, fmr, precision, f1 = (bands[rate] for rate in (Rate.RECALL, Rate.FMR, Rate.PRECISION, Rate.F1))
    edges = np.flatnonzero(precision.bound & (recall.value > 0))
    assert len(edges) >= 2
    for edge in edges:
        every = Direct.of(compared, weighting, int(edge))
        for end, of_recall, of_fmr in (
            ("low", recall.low[edge], fmr.high[edge]),
            ("high", recall.high[edge], fmr.low[edge]),
        ):
            genuine, impostor = of_recall * every.all_genuine, of_fmr * every.all_impostor
            of_precision = genuine / (genuine + impostor)
            assert getattr(precision, end)[edge] == pytest.approx(of_precision, rel=1e-6)
            both = of_precision + of_recall
            assert getattr(f1, end)[edge] == pytest.approx(2 * of_precision * of_recall / both if both else 0, rel=1e-6)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("share", [0.5, 0.001])
def test_precision_at_a_share_is_bayes_rule_and_its_interval_a_formula(weighting: Weighting, share: float) -> None:
    compared = made_up(2, np.random.default_rng(2).choice([1, 2, 3, 6], 50))
    counts = compared.counts()[weighting]
    band = precision_at(counts, share)
    recall, fmr = fnmr_band(counts).reversed(), fmr_band(counts)
    sure = np.flatnonzero(~band.bound)
    assert len(sure) >= 3
    for edge in sure:
        at = Direct.of(compared, weighting, int(edge))
        genuine, impostor = share * at.genuine / at.all_genuine, (1 - share) * at.impostor / at.all_impostor
        assert band.value[edge] == pytest.approx(genuine / (genuine + impostor))
        low, high, _ = direct_interval(compared, weighting, "precision_at", int(edge), 0.95)
        of_share = logit(share)
        assert band.low[edge] == pytest.approx(expit(logit(low) + of_share), rel=1e-4)
        assert band.high[edge] == pytest.approx(expit(logit(high) + of_share), rel=1e-4)
    for edge in np.flatnonzero(band.bound & (band.value > 0) & (counts.impostor > 0)):
        ends = (recall.low[edge], fmr.high[edge]), (recall.high[edge], fmr.low[edge])
        low, high = (share * r / (share * r + (1 - share) * f) if r or f else 1 for r, f in ends)
        assert (band.low[edge], band.high[edge]) == pytest.approx((low, high))


def test_precision_at_the_share_of_the_data_is_the_precision() -> None:
    compared = made_up(3, [1, 2, 3, 4] * 10, genuine=6)
    counts = compared.counts()[Weighting.PAIRS]
    share = float(compared.same.mean())
    assert precision_at(counts, share).value == pytest.approx(rate_bands(counts)[Rate.PRECISION].value)
    assert not (compared.bin == 0).any()
    assert precision_at(counts, share).value[0] == 1


def moved(rate: float, without: float, times: float) -> float:
    """A rate moved so many times as far as it is without a block, on the logit scale."""
    return float(expit(logit(rate) + times * (logit(without) - logit(rate)))) if 0 < rate < 1 else rate


def crossing(fmr: Numbers, fnmr: Numbers) -> float:
    """Where two lines through the rates meet, each going on to 1 or 0 beyond the edges."""
    fmr, fnmr = np.concatenate([[0], fmr, [1]]), np.concatenate([[1], fnmr, [0]])
    after = next(place for place in range(len(fmr)) if fmr[place] >= fnmr[place])
    two = slice(after - 1, after + 1)
    return float(np.interp(0, (fmr - fnmr)[two], fmr[two]))


@pytest.mark.parametrize("blocks", [BLOCKS, 20])
def test_eer_and_auc_are_those_of_formulas_a_block_at_a_time(blocks: int) -> None:
    compared = made_up(4, np.random.default_rng(4).choice([1, 2, 3, 6], 50), blocks)
    counts = compared.counts()[Weighting.PAIRS]
    present = sorted(set(compared.block.tolist()))
    edges = range(len(BINS.edges))
    table = cutoff_table(compared.totals(), BINS)
    fmr, fnmr = table["fmr"].to_numpy(), table["fnmr"].to_numpy()
    of_fmr = [
        doubled(compared, Weighting.PAIRS, Rate.FMR, edge) * (fmr[edge] * (1 - fmr[edge])) ** 2
        if 0 < fmr[edge] < 1
        else 0.0
        for edge in edges
    ]
    most = min(kish(counts.genuine_all), kish(counts.touching_all)) - 1
    value = equal_error_rate(compared.totals(), BINS)[0] or 0
    place = min(edges, key=lambda edge: abs(fmr[edge] - fnmr[edge]))
    rising = next((edge for edge in edges if fmr[edge] >= value / 2), 0) - 1
    falling = next((edge for edge in edges if fmr[edge] >= value * 2), len(BINS.edges) - 1)
    rise, fall = fmr[falling] - fmr[rising], fnmr[rising] - fnmr[falling]
    increase = np.diff(1 - fnmr, prepend=0)
    without = [compared.totals(compared.without(block)) for block in present]
    # Each rate is moved as far as all blocks together would move it, and what the crossing moves is put to one.
    wide = sqrt(len(present) - 1)
    crossings = []
    for totals in without:
        left = cutoff_table(totals, BINS)
        rates = [
            np.array([moved(*two, wide) for two in zip(rate, left[name], strict=True)])
            for name, rate in (("fmr", fmr), ("fnmr", fnmr))
        ]
        crossings.append(logit(value) + (logit(crossing(*rates)) - logit(value)) / wide)
    areas = [logit(summarize(totals, BINS).auc) for totals in without]
    cases: list[tuple[Estimate | None, float, list[float], float]] = [
        (eer(counts), value, crossings, of_fmr[place] * (fall / (rise + fall)) ** 2),
        (auc(counts), summarize(compared.totals(), BINS).auc or 0, areas, sum(increase * np.sqrt(of_fmr)) ** 2),
    ]
    for estimate, at_all, values, surplus in cases:
        assert estimate is not None
        assert not estimate.bound
        assert estimate.value == pytest.approx(at_all)
        logits = np.array(values)
        of_logit = surplus / (at_all * (1 - at_all)) ** 2
        variance = (len(present) - 1) / len(present) * sum((logits - logits.mean()) ** 2)
        reach = student(logits, "", most, 0.95) * sqrt(max(variance - of_logit, of_logit))
        assert estimate.low == pytest.approx(expit(logit(at_all) - reach))
        assert estimate.high == pytest.approx(expit(logit(at_all) + reach))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5), min_size=3, max_size=12), st.integers(0, 10))
def test_values_are_those_of_the_table_and_of_scikit_learn(seed: int, faces: list[int], edge: int) -> None:
    compared = made_up(seed, [*faces, 2])
    counts = compared.counts()[Weighting.PAIRS]
    table = cutoff_table(compared.totals(), BINS)
    for rate, band in rate_bands(counts).items():
        assert band.value == pytest.approx(table[rate.value].to_numpy())
    found = eer(counts), auc(counts)
    assert all(found)
    figures = equal_error_rate(compared.totals(), BINS)[0], summarize(compared.totals(), BINS).auc
    assert [estimate.value for estimate in found if estimate] == pytest.approx(figures)
    assert found[1]
    assert found[1].value == pytest.approx(roc_auc_score(compared.same, -compared.bin))
    for weighting in Weighting:
        bands = {rate: band.value[edge] for rate, band in rate_bands(compared.counts()[weighting]).items()}
        truth_, matched, weight = compared.same, compared.bin <= edge, compared.weight(weighting)
        options: dict[str, Any] = {"sample_weight": weight, "zero_division": 0}
        assert bands[Rate.RECALL] == pytest.approx(recall_score(truth_, matched, **options), abs=1e-6)
        assert bands[Rate.F1] == pytest.approx(f1_score(truth_, matched, **options), abs=1e-6)
        options["zero_division"] = 1
        assert bands[Rate.PRECISION] == pytest.approx(precision_score(truth_, matched, **options), abs=1e-6)
        fmr, recall, thresholds = roc_curve(truth_, -compared.bin, sample_weight=weight, drop_intermediate=False)
        place = np.flatnonzero(-thresholds == edge)
        if len(place):
            assert bands[Rate.FMR] == pytest.approx(fmr[place[0]], abs=1e-6)
            assert bands[Rate.FNMR] == pytest.approx(1 - recall[place[0]], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_pyeer(seed: int) -> None:
    compared = made_up(seed, [1, 2, 3, 4] * 10)
    counts = compared.counts()[Weighting.PAIRS]
    distances = compared.bin.astype(np.float64)
    genuine, impostor = distances[compared.same], distances[~compared.same]
    thresholds, fmr, fnmr = calculate_roc(genuine, impostor, ds_scores=True)
    edges = [int(threshold) for threshold in thresholds if threshold <= BINS.last]
    assert len(edges) >= 8
    assert fmr_band(counts).value[edges] == pytest.approx(fmr[thresholds <= BINS.last])
    assert fnmr_band(counts).value[edges] == pytest.approx(fnmr[thresholds <= BINS.last])
    rate, area = eer(counts), auc(counts)
    assert rate
    assert area
    _, low, high, _ = get_eer_values(fmr, fnmr)
    assert low - 1e-12 <= rate.value <= high + 1e-12
    assert high - low < 0.1
    # pyeer's curve starts at the nearest pair, ours at no match.
    assert area.value == pytest.approx(calculate_roc_auc(np.append(fmr, 0), np.append(fnmr, 1)))
    figures = summarize(compared.totals(), BINS)
    middles = [np.clip(part - 0.5, 0, BINS.last - 0.5) + 0.5 * (part > BINS.last) for part in (genuine, impostor)]
    moments = [moment for part in middles for moment in (part.mean(), part.std())]
    assert figures.d_prime == pytest.approx(get_decidability_value(*moments))


def upper(errors: float, number: float, confidence: float = 0.95) -> float:
    """Clopper and Pearson's upper bound, by SciPy's beta."""
    return float(beta.ppf(confidence, errors + 1, number - errors))


@pytest.mark.parametrize("number", [1, 3, 100, 10_000, 12.5])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_the_bound_is_the_rule_of_three_where_none_errs(number: float, confidence: float) -> None:
    bound = float(clopper_pearson(0, number, confidence))
    assert (1 - bound) ** number == pytest.approx(1 - confidence)
    if number >= 100 and confidence == 0.95:
        assert bound == pytest.approx(3 / number, rel=0.02)


@pytest.mark.parametrize(("errors", "number"), [(1, 10), (3, 7), (9, 10), (40, 1000)])
def test_the_bound_is_where_so_few_errors_would_be_rare(errors: int, number: int) -> None:
    bound = float(clopper_pearson(errors / number, number, 0.95))
    assert binom.cdf(errors, number, bound) == pytest.approx(0.05)


def test_the_bound_of_nobody_and_of_all_is_1() -> None:
    assert clopper_pearson(np.array([0.0, 1.0, 1.0]), np.array([0, 1, 9]), 0.95).tolist() == [1, 1, 1]


def told_apart(people: int, faces: int = 2, near: int = 2, far: int = 8) -> Compared:
    """People a block each, whose genuine pairs lie in one bin and whose impostor pairs in another."""
    compared = made_up(0, [faces] * people)
    return replace(compared, block=np.arange(people) % BLOCKS, bin=np.where(compared.same, near, far))


@pytest.mark.parametrize("weighting", Weighting)
def test_no_errors_at_all_give_bounds_from_the_number_of_people(weighting: Weighting) -> None:
    counts = told_apart(30).counts()[weighting]
    bands = rate_bands(counts)
    people, pairs = upper(0, 30), upper(0, 15)
    every = 30, 30 * 29 / 2 * (4 if weighting is Weighting.PAIRS else 1)
    precision = every[0] * (1 - people) / (every[0] * (1 - people) + every[1] * pairs)
    expected = {
        Rate.FNMR: (0, 0, people),
        Rate.RECALL: (1, 1 - people, 1),
        Rate.FMR: (0, 0, pairs),
        Rate.PRECISION: (1, precision, 1),
        Rate.F1: (1, 2 * precision * (1 - people) / (precision + 1 - people), 1),
    }
    for rate, (value, low, high) in expected.items():
        band = bands[rate]
        assert band.bound[:8].all()
        assert (band.value[5], band.low[5], band.high[5]) == pytest.approx((value, low, high)), rate
    check_bounded(eer(counts), 0, 0, pairs)
    check_bounded(auc(counts), 1, (1 - pairs) ** 2, 1)


def check_bounded(estimate: Estimate | None, value: float, low: float, high: float) -> None:
    assert estimate
    assert estimate.bound
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((value, low, high))


def test_nothing_but_errors_give_bounds_from_the_number_of_people() -> None:
    counts = told_apart(30, near=8, far=2).counts()[Weighting.PEOPLE]
    bands = rate_bands(counts)
    recall, fmr = upper(0, 30), 1 - upper(0, 15)
    precision = 30 * recall / (30 * recall + 435 * fmr)
    expected = {Rate.FNMR: (1, 1 - recall, 1), Rate.FMR: (1, fmr, 1), Rate.PRECISION: (0, 0, precision)}
    for rate, ends in expected.items():
        band = bands[rate]
        assert (band.value[5], band.low[5], band.high[5]) == pytest.approx(ends), rate
    check_bounded(eer(counts), 1, 1 - upper(0, 15), 1)
    check_bounded(auc(counts), 0, 0, 1)


def test_a_bound_of_fmr_is_of_as_many_disjoint_pairs_as_there_are_people_in_effect() -> None:
    compared = told_apart(25)
    two_err = replace(compared, bin=np.where((compared.first == 0) & (compared.second == 1), 4, compared.bin))
    share = 4 / (300 * 4)  # all four pairs of faces of one pair of people of 300
    for weighting in Weighting:
        band = fmr_band(two_err.counts()[weighting])
        assert band.bound[5]
        assert (band.value[5], band.low[5]) == pytest.approx((share, 0))
        assert band.high[5] == pytest.approx(upper(share * 12.5, 12.5))
    skewed = made_up(0, [40] + [1] * 24)
    counts = replace(skewed, bin=np.where(skewed.same, 2, 8)).counts()
    assert fmr_band(counts[Weighting.PEOPLE]).high[5] == pytest.approx(upper(0, 12.5))
    assert fmr_band(counts[Weighting.PAIRS]).high[5] == pytest.approx(upper(0, 64**2 / (40**2 + 24) / 2))


@pytest.mark.parametrize("weighting", Weighting)
def test_where_one_person_has_a_part_in_every_error_there_is_a_bound(weighting: Weighting) -> None:
    # Person 0 looks like everybody: 39 others err with him, and none without him.
    compared = told_apart(40)
    lamb = replace(compared, bin=np.where(~compared.same & (compared.first == 0), 4, compared.bin))
    counts = lamb.counts()[weighting]
    bands = rate_bands(counts)
    assert all(bands[rate].bound[5] for rate in (Rate.FMR, Rate.PRECISION, Rate.F1))
    assert bands[Rate.FMR].value[5] == pytest.approx(39 / 780)
    assert bands[Rate.FMR].high[5] == pytest.approx(upper(20 * 39 / 780, 20))
    check_bounds_of_matches(lamb, weighting, bands)
    for band in bands.values():
        check_band(band)
    for figure in (eer(counts), auc(counts)):
        assert figure
        check_estimate(figure)


def check_band(band: Band) -> None:
    """It is told at every cut-off or at none; its ends lie within 0 to 1, around the value."""
    assert not np.isnan(np.stack([band.value, band.low, band.high])).any()
    assert (band.low >= 0).all()
    assert (band.low <= band.value).all()
    assert (band.value <= band.high).all()
    assert (band.high <= 1).all()
    assert np.array_equal(np.isnan(band.se), band.bound)
    assert not (band.se < 0).any()


def check_estimate(estimate: Estimate) -> None:
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def is_untold(band: Band) -> bool:
    numbers = np.stack([band.value, band.low, band.high, band.se])
    return bool(np.isnan(numbers).all() and not band.bound.any())


def check(counts: BlockCounts) -> None:
    """What holds of any counts."""
    bands = rate_bands(counts)
    has_genuine, has_impostor = bool(counts.genuine_all.sum()), bool(counts.impostor_all)
    for rate, band in bands.items():
        told = {Rate.FMR: has_impostor, Rate.PRECISION: True}.get(rate, has_genuine)
        assert is_untold(band) is not told
        if told:
            check_band(band)
    if has_impostor:
        for end in (bands[Rate.FMR].low, bands[Rate.FMR].high, bands[Rate.FMR].value):
            assert (np.diff(end) >= 0).all()
    if has_genuine:
        recall, fnmr = bands[Rate.RECALL], bands[Rate.FNMR]
        for end in (fnmr.low, fnmr.high, fnmr.value):
            assert (np.diff(end) <= 0).all()
        mirrored = {"value": "value", "low": "high", "high": "low"}
        assert all(np.array_equal(getattr(recall, a), 1 - getattr(fnmr, b)) for a, b in mirrored.items())
        assert np.array_equal(recall.bound, fnmr.bound)
        assert np.array_equal(recall.se, fnmr.se, equal_nan=True)
    at_share = precision_at(counts, 0.01)
    if has_genuine and has_impostor:
        check_band(at_share)
    else:
        assert is_untold(at_share)
    for figure in (eer(counts), auc(counts)):
        assert (figure is not None) == (has_genuine and has_impostor)
        if figure:
            check_estimate(figure)


drawn_people = st.tuples(
    st.lists(st.integers(1, 4), max_size=24),
    st.sampled_from([1, 2, 11, 20, BLOCKS]),
    st.sampled_from([-5.0, 2.0, 3.5, 7.5, 15.0]),
    st.sampled_from([-5.0, 3.5, 7.5, 9.0, 15.0]),
    st.integers(0, 2**32 - 1),
)
Drawn = tuple[list[int], int, float, float, int]


def compared_of(drawn: Drawn) -> Compared:
    faces, blocks, genuine, impostor, seed = drawn
    return made_up(seed, faces, blocks, genuine, impostor)


@settings(max_examples=150, deadline=None)
@given(drawn_people)
def test_any_people_have_rates_within_their_ends(drawn: Drawn) -> None:
    for counts in compared_of(drawn).counts().values():
        check(counts)


weights_of_rows = st.lists(st.sampled_from([0, 0, 1, 2, 100]), min_size=BINS.count, max_size=BINS.count)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 14), st.sampled_from([1 / 3, 1e-6 / 7, 1e7 / 3]))
def test_any_counts_have_rates_within_their_ends(data: st.DataObject, blocks: int, scale: float) -> None:
    keys = [
        (a, b, same) for a in range(blocks) for b in range(a, blocks) for same in (True, False) if a == b or not same
    ]
    chosen = data.draw(st.lists(st.sampled_from(keys), unique=True, max_size=40))
    counted: Counted = []
    for key in chosen:
        pairs = np.array(data.draw(weights_of_rows), np.int64)
        counted.append((key, BinCounts(0, pairs, pairs * scale)))
    faces = data.draw(st.lists(st.integers(1, 30), min_size=2 * blocks, max_size=2 * blocks))
    of_people = [face * (face - 1) // 2 for face in faces]
    people = pl.DataFrame({"block": [*range(blocks)] * 2, "faces": faces, "genuine_pairs": of_people})
    for counts in block_counts(counted, people, BINS)[0].values():
        for rate, band in rate_bands(counts).items():
            told = {Rate.FMR: counts.impostor_all > 0, Rate.PRECISION: True}.get(rate, counts.genuine_all.sum() > 0)
            if told and counts.genuine_people and counts.impostor_people:
                check_band(band)


@settings(max_examples=40, deadline=None)
@given(drawn_people)
def test_more_confidence_makes_no_interval_narrower(drawn: Drawn) -> None:
    for counts in compared_of(drawn).counts().values():
        narrow, wide = rate_bands(counts, 0.8), rate_bands(counts, 0.99)
        for rate in Rate:
            if not is_untold(wide[rate]):
                assert (wide[rate].low <= narrow[rate].low + 1e-12).all()
                assert (wide[rate].high >= narrow[rate].high - 1e-12).all()
                assert np.array_equal(wide[rate].se, narrow[rate].se, equal_nan=True)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("factor", [7, 1000])
def test_as_many_times_the_pairs_of_the_same_people_tell_as_much(weighting: Weighting, factor: int) -> None:
    compared = made_up(5, [1, 2, 3, 4] * 10)
    scaled = [
        (key, BinCounts(part.first, part.pairs * factor, part.person_weight.astype(np.float64) * factor))
        for key, part in compared.counted()
    ]
    expected, found = compared.counts()[weighting], block_counts(scaled, compared.people(), BINS)[0][weighting]
    check_equal(rate_bands(found), rate_bands(expected))
    for figure in (eer, auc):
        one, other = figure(found), figure(expected)
        assert one
        assert other
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def check_equal(bands: dict[Rate, Band], expected: dict[Rate, Band]) -> None:
    for rate in Rate:
        for name in ("value", "low", "high", "se"):
            assert getattr(bands[rate], name) == pytest.approx(getattr(expected[rate], name), rel=1e-6, nan_ok=True)
        assert np.array_equal(bands[rate].bound, expected[rate].bound)


@pytest.mark.parametrize("weighting", Weighting)
def test_neither_the_order_of_rows_nor_the_names_of_blocks_matter(weighting: Weighting) -> None:
    compared = made_up(6, [1, 2, 3, 4] * 10)
    expected = rate_bands(compared.counts()[weighting])
    shuffled = block_counts(compared.counted()[::-1], compared.people()[::-1], BINS)[0][weighting]
    check_equal(rate_bands(shuffled), expected)
    check_equal(rate_bands(replace(compared, block=BLOCKS - 1 - compared.block).counts()[weighting]), expected)


@pytest.mark.parametrize(
    ("people", "untold"),
    [
        ([], {Rate.RECALL, Rate.FNMR, Rate.F1, Rate.FMR}),
        (["Ann"], {Rate.RECALL, Rate.FNMR, Rate.F1, Rate.FMR}),
        (["Ann"] * 3, {Rate.FMR}),
        (["Ann", "Bob"], {Rate.RECALL, Rate.FNMR, Rate.F1}),
        (["Ann", "Ann", "Bob"], set()),
        ([f"{number}" for number in range(20)], {Rate.RECALL, Rate.FNMR, Rate.F1}),
        ([f"{number // 2}" for number in range(60)], set()),
    ],
    ids=["nobody", "one face", "one person", "two faces", "two people", "a face a person", "thirty people"],
)
def test_identical_encodings_of_few_people(people: list[str], untold: set[Rate]) -> None:
    connection = filled(people, np.full((len(people), 3), 0.5))
    compare(connection)
    [counts] = block_counts(counted_of(connection), people_of(connection), EUCLIDEAN)
    for of_weighting in counts.values():
        check(of_weighting)
        bands = rate_bands(of_weighting)
        assert {rate for rate in Rate if is_untold(bands[rate])} == untold
        values = {Rate.RECALL: 1.0, Rate.FNMR: 0.0, Rate.FMR: 1.0}
        assert all((bands[rate].value == value).all() for rate, value in values.items() if rate not in untold)
    table = interval_table({weighting: rate_bands(counts[weighting]) for weighting in counts}, EUCLIDEAN)
    assert len(table) == 2 * 5 * 2001
    assert not any(table[name].is_nan().any() for name, kind in table.schema.items() if kind.is_float())
    assert set(table.filter(pl.col("value").is_null())["rate"]) == {rate.value for rate in untold}


def test_the_table_has_a_row_for_each_weighting_rate_and_cutoff() -> None:
    counts = made_up(7, [1, 2, 3, 4] * 10).counts()
    bands = {weighting: rate_bands(counts[weighting]) for weighting in Weighting}
    table = interval_table(bands, BINS)
    assert table.columns == ["bin", "cutoff", "weighting", "rate", "value", "low", "high", "se", "bound"]
    for weighting in Weighting:
        for rate in Rate:
            rows = table.filter(pl.col("weighting") == weighting.value, pl.col("rate") == rate.value)
            assert rows["bin"].to_list() == [*range(11)]
            assert rows["cutoff"].to_list() == BINS.edges.tolist()
            band = bands[weighting][rate]
            assert rows["value"].to_list() == band.value.tolist()
            assert rows["low"].to_list() == band.low.tolist()
            assert rows["high"].to_list() == band.high.tolist()
            assert rows["se"].to_list() == [None if np.isnan(se) else se for se in band.se.tolist()]
            assert rows["bound"].to_list() == band.bound.tolist()


# Of 200 runs of intervals that hold the truth in 92%, 171 or more hold it but for one time in a thousand.
LEAST_HELD = binom.ppf(0.001, RUNS, 0.92) / RUNS


@pytest.mark.parametrize("name", ["geometric", "few"])
def test_the_intervals_hold_the_truth(name: str) -> None:
    known = truth(50, PHOTOS[name], FINE)
    held: dict[tuple[str, str, str], list[bool]] = {}
    for seed in range(RUNS):
        for key, holds in run(50, name, seed, known).items():
            held.setdefault(key, []).extend(holding for _, holding in holds)
    shares = {key: float(np.mean(runs)) for key, runs in held.items()}
    assert {key[:2] for key in shares} == {(w, r) for w in Weighting for r in [*Rate, "EER", "AUC"]}
    assert {key: share for key, share in shares.items() if share < LEAST_HELD} == {}
    for weighting in Weighting:
        for rate in Rate:
            of_rate = [share for key, share in shares.items() if key[:2] == (weighting, rate)]
            assert len(of_rate) >= 5
            assert np.mean(of_rate) >= 0.92, (weighting, rate)


@pytest.mark.parametrize("name", ["geometric", "few"])
def test_intervals_of_independent_pairs_hold_the_truth_far_less_often(name: str) -> None:
    known = truth(50, PHOTOS[name]).rates[Weighting.PAIRS]
    held: dict[Rate, list[bool]] = {rate: [] for rate in (Rate.PRECISION, Rate.RECALL, Rate.FMR)}
    for seed in range(RUNS):
        counts = simulate(50, PHOTOS[name], np.random.default_rng([50, seed]))[Weighting.PAIRS]
        genuine, every = counts.genuine.sum(axis=0), float(counts.genuine_all.sum())
        numbers = {Rate.PRECISION: genuine + counts.impostor, Rate.RECALL: every, Rate.FMR: counts.impostor_all}
        bands = rate_bands(counts)
        for rate in held:
            band, number = bands[rate], np.broadcast_to(numbers[rate], BINS.edges.shape)
            sure = np.flatnonzero(~band.bound)
            reach = 1.96 * np.sqrt(band.value[sure] * (1 - band.value[sure]) / number[sure])
            held[rate] += (np.abs(band.value[sure] - known[rate][sure]) <= reach).tolist()
    shares = {rate: np.mean(runs) for rate, runs in held.items()}
    assert all(share < 0.7 for share in shares.values()), shares


@pytest.fixture(scope="module")
def lfw() -> dict[Weighting, BlockCounts]:
    connection = connect(report=True)
    load_faces(connection, [sample_faces("lfw")])
    compare(connection)
    return block_counts(counted_of(connection), people_of(connection), EUCLIDEAN)[0]


def test_lfw_is_less_sure_than_its_pairs_pretend(lfw: dict[Weighting, BlockCounts]) -> None:
    counts = lfw[Weighting.PAIRS]
    bands = rate_bands(counts)
    precision, recall = bands[Rate.PRECISION], bands[Rate.RECALL]
    assert precision.value[600] == pytest.approx(0.32, abs=0.005)
    assert precision.se[600] == pytest.approx(0.15, abs=0.01)
    assert recall.value[450] == pytest.approx(0.59, abs=0.005)
    assert recall.se[450] == pytest.approx(0.06, abs=0.005)
    matched = counts.genuine[:, 600].sum() + counts.impostor[600]
    naive = [
        sqrt(share * (1 - share) / number)
        for share, number in ((precision.value[600], matched), (recall.value[450], counts.genuine_all.sum()))
    ]
    assert precision.se[600] / naive[0] == pytest.approx(270, rel=0.05)
    assert recall.se[450] / naive[1] == pytest.approx(60, rel=0.05)


def test_lfw_rates_are_those_of_the_table(lfw: dict[Weighting, BlockCounts]) -> None:
    for counts in lfw.values():
        check(counts)
    counts = lfw[Weighting.PAIRS]
    # cut-off: genuine and impostor pairs matched, see test_lfw.
    for number, (genuine, impostor) in {450: (142_772, 2_934), 600: (239_180, 509_275)}.items():
        assert (counts.genuine[:, number].sum(), counts.impostor[number]) == (genuine, impostor)
    assert (counts.genuine_all.sum(), counts.impostor_all) == (241_121, 82_837_756 - 241_121)


@dataclass(frozen=True)
class People:
    """Some people of LFW, each a unit of their own: how many pairs of their faces match at a cut-off.

    ``matched`` and ``pairs`` are (people, people), with genuine pairs on the diagonal.
    """

    matched: Numbers
    pairs: Numbers

    def deviations(self, rate: Rate) -> tuple[Numbers, Numbers]:
        """What each person's genuine pairs, and each two people's impostor pairs, add to the rate (linearised)."""
        own, own_pairs = self.matched.diagonal(), self.pairs.diagonal()
        others, other_pairs = (array - np.diag(array.diagonal()) for array in (self.matched, self.pairs))
        genuine, impostor = own.sum(), others.sum() / 2
        people = len(own)
        of_two = 1 - np.eye(people)
        per_two = impostor / (people * (people - 1) / 2) * of_two
        nothing = np.zeros(people), np.zeros((people, people))
        if rate in {Rate.RECALL, Rate.FNMR}:
            return (own - genuine / own_pairs.sum() * own_pairs) / own_pairs.sum(), nothing[1]
        if rate is Rate.FMR:
            every = other_pairs.sum() / 2
            return nothing[0], (others - impostor / every * other_pairs) / every
        if rate is Rate.PRECISION:
            odds = genuine / (genuine + impostor) * impostor / (genuine + impostor)
            return odds * (own / genuine - 1 / people), -odds * (others - per_two) / impostor
        missed = own_pairs - own
        wrong = missed.sum() + impostor
        slope = 2 * genuine * wrong / (2 * genuine + wrong) ** 2
        of_own = own / genuine - 1 / people - (missed - missed.mean()) / wrong
        return slope * of_own, -slope * (others - per_two) / wrong

    def standard_error(self, rate: Rate) -> float:
        """Dyads robust: deviations that share a person vary together, and each dyad with itself once.

        Source: P. M. Aronow, C. Samii and V. A. Assenova, Cluster-robust variance estimation for dyadic data,
        Political Analysis 23, 2015.
        """
        own, of_two = self.deviations(rate)
        return float(np.sqrt(((own + of_two.sum(axis=1)) ** 2).sum() - (of_two**2).sum() / 2))


def sampled_people(cutoffs: list[float]) -> tuple[list[str], Numbers, dict[float, People]]:
    """Every second person of LFW with 3 to 20 photos: names and encodings, and all pairs counted by person."""
    table = pq.read_table(sample_faces("lfw"), columns=["person", "encoding"])
    names = np.array(table["person"].to_pylist())
    of_person, number, faces = np.unique(names, return_inverse=True, return_counts=True)
    chosen = np.flatnonzero((faces >= 3) & (faces <= 20))[::2]
    kept = np.concatenate([np.flatnonzero(number == person) for person in chosen])
    encodings = np.array(table["encoding"].to_pylist(), np.float64)[kept]
    starts = np.cumsum([0, *faces[chosen][:-1]])
    distances = cdist(encodings, encodings)
    np.fill_diagonal(distances, np.inf)

    def by_person(pairs: NDArray[np.bool_]) -> Numbers:
        sums = np.add.reduceat(np.add.reduceat(pairs.astype(np.float64), starts, axis=0), starts, axis=1)
        return np.asarray(sums - np.diag(sums.diagonal() / 2))

    every = by_person(np.isfinite(distances))
    people = {cutoff: People(by_person(distances <= cutoff), every) for cutoff in cutoffs}
    assert len(chosen) == len(of_person[chosen]) > 300
    return names[kept].tolist(), encodings, people


def test_standard_errors_are_those_of_a_person_at_a_time() -> None:
    names, encodings, people = sampled_people([0.45, 0.5, 0.55, 0.6])
    connection = filled(names, encodings)
    compare(connection)
    [counts] = block_counts(counted_of(connection), people_of(connection), EUCLIDEAN)
    bands = rate_bands(counts[Weighting.PAIRS])
    compared = 0
    for cutoff, of_person in people.items():
        edge = round(cutoff * 1000)
        for rate, band in bands.items():
            if not band.bound[edge]:
                assert band.se[edge] == pytest.approx(of_person.standard_error(rate), rel=1 / 4), (rate, cutoff)
                compared += 1
    assert compared >= 16
