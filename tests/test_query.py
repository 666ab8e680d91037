"""facesql sql: what is asked, in which form it is answered, and what it cannot change."""

import io
import json
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil
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
    assert "\\u202e" in run_query(connect(), "select 'a' || chr(8238) as name", "table").decode()


def test_a_table_has_all_rows_where_there_is_no_terminal_and_few_where_there_is() -> None:
    query = "select range as n from range(3000)"
    assert len(run_query(connect(), query, "table").splitlines()) >= 3000
    assert len(run_query(connect(), query, "table", width=80).splitlines()) < 100


def test_values_are_those_of_the_shell() -> None:
    query = "select '101'::bit as b, '10:00:00+02'::timetz as t, 1.23456789012345678901::decimal(38,20) as d"
    assert run_query(connect(), query, "csv") == b"b,t,d\n101,10:00:00+02,1.23456789012345678901\n"
    assert b'"d":1.23456789012345678901' in run_query(connect(), query, "json")


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
    assert json.loads(run_query(connect(), "select 1 as a where false", "json")) == []
    strings = run_query(connect(), "select 'NaN, \"-Infinity\\' as s, '-inf'::double as i", "json")
    assert json.loads(strings) == [{"s": 'NaN, "-Infinity\\', "i": None}]


def test_of_several_statements_the_last_is_answered() -> None:
    assert run_query(connect(), "set variable n = 3; select getvariable('n') as n", "csv") == b"n\n3\n"
    assert run_query(connect(), "-- nothing", "csv") == run_query(connect(), "set variable n = 1", "csv") == b""


@pytest.mark.parametrize(
    ("text", "output", "expected"),
    [
        (None, None, "table"),
        (None, "x.csv", "csv"),
        (None, "x.PARQUET", "parquet"),
        ("table", "x.txt", "table"),
        ("json", "x.csv", "json"),
    ],
)
def test_the_format_is_the_named_one_or_that_of_the_file(text: str | None, output: str | None, expected: str) -> None:
    assert parse_format(text, Path(output) if output else None) == expected


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(FacesqlError, match=r"'xml' is no format; choose from table,csv,json,markdown,parquet\."):
        parse_format("xml", None)
    for name in ("people.tsv", "people", "people.table"):
        with pytest.raises(
            FacesqlError, match=r"ends in no format; end it in \.csv, \.json, \.md or \.parquet, or pass"
        ):
            parse_format(None, Path(name))


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


def test_only_what_duckdb_calls_so_is_read_only(run: Run, report: Path) -> None:
    done = run("sql", "select error('this is read-only data')", "--from", report, cwd=report, check=False)
    assert "this is read-only data" in done.stderr
    table = run("sql", "select 1", "--from", report.parent / "faces.parquet", "--write", cwd=report, check=False)
    assert "is no report: --write lets SQL change the database of a report" in table.stderr


def test_a_query_about_interruptions_is_none(run: Run, report: Path) -> None:
    done = run("sql", "select * from interrupted", "--from", report, cwd=report, check=False)
    assert done.returncode == 1
    assert "Table with name interrupted does not exist" in done.stderr


def test_an_error_cannot_steer_the_terminal(run: Run, report: Path) -> None:
    done = run("sql", "select (E'\\x1b[31m')::int", "--from", report, cwd=report, check=False)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "\\x1b[31m" in done.stderr


def test_faces_that_analyze_would_refuse_are_told_of(run: Run, tmp_path: Path) -> None:
    people, encodings = some_people(2, 2)
    table = faces_table(people, encodings)
    pq.write_table(table.set_column(0, "id", [["same"] * 4]), tmp_path / "faces.parquet")
    done = run("sql", "select sum(pairs) as pairs from bin_totals", "--format", "csv", cwd=tmp_path)
    assert done.stdout == "pairs\n6\n"
    assert done.stderr == (
        "facesql: Some faces cannot be compared, such as 'same', which has the id of an earlier row; "
        "what is counted of them may be wrong.\n"
    )


def test_nothing_that_exists_is_replaced_unless_asked(run: Run, report: Path, tmp_path: Path) -> None:
    pq.write_table(faces_table(*some_people(2, 2)), tmp_path / "faces.parquet")
    (tmp_path / "n.csv").write_text("mine")
    before = (tmp_path / "faces.parquet").read_bytes()
    query = ("sql", "select count(*) as n from faces")
    done = run(*query, "-o", "n.csv", cwd=tmp_path, check=False)
    assert done.stderr == "facesql: 'n.csv' exists; pass --overwrite to replace it, or name another file with -o.\n"
    itself = run(*query, "-o", "faces.parquet", "--overwrite", cwd=tmp_path, check=False)
    assert itself.stderr == "facesql: 'faces.parquet' is what the query asks; name another file with -o.\n"
    assert (tmp_path / "faces.parquet").read_bytes() == before
    run("sql", "set variable n = 1", "-o", "nothing.csv", cwd=tmp_path)
    assert not (tmp_path / "nothing.csv").exists()
    run(*query, "-o", "n.csv", "--overwrite", cwd=tmp_path)
    assert (tmp_path / "n.csv").read_text() == "n\n4\n"
    database = report / "facesql.duckdb"
    done = run(*query, "--from", report, "--format", "csv", "-o", database, "--overwrite", cwd=tmp_path, check=False)
    assert "is what the query asks" in done.stderr


def test_what_duckdb_writes_on_its_own_is_for_the_owner_alone_and_not_beside_the_data(
    run: Run, report: Path, tmp_path: Path
) -> None:
    run("sql", "copy (select 1) to 'copied.csv'", "--from", report, cwd=tmp_path)
    assert stat.S_IMODE((tmp_path / "copied.csv").stat().st_mode) == 0o600
    folders = set()
    for source in (find_source(report), find_source(report.parent / "faces.parquet")):
        with opened(source) as connection:
            [(folder,)] = connection.execute("select current_setting('temp_directory')").fetchall()
        folders.add(folder)
        assert Path(folder).parent == Path(tempfile.gettempdir())
    assert len(folders) == 2


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
    (tmp_path / "report").mkdir()  # which no analysis has made
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


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "query",
    ["select sum(a.range * b.range % 7) from range(1000000) a, range(1000000) b", "from bin_totals"],
    ids=["a cross join", "the slow road"],
)
def test_an_interrupted_query_ends_at_once(sent: signal.Signals, code: int, query: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "facesql.cli", "sql", query, "--sample", "lfw"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        try:
            at_work = psutil.Process(asked.pid)
            while asked.poll() is None and at_work.cpu_times().user < 5:  # which no start takes: the query runs
                time.sleep(0.1)
            asked.send_signal(sent)
            _, told = asked.communicate(timeout=60)
        finally:
            asked.kill()
    assert asked.returncode == code
    assert told in (b"", b"facesql: stopped; nothing is half-written\n")
