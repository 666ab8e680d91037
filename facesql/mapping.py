"""Tables of faces to a map of them, as a chart or as a table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from facesql.binning import Metric
from facesql.chartfiles import file_content, parse_file_format
from facesql.crops import Crops
from facesql.database import engine_sql
from facesql.equivalent import Equivalent
from facesql.facemap import means, nearest_others, place, require
from facesql.mapchart import FaceMap, map_chart
from facesql.output import whole_file
from facesql.provenance import noted_metric
from facesql.sources import opened_tables
from facesql.tables import FacesLike, files_of
from facesql.thumbnails import data_uri

# Points a map has at most, unless more are asked for: LFW's 5,512 people take about 6 seconds of a core, and a page of
# so many still moves at once. So many have a picture: cutting these out takes 3 seconds, and their bytes are 0.9 MB.
LIMIT, PICTURES = 6_000, 1_000
_NEAREST = ("nearest_person", "nearest_id", "distance")
# What all of them are, for limits of SQL.
_ALL = 2**31


def map_faces(
    faces: FacesLike,
    output: Path,
    *,
    each_face: bool = False,
    limit: int = LIMIT,
    seed: int = 0,
    photos: Sequence[Path] = (),
    pictures: bool = True,
    skip_invalid: bool = False,
    progress: bool = False,
) -> tuple[FaceMap, str | None]:
    """Place people, or each face, on a map, and write it to ``output``; its suffix says as what: see FILE_FORMATS.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``. Distances are of the metric that the
    files note, see ``FaceMap.made_for``. A person's place is that of the mean encoding. ``limit`` is how many points
    there are at most: of people with most
    photos. Equal faces and an equal ``seed`` give an equal map. Where the photos are there, or in the folders
    ``photos``, the points most like another person have a picture in a page or in Vega-Lite, unless ``pictures`` is
    False. Returns the map, and a sentence that says why it has no pictures, if so.

    Raises MissingPackageError without openTSNE, InvalidFacesError where rows cannot be compared, and FacesqlError where
    a file cannot be used or written.
    """
    form = parse_file_format(output)
    require()
    pictures = pictures and form in ("html", "vl.json")  # which have tooltips
    with files_of(faces, skip_invalid=skip_invalid) as opened:
        crops = Crops.of(opened.files, photos, wanted=pictures, names=opened.copies)
        with opened_tables(opened.files, skip_invalid=skip_invalid) as (connection, _):
            metric = noted_metric(opened.files)
            placed = face_map(connection, metric, each_face=each_face, limit=limit, seed=seed, progress=progress)
        placed = with_pictures(placed, crops, progress=progress)
    content = file_content(map_chart(placed), placed.table, form)
    with whole_file(output) as path:
        path.write_bytes(content)
    return placed, crops.why() if pictures else None


def face_map(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric = Metric.EUCLIDEAN,
    *,
    each_face: bool = False,
    limit: int = LIMIT,
    seed: int = 0,
    progress: bool = False,
) -> FaceMap:
    """The map, without pictures, of a connection's table faces, whose rows have been checked and are for a metric."""
    equivalent = Equivalent.of(metric)
    most = {"people": _ALL if each_face else limit, "faces": limit if each_face else _ALL}
    chosen = connection.sql(engine_sql("faces_to_map"), params=most).to_arrow_table()
    [(all_faces, _, all_people)] = connection.sql("from face_counts").fetchall()
    encodings = equivalent.encodings(chosen["encoding"].combine_chunks().flatten().to_numpy().reshape(len(chosen), -1))
    rows = pl.DataFrame(chosen.select(["id", "person", "photos"]))
    numbers = rows["person"].rle_id().to_numpy()  # a person's faces follow each other
    nearest, distances = nearest_others(encodings, numbers, progress=progress)
    rows = rows.with_columns(_nearest(rows, nearest, equivalent.told(distances)))
    if each_face:
        points, places = rows, place(encodings, seed)
    else:
        centres = means(encodings, numbers)
        points = _people(rows, np.linalg.norm(encodings - centres[numbers], axis=1))
        places = place(centres, seed)
    table = points.select(
        "person", "id", "photos", pl.Series("x", places[:, 0]), pl.Series("y", places[:, 1]), *_NEAREST
    )
    shown_people = int(numbers[-1]) + 1
    return FaceMap(table, each_face, seed, shown_people, len(chosen), all_people, all_faces, made_for=metric)


def with_pictures(faces: FaceMap, crops: Crops, *, most: int = PICTURES, progress: bool = False) -> FaceMap:
    """The map with pictures of at most so many points, those that are most like another person first."""
    chosen = faces.table.sort("distance", nulls_last=True, maintain_order=True).head(most)
    shown = crops.shown(chosen.select("id", "person").iter_rows(), progress=progress)
    pictures = {id_: data_uri(face.crop) for id_, face in shown.items() if face.crop is not None}
    return replace(faces, pictures=pictures)


def _nearest(rows: pl.DataFrame, nearest: NDArray[np.int64], distances: NDArray[np.float64]) -> list[pl.Series]:
    """The nearest face of another person, its person and how far it is, for each face; null where there is nobody."""
    others = pl.Series(nearest).replace(-1, None)
    return [
        rows["person"].gather(others).alias("nearest_person"),
        rows["id"].gather(others).alias("nearest_id"),
        pl.Series("distance", distances).fill_nan(None),
    ]


def _people(rows: pl.DataFrame, off: NDArray[np.float64]) -> pl.DataFrame:
    """A row a person, in their order: the face that is least ``off`` the mean, and the nearest other."""
    nearest = pl.col(*_NEAREST).sort_by("distance", nulls_last=True, maintain_order=True).first()
    own = pl.col("id").sort_by("off", maintain_order=True).first()
    return (
        rows.with_columns(off=pl.Series(off))
        .group_by("person", maintain_order=True)
        .agg(own, pl.col("photos").first(), nearest)
    )
