"""How often does the interval of the sampling alone hold what all pairs give? Prints a table.

python -m tests.benchmarks.sampling [--faces 200000] [--pairs 1e8 1e9] [--seeds 500 100] [FACES.parquet]
python -m tests.benchmarks.sampling --time --faces 1000000 --pairs 1e9    what one sample takes: seconds, memory

The faces are drawn at random, always the same, unless a table is named. All pairs are counted once; then so many
samples of each size are drawn, by the seeds 0, 1, ... Each row is a cut-off, at which FMR is near a power of ten, and a
weighting: FMR of all pairs, the share of samples, in percent, whose 95% interval holds it, the share in which the
sample tells (ten sampled pairs match in effect), and the standard error that samples have, and say on average, as
shares of FMR. Fewer faces or seeds take less time: --faces 10000 --pairs 1e7 --seeds 50.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from facesql.binning import EUCLIDEAN
from facesql.blocks import Weighting
from facesql.database import connect
from facesql.estimates import SampledFmr, estimate
from facesql.faces import limit_memory, load_faces
from facesql.pairs import count_pairs, plan_pairs
from facesql.sampled import SamplePlan, count_sample, plan_sample, sampling_tiles
from facesql.sampling import SampleWanted
from tests.benchmarks.engine import alone, drawn
from tests.conftest import filled, some_people

# How many blocks the people of a small table are in.
BLOCKS_OF_FEW = 4
POWERS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def few_blocks(people: int, photos: int) -> tuple[list[str], NDArray[np.float32]]:
    """Seeded encodings of people who are all in four blocks: their strata are few."""
    _, encodings = some_people(people, photos)
    with connect() as connection:
        chosen = connection.execute(
            "select person from (select 'p' || range as person from range($1)) where person_block(person) < $2 "
            "order by all limit $3",
            [40 * people, BLOCKS_OF_FEW, people],
        ).fetchall()
    return [name for (name,) in chosen for _ in range(photos)], encodings


def table_of(people: int) -> duckdb.DuckDBPyConnection:
    """A connection with so many people, of two photos each, whose faces differ as real ones do."""
    return filled(*few_blocks(people, 2))


def sample(
    connection: duckdb.DuckDBPyConnection, plan: SamplePlan, seeds: Iterable[int]
) -> Iterator[Mapping[Weighting, SampledFmr]]:
    """FMR by a sample of each seed; what is compared in any sample is compared once."""
    with sampling_tiles(connection, plan) as sampler:
        certain = [row for row in sampler.certain() if not row[0][2]]
        for seed in seeds:
            sampler.begin(seed)
            sampler.up_to(plan.first)
            yield estimate(plan.strata, sampler.sums, certain, plan.bins, plan.confidence).fmr
    connection.remove_function("tile_counts")


def full(connection: duckdb.DuckDBPyConnection) -> dict[Weighting, NDArray[np.float64]]:
    """FMR of all pairs at each edge."""
    count_pairs(connection, plan_pairs(connection))
    connection.remove_function("tile_counts")
    rows = connection.execute(
        "select bin, sum(pairs)::bigint, sum(person_weight) from binned_counts where not same_person group by bin"
    ).fetchall()
    cells = np.zeros((2, EUCLIDEAN.count))
    for bin_, pairs, weight in rows:
        cells[:, bin_] = pairs, weight
    below = cells.cumsum(axis=1)
    rates = (below / below[:, -1:])[:, : len(EUCLIDEAN.edges)]
    return dict(zip(Weighting, rates, strict=True))


def coverage(
    connection: duckdb.DuckDBPyConnection, *, pairs: int, seeds: int, places: Sequence[int]
) -> dict[tuple[Weighting, int], list[bool]]:
    """Whether the interval of each sample holds FMR of all pairs, at some places among the edges."""
    truth = full(connection)
    plan = plan_sample(connection, SampleWanted(pairs=pairs), bins=EUCLIDEAN)
    assert plan is not None
    held: dict[tuple[Weighting, int], list[bool]] = {(of, place): [] for of in Weighting for place in places}
    for fmr in sample(connection, plan, range(seeds)):
        for (weighting, place), results in held.items():
            of, true = fmr[weighting], truth[weighting][place]
            results.append(bool(of.low[place] <= true <= of.high[place]))
    return held


@dataclass(frozen=True)
class Timed:
    """What a sample took: seconds to read, check and cut the faces, and to compare; memory in MB."""

    faces: int
    pairs: int
    reading: float
    comparing: float
    peak: float
    encodings: float
    """The size of the encodings, in MB."""


def timed(table: Path, pairs: int) -> Timed:
    began = time.perf_counter()
    with connect(report=True) as connection:
        limit = limit_memory(connection, [table], None)
        load_faces(connection, table)
        plan = plan_sample(connection, SampleWanted(pairs=pairs), bins=EUCLIDEAN, memory_limit=limit)
        assert plan is not None
        read = time.perf_counter()
        sampled = count_sample(connection, plan, progress=True)
        end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    faces = int(plan.tiles.faces.sum())
    return Timed(faces, sampled.pairs, read - began, end - read, peak, faces * plan.face_bytes / 1e6)


def full_of(table: Path) -> dict[Weighting, NDArray[np.float64]]:
    """The same of a Parquet file, in a process of its own."""
    with connect(report=True) as connection:
        load_faces(connection, table)
        return full(connection)


def sampled_of(table: Path, pairs: int, seeds: int) -> tuple[str, list[Mapping[Weighting, SampledFmr]]]:
    """What is drawn, and FMR by so many samples, which as many processes as there are cores draw side by side."""
    cores = os.cpu_count() or 1
    parts = [range(first, seeds, cores) for first in range(min(cores, seeds))]
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as pool:
        [(told, first), *others] = pool.map(partial(_sampled, table, pairs), parts)
    return told, [*first, *(fmr for _, of_part in others for fmr in of_part)]


def _sampled(table: Path, pairs: int, seeds: Sequence[int]) -> tuple[str, list[Mapping[Weighting, SampledFmr]]]:
    with connect(report=True) as connection:
        load_faces(connection, table)
        plan = plan_sample(connection, SampleWanted(pairs=pairs), bins=EUCLIDEAN, threads=1)
        if plan is None:
            raise SystemExit(f"{pairs:,} pairs are all there are; ask for fewer")
        told = f"{plan.first.sum():,} pairs of tiles of at most {plan.tile_faces} faces, {len(plan.strata):,} strata"
        return told, list(sample(connection, plan, seeds))


def print_rows(
    truth: Mapping[Weighting, NDArray[np.float64]], samples: Sequence[Mapping[Weighting, SampledFmr]]
) -> None:
    print(f"{'weighting':9}  {'cut-off':>7}  {'FMR':>8}  {'held':>5}  {'told':>5}  {'error':>6}  {'as said':>7}")
    for weighting in Weighting:
        places = {int(np.abs(np.log(np.maximum(truth[weighting], 1e-300) / power)).argmin()) for power in POWERS}
        for place in sorted(places):
            true = truth[weighting][place]
            of = [fmr[weighting] for fmr in samples]
            held = 100 * np.mean([fmr.low[place] <= true <= fmr.high[place] for fmr in of])
            told = 100 * np.mean([not fmr.few[place] for fmr in of])
            error = np.std([fmr.value[place] for fmr in of], ddof=1) / true
            said = np.sqrt(np.mean([fmr.se[place] ** 2 for fmr in of])) / true
            edge = f"{EUCLIDEAN.edges[place]:7.3f}"
            print(
                f"{weighting:9}  {edge}  {true:8.1e}  {held:5.1f}  {told:5.1f}  {error:6.2%}  {said:7.2%}", flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--faces", type=int, default=200_000)
    parser.add_argument("--pairs", type=float, nargs="+", default=[1e8, 1e9])
    parser.add_argument("--seeds", type=int, nargs="+", default=[500, 100])
    parser.add_argument("--time", action="store_true", help="time one sample of each size, and count nothing else")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = chosen.table or alone(drawn, Path(folder), chosen.faces)
        if chosen.time:
            print(f"{'faces':>9}  {'pairs':>15}  {'reading':>7}  {'sample':>6}  {'peak MB':>7}  over encodings")
            for pairs in chosen.pairs:
                of = alone(timed, table, int(pairs))
                print(
                    f"{of.faces:9,}  {int(pairs):15,}  {of.reading:7.1f}  {of.comparing:6.1f}  {of.peak:7.0f}  "
                    f"{of.peak - of.encodings:14.0f}"
                )
            return
        began = time.perf_counter()
        truth = alone(full_of, table)
        seconds = time.perf_counter() - began
        print(f"all pairs of {chosen.table or f'{chosen.faces:,} faces'}: {seconds:.0f} s", flush=True)
        for pairs, seeds in zip(chosen.pairs, chosen.seeds, strict=True):
            began = time.perf_counter()
            told, samples = sampled_of(table, int(pairs), seeds)
            print(f"\n{seeds:,} samples of {pairs:g} pairs: {told}; {time.perf_counter() - began:.0f} s in all")
            print_rows(truth, samples)


if __name__ == "__main__":
    main()
