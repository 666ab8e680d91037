"""A list of pairs to accuracy by folds, as Labeled Faces in the Wild's View 2 asks for it, and to its ROC."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from facesql.binning import EUCLIDEAN, Metric, parse_number
from facesql.chartfiles import FILE_FORMATS, file_content, parse_file_format, write_chart
from facesql.curvecharts import Curves, roc_of_several
from facesql.database import connect, engine_sql, plain_errors
from facesql.errors import FacesqlError
from facesql.faces import check_files, file_pattern, limit_memory, load_faces, photos_path
from facesql.fitting import set_metric
from facesql.foldwise import Curve, Flags, Numbers, Spread, chosen_on_others, pair_distances, rightly_decided
from facesql.operating import PACKAGE_CUTOFF
from facesql.output import whole_file, whole_files
from facesql.pairlists import FOLDS, PairList, read_pairs
from facesql.parts import parts
from facesql.peoplefolds import dealt_by_people, fold_of_pair
from facesql.provenance import doubts, fitting_metric, read_made
from facesql.report import CHART_FORMATS, write_summary, write_tables
from facesql.tables import FacesLike, files_of

_FAILED = "The pairs could not be compared; free some memory or disk space and run it again."


class FoldRule(StrEnum):
    """How a list of pairs is cut into folds that has none of its own."""

    ORDER = "order"
    """The pairs of each class, in their order, into equal parts."""
    PEOPLE = "people"
    """By their people, so that nobody is in two folds where that can be."""


@dataclass(frozen=True)
class Accuracy:
    """The share of pairs that are decided rightly, by folds."""

    with_faces: Spread
    """Of the pairs in which both photos have a face in the table."""
    of_all: Spread
    """Of all pairs, those without a face being decided wrongly."""


@dataclass(frozen=True)
class Protocol:
    """What a list of pairs gave. Rates lie in 0 to 1."""

    pairs: int
    genuine: int
    """Those of one person."""
    without_face: int
    """Pairs of which a photo has no face in the table, or neither has."""
    photos_without_face: int
    statuses: Mapping[str, int]
    """What became of these photos, where tables of photos stand beside those of faces."""
    folds_told: bool
    fold_rule: FoldRule
    """How they were dealt, where the list does not tell."""
    pairs_across: int
    """Those whose people are of two folds; 0 unless folds are by people."""
    metric: Metric
    chosen: Accuracy
    """At the cut-off of each fold, which is chosen on all others."""
    cutoff: float | None
    """The cut-off that is the same for all folds, if any."""
    fixed: Accuracy | None
    """The accuracy at that."""
    auc: float
    eer: float
    """Both of the pairs with faces."""
    folds: pl.DataFrame
    """One row a fold: fold, cutoff, pairs, pairs_with_faces, accuracy, accuracy_of_all, and where there is a fixed
    cut-off, the two there, with _fixed."""
    roc: pl.DataFrame
    """One row a distance, ascending: cutoff, fmr, recall."""
    doubts: Sequence[str] = ()

    def summary(self) -> dict[str, float | int | str | None]:
        """All single figures by name."""
        figures: dict[str, float | int | str | None] = {
            "pairs": self.pairs,
            "genuine_pairs": self.genuine,
            "pairs_without_face": self.without_face,
            "photos_without_face": self.photos_without_face,
            "folds": self.folds.height,
            "metric": self.metric.value,
            "cutoff_fixed": self.cutoff,
            "auc": self.auc,
            "eer": self.eer,
        }
        for name, accuracy in (("", self.chosen), ("_fixed", self.fixed)):
            for of, spread in (("", "with_faces"), ("_of_all", "of_all")):
                told = {} if accuracy is None else asdict(accuracy)[spread]
                figures |= {f"accuracy{of}{name}_{what}": told.get(what) for what in ("mean", "sd", "se")}
        return figures


def run_protocol(
    pairs: Path,
    faces: FacesLike,
    output: Path | None = None,
    *,
    metric: Metric | None = None,
    cutoff: float | None = None,
    suffix: str = ".jpg",
    folds: FoldRule = FoldRule.ORDER,
    skip_invalid: bool = False,
) -> Protocol:
    """Decide the pairs of a file, see ``read_pairs``, by the distances of their faces in one or several tables.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``.
    A fold's cut-off is the best one of all other folds, see ``best_cutoff``; it is judged on that fold. ``cutoff`` is
    one for all folds (default: 0.6 for Euclidean distances, else none). Distances are of ``metric`` (None: the one that
    the tables note, or else the Euclidean one). A name is that of a face, or of a photo that
    has one face in the table: the one that encode's rule for faces chose. Pairs that lack a face choose no cut-off.

    ``folds`` says how a list is cut that has none of its own: in its order, or by the people of the table, see
    ``dealt_by_people``. Then a fold's cut-off is chosen on the pairs that hold nobody of that fold, and a pair whose
    people are of two folds is judged in one of them, see ``fold_of_pair``.

    ``output`` is a folder for the tables, charts and figures, or a file for the ROC alone, by one of FILE_FORMATS.

    Raises FacesqlError where a file cannot be used, a photo has several faces in the table, or a fold has no pairs
    left; InvalidFacesError where rows cannot be compared.
    """
    listed = read_pairs(pairs, suffix)
    if listed.told and folds is FoldRule.PEOPLE:
        raise FacesqlError(f"{str(pairs)!r} has folds of its own, which are taken; leave out --folds people.")
    names = list(dict.fromkeys([*listed.a, *listed.b]))
    opening = files_of(faces, skip_invalid=skip_invalid)
    with opening as opened, plain_errors(_FAILED), closing(connect(report=True)) as connection:
        files = opened.files
        refuse_output(output, [pairs, *(part for file in files for part in parts(file))])
        check_files(connection, files)
        made = read_made(files)
        limit_memory(connection, files, None)
        metric = fitting_metric(made, metric)
        set_metric(connection, metric)
        load_faces(connection, files, skip_invalid=skip_invalid)
        places, people, encodings = _find_faces(connection, names, photos=listed.photos)
        lacking = [name for name in names if name not in places]
        statuses = _statuses(connection, lacking, files)
        doubted = [opened.told(doubt) for doubt in doubts(made)]
    a, b = (np.array([places.get(name, -1) for name in side], np.int64) for side in (listed.a, listed.b))
    there = (a >= 0) & (b >= 0)
    folds_of = np.column_stack([listed.fold, listed.fold])
    if folds is FoldRule.PEOPLE:
        of_each = [
            [people[place] if place >= 0 else name for name, place in zip(side, at, strict=True)]
            for side, at in ((listed.a, a), (listed.b, b))
        ]
        listed, folds_of = _by_people(listed, of_each)
    _refuse_lacking(listed, folds_of, there, names, lacking, pairs)
    distances = np.full(len(listed), np.nan)
    if cutoff is None and metric is Metric.EUCLIDEAN:
        cutoff = float(EUCLIDEAN.edges[PACKAGE_CUTOFF])
    distances[there] = pair_distances(encodings[a[there]], encodings[b[there]], metric)
    found = _judged(listed, folds_of, folds, distances, there, cutoff, metric, len(lacking), statuses, doubted)
    if output is not None:
        _write(found, output)
    return found


def _by_people(listed: PairList, people: Sequence[Sequence[str]]) -> tuple[PairList, NDArray[np.int64]]:
    """The pairs in folds by their people, in step on either side, and the folds of both; each fold has pairs."""
    folds_of = dealt_by_people(people[0], people[1], FOLDS)
    judged = fold_of_pair(folds_of)
    used = [number for number in range(FOLDS) if (judged == number).any()]
    renumbered = np.array([used.index(number) if number in used else FOLDS for number in range(FOLDS)])
    names = [str(number + 1) for number in range(len(used))]
    return replace(listed, fold=renumbered[judged], folds=names), renumbered[folds_of]


def parse_fixed(text: str | None) -> float | None:
    """A cut-off for all folds, as a command line writes it.

    Raises FacesqlError for what is no number.
    """
    return None if text is None else float(parse_number(text, "cut-off"))


def refuse_output(output: Path | None, read: Sequence[Path]) -> None:
    """Raise FacesqlError where the output is one of the files that are read."""
    if output is not None and output.exists() and any(path.exists() and output.samefile(path) for path in read):
        raise FacesqlError(f"{str(output)!r} is what is read; name another file or folder with -o.")


def _find_faces(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], *, photos: bool
) -> tuple[dict[str, int], list[str], NDArray[np.floating]]:
    """The row of each name that has one face, and the person and the encoding of each row."""
    rows = connection.sql(engine_sql("listed_faces"), params={"names": list(names)}).to_arrow_table()
    ids, of_photo = rows["id"].to_pylist(), rows["photo"].to_pylist()
    by_photo: dict[str, list[int]] = {}
    for row, photo in enumerate(of_photo):
        by_photo.setdefault(photo, []).append(row)
    exact = {} if photos else {id_: row for row, id_ in enumerate(ids)}
    places: dict[str, int] = {}
    for name in names:
        rows_of = [exact[name]] if name in exact else by_photo.get(name, [])
        if len(rows_of) > 1:
            raise FacesqlError(
                f"The photo {name!r} has {len(rows_of)} faces in the table, and the list does not say which it means; "
                "encode with --faces match or central, or list the ids of faces in a .csv."
            )
        if rows_of:
            places[name] = rows_of[0]
    encodings = rows["encoding"].combine_chunks().flatten().to_numpy()
    matrix = encodings.reshape(len(ids), -1) if ids else np.empty((0, 1))
    return places, rows["person"].to_pylist(), matrix


def _statuses(connection: duckdb.DuckDBPyConnection, names: Sequence[str], files: Sequence[Path]) -> dict[str, int]:
    beside = [photos_path(file) for file in files if photos_path(file).exists()]
    if not names or not beside:
        return {}
    asked = {"names": list(names), "files": [file_pattern(file) for file in beside]}
    return dict(connection.execute(engine_sql("photo_statuses"), asked).fetchall())


def _refuse_lacking(
    listed: PairList,
    folds_of: NDArray[np.int64],
    there: Flags,
    names: Sequence[str],
    lacking: Sequence[str],
    pairs: Path,
) -> None:
    """Raise FacesqlError where what is left is too little for a cut-off, or for a fold to be judged."""
    if len(lacking) == len(names):
        raise FacesqlError(
            f"None of the photos that {str(pairs)!r} names is in the table, such as {names[0]!r}; name the table that "
            "was made of them, whose ids are written so."
        )
    for fold, name in enumerate(listed.folds):
        if not there[listed.fold == fold].any():
            raise FacesqlError(
                f"Fold {name!r} of {str(pairs)!r} has no pair whose photos both have a face in the table; list more "
                "pairs, or fewer folds in a column fold."
            )
    same = listed.same[there]
    if len(listed.folds) < 2 or same.all() or not same.any():
        what = "two folds" if len(listed.folds) < 2 else "pairs of one person and of two whose photos have faces"
        raise FacesqlError(f"{str(pairs)!r} needs {what}: a cut-off is chosen on other folds; list more pairs.")
    for fold, name in enumerate(listed.folds):
        if not (there & (folds_of != fold).all(axis=1)).any():
            raise FacesqlError(
                f"{str(pairs)!r} has no pair without anybody of fold {name!r}, to choose its cut-off on; list pairs of "
                "more people, or leave out --folds people."
            )


def _judged(
    listed: PairList,
    folds_of: NDArray[np.int64],
    rule: FoldRule,
    distances: Numbers,
    there: Flags,
    cutoff: float | None,
    metric: Metric,
    photos: int,
    statuses: Mapping[str, int],
    told: Sequence[str],
) -> Protocol:
    folds = len(listed.folds)
    cutoffs = chosen_on_others(distances[there], listed.same[there], folds_of[there], folds)
    rates = {"": _rates(listed, distances, there, cutoffs[listed.fold])}
    if cutoff is not None:
        rates["_fixed"] = _rates(listed, distances, there, np.full(len(listed), cutoff))
    curve = Curve.of(distances[there], listed.same[there])
    columns = {
        f"{name}{suffix}": values
        for suffix, both in rates.items()
        for name, values in zip(("accuracy", "accuracy_of_all"), both, strict=True)
    }
    accuracy = {suffix: Accuracy(*map(Spread.of, both)) for suffix, both in rates.items()}
    return Protocol(
        pairs=len(listed),
        genuine=int(listed.same.sum()),
        without_face=int((~there).sum()),
        photos_without_face=photos,
        statuses=statuses,
        folds_told=listed.told,
        fold_rule=rule,
        pairs_across=int((folds_of[:, 0] != folds_of[:, 1]).sum()),
        metric=metric,
        chosen=accuracy[""],
        cutoff=cutoff,
        fixed=accuracy.get("_fixed"),
        auc=curve.auc,
        eer=curve.eer,
        folds=pl.DataFrame(
            {
                "fold": list(listed.folds),
                "cutoff": cutoffs,
                "pairs": np.bincount(listed.fold, minlength=folds),
                "pairs_with_faces": np.bincount(listed.fold[there], minlength=folds),
                **columns,
            }
        ),
        roc=pl.DataFrame({"cutoff": curve.cutoff, "fmr": curve.fmr, "recall": curve.recall}),
        doubts=told,
    )


def _rates(listed: PairList, distances: Numbers, there: Flags, cutoffs: Numbers) -> tuple[Numbers, Numbers]:
    """The accuracy of each fold: of the pairs with faces, and of all. NaN lies below no cut-off."""
    right = there & rightly_decided(distances, listed.same, cutoffs)
    folds = len(listed.folds)
    decided = np.bincount(listed.fold, right, folds)
    return decided / np.bincount(listed.fold[there], minlength=folds), decided / np.bincount(
        listed.fold, minlength=folds
    )


def _write(found: Protocol, output: Path) -> None:
    chart = roc_of_several(
        Curves(
            found.roc.with_columns(fnmr=1 - pl.col("recall"), table=pl.lit("pairs with faces")),
            ["pairs with faces"],
            f"{found.pairs - found.without_face:,} pairs of a list, {found.folds.height} folds; AUC {found.auc:.5f}, "
            f"EER {found.eer:.2e}",
        )
    )
    if output.name.lower().endswith(tuple(f".{form}" for form in FILE_FORMATS)):
        form = parse_file_format(output)
        with whole_file(output) as path:
            path.write_bytes(file_content(chart, found.roc, form))
        return
    if output.is_file():
        raise FacesqlError(f"{str(output)!r} is a file; name a folder with -o, or a file that ends in .html or .csv.")
    with whole_files(output) as folder:
        write_tables(folder, "protocol_folds", found.folds)
        write_tables(folder, "protocol_roc", found.roc)
        write_chart(folder, "protocol_roc", chart, CHART_FORMATS)
        write_summary(folder, found.summary())
