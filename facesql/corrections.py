"""What the user says is wrong in a folder: photos to leave out, and people who are one."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from unicodedata import normalize

from facesql.errors import FacesqlError
from facesql.textfile import read_text


def entries_naming(photo: str, entries: set[str]) -> set[str]:
    """The entries that name the photo, by its id, or one of the folders it stands in, however accents are written.

    >>> entries_naming("Ann/2020/a.jpg", {"Ann/2020", "Bob"})
    {'Ann/2020'}
    """
    parts = normalize("NFC", photo).split("/")
    return entries.intersection("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def read_exclude(path: Path) -> set[str]:
    """The photos and folders to leave out: relative paths, a line each.

    Empty lines, and those that begin with #, are passed over; ./# begins the name of a folder.

    Raises FacesqlError where the file cannot be read.
    """
    return _entries(read_text(path))


def _entries(text: str) -> set[str]:
    lines = (line.strip() for line in text.splitlines())
    named = (normalize("NFC", line).replace(os.sep, "/") for line in lines if line and not line.startswith("#"))
    return {line.removeprefix("./").rstrip("/") for line in named}


def read_relabel(path: Path) -> dict[str, str]:
    """Person -> the name that their photos get, from a CSV file person,same_as; chains are followed to their end.

    Raises FacesqlError where the file cannot be read, lacks a column or a name, contradicts itself or goes round.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    if reader.fieldnames is None or not {"person", "same_as"} <= set(reader.fieldnames):
        raise FacesqlError(
            f"{str(path)!r} needs a first line 'person,same_as'; it has {','.join(reader.fieldnames or [])!r}."
        )
    same_as: dict[str, str] = {}
    for row in _rows(reader, path):
        person, name = (normalize("NFC", row[column] or "").strip() for column in ("person", "same_as"))
        if not person or not name:
            raise FacesqlError(f"Line {reader.line_num} of {str(path)!r} names no person; write person,same_as.")
        if same_as.setdefault(person, name) != name:
            raise FacesqlError(f"{str(path)!r} names {person!r} twice, as {same_as[person]!r} and {name!r}; keep one.")
    return {person: _end_of_chain(person, same_as, path) for person in same_as}


def _rows(reader: "csv.DictReader[str]", path: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise FacesqlError(f"Line {reader.line_num} of {str(path)!r} is no CSV ({error}); mend it.") from error


def _end_of_chain(person: str, same_as: Mapping[str, str], path: Path) -> str:
    passed = [person]
    while (name := same_as.get(passed[-1])) is not None:
        if name in passed:
            raise FacesqlError(f"{str(path)!r} goes round in a circle at {name!r}; leave one of its lines out.")
        passed.append(name)
    return passed[-1]


def exclude_line(photo: str) -> str | None:
    r"""The line by which ``read_exclude`` names a photo or a folder; None where no line can.

    >>> exclude_line("Ann/1.jpg"), exclude_line("# 1/1.jpg"), exclude_line("Ann\n/1.jpg")
    ('Ann/1.jpg', './# 1/1.jpg', None)
    """
    wanted = normalize("NFC", photo)
    for line in (photo, f"./{photo}"):
        if line.splitlines() == [line] and _entries(line) == {wanted}:
            return line
    return None


def relabel_lines(same_as: Mapping[str, str]) -> tuple[str, int]:
    r"""The CSV file from which ``read_relabel`` reads these people, and how many of them it cannot hold.

    >>> relabel_lines({"Ann B.": 'Ann "Bo" B.', "a": "a b"})
    ('person,same_as\nAnn B.,"Ann ""Bo"" B."\na,a b\n', 0)
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("person", "same_as"))
    fitting = {person: name for person, name in same_as.items() if _fits_csv(person) and _fits_csv(name)}
    writer.writerows(fitting.items())
    return lines.getvalue(), len(same_as) - len(fitting)


def _fits_csv(name: str) -> bool:
    return name.splitlines() == [name] and name.strip() == name
