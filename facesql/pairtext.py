"""What was found of pairs, as plain text: a row a pair, and how many there are. Names cannot steer a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facesql.aligned import aligned
from facesql.errors import plain

if TYPE_CHECKING:  # the types alone
    from pathlib import Path

    from facesql.crops import Crops
    from facesql.lookalikes import FoundPairs

# Digits behind those that a cut-off has.
_MORE_DIGITS = 3
_TITLES = {
    "closest": "The closest pairs of different people",
    "farthest": "The farthest pairs of one person",
    "below": "Pairs of different people at a distance of at most {}",
    "above": "Pairs of one person at a distance above {}",
}


def title(found: FoundPairs) -> str:
    """What the pairs are, in one line."""
    of = "" if found.person is None else f", of {found.person}"
    return _TITLES[found.kind].format(f"{found.cutoff:.15g}" if found.cutoff is not None else "") + of


def shown_of_all(found: FoundPairs) -> str:
    """How many pairs are shown, and of how many, where not of all; why there are none."""
    shown = found.table.height
    if not shown:
        return "There is no such pair."
    if found.matched is not None and found.matched > shown:
        return f"These are {shown:,} of {found.matched:,} such pairs; -n shows more."
    if found.matched is not None:
        return "This is the only such pair." if shown == 1 else f"These are all {shown:,} such pairs."
    one = "person" if found.kind.genuine else "two people"
    return f"For any {one} there is at most one pair here."


def listed(found: FoundPairs) -> str:
    """The pairs as a table, with a title, and how many there are."""
    digits = found.bins.decimals + _MORE_DIGITS
    distances = [found.table.columns[0], *(f"{distance:.{digits}f}" for distance in found.table["distance"])]
    width = max(map(len, distances))
    names = [found.table.columns[1:], *found.table[:, 1:].iter_rows()]
    cells = [[number.rjust(width), *map(plain, row)] for number, row in zip(distances, names, strict=True)]
    table = ["", *aligned(cells, left=len(cells[0])), ""] if found.table.height else []
    return "\n".join([plain(title(found)), *table, shown_of_all(found)])


def saved(found: FoundPairs, file: Path, crops: Crops) -> str:
    """What stands in the file that was written, and on a page why it shows no faces, if so."""
    pairs = "1 pair" if found.table.height == 1 else f"{found.table.height:,} pairs"
    lines = [f"{plain(title(found))}: {pairs} in {str(file)!r}", shown_of_all(found)]
    why = crops.why() if file.suffix.lower() == ".html" and found.table.height else None
    return "\n".join([*lines, *([] if why is None else [plain(why)])])
