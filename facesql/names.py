"""The first names of people whose folders are named like George_W_Bush, and a chart of those that are frequent."""

import altair as alt
import polars as pl

from facesql.charts import BLUE
from facesql.errors import plain

FIRST_NAMES = pl.Schema({"name": pl.String, "people": pl.UInt32})
# As many names as fit into a chart, and the height of each in pixels.
MOST, _ROW = 30, 18
# A part of a name: letters of any script with their marks, and what stands between or behind letters, such as an
# apostrophe of either kind or a raised dot. One part alone tells no first name, a number is a pseudonym's, and a single
# letter of a script that has capitals is an initial.
_PART = r"\p{L}[\p{L}\p{M}'\x{2019}.\x{B7}-]*"
_NAME = rf"^({_PART})(?:[_ ]+{_PART})+$"
_INITIAL = r"^[\p{Lu}\p{Ll}\p{Lt}]\.?$"


def first_names(people: pl.Series) -> pl.DataFrame:
    """How many people have each first name: columns ``name`` and ``people``, the most frequent first, then by name.

    ``people`` are names, each once. A first name is the first part of a name of at least two, between ``_`` or spaces,
    which hold letters only; what other people are called is not counted. Names that differ in case only are one, spelt
    as most spell it. The table is empty where no name is of that kind, as among pseudonyms.

    >>> first_names(pl.Series(["Ann_Lee", "Ann_de_Boer", "Bo Ek", "person_01", "J_Doe", "Madonna"])).rows()
    [('Ann', 2), ('Bo', 1)]
    """
    # Between the spellings of a name, upper case sorts before lower case.
    return (
        people.str.strip_chars("_ ")
        .str.extract(_NAME)
        .drop_nulls()
        .to_frame("name")
        .filter(~pl.col("name").str.contains(_INITIAL))
        .group_by(pl.col("name").str.to_lowercase().alias("folded"), "name")
        .len("people")
        .sort("people", "name", descending=[True, False])
        .group_by("folded", maintain_order=True)
        .agg(pl.col("name").first(), pl.col("people").sum())
        .select("name", pl.col("people").cast(pl.UInt32))
        .sort("people", "name", descending=[True, False])
    )


def names_chart(names: pl.DataFrame, people: int, most: int = MOST) -> alt.LayerChart:
    """The most frequent first names as bars; ``names`` is as ``first_names`` gives it, of so many people in all."""
    shown = names.head(most)
    rows = [{"name": plain(row["name"]), "people": row["people"]} for row in shown.iter_rows(named=True)]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("people:Q", title="people", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=200, labelOverlap=False, ticks=False)),
        tooltip=["name:N", "people:Q"],
    )
    bars = base.mark_bar(color=BLUE)
    numbers = base.mark_text(align="left", dx=3, fontSize=11).encode(text="people:Q")
    chart: alt.LayerChart = (
        alt.layer(bars, numbers)
        .properties(
            title=alt.Title("First names", subtitle=_subtitle(names, shown, people)),
            width=640,
            height=_ROW * max(shown.height, 1),
        )
        .configure_title(anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#555")
        .configure_axis(labelFontSize=12, titleFontSize=13)
    )
    return chart


def _subtitle(names: pl.DataFrame, shown: pl.DataFrame, people: int) -> list[str]:
    """How many people there are, of how many names, and what is not shown."""
    named = int(names["people"].sum())
    lines = [f"{named:,} of {people:,} people have a name of two parts or more, and {names.height:,} first names"]
    if shown.height < names.height:
        lines.append(f"The {shown.height:,} most frequent, which are those of {int(shown['people'].sum()):,} people")
    return lines
