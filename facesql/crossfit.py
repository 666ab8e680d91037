"""Chosen on some people, judged on others: how much a cut-off flatters itself on the photos it was chosen on.

The blocks of people are dealt into folds. A point is chosen without the people of a fold, and its rates are those of
the fold's people among themselves: none of them had a say. (M. Stone, Cross-validatory choice and assessment of
statistical predictions, J. R. Statist. Soc. B 36, 1974.)
"""

from collections.abc import Mapping, Sequence

import polars as pl

from facesql.binning import Bins
from facesql.blocks import BLOCKS, BlockCounts, Weighting
from facesql.operating import OperatingPoint, Sureness, Wanted, operating_points

FOLDS = 4

Counts = Mapping[Weighting, BlockCounts]


def fold_parts() -> list[list[int]]:
    """The blocks that each fold's points are chosen on, then those of each fold: parts for block_counts.

    >>> [len(part) for part in fold_parts()]
    [48, 48, 48, 48, 16, 16, 16, 16]
    """
    folds = [[block for block in range(BLOCKS) if block % FOLDS == fold] for fold in range(FOLDS)]
    return [[block for block in range(BLOCKS) if block not in fold] for fold in folds] + folds


def crossfit(
    points: Sequence[OperatingPoint], sure: Sureness, parts: Sequence[Counts], wanted: Wanted, bins: Bins
) -> pl.DataFrame:
    """The points chosen anew without each fold and judged on it, beside those chosen and judged on all.

    ``points`` are those of ``sure``, ``parts`` the counts of ``fold_parts``. One row a point that is chosen by the data
    and can be chosen without every fold: point, cutoff, lowest and highest (of the folds' cut-offs), then fmr and fnmr,
    in which every person counts the same, and f1, in which every pair does: as chosen on all, and, with _others, of the
    folds together.
    """
    trained = [_by_name(operating_points(Sureness.of(part, sure.confidence), wanted, bins)) for part in parts[:FOLDS]]
    all_pairs = sure.counts[Weighting.PAIRS]
    genuine_pairs = float(all_pairs.genuine_all.sum())
    impostor_share = all_pairs.impostor_all / genuine_pairs if genuine_pairs else 0.0
    rows = []
    for point in points:
        places = [of_fold[point.name].bin for of_fold in trained if point.name in of_fold]
        chosen = [place - bins.first for place in places if place is not None]
        if point.bin is None or not point.chosen or len(chosen) < FOLDS:
            continue
        edges = bins.edges[chosen]
        rows.append(
            {
                "point": point.name,
                "cutoff": float(bins.edges[point.bin - bins.first]),
                "lowest": float(edges.min()),
                "highest": float(edges.max()),
                **_rates([sure.counts], [point.bin - bins.first], "", impostor_share),
                **_rates(parts[FOLDS:], chosen, "_others", impostor_share),
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


SCHEMA = {
    "point": pl.String,
    **dict.fromkeys(
        ("cutoff", "lowest", "highest", "fmr", "fnmr", "f1", "fmr_others", "fnmr_others", "f1_others"), pl.Float64
    ),
}


def _by_name(points: Sequence[OperatingPoint]) -> dict[str, OperatingPoint]:
    return {point.name: point for point in points}


def _rates(
    counts: Sequence[Counts], places: Sequence[int], suffix: str, impostor_share: float
) -> dict[str, float | None]:
    """The rates of several sets of people together, each at a place of its own among the edges.

    ``impostor_share`` is how many impostor pairs there are for a genuine one: in a fold, these would be fewer.
    """
    fmr, fnmr = _of(counts, places, Weighting.PEOPLE)
    false, missed = _of(counts, places, Weighting.PAIRS)
    f1 = None if false is None or missed is None else 2 * (1 - missed) / (2 - missed + impostor_share * false)
    return {f"fmr{suffix}": fmr, f"fnmr{suffix}": fnmr, f"f1{suffix}": f1}


def _of(counts: Sequence[Counts], places: Sequence[int], weighting: Weighting) -> tuple[float | None, float | None]:
    """FMR and FNMR of all sets of people, under one weighting."""
    of_sets = [(of_set[weighting], place) for of_set, place in zip(counts, places, strict=True)]
    impostor = sum(of_set.impostor_all for of_set, _ in of_sets)
    genuine = sum(float(of_set.genuine_all.sum()) for of_set, _ in of_sets)
    false = sum(float(of_set.impostor[place]) for of_set, place in of_sets)
    found = sum(float(of_set.genuine[:, place].sum()) for of_set, place in of_sets)
    return (false / impostor if impostor else None), (1 - found / genuine if genuine else None)
