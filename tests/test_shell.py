"""facesql shell: what the DuckDB shell is started with, and that it is the shell's user who is served."""

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from facesql.errors import FacesqlError, MissingPackageError
from facesql.shell import run_shell, shell_arguments
from facesql.sources import Source, find_source
from tests.conftest import Run, faces_table, some_people

# Names as hard as a system allows: quotes, spaces, and what DuckDB takes for a pattern.
HARD = 'it\'s "a" [1] $x'


@pytest.fixture
def hard_table(tmp_path: Path) -> Path:
    path = tmp_path / HARD / f"{HARD}.parquet"
    path.parent.mkdir()
    pq.write_table(faces_table(*some_people(3, 2)), path)
    return path


def ask(query: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """``facesql shell`` with something typed into it."""
    command = [sys.executable, "-m", "facesql.cli", "shell", *arguments]
    return subprocess.run(command, cwd=cwd, input=query, capture_output=True, text=True, check=False, timeout=60)


def test_the_shell_opens_a_table_with_all_sql_in_the_folder_where_one_is(hard_table: Path) -> None:
    done = ask(
        f".mode csv\nfrom face_counts;\nselect count(*) as n from '{hard_table.name.replace(chr(39), chr(39) * 2)}';\n",
        hard_table.name,
        cwd=hard_table.parent,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["faces,photos,people", "6,6,3", "n", "6"]


def test_the_shell_opens_a_report_and_changes_it_only_if_asked(run: Run, hard_table: Path) -> None:
    folder = hard_table.parent
    run("analyze", hard_table.name, "-o", HARD, "--formats", "", cwd=folder)
    done = ask(".mode csv\nselect sum(pairs) as n from binned_counts;\n", HARD, cwd=folder)
    assert (done.returncode, done.stdout.split()) == (0, ["n", "15"])
    assert "read-only" in ask("drop table summary;\n", HARD, cwd=folder).stderr
    assert ask("create table kept as select 7 as n;\n", HARD, "--write", cwd=folder).returncode == 0
    assert ask(".mode csv\nfrom kept;\n", HARD, cwd=folder).stdout.split() == ["n", "7"]


def test_without_a_shell_the_command_is_printed_and_works(hard_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hard_table.parent)
    monkeypatch.setattr("facesql.shell.find_shell", lambda: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'facesql\[shell\]'") as caught:
        run_shell(find_source(Path(hard_table.name)))
    _, command = str(caught.value).split("run: ")
    assert shlex.split(command)[0] == "duckdb"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shown = f"{command} -csv -noheader -c 'select sum(pairs) from bin_totals'"
    done = subprocess.run(
        ["/bin/sh", "-c", shown],
        cwd=hard_table.parent,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("15\n", "")


def test_what_cannot_be_opened_is_told_before_the_shell_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.parquet").write_bytes(b"no table")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("the shell was started"))
    with pytest.raises(FacesqlError, match=r"'.*x.parquet' is not a whole Parquet file"):
        run_shell(find_source(tmp_path / "x.parquet"))


def test_a_report_is_opened_read_only_and_a_table_in_memory() -> None:
    report = Source(Path("report/facesql.duckdb"), is_report=True)
    assert shell_arguments(report) == ["-readonly", str(report.file.absolute())]
    assert shell_arguments(report, write=True) == [str(report.file.absolute())]
    table = shell_arguments(Source(Path("faces.parquet"), is_report=False))
    assert [name for name in table if name.endswith(".duckdb")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_in_a_terminal_the_shell_greets_answers_and_ends(run: Run, small_table: Path) -> None:
    import pty

    run("analyze", small_table.name, "--formats", "", "--no-faces", cwd=small_table.parent)
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "facesql.cli", "shell", "report"]
    environment = {**os.environ, "TERM": "xterm", "HOME": str(small_table.parent), "COLUMNS": "100"}
    shell = subprocess.Popen(
        command, cwd=small_table.parent, env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    shown = b""

    def read(seconds: float) -> bool:
        """Read what is shown within so many seconds; a terminal tells, if asked, its cursor and its colour."""
        nonlocal shown
        if not select.select([ours], [], [], seconds)[0]:
            return False
        with contextlib.suppress(OSError):  # at its end
            part = os.read(ours, 4096)
            shown += part
            for query, answer in ((b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b]11;?", b"\x1b]11;rgb:0000/0000/0000\x1b\\")):
                os.write(ours, answer * part.count(query))
        return True

    def typed_until(text: bytes, done: Callable[[], bool]) -> None:
        """Type a line when nothing more is shown, and again if it was lost, until it has done what it is to do."""
        deadline = time.monotonic() + 90
        while not done():
            assert time.monotonic() < deadline, shown
            if not read(3):
                os.write(ours, text)

    try:
        typed_until(b"", lambda: b"48 faces of 12 people in 48 photos" in shown and b"D " in shown)
        typed_until(b"select count(*) + 1000 as faces from faces;\r", lambda: b"1048" in shown)
        typed_until(b".exit\r", lambda: shell.poll() is not None)
        assert shell.returncode == 0
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
def test_ctrl_c_is_the_shells_alone(hard_table: Path, tmp_path: Path) -> None:
    shell_itself = tmp_path / "shell.py"
    shell_itself.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)\n"
    )
    # Like the one that a package brings: a script that starts the shell, and would die of Ctrl-C before it.
    stand_in = tmp_path / "duckdb"
    stand_in.write_text(
        f"#!{sys.executable}\nimport subprocess, sys\n"
        f"sys.exit(subprocess.call([sys.executable, {str(shell_itself)!r}]))\n"
    )
    stand_in.chmod(0o755)
    program = (
        "import pathlib, sys, facesql.shell, facesql.sources\n"
        "facesql.shell.find_shell = lambda: sys.argv[1]\n"
        "sys.exit(facesql.shell.run_shell(facesql.sources.find_source(pathlib.Path(sys.argv[2]))))"
    )
    command = [sys.executable, "-c", program, str(stand_in), str(hard_table)]
    shell = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert shell.stdout is not None
    assert shell.stdout.readline() == b"ready\n"
    os.killpg(shell.pid, signal.SIGINT)  # as a terminal does
    assert shell.communicate(timeout=60) == (b"", b"")
    assert shell.returncode == 5
