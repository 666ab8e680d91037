"""The faces behind a report's numbers, for its page and its database: look-alikes, the unlike, suspects, a map."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa

from facesql.binning import Metric, written
from facesql.crops import Crops
from facesql.database import connect, engine_sql, plain_errors
from facesql.equivalent import ORDERED
from facesql.facemap import is_installed
from facesql.loading import Chosen
from facesql.lookalikes import PairKind, search_pairs, shown_pairs
from facesql.mapchart import map_chart
from facesql.mapping import face_map, with_pictures
from facesql.names import first_names, names_chart
from facesql.page import Show, ShownPair
from facesql.story import Faces, ShownChart
from facesql.suspects import Rates, Suspects, suspects_of
from facesql.suspectshown import shown_suspects

# So many pairs of each kind; more of them are a matter of the commands.
SHOWN = 24
# So many of each kind the report's database has: of the closest, no search takes longer for them.
KEPT = 60
# So many people are on the map, and have pictures there.
MAPPED, PICTURES = 1_500, 600
# Of more faces none are shown: to look for them takes longer than to count all pairs. Nor are any with a memory limit,
# for suspects take more memory than the counts.
MOST_FACES = 30_000
_FAILED = "The faces for the page could not be found; free some memory or disk space, or leave them out: --no-faces"


@dataclass(frozen=True)
class Behind:
    """What ``faces_behind`` finds: what the page shows, and the report's tables pairs and suspects; None is none."""

    shown: Faces
    pairs: pl.DataFrame | None = None
    suspects: pl.DataFrame | None = None


def faces_behind(
    chosen: Chosen,
    cutoff: Decimal,
    show: Show,
    *,
    faces: int,
    known: pa.Table,
    threads: int | None = None,
    progress: bool = False,
) -> Behind:
    """The faces behind an analysis of those ``chosen``, in its bins; there are so many ``faces``.

    ``cutoff`` is the one that pairs are judged by, and suspects; ``known`` are the counts of the analysis, as
    ``plan_pairs`` takes them.
    """
    why = f"Of more than {MOST_FACES:,} faces" if faces > MOST_FACES else "With a memory limit"
    if faces > MOST_FACES or chosen.memory_limit is not None:
        return Behind(
            Faces(no_pictures=f"{why} none are shown here; see facesql pairs, facesql suspects and facesql map.")
        )
    crops = Crops.of(chosen.files, show.photos, wanted=show.pictures)
    with plain_errors(_FAILED), connect(report=True) as connection:
        loaded = chosen.load(connection)
        closest, farthest = (
            search_pairs(
                connection,
                kind,
                loaded.bins,
                most=KEPT,
                database_bytes=loaded.database_bytes,
                threads=threads,
                progress=progress,
            )
            for kind in (PairKind.CLOSEST, PairKind.FARTHEST)
        )
        charts = [*_map(connection, loaded.bins.metric, crops, progress=progress), *_names(connection)]
    suspects = None
    if loaded.bins.metric in ORDERED:  # by whose distances they are judged
        suspects = suspects_of(chosen, cutoff=cutoff, most=SHOWN, known=[known], threads=threads, progress=progress)
    shown, suspects_note = ([], "") if suspects is None else _shown_suspects(suspects, cutoff, crops)
    first, last = closest.head(SHOWN), farthest.head(SHOWN)
    at = written(cutoff)
    wrong = first.filter(pl.col("distance") <= float(cutoff)).height
    missed = last.filter(pl.col("distance") > float(cutoff)).height
    faces_shown = Faces(
        lookalikes=shown_pairs(first, crops),
        lookalikes_note=f"At {at}, {wrong} of these {first.height} match; one pair for any two people.",
        unlike=shown_pairs(last, crops),
        unlike_note=f"At {at}, {missed} of these {last.height} are missed; one pair for each person.",
        suspects=shown,
        suspects_note=suspects_note,
        charts=charts,
        no_pictures=crops.why() or "Some photos are gone, or have changed since they were encoded.",
    )
    pairs = [_kept(table, kind, cutoff) for kind, table in (("closest", closest), ("farthest", farthest))]
    return Behind(faces_shown, pl.concat(pairs), None if suspects is None else suspects.every)


def _kept(table: pl.DataFrame, kind: str, cutoff: Decimal) -> pl.DataFrame:
    """Pairs as the report's table has them."""
    return table.select(pl.lit(kind).alias("kind"), pl.lit(float(cutoff)).alias("cutoff"), pl.all())


def _shown_suspects(found: Suspects, cutoff: Decimal, crops: Crops) -> tuple[list[ShownPair], str]:
    """The first suspects, and what the rates are without them."""
    if not found.found:
        return [], ""
    number = f"these are {found.table.height} of {found.found:,}" if found.found > SHOWN else "these are all"
    note = (
        f"Look at each: {number} photos that are probably an error. At {written(cutoff)}, {_of(found.before)}; with "
        f"these corrected, {_of(found.after)}. facesql suspects --accept writes the corrections."
    )
    return shown_suspects(found, crops), note


def _of(rates: Rates) -> str:
    return f"{rates.false_matches:,} pairs match wrongly and {rates.misses:,} are missed"


def _map(
    connection: duckdb.DuckDBPyConnection, metric: Metric, crops: Crops, *, progress: bool
) -> Iterator[ShownChart]:
    if not is_installed():
        return
    placed = with_pictures(
        face_map(connection, metric, limit=MAPPED, progress=progress), crops, most=PICTURES, progress=progress
    )
    words = "People who look alike to the network stand side by side; how far others are apart means nothing."
    yield ShownChart("map", map_chart(placed).to_dict(), words)


def _names(connection: duckdb.DuckDBPyConnection) -> Iterator[ShownChart]:
    people = pl.DataFrame(connection.sql(engine_sql("person_names")).to_arrow_table())["person"]
    names = first_names(people)
    if not names.is_empty():
        words = "The first names of the people, of folders that are named like George_W_Bush."
        yield ShownChart("names", names_chart(names, len(people)).to_dict(), words)
