"""Groups of people at one cut-off: how often their own pairs match or do not, and those of two groups.

A report on demographics has FMR and FNMR of each group, and FMR of each pair of groups, at the cut-off that all share
(P. Grother, M. Ngan and K. Hanaoka, Face Recognition Vendor Test Part 3: Demographic Effects, NISTIR 8280, 2019). How
far groups differ is the highest rate over the lowest, and over the geometric mean of all (P. Grother, Face Recognition
Vendor Test Part 8: Summarizing Demographic Differentials, NISTIR 8429, 2022).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations_with_replacement
from math import exp, log
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from facesql.binning import BinCounts, Bins, BlockPair, Metric
from facesql.blocks import BLOCKS, BlockCounts, GroupPairCounts, Weighting, block_counts
from facesql.database import connect, engine_sql, plain_errors, resources
from facesql.errors import FacesqlError
from facesql.faces import file_pattern
from facesql.pairs import count_pairs, plan_pairs
from facesql.uncertainty import Estimate, Rate, fmr_band, fmr_between, fnmr_band

MOST_GROUPS = 50
# Where groups are more than so many, each has half as many blocks: counting a pair of blocks takes time, and memory.
_MANY_GROUPS = 20
# Blocks are many, and the counts of their pairs are held until a batch is whole; so batches are small.
_BATCH_BYTES = 4 * 2**20
_COLUMNS = ("person", "group")

GROUPS = {
    "group": pl.String,
    "weighting": pl.String,
    "people": pl.Int64,
    "faces": pl.Int64,
    "genuine_pairs": pl.Int64,
    "impostor_pairs": pl.Int64,
    "fnmr": pl.Float64,
    "fnmr_low": pl.Float64,
    "fnmr_high": pl.Float64,
    "fnmr_bound": pl.Boolean,
    "fmr": pl.Float64,
    "fmr_low": pl.Float64,
    "fmr_high": pl.Float64,
    "fmr_bound": pl.Boolean,
}
GROUP_PAIRS = {
    "group": pl.String,
    "other": pl.String,
    "weighting": pl.String,
    "impostor_pairs": pl.Int64,
    "impostor_matched": pl.Int64,
    "fmr": pl.Float64,
    "fmr_low": pl.Float64,
    "fmr_high": pl.Float64,
    "fmr_bound": pl.Boolean,
}


@dataclass(frozen=True)
class Groups:
    """Who is in which group. Nobody is in two."""

    by: str
    """The column, or the file."""
    names: Sequence[str]
    """The groups, in their order; numbers within names count as such."""
    members: pl.DataFrame
    """A row for each person in a group: person, and group_number, the place of its name."""
    without: int
    """People who have no group, left out."""
    several: int
    """People whose faces have several, left out."""
    unknown: int
    """People whom the file names, but who have no face."""


@dataclass(frozen=True)
class Ratio:
    """How many times the rate of one group is that of another."""

    higher: str
    lower: str
    times: float


@dataclass(frozen=True)
class Difference:
    """How far groups differ in a rate, where every person, or every two, count alike."""

    rate: Rate
    highest: Ratio | None
    """The highest rate over the lowest, of groups with an interval and no bound; None where fewer than two have one."""
    over_mean: float | None
    """The highest rate over the geometric mean, of the same groups."""
    sure: Ratio | None
    """The least that there is: the highest lower end over the lowest upper end, of intervals that hold for all groups
    at once; None where all overlap, and the data cannot tell whether groups differ."""


@dataclass(frozen=True)
class GroupRates:
    """What groups have at one cut-off; rates lie in 0 to 1 and are null where there are no pairs to tell from."""

    of: Groups
    cutoff: Decimal
    confidence: float
    groups: pl.DataFrame
    """A row for each weighting and group, with the columns of GROUPS; ``fnmr_bound`` and ``fmr_bound`` say that people
    are too few for an interval, and low and high are a bound from their number."""
    group_pairs: pl.DataFrame
    """A row for each weighting and pair of groups, also of one with itself, with the columns of GROUP_PAIRS."""
    differences: Sequence[Difference]
    """One for FMR and one for FNMR."""


def read_groups(connection: duckdb.DuckDBPyConnection, by: str) -> Groups:
    """Who of table faces is in which group: by a column of it, or by a CSV file with the columns person and group.

    A column's values are taken as text; what is null or empty is no group. A person is in the group that all faces who
    have one have; who has none, or several, is left out.

    Raises FacesqlError where there is no such column or file, the file lacks a column or gives a person two groups, the
    column is one of photos and not of people, and where there are fewer than two groups or more than MOST_GROUPS.
    """
    columns = connection.sql("from faces").columns
    column = next((name for name in columns if name.casefold() == by.casefold()), None)
    if column is not None:
        rows = connection.execute(engine_sql("groups_by_column"), {"column": column}).fetchall()
    else:
        rows = _by_file(connection, by, columns)
    several = [person for person, found, _, other in rows if found is not None and other is not None]
    people = sum(found is not None for _, found, _, _ in rows)
    if 2 * len(several) > people:
        raise FacesqlError(
            f"{by!r} has several values for {len(several):,} of {people:,} people, so it groups photos, not people; "
            "name another column, or a CSV file with the columns person,group."
        )
    placed = {found: value for _, found, value, other in rows if found and value is not None and other is None}
    names = sorted(set(placed.values()), key=_in_order)
    if len(names) < 2:
        only = f"one group, {names[0]!r}" if names else "no group of people who have faces"
        raise FacesqlError(f"{by!r} gives {only}; to compare groups takes two: name another column or file.")
    if len(names) > MOST_GROUPS:
        raise FacesqlError(
            f"{by!r} gives {len(names):,} groups, more than {MOST_GROUPS}; join some, in a CSV file with the columns "
            "person,group."
        )
    numbers = {name: number for number, name in enumerate(names)}
    schema = {"person": pl.String, "group_number": pl.Int32}
    return Groups(
        by=by,
        names=names,
        members=pl.DataFrame([(person, numbers[name]) for person, name in placed.items()], schema=schema, orient="row"),
        without=sum(found is not None and value is None for _, found, value, _ in rows),
        several=len(several),
        unknown=sum(found is None for _, found, _, _ in rows),
    )


def _in_order(name: str) -> list[str | int]:
    """What sorts names, and the numbers within them by size."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name))]


