"""What became of each photo: a record a photo, to and from the table of photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.encoder import Face
from facesql.faces import PHOTOS

ROW, EXCLUDED, DUPLICATE, NO_FACE, UNREADABLE, FAILED = (
    "row",
    "excluded",
    "duplicate",
    "no_face",
    "unreadable",
    "failed",
)
# What a photo's content alone decides, and need not be found out again. How large a photo may be is another matter.
_LASTING = (NO_FACE, UNREADABLE, FAILED)


@dataclass(frozen=True)
class PhotoRecord:
    """What became of one photo; a row of the photos table. ``sha256`` is that of the file's bytes."""

    id: str
    person: str | None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    status: str = ROW
    reason: str | None = None
    note: str | None = None
    faces: tuple[Face, ...] = ()

    def content(self) -> "PhotoRecord | None":
        """What holds of the photo's content under any name and any rule; None where that is not known."""
        if self.sha256 is None:
            return None
        if self.faces:
            return replace(self, status=ROW, reason=None)
        return self if self.status in _LASTING else None


def photos_table(records: Sequence[PhotoRecord]) -> pa.Table:
    """The records as a table with the schema PHOTOS."""
    rows = [{**vars(record), "faces": [face_columns(face) for face in record.faces]} for record in records]
    return pa.Table.from_pylist(rows, schema=PHOTOS)


def face_columns(face: Face) -> dict[str, object]:
    """The columns of a face: box, a struct of pixels, and encoding."""
    box = {"top": face.top, "right": face.right, "bottom": face.bottom, "left": face.left}
    return {"box": box, "encoding": face.encoding}


def read_records(file: Path) -> list[PhotoRecord]:
    """The records of a table of photos, in its order.

    Raises ValueError where the file is another table, or is damaged: the sums of all pages are checked.
    """
    try:
        table = pq.read_table(file, page_checksum_verification=True, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{str(file)!r} cannot be read whole") from error
    if table.schema.remove_metadata() != PHOTOS:
        raise ValueError(f"{str(file)!r} is no table of photos")
    columns = [table[name].to_pylist() for name in PHOTOS.names[:-1]]
    return [
        PhotoRecord(**dict(zip(PHOTOS.names, [*values, tuple(faces)], strict=True)))
        for *values, faces in zip(*columns, _faces(table["faces"].combine_chunks()), strict=True)
    ]


def _faces(column: pa.ListArray) -> Iterator[list[Face]]:
    flat = column.flatten()
    boxes, encodings = flat.field("box").to_pylist(), flat.field("encoding")
    numbers = encodings.flatten().to_numpy()
    ends = np.cumsum(encodings.value_lengths().to_numpy(zero_copy_only=False))
    faces = (
        Face(**box, encoding=encoding)
        for box, encoding in zip(boxes, np.split(numbers, ends[:-1]) if len(ends) else [], strict=True)
    )
    for count in column.value_lengths().to_pylist():
        yield [next(faces) for _ in range(count)]
