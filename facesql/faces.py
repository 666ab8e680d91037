"""The two tables of encodings: their schema, and how they are written."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from facesql.output import whole_file

BOX = pa.struct([(side, pa.int32()) for side in ("top", "right", "bottom", "left")])
ENCODING = pa.list_(pa.float32())

# One row for each face that counts.
FACES = pa.schema(
    [
        ("id", pa.string()),  # the photo, and #2 for its second face
        ("person", pa.string()),
        ("encoding", ENCODING),
        ("photo", pa.string()),  # the id in the photos table
        ("face", pa.int32()),  # 1-based, in the detector's order
        ("box", BOX),  # pixels
        ("width", pa.int32()),  # of the photo, upright, in pixels
        ("height", pa.int32()),
    ]
)

# One row for each photo found, whatever became of it.
PHOTOS = pa.schema(
    [
        ("id", pa.string()),  # the path relative to the folder, with / on every system
        ("person", pa.string()),  # as the folder is named, before people are merged
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("faces", pa.list_(pa.struct([("box", BOX), ("encoding", ENCODING)]))),
    ]
)


def photos_path(faces: Path) -> Path:
    """Where the table of photos stands: faces.photos.parquet beside faces.parquet."""
    return faces.with_suffix(f".photos{faces.suffix}")


def write_table(table: pa.Table, target: Path, metadata: Mapping[str, str]) -> None:
    """Write a table to a Parquet file, whole or not at all, with ``metadata`` as its key-value metadata.

    The bytes of the floats are split into streams, which lets zstd save a tenth of them.
    """
    table = table.replace_schema_metadata({f"facesql.{key}": value for key, value in metadata.items()})
    floats = "encoding.list.element"
    if "faces" in table.column_names:
        floats = f"faces.list.element.{floats}"
    with whole_file(target) as path:
        pq.write_table(
            table,
            path,
            compression="zstd",
            use_dictionary=["person", "status", "reason"],
            column_encoding={floats: "BYTE_STREAM_SPLIT"},
        )
