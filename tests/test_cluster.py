"""The analysis on a Dask cluster of real processes, against one process: equal counts, whatever breaks on the way."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client

import facesql
from facesql import cluster, scheduler
from facesql.analyze import analyze_faces, plan_analysis
from facesql.binning import EUCLIDEAN
from facesql.cluster import Workers, joining, spread
from facesql.database import connect_plain
from facesql.errors import FacesqlError, MissingPackageError
from facesql.localcluster import Started, local_cluster
from facesql.pairs import Batch, Join, Plan, count_pairs, join_batch, plan_pairs
from facesql.sampled import SamplePlan, count_sample, plan_sample
from facesql.sampling import SampleWanted
from facesql.text import explained
from facesql.tilefiles import open_tiles, tile_files
from facesql.tiles import create_tile_counts
from tests.conftest import ROOT, Run, faces_table, filled, some_people

# Dask leaves the socket of a connection that broke to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

PEOPLE, ENCODINGS = some_people(400, 5)
# Tiles so small that there are hundreds of their pairs, and batches of a few of them.
TILE_FACES, BATCH_BYTES = 100, 100 * 512 * 2 * 3


@pytest.fixture(scope="module")
def two() -> Iterator[Started]:
    """A cluster of two workers, each a process with one thread."""
    with local_cluster(workers=2) as started:
        yield started
    gc.collect()


def planned(connection: duckdb.DuckDBPyConnection, known: tuple[pa.Table, ...] = ()) -> Plan:
    return plan_pairs(connection, tile_faces=TILE_FACES, batch_bytes=BATCH_BYTES, threads=1, known=known)


@pytest.fixture(scope="module")
def alone() -> pa.Table:
    """The counts of one process."""
    connection = filled(PEOPLE, ENCODINGS)
    count_pairs(connection, planned(connection))
    return connection.sql("from block_pair_counts order by all").to_arrow_table()


@contextmanager
def spreading(address: str, place: str | Path, known: tuple[pa.Table, ...] = ()) -> Iterator["Spread"]:
    connection = filled(PEOPLE, ENCODINGS)
    with (
        Workers(address) as workers,
        spread(connection, planned(connection, known), workers, place) as (plan, join),
    ):
        assert join is not None
        yield Spread(connection, plan, join, workers)


class Spread:
    """A comparison that a cluster is to do."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: Plan, join: Join, workers: Workers) -> None:
        self.connection, self.plan, self.join, self.workers = connection, plan, join, workers

    def counts(self, join: Join | None = None, keep: Callable[[pa.Table], object] = lambda _: None) -> pa.Table:
        count_pairs(self.connection, self.plan, join=join or self.join, keep=keep)
        return self.connection.sql("from block_pair_counts order by all").to_arrow_table()

    def after(self, batches: int, act: Callable[[], object]) -> Join:
        """The cluster's join, which does something after so many batches."""

        def join(
            ahead: Iterator[Batch], counted: Callable[[int], object]
        ) -> Generator[tuple[Batch, pa.Table], None, None]:
            for number, joined in enumerate(self.join(ahead, counted)):
                if number == batches:
                    act()
                yield joined

        return join


def test_a_cluster_counts_what_one_process_counts_bit_by_bit(two: Started, alone: pa.Table, tmp_path: Path) -> None:
    with spreading(two.address, tmp_path) as of_cluster:
        batches = list(of_cluster.plan.batches())
        assert len(batches) > 10
        [folder] = [path for path in tmp_path.iterdir() if path.is_dir()]
        assert folder.stat().st_mode & 0o777 == 0o700
        told: list[int] = []
        joined = list(of_cluster.join(iter(batches), told.append))
        assert [batch for batch, _ in joined] == batches
        assert sum(told) == of_cluster.plan.pairs == 2000 * 1999 // 2
        assert of_cluster.counts().equals(alone)
    assert list(tmp_path.iterdir()) == []


def test_a_sample_on_a_cluster_is_that_of_one_process(two: Started, tmp_path: Path) -> None:
    def sampled(connection: duckdb.DuckDBPyConnection, plan: SamplePlan, join: Join | None = None) -> pa.Table:
        drawn = count_sample(connection, plan, join=join)
        assert 0 < drawn.tile_pairs < drawn.of_tile_pairs
        return connection.sql("from block_pair_counts order by all").to_arrow_table()

    here, there = filled(PEOPLE, ENCODINGS), filled(PEOPLE, ENCODINGS)
    plan, same = (plan_sample(of, SampleWanted(pairs=10**6), bins=EUCLIDEAN, threads=1) for of in (here, there))
    assert plan is not None
    assert same is not None
    of_tiles = there, same.tiles_of_blocks(), same.number, same.bins
    with Workers(two.address) as workers, joining(*of_tiles, workers, tmp_path) as join:
        assert sampled(there, same, join).equals(sampled(here, plan))


