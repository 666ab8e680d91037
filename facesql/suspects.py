"""Photos that are probably mislabelled, there twice or of the wrong face, and what correcting them changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import exp, isnan, log
from pathlib import Path
from typing import Any
from unicodedata import normalize

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from facesql.binning import EUCLIDEAN, Bins, Metric
from facesql.correcting import Corrections
from facesql.corrections import exclude_line, relabel_lines
from facesql.database import connect, engine_sql, plain_errors
from facesql.duplicates import groups
from facesql.equivalent import ORDERED, Equivalent
from facesql.errors import FacesqlError
from facesql.faces import photos_path
from facesql.fitting import read_bins
from facesql.loading import Chosen
from facesql.metrics import cutoff_table
from facesql.mislabels import Alternative, Finding, Kind, find_mislabels
from facesql.neighbours import Encodings, SortedFaces, compare_all
from facesql.operating import PACKAGE_CUTOFF
from facesql.pairs import count_pairs, plan_pairs
from facesql.provenance import noted_metric
from facesql.sources import DATABASE, open_report, rows_of_photos
from facesql.tables import FacesLike, files_of
from facesql.wrong import WrongPairs

# Where the report is that recommends a cut-off: beside the table.
REPORT = "report"
_FAILED = "The comparison failed; free some memory or disk space and run it again."
# Something is a suspect from this probability on.
PROBABILITY = 0.1

# One row for each suspect, the one first whose correction takes away most errors, times how probable it is.
SUSPECTS = pl.Schema(
    {
        "rank": pl.Int64,
        "kind": pl.String,
        "id": pl.String,
        "person": pl.String,
        "id_other": pl.String,  # the photo beside which to look at it; of a wrong face, the photo itself
        "person_other": pl.String,
        "face_other": pl.Int64,  # of a wrong face, the number of the one that fits better, and its box in pixels
        "other_top": pl.Int64,
        "other_right": pl.Int64,
        "other_bottom": pl.Int64,
        "other_left": pl.Int64,
        "distance_own": pl.Float64,  # to the own person's other photos, the median
        "distance_other": pl.Float64,
        "probability": pl.Float64,  # that it is an error, as facesql/evidence.py has it
        "errors": pl.Int64,  # false matches and misses that are gone when it is corrected
        "expected": pl.Float64,  # these times the probability: what to expect of looking at it
        "correction": pl.String,  # exclude, relabel, or choose face
        "change": pl.String,  # lines of the file for --exclude, or of that for --relabel
        "evidence": pl.String,
    }
)


@dataclass(frozen=True)
class Rates:
    """What faces have at one cut-off. Rates are None where there are no pairs; precision is 1 where nothing matches."""

    faces: int
    people: int
    false_matches: int
    misses: int
    fmr: float | None
    fnmr: float | None
    precision: float
    recall: float | None
    fmr_of_people: float | None
    """Every two people count the same, in fnmr_of_people every person."""
    fnmr_of_people: float | None


@dataclass(frozen=True)
class Suspects:
    """What ``find_suspects`` found."""

    table: pl.DataFrame
    """With the schema SUSPECTS."""
    found: int
    """How many there are, those of the table and others."""
    cutoff: Decimal
    why: str
    """Whose cut-off that is, in words."""
    bins: Bins
    before: Rates
    every: pl.DataFrame
    """All that were found, with the schema SUSPECTS."""
    after: Rates
    """With the suspects of the table corrected: faces left out, and names that are one person."""
    corrections: Corrections
    doubts: Sequence[str] = ()

    def summary(self) -> dict[str, object]:
        """The single figures, by name: cutoff, suspects, and the rates with all and without the suspects."""
        return {
            "cutoff": float(self.cutoff),
            "suspects": self.found,
            "shown": self.table.height,
            "all": vars(self.before),
            "without_suspects": vars(self.after),
        }


def find_suspects(
    faces: FacesLike,
    *,
    cutoff: Decimal | None = None,
    most: int | None = None,
    probability: float = PROBABILITY,
    threads: int | None = None,
    progress: bool = False,
) -> Suspects:
    """The suspects among the faces of one or several tables.

    Distances are of the metric that the files note, or else Euclidean. Inner products order pairs as no lengths do:
    of files made for these, suspects go by Euclidean distances, which ``doubts`` tells.


    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``.
    A suspect is an error at least with that ``probability``, as ``facesql/evidence.py`` has it. Its ``errors`` are how
    many fewer pairs of photos are decided wrongly at the cut-off, as a false match or a miss, when it alone is
    corrected, that is when its photos are left out, or two names are one. Every pair counts the same there: a number of
    decisions, which can be counted, and which tells what looking is worth. Suspects are in the order of ``expected``,
    errors times probability; ``most`` takes the first so many.

    ``cutoff`` is an edge of the bins; None takes the one that the report beside the first file recommends, or else
    face_recognition's 0.6, or, where encodings are not face_recognition's, that of the best F1.

    Other faces of a photo are looked at where the table of photos stands beside a file. Raises FacesqlError where a
    file cannot be used, or the cut-off is between two edges.
    """
    if not 0 < probability < 1:
        raise FacesqlError(f"{probability:g} is no probability; give one between 0 and 1.")
    with files_of(faces) as opened:
        return suspects_of(
            Chosen(opened.files, noted if (noted := _noted(opened.files)) in ORDERED else Metric.EUCLIDEAN),
            cutoff=cutoff,
            most=most,
            probability=probability,
            threads=threads,
            progress=progress,
        )


def suspects_of(
    chosen: Chosen,
    *,
    cutoff: Decimal | None = None,
    most: int | None = None,
    probability: float = PROBABILITY,
    known: Sequence[pa.Table] = (),
    threads: int | None = None,
    progress: bool = False,
) -> Suspects:
    """The suspects among the faces chosen; all else is as for ``find_suspects``. The metric is one of ORDERED.

    ``known`` are counts of theirs, as ``plan_pairs`` takes them.
    """
    files = chosen.files
    with plain_errors(_FAILED), connect(report=True) as connection:
        bins, totals = _compare(connection, chosen, threads, known, progress=progress)
        bin_, why = _own_cutoff(files[0], totals, bins) if cutoff is None else (bins.bin_of(cutoff), "as given")
        before = _rates(connection, totals, bin_)
        equivalent = Equivalent(bins.metric)
        people = _People.read(connection, equivalent)
        alternatives = _alternatives(connection, files, people, equivalent)
        doubts = _doubts(connection, files, bins.metric)
        counts = connection.sql("from block_pair_counts").to_arrow_table()
    neighbours = compare_all(people.faces, *_own_bins(bins, equivalent), threads=threads, progress=progress)
    findings = find_mislabels(people.faces, neighbours, alternatives, least=log(probability / (1 - probability)))
    wrong = WrongPairs(people.faces, float(bins.edges[bin_ - bins.first]), equivalent, people.exact)
    rows = _rows([_told(finding, equivalent) for finding in findings], people, wrong)
    corrections = _corrections([finding for finding, _ in rows[:most]], people)
    before_these = chosen.corrections or Corrections(frozenset(), {})
    corrected = replace(chosen.binned(bins), corrections=before_these.then(corrections))
    with plain_errors(_FAILED), connect(report=True) as connection:
        _, totals = _compare(connection, corrected, threads, [counts], progress=progress)
        after = _rates(connection, totals, bin_)
    every = pl.DataFrame([row for _, row in rows], schema=SUSPECTS)
    table = every if most is None else every.head(most)
    return Suspects(table, len(rows), bin_ * bins.width, why, bins, before, every, after, corrections, doubts)


def _noted(files: Sequence[Path]) -> Metric:
    """The metric that files note; of what is no Parquet file, which is told where it is read, the Euclidean one."""
    try:
        return noted_metric(files)
    except (OSError, pa.ArrowException):
        return Metric.EUCLIDEAN


def _own_bins(bins: Bins, equivalent: Equivalent) -> tuple[float, int]:
    """Bins for the Euclidean distances that stand for those of a metric: their width and number."""
    if bins.metric is Metric.EUCLIDEAN:
        return float(bins.width), bins.count
    return equivalent.euclidean(float(bins.edges[-1])) / EUCLIDEAN.last, EUCLIDEAN.count


def _told(finding: Finding, equivalent: Equivalent) -> Finding:
    """The finding with its distances in the metric."""
    return replace(finding, own=equivalent.told(finding.own), distance=equivalent.told(finding.distance))


@dataclass(frozen=True)
class _People:
    """Who the faces are of: the faces, in step with their ids and the lines that leave them out, and people's names."""

    faces: SortedFaces
    exact: Encodings
    """The encodings as the table has them; those of the faces are such that Euclidean distances order them."""
    ids: Sequence[str]
    lines: Sequence[str]
    names: Sequence[str]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, equivalent: Equivalent) -> "_People":
        """The faces of a connection's table faces."""
        table = connection.sql(engine_sql("faces_by_person")).to_arrow_table()
        names = table["person"].combine_chunks().dictionary_encode()  # in the order in which they come
        encodings = table["encoding"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
        people, photos = names.indices.to_numpy().astype(np.int64), table["photo"].to_numpy().astype(np.int64)
        faces = SortedFaces(people, photos, equivalent.encodings(encodings))
        return cls(faces, encodings, table["id"].to_pylist(), table["line"].to_pylist(), names.dictionary.to_pylist())

    def person(self, finding: Finding) -> int:
        """The number of whose face it is."""
        return int(self.faces.people[finding.row])


def _compare(
    connection: duckdb.DuckDBPyConnection,
    chosen: Chosen,
    threads: int | None,
    known: Sequence[pa.Table],
    *,
    progress: bool,
) -> tuple[Bins, pl.DataFrame]:
    """Compare all faces chosen; returns the bins, and the pairs a bin and same_person.

    What is known of blocks that corrections leave as they were is not counted again.
    """
    loaded = chosen.load(connection)
    plan = plan_pairs(connection, bins=loaded.bins, known=known, threads=threads, memory_limit=loaded.database_bytes)
    count_pairs(connection, plan, progress=progress)
    return loaded.bins, pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())


