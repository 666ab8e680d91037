"""How often do the intervals of differences of two tables hold the truth? Simulations of people with known rates.

python -m tests.benchmarks.paired [--runs 1000] [--people 120 400] [--photos equal geometric few] [--workers N]

Two encoders compare the same people, and genuine distances of the second are larger (tests/simulation.py). Each cell
has the share of runs, in percent, whose interval of the difference holds the true one, and in how many percent of the
runs that is a bound, for few err. FMR, FNMR and precision are those at one cut-off, FNMR at FMR that where each table
has an FMR of 0.01. A difference of recall is that of FNMR the other way round, and so held as often.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from facesql.blocks import Weighting
from facesql.paired import (
    Measured,
    Table,
    auc_of,
    difference,
    eer_of,
    fmr_at,
    fnmr_at,
    fnmr_at_fmr,
    precision_at_place,
)
from facesql.uncertainty import Rate
from tests.simulation import CONFIDENCE, FINE, Truth, equal, few, geometric, simulate_two, truths_of_two

PHOTOS = {photos.__name__: photos for photos in (equal, geometric, few)}
# The place of the cut-off 0.6, where about 2% of the pairs of two people match, and a few percent of one are missed.
PLACE, TARGET = 30, 0.01
# For each weighting and figure: whether the interval of a run is a bound, and whether it holds the truth.
Held = dict[tuple[Weighting, str], list[tuple[bool, bool]]]


@dataclass(frozen=True)
class Figure:
    """What is compared: how it is measured in a table, and what it is for all people there are."""

    measure: Callable[[Table], Measured]
    truth: Callable[[Truth, Weighting], float]


def figures(place: int, target: float) -> dict[str, Figure]:
    """All that facesql.paired measures: at the edge of a place, at an FMR, and over all edges."""

    def at(rate: Rate) -> Callable[[Truth, Weighting], float]:
        return lambda known, weighting: float(known.rates[weighting][rate][place])

    def at_target(known: Truth, weighting: Weighting) -> float:
        rates = known.rates[weighting]
        return float(np.interp(target, rates[Rate.FMR], rates[Rate.FNMR]))

    return {
        "FMR": Figure(lambda table: fmr_at(table, place), at(Rate.FMR)),
        "FNMR": Figure(lambda table: fnmr_at(table, place), at(Rate.FNMR)),
        "precision": Figure(lambda table: precision_at_place(table, place), at(Rate.PRECISION)),
        "FNMR at FMR": Figure(lambda table: fnmr_at_fmr(table, target), at_target),
        "EER": Figure(eer_of, lambda known, _: known.eer),
        "AUC": Figure(auc_of, lambda known, _: known.auc),
    }


def run(people: int, name: str, known: tuple[Truth, Truth], seed: int) -> Held:
    """One simulation."""
    held: Held = defaultdict(list)
    for weighting, (a, b) in simulate_two(people, PHOTOS[name], np.random.default_rng([people, seed]), FINE).items():
        for figure, of in figures(PLACE, TARGET).items():
            told = difference(of.measure(a), of.measure(b), CONFIDENCE)
            true = of.truth(known[1], weighting) - of.truth(known[0], weighting)
            held[weighting, figure].append((told.bound, told.low <= true <= told.high))
    return held


def coverage(people: int, name: str, runs: int, workers: int) -> Held:
    """All simulations of so many people."""
    known = truths_of_two(people, PHOTOS[name], FINE)
    held: Held = defaultdict(list)
    with ProcessPoolExecutor(workers) as pool:
        for of_run in pool.map(run, repeat(people), repeat(name), repeat(known), range(runs), chunksize=4):
            for key, values in of_run.items():
                held[key] += values
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--people", type=int, nargs="+", default=[120, 400])
    parser.add_argument("--photos", nargs="+", default=list(PHOTOS), choices=list(PHOTOS))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    names = list(figures(PLACE, TARGET))
    print(f"{chosen.runs} runs\npeople  photos     weighting  {'  '.join(f'{name:>11}' for name in names)}")
    for people in chosen.people:
        for name in chosen.photos:
            held = coverage(people, name, chosen.runs, chosen.workers)
            for weighting in Weighting:
                shares = [np.mean(held[weighting, figure], axis=0) * 100 for figure in names]
                cells = [f"{holds:5.1f} {bound:5.0f}" for bound, holds in shares]
                print(f"{people:6d}  {name:9}  {weighting:9}  {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
