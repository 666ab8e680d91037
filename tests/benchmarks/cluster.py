"""Time the comparison on a cluster of this machine beside one process, compare their counts, and break things.

python -m tests.benchmarks.cluster                  the bundled table, and 200,000 faces drawn at random
python -m tests.benchmarks.cluster --faces 20000    so many in their place
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.database import connect, connect_to
from facesql.faces import limit_memory, load_faces
from facesql.known import counts_path
from facesql.pairs import count_pairs, plan_pairs
from facesql.sources import DATABASE, sample_faces
from facesql.workfolder import shards
from tests.benchmarks.engine import alone, drawn, machine

WORKERS = 2


def one_process(path: Path) -> tuple[float, pa.Table]:
    """Seconds of the comparison by one process with so many threads, and its counts."""
    with connect(report=True) as connection:
        limit = limit_memory(connection, [path], None)
        load_faces(connection, path)
        began = time.perf_counter()
        count_pairs(connection, plan_pairs(connection, memory_limit=limit, threads=WORKERS), progress=True)
        return time.perf_counter() - began, _counts(connection)


def by_cluster(path: Path, address: str, place: Path) -> tuple[float, pa.Table]:
    """The same by a cluster, with all that is written and read for it."""
    from facesql.cluster import Workers, spread

    with Workers(address) as workers, connect(report=True) as connection:
        limit = limit_memory(connection, [path], None)
        load_faces(connection, path)
        began = time.perf_counter()
        plan = plan_pairs(connection, memory_limit=limit, threads=WORKERS)
        with spread(connection, plan, workers, place) as (larger, join):
            count_pairs(connection, larger, join=join, progress=True)
        return time.perf_counter() - began, _counts(connection)


def _counts(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return connection.sql("from block_pair_counts order by all").to_arrow_table()


def start_cluster() -> tuple["subprocess.Popen[str]", str]:
    """The cluster's process, and its scheduler's address."""
    command = [sys.executable, "-m", "facesql.cli", "cluster", "--workers", f"{WORKERS}", "--port", "0"]
    process = subprocess.Popen([*command, "--dashboard-port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[1]


def broken(path: Path, cluster: "subprocess.Popen[str]", address: str, folder: Path) -> tuple[list[str], pa.Table]:
    """What was done to an analysis by the command, and the counts of its report."""
    report = folder / "report"
    command = [sys.executable, "-m", "facesql.cli", "analyze", str(path), "-o", str(report), "--formats", "svg"]
    command += ["--no-faces", "--scheduler", address]
    done = []

    def kept() -> int:
        return len(shards(counts_path(report)))

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    driver, before = start(), 0
    while driver.poll() is None and kept() <= before:
        time.sleep(0.05)
    for worker in psutil.Process(cluster.pid).children():
        if "resource_tracker" not in "".join(worker.cmdline()) and driver.poll() is None:
            worker.kill()
            done.append(f"a worker was killed with {kept()} shards kept")
            break
    before = kept()
    while driver.poll() is None and kept() <= before:
        time.sleep(0.05)
    if driver.poll() is None:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        done.append(f"the driver was killed with {kept()} shards kept")
        driver = start()
    assert driver.wait() == 0
    with connect_to(report / DATABASE) as connection:
        return done or ["it was over before anything could be broken"], _counts(connection)


def measure(path: Path, cluster: "subprocess.Popen[str]", address: str) -> None:
    faces = pq.read_metadata(path).num_rows
    print(f"\n{faces:,} faces, {faces * (faces - 1) // 2:,} pairs")
    with tempfile.TemporaryDirectory() as folder:
        seconds, expected = alone(one_process, path)
        print(f"one process, {WORKERS} threads   {seconds:8.2f} s", flush=True)
        ours, counts = alone(by_cluster, path, address, Path(folder))
        print(f"{WORKERS} workers of a cluster   {ours:8.2f} s, {ours / seconds - 1:+.1%}", flush=True)
        print(f"counts are {'equal' if counts.equals(expected) else 'NOT EQUAL'}", flush=True)
        done, counts = broken(path, cluster, address, Path(folder))
        print(*done, sep="\n")
        print(f"counts are {'equal' if counts.equals(expected) else 'NOT EQUAL'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", nargs="*", type=int, default=[200_000])
    chosen = parser.parse_args()
    print(f"{machine()}, {os.cpu_count()} cores")
    cluster, address = start_cluster()
    try:
        with tempfile.TemporaryDirectory() as folder:
            # The first of all compiles, in each process: it does not count.
            few = alone(drawn, Path(folder), 2_000)
            alone(one_process, few)
            alone(by_cluster, few, address, Path(folder))
            for path in [sample_faces("lfw"), *(alone(drawn, Path(folder), size) for size in chosen.faces)]:
                measure(path, cluster, address)
    finally:
        cluster.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            cluster.wait(30)
        cluster.kill()


if __name__ == "__main__":
    main()
