"""How much memory an analysis may take, and what is left of it for the database."""

import re

from facesql.errors import FacesqlError

# What the program takes beside the database: Python, its packages and the compiled loops, and then two tiles being
# compared, or the engine that draws charts, which takes more.
PROGRAM_BYTES = 620 * 10**6
# What the database cannot do without, and what it is given over the size of the encodings where nobody sets a limit: it
# would take most of the machine's memory, for nothing that could be noticed.
LEAST_BYTES = 130 * 10**6
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_memory(text: str) -> int:
    """A memory limit such as "2GB" or "1.5 GiB" in bytes.

    Raises FacesqlError for what is no size, or too little to work in.

    >>> parse_memory("1.5 GB")
    1500000000
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]i?)?b?", text.strip().lower())
    if found is None:
        raise FacesqlError(f"{text!r} is no amount of memory; write one such as 2GB or 800MB.")
    limit = int(float(found[1]) * _UNITS[found[2] or ""])
    if limit < PROGRAM_BYTES + LEAST_BYTES:
        least = (PROGRAM_BYTES + LEAST_BYTES) // 10**6
        raise FacesqlError(f"{text!r} is too little memory to compare faces in; give {least}MB or more.")
    return limit


def database_bytes(limit: int | None, encodings: int) -> int:
    """What the database may take, of a limit for the whole program, or for encodings of so many bytes."""
    return LEAST_BYTES + encodings if limit is None else limit - PROGRAM_BYTES
