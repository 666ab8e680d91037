"""Tiles as Parquet files in a folder that the workers of a cluster see: written once, read a batch at a time."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.database import engine_sql
from facesql.errors import FacesqlError
from facesql.output import private_folder
from facesql.pairs import Batch

# What a name of a place on object storage has, and a path has not.
_SCHEME = "://"


@dataclass(frozen=True)
class TileFiles:
    """Files of tiles, one for each group of blocks that is to be compared, with a row group a tile."""

    folder: str
    """A path, or a URL of object storage."""
    groups: Mapping[int, int]
    """The number of the group of each tile."""

    def of(self, batch: Batch) -> list[str]:
        """The files that hold a batch's tiles."""
        groups = {self.groups[tile] for tiles in (batch.tiles_a, batch.tiles_b) for tile in tiles}
        return [self.of_group(group) for group in sorted(groups)]

    def of_group(self, group: int) -> str:
        """The file that holds a group's tiles."""
        return f"{self.folder}/{group:06d}.parquet"


@contextmanager
def tile_files(
    connection: duckdb.DuckDBPyConnection, tiles: Mapping[int, Sequence[int]], place: str | Path
) -> Iterator[TileFiles]:
    """Write tiles of table tiled_face, by group, into a new folder at a place; it goes with the block.

    The place is a folder or, for what fsspec knows, a URL such as s3://bucket/folder. Files are the owner's only,
    on object storage as far as its own rules say so.

    Raises FacesqlError where that cannot be written to.
    """
    with _folder(place) as folder:
        files = TileFiles(folder, {tile: group for group, of_group in tiles.items() for tile in of_group})
        for group in sorted(tiles):
            _write(connection, files.of_group(group), tiles[group])
        yield files


def open_tiles(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Create the view tiled_face of these files; object storage is read by fsspec.

    Raises duckdb.Error where a file cannot be read.
    """
    if _SCHEME in files[0]:
        with suppress(duckdb.InvalidInputException):  # it is known already
            connection.register_filesystem(_filesystem(files[0])[0])
    connection.execute("set variable tile_files = $1", [files])
    connection.execute(engine_sql("create_tiles_read"))


def is_there(file: str) -> bool:
    """Whether a file, by its path or URL, is seen from this machine."""
    try:
        filesystem, path = _filesystem(file)
        return bool(filesystem.exists(path))
    except (OSError, FacesqlError):
        return False


def _write(connection: duckdb.DuckDBPyConnection, file: str, tiles: Sequence[int]) -> None:
    def faces(tile: int) -> pa.Table:
        return connection.sql(engine_sql("faces_of_tile"), params={"tile": tile}).to_arrow_table()

    filesystem, path = _filesystem(file)
    first = faces(tiles[0])
    # Encodings do not get smaller, and so nothing is packed.
    with (
        filesystem.open(path, "wb") as opened,
        pq.ParquetWriter(opened, first.schema, compression="none", use_dictionary=False) as writer,
    ):
        for table in chain([first], map(faces, tiles[1:])):
            writer.write_table(table, row_group_size=len(table))


@contextmanager
def _folder(place: str | Path) -> Iterator[str]:
    """A new folder at a place, which goes when the block ends."""
    if _SCHEME not in str(place):
        with private_folder(Path(place).absolute()) as private:
            yield str(private)
        return
    folder = f"{str(place).rstrip('/')}/facesql.{secrets.token_hex(8)}"
    filesystem, path = _filesystem(folder)
    try:
        filesystem.makedirs(path)
    except Exception as error:  # each kind of storage has its own
        raise FacesqlError(f"Cannot write to {str(place)!r} ({error}); name another place with --shared.") from error
    try:
        yield folder
    finally:
        with suppress(Exception):
            filesystem.rm(path, recursive=True)


def _filesystem(place: str) -> tuple[Any, str]:
    """What reads and writes at a path or URL, and the place as that names it."""
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise FacesqlError(
            f"{place!r} cannot be read or written ({error}); name another place with --shared."
        ) from error
    return filesystem, path
