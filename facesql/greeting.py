"""What the DuckDB shell's user is told first: what there is to ask, and how."""

import re

import duckdb

from facesql.database import engine_sql, resources
from facesql.errors import plain

# The macros that are asked most, those of a report last.
MACROS = (
    "face_distance(a, b)",
    "face_pairs()",
    "people_near(who)",
    "cutoff_rates()",
    "precision_at_share(recall, fmr, share)",
)
REPORT_MACROS = ("same_person_share(distance)", "same_person_interval(distance)")
EXAMPLES = {
    False: "from people order by faces desc limit 5;",
    True: "from precision_recall where fmr <= 0.001 order by cutoff desc limit 1;",
}


NOT_SOUGHT = "pairs and suspects were not sought for this report: facesql pairs and facesql suspects find them"


def greeting(connection: duckdb.DuckDBPyConnection, *, is_report: bool, width: int | None = None) -> str:
    """Whose faces they are, the tables with their rows, views, a few macros, and a query to begin with.

    Views are not counted: of a table of faces, that may take minutes. Lists fit ``width``, that of the terminal; what
    may be copied, a query and a path, is a line as it is.
    """
    [(faces, photos, people)] = connection.execute("from face_counts").fetchall()
    relations = connection.execute(engine_sql("relations")).fetchall()
    tables = ", ".join(f"{plain(name)} {rows:,}" for name, rows in relations if rows is not None)
    views = ", ".join(plain(name) for name, rows in relations if rows is None)
    unsought = is_report and {("pairs", 0), ("suspects", 0)} <= set(relations)
    macros = ", ".join(MACROS + (REPORT_MACROS if is_report else ()))
    return "\n".join(
        [
            f"{faces:,} faces of {people:,} people in {photos:,} photos",
            *([_listed("tables, with their rows", tables, width)] if tables else []),
            *([NOT_SOUGHT] if unsought else []),
            _listed("views", views, width),
            _listed("functions", macros, width),
            f"for example: {EXAMPLES[is_report]}",
            f"more examples, files for .read: {plain(str(resources() / 'sql' / 'examples'))}",
        ]
    )


def _listed(what: str, names: str, width: int | None) -> str:
    """A list, broken between its entries where it is wider than the terminal."""
    if width is None:
        return f"{what}: {names}"
    lines = [f"{what}:"]
    for name in re.split(r"(?<=,) (?![^(]*\))", names):
        if len(lines[-1]) + 1 + len(name) > width:
            lines.append(" ")
        lines[-1] += f" {name}"
    return "\n".join(lines)
