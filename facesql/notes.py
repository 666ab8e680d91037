"""Run notes: what was analyzed, how long each stage took, and with which settings and versions."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from facesql import __version__

# What the metadata of a table of faces says of settings; the rest are versions of packages.
ENCODE_SETTINGS = ("faces", "backend", "detector", "upsample", "jitters", "landmarks")
PACKAGES = ("altair", "duckdb", "numpy", "polars", "pyarrow", "vl-convert-python")
_FOUND = {
    "photos": "photos found",
    "people": "people found",
    "faces": "faces found",
    "merged_people": "people merged into others",
}


@dataclass(frozen=True)
class RunNotes:
    """What the notes of an analysis tell. Counts and settings are shown in their order."""

    source: Path
    found: Mapping[str, int]
    """What the photos gave, as encode notes it in the table; empty where the table does not tell."""
    compared: Mapping[str, int]
    encode_seconds: Mapping[str, float]
    analyze_seconds: Mapping[str, float]
    made: Mapping[str, str]
    """Settings and versions that the table names."""
    settings: Mapping[str, str]


def run_notes(notes: RunNotes) -> str:
    """The notes as Markdown."""
    now = datetime.now(UTC)
    lines = [
        "# Run notes",
        "",
        f"facesql {__version__} compared the faces of {_code(str(notes.source))} on {now:%Y-%m-%d} at {now:%H:%M} UTC.",
        "",
        "## Data",
        "",
        *_data(notes),
        "",
        "## Time",
        "",
        *_table(
            ("stage", "time"),
            [
                *((f"encode: {_code(stage)}", _duration(seconds)) for stage, seconds in notes.encode_seconds.items()),
                *((f"analyze: {_code(stage)}", _duration(seconds)) for stage, seconds in notes.analyze_seconds.items()),
            ],
        ),
        "",
        *([] if notes.encode_seconds else ["How long encoding took is not noted beside the table.", ""]),
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
    counts = [
        (_FOUND.get(name) or f"photos that gave no row: {_code(name)}", f"{n:,d}") for name, n in notes.found.items()
    ]
    counts += [(name, f"{n:,d}") for name, n in notes.compared.items()]
    unknown = ["", "The table does not say what photos it was made of."]
    return [*_table(("what", "count"), counts), *([] if notes.found else unknown)]


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
