"""Where the photos of a table are: noted beside it, relative to it, so that both may move together."""

import os
from collections.abc import Mapping
from pathlib import Path

from facesql.faces import read_folders


def relative_folders(folders: Mapping[str, Path], faces: Path) -> dict[str, str]:
    """The folders of a ``Listing``, by the beginning of the ids, as paths from the folder that a table is in.

    What a link stands for is told, for ``..`` behind a link leads elsewhere.
    """
    start = faces.parent.resolve()
    return {ids: _relative(folder.resolve(), start) for ids, folder in folders.items()}


def _relative(folder: Path, start: Path) -> str:
    try:
        return Path(os.path.relpath(folder, start)).as_posix()
    except ValueError:  # on another drive
        return folder.as_posix()


def photo_folders(faces: Path) -> dict[str, Path]:
    """The folders of a table's photos, by the beginning of the ids; empty where nothing tells."""
    start = faces.parent.resolve()
    return {ids: Path(os.path.normpath(start / folder)) for ids, folder in read_folders(faces).items()}
