"""A table of faces as a folder of Parquet files, a file for each block of people."""

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from facesql.database import connect, engine_sql
from facesql.errors import FacesqlError
from facesql.faces import write_table
from facesql.parts import BLOCK, PART, partition

_OURS = re.compile(rf"{BLOCK}=\d\d(/{re.escape(PART)})?")


def write_partitioned(faces: pa.Table, folder: Path, metadata: Mapping[str, str]) -> None:
    """Write a table to a new folder: the rows of each block that has people to ``block=07/faces.parquet``.

    Each file has the schema and all of the metadata, and its rows in the order of the table. Without rows there is one
    file, of block 0.
    """
    blocks = _blocks(faces["person"].combine_chunks())
    for block in sorted(set(blocks.to_pylist())) or [0]:
        file = folder / partition(block)
        file.parent.mkdir(parents=True, mode=0o700)
        write_table(faces.filter(pa.compute.equal(blocks, block)), file, metadata)


def refuse_folder(output: Path) -> None:
    """Raise FacesqlError where something stands that a partitioned table must not replace."""
    if output.exists() and not output.is_dir():
        raise FacesqlError(f"{str(output)!r} is a file; name a folder with -o, or leave --partitioned out.")
    for path in output.rglob("*") if output.exists() else ():
        if not _OURS.fullmatch(inside := path.relative_to(output).as_posix()):
            raise FacesqlError(
                f"{str(output)!r} holds {inside!r}, and a partitioned table would replace all that is there; name "
                "another folder with -o."
            )


def _blocks(people: pa.Array) -> pa.Array:
    """The block of each person, by sql/person_block.sql."""
    names = people.unique().to_pylist()
    with connect() as connection:
        rows = connection.execute(engine_sql("blocks_of_people"), {"people": names}).fetchall()
    blocks = dict(rows)
    return pa.array([blocks[person] for person in people.to_pylist()], pa.int32())
