"""Files that appear whole or not at all, and that only their owner can read."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from facesql.errors import FacesqlError
from facesql.exchanging import exchange

# How the names of private folders begin.
_MARK = ".facesql."


@contextmanager
def whole_files(folder: Path, inside: Path | None = None) -> Iterator[Path]:
    """Yield a private folder to write to; when the block ends well, its files and folders are moved into ``folder``.

    A folder takes the place of all that was in one of its name.

    The private folder lies in ``folder``, or ``inside`` another one of its file system, so that a move is a rename: a
    reader sees the old file or the new one, never a part. Encodings are biometric data, so a file's mode is 0600
    before it gets its name. When the block fails, or is interrupted, everything stays as it was, and folders made on
    the way go. What writers that were killed have left there goes first.

    Raises FacesqlError where ``folder`` cannot be made or written to.
    """
    new_folders = make_folders(folder)
    done = False
    try:
        with _private_folder(folder, folder if inside is None else inside) as private:
            yield private
            _move(private, folder)
        done = True
    finally:
        if not done:
            remove_empty(new_folders)


@contextmanager
def private_folder(place: Path) -> Iterator[Path]:
    """Yield a new folder in ``place`` that its owner alone can read, for what no other run is to see.

    It goes when the block ends; what runs that were killed have left in ``place`` goes first.

    Raises FacesqlError where ``place`` cannot be made or written to.
    """
    new_folders = make_folders(place)
    try:
        with _private_folder(place, place) as private:
            yield private
    finally:
        remove_empty(new_folders)


@contextmanager
def _private_folder(folder: Path, place: Path) -> Iterator[Path]:
    """A folder in ``place`` for what is to go into ``folder``, and beside it a lock that tells that its writer lives.

    The lock is held before the private folder is made and until it is gone: where it is free, the writer was killed.
    """
    _remove_left_over(place)
    private = place / f"{_MARK}{secrets.token_hex(8)}"
    lock = _lock(private)
    try:
        lock.acquire()
        private.mkdir(mode=0o700)
    except OSError as error:
        _free(lock)
        raise _cannot_write(folder, error) from error
    try:
        yield private
    except OSError as error:
        if error.filename is not None and str(private) not in str(error.filename):
            raise  # not about what is written here
        raise FacesqlError(
            f"Cannot write to {str(folder)!r}: {error.strerror or error}; what was there is left as it was."
        ) from error
    finally:
        shutil.rmtree(private, ignore_errors=True)
        _free(lock)


def _move(private: Path, folder: Path) -> None:
    made = sorted(private.iterdir())
    for path in (inside for top in made for inside in (top, *top.rglob("*"))):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if path.is_file():
            _flush_to_disk(path)
    for path in made:
        if path.is_dir() and (folder / path.name).exists():
            exchange(path, folder / path.name)
        else:
            path.replace(folder / path.name)


def _remove_left_over(place: Path) -> None:
    """Remove the private folders of writers that were killed."""
    for private in [path for path in place.glob(f"{_MARK}*") if path.is_dir() and not path.is_symlink()]:
        lock = _lock(private)
        with suppress(Timeout, OSError):  # its writer lives, or it is somebody else's
            lock.acquire(timeout=0)
            shutil.rmtree(private, ignore_errors=True)
            _free(lock)


def _lock(private: Path) -> FileLock:
    return FileLock(f"{private}.lock", mode=0o600)


def _free(lock: FileLock) -> None:
    lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink()


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it, for the owner only; returns those that are new, the deepest first.

    Raises FacesqlError where that cannot be.
    """
    new_folders = [path for path in (folder, *folder.parents) if not _exists(path)]
    try:
        str(folder).encode()
        for path in reversed(new_folders):
            path.mkdir(mode=0o700, exist_ok=True)
    except UnicodeEncodeError as error:
        raise FacesqlError(f"{str(folder)!r} is not valid Unicode; name another place with -o.") from error
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return new_folders


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the deepest first, unless something has been put there."""
    for path in folders:
        with suppress(OSError):
            path.rmdir()


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, what stands there becomes ``target``. See ``whole_files``."""
    with whole_files(target.parent) as private:
        yield private / target.name


def cache_folder() -> Path:
    """Where a user's cache of facesql is, on every system: for what can be made again."""
    return user_cache_path("facesql", appauthor=False)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise FacesqlError where a file exists that may not be replaced."""
    if path.exists() and not overwrite:
        raise FacesqlError(f"{str(path)!r} exists; pass --overwrite to replace it, or name another file with -o.")


def _cannot_write(folder: Path, error: OSError) -> FacesqlError:
    return FacesqlError(
        f"Cannot write to {str(folder)!r} ({error.strerror}); name a place that can be written to with -o."
    )


def _exists(path: Path) -> bool:
    """Whether something stands there; what cannot be looked at is taken to be there, and told about later."""
    try:
        return path.exists()
    except OSError:
        return True


def _flush_to_disk(path: Path) -> None:
    """Wait until the file's bytes are on disk, so that a rename never outlives what it points to."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
