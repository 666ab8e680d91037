"""A DuckDB connection with sql/ loaded."""

import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from facesql.errors import FacesqlError

# The storage format that the shells of the 1.2 to 1.5 series can open, too.
STORAGE_VERSION = "v1.2.0"

Result = TypeVar("Result")


@contextmanager
def plain_errors(sentence: str) -> Iterator[None]:
    """Turn what DuckDB raises into one sentence that says what to do, its word for Ctrl-C into KeyboardInterrupt."""
    try:
        yield
    except (duckdb.Error, RuntimeError) as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from error
        raise FacesqlError(f"{sentence} ({first_words(error)})") from error


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether it is what DuckDB makes of Ctrl-C, in its own work or in a Python function; a query may use the words.

    What fails while that is handled, such as to close a connection that is still at work, is nothing else.
    """
    if error is None:
        return False
    if isinstance(error, KeyboardInterrupt | duckdb.InterruptException):
        return True
    if isinstance(error, duckdb.Error):
        told = isinstance(error, duckdb.InvalidInputException) and "KeyboardInterrupt" in str(error)
    else:
        told = "interrupted" in str(error).lower() or "KeyboardInterrupt" in str(error)
    return told or _is_interrupt(error.__cause__ or error.__context__)


def interruptible(connection: duckdb.DuckDBPyConnection, work: Callable[[], Result]) -> Result:
    """The result of work on a connection, which Ctrl-C or a plain kill ends at once.

    DuckDB looks for signals now and then only, and turns what it finds into an error of its own; therefore it works in
    another thread, and is told to stop by this one.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=0.1).done:
                pass
        except BaseException:
            while not future.done():  # told before it has begun, DuckDB would go on
                connection.interrupt()
                wait([future], timeout=0.1)
            raise
    return future.result()


def first_words(error: Exception) -> str:
    """What DuckDB says is wrong, in one line, without the excerpt of the query that it adds.

    Of Python's code that it called, such as a file system, it tells the whole traceback: the last line says what.
    """
    said = str(error)
    if "Traceback (most recent call last):" in said:
        return said.strip().rsplit("\n", 1)[-1].strip()
    return " ".join(said.split("\n\n", maxsplit=1)[0].split())


def resources() -> Path:
    """The folder that holds sql/ and data/: the package's own in a wheel, the project's in a checkout."""
    package = Path(__file__).resolve().parent
    return package if (package / "sql").is_dir() else package.parent


def connect(file: Path | None = None, *, report: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database, in memory or in a new file, with sql/load.sql loaded, and sql/report/load.sql for a report.

    Names of Python variables are not visible to its SQL, and nothing is installed or loaded from the network.
    """
    connection = _quiet(duckdb.connect(config=_config()))
    if file is not None:
        connection.execute("set variable database_file = $1", [str(file)])
        connection.execute("set variable storage_version = $1", [STORAGE_VERSION])
        connection.execute(engine_sql("attach_new"))
    for script in load_order() + (load_order("report/load.sql") if report else []):
        connection.execute(script.read_text(encoding="utf-8"))
    return connection


def connect_plain(threads: int) -> duckdb.DuckDBPyConnection:
    """Open an empty database in memory, without sql/; see ``connect`` for what its SQL cannot do."""
    return _quiet(duckdb.connect(config={**_config(), "threads": threads}))


def _config() -> dict[str, Any]:
    """What every connection has; what does not fit into memory goes to a folder of its own for temporary files.

    DuckDB would keep half a gigabyte that it has freed; what it must ask for again costs no time that can be seen.
    """
    return {
        "allocator_flush_threshold": "16MB",
        "allocator_bulk_deallocation_flush_threshold": "16MB",
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "temp_directory": str(Path(tempfile.gettempdir()) / f"facesql.{secrets.token_hex(8)}"),
    }


def connect_to(file: Path, *, write: bool = False) -> duckdb.DuckDBPyConnection:
    """Open an existing database as it is, read-only unless ``write``; see ``connect`` for what its SQL cannot do."""
    return _quiet(duckdb.connect(str(file), read_only=not write, config=_config()))


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection, without the bar that DuckDB draws on stdout while a query takes seconds.

    In a notebook it draws none without ipywidgets, and then cannot be told so either.
    """
    [(shown,)] = connection.execute("select current_setting('enable_progress_bar')").fetchall()
    if shown:
        connection.execute("set enable_progress_bar = false")
    return connection


@cache
def engine_sql(name: str) -> str:
    """A statement that Python runs, from sql/engine/."""
    return (resources() / "sql" / "engine" / f"{name}.sql").read_text(encoding="utf-8")


def load_order(script: str = "load.sql") -> list[Path]:
    """The files that a script in sql/ names in its ``.read`` lines, in its order."""
    root = resources()
    lines = (root / "sql" / script).read_text(encoding="utf-8").splitlines()
    return [root / match[1] for line in lines if (match := re.fullmatch(r"\.read (\S+)", line))]
