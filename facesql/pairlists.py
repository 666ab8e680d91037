"""Lists of pairs of photos: pairs.txt of Labeled Faces in the Wild, or a CSV file with the columns a, b and same."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesql.errors import FacesqlError
from facesql.textfile import read_text

# How many folds a list is cut into that has none.
FOLDS = 10
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
# Both numbers are of so many digits that a file cannot ask for more pairs than it could hold.
_HEAD = re.compile(r"(\d{1,6})(?:\s+(\d{1,6}))?")


@dataclass(frozen=True)
class PairList:
    """Pairs in the order of their list, in step."""

    a: Sequence[str]
    b: Sequence[str]
    same: NDArray[np.bool_]
    """Whether they are of one person, as the list says."""
    fold: NDArray[np.int64]
    """The place of each pair's fold in ``folds``."""
    folds: Sequence[str]
    """The names of the folds."""
    told: bool
    """Whether the list itself has folds."""
    photos: bool
    """Whether it names photos, as pairs.txt does, and not faces."""

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.a)


def read_pairs(path: Path, suffix: str = ".jpg") -> PairList:
    """The pairs of a file: of a CSV file where its name ends so, or of one like LFW's pairs.txt.

    pairs.txt begins with the number of folds and that of the pairs of each class in a fold (of one fold, the second
    alone); then there are, for each fold, so many lines ``name n m`` of one person, and as many ``name n other m`` of
    two, with tabs between. Photo n of a name is name/name_000n and ``suffix``.

    A CSV file has the columns a and b, ids of faces or photos, and same: true, false, 1 or 0. It may have fold, any
    text; without it, the pairs of each class, in their order, are cut into FOLDS equal parts.

    Raises FacesqlError where the file cannot be read, or is neither.
    """
    text = read_text(path)
    return _read_csv(text, path) if path.suffix.lower() == ".csv" else _read_lfw(text, path, suffix)


def _read_lfw(text: str, path: Path, suffix: str) -> PairList:
    lines = [line for line in text.split("\n") if line.strip()]
    head = _HEAD.fullmatch(lines[0].strip()) if lines else None
    if head is None:
        raise FacesqlError(
            f"{str(path)!r} does not begin with the numbers of folds and of pairs, as LFW's pairs.txt does with "
            "'10 300'; name such a file, or a .csv with the columns a,b,same."
        )
    folds, each = (int(head[1]), int(head[2])) if head[2] else (1, int(head[1]))
    if len(lines) - 1 != folds * each * 2 or not folds * each:
        raise FacesqlError(
            f"{str(path)!r} has {len(lines) - 1:,} pairs and says that there are {folds} times {each} of one person "
            "and as many of two; name a whole file."
        )
    sides: tuple[list[str], list[str]] = ([], [])
    numbers = range(len(lines) - 1)
    same = [number // each % 2 == 0 for number in numbers]
    for number, line in enumerate(lines[1:]):
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != (3 if same[number] else 4):
            kind = "'name n m', of one person" if same[number] else "'name n other m', of two"
            raise FacesqlError(
                f"Pair {number + 1:,} of {str(path)!r} is {line.strip()!r}; it must be {kind}, with tabs."
            )
        person, first, *other, second = fields
        for side, name, photo in ((0, person, first), (1, other[0] if other else person, second)):
            sides[side].append(_lfw_photo(name, photo, path) + suffix)
    fold = np.array([number // (2 * each) for number in numbers], np.int64)
    names = [str(number + 1) for number in range(folds)]
    return PairList(*sides, np.array(same), fold, names, told=True, photos=True)


def _lfw_photo(name: str, number: str, path: Path) -> str:
    if not number.isdecimal():
        raise FacesqlError(f"{str(path)!r} has {number!r} where the number of a photo of {name!r} must stand; mend it.")
    return f"{name}/{name}_{int(number):04}"


def _read_csv(text: str, path: Path) -> PairList:
    reader = csv.DictReader(text.splitlines())
    columns = list(reader.fieldnames or [])
    if not {"a", "b", "same"} <= set(columns):
        raise FacesqlError(f"{str(path)!r} needs a first line 'a,b,same'; it has {','.join(columns)!r}.")
    rows = list(_rows(reader, path))
    if not rows:
        raise FacesqlError(f"{str(path)!r} lists no pairs; add a line a,b,same for each.")
    same = np.array([_truth(row["same"], number, path) for number, row in enumerate(rows, 1)])
    a, b = ([row[side] or "" for row in rows] for side in "ab")
    told = "fold" in columns
    if told:
        named = [(row["fold"] or "").strip() for row in rows]
        names = list(dict.fromkeys(named))
        fold = np.array([names.index(name) for name in named], np.int64)
    else:
        names, fold = [str(number + 1) for number in range(FOLDS)], dealt(same)
    return PairList(a, b, same, fold, names, told=told, photos=False)


def _rows(reader: "csv.DictReader[str]", path: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise FacesqlError(f"Line {reader.line_num} of {str(path)!r} is no CSV ({error}); mend it.") from error


def _truth(text: str | None, number: int, path: Path) -> bool:
    try:
        return _TRUTH[(text or "").strip().lower()]
    except KeyError as error:
        raise FacesqlError(
            f"Pair {number:,} of {str(path)!r} has {text!r} in column same; write true, false, 1 or 0."
        ) from error


def dealt(same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The folds of pairs that have none: those of each class, in their order, in FOLDS equal parts.

    >>> dealt(np.array([True, False] * 10)).tolist()
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    """
    fold = np.empty(len(same), np.int64)
    for of_class in (same, ~same):
        number = int(of_class.sum())
        fold[of_class] = np.arange(number) * FOLDS // max(number, 1)
    return fold
