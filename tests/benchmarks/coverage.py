"""How often do the intervals hold the truth? Simulations of people with known rates; prints a table.

python -m tests.benchmarks.coverage [--runs 1000] [--people 50 200 2000] [--photos equal geometric few]

Each row is a rate under one weighting, over the cut-offs at which it lies between 1e-5 and 1 - 1e-5: the share of runs
whose interval holds the truth, at the cut-off where that is least; then, at cut-offs where most runs have intervals and
not bounds (ten blocks of people err), on average and where it is most.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from facesql.blocks import Weighting
from facesql.uncertainty import Rate, auc, eer, rate_bands
from tests.simulation import BINS, Truth, equal, few, geometric, simulate, truth

PHOTOS = {photos.__name__: photos for photos in (equal, geometric, few)}
# What a run says of a rate: whether its interval is a bound, and whether it holds the truth.
Held = dict[tuple[str, str, str], list[tuple[bool, bool]]]


def run(people: int, name: str, seed: int, known: Truth) -> Held:
    """One simulation: for each weighting, rate and cut-off, whether the interval holds the truth."""
    counts = simulate(people, PHOTOS[name], np.random.default_rng([people, seed]))
    held: Held = defaultdict(list)
    for weighting in Weighting:
        bands = rate_bands(counts[weighting])
        for rate in Rate:
            band, true = bands[rate], known.rates[weighting][rate]
            for edge in np.flatnonzero((true > 1e-5) & (true < 1 - 1e-5)):
                holds = bool(band.low[edge] <= true[edge] <= band.high[edge])
                held[weighting, rate, f"{BINS.edges[edge]:g}"].append((bool(band.bound[edge]), holds))
        for figure, estimate, value in (("EER", eer, known.eer), ("AUC", auc, known.auc)):
            found = estimate(counts[weighting])
            if found is not None:
                held[weighting, figure, ""].append((found.bound, found.low <= value <= found.high))
    return held


def coverage(people: int, name: str, runs: int, workers: int) -> Held:
    known = truth(people, PHOTOS[name])
    held: Held = defaultdict(list)
    with ProcessPoolExecutor(workers) as pool:
        for of_run in pool.map(run, *zip(*_all_runs(people, name, runs, known), strict=True), chunksize=4):
            for key, values in of_run.items():
                held[key] += values
    return held


def _all_runs(people: int, name: str, runs: int, known: Truth) -> Iterator[tuple[int, str, int, Truth]]:
    return ((people, name, seed, known) for seed in range(runs))


def covered(held: dict[str, list[tuple[bool, bool]]]) -> tuple[str, str, str]:
    """The coverage: the least of all cut-offs; the mean and the greatest of those that most runs have intervals at."""
    shares = {edge: float(np.mean([holds for _, holds in runs])) for edge, runs in held.items()}
    sure = {edge: shares[edge] for edge, runs in held.items() if np.mean([bound for bound, _ in runs]) < 0.5}
    least = min(shares, key=lambda edge: shares[edge])
    if not sure:
        return f"{shares[least]:6.1%} {least:>4}", "-", "-"
    most = max(sure, key=lambda edge: sure[edge])
    return f"{shares[least]:6.1%} {least:>4}", f"{np.mean([*sure.values()]):6.1%}", f"{sure[most]:6.1%} {most:>4}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--people", type=int, nargs="+", default=[50, 200, 2000])
    parser.add_argument("--photos", nargs="+", default=list(PHOTOS), choices=list(PHOTOS))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    print(f"{'people':>6}  {'photos':9}  {'weighting':9}  {'rate':9}  {'least':>11}  {'mean':>6}  {'most':>11}")
    for people in chosen.people:
        for name in chosen.photos:
            held: dict[tuple[str, str], dict[str, list[tuple[bool, bool]]]] = defaultdict(dict)
            for (weighting, rate, edge), runs in coverage(people, name, chosen.runs, chosen.workers).items():
                held[weighting, rate][edge] = runs
            for (weighting, rate), of_edge in held.items():
                least, mean, most = covered(of_edge)
                row = f"{people:6d}  {name:9}  {weighting:9}  {rate:9}  {least:>11}  {mean:>6}  {most:>11}"
                print(row, flush=True)


if __name__ == "__main__":
    main()
