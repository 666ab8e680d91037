"""What two photos, or one among many, come to, as plain text. Names are quoted, so that none can steer a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facesql.aligned import MISSING, Cells, aligned, number
from facesql.answertext import counted, explained, percent, with_interval
from facesql.duplicates import NEAR
from facesql.verdicts import Outside

if TYPE_CHECKING:  # the types alone
    import polars as pl

    from facesql.identifying import Identification
    from facesql.photofaces import PhotoFaces
    from facesql.twophotos import Comparison
    from facesql.verdicts import Judge

_DISTANCE = ".3f"
# Shares below are written with an exponent.
_TINY = 0.001
# So many faces of the photo itself are named.
_NAMED = 3


def compared(found: Comparison) -> str:
    """How far apart the faces of two photos are, and what that means."""
    a, b = found.first, found.second
    single = found.table.height == 1
    lines = [f"{name}: {_of_photo(photo)}" for name, photo in (("A", a), ("B", b))]
    if a.sha256 == b.sha256:
        lines.append("A and B are the same file, so nothing is learned of people.")
    if not single:
        lines += ["", *_boxes([("A", a), ("B", b)])]
    told = _pair(found) if single else _pairs(found)
    rates = _rates(found.judge, found.table["distance"][0] if single else None)
    return "\n".join([*lines, "", *told, *(["", *rates] if rates else [])])


def identified(found: Identification) -> str:
    """Who is nearest to each face of a photo, and what that means."""
    gallery = f"{counted(found.faces, 'face')} of {counted(found.people, 'person')}"
    tables = " and ".join(repr(str(table)) for table in found.tables)
    lines = [f"{_of_photo(found.photo)}, compared with {gallery} in {tables}"]
    if found.itself:
        named = ", ".join(f"{id_!r} of {person!r}" for id_, person in found.itself[:_NAMED])
        more = f" and {len(found.itself) - _NAMED} more" if len(found.itself) > _NAMED else ""
        lines.append(f"This very photo is there, as {named}{more}: that is left out below.")
    if len(found.photo.faces) > 1:
        lines += ["", *_boxes([("", found.photo)])]
    for face in range(1, len(found.photo.faces) + 1):
        heading = [f"face {face}"] if len(found.photo.faces) > 1 else []
        lines += ["", *heading, *_people(found.table.filter(face=face), found.judge)]
    lines += ["", "distance: to the nearest face of that person; median: over all of their faces."]
    return "\n".join([*lines, *_notes(found.table, found.judge), *_gallery_share(found), *_gallery_rates(found)])


def _of_photo(photo: PhotoFaces) -> str:
    return f"{counted(len(photo.faces), 'face')} in {str(photo.photo)!r}"


def _boxes(photos: list[tuple[str, PhotoFaces]]) -> list[str]:
    cells = [["face", "left", "top", "width", "height"]]
    cells += [
        [f"{name}{place}", str(face.left), str(face.top), str(face.right - face.left), str(face.bottom - face.top)]
        for name, photo in photos
        for place, face in enumerate(photo.faces, 1)
    ]
    return [*aligned(cells, left=1), "Faces are numbered from left to right; their boxes are in pixels."]


def _pair(found: Comparison) -> list[str]:
    """The answer for two photos with a face each."""
    row = found.table.row(0, named=True)
    lines = [f"distance {row['distance']:{_DISTANCE}}{_recommended(row, found.judge)}"]
    if row["distance"] <= NEAR:
        lines.append(
            f"So near ({NEAR:g} or less) two photos of one person hardly ever are: perhaps it is one picture twice."
        )
    if found.judge is None:
        return [*lines, _UNKNOWN]
    if row["share"] is not None:
        told = _share(row)
        lines.append(f"Of the pairs of photos at this distance {told} are of one person{_where(found.judge)}")
    return [*lines, *_notes(found.table, found.judge, single=True)]


def _recommended(row: dict[str, Any], judge: Judge | None) -> str:
    """What the recommended cut-off says, or else, without a report, face_recognition's."""
    if judge is None:
        return f": {'a match' if row['match_from'] is not None else 'no match'} at face_recognition's 0.6"
    for point, match in zip(judge.points.iter_rows(named=True), judge.matched(row["distance"]), strict=True):
        if point["recommended"]:
            cutoff = f"{point['cutoff']:.{judge.bins.decimals}f}"
            return f": {'a match' if match else 'no match'} at the recommended cut-off, {cutoff}"
    return ""


_UNKNOWN = (
    "What that means for photos like yours is not known: facesql encode PHOTOS and facesql analyze make a report that "
    "tells, for --report."
)


def _pairs(found: Comparison) -> list[str]:
    cells = [["A", "B", "distance", *_MEANING[found.judge is None]]]
    cells += [
        [f"A{row['face_a']}", f"B{row['face_b']}", f"{row['distance']:{_DISTANCE}}", *_cells(row, found.judge)]
        for row in found.table.iter_rows(named=True)
    ]
    return [*aligned(cells, left=2), "", *_notes(found.table, found.judge)]


# What stands behind a share where no pair of the report is at such a distance.
_MARKS = {Outside.NEARER: "<", Outside.FARTHER: ">"}
_MEANING = {True: ["0.6 says"], False: ["of one person", "match from"]}


