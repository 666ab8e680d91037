"""Text files that the user names."""

import sys
from pathlib import Path

from facesql.errors import FacesqlError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without the mark that some editors put at its beginning.

    Raises FacesqlError where the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FacesqlError(f"Cannot read {str(path)!r} ({error.strerror}); check its name.") from error
    except UnicodeDecodeError as error:
        raise FacesqlError(f"{str(path)!r} is not UTF-8 text; save it as UTF-8.") from error


def read_stdin() -> str:
    """The UTF-8 text of stdin, as ``read_text`` reads that of a file.

    Raises FacesqlError where it is no such text.
    """
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FacesqlError("What stdin gave is not UTF-8 text; save it as UTF-8.") from error
