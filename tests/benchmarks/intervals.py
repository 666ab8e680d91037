"""How sure the rates of Labeled Faces in the Wild are, and how sure they would seem if its pairs were independent.

python -m tests.benchmarks.intervals

A row a rate and cut-off, every pair counting the same: the rate, its standard error by leaving out people, that of as
many independent pairs, sqrt(p (1 - p) / n), and how many times the latter is too small.
"""

from collections.abc import Iterator
from math import sqrt

import polars as pl

from facesql.binning import EUCLIDEAN
from facesql.blocks import BlockCounts, Weighting, block_counts
from facesql.counts import read_counts
from facesql.database import connect
from facesql.faces import load_faces
from facesql.sources import sample_faces
from facesql.uncertainty import Rate, rate_bands
from tests.conftest import compare

SHOWN = {Rate.PRECISION: (450, 500, 550, 600), Rate.RECALL: (400, 450, 500, 550), Rate.FMR: (450, 500, 550, 600)}


def lfw_counts() -> dict[Weighting, BlockCounts]:
    """The sample's counts by block."""
    connection = connect(report=True)
    load_faces(connection, [sample_faces("lfw")])
    compare(connection)
    people = pl.DataFrame(connection.sql("select block, faces, genuine_pairs from people").to_arrow_table())
    counted = list(read_counts(connection.sql("from block_pair_counts").to_arrow_table()))
    return block_counts(counted, people, EUCLIDEAN)[0]


def standard_errors(counts: BlockCounts) -> Iterator[tuple[Rate, int, float, float, float]]:
    """Rate, bin, value, and its standard errors: by people, and by pairs."""
    bands = rate_bands(counts)
    for rate, numbers in SHOWN.items():
        for number in numbers:
            value = float(bands[rate].value[number])
            pairs = {
                Rate.PRECISION: float(counts.genuine[:, number].sum() + counts.impostor[number]),
                Rate.RECALL: float(counts.genuine_all.sum()),
                Rate.FMR: counts.impostor_all,
            }[rate]
            yield rate, number, value, float(bands[rate].se[number]), sqrt(value * (1 - value) / pairs)


def main() -> None:
    print(f"{'rate':9}  {'cut-off':>7}  {'value':>9}  {'by people':>9}  {'by pairs':>9}  {'too small':>9}")
    for rate, number, value, by_people, by_pairs in standard_errors(lfw_counts()[Weighting.PAIRS]):
        cutoff = EUCLIDEAN.edges[number]
        times = f"{by_people / by_pairs:.0f} times"
        print(f"{rate:9}  {cutoff:7.2f}  {value:9.3g}  {by_people:9.2g}  {by_pairs:9.2g}  {times:>9}")


if __name__ == "__main__":
    main()
