"""What was found of groups, as plain text: rates with their intervals, how far groups differ, and who are too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from facesql.aligned import MISSING, Cells
from facesql.binning import written
from facesql.blocks import Weighting
from facesql.groups import short_names

if TYPE_CHECKING:  # the types alone
    from collections.abc import Mapping, Sequence

    from facesql.groups import Difference, GroupRates

# So many pairs of groups are printed, those that match most often, and so many names are told in a sentence.
_PAIRS, _NAMED = 15, 5
# Longer names are cut.
_LETTERS = 40
_FMR, _FNMR = ".1e", ".4f"


def grouped(rates: GroupRates) -> str:
    """FNMR and FMR of each group, FMR of pairs of groups, how far groups differ, and of whom too little is known."""
    tables = group_tables(rates)
    lines = [line for heading, cells in tables for line in (heading, *cells.lines, "")][:-1]
    return "\n".join([who(rates), "", *lines, *explained(tables), "", *differences(rates)])


def group_tables(rates: GroupRates) -> list[tuple[str, Cells]]:
    """The rates of each group, and those between groups, each table with its heading."""
    names = _names(rates)
    return [_groups(rates, names), _pairs(rates, names)]


def explained(tables: Sequence[tuple[str, Cells]]) -> list[str]:
    """What a star means, where the tables have one."""
    if not any(cell.endswith("]*") for _, cells in tables for row in cells.rows for cell in row):
        return []
    return ["* a bound from the number of people, for fewer than ten blocks of a group's people err"]


def differences(rates: GroupRates) -> list[str]:
    """How far groups differ, and of whom too little is known, in sentences."""
    names = _names(rates)
    return [*(_difference(difference, names) for difference in rates.differences), *_too_few(rates, names)]


def _names(rates: GroupRates) -> dict[str, str]:
    return {name: repr(short) for name, short in short_names(rates.of.names, _LETTERS).items()}


def who(rates: GroupRates) -> str:
    """Who is in the groups, at which cut-off, and who is left out."""
    of = rates.of
    left_out = [
        f"{count:,} {what}"
        for count, what in (
            (of.without, "without a group"),
            (of.several, "with several"),
            (of.unknown, "named who have no face"),
        )
        if count
    ]
    told = f"; left out: {', '.join(left_out)}" if left_out else ""
    people = _people(of.members.height)
    return f"At cut-off {written(rates.cutoff)}, {people} in {len(of.names)} groups by {of.by!r}{told}."


def _groups(rates: GroupRates, names: Mapping[str, str]) -> tuple[str, Cells]:
    cells = [
        ["", "", "", "every person", "every two people", "every pair", "every pair"],
        ["group", "people", "faces", "FNMR", "FMR", "FNMR", "FMR"],
    ]
    by_weighting = [rates.groups.filter(weighting=weighting.value) for weighting in (Weighting.PEOPLE, Weighting.PAIRS)]
    for rows in zip(*(table.iter_rows(named=True) for table in by_weighting), strict=True):
        of_group = [_rate(row, name, form) for row in rows for name, form in (("fnmr", _FNMR), ("fmr", _FMR))]
        cells.append([names[rows[0]["group"]], f"{rows[0]['people']:,}", f"{rows[0]['faces']:,}", *of_group])
    heading = (
        f"What holds for other people of a group, at {100 * rates.confidence:.3g}% confidence, and what counts alike:"
    )
    return heading, Cells(cells, head=2, left=1)


def _pairs(rates: GroupRates, names: Mapping[str, str]) -> tuple[str, Cells]:
    across = rates.group_pairs.filter(pl.col("group") != pl.col("other"))
    by_weighting = [across.filter(weighting=weighting.value) for weighting in (Weighting.PEOPLE, Weighting.PAIRS)]
    rows = list(zip(*(table.iter_rows(named=True) for table in by_weighting), strict=True))
    rows.sort(key=lambda row: -row[0]["fmr"])
    cells = [["", "", "every two people", "every pair"], ["group", "group", "FMR", "FMR"]]
    for people, pairs in rows[:_PAIRS]:
        of_pair = [names[people[side]] for side in ("group", "other")]
        cells.append([*of_pair, *(_rate(row, "fmr", _FMR) for row in (people, pairs))])
    which = f", the {_PAIRS} highest of {len(rows):,}" if len(rows) > _PAIRS else ""
    return f"Comparisons of a person of one group with a person of another{which}:", Cells(cells, head=2, left=2)


def _difference(difference: Difference, names: Mapping[str, str]) -> str:
    rate, highest, sure = difference.rate.upper(), difference.highest, difference.sure
    if highest is None:
        told = f"{rate}: fewer than two groups have people enough for an interval."
    else:
        told = (
            f"{rate} of {names[highest.higher]} is {highest.times:.2f} times that of {names[highest.lower]}, the "
            "highest over the lowest of groups with people enough, and "
            f"{difference.over_mean:.2f} times their geometric mean."
        )
    at_once = f"Intervals that hold for all {len(names)} groups at once"
    if sure is None:
        return f"{told} {at_once} overlap: the groups may be alike."
    times = f"at least {sure.times:.2f} times that of {names[sure.lower]}"
    return f"{told} {at_once} lie apart: that of {names[sure.higher]} is {times}."


def _too_few(rates: GroupRates, names: Mapping[str, str]) -> list[str]:
    """A sentence on what has a bound and no interval, where every person, or every two, count alike; or none."""
    groups = rates.groups.filter(weighting=Weighting.PEOPLE.value)
    across = rates.group_pairs.filter(pl.col("group") != pl.col("other"), weighting=Weighting.PEOPLE.value)
    untold = (
        ("FNMR of", [names[row["group"]] for row in _untold(groups, "fnmr")]),
        ("FMR within", [names[row["group"]] for row in _untold(groups, "fmr")]),
        ("FMR between", [f"{names[row['group']]} and {names[row['other']]}" for row in _untold(across, "fmr")]),
    )
    told = [f"{rate} {_listed(few)}" for rate, few in untold if few]
    return [f"Too few people to tell: {'; '.join(told)}. Add people to these groups, or join groups."] if told else []


def _untold(table: pl.DataFrame, rate: str) -> list[dict[str, Any]]:
    return table.filter(pl.col(f"{rate}_bound").fill_null(value=True)).to_dicts()


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _rate(row: dict[str, Any], name: str, form: str) -> str:
    """A rate with its interval, with a star where that is a bound."""
    if row[name] is None:
        return MISSING
    star = "*" if row[f"{name}_bound"] else ""
    return f"{row[name]:{form}} [{row[f'{name}_low']:{form}}, {row[f'{name}_high']:{form}}]{star}"


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"
