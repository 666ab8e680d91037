"""A folder of work in progress beside an output: shards, which the next run takes up, and a lock."""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from facesql.errors import FacesqlError
from facesql.output import make_folders, remove_empty, whole_file

# A shard is written at the earliest when so large a part of the run has passed: so those of a run of hours are few.
_PART = 1 / 200
_LOCK, _HOLDER = "lock", "holder.json"


class Shards:
    """The shards of a run, files of finished work that are each written whole, in the order of their numbers.

    One is due every so many seconds: what a kill costs.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self._seconds = seconds
        self._began = self._written = time.monotonic()
        self._number = max((int(path.stem) for path in shards(folder)), default=0)

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        now = time.monotonic()
        return now - self._written >= max(self._seconds, _PART * (now - self._began))

    @contextmanager
    def new(self) -> Iterator[Path]:
        """Yield a path to write to; when the block ends well, what stands there is the next shard."""
        self._number += 1
        with whole_file(self.folder / f"{self._number:06d}.parquet") as path:
            yield path
        self._written = time.monotonic()

    def discard(self) -> None:
        """Remove all shards."""
        for shard in shards(self.folder):
            shard.unlink()


@contextmanager
def working(output: Path, folder: Path) -> Iterator[Path]:
    """Hold the work folder of an output. It goes when the block ends well, and otherwise stays if it has shards.

    Raises FacesqlError where another run holds it, or the folder cannot be made.
    """
    with locked(output, folder):
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(output: Path, folder: Path) -> Iterator[Path]:
    """Hold the work folder of an output, and leave it as it is if it has shards; otherwise it goes.

    Raises FacesqlError where another run holds it, or the folder cannot be made.
    """
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
