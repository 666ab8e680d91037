"""Run notes: what was analyzed, how long each stage took, and with which settings and versions."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class TableNotes:
    """What a table of faces tells: what the photos gave, and seconds by stage; either is empty where not noted."""

    file: Path
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


def run_notes(notes: RunNotes) -> str:
    """The notes as Markdown."""
    now = datetime.now(UTC)
    encode_seconds = _sums(table.seconds for table in notes.tables)
    lines = [
        "# Run notes",
        "",
        f"facesql {__version__} compared the faces of {_files(notes.tables)} on {now:%Y-%m-%d} at {now:%H:%M} UTC.",
        "",
        *(line for doubt in notes.doubts for line in (_code(doubt), "")),
        "## Data",
        "",
        *_data(notes),
        "",
        "## Time",
        "",
        *_table(
            ("stage", "time"),
            [
                *((f"encode: {_code(stage)}", _duration(seconds)) for stage, seconds in encode_seconds.items()),
                *((f"analyze: {_code(stage)}", _duration(seconds)) for stage, seconds in notes.analyze_seconds.items()),
            ],
        ),
        "",
        *_untold("How long encoding took is not noted beside {}.", notes.tables, [t.seconds for t in notes.tables]),
        "## Settings",
        "",
        *_table(
            ("setting", "value"),
            [
                *((f"encode: {name}", _code(notes.made[name])) for name in ENCODE_SETTINGS if name in notes.made),
                *((f"analyze: {name}", _code(value)) for name, value in notes.settings.items()),
            ],
        ),
        "",
        "## Versions",
        "",
        *_versions(notes.made),
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores.",
    ]
    return "\n".join(lines) + "\n"


def _data(notes: RunNotes) -> list[str]:
    found = _sums(table.found for table in notes.tables)
    counts = [(_FOUND.get(name) or f"photos that gave no row: {_code(name)}", f"{n:,d}") for name, n in found.items()]
    counts += [(name, f"{n:,d}") for name, n in notes.compared.items()]
    untold = _untold("What was found in the photos is not noted in {}.", notes.tables, [t.found for t in notes.tables])
    summed = ["", "What was found is the sum of all tables: who is in two of them counts twice there."]
    return [
        *_table(("what", "count"), counts),
        *([] if not untold else ["", *untold[:-1]]),
        *(summed if len(notes.tables) > 1 and found else []),
    ]


def _sums(tables: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    """The sum of each name's numbers, in the order in which the names come first."""
    sums: dict[str, Number] = {}
    for table in tables:
        for name, number in table.items():
            sums[name] = sums[name] + number if name in sums else number
    return sums


def _untold(sentence: str, tables: Sequence[TableNotes], told: Sequence[Mapping[str, object]]) -> list[str]:
    """The sentence, and an empty line, for the tables that tell nothing; no lines where each tells something."""
    silent = [table for table, tells in zip(tables, told, strict=True) if not tells]
    if not silent:
        return []
    return [sentence.format("the table" if len(tables) == 1 else _files(silent)), ""]


def _files(tables: Sequence[TableNotes]) -> str:
    """The tables' names: "`a`, `b` and `c`"."""
    *others, last = [_code(str(table.file)) for table in tables]
    return f"{', '.join(others)} and {last}" if others else last


def _versions(made: Mapping[str, str]) -> list[str]:
    encode = {name: value for name, value in made.items() if name not in ENCODE_SETTINGS}
    if "version" in encode:
        encode["facesql"] = encode.pop("version")
    analyze = {
        "facesql": __version__,
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
    rows = [(_code(name), _code(encode.get(name, "")), _code(analyze.get(name, ""))) for name in {**analyze, **encode}]
    return _table(("package", "encode", "analyze"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


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
