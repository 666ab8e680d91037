"""A manifest: a file that lists photos, whom each shows, and whatever else is to be carried along."""

import csv
import io
import os
import posixpath
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facesql.errors import FacesqlError
from facesql.faces import clashing
from facesql.listing import PHOTO, FoundPhoto, Listing, unsupported
from facesql.textfile import read_text

PATH, PERSON = "path", "person"
SUFFIXES = (".csv", ".parquet")


def read_manifest(file: Path) -> Listing:
    """List the photos that a CSV or Parquet file names, with the columns path, person and any others.

    Paths are relative to the manifest's folder, or absolute; links are followed. Ids are the paths as they are written,
    without needless parts and with ``/`` on every system. A photo without a person is loose, and one that cannot be
    opened has that status. The other columns are carried, with their types; those of a CSV file are told from all
    values, and an empty value is none.

    Raises FacesqlError where the file is no such manifest, is empty, names a photo twice, or has a column that
    facesql's own tables have.
    """
    table = _read(file)
    paths, people = (_texts(file, table, name) for name in (PATH, PERSON))
    if not paths:
        raise FacesqlError(f"{str(file)!r} lists no photos; give each a row with its {PATH} and {PERSON}.")
    for row, path in enumerate(paths, start=1):
        if not path:
            raise FacesqlError(f"Photo {row} of {str(file)!r} has no {PATH}; write it, or leave the row out.")
    ids = [posixpath.normpath(path.replace(os.sep, "/")) for path in paths]
    if twice := [id_ for id_, rows in Counter(ids).items() if rows > 1]:
        more = f" of it, and of {len(twice) - 1:,} others" if len(twice) > 1 else ""
        raise FacesqlError(f"{str(file)!r} lists {twice[0]!r} twice; keep one row{more}.")
    photos = [
        _found(id_, file.parent / path, person.strip()) for id_, path, person in zip(ids, paths, people, strict=True)
    ]
    others = [name for name in table.column_names if name not in (PATH, PERSON)]
    carried = pa.table({PHOTO: ids, **{name: _typed(table[name]) for name in others}}) if others else None
    return Listing(sorted(photos, key=lambda photo: photo.id), carried=carried, folders={"": file.parent})


def _read(file: Path) -> pa.Table:
    if file.suffix.lower() == ".csv":
        return _read_csv(file)
    if file.suffix.lower() == ".parquet":
        return _read_parquet(file)
    raise FacesqlError(
        f"{str(file)!r} is a file that is no manifest; name a folder of photos, or a manifest that ends in "
        f"{' or '.join(SUFFIXES)}."
    )


def _read_csv(file: Path) -> pa.Table:
    text = read_text(file)
    try:
        _check_columns(file, next(csv.reader(io.StringIO(text, newline="")), []))
        # Names are text, whatever they look like; of other columns all values are looked at.
        texts = {PATH: pl.String, PERSON: pl.String}
        table = pl.read_csv(text.encode(), schema_overrides=texts, infer_schema_length=None, try_parse_dates=True)
    except (csv.Error, pl.exceptions.PolarsError) as error:
        why = str(error).partition("\n")[0]
        raise FacesqlError(f"{str(file)!r} is no CSV that can be read ({why}); mend it.") from error
    return table.to_arrow(compat_level=pl.CompatLevel.oldest())


def _read_parquet(file: Path) -> pa.Table:
    try:
        _check_columns(file, pq.read_schema(file).names)
        return pq.read_table(file, page_checksum_verification=True, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise FacesqlError(f"{str(file)!r} is no whole Parquet file that can be read; make it again.") from error


def _check_columns(file: Path, names: Sequence[str]) -> None:
    if missing := [name for name in (PATH, PERSON) if name not in names]:
        raise FacesqlError(
            f"{str(file)!r} has no column {' and no '.join(missing)}; it has {', '.join(map(repr, names)) or 'none'}; "
            f"name its columns {PATH} and {PERSON}, in a CSV file with commas between."
        )
    if not all(names):
        raise FacesqlError(f"{str(file)!r} has a column without a name; name it, or leave it out.")
    others = list(names)
    others.remove(PERSON)
    if clashes := clashing(others):
        raise FacesqlError(
            f"{str(file)!r} has a column {' and one '.join(map(repr, clashes))}, a name that facesql's own tables or "
            "another column there has; rename it."
        )


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column, with the type that facesql's own text has, where it is text, or has no value and so no type."""
    texts = pa.types.is_null, pa.types.is_large_string, pa.types.is_string_view
    return column.cast(pa.string()) if any(is_text(column.type) for is_text in texts) else column


def _texts(file: Path, table: pa.Table, name: str) -> list[str]:
    """A column as text, empty where it is null."""
    try:
        column = pc.fill_null(table[name].cast(pa.string()), "")
    except pa.ArrowException as error:
        raise FacesqlError(f"The column {name} of {str(file)!r} is {table[name].type}; it must be text.") from error
    return [str(text) for text in column.to_pylist()]


def _found(id_: str, path: Path, person: str) -> FoundPhoto:
    if not person:
        return FoundPhoto(id_, path, None, "loose", "the manifest names no person; fill in the column person")
    if reason := _unreadable(path):
        return FoundPhoto(id_, path, person, "unreadable", reason)
    if reason := unsupported(path):
        return FoundPhoto(id_, path, person, "unsupported", reason)
    return FoundPhoto(id_, path, person)


def _unreadable(path: Path) -> str | None:
    try:
        path.stat()
    except FileNotFoundError:
        return "a link to nothing" if path.is_symlink() else "there is no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "no name that a file can have"
    if path.is_dir():
        return "a folder; the manifest is to list its photos"
    return None if path.is_file() else "not a regular file"
