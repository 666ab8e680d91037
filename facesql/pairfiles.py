"""Files of pairs: CSV, Parquet and JSON of all digits, or a sheet of their faces side by side, as a page."""

from collections.abc import Sequence
from pathlib import Path

from facesql.crops import Crops
from facesql.errors import FacesqlError
from facesql.faces import photos_path, times_path
from facesql.lookalikes import FoundPairs, shown_pairs
from facesql.output import refuse_existing, whole_file
from facesql.page import render
from facesql.pairtext import shown_of_all, title
from facesql.parts import parts
from facesql.rowfiles import ROWS, refuse_suffix, write_rows

PAGE = ".html"
SUFFIXES = (*ROWS, PAGE)


def refuse_pairs_file(output: Path, faces: Sequence[Path], *, overwrite: bool) -> None:
    """Raise FacesqlError where pairs may not be written there, or its suffix is of no kind that they are written as."""
    refuse_suffix(output, SUFFIXES)
    if output.is_dir():
        raise FacesqlError(f"{str(output)!r} is a folder; name a file with -o.")
    read = [path for file in faces for path in (*parts(file), photos_path(file), times_path(file)) if path.exists()]
    if output.exists() and any(output.samefile(path) for path in read):
        raise FacesqlError(f"{str(output)!r} is what the faces are read from; name another file with -o.")
    refuse_existing(output, overwrite=overwrite)


def write_pairs(found: FoundPairs, output: Path, crops: Crops, *, progress: bool = False) -> None:
    """Write pairs to a file, in the format that its suffix names. It appears whole; its owner alone can read it.

    A page shows the faces as far as ``crops`` have pictures, and says why if there are none; it needs no other file.
    """
    if output.suffix.lower() != PAGE:
        write_rows(found.table, output)
        return
    with whole_file(output) as path:
        path.write_text(contact_sheet(found, crops, progress=progress), encoding="utf-8")


def contact_sheet(found: FoundPairs, crops: Crops, *, progress: bool = False) -> str:
    """A page of pairs of faces side by side, with their distances and names."""
    pairs = shown_pairs(found.table, crops, progress=progress)
    note = " ".join(sentence for sentence in (shown_of_all(found), crops.why()) if sentence)
    return render("contact.html", title=title(found), note=note, pairs=pairs)
