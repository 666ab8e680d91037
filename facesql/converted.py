"""The network converted for ONNX Runtime, in the user's cache: made once, checked by its hash whenever it is read."""

import hashlib
from pathlib import Path

from facesql.errors import FacesqlError
from facesql.output import cache_folder, whole_file

_KEY_DIGITS = 16


def key_of(*parts: str) -> str:
    """A key for what a conversion depends on: other parts, another key."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_KEY_DIGITS]


def find(key: str) -> Path | None:
    """The network that was kept under a key; None where there is none. What is damaged is removed."""
    for path in sorted(cache_folder().glob(f"network-{key}-*.onnx")):
        if _is_whole(path, path.read_bytes()):
            return path
        path.unlink()
    return None


def keep(key: str, model: bytes) -> Path:
    """Write a network to the cache, whole or not at all, under a name that holds its hash; returns its path.

    Raises FacesqlError where the cache cannot be written to.
    """
    path = cache_folder() / f"network-{key}-{hashlib.sha256(model).hexdigest()}.onnx"
    try:
        with whole_file(path) as private:
            private.write_bytes(model)
    except FacesqlError as error:
        raise FacesqlError(
            f"The cache folder {str(path.parent)!r} cannot be written to; let XDG_CACHE_HOME name one that can, "
            "or pass --backend face_recognition."
        ) from error
    return path


def read(path: Path) -> bytes:
    """The network in a file of the cache.

    Raises FacesqlError where the file is not what was kept there.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FacesqlError(f"{str(path)!r} cannot be read ({error.strerror}); run again to make it anew.") from error
    if not _is_whole(path, content):
        raise FacesqlError(f"{str(path)!r} is damaged; run again to make it anew.")
    return content


def _is_whole(path: Path, content: bytes) -> bool:
    return path.stem.endswith(hashlib.sha256(content).hexdigest())
