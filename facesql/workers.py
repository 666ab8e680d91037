"""Photos to records, in worker processes that may die or hang without taking the run with them."""

import hashlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from multiprocessing import parent_process, resource_tracker
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import RLock
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from facesql import encoder
from facesql.errors import FacesqlError
from facesql.photos import PhotoError, read_content, read_photo
from facesql.records import FAILED, NO_FACE, UNREADABLE, PhotoRecord

# A worker is given so many photos at a time, or fewer where there are few or their files have so many bytes. So many
# such batches a worker are on their way, enough to keep it busy past a slow one.
BATCH, BATCH_BYTES, AHEAD = 16, 8_000_000, 2
# The faces of a batch are encoded together, or sooner when the photos that hold them have so many numbers.
HELD_NUMBERS = 12_000_000
# Loading a backend takes a second or two; so many seconds are for machines under heavy load.
STARTING_SECONDS = 300
# Windows cannot wait for more processes than that.
MAX_WORKERS = 61 if sys.platform == "win32" else 10_000

Batch = Sequence["PhotoToRead"]
# Batches with their records, or with the reason why there are none, as they are finished; and what gives them, for
# batches of which at most so many may be under way.
Outcomes = Iterator[tuple[list["PhotoToRead"], list[PhotoRecord] | str]]
Runner = Callable[[Iterator[list["PhotoToRead"]], int], Outcomes]
DIED = "the worker process died of it twice, perhaps for want of memory"


@dataclass(frozen=True)
class PhotoToRead:
    """A photo for a worker: the record to fill in, which has the hash of the content, and where the file is."""

    record: PhotoRecord
    path: Path
    bytes: int


@dataclass(frozen=True)
class Limits:
    """What a photo may take: megapixels, and seconds in a worker."""

    max_megapixels: float
    timeout: float


def read_photos(
    photos: Sequence[PhotoToRead],
    prepared: encoder.Encoder,
    limits: Limits,
    workers: int,
    done: Callable[[PhotoRecord], None],
) -> None:
    """Call ``done`` with the record of each photo as it is finished, in no order.

    A batch whose worker dies, or that takes longer than ``limits.timeout``, is read again when all others are
    finished, photo by photo, with no other worker beside; what fails then gets a record that says so.

    Raises FacesqlError where no worker can be started, MissingPackageError where the backend cannot work.
    """
    workers = max(1, min(workers, len(photos), MAX_WORKERS))
    with started(workers, prepared) as pool:
        read_batches(photos, workers, lambda batches, ahead: _as_finished(pool, batches, prepared, limits, ahead), done)


@contextmanager
def started(workers: int, prepared: encoder.Encoder) -> Iterator[ProcessPool]:
    """So many worker processes, which end when the block does.

    Raises FacesqlError where none can be started, MissingPackageError where the backend cannot work.
    """
    # Spawned, not forked: dlib's state does not survive a fork. Processes, not threads: dlib holds the GIL.
    pool = ProcessPool(workers, initializer=_start_worker, context=_Spawning())
    try:
        if sys.platform != "win32":
            resource_tracker.ensure_running()  # its start would end the delay of Ctrl-C
        with _interrupts_later():  # the first task starts all workers
            checks = [pool.schedule(_check, [prepared], timeout=STARTING_SECONDS) for _ in range(workers)]
        checks[0].result()
        yield pool
    except (BrokenExecutor, ProcessExpired, TimeoutError) as error:
        raise FacesqlError(
            "The worker processes cannot be started, perhaps for want of memory; what is finished is kept: run again "
            "with fewer --workers."
        ) from error
    finally:
        with _interrupts_later():  # a second Ctrl-C would leave the workers behind
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()


def read_batches(photos: Batch, workers: int, run: Runner, done: Callable[[PhotoRecord], None]) -> None:
    """Call ``done`` with the record of each photo, read in batches for so many workers by ``run``.

    The photos of batches that failed are then read again, one at a time.
    """
    suspects: list[PhotoToRead] = []
    for batch, records in run(_batches(photos, workers), workers * AHEAD):
        if isinstance(records, str):
            suspects += batch
        else:
            for record in records:
                done(record)
    for [photo], records in run(([photo] for photo in suspects), 1):
        if isinstance(records, str):
            done(replace(photo.record, status=FAILED, reason=records))
        else:
            done(records[0])


