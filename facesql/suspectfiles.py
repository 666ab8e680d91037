"""Suspects to files: a table, a page with both faces of each, and the corrections that encode and analyze take."""

import json
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from facesql.corrections import exclude_line, relabel_lines
from facesql.crops import Crops
from facesql.errors import FacesqlError, plain
from facesql.output import whole_file, whole_files
from facesql.page import render
from facesql.suspects import Suspects
from facesql.suspectshown import shown_suspects

Format = Literal["csv", "parquet", "json", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
# The two files that corrections are written to.
EXCLUDE, RELABEL = "exclude.txt", "relabel.csv"


def parse_output(output: Path) -> Format:
    """The format that a file's suffix names.

    Raises FacesqlError for another one.

    >>> parse_output(Path("suspects.CSV"))
    'csv'
    """
    for known in FORMATS:
        if output.suffix.lower() == f".{known}":
            return known
    raise FacesqlError(f"{str(output)!r} ends in no format; end it in {', '.join(f'.{known}' for known in FORMATS)}.")


def write_suspects(suspects: Suspects, output: Path, crops: Crops) -> None:
    """Write the table in the format of the file's suffix; as a page, with the faces' pictures where there are any.

    JSON has the single figures, too. Raises FacesqlError where the file cannot be written.
    """
    form = parse_output(output)
    with whole_file(output) as path:
        match form:
            case "csv":
                suspects.table.write_csv(path)
            case "parquet":
                suspects.table.write_parquet(path)
            case "json":
                content = {**suspects.summary(), "table": suspects.table.to_dicts()}
                path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
            case "html":
                path.write_text(_page(suspects, crops), encoding="utf-8")


def _page(suspects: Suspects, crops: Crops) -> str:
    pairs = shown_suspects(suspects, crops)
    number = f"{suspects.table.height:,} of {suspects.found:,} suspects, at cut-off {suspects.cutoff}."
    note = f"{number} Look at each before you correct it."
    if (why := crops.why()) is not None:
        note = f"{note} {why}"
    return render("contact.html", title="Suspects", pairs=pairs, note=note)


def refuse_corrections(folder: Path, *, overwrite: bool) -> None:
    """Raise FacesqlError where a folder holds corrections already, which the user may have edited."""
    if folder.is_file():
        raise FacesqlError(f"{str(folder)!r} is a file; name a folder with --accept.")
    for name in (EXCLUDE, RELABEL):
        if (folder / name).exists() and not overwrite:
            raise FacesqlError(
                f"{str(folder / name)!r} exists, perhaps edited; pass --overwrite, or name another folder."
            )


def write_corrections(suspects: Suspects, folder: Path) -> int:
    """Write exclude.txt and relabel.csv into a folder; returns how many entries no line can hold.

    exclude.txt says what speaks for each in a comment before its lines; the user is to edit both. Raises FacesqlError
    where the folder cannot be written to.
    """
    lines = []
    for row in suspects.table.filter(pl.col("correction") != "relabel").iter_rows(named=True):
        lines.append(f"# {row['rank']}. {row['kind']}: {plain(row['evidence'])}")
        lines += row["change"].split("\n") if row["change"] else ["# no line can hold the name of this photo"]
    table, unfit = relabel_lines(suspects.corrections.same_as)
    with whole_files(folder) as private:
        (private / EXCLUDE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (private / RELABEL).write_text(table, encoding="utf-8", newline="")
    return unfit + sum(exclude_line(photo) is None for photo in suspects.corrections.exclude)
