"""Photos encoded so far, in shards beside the table that they are for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from facesql.faces import read_metadata, write_table
from facesql.records import PhotoRecord, photos_table, read_records
from facesql.workfolder import Shards, shards, working

_SECONDS = 1.0


def work_path(faces: Path) -> Path:
    """The folder of work in progress: faces.work beside faces.parquet."""
    return faces.with_suffix(".work")


class Work:
    """The shards of a run: tables of photos."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shards = Shards(folder, _SECONDS)
        self._held: list[PhotoRecord] = []

    def resume(self) -> tuple[list[PhotoRecord], dict[str, str]]:
        """The records in shards of earlier runs, and how they were made; a broken shard is discarded."""
        finished: list[PhotoRecord] = []
        made: dict[str, str] = {}
        for shard in shards(self.folder):
            try:
                finished += read_records(shard)
                made = read_metadata(shard)
            except ValueError:
                shard.unlink()
        return finished, made

    def discard(self) -> None:
        """Remove all shards."""
        self._shards.discard()

    def keep(self, record: PhotoRecord, made: Mapping[str, str]) -> None:
        """Keep a finished photo: at once in memory, soon in a shard."""
        self._held.append(record)
        if self._shards.due:
            self.flush(made)

    def flush(self, made: Mapping[str, str]) -> None:
        """Write what is held to a shard. ``made`` are the settings and versions of the run."""
        if self._held:
            with self._shards.new() as path:
                write_table(photos_table(self._held), path, made)
            self._held = []


@contextmanager
def working_on(faces: Path) -> Iterator[Work]:
    """Hold the work folder of a table. It goes when the block ends well, and otherwise stays if it has shards.

    Raises FacesqlError where another run holds it, or the folder cannot be made.
    """
    with working(faces, work_path(faces)) as folder:
        yield Work(folder)
