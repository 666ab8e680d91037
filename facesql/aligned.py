"""Cells of text in aligned columns, as the commands print tables."""

from collections.abc import Sequence
from dataclasses import dataclass

MISSING = "-"


@dataclass(frozen=True)
class Cells:
    """A table of text: rows of equally many cells, of which the first ``head`` are headings."""

    rows: Sequence[Sequence[str]]
    head: int = 1
    left: int = 0
    """So many columns begin at their left end; the others end at their right."""

    @property
    def lines(self) -> list[str]:
        """The table as lines of text."""
        return aligned(self.rows, left=self.left)


def aligned(cells: Sequence[Sequence[str]], *, left: int = 0) -> list[str]:
    """Rows of cells, each column as wide as its widest; the first ``left`` columns begin at their left end.

    >>> aligned([["", "rate"], ["best", "0.5"], ["all", "0.25"]], left=1)
    ['      rate', 'best   0.5', 'all   0.25']
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(_placed(row, widths, left)).rstrip() for row in cells]


def number(value: float | str | None, form: str) -> str:
    """A number, or what stands where there is none."""
    return MISSING if value is None else format(value, form)


def _placed(row: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    return [
        cell.ljust(width) if place < left else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
