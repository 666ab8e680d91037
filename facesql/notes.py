"""Run notes: what was analyzed, how long each stage took, and with which settings and versions."""

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from facesql import __version__
from facesql.provenance import PSEUDONYMS

# What the metadata of a table of faces says of settings; the rest are versions of packages.
ENCODE_SETTINGS = ("faces", "backend", "detector", "upsample", "jitters", "landmarks", "detect_size", PSEUDONYMS)
PACKAGES = ("altair", "duckdb", "numpy", "polars", "pyarrow", "vl-convert-python")
_FOUND = {
    "photos": "photos found",
    "people": "people found",
    "faces": "faces found",
    "merged_people": "people merged into others",
}
Number = TypeVar("Number", int, float)
Code = Callable[[str], str]
Row = tuple[str, ...]


@dataclass(frozen=True)
class TableNotes:
    """What a table of faces tells: what the photos gave, and seconds by stage; either is empty where not noted."""

    file: Path | str
    found: Mapping[str, int]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class RunNotes:
    """What the notes of an analysis tell. Counts and settings are shown in their order."""

    tables: Sequence[TableNotes]
    compared: Mapping[str, int]
    analyze_seconds: Mapping[str, float]
    made: Mapping[str, str]
    """Settings and versions that the tables name."""
    settings: Mapping[str, str]
    doubts: Sequence[str] = ()
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def run_notes(notes: RunNotes) -> str:
    """The notes as Markdown."""
    lines = [
        "# Run notes",
        "",
        opening(notes, _code),
        "",
        *(line for doubt in notes.doubts for line in (_code(doubt), "")),
        "## Data",
        "",
        *_table(data_rows(notes, _code)),
        *(line for note in data_notes(notes, _code) for line in ("", note)),
        "",
        "## Time",
        "",
        *_table(time_rows(notes, _code)),
        "",
        *(line for note in time_notes(notes, _code) for line in (note, "")),
        "## Settings",
        "",
        *_table(setting_rows(notes, _code)),
        "",
        "## Versions",
        "",
        *_table(version_rows(notes, _code)),
        "",
        machine(),
    ]
    return "\n".join(lines) + "\n"


def opening(notes: RunNotes, code: Code) -> str:
    """What was compared, by what, and when. ``code`` makes texts from elsewhere fit to be shown, here and below."""
    return (
        f"facesql {__version__} compared the faces of {_files(notes.tables, code)} on {notes.at:%Y-%m-%d} at "
        f"{notes.at:%H:%M} UTC."
    )


def machine() -> str:
    """The computer."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores."


def data_rows(notes: RunNotes, code: Code) -> list[Row]:
    """What was found in the photos and what was compared, counted; the first row is the heading, here and below."""
    found = _sums(table.found for table in notes.tables)
    counts = [(_FOUND.get(name) or f"photos that gave no row: {code(name)}", f"{n:,d}") for name, n in found.items()]
    return [("what", "count"), *counts, *((name, f"{n:,d}") for name, n in notes.compared.items())]


def data_notes(notes: RunNotes, code: Code) -> list[str]:
    """What the counts do not tell, in sentences."""
    untold = _untold(
        "What was found in the photos is not noted in {}.", notes.tables, [t.found for t in notes.tables], code
    )
    summed = "What was found is the sum of all tables: who is in two of them counts twice there."
    some = any(table.found for table in notes.tables)
    return [*untold, *([summed] if len(notes.tables) > 1 and some else [])]


def time_rows(notes: RunNotes, code: Code) -> list[Row]:
    """How long each stage took."""
    encode_seconds = _sums(table.seconds for table in notes.tables)
    return [
        ("stage", "time"),
        *((f"encode: {code(stage)}", _duration(seconds)) for stage, seconds in encode_seconds.items()),
        *((f"analyze: {code(stage)}", _duration(seconds)) for stage, seconds in notes.analyze_seconds.items()),
    ]


def time_notes(notes: RunNotes, code: Code) -> list[str]:
    """Of which tables it is not known how long encoding took."""
    return _untold(
        "How long encoding took is not noted beside {}.", notes.tables, [t.seconds for t in notes.tables], code
    )


def setting_rows(notes: RunNotes, code: Code) -> list[Row]:
    """The settings."""
    return [
        ("setting", "value"),
        *((f"encode: {name}", code(notes.made[name])) for name in ENCODE_SETTINGS if name in notes.made),
        *((f"analyze: {name}", code(value)) for name, value in notes.settings.items()),
    ]


def version_rows(notes: RunNotes, code: Code) -> list[Row]:
    """The versions of the packages that encoded, and of those that analyzed."""
    encode = {name: value for name, value in notes.made.items() if name not in ENCODE_SETTINGS}
    if "version" in encode:
        encode["facesql"] = encode.pop("version")
    analyze = {
        "facesql": __version__,
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
    rows = [(code(name), code(encode.get(name, "")), code(analyze.get(name, ""))) for name in {**analyze, **encode}]
    return [("package", "encode", "analyze"), *rows]


def _sums(tables: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    """The sum of each name's numbers, in the order in which the names come first."""
    sums: dict[str, Number] = {}
    for table in tables:
        for name, number in table.items():
            sums[name] = sums[name] + number if name in sums else number
    return sums


def _untold(sentence: str, tables: Sequence[TableNotes], told: Sequence[Mapping[str, object]], code: Code) -> list[str]:
    """The sentence for the tables that tell nothing, or none where each tells something."""
    silent = [table for table, tells in zip(tables, told, strict=True) if not tells]
    if not silent:
        return []
    return [sentence.format("the table" if len(tables) == 1 else _files(silent, code))]


def _files(tables: Sequence[TableNotes], code: Code) -> str:
    """The tables' names: "`a`, `b` and `c`"."""
    *others, last = [code(str(table.file)) for table in tables]
    return f"{', '.join(others)} and {last}" if others else last


def _table(rows: Sequence[Row]) -> list[str]:
    head, *body = rows
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]


def _code(text: str) -> str:
    """A text from elsewhere as code that ends where it should: in one line, without bars and backticks."""
    plain = "".join(
        letter if letter.isprintable() and letter not in "|`" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return f"`{plain}`" if plain else ""


def _duration(seconds: float) -> str:
    if round(seconds, 2) < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
