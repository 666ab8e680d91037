"""Small pictures of faces, cut from the photos that they were found in, where these can be found.

Nothing here fails for want of a photo: photos may be gone, and what is shown is then shown without pictures.
"""

import hashlib
import importlib.util
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facesql.database import connect, engine_sql
from facesql.faces import file_pattern, file_patterns, photos_path, read_metadata
from facesql.folders import photo_folders
from facesql.page import ShownFace
from facesql.parts import partition_columns
from facesql.progress import bar
from facesql.provenance import PSEUDONYMS

# A crop's side in pixels, at most, and as a multiple of the face's box: hair and chin, which the box lacks, tell people
# apart, too.
SIDE, MARGIN = 128, 1.6
QUALITY = 85
# What a crop shows beyond the photo.
_BEYOND = (128, 128, 128)
_NEEDED = "Pictures of faces need Pillow; run: pip install 'facesql[encode]'"


class Box(NamedTuple):
    """Where a face is in its upright photo, in pixels."""

    top: int
    right: int
    bottom: int
    left: int


@dataclass
class _Table:
    """A table of faces, where its photos are by the beginning of their ids, and the photos of which it has told.

    ``named`` are folders that the user names; they take the place of those that are noted.
    """

    faces: Path
    folders: Mapping[str, Path]
    named: Sequence[Path]
    pseudonymous: bool
    name: str
    hashes: dict[str, str | None] = field(default_factory=dict)

    def files(self, photo: str) -> list[Path]:
        """Where a photo may be."""
        if self.pseudonymous:
            return []
        if self.named:
            first, _, rest = photo.partition("/")
            return [*(folder / photo for folder in self.named), *(f / rest for f in self.named if f.name == first)]
        return [folder / photo.removeprefix(ids) for ids, folder in self.folders.items() if photo.startswith(ids)]

    def without(self) -> str | None:
        """Why none of its photos can be found, if so."""
        if self.pseudonymous:
            return f"{self.name!r} has numbers in place of names, which lead to no photo."
        folders = self.named or list(self.folders.values())
        if not folders:
            return f"{self.name!r} does not say where its photos are; name their folder with --photos."
        if not any(map(_is_folder, folders)):
            return f"{_gone(folders)}; name their folder with --photos."
        return None