def _own_cutoff(faces: Path, totals: pl.DataFrame, bins: Bins) -> tuple[int, str]:
    """The bin of the cut-off to take where none is given, and whose it is."""
    report = faces.parent / REPORT
    if (recommended := _recommended(report, bins.metric)) is not None:
        try:
            return bins.bin_of(recommended), f"recommended by {str(report)!r}"
        except FacesqlError:  # the report has finer bins, or counts farther
            pass
    if bins == EUCLIDEAN:
        return PACKAGE_CUTOFF, "face_recognition's"
    best = cutoff_table(totals, bins).filter(pl.col("f1") == pl.col("f1").max())
    return (int(best["bin"][0]), "of the best F1") if best.height else ((bins.first + bins.last) // 2, "in the middle")


def _recommended(report: Path, metric: Metric) -> Decimal | None:
    """The cut-off that a report recommends, None where there is none, or it is of another metric."""
    if not (report / DATABASE).is_file():
        return None
    try:
        with open_report(report / DATABASE) as connection:
            query = "select recommended_cutoff from summary where metric = $1"
            row = connection.execute(query, [metric.value]).fetchone()
            if row is None or row[0] is None:
                return None
            width = read_bins(connection).width
            return round(Decimal(row[0]) / width) * width
    except (FacesqlError, duckdb.Error, ValueError):  # another program's, or in use
        return None


def _rates(connection: duckdb.DuckDBPyConnection, totals: pl.DataFrame, at: int) -> Rates:
    """What the faces that have been compared have where bin ``at`` is the last to match."""
    [(faces, _, people)] = connection.sql("from face_counts").fetchall()
    matched, all_, weight, all_weight = (
        [float(totals.filter(same_person=same)[column].sum()) for same in (True, False)]
        for totals, column in (
            (totals.filter(pl.col("bin") <= at), "pairs"),
            (totals, "pairs"),
            (totals.filter(pl.col("bin") <= at), "person_weight"),
            (totals, "person_weight"),
        )
    )
    recall = matched[0] / all_[0] if all_[0] else None
    return Rates(
        faces=faces,
        people=people,
        false_matches=int(matched[1]),
        misses=int(all_[0] - matched[0]),
        fmr=matched[1] / all_[1] if all_[1] else None,
        fnmr=(all_[0] - matched[0]) / all_[0] if all_[0] else None,
        precision=matched[0] / sum(matched) if sum(matched) else 1.0,
        recall=recall,
        fmr_of_people=min(1.0, weight[1] / all_weight[1]) if all_weight[1] else None,
        fnmr_of_people=max(0.0, 1 - weight[0] / all_weight[0]) if all_weight[0] else None,
    )


def _alternatives(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], people: _People, equivalent: Equivalent
) -> list[Alternative]:
    """The other faces of photos, of the tables of photos that stand beside the files."""
    columns = {row[0].lower() for row in connection.execute("describe faces").fetchall()}
    if not {"photo", "face"} <= columns:
        return []
    places = {id_: row for row, id_ in enumerate(people.ids)}
    found = []
    for file in files:
        rows = rows_of_photos(connection, file, "other_faces", faces_file=str(file))
        found += [
            Alternative(
                places[id_],
                photo,
                face,
                (top, right, bottom, left),
                equivalent.encodings(np.array([encoding], np.float32))[0],
            )
            for id_, photo, face, top, right, bottom, left, encoding in rows
        ]
    return found


