"""What can go wrong in a way that the user can mend, and how it is said."""

from enum import StrEnum
from typing import TypeVar

Choice = TypeVar("Choice", bound=StrEnum)


class FacesqlError(Exception):
    """Something a user can cause and mend; the message is one sentence that says what to do."""


class MissingPackageError(FacesqlError):
    """A package that only some commands need is not installed, or cannot work as it is."""


class InvalidFacesError(FacesqlError):
    """A table of faces holds rows that cannot be compared."""


def parse_choice(text: str, choices: type[Choice], what: str) -> Choice:
    """The member of that value; ``what`` names the kind in the error.

    Raises FacesqlError for a value that there is not.
    """
    try:
        return choices(text)
    except ValueError as error:
        raise FacesqlError(f"{text!r} is no {what}; choose from {', '.join(choices)}.") from error


def plain(text: str) -> str:
    r"""A text in one line that cannot steer a terminal: what is not printable is written as its code.

    >>> print(plain("a\x1b[31mb"))
    a\x1b[31mb
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )
