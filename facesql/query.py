"""One SQL query to a table that people read, or to CSV, JSON or Parquet."""

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import duckdb

from facesql.database import plain_errors
from facesql.errors import FacesqlError
from facesql.output import whole_file

QueryFormat = Literal["table", "csv", "json", "parquet"]
QUERY_FORMATS: tuple[QueryFormat, ...] = get_args(QueryFormat)
# How wide a table is where there is no terminal to ask.
WIDTH = 120

_COPY: dict[QueryFormat, str] = {
    "csv": "copy (from result) to $1 (format csv, header)",
    "json": "copy (from result) to $1 (format json, array)",
    "parquet": "copy (from result) to $1 (format parquet, compression zstd)",
}


def parse_format(text: str | None, output: Path | None) -> QueryFormat:
    """The format of that name; without one that of the output's suffix, or a table.

    Raises FacesqlError for a format that there is not.

    >>> parse_format(None, Path("people.csv"))
    'csv'
    """
    name = text.lower() if text is not None else "table" if output is None else output.suffix.lower().lstrip(".")
    for known in QUERY_FORMATS:
        if name == known:
            return known
    if text is None:
        return "table"
    raise FacesqlError(f"{text!r} is no format; choose from {','.join(QUERY_FORMATS)}.")


def run_query(connection: duckdb.DuckDBPyConnection, sql: str, form: QueryFormat) -> bytes:
    """Run SQL and return what its last statement gives; nothing where that gives no rows to show.

    A table is at most as wide as the terminal, its long columns and its middle rows left out, and with what could
    steer a terminal escaped. CSV, JSON (an array of objects) and Parquet hold every row. Raises FacesqlError where the
    SQL cannot be run.
    """
    with plain_errors("The query failed"), _read_only_explained():
        relation = connection.sql(sql)
        if relation is None:
            return b""
        connection.register("result", relation.to_arrow_table())
        try:
            if form == "table":
                return _shown(connection.table("result")).encode()
            with tempfile.TemporaryDirectory(prefix="facesql.") as folder:
                file = Path(folder) / "result"
                connection.execute(_COPY[form], [str(file)])
                return _strict_json(file) if form == "json" else file.read_bytes()
        finally:
            connection.unregister("result")


@contextlib.contextmanager
def _read_only_explained() -> Iterator[None]:
    try:
        yield
    except duckdb.InvalidInputException as error:
        if "read-only" not in str(error):
            raise
        raise FacesqlError("The query would change the report; pass --write to let it.") from error


def write_result(content: bytes, output: Path) -> None:
    """Write what a query gave to a file that appears whole; its owner alone can read it."""
    with whole_file(output) as path:
        path.write_bytes(content)


def _strict_json(file: Path) -> bytes:
    """DuckDB's array of objects, a line each, with null for NaN and infinity, which are not JSON."""
    rows = json.loads(file.read_bytes(), parse_constant=lambda _: None)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    return f"[\n{lines}\n]\n".encode()


def _shown(table: duckdb.DuckDBPyRelation) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        table.show(max_width=shutil.get_terminal_size((WIDTH, 24)).columns)
    return text.getvalue().rstrip("\n") + "\n"