class Crops:
    """The pictures of the faces of some tables. Make one by ``Crops.of``; one thread may ask it at a time."""

    def __init__(self, tables: Sequence[_Table], off: str | None) -> None:
        self._tables = tables
        self._off = off
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._found: dict[str, tuple[str, Box] | None] = {}
        self._asked = self._given = 0

    @classmethod
    def of(
        cls,
        faces: Sequence[Path],
        folders: Sequence[Path] = (),
        *,
        wanted: bool = True,
        names: Mapping[Path, str] | None = None,
    ) -> "Crops":
        """The pictures of the faces of these tables, of which some have other ``names`` than their paths.

        The photos are where encode has noted beside the tables that they are, or in ``folders``, where any are named:
        there, a photo's id is its path, or begins with the folder's name. Where none are ``wanted``, there are none.
        """
        if not wanted:
            return cls([], "No pictures are wanted.")
        if importlib.util.find_spec("PIL") is None:
            return cls([], _NEEDED)
        named = names or {}
        tables = [
            _Table(file, photo_folders(file), folders, _pseudonymous(file), named.get(file, str(file)))
            for file in faces
        ]
        return cls(tables, None)

    def crop(self, id: str) -> bytes | None:  # noqa: A002
        """The picture of the face of that id, a square JPEG of at most SIDE pixels.

        None where there is no photo, it cannot be read or has changed since it was encoded, nothing tells where the
        face is in it, or no pictures are wanted.
        """
        self._look_up([id])
        found = self._found.get(id)
        return self._count(None if found is None else self._cut(*found))

    def crop_of(self, photo_id: str, box: Mapping[str, int] | Box) -> bytes | None:
        """The picture of any face of a photo, as ``crop`` gives it; ``box`` has top, right, bottom and left."""
        self._look_up_photos([photo_id])
        return self._count(self._cut(photo_id, box if isinstance(box, Box) else Box(**box)))

    def shown(self, faces: Iterable[tuple[str, str]], *, progress: bool = False) -> dict[str, ShownFace]:
        """Faces as pages show them, by id; ``faces`` are ids and people. Many are faster at once than one by one."""
        people = dict(faces)
        self._look_up(people)
        shown = progress and self._off is None
        with bar(len(people), "face", shown=shown, what="cutting faces out") as told:
            found = {}
            for id_, person in people.items():
                found[id_] = ShownFace(id_, person, self.crop(id_))
                told.update()
        return found

    def why(self) -> str | None:
        """A sentence that says why there are no pictures at all; None where there are some, or there may be."""
        if self._off is not None:
            return self._off
        reasons = [table.without() for table in self._tables]
        if reasons and all(reasons):
            return reasons[0]
        if self._asked and not self._given:
            folders = [folder for table in self._tables for folder in (table.named or table.folders.values())]
            return f"{_gone(folders)}, or have changed; name their folder with --photos, or encode them again."
        return None

    def _count(self, crop: bytes | None) -> bytes | None:
        self._asked += 1
        self._given += crop is not None
        return crop

    def _look_up(self, ids: Iterable[str]) -> None:
        """Find the photos and boxes of faces that are not known yet."""
        new = [id_ for id_ in ids if id_ not in self._found]
        self._found |= dict.fromkeys(new)
        for table in self._tables if new else ():
            faces = {"faces": file_patterns(table.faces), "partitioned": bool(partition_columns(table.faces))}
            rows = self._rows("faces_to_show", {**faces, "ids": new})
            self._found |= {id_: (photo, Box(*box)) for id_, photo, *box in rows if None not in box}
        self._look_up_photos([found[0] for id_ in new if (found := self._found[id_]) is not None])

    def _look_up_photos(self, photos: Sequence[str]) -> None:
        for table in self._tables:
            new = [photo for photo in photos if photo not in table.hashes]
            if new and (file := photos_path(table.faces)).is_file():
                table.hashes |= dict(self._rows("photo_hashes", {"photos": file_pattern(file), "ids": new}))

    def _rows(self, query: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """What a query gives; nothing where a file is another program's, or is broken."""
        self._connection = self._connection or connect()
        try:
            return self._connection.execute(engine_sql(query), values).fetchall()
        except duckdb.Error:
            return []

    def _cut(self, photo: str, box: Box) -> bytes | None:
        # A photo of which a table tells is that table's; others may be anybody's.
        told = [table for table in self._tables if photo in table.hashes] or self._tables
        for table in told:
            for file in table.files(photo):
                if crop := _crop(file, table.hashes.get(photo), box):
                    return crop
        return None


def _pseudonymous(faces: Path) -> bool:
    try:
        return PSEUDONYMS in read_metadata(faces)
    except (OSError, pa.ArrowException):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _gone(folders: Iterable[Path]) -> str:
    return f"The photos are gone from {' and '.join(dict.fromkeys(repr(str(folder)) for folder in folders))}"


def _crop(file: Path, sha256: str | None, box: Box) -> bytes | None:
    """The picture of a face of a photo; None where the file gives none, or is another than that of the hash."""
    from facesql.photos import PhotoError, read_content, read_pixels  # which load Pillow

    try:
        if not file.is_file():  # to open a pipe would take for ever
            return None
        content = read_content(file)
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            return None
        return crop_pixels(read_pixels(content), box)
    except (OSError, ValueError, PhotoError):  # a ValueError for what can be no file's name
        return None


def crop_pixels(pixels: NDArray[np.uint8], box: Box) -> bytes | None:
    """A face cut out of an upright RGB photo, uint8 of height x width x 3, as a JPEG; None where the box is no box.

    The cut is a square around the box's middle with a margin on each side, moved into the photo where it would reach
    beyond, and grey beyond it where the photo is narrower. It is made smaller where it has more than SIDE pixels a
    side, never larger. Nothing else of the photo's file, such as where it was taken, is in it.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    if not (box.left < box.right and box.top < box.bottom) or min(box) < 0 or box.right > width or box.bottom > height:
        return None
    side = round(MARGIN * max(box.right - box.left, box.bottom - box.top))
    left, top = _start(box.left, box.right, side, width), _start(box.top, box.bottom, side, height)
    rows, columns = slice(max(top, 0), max(top, 0) + side), slice(max(left, 0), max(left, 0) + side)
    cut = Image.new("RGB", (side, side), _BEYOND)
    cut.paste(Image.fromarray(pixels[rows, columns]), (max(-left, 0), max(-top, 0)))
    cut.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    cut.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


def _start(first: int, last: int, side: int, size: int) -> int:
    """Where a cut of ``side`` pixels begins that has a range in its middle, or else lies within the photo.

    Where the photo is smaller than the cut, that is as far outside it at either end, and so begins below 0.

    >>> _start(40, 60, 40, 100), _start(0, 20, 40, 100), _start(80, 100, 40, 100), _start(0, 20, 40, 30)
    (30, 0, 60, -5)
    """
    if side >= size:
        return -((side - size) // 2)
    return min(max((first + last - side) // 2, 0), size - side)
