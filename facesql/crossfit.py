"""Chosen on some people, judged on others: how much a cut-off flatters itself on the photos it was chosen on.

The blocks of people are dealt into folds. A point is chosen without the people of a fold, and its rates are those of
the fold's people among themselves: none of them had a say. (M. Stone, Cross-validatory choice and assessment of
statistical predictions, J. R. Statist. Soc. B 36, 1974.)
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from facesql.binning import Bins
from facesql.blocks import BLOCKS, BlockCounts, Counted, Numbers, Weighting, block_counts
from facesql.operating import OperatingPoint, Sureness, operating_points
from facesql.wanted import Wanted

FOLDS = 4
# The counts of all folds take 18 kB a bin.
_FEW_BINS = 4096

Counts = Mapping[Weighting, BlockCounts]


def counts_and_folds(
    counted: Counted, people: pl.DataFrame, bins: Bins, sampled: Mapping[Weighting, Numbers] | None = None
) -> tuple[Counts, Iterable[Sequence[Counts]]]:
    """All counts, and for each fold those without it and its own; from one pass where there are few bins.

    ``counted``, ``people`` and ``sampled`` are those of ``block_counts``.
    """
    blocks = range(BLOCKS)
    parts = [
        [block for block in blocks if (block % FOLDS == fold) is inside]
        for fold in range(FOLDS)
        for inside in (False, True)
    ]
    two = range(0, len(parts), 2)
    if bins.count > _FEW_BINS:
        [every] = block_counts(counted, people, bins, sampled=sampled)
        return every, (
            block_counts(counted, people, bins, parts=parts[place : place + 2], sampled=sampled) for place in two
        )
    every, *folds = block_counts(counted, people, bins, parts=[blocks, *parts], sampled=sampled)
    return every, (folds[place : place + 2] for place in two)


def crossfit(
    points: Sequence[OperatingPoint],
    sure: Sureness,
    folds: Iterable[Sequence[Counts]],
    wanted: Wanted,
    bins: Bins,
) -> pl.DataFrame:
    """The points chosen anew without each fold and judged on it, beside those chosen and judged on all.

    ``points`` are those of ``sure``; ``folds`` those of ``counts_and_folds``. One row a point that is chosen by the
    data and can be chosen without every fold: point, cutoff, lowest and highest (of the folds' cut-offs), then fmr and
    fnmr, in which every person counts the same, and f1, in which every pair does: as chosen on all, and, with _others,
    of the folds together.
    """
    judged = [(_places(without, sure.confidence, wanted, bins), of) for without, of in folds]
    all_pairs = sure.counts[Weighting.PAIRS]
    genuine_pairs = float(all_pairs.genuine_all.sum())
    impostor_share = all_pairs.impostor_all / genuine_pairs if genuine_pairs else 0.0
    rows = []
    for point in points:
        chosen = [(places[point.name], fold) for places, fold in judged if point.name in places]
        if point.bin is None or not point.chosen or len(chosen) < FOLDS:
            continue
        edges = bins.edges[[place for place, _ in chosen]]
        rows.append(
            {
                "point": point.name,
                "cutoff": float(bins.edges[point.bin - bins.first]),
                "lowest": float(edges.min()),
                "highest": float(edges.max()),
                **_rates([(point.bin - bins.first, sure.counts)], "", impostor_share),
                **_rates(chosen, "_others", impostor_share),
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def _places(counts: Counts, confidence: float, wanted: Wanted, bins: Bins) -> dict[str, int]:
    """The places of the points that these counts choose, by name."""
    points = operating_points(Sureness.of(counts, confidence), wanted, bins)
    return {point.name: point.bin - bins.first for point in points if point.bin is not None}


SCHEMA = {
    "point": pl.String,
    **dict.fromkeys(
        ("cutoff", "lowest", "highest", "fmr", "fnmr", "f1", "fmr_others", "fnmr_others", "f1_others"), pl.Float64
    ),
}


def _rates(chosen: Sequence[tuple[int, Counts]], suffix: str, impostor_share: float) -> dict[str, float | None]:
    """The rates of several sets of people together, each at a place of its own among the edges.

    ``impostor_share`` is how many impostor pairs there are for a genuine one: in a fold, these would be fewer.
    """
    fmr, fnmr = _of(chosen, Weighting.PEOPLE)
    false, missed = _of(chosen, Weighting.PAIRS)
    f1 = None if false is None or missed is None else 2 * (1 - missed) / (2 - missed + impostor_share * false)
    return {f"fmr{suffix}": fmr, f"fnmr{suffix}": fnmr, f"f1{suffix}": f1}


def _of(chosen: Sequence[tuple[int, Counts]], weighting: Weighting) -> tuple[float | None, float | None]:
    """FMR and FNMR of all sets of people, under one weighting."""
    sets = [(place, counts[weighting]) for place, counts in chosen]
    impostor = sum(counts.impostor_all for _, counts in sets)
    genuine = sum(float(counts.genuine_all.sum()) for _, counts in sets)
    false = sum(float(counts.impostor[place]) for place, counts in sets)
    found = sum(float(counts.genuine[:, place].sum()) for place, counts in sets)
    return (false / impostor if impostor else None), (1 - found / genuine if genuine else None)