def test_a_batch_reads_the_row_groups_of_its_tiles_and_no_others(tmp_path: Path) -> None:
    connection = filled(PEOPLE, ENCODINGS)
    plan = plan_pairs(connection, tile_faces=10, threads=1)
    group = next(group for group in plan.groups if len(group.tiles) > 2)
    wanted = group.tiles[1]
    batch = Batch([wanted], [wanted], whole=True)
    writing = tile_files(connection, plan.tiles_to_do(), tmp_path)
    with ThreadPoolExecutor(1) as pool, writing as files, connect_plain(1) as worker:
        create_tile_counts(connection, plan.number, plan.bins, pool, lambda _: None)
        create_tile_counts(worker, plan.number, plan.bins, pool, lambda _: None)
        [file] = files.of(batch)
        parts = pq.read_metadata(file)
        content = bytearray(Path(file).read_bytes())
        assert parts.num_row_groups == len(group.tiles)
        for number in set(range(parts.num_row_groups)) - {1}:
            part = parts.row_group(number)
            begin = part.column(0).data_page_offset
            content[begin : begin + part.total_byte_size] = b"x" * part.total_byte_size
        Path(file).write_bytes(content)
        open_tiles(worker, [file])
        assert join_batch(worker, batch).equals(join_batch(connection, batch))
        with pytest.raises(duckdb.Error):
            join_batch(worker, Batch([group.tiles[0]], [wanted], whole=True))


def test_object_storage_is_written_and_read_by_fsspec(two: Started, alone: pa.Table, tmp_path: Path) -> None:
    with spreading(two.address, f"local://{tmp_path}") as of_cluster:
        assert of_cluster.counts().equals(alone)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_killed_costs_nothing_but_time(two: Started, alone: pa.Table, tmp_path: Path) -> None:
    def kill() -> None:
        with Client(two.address, set_as_default=False) as client:
            pids = client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    with spreading(two.address, tmp_path) as of_cluster:
        assert of_cluster.counts(of_cluster.after(2, kill)).equals(alone)


