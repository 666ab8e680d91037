"""A map of faces to an altair chart: a point a person or a face, coloured by how like another person it is."""

from dataclasses import dataclass, field

import altair as alt
import numpy as np
import polars as pl

from facesql.binning import Metric
from facesql.charts import BLUE
from facesql.equivalent import ORDERED
from facesql.errors import plain
from facesql.facemap import FEWEST

# So few people have their names beside their points.
_NAMED = 40
_SIZE = (720, 560)
# The area of all points together, and of the smallest and the largest, in square pixels.
_INK, _LEAST, _MOST = 90_000, 12, 90


@dataclass(frozen=True)
class FaceMap:
    """Where people, or faces, lie, and what there was to choose from.

    ``table`` has a row a point: ``person``, ``id`` (of the face, or of that nearest to the person's mean), ``photos``
    (of the person), ``x``, ``y``, and the nearest face of another person who is on the map: ``nearest_person``,
    ``nearest_id``, ``distance``, null where there is nobody else.
    """

    table: pl.DataFrame
    each_face: bool
    seed: int
    shown_people: int
    shown_faces: int
    people: int
    faces: int
    pictures: dict[str, str] = field(default_factory=dict)
    """Faces as addresses that hold a picture, by id; not every point has one."""
    made_for: Metric = Metric.EUCLIDEAN
    """What the table notes; distances are of that, or Euclidean where it is none of ``facesql.equivalent``."""

    @property
    def metric_told(self) -> str | None:
        """Of which metric distances are, where they are not what is usual."""
        if self.made_for is Metric.EUCLIDEAN:
            return None
        if self.made_for in ORDERED:
            return f"distances are {self.made_for}, the metric that the table notes"
        return f"the table is made for the metric {self.made_for}; the map goes by Euclidean distances"

    @property
    def nearness(self) -> tuple[float, float] | None:
        """How far the nearest other person is, at least and in the median; None where there is nobody else."""
        distances = self.table["distance"].drop_nulls().to_numpy()
        return (float(distances.min()), float(np.median(distances))) if len(distances) else None

    @property
    def limited(self) -> str | None:
        """Who is on the map, where that is not everybody."""
        if self.shown_faces == self.faces:
            return None
        shown, there = (self.shown_faces, self.faces) if self.each_face else (self.shown_people, self.people)
        return (
            f"{shown:,} of {there:,} {'faces, of the people' if self.each_face else 'people, those'} with most photos"
        )


def map_chart(faces: FaceMap) -> alt.LayerChart:
    """The points of a map, the darker the nearer a face of another person is; a tooltip says who is who."""
    points = alt.InlineData(values=_rows(faces))
    size = min(max(_INK / max(faces.table.height, 1), _LEAST), _MOST)
    scale = alt.Scale(domain=[-1.05, 1.05], nice=False)
    base = alt.Chart(points).encode(
        x=alt.X("x:Q", axis=None, scale=scale), y=alt.Y("y:Q", axis=None, scale=scale), tooltip=_tooltip(faces)
    )
    marks = base.mark_circle(size=size, opacity=0.85, clip=True).encode(
        color=_colour(faces), order=alt.Order("distance:Q", sort="descending")
    )
    layers = [marks]
    if not faces.each_face and faces.table.height <= _NAMED:
        layers.append(base.mark_text(dy=-10, fontSize=10, clip=True).encode(text="person:N"))
    width, height = _SIZE
    chart: alt.LayerChart = (
        alt.layer(*layers)
        .properties(title=alt.Title("Map of faces", subtitle=_subtitle(faces)), width=width, height=height)
        .configure_view(stroke="#ddd")
        .configure_title(anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#555")
        .configure_legend(labelFontSize=12)
        .interactive()
    )
    return chart


def _rows(faces: FaceMap) -> list[dict[str, object]]:
    """What the chart holds, as short as it may be."""
    return [
        {
            "person": plain(row["person"]),
            "id": plain(row["id"]),
            "photos": row["photos"],
            "x": round(row["x"], 4),
            "y": round(row["y"], 4),
            "like": None if row["nearest_person"] is None else plain(row["nearest_person"]),
            "distance": None if row["distance"] is None else round(row["distance"], 3),
            # Empty, it is left out of the tooltip; null, it would be a broken picture.
            "image": faces.pictures.get(row["id"], ""),
        }
        for row in faces.table.iter_rows(named=True)
    ]


def _tooltip(faces: FaceMap) -> list[alt.Tooltip]:
    """Vega's tooltips show a field called title as one, and one called image as a picture."""
    return [
        alt.Tooltip("person:N", title="title"),
        alt.Tooltip("image:N", title="image"),
        *([alt.Tooltip("id:N", title="face")] if faces.each_face else []),
        alt.Tooltip("photos:Q", title="photos"),
        alt.Tooltip("like:N", title="most like"),
        alt.Tooltip("distance:Q", title="distance", format=".3f"),
    ]


def _colour(faces: FaceMap) -> alt.Color | alt.ColorValue:
    """The distance to the nearest other; the colours end where one point in a hundred lies beyond them."""
    least, most = (faces.table["distance"].quantile(share) for share in (0.01, 0.99))
    if least is None or most is None:
        return alt.ColorValue(BLUE)
    return alt.Color(
        "distance:Q",
        scale=alt.Scale(scheme="viridis", domain=[least, max(most, least + 0.01)], clamp=True, nice=False, zero=False),
        legend=alt.Legend(title=["nearest", "other", "person"], format=".2f", gradientLength=200),
    )


def _subtitle(faces: FaceMap) -> list[str]:
    """What is on the map, how it is to be read, and the numbers behind its colours."""
    what = "a face" if faces.each_face else "the mean of a person's faces"
    how = f"by t-SNE, seed {faces.seed}" if faces.table.height >= FEWEST else "along the directions of most spread"
    lines = [
        f"{faces.shown_faces:,} faces of {faces.shown_people:,} people; a point is {what}, placed {how}",
        *([faces.limited] if faces.limited else []),
        "Points beside each other are alike; how far others are apart means nothing",
    ]
    if faces.nearness is not None:
        least, median = faces.nearness
        lines.append(
            "Colour: distance to the nearest face of another person here, "
            f"{least:.3f} at least, {median:.3f} in the median"
        )
    if faces.metric_told is not None:
        lines.append(f"{faces.metric_told[0].upper()}{faces.metric_told[1:]}")
    return lines
