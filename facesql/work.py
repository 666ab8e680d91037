"""Work in progress beside its output: finished photos in shards, which the next run takes up, and a lock."""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from facesql.errors import FacesqlError
from facesql.faces import read_metadata, write_table
from facesql.output import make_folders, remove_empty, whole_file
from facesql.records import PhotoRecord, photos_table, read_records

# A shard is written when so many seconds have passed, or so large a part of the run: what a kill costs, and what keeps
# the shards of a run of hours few.
_SECONDS, _PART = 1.0, 1 / 200
_LOCK, _HOLDER = "lock", "holder.json"


def work_path(faces: Path) -> Path:
    """The folder of work in progress: faces.work beside faces.parquet."""
    return faces.with_suffix(".work")


class Work:
    """The shards of a run: tables of photos, each written whole, in the order of their numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: list[PhotoRecord] = []
        self._began = self._written = time.monotonic()
        self._number = max((int(path.stem) for path in shards(folder)), default=0)

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
        for shard in shards(self.folder):
            shard.unlink()

    def keep(self, record: PhotoRecord, made: Mapping[str, str]) -> None:
        """Keep a finished photo: at once in memory, soon in a shard."""
        self._held.append(record)
        now = time.monotonic()
        if now - self._written >= max(_SECONDS, _PART * (now - self._began)):
            self.flush(made)

    def flush(self, made: Mapping[str, str]) -> None:
        """Write what is held to a shard. ``made`` are the settings and versions of the run."""
        self._written = time.monotonic()
        if not self._held:
            return
        self._number += 1
        with whole_file(self.folder / f"{self._number:06d}.parquet") as path:
            write_table(photos_table(self._held), path, made)
        self._held = []


@contextmanager
def working(output: Path) -> Iterator[Work]:
    """Hold the work folder of an output. It goes when the block ends well, and otherwise stays if it has shards.

    Raises FacesqlError where another run holds it, or the folder cannot be made.
    """
    with locked(output) as folder:
        yield Work(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(output: Path) -> Iterator[Path]:
    """Hold the work folder of an output, and leave it as it is if it has shards; otherwise it goes.

    Raises FacesqlError where another run holds it, or the folder cannot be made.
    """
    folder = work_path(output)
    made = make_folders(folder)
    lock = FileLock(folder / _LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FacesqlError(
            f"{str(output)!r} is being made by {_holder(folder)}; wait for its end, or name another output with -o."
        ) from error
    except OSError as error:
        raise FacesqlError(
            f"Cannot write to {str(folder)!r}: {error.strerror or error}; mend that and run again."
        ) from error
    try:
        with suppress(OSError):  # a full disk is told about by whoever writes what matters
            (folder / _HOLDER).write_text(json.dumps({"process": os.getpid(), "machine": socket.gethostname()}))
        yield folder
    finally:
        if not any(shards(folder)):
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        if not output.exists():
            remove_empty(made)


def shards(folder: Path) -> list[Path]:
    """The shards in a work folder, in their order."""
    return sorted(path for path in folder.glob("*.parquet") if path.stem.isdecimal())


def _holder(folder: Path) -> str:
    try:
        holder = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
        return f"process {holder['process']} on {holder['machine']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
