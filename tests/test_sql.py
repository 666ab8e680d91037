"""sql/ in Python and in the DuckDB shell, and the same numbers from both."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from facesql.database import connect, load_order
from facesql.distance import distance_bins
from facesql.metrics import cutoff_table
from facesql.pairs import count_pairs
from tests.conftest import ROOT, Run, filled, some_people

SQL = sorted((ROOT / "sql").glob("*.sql"))
Shell = Callable[..., str]


@pytest.fixture
def shell() -> Shell:
    """Run SQL in the DuckDB shell from the project's root; returns what it prints as CSV."""

    def run_shell(sql: str, *arguments: str) -> str:
        duckdb = shutil.which("duckdb", path=str(Path(sys.executable).parent)) or shutil.which("duckdb")
        assert duckdb, "the development group brings the DuckDB shell"
        command = [duckdb, *arguments, "-csv", "-noheader", "-c", sql]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "Error" not in done.stderr
        return done.stdout.strip()

    return run_shell


def test_load_sql_names_every_file_once_and_nothing_else() -> None:
    text = (ROOT / "sql" / "load.sql").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    assert all(re.fullmatch(r"\.read sql/\w+\.sql", line) for line in lines)
    assert sorted(load_order()) == [path for path in SQL if path.name != "load.sql"]
    assert len(lines) == len(load_order())


@pytest.mark.parametrize("path", [path for path in SQL if path.name != "load.sql"], ids=lambda path: path.stem)
def test_a_file_is_named_after_the_one_object_it_creates_and_opens_with_its_purpose(path: Path) -> None:
    text = path.read_text()
    created = re.findall(r"^create (?:or replace )?(?:macro|view|table)(?: if not exists)? (\w+)", text, re.MULTILINE)
    assert created == [path.stem]
    comment = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    assert comment.startswith(f"-- {path.stem}")
    gives_one_value = "\ncreate or replace macro" in text and ") as table" not in text
    assert gives_one_value or "One row" in comment


def test_the_shell_loads_everything(shell: Shell) -> None:
    loaded = shell("select distinct function_name from duckdb_functions() where not internal", "-init", "sql/load.sql")
    macros = {path.stem for path in SQL if "\ncreate or replace macro" in path.read_text()}
    assert set(loaded.split()) == macros
    assert shell("select count(*) from bin_totals", "-init", "sql/load.sql") == "0"


def test_the_shell_and_python_give_the_same_distance(shell: Shell, small_table: Path) -> None:
    query = (
        f"create or replace table faces as from read_faces('{small_table.as_posix()}'); "
        "select sum(face_distance(a.encoding, b.encoding)) from faces a, faces b where a.id < b.id"
    )
    connection = connect()
    connection.execute("create or replace table faces as from read_faces($1)", [str(small_table)])
    [(expected,)] = connection.execute(query.split(";")[1]).fetchall()
    assert float(shell(query, "-init", "sql/load.sql")) == pytest.approx(expected, rel=1e-14)
    _, encodings = some_people(12, 4)
    wide = encodings.astype(np.float64)
    first, second = np.triu_indices(48, 1)
    assert expected == pytest.approx(np.linalg.norm(wide[first] - wide[second], axis=1).sum(), rel=1e-14)


def test_face_distance_is_taken_in_float64() -> None:
    a, b = (np.array([0.1, 0.7], np.float32), np.array([0.3, 0.2], np.float32))
    [(distance,)] = (
        connect().execute("select face_distance($1::float[], $2::float[])", [a.tolist(), b.tolist()]).fetchall()
    )
    assert distance == float(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64)))


def test_distance_bin_is_that_of_the_kernel() -> None:
    edges = np.arange(2001) / 1000
    distances = np.unique(np.concatenate([edges, np.nextafter(edges, 3), np.nextafter(edges[1:], 0), [2.5, 9.0]]))
    rows = connect().execute("select distance_bin(d) from (select unnest($1::double[]) as d)", [distances.tolist()])
    assert [number for (number,) in rows.fetchall()] == distance_bins(distances).tolist()


