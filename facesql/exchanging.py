"""Two folders that change places."""

import ctypes
import errno
import os
import sys
from pathlib import Path

# Linux's renameat2, with paths from the working folder, and macOS's renamex_np.
_AT_FDCWD, _RENAME_EXCHANGE, _RENAME_SWAP = -100, 2, 2
# What a system or a file system says that cannot do it at once.
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV}


def exchange(new: Path, old: Path) -> None:
    """Let two folders of one file system change places.

    Linux and macOS do it at once: whoever looks sees the one or the other. Elsewhere there is a moment without ``old``,
    which comes back where the second step fails.

    Raises OSError where it cannot be done.
    """
    if not _at_once(new, old):
        aside = new.with_name(f"{new.name}.aside")
        try:
            old.rename(aside)
            new.rename(old)
        except BaseException:
            if aside.exists() and not old.exists():
                aside.rename(old)
            raise
        aside.rename(new)


def _at_once(new: Path, old: Path) -> bool:
    """Exchange two folders, if the system can; returns whether it could."""
    paths = os.fsencode(new), os.fsencode(old)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "linux":
            failed = library.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
        else:
            failed = library.renamex_np(*paths, _RENAME_SWAP)
    except (AttributeError, OSError, TypeError):  # no such function; on Windows no such library
        return False
    code = ctypes.get_errno() if failed else 0
    if code and code not in _CANNOT:
        raise OSError(code, os.strerror(code), str(old))
    return not code
