"""Parameters of a query: what they are bound to, what they replace, and what is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from facesql.database import connect
from facesql.errors import FacesqlError
from facesql.greeting import NOT_SOUGHT, greeting
from facesql.parameters import parse_parameters
from facesql.query import parse_format, run_query
from facesql.sources import Source, find_source, opened
from tests.conftest import Run


def answer(sql: str, *parameters: str, form: str = "csv") -> str:
    return run_query(connect(), sql, parse_format(form, None), parameters=parse_parameters(parameters)).decode()


def test_numbers_are_numbers_and_all_else_is_text() -> None:
    texts = ["a=5", "b=-0.5", "c=1e3", "d=007", "e='5'", "f=", "g=a=b", "h=1e999", "i='it''s'", "j=NaN", "k=0"]
    assert list(parse_parameters(texts).values()) == [5, -0.5, 1000.0, "007", "5", "", "a=b", "1e999", "it's", "NaN", 0]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["n"], r"'n' is no parameter; write one such as cutoff=0\.5\."),
        (["=1"], "'=1' is no parameter"),
        (["1n=1"], "'1n=1' is no parameter"),
        (["n=1", "N=2"], "The parameter 'N' is given twice"),
    ],
)
def test_what_is_no_parameter_is_refused(texts: list[str], sentence: str) -> None:
    with pytest.raises(FacesqlError, match=sentence):
        parse_parameters(texts)


def test_a_parameter_is_bound_to_its_name_in_each_statement() -> None:
    assert answer("create table t as select $n as n; select n, $Text as t from t", "n=3", "text=a'b") == "n,t\n3,a'b\n"
    assert answer("select typeof($a) as a, typeof($b) as b", "a=1", "b=x") == "a,b\nINTEGER,VARCHAR\n"


def test_a_parameter_takes_the_place_of_a_variable_that_the_query_sets() -> None:
    query = (
        "-- set variable m = 9;\n/* n */ set variable n = 1; SET VARIABLE m = 2; "
        "select getvariable('n') as n, getvariable('m') as m"
    )
    assert answer(query) == "n,m\n1,2\n"
    assert answer(query, "N=7") == "n,m\n7,2\n"
    assert answer("set variable n = 1", "n=2") == ""


def test_a_parameter_too_many_or_too_few_is_told() -> None:
    with pytest.raises(FacesqlError, match="neither has \\$x nor sets the variable 'x'"):
        answer("select 1", "x=1")
    with pytest.raises(FacesqlError, match=r"The query asks for \$b; give it with --param b=\.\.\."):
        answer("select $a, $b", "a=1")


@pytest.mark.parametrize("end", ["", ";", "; -- a;b\n", " -- end", ";;", " /* ; */ ;\n\n"])
def test_a_query_may_end_in_semicolons_and_comments(end: str) -> None:
    assert answer(f"select 'ü;--' as a{end}") == "a\nü;--\n"
    assert answer(f"select $a as a{end}", "a=1") == "a\n1\n"


def test_markdown_is_a_table_whose_cells_are_only_text() -> None:
    query = (
        "select 'a|b' as \"x|y\", '<b>&amp; *_i_* [l](u) `c` \\' as odd, 'person_01' as p, 1.5 as n, null as z, "
        "E'a\\nb\\x1b' as l"
    )
    lines = answer(query, form="markdown").splitlines()
    assert lines[0] == r"| x\|y | odd | p | n | z | l |"
    assert lines[1] == "| --- | --- | --- | ---: | --- | --- |"
    assert lines[2] == r"| a\|b | \<b\>\&amp; \*\_i\_\* \[l\](u) \`c\` \\ | person_01 | 1.5 |  | a\\nb\\x1b |"
    assert len(lines) == 3
    assert answer("select 1 as a where false", form="markdown") == "| a |\n| ---: |\n"
    assert parse_format(None, Path("x.MD")) == "markdown"


def test_stdin_is_a_file_and_parameters_come_from_the_command_line(run: Run, small_table: Path) -> None:
    command = [sys.executable, "-m", "facesql.cli", "sql", "-f", "-", "--param", "who=p1", "-o", "n.md"]
    query = "\ufeffselect count(*) as n from faces where person = $who"
    subprocess.run(command, cwd=small_table.parent, input=query.encode(), check=True)
    assert (small_table.parent / "n.md").read_text() == "| n |\n| ---: |\n| 4 |\n"
    bad = subprocess.run(command, cwd=small_table.parent, input=b"\xff", capture_output=True, check=False)
    assert bad.stderr == b"facesql: What stdin gave is not UTF-8 text; save it as UTF-8.\n"
    done = run("sql", "select 1", "--param", "x", cwd=small_table.parent, check=False)
    assert done.stderr == "facesql: 'x' is no parameter; write one such as cutoff=0.5.\n"


def test_the_greeting_breaks_its_lists_between_their_entries(run: Run, small_table: Path) -> None:
    run("analyze", "--formats", "", "--no-faces", cwd=small_table.parent)
    with opened(find_source(small_table.parent / "report")) as connection:
        whole = greeting(connection, is_report=True)
        narrow = greeting(connection, is_report=True, width=60)
    assert NOT_SOUGHT in whole
    assert narrow.replace("\n  ", " ") == whole
    entries = [line for line in narrow.splitlines() if line.startswith(("  ", "tables", "views", "functions"))]
    assert len(entries) > 6
    assert max(map(len, entries)) <= 60
    assert all(line.count("(") == line.count(")") for line in entries)


def test_the_greeting_counts_tables_and_its_example_runs(run: Run, small_table: Path) -> None:
    run("analyze", "--formats", "", cwd=small_table.parent)
    for source in (find_source(small_table.parent / "report"), Source(small_table, is_report=False)):
        with opened(source) as connection:
            told = greeting(connection, is_report=source.is_report)
            lines = dict(line.split(": ", 1) for line in told.splitlines()[1:])
            assert told.startswith("48 faces of 12 people in 48 photos\n")
            assert ("faces 48" in lines.get("tables, with their rows", "")) is source.is_report
            assert "people" in lines["views"]
            connection.execute(lines["for example"]).fetchall()
            there = {name for (name,) in connection.execute("select function_name from duckdb_functions()").fetchall()}
            assert {macro.split("(")[0] for macro in lines["functions"].split("), ")} <= there
            assert any(Path(lines["more examples, files for .read"]).glob("*.sql"))
