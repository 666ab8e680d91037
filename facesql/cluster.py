"""The batches of the self-join on a Dask cluster: given out, joined by workers, taken back in their order."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from facesql.binning import Bins
from facesql.database import connect_plain, first_words
from facesql.errors import FacesqlError
from facesql.pairs import Batch, Join, Plan, join_batch
from facesql.scheduler import connected, refuse_other, versions
from facesql.tilefiles import TileFiles, is_there, open_tiles, tile_files

if TYPE_CHECKING:
    from distributed import Client

GO_ON = "what was counted is kept, so run the same command again to go on"
# How many batches a thread of the cluster has or waits for; and how many are out, or wait for an earlier one, in all.
_OUT, _UNORDERED = 3, 12
# A batch for a cluster is so many of those for one process, but leaves each thread so many of them.
_LARGER, _BATCHES_A_THREAD = 4, 6
# Every so many seconds without news the connection is looked at. A connection that broke, and a cluster whose workers
# are gone, has so many to come back.
LOOK, RETURN = 1.0, 30.0


@dataclass(frozen=True)
class Size:
    """How large a cluster is."""

    address: str
    workers: int
    threads: int


@dataclass(frozen=True)
class Work:
    """What each batch of an analysis needs to know."""

    number: str
    """The type of the encodings' numbers, "float" or "double"."""
    bins: Bins
    versions: Mapping[str, str]


class LostError(FacesqlError):
    """The connection to the scheduler broke, and what it was asked for is forgotten."""

    def __init__(self, address: str) -> None:
        super().__init__(f"The connection to the scheduler at {address!r} was lost; {GO_ON}.")


