"""Time the self-join beside other ways to the same distances, each in a process of its own, and measure their memory.

python -m tests.benchmarks.engine [FACES.parquet]       the bundled table by default
python -m tests.benchmarks.engine --faces 50000 200000  the engine alone, on so many faces drawn at random
"""

import argparse
import gc
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, islice
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from facesql.database import connect
from facesql.faces import limit_memory, load_faces
from facesql.pairs import count_pairs, plan_pairs
from facesql.sources import sample_faces

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")
# Each way is run so often in a process, after one run that does not count; the best counts, of so many such processes.
RUNS, ROUNDS = 5, 3
# The slow ways take a part of the pairs where these are more, and their time is scaled up.
SQL_FACES, CALLS = 13_000, 200_000
TILE, BINS = 512, 2002
# To write so many faces takes no time beside the join, but it takes memory that the command does not need.
MANY = 20_000


@dataclass(frozen=True)
class Result:
    """What a way took: seconds for so many pairs, and the largest memory of its process in one run, in MB."""

    seconds: float
    pairs: int
    peak: float


def engine(path: Path) -> Callable[[], int]:
    """The self-join from table faces to binned_counts, written and the file closed."""

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            connection = connect(Path(folder) / "report.duckdb", report=True)
            limit = limit_memory(connection, [path], None)
            load_faces(connection, path)
            if pq.read_metadata(path).num_rows < MANY:
                connection.execute("checkpoint")  # the faces are written; what is timed writes the counts
            began = time.perf_counter()
            plan = plan_pairs(connection, memory_limit=limit)
            count_pairs(connection, plan)
            connection.close()
            run.seconds = time.perf_counter() - began  # type: ignore[attr-defined]
            return plan.pairs

    return run


def bare(path: Path) -> Callable[[], int]:
    """Distances in float64 from matrix products, a tile with each other, and one histogram, by NumPy in two threads."""
    encodings = read(path).astype(np.float64)
    squares = np.vecdot(encodings, encodings)
    tiles = [slice(start, start + TILE) for start in range(0, len(encodings), TILE)]
    upper = np.triu(np.ones((TILE, TILE), np.bool_), 1)

    def count(pair: tuple[slice, slice]) -> NDArray[np.int64]:
        a, b = pair
        distance = encodings[a] @ encodings[b].T
        distance *= -2
        distance += squares[a, np.newaxis]
        distance += squares[b]
        np.maximum(distance, 0, out=distance)
        np.sqrt(distance, out=distance)
        distance *= 1000
        np.ceil(distance, out=distance)
        bins = distance.astype(np.int32)
        chosen = bins[upper[: len(bins), : len(bins)]] if a == b else bins.ravel()
        return np.bincount(chosen, minlength=BINS)[:BINS]

    def run() -> int:
        with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
            return int(np.sum(list(pool.map(count, combinations_with_replacement(tiles, 2)))))

    return run


def sql(path: Path) -> Callable[[], int]:
    """A plain join by list_distance on DOUBLE[], and a count a bin."""
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    connection.execute(
        "create table face as select row_number() over () as face, encoding::double[] as encoding "
        "from read_parquet($1) limit $2",
        [str(path), SQL_FACES],
    )

    def run() -> int:
        counted = connection.sql(
            "select sum(pairs) from (select ceil(1000 * list_distance(a.encoding, b.encoding)) as bin, "
            "count(*) as pairs from face as a join face as b on a.face < b.face group by bin)"
        )
        return int(counted.fetchall()[0][0])

    return run


def sql_counts(path: Path) -> Callable[[], int]:
    """The same join to all that binned_counts holds: blocks, same person, bin, pairs and person weights."""
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    connection.execute(
        "create table face as with numbered as (select row_number() over () as face, person, "
        "encoding::double[] as encoding from read_parquet($1) limit $2) "
        "select *, (md5_number_lower(person) % 64)::int as block, "
        "count(*) over (partition by person)::double as faces from numbered",
        [str(path), SQL_FACES],
    )

    def run() -> int:
        connection.execute(
            "create or replace table binned_counts as select least(a.block, b.block) as block_a, "
            "greatest(a.block, b.block) as block_b, a.person = b.person as same_person, "
            "ceil(1000 * list_distance(a.encoding, b.encoding))::int as bin, count(*) as pairs, "
            "sum(case when a.person = b.person then 2 / (a.faces * (a.faces - 1)) else 1 / (a.faces * b.faces) end) "
            "as person_weight from face as a join face as b on a.face < b.face group by all"
        )
        return int(connection.execute("select sum(pairs) from binned_counts").fetchall()[0][0])

    return run


def calls(path: Path) -> Callable[[], int]:
    """One call of face_recognition.face_distance a pair, as the original investigation made them."""
    from face_recognition import face_distance

    encodings = list(read(path)[:SQL_FACES].astype(np.float64))

    def run() -> int:
        return len([face_distance([a], b)[0] for a, b in islice(combinations(encodings, 2), CALLS)])

    return run


