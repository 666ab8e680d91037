"""Rows of what was found to files: CSV, Parquet and JSON of all digits."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from facesql.errors import FacesqlError
from facesql.output import refuse_existing, whole_file

ROWS = (".csv", ".parquet", ".json")


def refuse_file(output: Path, *, overwrite: bool) -> None:
    """Raise FacesqlError where a table may not be written there, or the suffix is of no kind that it is written as."""
    refuse_suffix(output, ROWS)
    refuse_existing(output, overwrite=overwrite)


def refuse_suffix(output: Path, suffixes: Sequence[str]) -> None:
    """Raise FacesqlError where a file's suffix is none of these."""
    if output.suffix.lower() not in suffixes:
        *first, last = suffixes
        raise FacesqlError(f"{str(output)!r} ends in no format; end it in {', '.join(first)} or {last}.")


def write_rows(table: pl.DataFrame, output: Path) -> None:
    """Write a table in the format that the file's suffix names. It appears whole; its owner alone can read it."""
    with whole_file(output) as path:
        match output.suffix.lower():
            case ".csv":
                table.write_csv(path)
            case ".parquet":
                table.write_parquet(path)
            case _:
                table.write_json(path)