def short_names(names: Sequence[str], letters: int) -> dict[str, str]:
    """What stands for each name where room is short: at most so many letters of it, and never the same for two.

    >>> short_names(["women", "women aged 20", "women aged 30"], 8)
    {'women': 'women', 'women aged 20': 'women a…', 'women aged 30': 'women a… (3)'}
    """
    short: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        cut = name if len(name) <= letters else f"{name[: letters - 1]}…"
        short[name] = f"{cut} ({number})" if cut in short.values() else cut
    return short


def _by_file(
    connection: duckdb.DuckDBPyConnection, by: str, columns: Sequence[str]
) -> list[tuple[str, str | None, str | None, str | None]]:
    """The rows of sql/engine/groups_by_file.sql, checked."""
    path = Path(by)
    needed = f"with a first line '{','.join(_COLUMNS)}'"
    if not path.is_file():
        raise FacesqlError(
            f"There is no column {by!r}, and no file of that name; the columns are {', '.join(columns)}: name one of "
            f"them, or a CSV file {needed}."
        )
    file = {"file": file_pattern(path)}
    with plain_errors(f"{by!r} cannot be read as CSV; mend it, or name a file {needed}."):
        found = connection.sql("from read_csv($file, header = true, all_varchar = true)", params=file).columns
        if not {*_COLUMNS} <= {name.casefold() for name in found}:
            raise FacesqlError(f"{by!r} has the columns {', '.join(found)}; name a CSV file {needed}.")
        rows = connection.execute(engine_sql("groups_by_file"), file).fetchall()
    for person, _, value, other in rows:
        if other is not None:
            raise FacesqlError(f"{by!r} puts {person!r} into two groups, {value!r} and {other!r}; keep one.")
    return rows