def scikit_learn(path: Path) -> Callable[[], int]:
    """Chunks of all distances by scikit-learn, each pair twice, and a histogram of each chunk."""
    from sklearn.metrics import pairwise_distances_chunked

    encodings = read(path).astype(np.float64)

    def run() -> int:
        counts = np.zeros(BINS, np.int64)
        for distance in pairwise_distances_chunked(encodings, n_jobs=os.cpu_count(), working_memory=64):
            counts += np.bincount(np.ceil(1000 * distance).astype(np.int32).ravel(), minlength=BINS)
        return int(counts.sum() - len(encodings)) // 2

    return run


WAYS = {
    "facesql, SQL and UDF": engine,
    "bare NumPy loop": bare,
    "scikit-learn, chunked": scikit_learn,
    "list_distance in SQL": sql,
    "binned_counts so": sql_counts,
    "face_distance a pair": calls,
}


def read(path: Path) -> NDArray[np.float32]:
    column = pq.read_table(path, columns=["encoding"])["encoding"].combine_chunks()
    return np.asarray(column.flatten().to_numpy(), np.float32).reshape(len(column), -1)


def measure(name: str, path: Path, runs: int) -> Result:
    """The best of some runs, after one that does not count, but for memory; in a process of its own."""
    gc.set_threshold(200_000)  # as the command does
    run = WAYS[name](path)
    seconds, peaks = [], []
    for _ in range(runs + 1 if runs > 1 else 1):
        began = time.perf_counter()
        pairs = run()
        seconds.append(getattr(run, "seconds", time.perf_counter() - began))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    return Result(min(seconds), pairs, peaks[0])  # as of a command; more runs leave more pieces behind


def alone(function: Callable[Parameters, Value], *arguments: Parameters.args, **named: Parameters.kwargs) -> Value:
    """Call a function in a process of its own, which begins with the peak memory of the one that starts it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


def drawn(folder: Path, faces: int) -> Path:
    """A table of so many faces drawn at random, one to many a person, always the same."""
    random = np.random.default_rng(faces)
    person = np.repeat(np.arange(faces), random.geometric(0.4, faces))[:faces]
    encodings = random.normal(scale=0.052, size=(faces, 128)).astype(np.float32)[person]
    encodings += random.normal(scale=0.025, size=(faces, 128)).astype(np.float32)
    table = {
        "id": [f"p{number}/{place}" for place, number in enumerate(person)],
        "person": [f"p{number}" for number in person],
        "encoding": pa.array(list(encodings), pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(table), folder / f"{faces}.parquet")
    return folder / f"{faces}.parquet"


def compare_ways(path: Path) -> None:
    best: dict[str, Result] = {}
    for _ in range(ROUNDS):
        for name in WAYS:
            result = alone(measure, name, path, RUNS if name in list(WAYS)[:2] else 2)
            if name not in best or result.seconds < best[name].seconds:
                best[name] = result
    faces = pq.read_metadata(path).num_rows
    pairs = faces * (faces - 1) // 2
    print(f"{faces:,} faces, {pairs:,} pairs, {os.cpu_count()} cores\n")
    print(f"{'':22}  {'seconds':>8}  {'by facesql':>10}  {'million pairs/s':>15}  {'peak MB':>7}")
    reference = best["facesql, SQL and UDF"].seconds
    for name, result in best.items():
        share = result.pairs / pairs
        seconds = result.seconds / share
        scaled = "" if share > 0.99 else f"  from {result.pairs:,} pairs"
        print(
            f"{name:22}  {seconds:8.2f}  {seconds / reference:10.2f}  {pairs / seconds / 1e6:15.2f}  "
            f"{result.peak:7.0f}{scaled}"
        )


def scale(sizes: list[int]) -> None:
    small = alone(measure, "facesql, SQL and UDF", sample_faces("lfw"), RUNS)
    print(
        f"{'faces':>9}  {'pairs':>15}  {'seconds':>8}  {'ns a pair':>9}  {'by LFW':>6}  {'peak MB':>7}  over encodings"
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = [(pq.read_metadata(sample_faces("lfw")).num_rows, small)]
        rows += [(size, alone(measure, "facesql, SQL and UDF", alone(drawn, Path(folder), size), 1)) for size in sizes]
    for size, result in rows:
        each = result.seconds / result.pairs
        print(
            f"{size:9,}  {result.pairs:15,}  {result.seconds:8.2f}  {each * 1e9:9.2f}  "
            f"{each / (small.seconds / small.pairs):6.2f}  {result.peak:7.0f}  {result.peak - size * 512 / 1e6:12.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, default=sample_faces("lfw"))
    parser.add_argument("--faces", nargs="+", type=int)
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, NumPy {np.__version__}, {machine()}")
    if chosen.faces:
        scale(chosen.faces)
    else:
        compare_ways(chosen.table)


def machine() -> str:
    """What the processor calls itself, on Linux."""
    info = Path("/proc/cpuinfo")
    names = [line.split(": ", 1)[1] for line in info.read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(names)} x {names[0]}, {memory:.0f} GiB" if names else platform.machine()


if __name__ == "__main__":
    main()
