"""Files that appear whole or not at all, and that only their owner can read."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facesql.errors import FacesqlError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, what stands there becomes ``target``.

    The path has the target's name and lies in a private folder beside it, so that the last step is a
    rename within one file system: a reader sees the old file or the new one, never a part. Encodings are
    biometric data, so the file's mode is 0600 before it gets its name. When the block fails, or is
    interrupted, the target stays as it was.

    Raises FacesqlError where the folder of ``target`` cannot be written to.
    """
    new_folder = not target.parent.exists()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise FacesqlError(
            f"Cannot write {str(target)!r} ({error.strerror}); name a place that can be written to with -o."
        ) from error
    try:
        path = folder / target.name
        yield path
        path.chmod(0o600)
        _flush_to_disk(path)
        path.replace(target)
    except OSError as error:
        raise FacesqlError(
            f"Cannot write {str(target)!r}: {error.strerror or error}; it was left as it was."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new_folder and not target.exists():
            with suppress(OSError):  # something else has been put there meanwhile
                target.parent.rmdir()


def _flush_to_disk(path: Path) -> None:
    """Wait until the file's bytes are on disk, so that a rename never outlives what it points to."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
