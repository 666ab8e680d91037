"""How the names of photos tell whom they show: a layout such as ``{person}_{n}.jpg``."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import Formatter
from unicodedata import normalize

from facesql.errors import FacesqlError
from facesql.faces import clashing

PERSON, NUMBER = "person", "n"

# Text, and the field that follows it.
Part = tuple[str, str | None]


@dataclass(frozen=True)
class Layout:
    """A parsed layout; ``carried`` are its fields other than the person and the number, in their order."""

    pattern: re.Pattern[str]
    carried: tuple[str, ...]

    def fit(self, path: str) -> dict[str, str] | None:
        """The person, spelt as there, and the carried fields, composed (NFC); None where the path does not fit.

        >>> parse_layout("{year}/{person}_{n}").fit("2020/Ann_Lee_0001.jpg")
        {'person': 'Ann_Lee', 'year': '2020'}
        """
        fits = self.pattern.fullmatch(path) or self.pattern.fullmatch(normalize("NFC", path))
        if fits is None:
            return None
        return {PERSON: fits[PERSON], **{name: normalize("NFC", fits[name]) for name in self.carried}}


def parse_layout(text: str) -> Layout:
    """A layout of paths below a folder: what stands outside braces stands for itself.

    ``{person}`` is the person and ``{n}`` a number, all digits that stand there; any other ``{name}`` is carried. A
    field is text without ``/``, as much as fits, the first field first. The suffix is matched without case; a layout
    whose last part has no dot fits every suffix. ``{{`` and ``}}`` are braces.

    Raises FacesqlError for text that is no such layout.
    """
    try:
        parsed = list(Formatter().parse(normalize("NFC", text).replace(os.sep, "/")))
    except ValueError as error:
        raise _refusal(text, "its braces do not pair") from error
    for _, name, form, conversion in parsed:
        if name is not None and (form or conversion or not name.isidentifier()):
            raise _refusal(text, "a field is a word in braces")
    parts = [(literal, name) for literal, name, _, _ in parsed]
    names = [name for _, name in parts if name is not None]
    if PERSON not in names:
        raise _refusal(text, f"it lacks {{{PERSON}}}")
    carried = tuple(name for name in names if name not in (PERSON, NUMBER))
    if twice := {name for name in names if names.count(name) > 1}:
        raise _refusal(text, f"it has {{{min(twice)}}} twice")
    if taken := clashing([NUMBER, *carried]):
        raise _refusal(text, f"{{{taken[0]}}} is a name that facesql's own tables or another field has")
    for (_, before), (between, after) in pairwise(parts):
        if before is not None and after is not None and not between and NUMBER not in (before, after):
            raise _refusal(text, f"nothing tells where {{{before}}} ends and {{{after}}} begins")
    return Layout(re.compile(_pattern(parts)), carried)


def _refusal(text: str, why: str) -> FacesqlError:
    return FacesqlError(f"{text!r} is no layout: {why}; write one such as '{{person}}_{{n}}.jpg'.")


def _pattern(parts: Sequence[Part]) -> str:
    *most, (literal, name) = parts
    written = "".join(re.escape(text) + _field(field) for text, field in most)
    last = "".join(text for text, _ in parts).rpartition("/")[2]
    if name is not None or "." not in literal:
        return written + re.escape(literal) + _field(name) + ("" if "." in last else r"\.[^./]+")
    stem, _, suffix = literal.rpartition(".")
    return written + re.escape(stem) + rf"\.(?i:{re.escape(suffix)})"


def _field(name: str | None) -> str:
    if name is None:
        return ""
    # A number that follows a field begins with its first digit, and no digit is left behind it.
    return rf"(?P<{name}>(?<![0-9])[0-9]++)" if name == NUMBER else rf"(?P<{name}>[^/]+)"
