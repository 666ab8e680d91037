"""Suspects as plain text: the first of them, and the rates with all of them and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facesql.aligned import MISSING, aligned, number
from facesql.binning import written

if TYPE_CHECKING:  # the types alone
    from facesql.suspects import Rates, Suspects

# So many are printed where no number is asked for.
PRINTED = 20
_LETTERS = 44


def suspected(suspects: Suspects, most: int | None = None) -> str:
    """The first suspects (PRINTED of them, or ``most``), and the rates at the cut-off with and without all of them."""
    shown = suspects.table.head(PRINTED if most is None else most)
    count = f"{suspects.found:,} suspect{'' if suspects.found == 1 else 's'}"
    more = f", the first {shown.height:,} of them" if shown.height < suspects.found else ""
    form = f".{suspects.bins.decimals}f"
    cells = [["kind", "photo", "beside", "own", "other", "probability", "errors", "expected", "correction"]]
    cells += [
        [
            row["kind"],
            _name(row["id"]),
            _name(row["id_other"] if row["face_other"] is None else f"face {row['face_other']} of it"),
            number(row["distance_own"], form),
            number(row["distance_other"], form),
            number(row["probability"], ".2f"),
            f"{row['errors']:,}",
            f"{row['expected']:,.1f}",
            row["correction"],
        ]
        for row in shown.iter_rows(named=True)
    ]
    return "\n".join(
        [
            f"{count}{more}, at cut-off {written(suspects.cutoff)}, {suspects.why}",
            "",
            *([*aligned(cells, left=3), ""] if shown.height else []),
            *_rates(suspects),
            *suspects.doubts,
        ]
    )


def accepted(folder: str, lost: int) -> str:
    """Where corrections stand, and what to do with them."""
    told = f"corrections in {folder!r}: exclude.txt and relabel.csv; look at each photo, edit them, then pass them to "
    told += "encode or analyze with --exclude and --relabel"
    return told if not lost else f"{told}\n{lost:,} left out, for no line can hold their names"


def _rates(suspects: Suspects) -> list[str]:
    heads = [
        ["", "", "", "", "", "every pair", "", "", "every two people", "every person"],
        ["", "faces", "people", "false matches", "misses", "precision", "recall", "FMR", "FMR", "FNMR"],
    ]
    rows = [_cells(name, rates) for name, rates in (("all", suspects.before), ("corrected", suspects.after))]
    return aligned([*heads, *rows], left=1)


def _cells(name: str, rates: Rates) -> list[str]:
    return [
        name,
        f"{rates.faces:,}",
        f"{rates.people:,}",
        f"{rates.false_matches:,}",
        f"{rates.misses:,}",
        number(rates.precision, ".4f"),
        number(rates.recall, ".4f"),
        number(rates.fmr, ".2e"),
        number(rates.fmr_of_people, ".2e"),
        number(rates.fnmr_of_people, ".4f"),
    ]


def _name(name: str | None) -> str:
    """A name, quoted so that it cannot steer a terminal; a long one is cut."""
    if name is None:
        return MISSING
    return repr(name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}")