def _rows(findings: Sequence[Finding], people: _People, wrong: WrongPairs) -> list[tuple[Finding, dict[str, Any]]]:
    """The findings with their rows of the table, in its order."""
    faces = people.faces
    rows = np.array(sorted({row for finding in findings for row in finding.rows}), np.int64)
    each = dict(zip(rows.tolist(), wrong.of_each(rows).tolist(), strict=True))
    found = []
    for finding in findings:
        if finding.kind is Kind.ONE_PERSON and finding.person_other is not None:
            errors = wrong.of_two_names(faces.of(people.person(finding)), faces.of(finding.person_other))
        else:
            errors = wrong.of_set(finding.rows, np.array([each[row] for row in finding.rows]))
        found.append((finding, _row(finding, people, errors)))
    found.sort(key=lambda pair: (-pair[1]["expected"], -pair[0].log_odds, pair[0].kind, pair[1]["id"]))
    for rank, (_, row) in enumerate(found, 1):
        row["rank"] = rank
    return found


def _row(finding: Finding, people: _People, errors: int) -> dict[str, Any]:
    person, other = people.names[people.person(finding)], finding.alternative
    of_other = person if finding.person_other is None else people.names[finding.person_other]
    if finding.kind is Kind.ONE_PERSON:
        correction, change = "relabel", relabel_lines({person: of_other})[0].split("\n", 1)[1].rstrip("\n")
    else:
        correction = "exclude" if other is None else "choose face"
        change = "\n".join(line for row in finding.rows if (line := exclude_line(people.lines[row])) is not None)
    probability = 1 / (1 + exp(-finding.log_odds))
    box = (None,) * 4 if other is None else other.box
    id_other = None if finding.other is None else people.ids[finding.other]
    return {
        "kind": finding.kind.value,
        "id": people.ids[finding.row],
        "person": person,
        "id_other": id_other if other is None else other.photo,
        "person_other": of_other,
        "face_other": None if other is None else other.face,
        **dict(zip(("other_top", "other_right", "other_bottom", "other_left"), box, strict=True)),
        "distance_own": None if isnan(finding.own) else finding.own,
        "distance_other": finding.distance,
        "probability": probability,
        "errors": errors,
        "expected": errors * probability,
        "correction": correction,
        "change": change,
        "evidence": _evidence(finding, people),
    }


