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
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from facesql.binning import EUCLIDEAN, Metric
from facesql.calibration import calibration, share_at
from facesql.database import connect, connect_to, load_order
from facesql.faces import name_faces
from facesql.metrics import cutoff_table
from facesql.query import run_query
from facesql.shell import shell_arguments
from facesql.sources import Source, opened, sample_faces
from tests.conftest import ROOT, Run, compare, faces_table, filled, some_people
from tests.test_calibration import of_cells, random_cells

SCRIPTS = {"load.sql": ROOT / "sql", "report/load.sql": ROOT / "sql" / "report"}
# The object of each metric; sql/load.sql has that of one.
METRICS = sorted((ROOT / "sql" / "metrics").glob("*/*.sql"))
# What stands in place of an object while groups are compared.
GROUPS = sorted((ROOT / "sql" / "groups").glob("*.sql"))
OBJECTS = [path for folder in SCRIPTS.values() for path in sorted(folder.glob("*.sql")) if path.name != "load.sql"]
# Those that the README shows; tests/test_cookbook.py has all.
EXAMPLES = [
    ROOT / "sql" / "examples" / f"{name}.sql"
    for name in ("closest_strangers", "matches_between", "nearest_people", "subset_rates", "widest_spread")
]
USUAL = ROOT / "sql" / "metrics" / "euclidean" / "face_distance.sql"
CREATE = r"^create (?:or replace )?(macro|view|table)(?: if not exists)? (\w+)"
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


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_load_script_names_every_file_beside_it_once_and_nothing_else(script: str) -> None:
    text = (ROOT / "sql" / script).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    assert all(re.fullmatch(r"\.read sql/(\w+/)*\w+\.sql", line) for line in lines)
    of_metrics = [path for path in load_order(script) if path in METRICS]
    assert of_metrics == ([USUAL] if script == "load.sql" else [])
    assert sorted({*load_order(script)} - {*of_metrics}) == [path for path in OBJECTS if path.parent == SCRIPTS[script]]
    assert len(lines) == len(load_order(script))


def header(text: str) -> str:
    """The comment that a file opens with, as one line."""
    return " ".join(line.removeprefix("--").strip() for line in text.split("\ncreate ", maxsplit=1)[0].splitlines())


def test_every_metric_has_the_same_objects() -> None:
    assert [path.relative_to(ROOT / "sql" / "metrics") for path in METRICS] == sorted(
        Path(metric) / "face_distance.sql" for metric in Metric
    )


@pytest.mark.parametrize("path", OBJECTS + METRICS + GROUPS, ids=lambda path: path.relative_to(ROOT / "sql").as_posix())
def test_a_file_creates_the_one_object_that_it_is_named_after_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    [(kind, name)] = re.findall(CREATE, text, re.MULTILINE)
    assert name == path.stem
    gives_one_value = kind == "macro" and ") as table" not in text
    assert gives_one_value or "One row" in header(text)
    purpose = re.match(rf"{name}(?:\([^)]*\))?: (.+?[^.])[.?](?: |$)", header(text))
    assert purpose, "a file opens with its object and a sentence"
    comments = re.findall(rf"^comment on (\w+)(?: table)? {name} is\s+'((?:[^']|'')+)';$", text, re.MULTILINE)
    assert comments == [(kind, purpose[1].replace("'", "''"))]


def test_every_object_of_a_report_has_a_comment(run: Run, small_table: Path) -> None:
    run("analyze", small_table.name, "--formats", "", cwd=small_table.parent)
    connection = connect_to(small_table.parent / "report" / "facesql.duckdb")
    objects = connection.execute(
        "select table_name as name, comment from duckdb_tables() union all "
        "select view_name, comment from duckdb_views() where not internal union all "
        "select function_name, comment from duckdb_functions() where not internal"
    ).fetchall()
    assert {name for name, _ in objects} == {path.stem for path in [*OBJECTS, USUAL]}
    assert [name for name, comment in objects if not comment] == []
    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where table_name = 'precision_recall'"
    )
    assert all(comment for _, comment in columns.fetchall())


def test_the_shell_loads_everything(shell: Shell) -> None:
    loaded = shell(
        "select distinct function_name from duckdb_functions() where not internal union all "
        "select view_name from duckdb_views() where not internal",
        "-init",
        "sql/load.sql",
    )
    assert set(loaded.split()) == {path.stem for path in [*OBJECTS, USUAL] if path.parent.name != "report"}
    assert shell("select count(*) from bin_totals", "-init", "sql/load.sql") == "0"


