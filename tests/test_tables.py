"""Tables of faces in memory: every verb takes them as it takes files, and nothing of the copies is left or told of."""

import json
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import facesql
from facesql.analyze import analyze_faces
from facesql.charts import CHARTS, distribution
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.page import Show
from facesql.redraw import read_report
from facesql.tables import Opened, files_of
from tests.conftest import faces_table, plan_all, some_people


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, a new one for each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def table() -> pa.Table:
    """Sixteen people named like First_Last with four faces each."""
    people, encodings = some_people(16, 4)
    return faces_table(
        [f"{'Ann' if name < 'p2' else 'Bo'}_{'ABCDEFGHIJKLMNOP'[int(name[1:])]}x" for name in people], encodings
    )


@pytest.fixture
def file(table: pa.Table, tmp_path: Path) -> Path:
    """The same as a file."""
    path = tmp_path / "faces.parquet"
    pq.write_table(table, path)
    return path


# What each form makes of a table of Arrow.
FORMS: dict[str, Callable[[pa.Table], Any]] = {
    "polars": pl.DataFrame,
    "lazy": lambda table: pl.DataFrame(table).lazy(),
    "arrow": lambda table: table,
    "reader": lambda table: table.to_reader(),
    "duckdb": lambda table: duckdb.connect().from_arrow(table),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_what_its_file_gives(
    form: str, table: pa.Table, file: Path, tmp_path: Path, temporary: Path
) -> None:
    of_file = analyze_faces(file, tmp_path / "a", formats=[])
    of_memory = analyze_faces(FORMS[form](table), tmp_path / "b", formats=[])
    assert of_memory.table.equals(of_file.table)
    assert of_memory.summary() == of_file.summary()
    assert not list(temporary.iterdir())


def test_a_relation_is_read_on_its_own_connection(table: pa.Table, file: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create temp table only_here as from read_parquet($1)", [str(file)])
        relation = connection.sql("from only_here where person like 'Bo%'")
        assert facesql.find_pairs(relation, most=3).table.equals(
            facesql.find_pairs(pl.DataFrame(table).filter(pl.col("person").str.starts_with("Bo")), most=3).table
        )
        assert connection.sql("select count(*) from only_here").fetchall() == [(64,)]  # as it was, and open


def test_every_verb_takes_a_path_as_text_a_file_and_a_frame(table: pa.Table, file: Path, tmp_path: Path) -> None:
    frame = pl.DataFrame(table)
    pairs = tmp_path / "pairs.csv"
    ids = [f"{person}/{number}.jpg" for number, person in enumerate(table["person"].to_pylist())]
    lines = [f"{ids[row]},{ids[row + 1]},{int(row % 4 < 3)}" for row in range(60)]
    pairs.write_text("a,b,same\n" + "\n".join(lines) + "\n")
    verbs: dict[str, Callable[[Any], Any]] = {
        "plan": lambda faces: plan_all(faces, tmp_path / "none").pairs_known,
        "pairs": lambda faces: facesql.find_pairs(faces).table,
        "suspects": lambda faces: facesql.find_suspects(faces).table,
        "map": lambda faces: facesql.map_faces(faces, tmp_path / "map.csv")[0].table,
        "names": lambda faces: facesql.draw_names(faces, tmp_path / "names.csv")[0],
        "projector": lambda faces: vars(facesql.write_projector(faces, tmp_path / "projector", pictures=False)),
        "protocol": lambda faces: facesql.run_protocol(pairs, faces).folds,
        "tables": lambda faces: facesql.compare_tables(faces, file.with_name("other.parquet")).table,
    }
    pq.write_table(table, file.with_name("other.parquet"))
    for name, verb in verbs.items():
        expected = verb(file)
        for faces in (str(file), frame, table):
            found = verb(faces)
            same = found.equals(expected) if isinstance(expected, pl.DataFrame) else found == expected
            assert same, name


def test_a_frame_beside_a_file_is_one_table_with_it(table: pa.Table, file: Path, tmp_path: Path) -> None:
    other = faces_table([f"q{name}" for name in table["person"].to_pylist()], some_people(16, 4, seed=1)[1])
    pq.write_table(other, tmp_path / "other.parquet")
    both = analyze_faces([file, tmp_path / "other.parquet"], tmp_path / "a", formats=[])
    mixed = analyze_faces([file, pl.DataFrame(other)], tmp_path / "b", formats=[])
    assert mixed.table.equals(both.table)
    with duckdb.connect(str(tmp_path / "b" / "facesql.duckdb"), read_only=True) as connection:
        rows = connection.execute("select faces_file, count(*) from faces group by all order by all").fetchall()
    assert rows == [(str(file), 64), ("table 2", 64)]


def test_nothing_tells_of_the_copies(table: pa.Table, tmp_path: Path, temporary: Path) -> None:
    noted = table.replace_schema_metadata({"facesql.detector": "hog", "facesql.found": '{"photos": 7654321}'})
    analysis = analyze_faces(
        [noted, pl.DataFrame(faces_table(["z1", "z1", "z2"], some_people(1, 3)[1]))], tmp_path / "r", show=Show()
    )
    assert analysis.doubts == [
        "'table 2' does not say how it was encoded (detector), and another table does: the numbers hold only if they "
        "were encoded alike."
    ]
    written = [path for path in (tmp_path / "r").iterdir() if path.suffix in {".md", ".html", ".json", ".csv"}]
    assert len(written) > 10
    for path in written:
        assert str(temporary) not in path.read_text(), path
    notes = (tmp_path / "r" / "run.md").read_text()
    assert "`table 1` and `table 2`" in notes
    assert "7654321" not in notes.replace(",", "")  # found in photos of which the table may be a part
    with duckdb.connect(str(tmp_path / "r" / "facesql.duckdb"), read_only=True) as connection:
        assert connection.execute("select distinct faces_file from faces order by 1").fetchall() == [
            ("table 1",),
            ("table 2",),
        ]
        settings = connection.execute("select faces_file, name, value from encode_settings").fetchall()
    assert ("table 1", "detector", "hog") in settings
    assert not [row for row in settings if str(temporary) in str(row)]


def broken(table: pa.Table) -> pa.Table:
    """The table with a number that is none in its third row."""
    rows = table.to_pylist()
    rows[2]["encoding"][5] = float("nan")
    return pa.Table.from_pylist(rows, table.schema)


def test_rows_that_are_no_faces_are_refused_or_left_out_and_counted(
    table: pa.Table, tmp_path: Path, temporary: Path
) -> None:
    with pytest.raises(
        InvalidFacesError, match=r"^Row 3 \('.*/2.jpg'\) of 'the table' has a number that is not finite"
    ):
        analyze_faces(broken(table), tmp_path / "r", formats=[])
    assert not (tmp_path / "r").exists()
    analysis = analyze_faces(broken(table), tmp_path / "r", formats=[], skip_invalid=True)
    assert (analysis.faces, analysis.faces_skipped) == (63, 1)
    compared = facesql.compare_tables(table, broken(table), skip_invalid=True)
    assert (compared.a.skipped, compared.b.skipped, compared.a.left_out) == (0, 1, 1)
    assert (compared.a.file, compared.b.file) == ("table 1", "table 2")
    assert not list(temporary.iterdir())


def test_errors_name_the_table_and_leave_nothing(table: pa.Table, tmp_path: Path, temporary: Path) -> None:
    frame = pl.DataFrame(table)
    with pytest.raises(FacesqlError, match=r"^There is no person 'Nobody' in 'the table'; name one"):
        facesql.find_pairs(frame, person="Nobody")
    with pytest.raises(FacesqlError, match=r"^An encoding has 128 numbers in 'table 1' and 2 in 'table 2'"):
        analyze_faces([frame, frame.with_columns(pl.col("encoding").list.head(2))], tmp_path / "r")
    with pytest.raises(FacesqlError, match=r"^The id '.*' is in 'table 1' and in 'table 2'"):
        analyze_faces([frame, table], tmp_path / "r")
    with pytest.raises(FacesqlError, match=r"^'the table' does not say which column is the encoding"):
        facesql.find_suspects(frame.drop("encoding"))
    with pytest.raises(FacesqlError, match=r"^'the table' cannot be read; mend it"):
        facesql.find_suspects(frame.lazy().select("no such column"))
    with duckdb.connect() as connection, pytest.raises(FacesqlError, match=r"^'the table' cannot be read; mend it"):
        facesql.find_suspects(connection.sql("select 'a' as id, 'b' as person, [error('no')::double] as encoding"))
    with pytest.raises(FacesqlError, match="A dict is no table of polars, DuckDB or Arrow"):
        facesql.find_suspects({})
    assert not list(temporary.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_a_copy_is_the_owners_and_gone_afterwards(table: pa.Table) -> None:
    with files_of(table) as opened:
        [copy] = opened.files
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.parent.parent.stat().st_mode) == 0o700
        with files_of(opened) as again:
            assert again is opened
    assert not copy.exists()

    def interrupted() -> None:
        with files_of(table) as opened:
            kept.append(opened)
            raise KeyboardInterrupt

    kept: list[Opened] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not kept[0].files[0].exists()


def test_an_analysis_gives_its_charts(table: pa.Table, tmp_path: Path) -> None:
    analysis = analyze_faces(table, tmp_path / "r", formats=[])
    charts = analysis.charts()
    assert list(charts) == list(CHARTS)
    for name, chart in charts.items():
        assert isinstance(chart, alt.LayerChart)
        assert chart.to_dict() == json.loads((tmp_path / "r" / f"{name}.vl.json").read_text())
    assert distribution(read_report(tmp_path / "r")).to_dict() == charts["distribution"].to_dict()
    halves = pl.DataFrame(table).with_columns(half=pl.col("person").str.head(3))
    grouped = analyze_faces(halves, tmp_path / "r", by="half", formats=[])
    assert set(grouped.charts()) - set(charts) == {"group_fmr", "group_rates"}


def test_float64_and_arrays_of_numpy_are_kept() -> None:
    people, encodings = some_people(6, 4)
    exact = encodings.astype(np.float64) + 1e-9
    frame = pl.DataFrame({"id": range(24), "person": people, "encoding": exact})
    [closest] = facesql.find_pairs(frame, most=1).table.iter_rows(named=True)
    distances = {
        (a, b): float(np.linalg.norm(exact[a] - exact[b]))
        for a in range(24)
        for b in range(a + 1, 24)
        if people[a] != people[b]
    }
    nearest = min(distances, key=distances.__getitem__)
    assert {closest["id_a"], closest["id_b"]} == set(map(str, nearest))
    assert closest["distance"] == pytest.approx(distances[nearest], abs=1e-12)
