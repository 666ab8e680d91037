"""facesql sql: what is asked, in which form it is answered, and what it cannot change."""

import io
import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from facesql.database import connect
from facesql.errors import FacesqlError
from facesql.query import parse_format, run_query
from facesql.sources import find_source, opened
from tests.conftest import Run, faces_table, some_people

ODD = "select 'a\x1b[31m\nb' as name, 0.5::float as number, null as nothing, [1, null] as list, 'nan'::double as nan"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """The folder of an analysis of twelve people with four made-up encodings each."""
    folder = tmp_path_factory.mktemp("query")
    pq.write_table(faces_table(*some_people(12, 4)), folder / "faces.parquet")
    run("analyze", "--formats", "", cwd=folder)
    return folder / "report"


def test_a_table_is_one_that_a_person_reads_and_cannot_steer_the_terminal() -> None:
    shown = run_query(connect(), ODD, "table").decode()
    assert "name" in shown
    assert "\\e[31m\\nb" in shown
    assert "\x1b" not in shown


def test_csv_json_and_parquet_hold_the_same_rows() -> None:
    query = "select range as number, 'x' || range as name, [range, 1] as list from range(3000)"
    expected = [{"number": n, "name": f"x{n}", "list": [n, 1]} for n in range(3000)]
    assert json.loads(run_query(connect(), query, "json")) == expected
    assert pl.read_parquet(io.BytesIO(run_query(connect(), query, "parquet"))).to_dicts() == expected
    csv = pl.read_csv(io.BytesIO(run_query(connect(), query, "csv")))
    assert csv.to_dicts() == [{**row, "list": str(row["list"])} for row in expected]


def test_json_is_strict() -> None:
    text = run_query(connect(), ODD, "json").decode()
    [row] = json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
    assert row["name"] == "a\x1b[31m\nb"
    assert row["nothing"] is row["nan"] is None
    assert run_query(connect(), "select 1 as a where false", "json") == b"[\n\n]\n"


def test_of_several_statements_the_last_is_answered() -> None:
    assert run_query(connect(), "set variable n = 3; select getvariable('n') as n", "csv") == b"n\n3\n"
    assert run_query(connect(), "-- nothing", "csv") == b""


@pytest.mark.parametrize(
    ("text", "output", "expected"),
    [
        (None, None, "table"),
        (None, "x.csv", "csv"),
        (None, "x.PARQUET", "parquet"),
        (None, "x.txt", "table"),
        ("json", "x.csv", "json"),
    ],
)
def test_the_format_is_the_named_one_or_that_of_the_file(text: str | None, output: str | None, expected: str) -> None:
    assert parse_format(text, Path(output) if output else None) == expected


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(FacesqlError, match=r"'xml' is no format; choose from table,csv,json,parquet\."):
        parse_format("xml", None)


def test_a_query_that_cannot_run_is_told_in_one_sentence_that_helps(run: Run, report: Path) -> None:
    done = run("sql", "from fces", "--from", report, cwd=report, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "fces does not exist! Did you mean" in done.stderr


def test_a_report_is_read_only_unless_asked(run: Run, report: Path) -> None:
    change = ("sql", "create table kept as select 1 as a", "--from", report)
    done = run(*change, cwd=report, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "facesql: The query would change the report; pass --write to let it.\n",
    )
    run(*change, "--write", cwd=report)
    assert run("sql", "from kept", "--from", report, "--format", "csv", cwd=report).stdout == "a\n1\n"
    run("sql", "drop table kept", "--from", report, "--write", cwd=report)


def test_a_file_of_sql_and_an_output_that_its_owner_alone_can_read(run: Run, report: Path, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("select count(*) as n from faces", encoding="utf-8-sig")
    done = run("sql", "-f", "q.sql", "--from", report, "-o", "n.csv", cwd=tmp_path)
    assert done.stdout == ""
    assert (tmp_path / "n.csv").read_text() == "n\n48\n"
    assert stat.S_IMODE((tmp_path / "n.csv").stat().st_mode) == 0o600
    both = run("sql", "select 1", "-f", "q.sql", cwd=tmp_path, check=False)
    assert both.returncode == 2
    assert "either a query or --file" in both.stderr
    missing = run("sql", "-f", "none.sql", cwd=tmp_path, check=False)
    assert missing.stderr == "facesql: Cannot read 'none.sql' (No such file or directory); check its name.\n"


def test_whoever_stops_reading_is_no_error(report: Path) -> None:
    command = [sys.executable, "-m", "facesql.cli", "sql", "from range(1000000)", "--from", str(report), "--format"]
    asked = subprocess.Popen([*command, "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert asked.stdout is not None
    assert asked.stderr is not None
    assert asked.stdout.readline() == b"range\n"
    asked.stdout.close()
    assert asked.stderr.read() == b""
    asked.stderr.close()
    assert asked.wait() == 1


def test_what_lies_here_is_asked_by_default(run: Run, report: Path, tmp_path: Path) -> None:
    query = ("sql", "from face_counts", "--format", "csv")
    assert run(*query, cwd=report.parent).stdout == "faces,photos,people\n48,48,12\n"
    pq.write_table(faces_table(*some_people(3, 1)), tmp_path / "faces.parquet")
    assert run(*query, cwd=tmp_path).stdout == "faces,photos,people\n3,3,3\n"
    (tmp_path / "faces.parquet").unlink()
    nothing = run(*query, cwd=tmp_path, check=False)
    assert "There is no 'report' and no 'faces.parquet' here" in nothing.stderr
    assert nothing.stderr.count("\n") == 1


def test_a_source_is_a_report_its_database_or_a_parquet_file(report: Path) -> None:
    database = report / "facesql.duckdb"
    for named in (report, database):
        source = find_source(named)
        assert (source.file, source.is_report) == (database, True)
    assert not find_source(report.parent / "faces.parquet").is_report


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nowhere", None, "'nowhere' does not exist"),
        ("folder/x", b"", "'folder' holds no facesql.duckdb; make it with: facesql analyze -o 'folder'"),
        ("x.duckdb", b"no database", "'x.duckdb' cannot be opened"),
        ("x.parquet", b"no table", "'x.parquet' is not a whole Parquet file"),
    ],
)
def test_a_source_that_cannot_be_used_is_told_in_one_sentence(
    name: str, content: bytes | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    with pytest.raises(FacesqlError) as caught, opened(find_source(Path(Path(name).parts[0]))):
        pass
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_an_interrupted_query_ends_at_once(report: Path) -> None:
    command = [sys.executable, "-m", "facesql.cli", "sql", "select sum(a.range * b.range % 7) from range(1000000) a"]
    command[-1] += ", range(1000000) b"
    asked = subprocess.Popen([*command, "--from", str(report)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(3)
    asked.send_signal(signal.SIGINT)
    _, told = asked.communicate(timeout=20)
    assert asked.returncode == 130
    assert told == b"facesql: stopped; nothing is half-written\n"
