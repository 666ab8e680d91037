"""Where the photos of a table are: noted with the table of photos, relative to it, so that both may move together."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from facesql.faces import photos_path, read_metadata

# The key of the metadata of a table of photos that holds their folders, by the beginning of the ids, as JSON.
PHOTO_FOLDERS = "photo_folders"


def folders_note(folders: Mapping[str, Path], faces: Path) -> dict[str, str]:
    """The metadata that tells where photos are, for the table of photos beside ``faces``.

    ``folders`` are those of a ``Listing``. What a link stands for is noted, for ``..`` behind a link leads elsewhere.
    """
    start = faces.parent.resolve()
    return {PHOTO_FOLDERS: json.dumps({ids: _relative(folder.resolve(), start) for ids, folder in folders.items()})}


def _relative(folder: Path, start: Path) -> str:
    try:
        return Path(os.path.relpath(folder, start)).as_posix()
    except ValueError:  # on another drive
        return folder.as_posix()


def noted_folders(faces: Path) -> dict[str, Path]:
    """The folders of photos, by the beginning of the ids, that the table of photos beside ``faces`` notes.

    Empty where it notes none, is not there or cannot be read.
    """
    try:
        noted = json.loads(read_metadata(photos_path(faces))[PHOTO_FOLDERS])
        start = faces.parent.resolve()
        return {str(ids): Path(os.path.normpath(start / str(folder))) for ids, folder in noted.items()}
    except (OSError, ValueError, KeyError, AttributeError):  # pyarrow's errors are ValueErrors
        return {}
