"""Faces to counts: all pairs or a sample of them, by this process or by the workers of a cluster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from facesql.known import KeptCounts
from facesql.loading import Loaded
from facesql.pairs import count_pairs, plan_pairs
from facesql.sampling import SampleWanted
from facesql.wanted import Wanted

if TYPE_CHECKING:  # SciPy takes memory that the comparison may need
    from facesql.cluster import Workers
    from facesql.sampled import Sampled, SamplePlan


@dataclass(frozen=True)
class Compared:
    """How the pairs were compared."""

    threads: int
    pairs_known: int = 0
    """Pairs whose counts an earlier run left."""
    sampled: "Sampled | None" = None
    doubts: Sequence[str] = ()


@contextmanager
def working_for(scheduler: str | None) -> Iterator["Workers | None"]:
    """The workers of a cluster, at the address of its scheduler; None where there is none, and this process works."""
    if scheduler is None:
        yield None
        return
    from facesql.cluster import Workers

    with Workers(scheduler) as workers:
        yield workers


def compare_faces(
    connection: duckdb.DuckDBPyConnection,
    loaded: Loaded,
    kept: KeptCounts,
    *,
    sample: SampleWanted | None,
    wanted: Wanted,
    fresh: bool,
    workers: "Workers | None",
    shared: str | Path | None,
    threads: int | None,
    progress: bool,
) -> Compared:
    """Fill block_pair_counts from table faces by all pairs, or by a sample where one is wanted that has not all.

    ``shared`` is where workers read tiles from, the folder of ``kept`` where it is None. Raises FacesqlError where a
    sample is too small, or a cluster does not fit or is lost.
    """
    place = shared or kept.folder
    doubts = []
    if sample is not None:
        drawn = planned_sample(connection, sample, loaded, wanted, threads)
        if drawn is not None:
            return _compare_sample(connection, drawn, workers, place, progress=progress)
        doubts = [_covers_all(connection, sample)]
    known = () if fresh else kept.known()
    plan = plan_pairs(connection, bins=loaded.bins, known=known, threads=threads, memory_limit=loaded.database_bytes)
    if workers is None:
        count_pairs(connection, plan, keep=kept.keep, progress=progress)
    else:
        from facesql.cluster import spread

        with spread(connection, plan, workers, place) as (larger, join):
            count_pairs(connection, larger, join=join, keep=kept.keep, progress=progress)
    return Compared(plan.threads, plan.pairs_known, doubts=doubts)


def planned_sample(
    connection: duckdb.DuckDBPyConnection, sample: SampleWanted, loaded: Loaded, wanted: Wanted, threads: int | None
) -> "SamplePlan | None":
    """How a sample of table faces is compared; None where it has all pairs."""
    from facesql.sampled import plan_sample

    return plan_sample(
        connection,
        sample,
        bins=loaded.bins,
        target=wanted.max_fmr,
        confidence=wanted.confidence,
        memory_limit=loaded.database_bytes,
        threads=threads,
    )


def _compare_sample(
    connection: duckdb.DuckDBPyConnection,
    plan: "SamplePlan",
    workers: "Workers | None",
    place: str | Path,
    *,
    progress: bool,
) -> Compared:
    from facesql.sampled import count_sample

    if workers is None:
        return Compared(plan.threads, sampled=count_sample(connection, plan, progress=progress))
    from facesql.cluster import joining

    with joining(connection, plan.tiles_of_blocks(), plan.number, plan.bins, workers, place) as join:
        return Compared(plan.threads, sampled=count_sample(connection, plan, join=join, progress=progress))


def _covers_all(connection: duckdb.DuckDBPyConnection, sample: SampleWanted) -> str:
    """What is said where a sample would have all pairs."""
    from facesql.sampled import impostor_pairs
    from facesql.sampletext import covers_all

    return covers_all(sample.pairs, impostor_pairs(connection))
