"""The whole job on drawn people, and the analysis of real ones beside an earlier investigation's."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from facesql.analyze import Analysis, analyze_faces
from facesql.database import resources
from facesql.drawing import draw_people
from facesql.encode import EncodeSummary, encode_photos
from facesql.errors import FacesqlError
from facesql.output import whole_file
from facesql.page import Show
from facesql.sources import sample_faces

MARK = ".facesql-demo"
SAMPLE = "lfw"


@dataclass(frozen=True)
class Demo:
    """What the demo made: ``photos`` is the folder of drawn photos, ``sample`` the analysis of real people.

    ``original`` is the table that the original investigation of those printed: cutoff, precision, recall.
    """

    photos: Path
    encoded: EncodeSummary
    analyzed: Analysis
    sample: Analysis
    original: pl.DataFrame


def run_demo(folder: Path, *, workers: int | None = None, progress: bool = False) -> Demo:
    """Draw people, encode their photos and analyze them, then analyze the sample of real people.

    ``folder`` then holds photos, faces.parquet, report/, and lfw/, the report on the sample.

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
    summary = encode_photos(photos, faces, workers=workers, fresh=True, progress=progress)
    analysis = analyze_faces(faces, folder / "report", show=Show(), progress=progress)
    sample = analyze_faces(sample_faces(SAMPLE), folder / SAMPLE, progress=progress)
    return Demo(photos, summary, analysis, sample, read_original())


def read_original() -> pl.DataFrame:
    """The table of the original investigation, a row a cut-off: cutoff, precision and recall, two decimals each."""
    return pl.read_csv(resources() / "data" / f"{SAMPLE}.original.csv")