def test_a_driver_that_stops_goes_on_with_what_it_kept(two: Started, alone: pa.Table, tmp_path: Path) -> None:
    kept: list[pa.Table] = []

    def stop() -> None:
        raise KeyboardInterrupt

    with spreading(two.address, tmp_path) as of_cluster:
        all_batches = len(list(of_cluster.plan.batches()))
        with pytest.raises(KeyboardInterrupt):
            of_cluster.counts(of_cluster.after(all_batches // 2, stop), keep=kept.append)
    assert kept
    assert list(tmp_path.iterdir()) == []
    with spreading(two.address, tmp_path, tuple(kept)) as of_cluster:
        assert of_cluster.plan.pairs_known > 0
        assert len(list(of_cluster.plan.batches())) < all_batches
        assert of_cluster.counts().equals(alone)


def test_a_connection_that_comes_back_goes_on(two: Started, alone: pa.Table, tmp_path: Path) -> None:
    with spreading(two.address, tmp_path) as of_cluster:

        def drop() -> None:
            client: Any = of_cluster.workers._client
            client.loop.add_callback(client.scheduler_comm.comm.abort)

        assert of_cluster.counts(of_cluster.after(2, drop)).equals(alone)


def test_a_scheduler_that_is_gone_for_good_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RETURN", 1.0)
    monkeypatch.setattr(scheduler, "CONNECT", 1)
    command = [sys.executable, "-m", "facesql.cli", "cluster", "--workers", "1", "--port", "0", "--dashboard-port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[1]
        children = psutil.Process(process.pid).children(recursive=True)

        def kill() -> None:
            for each in (psutil.Process(process.pid), *children):
                each.kill()

        kept: list[pa.Table] = []
        with (
            pytest.raises(FacesqlError, match=r"lost .* what was counted is kept, so run the same command again"),
            spreading(address, tmp_path) as of_cluster,
        ):
            of_cluster.counts(of_cluster.after(2, kill), keep=kept.append)
    assert kept
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_does_not_see_the_tiles_is_told_of_the_option(two: Started, tmp_path: Path) -> None:
    with (
        Workers(two.address) as workers,
        pytest.raises(FacesqlError, match=r"^The worker at tcp://.* cannot read .*none/1\.parquet'.* with --shared\.$"),
    ):
        workers.require_seen(str(tmp_path / "none" / "1.parquet"))
    with spreading(two.address, tmp_path) as of_cluster:
        [folder] = [path for path in tmp_path.iterdir() if path.is_dir()]
        for file in folder.iterdir():
            file.unlink()
        with pytest.raises(FacesqlError, match=r"^The worker at tcp://.* with --shared\.$"):
            of_cluster.counts()


def test_another_version_is_refused(two: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facesql, "__version__", "0.0.9")
    with (
        pytest.raises(FacesqlError, match=r"^The worker at tcp://\S+ has facesql \S+, and here is 0\.0\.9; install"),
        scheduler.connected(two.address),
    ):
        pass


def test_a_worker_that_comes_later_with_another_version_is_refused(two: Started) -> None:
    work = cluster.Work("float", EUCLIDEAN, {**scheduler.versions(), "facesql": "0.0.9"})
    with Workers(two.address) as workers:
        workers.submit(7, cluster.join_tiles, work, ["none"], Batch([0], [0], whole=True))
        with pytest.raises(
            FacesqlError, match=r"^The worker at tcp://\S+ has facesql \S+, and here is 0\.0\.9; install"
        ):
            workers.take()


def test_workers_that_are_all_gone_are_told_in_a_sentence(two: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "RETURN", 0.5)
    monkeypatch.setattr(cluster, "LOOK", 0.1)
    with Workers(two.address) as workers:
        monkeypatch.setattr(workers._client, "nthreads", dict)
        with pytest.raises(FacesqlError, match="has lost all its workers; what was counted is kept"):
            workers.take()


def test_a_batch_that_ends_its_workers_is_told_in_a_sentence(two: Started) -> None:
    def end() -> pa.Table:
        os._exit(1)

    with Workers(two.address) as workers:
        workers.submit(1, end)
        with pytest.raises(FacesqlError, match=r"^Several workers ended at one batch, so give them more memory; what"):
            workers.take()


def test_no_scheduler_and_no_package_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    for address in ("tcp://127.0.0.1:1", "nothing"):
        with pytest.raises(FacesqlError, match=r"^No Dask scheduler answers at"), scheduler.connected(address):
            pass
    assert time.monotonic() - began < 60  # Dask itself would wait for minutes
    monkeypatch.setattr(scheduler, "is_installed", lambda: False)
    with (
        pytest.raises(MissingPackageError, match=r"needs distributed; run: pip install 'facesql\[cluster\]'$"),
        scheduler.connected("tcp://127.0.0.1:1"),
    ):
        pass


def test_the_report_of_a_cluster_has_the_counts_of_one_machine(two: Started, tmp_path: Path) -> None:
    table = tmp_path / "faces.parquet"
    pq.write_table(faces_table(*some_people(40, 3)), table)
    ours = analyze_faces(table, tmp_path / "ours", formats=())
    theirs = analyze_faces(table, tmp_path / "theirs", formats=(), scheduler=two.address, shared=tmp_path / "shared")
    assert theirs.table.equals(ours.table)
    assert theirs.figures == ours.figures
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.parquet", "ours", "theirs"]
    assert "workers of a cluster" in (tmp_path / "theirs" / "run.md").read_text()


def test_explain_says_what_the_cluster_will_do(two: Started, small_table: Path) -> None:
    plan = plan_analysis(small_table, small_table.parent / "report")
    lines = explained(plan, cluster.Size(two.address, 3, 12)).splitlines()
    assert [line.split(maxsplit=2) for line in lines[-2:]] == [
        ["workers", "3", f"of the cluster at {two.address}"],
        ["threads", "12", "of all workers"],
    ]


def test_without_the_option_nothing_of_dask_is_imported(small_table: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import facesql.cli; from facesql.analyze import analyze_faces; "
        f"analyze_faces(Path({str(small_table)!r}), Path({str(small_table.parent / 'report')!r}), formats=()); "
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed', 'fsspec')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_shared_asks_for_a_scheduler(run: Run, small_table: Path) -> None:
    done = run("analyze", "--shared", "x", cwd=small_table.parent, check=False)
    assert done.returncode == 2
    assert "--scheduler" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_the_command_listens_on_loopback_alone_and_ends_with_ctrl_c() -> None:
    command = [sys.executable, "-m", "facesql.cli", "cluster", "--workers", "2", "--port", "0", "--dashboard-port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline().split() for _ in range(5)]
        assert lines[0][0] == "scheduler"
        assert lines[2] == ["workers", "2,", "1", "thread", "each"]
        assert lines[4] == ["facesql", "analyze", "--scheduler", lines[0][1]]
        processes = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        listening = [each for one in processes for each in one.net_connections() if each.status == psutil.CONN_LISTEN]
        assert {each.laddr.ip for each in listening} == {"127.0.0.1"}
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=90) == 0
        assert process.stderr.read() == "facesql: the cluster has ended\n"
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert all(each.status() == psutil.STATUS_ZOMBIE for each in alive)  # which nobody asks for here
