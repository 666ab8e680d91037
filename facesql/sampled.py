"""Table faces to binned_counts by a sample of its pairs: all genuine pairs, and a random sample of the others.

Batches of pairs of tiles are joined as those of ``pairs`` are. What is estimated of all impostor pairs has the shape of
what is counted, and a fingerprint of its own, so that no later run takes it for a count.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, islice

import duckdb
import numpy as np
import pyarrow as pa

from facesql.binning import BinCounts, Bins, BlockPair, total
from facesql.blocks import Weighting
from facesql.counts import Counted, counts_table, read_counts
from facesql.database import engine_sql
from facesql.errors import FacesqlError
from facesql.estimates import LEAST_MATCHED, SampledFmr, StratumSums, estimate
from facesql.packing import packing
from facesql.pairs import BATCH_BYTES, Batch, Join, batch_bytes_within, counting_tiles, encodings_of, join_batch
from facesql.progress import Bar, bar
from facesql.sampling import (
    Draw,
    Integers,
    SampleWanted,
    Stratum,
    Tiles,
    allotted,
    expected_pairs,
    fitting_tile,
    least_pairs,
    strata_of,
)

# What a report's summary tells of a sample: the figures of ``Sampled.summary``, where there is none.
NO_SAMPLE: dict[str, float | None] = dict.fromkeys(
    ("sample_seed", "sample_pairs", "sample_strata", "sample_tile_pairs", "sample_of_tile_pairs")
)
# In place of a fingerprint of exact counts, which this never is.
FINGERPRINT = "sample"
# What the function that compares tiles is given at once.
_MOST_TILES = 2048
# What a thread compares in a second, to begin with, and how many matches a given error asks for beyond those of
# independent pairs.
_PAIRS_A_SECOND, _DEPENDENT = 10**7, 20
# A round takes so much of the time left, has at most so many times what was drawn before, and is left out where it
# would add less than so much of it.
_OF_TIME_LEFT, _MOST_TIMES, _LEAST_TIMES = 0.8, 4.0, 0.05
# A round is to reach the error for sure: so much more than it would take on average.
_MORE = 1.1


@dataclass(frozen=True)
class SamplePlan:
    """How a sample of the pairs of a connection's faces is compared; table tiled_face holds them already."""

    wanted: SampleWanted
    bins: Bins
    number: str
    """The type of the encodings' numbers, "float" or "double"."""
    face_bytes: int
    """The bytes of an encoding."""
    tiles: Tiles
    strata: Sequence[Stratum]
    """Those that have pairs of tiles to draw from."""
    genuine_pairs: int
    impostor_pairs: int
    first: Integers
    """How many pairs of tiles the first round draws from each stratum."""
    target: float
    """The FMR whose error is to be small."""
    confidence: float
    batch_tiles: int
    threads: int

    @property
    def sampled_from(self) -> int:
        """The impostor pairs that are drawn from."""
        return sum(stratum.pairs for stratum in self.strata)

    @property
    def certain_pairs(self) -> int:
        """The impostor pairs that are all compared, in tiles that share a person."""
        return self.impostor_pairs - self.sampled_from

    @property
    def tile_pairs(self) -> int:
        """How many pairs of tiles there are."""
        return sum(stratum.count for stratum in self.strata) + self.tiles.sharing_count

    @property
    def tile_faces(self) -> int:
        """The faces of the largest tile."""
        return int(self.tiles.faces.max(initial=0))

    def tiles_of_blocks(self) -> dict[int, list[int]]:
        """The tiles of each block."""
        tiles = enumerate(self.tiles.block.tolist())
        return {block: [tile for tile, _ in of_block] for block, of_block in groupby(tiles, key=lambda row: row[1])}

    def certain_batches(self) -> Iterator[Batch]:
        """The pairs of tiles that share a person."""
        return _batches(self.tiles.sharing(), self.batch_tiles)

    def drawn_batches(self, drawn: Iterable[tuple[Integers, Integers]]) -> Iterator[Batch]:
        """The pairs of tiles drawn from each stratum, in the order of their blocks: a batch has one block on the left.

        So it reads one block there, and on the right those from its first to its last.
        """
        for _, of_block in groupby(zip(self.strata, drawn, strict=True), key=lambda pair: pair[0].block_a):
            pairs = (pair for _, tiles in of_block for pair in zip(*map(np.ndarray.tolist, tiles), strict=True))
            yield from _batches(iter(sorted(pairs)), self.batch_tiles)


