"""One face and many: how far it is from each, and from whose photos."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Faces that are compared at a time: their differences stay in the processor's caches.
_STRIP = 4096

PEOPLE = pl.Schema(
    {
        "rank": pl.Int64,
        "person": pl.String,
        "id": pl.String,  # the nearest face
        "distance": pl.Float64,  # of that
        "median": pl.Float64,  # of the distances of all faces of that person
        "faces": pl.Int64,
    }
)


def distances_from(encoding: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """The Euclidean distances of an encoding (d,) from others (n, d): float64, (n,).

    They are those that ``facesql.distance.pair_distance`` gives, to the last digit: sums are taken from left to right,
    for many faces at once.

    >>> distances_from(np.array([0.0, 0.0]), np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [5.0, 0.0]
    """
    found = np.zeros(len(others))
    own = encoding.astype(np.float64)[:, np.newaxis]
    for start in range(0, len(others), _STRIP):
        part = slice(start, start + _STRIP)
        sums = found[part]  # a view
        for differences in own - others[part].astype(np.float64).T:
            sums += differences * differences
    return np.sqrt(found)


def nearest_people(faces: pl.DataFrame, distances: NDArray[np.float64], most: int) -> pl.DataFrame:
    """The people who are nearest, at most so many: the schema PEOPLE, a row a person, the nearest first.

    ``faces`` has columns person and id, a row a face, in step with ``distances``. Equal distances stand in the order of
    ids.
    """
    return (
        faces.select("person", "id")
        .with_columns(distance=distances)
        .sort("distance", "id")
        .group_by("person", maintain_order=True)
        .agg(
            pl.col("id").first(),
            pl.col("distance").first(),
            pl.col("distance").median().alias("median"),
            pl.len().cast(pl.Int64).alias("faces"),
        )
        .head(most)
        .with_row_index("rank", 1)
        .select(pl.col(name).cast(kind) for name, kind in PEOPLE.items())
    )