def test_bin_cutoff_is_the_upper_edge() -> None:
    rows = connect().execute("select bin_cutoff(k) from range(2002) as bins(k)").fetchall()
    assert [cutoff for (cutoff,) in rows] == [*(k / 1000 for k in range(2001)), None]


def test_person_block_is_a_stable_hash() -> None:
    people = ["Ann", "Bob", "José", "王", ""]
    rows = connect().execute("select person_block(p) from (select unnest($1::varchar[]) as p)", [people]).fetchall()
    # The lower half of the md5 sum's sixteen bytes, as a little-endian number.
    expected = [int.from_bytes(hashlib.md5(p.encode()).digest()[8:], "little") % 64 for p in people]  # noqa: S324
    assert [block for (block,) in rows] == expected


def test_the_slow_road_gives_the_counts_of_the_engine() -> None:
    connection = filled(*some_people(40, 3))
    count_pairs(connection)
    columns = ["block_a", "block_b", "same_person", "bin"]
    engine, slow = (
        pl.DataFrame(connection.sql(query).to_arrow_table()).sort(columns)
        for query in ("from binned_counts", "from slow_binned_counts()")
    )
    assert slow["pairs"].sum() == 120 * 119 // 2
    assert_frame_equal(engine, slow, check_dtypes=False, check_exact=False, rel_tol=1e-12)
    [block_a, block_b] = engine.filter(pl.col("block_a") < pl.col("block_b")).select("block_a", "block_b").row(0)
    query = "from slow_binned_counts(first_block := $1, second_block := $2)"
    one = pl.DataFrame(connection.sql(query, params=[block_a, block_b]).to_arrow_table()).sort(columns)
    assert_frame_equal(one, slow.filter(block_a=block_a, block_b=block_b), check_row_order=False)


@pytest.mark.parametrize("people", [["a", "a", "b", "b", "c"], ["a", "b", "c"], ["a", "a"], ["a"]])
def test_the_cutoff_table_in_sql_is_that_in_polars(people: list[str]) -> None:
    connection = filled(people, some_people(1, len(people))[1])
    count_pairs(connection)
    in_sql = pl.DataFrame(connection.sql("from cutoff_rates()").to_arrow_table())
    in_polars = cutoff_table(pl.DataFrame(connection.sql("from bin_totals").to_arrow_table()))
    assert_frame_equal(in_sql, in_polars, check_exact=True)


def test_python_variables_are_invisible_to_sql() -> None:
    numbers = [1, 2]  # noqa: F841 - the point of the test
    with pytest.raises(Exception, match="numbers does not exist"):
        connect().execute("from numbers")


def test_the_report_opens_in_the_shell_with_all_its_tables(shell: Shell, run: Run, small_table: Path) -> None:
    run("analyze", small_table.name, "--formats", "", cwd=small_table.parent)
    database = str(small_table.parent / "report" / "facesql.duckdb")
    tables = shell(
        "select table_name from duckdb_tables() union all select view_name from duckdb_views() where not internal",
        database,
    )
    assert {"faces", "binned_counts", "precision_recall", "summary"} <= set(tables.split())
    assert shell("select sum(pairs), sum(pairs) filter (same_person) from binned_counts", database) == "1128,72"
    in_shell = shell("select genuine_matched, impostor_matched from precision_recall where bin = 600", database)
    counted = shell(
        "select sum(pairs) filter (same_person), coalesce(sum(pairs) filter (not same_person), 0) "
        "from binned_counts where bin <= 600",
        database,
    )
    assert in_shell == counted
    assert shell("select count(*) from faces where face_distance(encoding, encoding) = 0", database) == "48"
    assert shell("select tags['storage_version'] from duckdb_databases() where not internal", database).startswith(
        "v1.2"
    )
