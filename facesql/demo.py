"""The whole job on drawn people."""

from dataclasses import dataclass
from pathlib import Path

from facesql.analyze import Analysis, analyze_faces
from facesql.drawing import DRAWN, draw_people
from facesql.encode import EncodeSummary, encode_photos
from facesql.errors import FacesqlError


@dataclass(frozen=True)
class Demo:
    """What the demo made: ``photos`` is the folder of drawn photos."""

    photos: Path
    encoded: EncodeSummary
    analyzed: Analysis


def run_demo(folder: Path, *, workers: int | None = None, progress: bool = False) -> Demo:
    """Draw people, encode their photos and analyze them; photos, faces.parquet and report/ stand in ``folder``.

    An earlier demo in the folder is replaced. Raises FacesqlError where ``folder/photos`` holds anything that the
    demo did not draw.
    """
    photos = folder / "photos"
    if photos.exists() and any(not entry.name.startswith(DRAWN) for entry in photos.iterdir()):
        raise FacesqlError(f"{str(photos)!r} holds photos that the demo did not draw; name another folder with -o.")
    draw_people(photos)
    faces = folder / "faces.parquet"
    summary = encode_photos(photos, faces, workers=workers, overwrite=True, progress=progress)
    return Demo(photos, summary, analyze_faces(faces, folder / "report", progress=progress))
