"""What the commands print that draw people and export them. Names from files are quoted."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from facesql.mapchart import FaceMap
    from facesql.projector import Projected

_FREQUENT = 5


def mapped(faces: FaceMap, output: Path, why_no_pictures: str | None) -> str:
    """What is on a map, and which two people are most alike."""
    what = "face" if faces.each_face else "person"
    lines = [f"{faces.shown_faces:,} faces of {faces.shown_people:,} people, a point a {what}, in {str(output)!r}"]
    if faces.limited is not None:
        lines.append(f"{faces.limited}; --limit N shows more")
    if faces.nearness is not None:
        least, median = faces.nearness
        row = faces.table.filter(distance=least).row(0, named=True)
        what = "faces" if faces.each_face else "people"
        lines += [
            f"most alike: {row['person']!r} and {row['nearest_person']!r}, {least:.3f} apart at their nearest faces",
            f"half of the {what} have another person's face at {median:.3f} or nearer",
        ]
    if faces.metric_told is not None:
        lines.append(faces.metric_told)
    if faces.pictures:
        lines.append(f"{len(faces.pictures):,} of {faces.table.height:,} points have a picture")
    elif why_no_pictures is not None:
        lines.append(f"no pictures: {why_no_pictures}")
    return "\n".join(lines)


def projected(result: Projected) -> str:
    """What was written for the Embedding Projector, and how it is looked at without a network."""
    lines = [
        f"{result.faces:,} faces of {result.people:,} people, {result.numbers} numbers each, in {str(result.folder)!r}",
        f"columns: {', '.join(map(repr, result.columns))}",
        f"{result.pictures:,} have a picture"
        if result.pictures
        else f"no pictures: {result.why_none or 'no photo could be read'}",
        "Encodings are biometric data: look at them on this machine, and upload them nowhere. TensorBoard shows them "
        "without a network:",
        f"tensorboard --logdir {shlex.quote(str(result.folder))}",
    ]
    return "\n".join(lines)


def named(names: pl.DataFrame, people: int, output: Path) -> str:
    """How many people have a first name, and which are frequent."""
    frequent = ", ".join(f"{name!r} {count:,}" for name, count in names.head(_FREQUENT).iter_rows())
    return "\n".join(
        [
            f"{int(names['people'].sum()):,} of {people:,} people have a name of two parts or more, in {str(output)!r}",
            f"{names.height:,} first names, the most frequent: {frequent}",
        ]
    )