def _evidence(finding: Finding, people: _People) -> str:
    """What speaks for it, in words."""
    person = people.names[people.person(finding)]
    other = "" if finding.person_other is None else people.names[finding.person_other]
    distance = f"{finding.distance:.3f}"
    own = f"{finding.own:.3f} from the other photos of {person!r}"
    if isnan(finding.own):
        own = f"the only photo of {person!r}"
    match finding.kind:
        case Kind.MISPLACED if finding.by_one_photo:
            return f"{own}; {distance} from a photo of {other!r}"
        case Kind.MISPLACED:
            return f"{own}; {distance} from those of {other!r}"
        case Kind.ONE_PERSON:
            return f"photos of {person!r} and of {other!r} are {distance} apart, as those of one person may be"
        case Kind.TWO_PEOPLE:
            going, all_ = len(finding.rows), int(people.faces.sizes[people.person(finding)])
            return f"{going} of the {all_} photos of {person!r} {distance} from the others, as those of two people are"
        case Kind.SAME_PHOTO:
            return f"{distance} from a photo of {other!r}: one picture; {own}"
        case Kind.WRONG_FACE:
            number = None if finding.alternative is None else finding.alternative.face
            return f"{own}; face {number} of the same photo {distance}"


def _corrections(findings: Sequence[Finding], people: _People) -> Corrections:
    """What correcting all findings changes. Names that are one person's all become that with most faces."""
    exclude = {normalize("NFC", people.lines[row]) for finding in findings for row in finding.rows}
    same = [(people.person(finding), finding.person_other) for finding in findings if finding.kind is Kind.ONE_PERSON]
    same_as: dict[str, str] = {}
    for group in groups([(a, b) for a, b in same if b is not None]):
        first, *others = sorted(group, key=lambda person: (-people.faces.sizes[person], person))
        same_as |= {normalize("NFC", people.names[other]): people.names[first] for other in others}
    return Corrections(exclude, same_as)


def _doubts(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], metric: Metric) -> list[str]:
    """What cannot be told, and why."""
    [(most, people)] = connection.execute("select max(genuine_pairs), count(*) from people").fetchall()
    doubts = []
    if (noted := _noted(files)) is not metric:
        doubts.append(f"The table is made for the metric {noted}; suspects go by {metric} distances, as do cut-offs.")
    elif metric is not Metric.EUCLIDEAN:
        doubts.append(f"Distances are {metric}, the metric that the table notes.")
    if not most or people < 2:
        lacking = "no person has two photos" if people > 1 else "there is one person only"
        doubts.append(f"Only pictures under two names can be told, for {lacking}.")
    if missing := [photos_path(file).name for file in files if not photos_path(file).is_file()]:
        doubts.append(f"Without {missing[0]!r} beside the table nothing tells which other faces photos hold.")
    return doubts
