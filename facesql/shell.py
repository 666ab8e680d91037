"""The DuckDB shell, opened on a report or on a table of faces with all of facesql's SQL loaded."""

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from facesql.database import resources
from facesql.errors import MissingPackageError
from facesql.faces import file_pattern, file_patterns, photos_path
from facesql.greeting import greeting
from facesql.parts import partition_columns
from facesql.sources import Source, opened, warn_of_doubts

PROGRAM = "duckdb"


def find_shell() -> str | None:
    """The DuckDB shell: that of this environment, or else the one on the path."""
    return shutil.which(PROGRAM, path=str(Path(sys.executable).parent)) or shutil.which(PROGRAM)


def shell_arguments(source: Source, *, write: bool = False) -> list[str]:
    """What the DuckDB shell is started with.

    A report's database holds its SQL. For a table of faces sql/load.sql is read from the folder that holds sql/, and
    the shell returns to the folder where it was started. The shell's own settings file is read first.
    """
    if source.is_report:
        return [*([] if write else ["-readonly"]), str(source.file.absolute())]
    commands = [
        f".cd {_quoted(resources())}",
        ".read sql/load.sql",
        f".cd {_quoted(Path.cwd())}",
        f"set variable faces = {_literals(file_patterns(source.file))}",
        *(["set variable faces_partitioned = true"] if partition_columns(source.file) else []),
    ]
    if (photos := photos_path(source.file)).is_file():
        commands.append(f"set variable photos = {_literals([file_pattern(photos)])}")
    return [part for command in commands for part in ("-cmd", command)]


def run_shell(source: Source, *, write: bool = False) -> int:
    """Open the shell in this terminal, and return its exit code when it is left.

    Raises MissingPackageError, with the command to run, where there is no DuckDB shell; FacesqlError where the source
    cannot be opened.
    """
    with opened(source, write=write) as connection:  # what is wrong is told in one sentence, not at each query
        warn_of_doubts(source, connection)
        if sys.stdin.isatty():  # whoever types is told; what is piped in is not asked by a person
            width = shutil.get_terminal_size().columns
            print(greeting(connection, is_report=source.is_report, width=width), file=sys.stderr)
    program, arguments = find_shell(), shell_arguments(source, write=write)
    if program is None:
        raise MissingPackageError(
            "The DuckDB shell is not installed; add it with: pip install 'facesql[shell]', or with a shell from "
            f"elsewhere run: {shlex.join([PROGRAM, *arguments])}"
        )
    # Ctrl-C is the shell's, which stops a query. The program may be a script that starts it, and that would end: both
    # inherit that the signal is ignored, and the shell then sets its own handler.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run([program, *arguments], check=False).returncode  # noqa: S603 - the program we looked up
    finally:
        signal.signal(signal.SIGINT, before)


def _literals(texts: Sequence[str]) -> str:
    """A text as SQL writes it, or a list of several."""
    literals = ["'" + text.replace("'", "''") + "'" for text in texts]
    return literals[0] if len(literals) == 1 else f"[{', '.join(literals)}]"


def _quoted(path: Path) -> str:
    """A path as the shell's own commands take it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
