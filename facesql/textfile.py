"""Text files that the user names."""

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