def _people(table: pl.DataFrame, judge: Judge | None) -> list[str]:
    cells = [["", "person", "nearest photo", "distance", "median", "faces", *_MEANING[judge is None]]]
    cells += [
        [
            str(row["rank"]),
            repr(row["person"]),
            repr(row["id"]),
            f"{row['distance']:{_DISTANCE}}",
            f"{row['median']:{_DISTANCE}}",
            f"{row['faces']:,}",
            *_cells(row, judge),
        ]
        for row in table.iter_rows(named=True)
    ]
    return aligned(cells, left=3) if table.height else ["Nobody else is in the table."]


def _cells(row: dict[str, Any], judge: Judge | None) -> list[str]:
    """What a distance means, in the columns of _MEANING."""
    if judge is None:
        return [MISSING if row["match_from"] is None else "match"]
    return [_share(row) + _MARKS.get(row["outside"], ""), number(row["match_from"], f".{judge.bins.decimals}f")]


def _share(row: dict[str, Any]) -> str:
    """A share with its interval; small ones have an exponent."""
    if row["share"] is None:
        return MISSING
    share, low, high = (
        f"{row[name]:.1e}" if 0 < row[name] < _TINY else f"{row[name]:.4f}"
        for name in ("share", "share_low", "share_high")
    )
    return f"{share} [{low}, {high}]{'*' if row['share_bound'] else ''}"


def _where(judge: Judge) -> str:
    """The share of genuine comparisons that the shares hold for."""
    share = f"{percent(judge.genuine_share or 0)} of all comparisons are"
    if judge.of_user:
        return f", where {share}, as you say."
    return f", where {share}, as in {str(judge.report)!r}; --genuine-share says how many of yours are."


def _notes(table: pl.DataFrame, judge: Judge | None, *, single: bool = False) -> list[str]:
    """What is to be known of the columns of a table, or of the sentence on a single pair."""
    if judge is None:
        return [] if single else [_UNKNOWN]
    lines = []
    if table["share"].is_not_null().any() and not single:
        lines += [
            "of one person: the share among the pairs of photos at this distance" + _where(judge),
            "match from: the lowest of the cut-offs below at which it is a match.",
        ]
    if table["share"].is_null().any():
        lines.append(f"{str(judge.report)!r} has no pairs of one person, or none of two, and cannot say what it means.")
    for outside in (outside for outside in Outside if outside in table["outside"]):
        mark = "" if single else f"{_MARKS[outside]} "
        lines.append(f"{mark}{outside} than any pair of {str(judge.report)!r}: what is said is of those next to it")
    if table["share_bound"].any():
        lines.append("* a bound, for too few people have pairs at such distances")
    return lines


def _rates(judge: Judge | None, distance: float | None, others: int | None = None) -> list[str]:
    """The cut-offs of a report and what they cost; of one distance also what each says, of a gallery what it finds."""
    if judge is None:
        return []
    says = [] if distance is None else ["says"]
    cells = [["", "cut-off", *says, "FMR", "FNMR", *([] if others is None else ["false matches"])]]
    matched = judge.matched(distance or 0.0)
    for row, match in zip(judge.points.iter_rows(named=True), matched, strict=True):
        told = [] if distance is None else ["match" if match else "no match"]
        rates = [with_interval(row, "fmr", ".1e"), with_interval(row, "fnmr", ".4f")]
        searched = [] if others is None else [_false_matches(row, others)]
        name = f"{row['point']}{' (recommended)' if row['recommended'] else ''}"
        cells.append([name, f"{row['cutoff']:.{judge.bins.decimals}f}", *told, *rates, *searched])
    table = Cells(cells, left=1)
    refusal = [] if judge.refusal is None else [f"No cut-off is recommended. {judge.refusal}"]
    return [*table.lines, *explained(table), _RATES, *refusal]


_RATES = "FMR: of the pairs of two people, how many match. FNMR: of the pairs of one person, how many do not."


def _false_matches(row: dict[str, Any], people: int) -> str:
    if row["fmr"] is None:
        return MISSING
    low, value, high = (people * row[name] for name in ("fmr_low", "fmr", "fmr_high"))
    return f"{value:.2g} [{low:.2g}, {high:.2g}]{'*' if row['fmr_bound'] else ''}"


def _gallery_share(found: Identification) -> list[str]:
    """Why a search is another matter than a comparison."""
    judge = found.judge
    if judge is None or judge.of_user or found.people < 2:
        return []
    people = f"{found.people:,}"
    return [
        f"In a search among {people} people at most 1 in {people} comparisons is of one person: for that, pass "
        f"--genuine-share {1 / found.people:.2g}."
    ]


def _gallery_rates(found: Identification) -> list[str]:
    if found.judge is None:
        return []
    people, faces = f"{found.people:,}", f"{found.faces:,}"
    told = [
        f"false matches: how many of {people} people match somebody who is none of them, on average, by one photo "
        f"of each (FMR x {people}).",
        *(
            [f"Several photos of a person match more easily: by all, it may be up to FMR x {faces}."]
            if found.faces > found.people
            else []
        ),
    ]
    return ["", *_rates(found.judge, None, found.people), *told]
