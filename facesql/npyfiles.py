"""Matrices of NumPy's files, read a part at a time and without pickle, which may run whatever code a file holds."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from facesql.errors import FacesqlError

_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class StoredArray:
    """An array of a .npy file, or of a member of a .npz file: its shape and type, read from its header."""

    file: Path
    member: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_columns: bool

    def parts(self, rows: int) -> Iterator[NDArray[Any]]:
        """So many rows of it at a time, in order. A matrix stored by columns must be read whole.

        Raises FacesqlError where the file ends before the array does.
        """
        with ExitStack() as stack:
            stream = _opened(stack, self.file, self.member)
            _header(stream)
            total = self.shape[0]
            step = total if self.by_columns and len(self.shape) > 1 else rows
            width = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
            for start in range(0, total, max(step, 1)):
                shape = (min(step, total - start), *self.shape[1:])
                content = stream.read(shape[0] * width)
                if len(content) < shape[0] * width:
                    raise _broken(self.file)
                order: Any = "F" if self.by_columns else "C"
                yield np.frombuffer(content, self.dtype).reshape(shape, order=order)

    def whole(self) -> NDArray[Any]:
        """All of it."""
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.parts(self.shape[0])])


def stored_arrays(file: Path) -> dict[str, StoredArray]:
    """The arrays of a .npz file by their names, or that of a .npy file by the name ``encoding``.

    Raises FacesqlError where the file is none of these, or an array holds Python objects, which are pickled.
    """
    try:
        if not zipfile.is_zipfile(file):
            return {"encoding": _stored(file, None)}
        with zipfile.ZipFile(file) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): _stored(file, name) for name in members}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise FacesqlError(f"Cannot read {str(file)!r} ({error.strerror}); check its name.") from error
        raise _broken(file) from error


def _stored(file: Path, member: str | None) -> StoredArray:
    with ExitStack() as stack:
        shape, by_columns, dtype = _header(_opened(stack, file, member))
    if dtype.hasobject:
        what = f"The array {member.removesuffix('.npy')!r} of {str(file)!r}" if member else repr(str(file))
        raise FacesqlError(
            f"{what} holds Python objects, which are pickled, and a pickle may run code as it is read; save numbers as "
            "a matrix of floats, and names by np.array(names, dtype=str)."
        )
    return StoredArray(file, member, shape, dtype, by_columns)


def _opened(stack: ExitStack, file: Path, member: str | None) -> IO[bytes]:
    if member is None:
        return stack.enter_context(file.open("rb"))
    return stack.enter_context(stack.enter_context(zipfile.ZipFile(file)).open(member))


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it is stored by columns, and type.

    Raises ValueError where it is none. (Version 3 of the format is for names of fields, which no matrix has.)
    """
    version = npy.read_magic(stream)
    if version not in _READ_HEADER:
        raise ValueError(f"version {version} of the format")
    return _READ_HEADER[version](stream)


def _broken(file: Path) -> FacesqlError:
    return FacesqlError(f"{str(file)!r} is no whole file of NumPy's; save it again with np.save or np.savez.")
