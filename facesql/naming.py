"""Tables of faces to a chart of first names."""

from pathlib import Path

import polars as pl

from facesql.chartfiles import file_content, parse_file_format
from facesql.database import engine_sql
from facesql.errors import FacesqlError
from facesql.names import first_names, names_chart
from facesql.output import whole_file
from facesql.sources import opened_tables
from facesql.tables import FacesLike, files_of

NO_NAMES = (
    "No person here is named like George_W_Bush, by two words or more, so there are no first names to count; encode "
    "photos from folders that are named so."
)


def draw_names(faces: FacesLike, output: Path, *, skip_invalid: bool = False) -> tuple[pl.DataFrame, int]:
    """Write a chart of the first names of the people in tables of faces to ``output``; its suffix says as what.

    ``faces`` are Parquet files, addresses or tables in memory, see ``files_of``. Returns how many people have each
    name, as ``first_names`` does, and how many people there are. Raises InvalidFacesError where rows cannot be
    compared, and FacesqlError where nobody is named by two words or more, or a file cannot be used or written.
    """
    form = parse_file_format(output)
    opening = files_of(faces, skip_invalid=skip_invalid)
    with opening as opened, opened_tables(opened.files, skip_invalid=skip_invalid) as (connection, _):
        people = pl.DataFrame(connection.sql(engine_sql("person_names")).to_arrow_table())["person"]
    names = first_names(people)
    if names.is_empty():
        raise FacesqlError(NO_NAMES)
    content = file_content(names_chart(names, len(people)), names, form)
    with whole_file(output) as path:
        path.write_bytes(content)
    return names, len(people)