def compare_groups(
    connection: duckdb.DuckDBPyConnection,
    groups: Groups,
    cutoff: Decimal,
    bins: Bins,
    *,
    confidence: float = 0.95,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: bool = False,
) -> GroupRates:
    """FMR and FNMR of groups of the people in table faces, at a cut-off that is an edge of ``bins``.

    Pairs with people of no group are left out. All others are compared again, in a database in memory of their own:
    ``memory_limit`` is its, in bytes. ``threads`` are as many as there are cores.

    Raises FacesqlError where the cut-off is no edge.
    """
    bins.bin_of(cutoff)
    counted = _count(connection, groups, _few_bins(cutoff, bins), threads, memory_limit, progress)
    within = [counted.within(number) for number in range(len(groups.names))]
    return GroupRates(
        of=groups,
        cutoff=cutoff,
        confidence=confidence,
        groups=pl.DataFrame(list(_group_rows(counted, within, confidence)), schema=GROUPS),
        group_pairs=pl.DataFrame(list(_pair_rows(counted, within, confidence)), schema=GROUP_PAIRS),
        differences=list(_differences(groups.names, within, confidence)),
    )


def _few_bins(cutoff: Decimal, bins: Bins) -> Bins:
    """As few bins as there can be, of which the last edge is the cut-off, the same float64 as in the others."""
    if not cutoff:
        return Bins(bins.metric, 0, 0, bins.width)
    if bins.metric is Metric.INNER:  # others begin at 0, where distances do
        last = 1 if cutoff > 0 else -1
        return Bins(bins.metric, last, last, abs(cutoff))
    return Bins(bins.metric, 0, 1, cutoff)


_Within = Mapping[Weighting, BlockCounts]


@dataclass(frozen=True)
class _Counted:
    """What was counted of groups at the last edge of bins: rows a pair of groups, and people a group, by number."""

    names: Sequence[str]
    bins: Bins
    pairs: Mapping[tuple[int, int], pl.DataFrame]
    """With the columns of sql/engine/counts_by_group.sql."""
    people: Mapping[int, pl.DataFrame]
    """A row for each person: block (0 to 63), faces and genuine_pairs."""

    def within(self, group: int) -> _Within:
        """The counts of a group's own pairs, by block of people."""
        return block_counts(list(self._by_block(group)), self.people[group], self.bins)[0]

    def _by_block(self, group: int) -> Iterator[tuple[BlockPair, BinCounts]]:
        for row in self.of(group, group).iter_rows(named=True):
            pairs = np.array([row["matched"], row["pairs"] - row["matched"]])
            weight = np.array([row["matched_weight"], row["weight"] - row["matched_weight"]])
            yield (row["block_a"], row["block_b"], row["same_person"]), BinCounts(self.bins.last, pairs, weight)

    def between(self, one: int, other: int, weighting: Weighting, disjoint: float) -> GroupPairCounts:
        """The counts of the pairs of two groups, by the blocks of people of both."""
        columns = ("matched", "pairs") if weighting is Weighting.PAIRS else ("matched_weight", "weight")
        rows = self.of(one, other)
        cells = rows["block_a"].to_numpy() * BLOCKS + rows["block_b"].to_numpy()
        sums = (np.bincount(cells, rows[name].to_numpy(), BLOCKS * BLOCKS) for name in columns)
        matched, pairs = (np.asarray(cell, np.float64).reshape(BLOCKS, BLOCKS) for cell in sums)
        return GroupPairCounts(matched, pairs, disjoint)

    def of(self, one: int, other: int) -> pl.DataFrame:
        """The rows of a pair of groups, the first in their order first; a group of one face has none with itself."""
        return self.pairs.get((one, other), _NO_PAIRS)


_NO_PAIRS = pl.DataFrame(
    schema={
        **dict.fromkeys(("group_a", "group_b", "block_a", "block_b"), pl.Int32),
        "same_person": pl.Boolean,
        **dict.fromkeys(("matched", "pairs"), pl.Int64),
        **dict.fromkeys(("matched_weight", "weight"), pl.Float64),
    }
)


