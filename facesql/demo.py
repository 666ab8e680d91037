"""The whole job on drawn people."""

from dataclasses import dataclass
from pathlib import Path

from facesql.analyze import Analysis, analyze_faces
from facesql.drawing import draw_people
from facesql.encode import EncodeSummary, encode_photos
from facesql.errors import FacesqlError
from facesql.output import whole_file

MARK = ".facesql-demo"


@dataclass(frozen=True)
class Demo:
    """What the demo made: ``photos`` is the folder of drawn photos."""

    photos: Path
    encoded: EncodeSummary
    analyzed: Analysis


def run_demo(folder: Path, *, workers: int | None = None, progress: bool = False) -> Demo:
    """Draw people, encode their photos and analyze them; photos, faces.parquet and report/ stand in ``folder``.

    An earlier demo in the folder is replaced. Raises FacesqlError where the folder holds anything, but was not made
    by the demo.
    """
    if folder.exists() and not folder.is_dir():
        raise FacesqlError(f"{str(folder)!r} is a file; name a folder with -o.")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise FacesqlError(f"{str(folder)!r} holds what the demo did not make; name another folder with -o.")
    with whole_file(folder / MARK) as path:
        path.write_text("Made by facesql demo, which may replace what it made here.\n", encoding="utf-8")
    photos = folder / "photos"
    draw_people(photos)
    faces = folder / "faces.parquet"
    summary = encode_photos(photos, faces, workers=workers, overwrite=True, progress=progress)
    return Demo(photos, summary, analyze_faces(faces, folder / "report", progress=progress))