class Workers:
    """The workers of a cluster, as a context manager: connected when the block begins, let go when it ends.

    Raises what ``scheduler.connected`` does.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._futures.clear()
        self._stack.close()

    def require_seen(self, file: str) -> None:
        """Raise FacesqlError where a worker cannot see a file."""
        try:
            seen = self._client.run(is_there, file, on_error="ignore")
        except OSError as error:
            raise LostError(self.address) from error
        for worker, there in seen.items():
            if not there:
                raise _unseen(worker, file)

    def submit(self, number: int, task: Callable[..., pa.Table], *arguments: object) -> None:
        """Let a worker call a function; ``take`` gives the result, under this number.

        Raises LostError where the connection broke.
        """
        finished = self._finished  # that of this connection
        try:
            future = self._client.submit(task, *arguments, pure=False)
        except Exception as error:  # a closed client's
            raise LostError(self.address) from error
        future.add_done_callback(lambda _: finished.put(number))
        self._futures[number] = future

    def take(self) -> tuple[int, pa.Table]:
        """The number and the result of what is finished next.

        Raises FacesqlError where a task failed, or no worker is left; LostError where the connection broke.
        """
        number = self._next()
        future = self._futures.pop(number)
        try:
            return number, future.result()
        except Exception as error:  # of as many kinds as there are ways to break
            if future.status == "error":
                raise _failed(error) from error
            raise LostError(self.address) from error

    def reconnect(self) -> None:
        """Connect again, and forget what was submitted.

        Raises FacesqlError where that fails for half a minute.
        """
        until = time.monotonic() + RETURN
        while True:
            self._stack.close()
            try:
                self._connect()
            except FacesqlError as error:
                if time.monotonic() > until:
                    raise FacesqlError(
                        f"The scheduler at {self.address!r} was lost and did not come back; {GO_ON}."
                    ) from error
                time.sleep(LOOK)
            else:
                return

    def _connect(self) -> None:
        self._client: Client = self._stack.enter_context(connected(self.address))
        self._finished: SimpleQueue[int] = SimpleQueue()
        self._futures: dict[int, Any] = {}
        self._manned = time.monotonic()
        self._look()

    def _next(self) -> int:
        while True:
            if time.monotonic() - self._looked > LOOK:
                self._look()
            with suppress(Empty):
                return self._finished.get(timeout=LOOK)

    def _look(self) -> None:
        """See that the connection holds, and how many workers there are."""
        try:
            threads = self._client.nthreads() if self._client.status == "running" else None
        except OSError as error:
            raise LostError(self.address) from error
        if threads is None:
            raise LostError(self.address)
        self._looked = time.monotonic()
        if threads:
            self.size = Size(self.address, len(threads), sum(threads.values()))
            self._manned = self._looked
        elif self._looked - self._manned > RETURN:
            raise FacesqlError(f"The scheduler at {self.address!r} has lost all its workers; {GO_ON}.")


@contextmanager
def spread(
    connection: duckdb.DuckDBPyConnection, plan: Plan, workers: Workers, place: str | Path
) -> Iterator[tuple[Plan, Join | None]]:
    """A plan with batches that suit a cluster, and what joins them there, for ``count_pairs``; see ``joining``."""
    if not plan.to_do:
        yield plan, None
        return
    with joining(connection, plan.tiles_to_do(), plan.number, plan.bins, workers, place) as join:
        yield larger(plan, workers.size), join


@contextmanager
def joining(
    connection: duckdb.DuckDBPyConnection,
    tiles: Mapping[int, Sequence[int]],
    number: str,
    bins: Bins,
    workers: Workers,
    place: str | Path,
) -> Iterator[Join]:
    """What joins batches of table tiled_face on a cluster, while the block runs, with the counts of one process.

    ``tiles`` are those that batches may have, by group; ``number`` is the type of the encodings' numbers. They are
    written into a folder at a place that the workers see, which goes when the block ends.

    Raises FacesqlError where tiles cannot be written or a worker does not see them.
    """
    with tile_files(connection, tiles, place) as files:
        workers.require_seen(files.of_group(min(tiles)))
        yield _joining(workers, files, Work(number, bins, versions()))


def larger(plan: Plan, size: Size) -> Plan:
    """The plan with larger batches, which have less overhead, but not so large that threads wait at the end."""
    to_do = sum(
        len(a.tiles) * (len(a.tiles) + 1) // 2 if a is b else len(a.tiles) * len(b.tiles) for a, b in plan.to_do
    )
    fair = to_do // (_BATCHES_A_THREAD * size.threads)
    return replace(plan, batch_tiles=max(1, min(_LARGER * plan.batch_tiles, fair)))


def _joining(workers: Workers, files: TileFiles, work: Work) -> Join:
    def join(
        batches: Iterator[Batch], counted: Callable[[int], object]
    ) -> Generator[tuple[Batch, pa.Table], None, None]:
        ahead = enumerate(batches)
        out: dict[int, Batch] = {}
        back: dict[int, tuple[Batch, pa.Table]] = {}
        first = 0

        def submit(number: int, batch: Batch) -> None:
            workers.submit(number, join_tiles, work, files.of(batch), batch)

        while True:
            threads = workers.size.threads
            room = min(_OUT * threads - len(out), _UNORDERED * threads - len(out) - len(back))
            given = list(islice(ahead, max(0, room)))
            out.update(given)
            if not out:
                return
            try:
                for number, batch in given:
                    submit(number, batch)
                number, table = workers.take()
            except LostError:
                workers.reconnect()
                for number, batch in out.items():
                    submit(number, batch)
                continue
            counted(pairs_in(table))
            back[number] = out.pop(number), table
            while first in back:
                yield back.pop(first)
                first += 1

    return join


def pairs_in(counts: pa.Table) -> int:
    """How many pairs a table of counts has."""
    return int(pc.sum(pc.list_flatten(counts["pairs"])).as_py() or 0)


def join_tiles(work: Work, files: Sequence[str], batch: Batch) -> pa.Table:
    """What a worker does: one batch, as ``join_batch`` gives it, of the tiles in these files.

    Raises FacesqlError where its versions are not those of the driver, or it cannot read the files.
    """
    from distributed import get_worker

    worker = get_worker()
    refuse_other(work.versions, versions(), worker.address)
    connection = _engine(work.number, work.bins, worker.state.nthreads).cursor()
    try:
        connection.execute("set enable_progress_bar = false")
        open_tiles(connection, files)
        return join_batch(connection, batch)
    except duckdb.IOException as error:
        raise _unseen(worker.address, files[0]) from error
    except duckdb.Error as error:
        raise _failed(error) from error
    finally:
        connection.close()


@lru_cache(maxsize=4)
def _engine(number: str, bins: Bins, threads: int) -> duckdb.DuckDBPyConnection:
    """A worker's database, of which each batch has a cursor, with the function tile_counts."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    from facesql.tiles import create_tile_counts

    threadpool_limits(1, "blas")  # for good: batches come side by side
    connection = connect_plain(threads)
    create_tile_counts(connection, number, bins, ThreadPoolExecutor(threads), lambda _: None)
    return connection


def _failed(error: Exception) -> FacesqlError:
    """What made a batch fail, as a sentence."""
    if isinstance(error, FacesqlError):
        return error
    if type(error).__name__ == "KilledWorker":
        return FacesqlError(f"Several workers ended at one batch, so give them more memory; {GO_ON}.")
    return FacesqlError(f"A worker could not count a batch ({first_words(error)}); {GO_ON}.")


def _unseen(worker: str, file: str) -> FacesqlError:
    return FacesqlError(
        f"The worker at {worker} cannot read {file!r}; name a folder that all workers see at the same path, "
        "or object storage, with --shared."
    )
