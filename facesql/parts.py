"""The files of a table of faces: one Parquet file, or those of a folder, such as ``encode --partitioned`` writes."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from facesql.errors import FacesqlError

# The database in a report's folder; what tells that folder from a table's.
REPORT_DATABASE = "facesql.duckdb"
# The folders of a table that encode has partitioned, and the file in each.
BLOCK, PART = "block", "faces.parquet"
_SUFFIX = ".parquet"
_PARTITION = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_NAME_ANOTHER = "name a table of faces: a Parquet file, or a folder of Parquet files."


def partition(block: int) -> Path:
    """Where the faces of a block of people stand in a partitioned table.

    >>> partition(7).as_posix()
    'block=07/faces.parquet'
    """
    return Path(f"{BLOCK}={block:02}") / PART


def parts(table: Path) -> list[Path]:
    """The files of a table, in the order of their names: itself, or the Parquet files of a folder.

    These lie directly in the folder, or in folders of it that are all named like ``block=07``, as deep as any. Names
    that begin with ``.`` or ``_``, with which other programs mark what is no data, are passed over.

    Raises FacesqlError where a folder is no table.
    """
    if not table.is_dir():
        return [table]
    if (table / REPORT_DATABASE).exists():
        raise FacesqlError(
            f"{str(table)!r} is the folder of a report; name the table of faces that the report was made of."
        )
    files = _files(table)
    found = [file for file in files if file.suffix.lower() == _SUFFIX]
    if not files:
        raise FacesqlError(f"{str(table)!r} is a folder without files; {_NAME_ANOTHER}")
    if not found:
        raise FacesqlError(
            f"{str(table)!r} holds no Parquet files, but such as {_named(files, table)}; {_NAME_ANOTHER}"
        )
    _refuse_mixed(table, files, found)
    return found


def partition_columns(table: Path) -> list[str]:
    """The columns that a table has in the names of its folders, such as ``year`` in ``year=2020``.

    That of encode's own partitions, which follows from the person, is none.

    Raises FacesqlError as ``parts`` does, and where folders above the table's have such names, too.
    """
    if not table.is_dir():
        return []
    names = _keys(parts(table)[0].relative_to(table))
    if names == [BLOCK]:
        return []
    if names and _keys(table / PART):
        raise FacesqlError(
            f"{str(table)!r} is in a folder that is named like its own, which tell columns; name the table from there."
        )
    return names


def _files(folder: Path) -> list[Path]:
    """All files below a folder but those that are no data, in the order of their names."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        found += [Path(place) / name for name in names if not name.startswith((".", "_"))]
    return sorted(found)


def _refuse_mixed(table: Path, files: Sequence[Path], found: Sequence[Path]) -> None:
    """Raise FacesqlError where a folder holds anything else, or in folders that do not partition it."""
    keys = {file: _keys(file.relative_to(table)) for file in found}
    for file, names in keys.items():
        inside = file.relative_to(table)
        if len(names) < len(inside.parts) - 1:
            raise FacesqlError(
                f"{str(table)!r} holds {str(inside)!r}, and folders of a table are named like 'block=07'; name that "
                "file or folder, or move it away."
            )
        if names != keys[found[0]]:
            raise FacesqlError(
                f"{str(table)!r} holds {_named(found, table)} and {str(inside)!r}, which are not partitioned alike; "
                "name one of them, or move it away."
            )
    if others := sorted(set(files) - set(found)):
        raise FacesqlError(
            f"{str(table)!r} holds {_named(others, table)} beside Parquet files; move away what is not of the table."
        )


def _keys(path: Path) -> list[str]:
    return [found[1] for part in path.parts[:-1] if (found := _PARTITION.fullmatch(part))]


def _named(files: Sequence[Path], table: Path) -> str:
    return repr(str(files[0].relative_to(table)))