class _Spawning(SpawnContext):
    """Spawns processes, and holds the locks of theirs as long as it lives.

    A pool that stops drops its locks before it ends its workers; one that is starting just then would not find them,
    and say so with a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._locks: list[RLock] = []

    def RLock(self) -> RLock:  # noqa: N802  # as multiprocessing names it
        lock = super().RLock()
        self._locks.append(lock)
        return lock


def _batches(photos: Sequence[PhotoToRead], workers: int) -> Iterator[list[PhotoToRead]]:
    most = max(1, min(BATCH, len(photos) // (4 * workers)))
    batch: list[PhotoToRead] = []
    for photo in photos:
        if batch and (len(batch) >= most or sum(other.bytes for other in batch) + photo.bytes > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(photo)
    yield batch


def _as_finished(
    pool: ProcessPool, batches: Iterator[list[PhotoToRead]], prepared: encoder.Encoder, limits: Limits, ahead: int
) -> Outcomes:
    """Each batch with its records, or with the reason why there are none; at most ``ahead`` batches are under way."""
    pending: dict[Future[list[PhotoRecord]], list[PhotoToRead]] = {}
    while True:
        for batch in islice(batches, ahead - len(pending)):
            pending[schedule(pool, read_batch, batch, prepared, limits)] = batch
        if not pending:
            return
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            yield pending.pop(future), outcome(future, limits)


def schedule(
    pool: ProcessPool, read: Callable[..., list[PhotoRecord]], batch: Batch, prepared: encoder.Encoder, limits: Limits
) -> "Future[list[PhotoRecord]]":
    """Let a process read a batch."""
    future: Future[list[PhotoRecord]] = pool.schedule(
        read, [batch, prepared, limits.max_megapixels], timeout=limits.timeout
    )
    return future


def outcome(future: "Future[list[PhotoRecord]]", limits: Limits) -> list[PhotoRecord] | str:
    """The records of a batch, or the reason why there are none."""
    try:
        return future.result()
    except TimeoutError:
        return f"takes longer than {limits.timeout:g} s; --timeout sets the limit"
    except ProcessExpired:
        return DIED
    except (RuntimeError, MemoryError) as error:
        return f"the encoder fails: {error}"


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Put Ctrl-C and a plain kill off until the block ends, and keep Ctrl-C from the processes started in it, for good.

    Only the main thread can, and only it is told of one. Threads started here keep it from their processes, too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    stops = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(stop, lambda number, _: caught.append(number)) for stop in stops]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if sys.platform != "win32" else None
    try:
        yield
    finally:
        if sys.platform != "win32" and mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for stop, handler in zip(stops, before, strict=True):
            signal.signal(stop, handler)
    for number in caught[:1]:
        signal.raise_signal(number)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent does, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


@cache
def _backend(prepared: encoder.Encoder) -> encoder.Backend:
    """The backend of this worker, loaded once."""
    return prepared.load()


def _check(prepared: encoder.Encoder) -> None:
    """Load the backend of this worker: what is wrong with it is told before the first photo."""
    _backend(prepared)


def read_batch(photos: Batch, prepared: encoder.Encoder, max_megapixels: float) -> list[PhotoRecord]:
    """A record a photo, in order, read by this process: no photo raises, but the encoder may die of one.

    Raises MissingPackageError where the backend cannot work.
    """
    backend = _backend(prepared)
    records: list[PhotoRecord] = []
    held: list[tuple[PhotoRecord, list[encoder.FoundFace]]] = []
    for photo in photos:
        held.append(_look(photo, backend, max_megapixels))
        if sum(face.content.size for _, found in held for face in found[:1]) > HELD_NUMBERS:
            records += _encoded(held, backend)
            held = []
    return records + _encoded(held, backend)


def _encoded(
    held: Sequence[tuple[PhotoRecord, list[encoder.FoundFace]]], backend: encoder.Backend
) -> list[PhotoRecord]:
    """The records with their faces, encoded together."""
    faces = iter(backend.encode([face for _, found in held for face in found]))
    return [replace(record, faces=tuple(islice(faces, len(found)))) for record, found in held]


def _look(
    photo: PhotoToRead, backend: encoder.Backend, max_megapixels: float
) -> tuple[PhotoRecord, list[encoder.FoundFace]]:
    """The record of a photo without its faces, and what was found of those."""
    record = photo.record
    found: list[encoder.FoundFace] = []
    try:
        content = read_content(photo.path, max_megapixels)
        if hashlib.sha256(content).hexdigest() != record.sha256:
            reason = "changed while it was read; run again"
            return replace(record, sha256=None, status=UNREADABLE, reason=reason), found
        read = read_photo(content, max_megapixels)
        height, width = read.pixels.shape[:2]
        record = replace(record, width=width, height=height, note=read.note)
        found = backend.find(read.pixels)
    except OSError as error:
        record = replace(record, sha256=None, status=UNREADABLE, reason=f"cannot be read: {error.strerror}")
    except PhotoError as error:
        record = replace(record, status=error.status, reason=error.reason)
    except (RuntimeError, MemoryError) as error:
        record = replace(record, status=FAILED, reason=f"the encoder fails: {error}")
    else:
        if not found:
            record = replace(record, status=NO_FACE, reason="the detector finds no face")
    return record, found
