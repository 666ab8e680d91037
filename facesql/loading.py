"""Tables of faces to the table that is compared: checked, corrected, without duplicates, and with bins that fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from facesql.binning import Bins, Metric
from facesql.correcting import Corrected, Corrections, correct_faces
from facesql.database import engine_sql
from facesql.duplicates import find_repeats
from facesql.errors import FacesqlError
from facesql.faces import check_files, limit_memory, load_faces
from facesql.fitting import choose_bins, set_bins, set_metric
from facesql.provenance import fitting_metric, read_made


@dataclass(frozen=True)
class Chosen:
    """Which faces are compared, and how: tables of faces and what is done to them before."""

    files: Sequence[Path]
    metric: Metric | None = None
    """None: the one that the tables note, or else the Euclidean one."""
    bin_width: Decimal | None = None
    max_distance: Decimal | None = None
    skip_invalid: bool = False
    corrections: Corrections | None = None
    drop_duplicates: bool = False
    memory_limit: int | None = None

    def load(self, connection: duckdb.DuckDBPyConnection) -> "Loaded":
        """Fill the tables faces and binning of a report's new database, corrected before duplicates are dropped.

        Raises FacesqlError where a file cannot be used, files do not fit together or no face is left.
        """
        check_files(connection, self.files)
        made = read_made(self.files)
        limit = limit_memory(connection, self.files, self.memory_limit)
        metric = fitting_metric(made, self.metric)
        set_metric(connection, metric)
        skipped = load_faces(connection, self.files, skip_invalid=self.skip_invalid)
        corrected = Corrected() if self.corrections is None else correct_faces(connection, self.corrections)
        dropped = _drop_duplicates(connection) if self.drop_duplicates else 0
        bins = choose_bins(connection, metric, self.bin_width, self.max_distance)
        set_bins(connection, bins)
        return Loaded(made, skipped, corrected, dropped, bins, limit)

    def binned(self, bins: Bins) -> "Chosen":
        """The same in these bins."""
        return replace(self, metric=bins.metric, bin_width=bins.width, max_distance=bins.last * bins.width)


@dataclass(frozen=True)
class Loaded:
    """What table faces holds: how each file was made, what was left out and renamed, and the bins."""

    made: Mapping[Path, Mapping[str, str]]
    skipped: int
    """Rows left out as invalid."""
    corrected: Corrected
    dropped: int
    """Faces left out as nearly the same picture as another."""
    bins: Bins
    database_bytes: int


def _drop_duplicates(connection: duckdb.DuckDBPyConnection) -> int:
    """Delete the faces that repeat others from table faces; returns how many."""
    faces = connection.sql(engine_sql("faces_in_order")).to_arrow_table()
    encodings = faces["encoding"].combine_chunks().flatten().to_numpy().reshape(len(faces), -1)
    ids, people, photos = (faces[name].to_pylist() for name in ("id", "person", "photo"))
    repeated = find_repeats(encodings, people, photos).repeated
    if len(repeated) == len(ids):
        raise FacesqlError(
            "Every face is nearly the same picture as another person's; correct their names, or go on without "
            "--drop-duplicates."
        )
    connection.execute(engine_sql("delete_faces"), {"ids": [ids[row] for row in repeated]})
    return len(repeated)
