"""A table of faces to the files of the Embedding Projector, which TensorBoard has and projector.tensorflow.org shows.

Their forms are those that TensorBoard's plugin reads: a vector a line, tabs between its numbers; what each point is,
likewise, below a line of names; one picture of all points' pictures; and a configuration that names these files.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from facesql.crops import Crops
from facesql.database import engine_sql
from facesql.errors import FacesqlError
from facesql.faces import FACES
from facesql.output import whole_files
from facesql.sources import opened_tables
from facesql.tables import FacesLike, files_of
from facesql.thumbnails import sprite, sprite_side

VECTORS, METADATA, SPRITE, CONFIG = "vectors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt"
# The columns that every table of faces has, or facesql adds; all others are carried along.
_OWN = {*FACES.names, "file_row", "faces_file"}


@dataclass(frozen=True)
class Projected:
    """What was written: a point a face, of so many numbers, told of by ``columns``; so many have a picture."""

    folder: Path
    faces: int
    people: int
    numbers: int
    columns: Sequence[str]
    pictures: int
    why_none: str | None
    """Why there are no pictures at all, if so."""


def write_projector(
    faces: FacesLike,
    folder: Path,
    *,
    photos: Sequence[Path] = (),
    pictures: bool = True,
    skip_invalid: bool = False,
    progress: bool = False,
) -> Projected:
    """Write the faces of tables into a folder, in the order of their people, for the Embedding Projector.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``.
    vectors.tsv has the encodings, so written that they are read back equal; metadata.tsv the person, the id, and what
    other columns of single values there are; sprite.png a picture of each face, where photos are there, or in the
    folders ``photos``, unless ``pictures`` is False; and projector_config.pbtxt says that these belong together.

    Raises InvalidFacesError where rows cannot be compared, and FacesqlError where a file cannot be used, encodings have
    fewer than two numbers, or the folder cannot be written to.
    """
    if folder.is_file():
        raise FacesqlError(f"{str(folder)!r} is a file; name a folder with -o.")
    with files_of(faces, skip_invalid=skip_invalid) as opened:
        with opened_tables(opened.files, skip_invalid=skip_invalid) as (connection, _):
            table = connection.sql(engine_sql("mapped_faces")).to_arrow_table()
        rows = list(zip(table["id"].to_pylist(), table["person"].to_pylist(), strict=True))
        crops = Crops.of(opened.files, photos, wanted=pictures, names=opened.copies)
        shown = crops.shown(rows, progress=progress)
    encodings = table["encoding"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    if encodings.shape[1] < 2:
        raise FacesqlError("The Embedding Projector shows encodings of at least two numbers, and these have one.")
    told = _told(table)
    cut = [shown[id_].crop for id_, _ in rows]
    has_sprite = any(crop is not None for crop in cut)
    with whole_files(folder) as private:
        (private / VECTORS).write_bytes(_vectors(encodings))
        (private / METADATA).write_text(_lines([list(told), *zip(*told.values(), strict=True)]), "utf-8", newline="\n")
        (private / CONFIG).write_text(_config(len(rows) if has_sprite else 0), "utf-8", newline="\n")
        if has_sprite:
            (private / SPRITE).write_bytes(sprite(cut))
    if not has_sprite:  # an earlier one would show other faces
        (folder / SPRITE).unlink(missing_ok=True)
    people = len({person for _, person in rows})
    count = sum(crop is not None for crop in cut)
    return Projected(folder, len(rows), people, encodings.shape[1], list(told), count, crops.why())


def _vectors(encodings: NDArray[np.floating]) -> bytes:
    """A line an encoding, each number in as few digits as tell it from all others of its type."""
    return pl.DataFrame(encodings).write_csv(include_header=False, separator="\t").encode()


def _told(table: pa.Table) -> dict[str, list[str]]:
    """What is told of each face, as text, by column: person and id first."""
    columns = {name: table[name] for name in ("person", "id")}
    for name in table.column_names:
        if name.lower() not in _OWN and not pa.types.is_nested(table.schema.field(name).type):
            columns[name] = table[name]
    return {
        name: ["" if value is None else str(value) for value in column.to_pylist()] for name, column in columns.items()
    }


def _lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows of values as lines; the projector knows no quotes, so what would part a value is a space in it."""
    return "".join(
        "\t".join(re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]+", " ", value) for value in row) + "\n" for row in rows
    )


def _config(pictures: int) -> str:
    """The configuration, of files beside it; so many pictures are in the sprite, and at 0 there is none."""
    named = [f'  tensor_name: "faces"\n  tensor_path: "{VECTORS}"\n  metadata_path: "{METADATA}"\n']
    if pictures:
        side = sprite_side(pictures)
        sides = f"    single_image_dim: {side}\n" * 2
        named.append(f'  sprite {{\n    image_path: "{SPRITE}"\n{sides}  }}\n')
    return f"embeddings {{\n{''.join(named)}}}\n"
