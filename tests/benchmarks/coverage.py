"""How often do the intervals hold the truth? Simulations of people with known rates; prints a table.

python -m tests.benchmarks.coverage [--runs 1000] [--people 50 200 2000] [--photos equal geometric few] [--each]

Each cell is a rate, over the cut-offs at which it lies between 1e-5 and 1 - 1e-5: the share of runs, in percent, whose
interval holds the truth, at the cut-off where that is least, and then where it is most, of the cut-offs at which most
runs have intervals; a dash where these have bounds, for fewer than ten blocks of people err. With --each, a row a rate
instead, and the cut-offs.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from facesql.blocks import Weighting
from facesql.uncertainty import Rate, auc, eer, rate_bands
from tests.simulation import FINE, Truth, equal, few, geometric, simulate, truth

PHOTOS = {photos.__name__: photos for photos in (equal, geometric, few)}
# Rates are looked at so many bins apart.
STEP = 5
FIGURES = (*Rate, "EER", "AUC")
# What a run says of a rate: whether its interval is a bound, and whether it holds the truth.
Held = dict[tuple[str, str, str], list[tuple[bool, bool]]]


def run(people: int, name: str, seed: int, known: Truth) -> Held:
    """One simulation: for each weighting, rate and cut-off, whether the interval holds the truth."""
    counts = simulate(people, PHOTOS[name], np.random.default_rng([people, seed]), FINE)
    held: Held = defaultdict(list)
    for weighting in Weighting:
        bands = rate_bands(counts[weighting])
        for rate in Rate:
            band, true = bands[rate], known.rates[weighting][rate]
            for edge in range(0, len(true), STEP):
                if not 1e-5 < true[edge] < 1 - 1e-5:
                    continue
                holds = bool(band.low[edge] <= true[edge] <= band.high[edge])
                held[weighting, rate, f"{FINE.edges[edge]:g}"].append((bool(band.bound[edge]), holds))
        for figure, estimate, value in (("EER", eer, known.eer), ("AUC", auc, known.auc)):
            found = estimate(counts[weighting])
            if found is not None:
                held[weighting, figure, ""].append((found.bound, found.low <= value <= found.high))
    return held


def coverage(people: int, name: str, runs: int, workers: int) -> Held:
    known = truth(people, PHOTOS[name], FINE)
    held: Held = defaultdict(list)
    with ProcessPoolExecutor(workers) as pool:
        for of_run in pool.map(run, *zip(*_all_runs(people, name, runs, known), strict=True), chunksize=4):
            for key, values in of_run.items():
                held[key] += values
    return held


def _all_runs(people: int, name: str, runs: int, known: Truth) -> Iterator[tuple[int, str, int, Truth]]:
    return ((people, name, seed, known) for seed in range(runs))


def shares(held: dict[str, list[tuple[bool, bool]]]) -> tuple[dict[str, float], dict[str, float]]:
    """The coverage in percent by cut-off, and of that the cut-offs that most runs have intervals at, and not bounds."""
    covered = {edge: 100 * float(np.mean([holds for _, holds in runs])) for edge, runs in held.items()}
    sure = {edge: covered[edge] for edge, runs in held.items() if np.mean([bound for bound, _ in runs]) < 0.5}
    return covered, sure


def print_each(label: str, held: dict[tuple[str, str], dict[str, list[tuple[bool, bool]]]]) -> None:
    for (weighting, rate), of_edge in held.items():
        covered, sure = shares(of_edge)
        least = min(covered, key=lambda edge: covered[edge])
        most = max(sure, key=lambda edge: sure[edge]) if sure else None
        mean = f"{np.mean([*sure.values()]):5.1f}" if sure else "-"
        greatest = "-" if most is None else f"{sure[most]:5.1f} {most:>4}"
        print(
            f"{label}  {weighting:9}  {rate:9}  {covered[least]:5.1f} {least:>4}  {mean:>5}  {greatest:>10}", flush=True
        )


def print_row(label: str, held: dict[tuple[str, str], dict[str, list[tuple[bool, bool]]]]) -> None:
    for weighting in Weighting:
        cells = []
        for figure in FIGURES:
            covered, sure = shares(held[weighting, figure])
            most = f"{max(sure.values()):5.1f}" if sure else "-"
            cells.append(f"{min(covered.values()):5.1f} {most:>5}")
        print(f"{label}  {weighting:9}  {'  '.join(cells)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--people", type=int, nargs="+", default=[50, 200, 2000])
    parser.add_argument("--photos", nargs="+", default=list(PHOTOS), choices=list(PHOTOS))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--each", action="store_true")
    chosen = parser.parse_args()
    if chosen.each:
        print(f"people  photos     weighting  rate       {'least':>10}  {'mean':>5}  {'most':>10}")
    else:
        print(f"people  photos     weighting  {'  '.join(f'{figure:>11}' for figure in FIGURES)}")
    for people in chosen.people:
        for name in chosen.photos:
            held: dict[tuple[str, str], dict[str, list[tuple[bool, bool]]]] = defaultdict(dict)
            for (weighting, rate, edge), runs in coverage(people, name, chosen.runs, chosen.workers).items():
                held[weighting, rate][edge] = runs
            (print_each if chosen.each else print_row)(f"{people:6d}  {name:9}", held)


if __name__ == "__main__":
    main()
