"""What the DuckDB shell's user is told first: what there is to ask, and how."""

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


def greeting(connection: duckdb.DuckDBPyConnection, *, is_report: bool) -> str:
    """Whose faces they are, the tables with their rows, views, a few macros, and a query to begin with.

    Views are not counted: of a table of faces, that may take minutes.
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
            *([f"tables, with their rows: {tables}"] if tables else []),
            *([NOT_SOUGHT] if unsought else []),
            f"views: {views}",
            f"functions: {macros}",
            f"for example: {EXAMPLES[is_report]}",
            f"more examples: {plain(str(resources() / 'sql' / 'examples'))}",
        ]
    )