def _batches(pairs: Iterator[tuple[int, int]], most: int) -> Iterator[Batch]:
    while held := list(islice(pairs, most)):
        yield Batch([a for a, _ in held], [b for _, b in held], whole=False)


@dataclass(frozen=True)
class Sampled:
    """What was sampled, and FMR with intervals of the sampling alone."""

    wanted: SampleWanted
    pairs: int
    """The impostor pairs compared, and how many there are."""
    of_pairs: int
    strata: int
    tile_pairs: int
    """The pairs of tiles drawn, and how many they were drawn from."""
    of_tile_pairs: int
    sharing: int
    """Those that share a person, which are all compared."""
    confidence: float
    fmr: dict[Weighting, SampledFmr]

    @property
    def exact(self) -> bool:
        """Whether all pairs are compared after all."""
        return self.pairs == self.of_pairs

    def summary(self) -> dict[str, float | None]:
        """The sample's figures by name, as the table summary holds them."""
        figures = self.wanted.seed, self.pairs, self.strata, self.tile_pairs, self.of_tile_pairs
        return dict(zip(NO_SAMPLE, figures, strict=True))


def plan_sample(
    connection: duckdb.DuckDBPyConnection,
    wanted: SampleWanted,
    *,
    bins: Bins,
    target: float = 1e-3,
    confidence: float = 0.95,
    memory_limit: int | None = None,
    threads: int | None = None,
) -> SamplePlan | None:
    """Cut table faces into tiles, and plan which pairs of them are compared; None where the sample has all pairs.

    ``target`` is the FMR whose error counts where ``wanted`` asks for one; ``memory_limit`` is that of the database, in
    bytes.

    Raises FacesqlError where a sample is too small to tell how sure it is.
    """
    number, face_bytes, faces = encodings_of(connection)
    blocks = connection.execute(engine_sql("block_people")).fetchall()
    every = impostor_pairs(connection)
    [(pairs,)] = connection.execute(engine_sql("pairs_to_count")).fetchall()
    threads = threads or os.cpu_count() or 1
    about = _about(wanted, target, threads)
    if (wanted.pairs is not None and wanted.pairs >= every) or not every:
        return None
    tile_faces = fitting_tile(min(about, every), faces, len(blocks))
    with packing(connection, number):
        connection.execute(engine_sql("create_tiled_face"), {"blocks_a_tile": 1, "tile_faces": tile_faces})
    people = connection.sql(engine_sql("tile_people")).to_arrow_table()
    tiles = Tiles.of(*(column.to_numpy().astype(np.int64) for column in people.columns))
    strata = [stratum for stratum in strata_of(tiles) if stratum.count]
    batch_bytes = batch_bytes_within(BATCH_BYTES, memory_limit)
    plan = SamplePlan(
        wanted=wanted,
        bins=bins,
        number=number,
        face_bytes=face_bytes,
        tiles=tiles,
        strata=strata,
        genuine_pairs=pairs - every,
        impostor_pairs=every,
        first=np.zeros(len(strata), np.int64),
        target=target,
        confidence=confidence,
        batch_tiles=min(max(1, batch_bytes // (2 * face_bytes * int(tiles.faces.max()))), _MOST_TILES),
        threads=threads,
    )
    least = least_pairs(strata, plan.certain_pairs)
    if wanted.pairs is not None and wanted.pairs < min(least, every):
        raise FacesqlError(_too_small(wanted.pairs, least, every))
    begin = about / (1 if wanted.pairs is not None else _MOST_TIMES)
    return replace(plan, first=allotted(strata, begin - plan.certain_pairs))


def impostor_pairs(connection: duckdb.DuckDBPyConnection) -> int:
    """How many pairs of two people the table faces has."""
    blocks = connection.execute(engine_sql("block_people")).fetchall()
    faces = sum(of_block for _, _, of_block, _ in blocks)
    return int(faces**2 - sum(squares for _, _, _, squares in blocks)) // 2


def _about(wanted: SampleWanted, target: float, threads: int) -> float:
    """About how many pairs are going to be compared, for which tiles are made."""
    if wanted.pairs is not None:
        return wanted.pairs
    if wanted.seconds is not None:
        return wanted.seconds * threads * _PAIRS_A_SECOND
    return _DEPENDENT / (target * (wanted.relative_error or 1) ** 2)


def _too_small(pairs: int, least: int, impostor_pairs: int) -> str:
    if least >= impostor_pairs:
        return (
            f"A sample of {pairs:,} pairs does not tell how sure it is, and these faces need all {impostor_pairs:,}: "
            "leave out --pairs."
        )
    return f"A sample of {pairs:,} pairs is too small to tell how sure it is; give at least --pairs {least:,}."


@dataclass
class Sampler:
    """Compares pairs of tiles, round by round; see ``sampling_tiles``."""

    connection: duckdb.DuckDBPyConnection
    plan: SamplePlan
    shown: Bar
    joined: Callable[[Iterator[Batch]], Iterable[tuple[Batch, pa.Table]]]
    draw: Draw = field(init=False)
    sums: list[StratumSums] = field(init=False)

    def __post_init__(self) -> None:
        self.begin(self.plan.wanted.seed)

    def begin(self, seed: int) -> None:
        """Forget what was drawn, and begin with another seed."""
        self.draw = Draw(self.plan.strata, seed)
        self.sums = [StratumSums() for _ in self.plan.strata]

    def certain(self) -> list[Counted]:
        """All genuine pairs, and the impostor pairs of tiles that share a person."""
        held: dict[BlockPair, BinCounts] = {}
        for _, joined in self.joined(self.plan.certain_batches()):
            for key, of_key in groupby(_in_order(joined), key=lambda row: row[0]):
                parts = [counts for _, counts in of_key]
                held[key] = total([held[key], *parts] if key in held else parts)
        return sorted(held.items(), key=lambda row: row[0])

    def up_to(self, sizes: Integers) -> None:
        """Draw and compare further pairs of tiles, until there are so many of each stratum."""
        places = {(stratum.block_a, stratum.block_b): place for place, stratum in enumerate(self.plan.strata)}
        for _, joined in self.joined(self.plan.drawn_batches(self.draw.up_to(sizes))):
            for (a, b, _), of_key in groupby(_in_order(joined), key=lambda row: row[0]):
                self.sums[places[a, b]].add([counts for _, counts in of_key])

    @property
    def pairs(self) -> int:
        """The pairs of faces compared that were drawn."""
        return sum(of_stratum.pairs for of_stratum in self.sums)


def _in_order(joined: pa.Table) -> list[Counted]:
    """A batch's counts in the order of their blocks, then of their tiles: sums of weights repeat to the last digit."""
    tiles = zip(joined["tile_a"].to_pylist(), joined["tile_b"].to_pylist(), strict=True)
    rows = zip(tiles, read_counts(joined), strict=True)
    ordered = sorted(rows, key=lambda row: (row[1][0], row[0]))
    return [counted for _, counted in ordered]


@contextmanager
def sampling_tiles(
    connection: duckdb.DuckDBPyConnection, plan: SamplePlan, *, join: Join | None = None, progress: bool = False
) -> Iterator[Sampler]:
    """What compares the pairs of tiles of a plan while the block runs; ``join`` is as for ``count_pairs``."""
    known = plan.genuine_pairs + plan.certain_pairs
    pairs = round(known + expected_pairs(plan.strata, plan.first))
    with bar(pairs, "pair", shown=progress, what="comparing a sample") as shown:
        if join is not None:
            yield Sampler(connection, plan, shown, partial(_closing, join, shown.update))
            return
        with counting_tiles(connection, plan.number, plan.bins, plan.threads, shown.update):
            yield Sampler(connection, plan, shown, lambda batches: ((b, join_batch(connection, b)) for b in batches))


def _closing(
    join: Join, counted: Callable[[int], object], batches: Iterator[Batch]
) -> Iterator[tuple[Batch, pa.Table]]:
    with closing(join(batches, counted)) as joined:
        yield from joined


def count_sample(
    connection: duckdb.DuckDBPyConnection, plan: SamplePlan, *, join: Join | None = None, progress: bool = False
) -> Sampled:
    """Compare the sample, and fill block_pair_counts with what it tells of all pairs, and so the view binned_counts.

    Genuine pairs are exact. The same seed gives the same counts of as many pairs, whatever the threads.
    ``join`` is as for ``count_pairs``.
    """
    began = time.monotonic()
    with sampling_tiles(connection, plan, join=join, progress=progress) as sampler:
        counted = sampler.certain()
        certain = [row for row in counted if not row[0][2]]
        genuine = [row for row in counted if row[0][2]]
        drawing, sizes = time.monotonic(), plan.first
        while True:
            sampler.up_to(sizes)
            estimated = estimate(plan.strata, sampler.sums, certain, plan.bins, plan.confidence)
            now = time.monotonic()
            more = _more(plan, sampler, estimated.fmr[Weighting.PEOPLE], now - began, now - drawing)
            if more is None:
                break
            further = expected_pairs(plan.strata, more) - expected_pairs(plan.strata, sampler.draw.sizes)
            sampler.shown.total = (sampler.shown.total or 0) + round(further)
            sizes = more
        _store(connection, [*genuine, *estimated.counted])
        return Sampled(
            wanted=plan.wanted,
            pairs=plan.certain_pairs + sampler.pairs,
            of_pairs=plan.impostor_pairs,
            strata=len(plan.strata),
            tile_pairs=int(sampler.draw.sizes.sum()),
            of_tile_pairs=sum(stratum.count for stratum in plan.strata),
            sharing=plan.tiles.sharing_count,
            confidence=plan.confidence,
            fmr=dict(estimated.fmr),
        )


def _more(plan: SamplePlan, sampler: Sampler, fmr: SampledFmr, seconds: float, drawing: float) -> Integers | None:
    """How many pairs of tiles of each stratum there are to be after a further round; None where that is enough."""
    wanted, pairs = plan.wanted, sampler.pairs
    if wanted.seconds is not None:
        times = min(_OF_TIME_LEFT * (wanted.seconds - seconds) / drawing, _MOST_TIMES)
        if times < _LEAST_TIMES:
            return None
    elif wanted.relative_error is not None:
        error = relative_error(fmr, plan.target)
        if error <= wanted.relative_error:
            return None
        times = min(_MORE * (error / wanted.relative_error) ** 2 - 1, _MOST_TIMES)
    else:
        return None
    while True:
        sizes = np.maximum(allotted(plan.strata, pairs * (1 + times)), sampler.draw.sizes)
        if (sizes > sampler.draw.sizes).any():
            return sizes
        if pairs * (1 + times) >= plan.sampled_from:
            return None
        times = 2 * times + 1  # strata of two pairs of tiles, the least, have more than their share


def relative_error(fmr: SampledFmr, target: float) -> float:
    """The sampling's standard error of FMR, as a share of it, at the first cut-off where it reaches the target.

    Infinite where the sample does not tell it.
    """
    place = min(int(np.searchsorted(fmr.value, target)), len(fmr.value) - 1)
    if not fmr.value[place] or fmr.matched[place] < LEAST_MATCHED:
        return float("inf")
    return float(fmr.se[place] / fmr.value[place])


def _store(connection: duckdb.DuckDBPyConnection, counted: Iterable[Counted]) -> None:
    """Fill table block_pair_counts."""
    rows = sorted(counted, key=lambda row: row[0])
    table = counts_table(rows)
    table = table.append_column("fingerprint", pa.array([FINGERPRINT] * len(rows), pa.string()))
    connection.register("counted", table)
    connection.execute("insert into block_pair_counts by name from counted")
    connection.unregister("counted")
