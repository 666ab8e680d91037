"""One photo and a table of faces: who is nearest, and what that means by a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from facesql.binning import Metric
from facesql.database import engine_sql
from facesql.encoder import ENCODING_SIZE, TOLERANCE
from facesql.errors import FacesqlError
from facesql.faces import read_metadata
from facesql.nearest import PEOPLE, distances_from, nearest_people
from facesql.photofaces import PhotoFaces, read_faces
from facesql.photos import MAX_MEGAPIXELS
from facesql.provenance import fitting_metric, refuse_different, untold
from facesql.sources import opened_tables, rows_of_photos
from facesql.tables import FacesLike, files_of
from facesql.verdicts import MEANING, Judge, meanings

# So many people are told of where nothing is said.
MOST = 5
# One picture of a face, encoded by either backend, is at most so far from itself.
SAME = TOLERANCE * ENCODING_SIZE**0.5
# One row for each face of the photo and person near it, the nearest first.
IDENTIFIED = pl.Schema([("face", pl.Int64), *PEOPLE.items(), *MEANING.items()])


@dataclass(frozen=True)
class Identification:
    """What ``identify_photo`` found."""

    photo: PhotoFaces
    tables: Sequence[Path | str]
    """What the tables are called: files by their paths."""
    faces: int
    """How many faces the tables hold, and of how many people."""
    people: int
    table: pl.DataFrame
    """With the schema IDENTIFIED; the photo's faces are numbered from 1, from left to right."""
    itself: Sequence[tuple[str, str]]
    """The faces of the tables that are of this photo, as id and person: nobody is told to be near by them."""
    judge: Judge | None
    doubts: Sequence[str] = ()
    """Sentences on what makes the distances doubtful."""


def identify_photo(
    photo: Path,
    faces: FacesLike,
    report: Path | None = None,
    *,
    most: int = MOST,
    genuine_share: float | None = None,
    skip_invalid: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Identification:
    """Find the people who are nearest to each face of a photo, in one or several tables of faces.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``. A person is as near as the nearest of
    their faces; distances are Euclidean, in float64. The photo is encoded as the first file notes that its faces were.
    Faces of the very same photo are told of and left out: those at a distance of 0, but for what backends differ in,
    and those whose photo has the same content, where the table of photos stands beside a file. ``report`` and
    ``genuine_share`` are as for ``compare_photos``; ``most`` is how many people there are for each face.

    Raises FacesqlError where the photo cannot be read or has no face, a file cannot be used, or files, report and photo
    are of different encodings; InvalidFacesError for rows that cannot be compared, unless ``skip_invalid``.
    """
    judge = None if report is None else Judge.of(report, genuine_share)
    opening = files_of(faces, skip_invalid=skip_invalid)
    with opening as opened, opened_tables(opened.files, skip_invalid=skip_invalid) as (connection, _):
        files = opened.files
        gallery, encodings = _gallery(connection, files)
        made = read_metadata(files[0])
        _refuse_other_metric(files[0], made)
        if judge is not None:
            remedy = f"make a report on {str(files[0])!r}: facesql analyze {str(files[0])!r}"
            refuse_different(str(files[0]), made, str(judge.report), judge.made, remedy)
        [asked], doubts = read_faces([photo], made, str(files[0]), max_megapixels=max_megapixels)
        copies = _copies(connection, files, gallery, asked.sha256)
        doubts = [opened.told(doubt) for doubt in (*doubts, *untold(str(files[0]), made))]
    if judge is not None:
        doubts += untold(str(judge.report), judge.made)
    found, itself = [], copies
    for number, face in enumerate(asked.faces, 1):
        distances = distances_from(face.encoding, encodings)
        same = copies | (distances <= SAME)
        itself = itself | same
        people = nearest_people(gallery.filter(~same), distances[~same], most)
        told = meanings(people["distance"], judge)
        found.append(pl.concat([people, told], how="horizontal").with_columns(face=pl.lit(number, pl.Int64)))
    return Identification(
        photo=asked,
        tables=list(map(opened.named, files)),
        faces=gallery.height,
        people=gallery["person"].n_unique(),
        table=pl.concat(found).select(IDENTIFIED.names()),
        itself=gallery.filter(itself).select("id", "person").rows(),
        judge=judge,
        doubts=doubts,
    )


def _refuse_other_metric(file: Path, made: Mapping[str, str]) -> None:
    if (metric := fitting_metric({file: made})) is not Metric.EUCLIDEAN:
        raise FacesqlError(
            f"{str(file)!r} is made for the metric {metric}, and photos are compared by Euclidean distances; name a "
            "table that facesql or face_recognition encoded."
        )


def _gallery(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[pl.DataFrame, NDArray[np.floating]]:
    """The faces of the tables, a row each, and in step their encodings (n, 128)."""
    table = connection.sql(engine_sql("faces_to_search")).to_arrow_table()
    encodings = table["encoding"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    if encodings.shape[1] != ENCODING_SIZE:
        raise FacesqlError(
            f"{str(files[0])!r} is of encodings of {encodings.shape[1]} numbers, and photos are encoded to "
            f"{ENCODING_SIZE}; name a table that facesql or face_recognition encoded."
        )
    return pl.DataFrame(table.drop_columns("encoding")), encodings


def _copies(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], gallery: pl.DataFrame, sha256: str
) -> NDArray[np.bool_]:
    """Which faces are of photos with that content, as far as the tables of photos beside the files tell."""
    copies = np.zeros(gallery.height, bool)
    for file in files:
        ids = [id_ for (id_,) in rows_of_photos(connection, file, "photos_of_content", sha256=sha256)]
        of_file = (pl.col("faces_file") == str(file)) & pl.col("photo").is_in(ids)
        copies |= gallery.select(of_file.fill_null(value=False)).to_series().to_numpy()
    return copies
