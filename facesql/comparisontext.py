"""How two tables of the same photos differ, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facesql.aligned import MISSING, aligned, number
from facesql.binning import EUCLIDEAN

if TYPE_CHECKING:  # the types alone
    from pathlib import Path

    from facesql.twotables import Comparison, Side

_HEADINGS = {
    "people": "every person, every two people the same",
    "pairs": "every pair the same",
}
_BOUND = "* a bound, for too few people err in either table"


def differing(found: Comparison, output: Path | None = None) -> str:
    """Which is better and whether that is sure, then every figure with the interval of its difference."""
    sides = (("a", found.a), ("b", found.b))
    lines = [
        f"{found.faces:,} faces of {found.people:,} people in both: {found.genuine_pairs:,} pairs of one person, "
        f"{found.impostor_pairs:,} of two",
        *(_side(name, side) for name, side in sides),
        "",
        verdict(found),
    ]
    for weighting, heading in _HEADINGS.items():
        rows = [row for row in found.table.iter_rows(named=True) if row["counts_same"] == weighting]
        head = [heading, "cut-offs a, b", "a", "b", "b - a", "better"]
        lines += ["", *aligned([head, *map(_cells, rows)], left=1)]
    if found.table["bound"].any():
        lines.append(_BOUND)
    lines += [f"No cut-off of {name} is recommended: {side.refusal}" for name, side in sides if side.cutoff is None]
    lines.append(
        f"Intervals at {found.confidence * 100:g}% each, from leaving the same blocks of people out of both; of "
        f"{found.table.height} such, some leave out 0 by chance."
    )
    if output is not None:
        lines.append(f"written to {str(output)!r}")
    return "\n".join(lines)


def verdict(found: Comparison) -> str:
    """Which table misses fewer at the FMR that is wanted, and whether that is sure, in one sentence."""
    row = found.headline
    at = f"at an FMR of {found.max_fmr:g}"
    difference: Any = row["difference"]
    if difference is None:
        return f"Which is better {at} cannot be told."
    if difference == 0:
        others = "" if row["low"] == row["high"] else "; for other people there may be one"
        return f"No difference {at}: both miss {row['a']:.4f} of the comparisons of one person{others}."
    fewer, more = ("b", "a") if difference < 0 else ("a", "b")
    told = f"{fewer} misses {row[fewer]:.4f} of the comparisons of one person, {more} {row[more]:.4f}"
    if row["sure"]:
        return f"{fewer} is better, surely: {at} {told}."
    return f"Which is better is not sure: {at} {told}, and the difference may be 0 or the other way."


def _side(name: str, side: Side) -> str:
    bins = "" if side.bins == EUCLIDEAN else f", metric {side.bins.metric}, bins of {side.bins.range}"
    out = f", {side.left_out:,} faces left out that the other has not" if side.left_out else ""
    invalid = f", {side.skipped:,} invalid left out" if side.skipped else ""
    return f"{name}: {str(side.file)!r}{bins}{out}{invalid}"


def _cells(row: dict[str, Any]) -> list[str]:
    form = ".2e" if row["figure"].startswith("FMR") else ".5f" if row["figure"] == "AUC" else ".4f"
    cutoffs = [number(row[f"cutoff_{side}"], "g") for side in "ab"]
    difference = MISSING
    if row["difference"] is not None:
        ends = [number(row[end], f"+{form}") for end in ("low", "high")]
        difference = f"{row['difference']:+{form}} [{', '.join(ends)}]" + ("*" if row["bound"] else " ")
    return [
        row["figure"],
        MISSING if cutoffs == [MISSING, MISSING] else ", ".join(cutoffs),
        number(row["a"], form),
        number(row["b"], form),
        difference,
        _better(row),
    ]


def _better(row: dict[str, Any]) -> str:
    if row["difference"] is None:
        return MISSING
    if row["difference"] == 0 and row["low"] == row["high"]:
        return "no difference"
    if not row["sure"]:
        return "not sure"
    return row["better"] or "differ"
