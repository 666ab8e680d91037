"""Columns of a table to encodings: lists of numbers, numbers in columns, or lists written as text."""

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# What begins the names of columns that are numbered, and the number.
_NUMBERED = re.compile(r"(.*?)(\d+)")
# Something in brackets, and what is around it.
_BRACKETED, _AROUND = r"^\s*\[[^\[\]]+\]\s*$", "[] \t\r\n"
_NO_NUMBERS = "has text that is no list of numbers"
_CUT_SHORT = "has a list that is cut short by '...', as NumPy prints long ones"


def is_text(kind: pa.DataType) -> bool:
    """Whether a column is text, of any of Arrow's kinds."""
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def is_number(kind: pa.DataType) -> bool:
    """Whether a column is a number that may be one of an encoding."""
    return any(test(kind) for test in (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal))


def is_list(kind: pa.DataType) -> bool:
    """Whether a column is a list of numbers, of any of Arrow's kinds of list."""
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(test(kind) for test in tests) and is_number(kind.value_type)


def numbered_columns(names: Sequence[str]) -> list[list[str]]:
    """Columns that are numbered, such as e0, e1, e2, in the order of their numbers: each run of two or more.

    >>> numbered_columns(["id", "e0", "e10", "e2", "age", "x1"])
    [['e0', 'e2', 'e10']]
    """
    matches = {name: match for name in names if (match := _NUMBERED.fullmatch(name))}
    ordered = sorted(matches, key=lambda name: (matches[name][1], int(matches[name][2])))
    runs = [list(run) for _, run in groupby(ordered, key=lambda name: matches[name][1])]
    return [run for run in runs if len(run) > 1]


def float_type(kinds: Sequence[pa.DataType]) -> pa.DataType:
    """float32 where nothing is lost by it, that is for float16 and float32, or else float64."""
    short = all(pa.types.is_float16(kind) or pa.types.is_float32(kind) for kind in kinds)
    return pa.float32() if short else pa.float64()


def encodings_of(columns: Sequence[pa.Array], number: pa.DataType) -> tuple[pa.ListArray, list[str | None]]:
    """A list of numbers for each row, and what is wrong with it where it cannot be read; then it is null.

    ``columns`` are one of lists or of text, or one or several of numbers, as text or not.
    """
    [first, *others] = columns
    if others or is_number(first.type):
        return _of_columns(columns, number)
    if is_text(first.type):
        return _of_text(first, number)
    return first.cast(pa.list_(number), safe=False), [None] * len(first)


def _of_text(texts: pa.Array, number: pa.DataType) -> tuple[pa.ListArray, list[str | None]]:
    """Lists with commas are read by Arrow, three times as fast as one by one by Python."""
    if texts.null_count == 0 and pc.all(pc.match_substring_regex(texts, _BRACKETED)).as_py():
        parts = pc.split_pattern(pc.utf8_trim(texts, _AROUND), ",")
        with suppress(pa.ArrowInvalid):
            values = pc.utf8_trim_whitespace(parts.values).cast(number)
            return pa.ListArray.from_arrays(parts.offsets, values), [None] * len(texts)
    read = [None if text is None else _numbers(text) for text in texts.to_pylist()]
    lists = [None if isinstance(value, str) else value for value in read]
    return pa.array(lists, pa.list_(number)), [value if isinstance(value, str) else None for value in read]


def _numbers(text: str) -> list[float] | str:
    """The numbers of a list written as JSON, as Python's or as NumPy prints it, or what is wrong with it."""
    inner = text.strip()
    if "..." in inner:
        return _CUT_SHORT
    if inner[:1] + inner[-1:] not in ("[]", "()"):
        return _NO_NUMBERS
    try:
        return [float(part) for part in inner[1:-1].replace(",", " ").split()]
    except ValueError:
        return _NO_NUMBERS


def _of_columns(columns: Sequence[pa.Array], number: pa.DataType) -> tuple[pa.ListArray, list[str | None]]:
    """Numbers side by side: what is empty is a null among them."""
    rows = len(columns[0])
    matrix = np.empty((rows, len(columns)), dtype=number.to_pandas_dtype())
    missing = np.zeros(matrix.shape, dtype=bool)
    faults: list[str | None] = [None] * rows
    for place, column in enumerate(columns):
        numbers, wrong = _as_numbers(column)
        for row in np.flatnonzero(wrong):
            faults[row] = faults[row] or f"has {column[row].as_py()!r} among its numbers"
        missing[:, place] = pc.is_null(numbers).to_numpy(zero_copy_only=False)
        matrix[:, place] = pc.fill_null(numbers, 0.0).to_numpy(zero_copy_only=False)
    values = pa.array(matrix.reshape(-1), number, mask=missing.reshape(-1) if missing.any() else None)
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * len(columns))
    return pa.ListArray.from_arrays(offsets, values), faults


def _as_numbers(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """A column as float64, and which rows hold text that is no number."""
    if not is_text(column.type):
        return column.cast(pa.float64(), safe=False), np.zeros(len(column), dtype=bool)
    trimmed = pc.utf8_trim_whitespace(column)
    try:
        return trimmed.cast(pa.float64()), np.zeros(len(column), dtype=bool)
    except pa.ArrowInvalid:
        numbers = [_number(text) for text in trimmed.to_pylist()]
        return pa.array(numbers, pa.float64()), np.array(
            [text is not None and value is None for text, value in zip(trimmed.to_pylist(), numbers, strict=True)]
        )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