def _count(
    connection: duckdb.DuckDBPyConnection,
    groups: Groups,
    bins: Bins,
    threads: int | None,
    memory_limit: int | None,
    progress: bool,
) -> _Counted:
    """Compare the faces of the groups' people in a database of their own, whose blocks are those of each group."""
    with closing(connect(report=True)) as apart:
        if memory_limit is not None:
            apart.execute("set memory_limit = $1", [f"{memory_limit} B"])
        apart.register("member", groups.members.to_arrow())
        blocks = BLOCKS if len(groups.names) <= _MANY_GROUPS else BLOCKS // 2
        apart.execute(engine_sql("create_group_block"), {"blocks": blocks})
        apart.execute((resources() / "sql" / "groups" / "person_block.sql").read_text(encoding="utf-8"))
        apart.register(
            "given", connection.sql("select id, person, photo, encoding from with_photo()").to_arrow_reader()
        )
        apart.execute(engine_sql("fill_grouped_faces"))
        plan = plan_pairs(apart, bins=bins, batch_bytes=_BATCH_BYTES, threads=threads, memory_limit=memory_limit)
        count_pairs(apart, plan, progress=progress)
        pairs = pl.DataFrame(apart.sql(engine_sql("counts_by_group"), params={"last_bin": bins.last}).to_arrow_table())
        people = pl.DataFrame(apart.sql("select block, faces, genuine_pairs from people").to_arrow_table())
    by_group = people.with_columns(group=pl.col("block") // BLOCKS, block=pl.col("block") % BLOCKS)
    return _Counted(
        names=groups.names,
        bins=Bins(bins.metric, bins.last, bins.last, bins.width),
        pairs={
            (one, other): rows for (one, other), rows in pairs.partition_by("group_a", "group_b", as_dict=True).items()
        },
        people={group: rows for (group,), rows in by_group.partition_by("group", as_dict=True).items()},
    )


def _group_rows(counted: _Counted, within: Sequence[_Within], confidence: float) -> Iterator[dict[str, object]]:
    for weighting in Weighting:
        for number, name in enumerate(counted.names):
            counts, people = within[number][weighting], counted.people[number]
            yield {
                "group": name,
                "weighting": weighting.value,
                "people": people.height,
                "faces": people["faces"].sum(),
                "genuine_pairs": people["genuine_pairs"].sum(),
                "impostor_pairs": counted.of(number, number).filter(~pl.col("same_person"))["pairs"].sum(),
                **_rate("fnmr", fnmr_band(counts, confidence).at(0)),
                **_rate("fmr", fmr_band(counts, confidence).at(0)),
            }


def _pair_rows(counted: _Counted, within: Sequence[_Within], confidence: float) -> Iterator[dict[str, object]]:
    for weighting in Weighting:
        for one, other in combinations_with_replacement(range(len(counted.names)), 2):
            if one == other:
                estimate = fmr_band(within[one][weighting], confidence).at(0)
            else:
                people = min(within[number][weighting].impostor_people for number in (one, other))
                estimate = fmr_between(counted.between(one, other, weighting, people), confidence)
            impostor = counted.of(one, other).filter(~pl.col("same_person"))
            yield {
                "group": counted.names[one],
                "other": counted.names[other],
                "weighting": weighting.value,
                "impostor_pairs": impostor["pairs"].sum(),
                "impostor_matched": impostor["matched"].sum(),
                **_rate("fmr", estimate),
            }


def _rate(name: str, estimate: Estimate | None) -> dict[str, object]:
    if estimate is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high", f"{name}_bound"))
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_bound": estimate.bound,
    }


def _differences(names: Sequence[str], within: Sequence[_Within], confidence: float) -> Iterator[Difference]:
    """How far groups differ.

    All intervals hold at once where each fails so much more rarely as there are groups (Bonferroni).
    """
    for_all = 1 - (1 - confidence) / len(names)
    for rate, band in ((Rate.FMR, fmr_band), (Rate.FNMR, fnmr_band)):
        of_each = zip(names, (band(counts[Weighting.PEOPLE], for_all).at(0) for counts in within), strict=True)
        estimates = {name: estimate for name, estimate in of_each if estimate is not None}
        told = {name: estimate.value for name, estimate in estimates.items() if not estimate.bound}
        highest, over_mean = None, None
        if len(told) > 1:
            highest = _ratio(told, told)
            over_mean = told[highest.higher] / exp(sum(map(log, told.values())) / len(told))
        sure = None
        if estimates:
            lows, highs = ({name: getattr(each, end) for name, each in estimates.items()} for end in ("low", "high"))
            sure = _ratio(lows, highs)
        yield Difference(rate, highest, over_mean, sure if sure is not None and sure.times > 1 else None)


def _ratio(highs: Mapping[str, float], lows: Mapping[str, float]) -> Ratio:
    """The highest of the ones over the lowest of the others, which is not 0."""
    higher, lower = max(highs, key=lambda name: highs[name]), min(lows, key=lambda name: lows[name])
    return Ratio(higher, lower, highs[higher] / lows[lower])
