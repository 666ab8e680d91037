"""The story of an analysis as one page: the answer in words, then the data, charts, faces and tables behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from facesql import answertext, grouptext, notes
from facesql.chartfiles import in_page, in_script, vega_scripts
from facesql.charts import CHARTS
from facesql.errors import plain
from facesql.groupcharts import GROUP_CHARTS
from facesql.movable import movable, movable_chart, movable_patch
from facesql.page import render

if TYPE_CHECKING:  # the types alone
    from collections.abc import Sequence

    from facesql.aligned import Cells
    from facesql.analyze import Analysis
    from facesql.charts import ChartData
    from facesql.movable import Movable
    from facesql.notes import RunNotes
    from facesql.page import ShownPair

NO_PICTURES = "No faces are shown here: this page was made from their encodings alone, without the photos."


@dataclass(frozen=True)
class ShownChart:
    """A further chart: its specification (Vega-Lite, with a title), and a sentence on how it is read."""

    name: str
    """What its files are called when it is saved: letters, digits and underscores."""
    specification: dict[str, Any]
    words: str = ""


@dataclass(frozen=True)
class Faces:
    """The faces behind the numbers. Each list has a note, which stands above it; one that is empty is left out."""

    lookalikes: Sequence[ShownPair] = ()
    """The nearest pairs of two people."""
    lookalikes_note: str = ""
    unlike: Sequence[ShownPair] = ()
    """The farthest pairs of one person."""
    unlike_note: str = ""
    suspects: Sequence[ShownPair] = ()
    """Photos that seem to bear a wrong name, or to be of one person under two."""
    suspects_note: str = ""
    charts: Sequence[ShownChart] = ()
    no_pictures: str = NO_PICTURES
    """Why no pair is shown, or why some have no picture."""

    @property
    def lacking(self) -> bool:
        """Whether there is something to be said about pictures that are not there."""
        pairs = [*self.lookalikes, *self.unlike, *self.suspects]
        return not pairs or any(face.crop is None for pair in pairs for face in (pair.first, pair.second))


@dataclass(frozen=True)
class _Table:
    """A table on the page: a caption, rows, the first ``head`` of them headings, and notes below."""

    caption: str
    rows: Sequence[Sequence[str]]
    head: int = 1
    left: int = 1
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _Drawn:
    """A chart on the page: ``fits`` where it is as wide as the page, and needs no box that scrolls."""

    name: str
    specification: dict[str, Any]
    patch: Sequence[dict[str, Any]] = field(default_factory=list)
    words: str = ""

    @property
    def fits(self) -> bool:
        return self.specification.get("width") == "container"

    @property
    def json(self) -> Markup:
        """Both as JSON for the script element that it stands in."""
        return Markup(in_script({"specification": self.specification, "patch": self.patch}))  # noqa: S704  # escaped


def story(analysis: Analysis, data: ChartData, run: RunNotes, faces: Faces | None = None) -> str:
    """The page, which loads nothing. ``data`` is what the analysis' charts are drawn from, ``run`` how it was made.

    All text from names is escaped; characters that are not printable are written as their codes.
    """
    faces = Faces() if faces is None else faces
    told = movable(data, analysis.answers)
    return render(
        "report.html",
        title=f"Which cut-off? {answertext.compared(analysis)[0].split(':')[0]}",
        answer=_answer(analysis),
        data=_data(analysis, run),
        movable=told,
        movable_first=told.at_first(),
        movable_drawn=_movable(data, told),
        movable_rows=_MOVABLE_ROWS,
        confidence=answertext.percent(analysis.answers.wanted.confidence),
        charts=_charts(analysis, data),
        faces=faces,
        face_lists=_face_lists(faces),
        face_charts=[_drawn(chart.name, chart.specification, chart.words) for chart in faces.charts],
        tables=_tables(analysis),
        figures=answertext.figures(analysis.figures, analysis.bins),
        more_data=list(map(plain, answertext.more_data(analysis.answers, analysis.bins))),
        groups=_groups(analysis),
        made=_made(run),
        scripts=Markup(vega_scripts()),  # noqa: S704  # from the package, made to stand in an element
    )


# What the movable cut-off tells of, and in which words.
_MOVABLE_ROWS = {
    "precision": "right, of what matches",
    "recall": "found, of one person's pairs",
    "fmr": "matched, of two people's pairs",
    "fnmr": "missed, of one person's pairs",
}


def _answer(analysis: Analysis) -> dict[str, Any]:
    """What to take, the figures of what it costs, and what else is to be said of it."""
    answers, bins = analysis.answers, analysis.bins
    figures = []
    if answers.recommended.bin is not None:
        rates = answertext.of_others(answers, answers.recommended.bin - bins.first)
        figures = [
            ("FMR", *_split(rates["fmr"]), "of the comparisons of two people match"),
            ("FNMR", *_split(rates["fnmr"]), "of the comparisons of one person are missed"),
        ]
    return {
        "lead": list(map(plain, answertext.advice(answers, bins))),
        "further": list(map(plain, answertext.attempts_and_searches(answers))),
        "figures": figures,
        "bound": any("*" in interval for _, _, interval, _ in figures),
    }


def _split(rate: str) -> tuple[str, str]:
    """A rate and its interval: "0.1 [0, 0.2]*" are "0.1" and "[0, 0.2]*"."""
    value, _, interval = rate.partition(" ")
    return value, interval


def _data(analysis: Analysis, run: RunNotes) -> dict[str, Any]:
    return {
        "compared": list(map(plain, answertext.compared(analysis))),
        "doubts": list(map(plain, run.doubts)),
        "remarks": list(map(plain, answertext.remarks(analysis))),
        "table": _Table("What was found in the photos, and what was compared", notes.data_rows(run, plain)),
        "notes": notes.data_notes(run, plain),
    }


def _movable(data: ChartData, told: Movable) -> _Drawn:
    specification, patch = in_page(movable_chart(data, told).to_dict())
    return _Drawn("cutoff", specification, [*patch, *movable_patch(specification, told)])


def _charts(analysis: Analysis, data: ChartData) -> list[_Drawn]:
    """All charts but the distribution, which the movable cut-off stands on."""
    drawn = [
        _drawn(name, chart(data).to_dict(), _sentence(chart))
        for name, chart in CHARTS.items()
        if name != "distribution"
    ]
    if analysis.groups is None:
        return drawn
    return drawn + [
        _drawn(name, group_chart(analysis.groups).to_dict(), _sentence(group_chart))
        for name, group_chart in GROUP_CHARTS.items()
    ]


def _drawn(name: str, specification: dict[str, Any], words: str) -> _Drawn:
    return _Drawn(name, *in_page({"description": words, **specification}), words)


def _sentence(chart: object) -> str:
    return (chart.__doc__ or "").split("\n")[0]


def _face_lists(faces: Faces) -> list[tuple[str, str, Sequence[ShownPair]]]:
    lists = [
        ("Look-alikes: the nearest faces of two people", faces.lookalikes_note, faces.lookalikes),
        ("Unlike: the farthest faces of one person", faces.unlike_note, faces.unlike),
        ("Suspects: perhaps a wrong name", faces.suspects_note, faces.suspects),
    ]
    return [shown for shown in lists if shown[2]]


def _tables(analysis: Analysis) -> list[_Table]:
    answers, bins = analysis.answers, analysis.bins
    points = answertext.operating(answers, bins)
    sure = answertext.intervals(answers, analysis.key_table, bins)
    weighed = "What each cut-off costs in these photos, where every pair counts the same"
    return [
        _table(
            "Operating points: cut-offs by what they are to meet",
            points,
            [
                *answertext.operating_notes(answers),
                *answertext.sample_notes(answers, bins),
                *answertext.explained(points),
            ],
        ),
        _table(weighed, answertext.cutoffs(analysis.key_table, bins)),
        _table(answertext.intervals_heading(answers).removesuffix(":"), sure, answertext.explained(sure)),
        *_sampling(analysis),
        _table("AUC and EER, and what counts the same", answertext.figure_intervals(answers)),
        _table(
            answertext.OPTIMISM.removesuffix(":"),
            answertext.optimism(answers, bins),
            answertext.optimism_notes(answers),
        ),
    ]


def _sampling(analysis: Analysis) -> list[_Table]:
    sampling = answertext.sampling(analysis.answers, analysis.key_table, analysis.bins)
    if sampling is None:
        return []
    heading, cells, notes = sampling
    return [_table(heading.removesuffix(":"), cells, notes)]


def _table(caption: str, cells: Cells, below: Sequence[str] = ()) -> _Table:
    rows = [list(map(plain, row)) for row in cells.rows]
    return _Table(plain(caption), rows, cells.head, max(cells.left, 1), list(map(plain, below)))


def _groups(analysis: Analysis) -> dict[str, Any] | None:
    if analysis.groups is None:
        return None
    tables = grouptext.group_tables(analysis.groups)
    return {
        "who": plain(grouptext.who(analysis.groups)),
        "tables": [_table(heading.removesuffix(":"), cells) for heading, cells in tables],
        "notes": list(map(plain, [*grouptext.explained(tables), *grouptext.differences(analysis.groups)])),
    }


def _made(run: RunNotes) -> dict[str, Any]:
    return {
        "opening": notes.opening(run, plain),
        "tables": [
            _Table("Settings", notes.setting_rows(run, plain)),
            _Table("Time that each stage took", notes.time_rows(run, plain), notes=notes.time_notes(run, plain)),
            _Table("Versions", notes.version_rows(run, plain)),
        ],
        "machine": notes.machine(),
    }
