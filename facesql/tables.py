"""Tables of faces wherever they are: files, addresses, or in memory; every one becomes a file, which SQL reads."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from facesql.encodingfiles import is_address, without_secrets
from facesql.errors import FacesqlError
from facesql.importing import FacesTable, import_faces, write_faces

# A Parquet file's path, an address, or a table in memory.
OneTable: TypeAlias = Path | str | FacesTable
_PLACE = "the folder for temporary files"


@dataclass(frozen=True)
class Opened:
    """Tables as files, for as long as ``files_of`` keeps them."""

    files: Sequence[Path]
    copies: Mapping[Path, str] = field(default_factory=dict)
    """What those files that are copies stand for."""
    rows_skipped: Mapping[Path, int] = field(default_factory=dict)
    """How many rows of each copy were left out as invalid."""

    def named(self, file: Path) -> Path | str:
        """What the user calls a file: its path, the address that it is a copy of, or the table in memory."""
        return self.copies.get(file, file)

    def told(self, text: str) -> str:
        """A text in which copies go by what they stand for."""
        for file, name in self.copies.items():
            text = text.replace(repr(str(file))[1:-1], name).replace(str(file), name)
        return text


# One table or several that are taken as one, or what ``files_of`` has made of them.
FacesLike: TypeAlias = OneTable | Sequence[OneTable] | Opened


@contextmanager
def files_of(faces: FacesLike, *, skip_invalid: bool = False) -> Iterator[Opened]:
    """Yield tables of faces as Parquet files, in their order.

    Paths are these files. A table in memory is checked and written by ``write_faces``, and what stands at an address by
    ``import_faces``, to a private folder for temporary files that is gone afterwards, whatever happens; errors that
    leave the block call it the table (table 1, table 2 where there are several), or by its address.

    >>> import pyarrow as pa
    >>> table = pa.table({"id": ["Ann/1", "Bo/1"], "person": ["Ann", "Bo"], "encoding": [[0.0, 1.0], [1.0, 0.0]]})
    >>> with files_of([table, Path("faces.parquet")]) as opened:
    ...     [str(opened.named(file)) for file in opened.files]
    ['table 1', 'faces.parquet']
    """
    if isinstance(faces, Opened):
        yield faces
        return
    tables = _listed(faces)
    copied = [not isinstance(table, Path | str) or _is_remote(table) for table in tables]
    if not any(copied):
        yield Opened([_path(table) for table in tables])
        return
    with TemporaryDirectory(prefix="facesql.") as folder:
        files = [
            Path(folder) / str(number) / "faces.parquet" if copy else _path(table)
            for number, (table, copy) in enumerate(zip(tables, copied, strict=True), 1)
        ]
        names = {file: name for file, name, copy in zip(files, _names(tables), copied, strict=True) if copy}
        opened = Opened(files, names)
        try:
            skipped = {
                file: _copy(table, file, names[file], skip_invalid=skip_invalid)
                for table, file in zip(tables, files, strict=True)
                if file in names
            }
            yield replace(opened, rows_skipped=skipped)
        except FacesqlError as error:
            error.args = tuple(opened.told(str(part)).replace(folder, _PLACE) for part in error.args)
            raise


def _listed(faces: OneTable | Sequence[OneTable]) -> list[OneTable]:
    if isinstance(faces, Sequence) and not isinstance(faces, str):
        return list(faces)
    return [faces]


def _is_remote(table: Path | str) -> bool:
    return isinstance(table, str) and is_address(table)


def _path(table: OneTable) -> Path:
    return Path(table)  # type: ignore[arg-type]


def _names(tables: Sequence[OneTable]) -> list[str]:
    """What each is called: an address by itself, a table in memory by its number where there are several tables."""
    return [
        without_secrets(table) if isinstance(table, str) else "the table" if len(tables) == 1 else f"table {number}"
        for number, table in enumerate(tables, 1)
    ]


def _copy(table: OneTable, file: Path, name: str, *, skip_invalid: bool) -> int:
    """Write a table to a file; returns how many rows were left out."""
    if isinstance(table, Path | str):
        return import_faces(str(table), file, skip_invalid=skip_invalid).skipped.total()
    return write_faces(table, file, skip_invalid=skip_invalid, name=name).skipped.total()
