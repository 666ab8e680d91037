"""Photos to records, on the workers of a Dask cluster, which see the photos at the same paths as this machine.

A Dask worker starts a process for each of its threads, as one machine does for each core, and its tasks hand batches to
these: dlib holds the GIL, and what a photo does to the process that reads it does not harm the worker.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING

from pebble import ProcessPool

from facesql import encoder
from facesql.errors import FacesqlError
from facesql.records import UNREADABLE, PhotoRecord
from facesql.scheduler import connected, refuse_other
from facesql.workers import (
    DIED,
    Batch,
    Limits,
    Outcomes,
    PhotoToRead,
    outcome,
    read_batch,
    read_batches,
    schedule,
    started,
)

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as Task

# Seconds between two looks at whether there still are workers, and how long there may be none: they may be restarted.
_LOOK, _WITHOUT_WORKERS = 1, 60
# Versions that may differ: numbers do not depend on them.
_WITHOUT_PART = "numpy"
# The address of a worker, and the records of a batch, or the reason why there are none.
Read = tuple[str, list[PhotoRecord] | str]


def read_photos_there(
    address: str,
    photos: Sequence[PhotoToRead],
    prepared: encoder.Encoder,
    limits: Limits,
    done: Callable[[PhotoRecord], None],
) -> None:
    """Call ``done`` with the record of each photo, as ``read_photos`` does, read by workers of a Dask scheduler.

    The batches of a worker that is lost are read by others; a photo that a process dies of, or that takes too long, is
    read again alone, and then gets the record that it would get here. Two batches a thread of the cluster are under way
    at a time. Where the block is left early, the others are cancelled.

    Raises FacesqlError where no scheduler answers, workers have other versions or cannot see the photos, or all are
    lost; MissingPackageError where a package is missing here or there.
    """
    photos = [replace(photo, path=photo.path.absolute()) for photo in photos]
    with connected(address) as client:
        _require_fit(client, prepared, photos[0].path)
        run = secrets.token_hex(8)
        try:
            runner = partial(_as_finished, client, run, prepared, limits)
            read_batches(photos, sum(client.nthreads().values()), runner, done)
        finally:
            with suppress(OSError, TimeoutError):  # a worker or the scheduler that is lost
                client.run(_end, run, on_error="ignore")


def _require_fit(client: "Client", prepared: encoder.Encoder, photo: Path) -> None:
    """Raise FacesqlError where a worker has other versions of what encodes, or does not see the photos."""
    here = _versions(prepared)
    for where, there in client.run(_versions, prepared).items():
        refuse_other(here, there, where)
    if photo.is_file():
        for where, seen in client.run(_sees, photo).items():
            if not seen:
                raise _unseen(photo, where)


def _versions(prepared: encoder.Encoder) -> dict[str, str]:
    return {name: version for name, version in prepared.versions().items() if name != _WITHOUT_PART}


def _sees(photo: Path) -> bool:
    return photo.is_file()


def _unseen(photo: Path, where: str) -> FacesqlError:
    return FacesqlError(
        f"The worker at {where} does not see {str(photo)!r}; mount the folder of photos at the same path on all "
        "workers, with the right to read it, and run again."
    )


def _as_finished(
    client: "Client",
    run: str,
    prepared: encoder.Encoder,
    limits: Limits,
    batches: Iterator[list[PhotoToRead]],
    ahead: int,
) -> Outcomes:
    """Each batch with its records, or with the reason why there are none; at most ``ahead`` batches are under way."""
    pending: dict[Task[Read], list[PhotoToRead]] = {}
    try:
        while True:
            for batch in islice(batches, ahead - len(pending)):
                # Not by its content: what failed is to be done again.
                future = client.submit(_read_there, run, read_batch, batch, prepared, limits, pure=False)
                pending[future] = batch
            if not pending:
                return
            for future in _finished(client, list(pending)):
                batch = pending.pop(future)
                yield batch, _outcome(future, batch)
    finally:
        with suppress(OSError, TimeoutError):
            client.cancel(list(pending), force=True)


def _finished(client: "Client", futures: "Sequence[Task[Read]]") -> "list[Task[Read]]":
    """Those that are finished, of which there is one at least; raises FacesqlError where nobody is left to work."""
    from distributed import CancelledError, wait

    seen = time.monotonic()
    while True:
        try:
            with suppress(TimeoutError), client.as_current():
                return list(wait(futures, timeout=_LOOK, return_when="FIRST_COMPLETED").done)
            if client.nthreads():
                seen = time.monotonic()
        except (OSError, TimeoutError, CancelledError) as error:
            raise _lost() from error
        if time.monotonic() - seen > _WITHOUT_WORKERS:
            raise _lost()


def _lost() -> FacesqlError:
    return FacesqlError(
        "The workers of the cluster are gone, or its scheduler is; what is finished is kept: start them and run again."
    )


def _outcome(future: "Task[Read]", batch: Batch) -> list[PhotoRecord] | str:
    from distributed import CancelledError, KilledWorker

    try:
        where, records = future.result()
    except KilledWorker:  # several workers were lost with it
        return DIED
    except CancelledError as error:  # the scheduler was lost
        raise _lost() from error
    if not isinstance(records, str):
        for photo, record in zip(batch, records, strict=True):
            unread = record.status == UNREADABLE and record.sha256 is None
            if unread and "changed" not in str(record.reason) and _readable(photo.path):
                raise _unseen(photo.path, where)
    return records


def _readable(photo: Path) -> bool:
    try:
        with photo.open("rb"):
            return True
    except OSError:
        return False


# What follows runs in the workers.


class _Processes:
    """The processes of this Dask worker that read photos for a run; they begin with its first task."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._pending: set[Future[list[PhotoRecord]]] = set()
        self._prepared: encoder.Encoder | None = None
        self._ended = False

    def read(
        self, read: Callable[..., list[PhotoRecord]], batch: Batch, prepared: encoder.Encoder, limits: Limits
    ) -> list[PhotoRecord] | str:
        """What a process makes of a batch."""
        with self._lock:
            if self._ended:  # the task comes late
                raise FacesqlError("The run is over.")
            pool, prepared = self._begun(prepared)
            future = schedule(pool, read, batch, prepared, limits)
            self._pending.add(future)
        try:
            return outcome(future, limits)
        finally:
            self._pending.discard(future)

    def _begun(self, prepared: encoder.Encoder) -> tuple[ProcessPool, encoder.Encoder]:
        """The pool, and the encoder as it is here."""
        from distributed import get_worker

        if self._pool is None or self._prepared is None:
            current_process().daemon = False  # Dask's workers are, and such may have no processes of their own
            self._prepared = _here(prepared)
            self._pool = self._stack.enter_context(started(get_worker().state.nthreads, self._prepared))
        return self._pool, self._prepared

    def end(self) -> None:
        """End them, and the tasks that wait for them, which nobody waits for."""
        with self._lock:
            self._ended, self._pool = True, None
            for future in list(self._pending):
                future.cancel()
            self._stack.close()


_RUNS: dict[str, _Processes] = {}


def _read_there(
    run: str, read: Callable[..., list[PhotoRecord]], batch: Batch, prepared: encoder.Encoder, limits: Limits
) -> Read:
    """The address of this worker, and what a process of it makes of a batch."""
    from distributed import get_worker

    return get_worker().address, _RUNS.setdefault(run, _Processes()).read(read, batch, prepared, limits)


def _here(prepared: encoder.Encoder) -> encoder.Encoder:
    """The encoder with the converted network of this machine, which is made where it is not there.

    Raises FacesqlError where another backend would encode here.
    """
    if prepared.model is None or prepared.model.exists():
        return prepared
    own, note = encoder.prepare(prepared.backend, prepared.faces, threads=prepared.threads)
    if own.backend != prepared.backend:
        raise FacesqlError(f"A worker cannot encode as this machine does: {note}; leave it out and run again.")
    return own


def _end(run: str) -> None:
    _RUNS.setdefault(run, _Processes()).end()