def test_the_views_follow_the_variable(shell: Shell, small_table: Path) -> None:
    other = small_table.with_name("other's.parquet")
    people, encodings = some_people(3, 2)
    pq.write_table(faces_table(people, encodings.astype(np.float64)).append_column("year", [[2020] * 6]), other)
    statements = ["from face_counts"]
    for path in (small_table, other):
        name = str(path).replace("'", "''")
        statements += [f"set variable faces = '{name}'", "from face_counts", "select max(genuine_pairs) from people"]
    statements += ["select sum(year) from faces", "select sum(pairs) from bin_totals"]
    connection = connect()
    in_python = []
    for statement in statements:
        result = connection.execute(statement)
        in_python += [] if statement.startswith("set") else [",".join(map(str, row)) for row in result.fetchall()]
    assert in_python == ["0,0,0", "48,48,12", "6", "6,6,3", "1", "12120", "15"]
    assert shell("; ".join(statements), "-init", "sql/load.sql").splitlines() == in_python


def test_the_shell_and_python_give_the_same_distance(shell: Shell, small_table: Path) -> None:
    query = "select sum(face_distance(a.encoding, b.encoding)) from faces a, faces b where a.id < b.id"
    connection = connect()
    name_faces(connection, small_table)
    [(expected,)] = connection.execute(query).fetchall()
    named = f"set variable faces = '{small_table.as_posix()}'; {query}"
    assert float(shell(named, "-init", "sql/load.sql")) == pytest.approx(expected, rel=1e-14)
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
    assert [number for (number,) in rows.fetchall()] == EUCLIDEAN.places(distances).tolist()


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
    compare(connection)
    columns = ["block_a", "block_b", "same_person", "bin"]
    engine, slow = (
        pl.DataFrame(connection.sql(query).to_arrow_table()).sort(columns)
        for query in ("from binned_counts", "from slow_binned_counts()")
    )
    assert slow["pairs"].sum() == 120 * 119 // 2
    assert_frame_equal(engine, slow, check_dtypes=False, check_exact=False, rel_tol=1e-6)
    [block_a, block_b] = engine.filter(pl.col("block_a") < pl.col("block_b")).select("block_a", "block_b").row(0)
    subset = "with subset as (from faces where person < 'p2') from slow_binned_counts(faces := 'subset')"
    pairs_of = sum(person < "p2" for person in some_people(40, 3)[0])
    assert sum(row[4] for row in connection.sql(subset).fetchall()) == pairs_of * (pairs_of - 1) // 2
    query = "from slow_binned_counts(first_block := $1, second_block := $2)"
    one = pl.DataFrame(connection.sql(query, params=[block_a, block_b]).to_arrow_table()).sort(columns)
    assert_frame_equal(one, slow.filter(block_a=block_a, block_b=block_b), check_row_order=False)


