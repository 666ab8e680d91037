"""Counts that need not be counted again: those of a stopped analysis, and of the report that is to be replaced."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.counts import COUNTS
from facesql.database import connect_to
from facesql.errors import FacesqlError
from facesql.workfolder import Shards, shards, working

# To write all counts of some thousand faces takes as long as to count them: an analysis of seconds has no shards.
_SECONDS = 3.0
_FINGERPRINT = "fingerprint"
_COLUMNS = [*COUNTS.names, _FINGERPRINT]


class KeptCounts:
    """What is counted, in shards in a work folder, and what earlier runs left."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._database = database
        self._shards = Shards(folder, _SECONDS)
        self._held: list[pa.Table] = []

    @property
    def folder(self) -> Path:
        """The work folder."""
        return self._shards.folder

    def known(self) -> Iterator[pa.Table]:
        """What earlier runs left, see ``known_counts``."""
        return known_counts(self._shards.folder, self._database)

    def discard(self) -> None:
        """Remove what a stopped analysis left."""
        self._shards.discard()

    def keep(self, counts: pa.Table) -> None:
        """Keep counts: at once in memory, soon in a shard."""
        self._held.append(counts)
        if self._shards.due:
            with self._shards.new() as path:
                pq.write_table(pa.concat_tables(self._held), path, compression="zstd", write_page_checksum=True)
            self._held = []


def known_counts(folder: Path, database: Path) -> Iterator[pa.Table]:
    """Tables of counts, as block_pair_counts has them: of an earlier report's database, and of shards in a work folder.

    What cannot be read is passed over, and so counted again.
    """
    if database.is_file():
        with suppress(duckdb.Error), connect_to(database) as connection:
            counts = connection.sql("from block_pair_counts").to_arrow_table()
            if counts.column_names == _COLUMNS:
                yield counts
    for shard in shards(folder):
        with suppress(OSError, pa.ArrowException):
            yield pq.read_table(shard, columns=_COLUMNS, partitioning=None, page_checksum_verification=True)


def counts_path(report: Path) -> Path:
    """The folder of a stopped analysis: report.work beside report.

    Raises FacesqlError where a report has no name, and so nothing can stand beside it.
    """
    named = report if report.name else report.absolute()  # "." has no name
    if not named.name:
        raise FacesqlError(f"{str(report)!r} cannot hold a report; name another folder with -o.")
    return named.with_name(f"{named.name}.work")


@contextmanager
def keeping_counts(report: Path, database: Path) -> Iterator[KeptCounts]:
    """Hold the work folder beside a report, whose database is ``database``. It goes when the block ends well.

    Raises FacesqlError where another run holds it, or it cannot be made.
    """
    with working(report, counts_path(report)) as folder:
        yield KeptCounts(folder, database)
