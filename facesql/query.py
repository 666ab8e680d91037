"""One SQL query to a table that people read, or to CSV, JSON, Markdown or Parquet."""

import contextlib
import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import duckdb

from facesql.database import engine_sql, interruptible, plain_errors
from facesql.errors import FacesqlError, plain
from facesql.output import refuse_existing, whole_file
from facesql.parameters import Parameters, ask
from facesql.parts import parts

QueryFormat = Literal["table", "csv", "json", "markdown", "parquet"]
QUERY_FORMATS: tuple[QueryFormat, ...] = get_args(QueryFormat)
# The suffixes of those that a file can be.
SUFFIXES: dict[str, QueryFormat] = {".csv": "csv", ".json": "json", ".md": "markdown", ".parquet": "parquet"}
NUMBERS = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DECIMAL.*|FLOAT|DOUBLE")
# What Markdown reads as more than a letter; an underscore within a word is none.
_MARKS = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])")
# How wide a table is, and how long at most, where there is no terminal to ask.
WIDTH, ALL_ROWS = 120, 10**9


def parse_format(text: str | None, output: Path | None) -> QueryFormat:
    """The format of that name; without one that of the output's suffix, or a table where there is no output.

    Raises FacesqlError for a format that there is not.

    >>> parse_format(None, Path("people.csv"))
    'csv'
    """
    if text is not None:
        for known in QUERY_FORMATS:
            if text.lower() == known:
                return known
        raise FacesqlError(f"{text!r} is no format; choose from {','.join(QUERY_FORMATS)}.")
    if output is None:
        return "table"
    if known_suffix := SUFFIXES.get(output.suffix.lower()):
        return known_suffix
    raise FacesqlError(f"{str(output)!r} ends in no format; end it in .csv, .json, .md or .parquet, or pass --format.")


def run_query(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    form: QueryFormat,
    width: int | None = None,
    parameters: Parameters = MappingProxyType({}),
) -> bytes:
    """Run SQL and return what its last statement gives; nothing where that gives nothing to show.

    The parameters are those of ``facesql.parameters.ask``.

    A table fits ``width``, with its middle rows left out where they are many; without a width it has every row. What
    could steer a terminal is escaped in it; in Markdown so is what Markdown would read as more than text. CSV, JSON (an
    array of objects, null for what is not finite) and Parquet hold everything. Ctrl-C ends the query at once. Raises
    FacesqlError where the SQL cannot be run.
    """
    with plain_errors("The query failed"), _read_only_explained():
        return interruptible(connection, lambda: _run(connection, sql, form, width, parameters))


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, form: QueryFormat, width: int | None, parameters: Parameters
) -> bytes:
    relation = ask(connection, sql, parameters)
    if relation is None or relation.columns == ["Success"]:  # what "set" and the like give
        return b""
    if form == "table":
        return _shown(relation, width).encode()
    if form == "markdown":
        return _markdown(relation).encode()
    with tempfile.TemporaryDirectory(prefix="facesql.") as folder:
        file = str(Path(folder) / "result")
        match form:
            case "csv":
                relation.write_csv(file, header=True)
            case "parquet":
                relation.write_parquet(file, compression="zstd")
            case "json":
                connection.execute("set variable result_file = $1", [file])
                relation.query("result", engine_sql("result_as_json"))
                Path(file).write_text(_strict(Path(file).read_text(encoding="utf-8")), encoding="utf-8")
        return Path(file).read_bytes()


@contextlib.contextmanager
def _read_only_explained() -> Iterator[None]:
    try:
        yield
    except duckdb.InvalidInputException as error:
        if not re.match(r"Invalid Input Error: Cannot execute statement of type .* read-only mode", str(error)):
            raise
        raise FacesqlError("The query would change the report; pass --write to let it.") from error


def refuse_output(output: Path, asked: Path, *, overwrite: bool) -> None:
    """Raise FacesqlError where a result may not be written there: over what was asked, or over what exists."""
    if output.exists() and any(output.samefile(part) for part in parts(asked)):
        raise FacesqlError(f"{str(output)!r} is what the query asks; name another file with -o.")
    if output.is_dir():
        raise FacesqlError(f"{str(output)!r} is a folder; name a file with -o.")
    refuse_existing(output, overwrite=overwrite)


def write_result(content: bytes, output: Path) -> None:
    """Write what a query gave to a file that appears whole; its owner alone can read it."""
    with whole_file(output) as path:
        path.write_bytes(content)


def _strict(text: str) -> str:
    """DuckDB's JSON with null for NaN and infinity, which are not JSON; strings stay as they are."""
    return re.sub(
        r'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)', lambda found: found[0] if found[0].startswith('"') else "null", text
    )


def _markdown(relation: duckdb.DuckDBPyRelation) -> str:
    """A table as Markdown has them, numbers to the right; what is null is empty."""
    names = [_cell(name) for name in relation.columns]
    lines = ["---:" if NUMBERS.fullmatch(str(kind)) else "---" for kind in relation.types]
    as_text = relation.query("result", engine_sql("result_as_text"))
    rows = [] if as_text is None else as_text.fetchall()
    table = [names, lines, *([_cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in table)


def _cell(text: str | None) -> str:
    return "" if text is None else _MARKS.sub(r"\\\g<0>", plain(text))


def _shown(relation: duckdb.DuckDBPyRelation, width: int | None) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        if width is None:
            relation.show(max_width=WIDTH, max_rows=ALL_ROWS)
        else:
            relation.show(max_width=width)
    lines = text.getvalue().rstrip("\n").split("\n")
    return "\n".join(map(plain, lines)) + "\n"