def test_the_slow_road_takes_the_photos_of_the_table_that_it_is_given(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "faces.parquet"
    people, photos = ["a", "a", "a", "b", "b"], ["1", "1", "2", "1", "1"]
    pq.write_table(faces_table(people, some_people(1, 5)[1], photos), file)
    per_class = "select same_person, sum(pairs), round(sum(person_weight), 9) from {} group by all order by all"
    statements = [
        f"set variable faces = '{file.as_posix()}'",
        per_class.format("binned_counts"),
        # As another program's table: no photo, and each row is one.
        "with subset as (select person, encoding from faces) "
        + per_class.format("slow_binned_counts(faces := 'subset')"),
        "select person, faces, genuine_pairs from people order by person",
    ]
    expected = [
        *("false,6,1.0", "true,2,1.0"),
        *("false,6,1.0", "true,4,2.0"),
        *("a,3,2", "b,2,0"),
    ]
    assert shell("; ".join(statements), "-init", "sql/load.sql").splitlines() == expected


@pytest.mark.parametrize("people", [["a", "a", "b", "b", "c"], ["a", "b", "c"], ["a", "a"], ["a"]])
def test_the_cutoff_table_in_sql_is_that_in_polars(people: list[str]) -> None:
    connection = filled(people, some_people(1, len(people))[1])
    compare(connection)
    in_sql = pl.DataFrame(connection.sql("from cutoff_rates()").to_arrow_table())
    in_polars = cutoff_table(pl.DataFrame(connection.sql("from bin_totals").to_arrow_table()))
    assert_frame_equal(in_sql, in_polars, check_exact=True)
    query = "with slow as (from slow_binned_counts()) from cutoff_rates(counts := 'slow')"
    assert_frame_equal(pl.DataFrame(connection.sql(query).to_arrow_table()), in_polars, check_exact=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_gives_the_same_in_python_and_in_the_shell(path: Path, shell: Shell) -> None:
    assert header(path.read_text()).startswith(f"{path.stem}: ")
    with opened(Source(sample_faces("lfw"), is_report=False)) as connection:
        in_python = run_query(connection, path.read_text(), "csv").decode().splitlines()
    in_shell = shell(path.read_text(), *shell_arguments(Source(sample_faces("lfw"), is_report=False)))
    assert len(in_python) > 1
    assert in_shell.splitlines() == in_python[1:]


def test_the_examples_tell_the_truth_about_four_faces() -> None:
    people, encodings = ["a", "a", "a", "b"], np.array([[0, 0], [0.3, 0.4], [0, 1.2], [0.1, 1.2]])
    answers = {}
    for path in EXAMPLES:
        connection = filled(people, encodings)
        query = path.read_text().replace("'person_1401'", "'a'").replace("'person_1525'", "'b'")
        answers[path.stem] = connection.sql(query).fetchall()
    assert answers == {
        "nearest_people": [("b", 0.1, "a/2.jpg", "b/3.jpg")],
        # Distances of a's photos: 0.5, 1.2, and the root of 0.09 + 0.64.
        "widest_spread": [("a", 3, round((0.5 + 1.2 + 0.73**0.5) / 3, 3), 1.2)],
        "subset_rates": [(0.4, 0, 0, 1.0, 0.0), (0.5, 1, 0, 1.0, 0.3333), (0.6, 1, 0, 1.0, 0.3333)],
        "matches_between": [("a/2.jpg", "b/3.jpg", 0.1)],
        "closest_strangers": [("a", "b", "a/2.jpg", "b/3.jpg", 0.1)],
    }


def test_the_spread_of_a_persons_photos_leaves_out_two_faces_of_one_photo() -> None:
    query = (ROOT / "sql" / "examples" / "widest_spread.sql").read_text()
    encodings = np.array([[0.0], [0.5], [1.5], [9.0]])
    for photos, mean, farthest in ((["1", "1", "2", "3"], (1.5 + 9 + 1 + 8.5 + 7.5) / 5, 9.0), (["1"] * 4, None, None)):
        rows = filled(["a"] * 4, encodings, photos).sql(query).fetchall()
        assert rows == ([] if mean is None else [("a", 4, mean, farthest)])


def test_photos_are_counted_by_their_column_and_never_by_the_look_of_an_id() -> None:
    people, encodings = ["a", "a", "a#2", "a#3", "b"], some_people(1, 5)[1]
    counts = [
        filled(people, encodings, photos).sql("from face_counts").fetchall()
        for photos in (None, ["x", "x", "x", None, None])
    ]
    assert counts == [[(5, 5, 4)], [(5, 3, 4)]]


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


@pytest.mark.parametrize("metric", Metric)
def test_a_report_of_any_metric_counts_the_same_in_the_shell(
    metric: Metric, shell: Shell, run: Run, small_table: Path
) -> None:
    run("analyze", small_table.name, "--metric", metric, "--formats", "", cwd=small_table.parent)
    query = (
        "select sum(a.pairs), sum(b.pairs), count(*) filter (a.pairs is distinct from b.pairs), any_value(metric) "
        "from binned_counts as a full join slow_binned_counts() as b using (block_a, block_b, same_person, bin) "
        "cross join binning"
    )
    assert shell(query, str(small_table.parent / "report" / "facesql.duckdb")) == f"1128,1128,0,{metric}"


def test_a_calibrated_distance_in_the_shell_is_that_in_python(shell: Shell, tmp_path: Path) -> None:
    database = tmp_path / "facesql.duckdb"
    table = calibration(of_cells(random_cells(0, 12, EUCLIDEAN), bins=EUCLIDEAN), EUCLIDEAN)
    with connect(database, report=True) as connection:
        connection.register("computed", table.to_arrow())
        connection.execute("insert into calibration by name from computed")
        connection.unregister("computed")
    last_of_group = table.filter(pl.col("share") > pl.col("share").shift(-1))["distance"].to_numpy()
    distances = [0.0, *last_of_group.tolist(), *np.nextafter(last_of_group, 3).tolist(), 2.5]
    assert len(distances) > 20
    # The names of the table's own columns, as those of somebody's distances.
    query = (
        "select same_person_share({0}), same_person_interval({0}).low, same_person_interval({0}).high, "
        f"same_person_interval({{0}}).bound from (select unnest([{', '.join(f'{d!r}e0' for d in distances)}]) as {{0}})"
    )
    for name in ("distance", "share", "bin"):
        in_shell = [line.split(",") for line in shell(query.format(name), str(database)).splitlines()]
        answers = [(*map(float, ends), bound == "true") for *ends, bound in in_shell]
        assert answers == [share_at(table, EUCLIDEAN, distance) for distance in distances]
        assert len({share for share, *_ in answers}) == table["share"].n_unique()


def test_a_calibrated_distance_is_null_where_there_is_none() -> None:
    connection = filled(["a", "b"], some_people(1, 2)[1])
    [answer] = connection.sql("select same_person_share(0.5), same_person_interval(0.5)").fetchall()
    assert answer == (None, None)
