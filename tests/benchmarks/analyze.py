"""Time the self-join against a naive double loop and against SQL alone, and compare their counts bin for bin.

python -m tests.benchmarks.analyze faces.parquet
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from facesql.database import connect
from facesql.faces import load_faces
from facesql.pairs import count_pairs, plan_pairs
from tests.double_loop import double_loop, read


def peak_mib() -> float:
    """The largest resident memory of this process so far, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(path: Path) -> None:
    start = time.perf_counter()
    connection = connect(report=True)
    load_faces(connection, path)
    loaded = time.perf_counter()
    count_pairs(connection, plan_pairs(connection))
    joined = time.perf_counter()
    totals = pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())
    pairs = int(totals["pairs"].sum())
    print(f"load and check        {loaded - start:8.2f} s")
    print(f"self-join             {joined - loaded:8.2f} s   {pairs / (joined - loaded) / 1e6:.1f} million pairs/s")
    print(f"peak memory           {peak_mib():8.0f} MiB")

    people, photos, encodings = read(path)
    start = time.perf_counter()
    expected = double_loop(people, photos, encodings)
    naive = time.perf_counter() - start
    print(f"double loop           {naive:8.2f} s   {naive / (joined - loaded):.1f} times the self-join")
    for same, counts in zip((True, False), expected, strict=True):
        counted = np.zeros(len(counts), np.int64)
        part = totals.filter(pl.col("same_person") == same)
        counted[part["bin"].to_numpy()] = part["pairs"].to_numpy()
        name = "genuine" if same else "impostor"
        print(
            f"{name:9} pairs       {counts.sum():12,d}   bins that differ: {(counted != counts).sum()} of {len(counts)}"
        )
    start = time.perf_counter()
    connection.execute("create temp table slow as from slow_binned_counts()")
    slow = time.perf_counter() - start
    print(f"list_distance in SQL  {slow:8.2f} s   {slow / (joined - loaded):.1f} times the self-join")
    [(rows, differing)] = connection.execute(
        "select count(*), count(*) filter (a.pairs is distinct from b.pairs) "
        "from binned_counts as a full join slow as b using (block_a, block_b, same_person, bin)"
    ).fetchall()
    print(f"rows of binned_counts {rows:12,d}   rows that differ: {differing}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
