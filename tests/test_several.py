"""Several tables of faces as one: equal to the same faces in one table, and refused where they do not fit together."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesql.analyze import analyze_faces
from facesql.database import connect, connect_to
from facesql.encode import encode_photos
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.faces import PREFIX, load_faces, read_metadata
from facesql.provenance import doubts, merged, refuse_mixed
from facesql.sources import DATABASE
from tests.conftest import Run, compare, faces_table, some_people
from tests.test_notes import cells
from tests.test_pairs import counted, naive_counts

MADE = {"detector": "hog", "upsample": "1", "landmarks": "small", "dlib": "20.0.1", "backend": "onnx", "faces": "match"}


def saved(path: Path, table: pa.Table, **made: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table.replace_schema_metadata({PREFIX + name: value for name, value in made.items()}), path)
    return path


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """The faces of twelve people in three tables, a person's in several, under names that are patterns."""
    whole = faces_table(*some_people(12, 4))
    names = ("a[1].parquet", "b/faces.parquet", "c*.parquet")
    return [
        saved(tmp_path / name, whole.filter(pa.array(np.arange(48) % 3 == part))) for part, name in enumerate(names)
    ]


def test_several_tables_give_the_counts_of_one(parts: list[Path], tmp_path: Path) -> None:
    people, encodings = some_people(12, 4)
    connection = connect(report=True)
    load_faces(connection, parts)
    compare(connection)
    assert counted(connection) == naive_counts(people, encodings)
    of_file = connection.execute("select faces_file, max(file_row), count(*) from faces group by all").fetchall()
    assert set(of_file) == {(str(part), 15, 16) for part in parts}

    whole = tmp_path / "whole.parquet"
    pq.write_table(faces_table(people, encodings), whole)
    one, several = (analyze_faces(faces, tmp_path / "report", formats=[]) for faces in (whole, parts))
    assert (one.tables, several.tables) == (1, 3)
    assert several.table.equals(one.table)
    assert {**several.summary(), "tables": 1} == pytest.approx(one.summary())


def test_the_command_says_how_many_and_the_notes_name_all(
    run: Run, drawn_faces: tuple[Path, object], tmp_path: Path
) -> None:
    table = pq.read_table(drawn_faces[0])
    ids = pa.array([f"more/{id_}" for id_ in table["id"].to_pylist()])
    renamed = table.set_column(0, "id", ids).set_column(3, "photo", ids).append_column("camera", pa.array(range(24)))
    made = {**read_metadata(drawn_faces[0]), "faces": "largest", "version": "9", "backend": "face_recognition"}
    saved(tmp_path / "more.parquet", renamed, **made)
    done = run("analyze", drawn_faces[0], "more.parquet", "--formats", "", cwd=tmp_path)
    assert done.stdout.startswith("48 faces of 8 people in 2 tables: 120 pairs of one person (genuine), 1,008 of two")
    assert "facesql:" not in done.stderr
    notes = (tmp_path / "report" / "run.md").read_text()
    assert f"compared the faces of `{drawn_faces[0]}` and `more.parquet` on" in notes
    assert "What was found is the sum of all tables: who is in two of them counts twice there." in notes
    assert "How long encoding took is not noted beside `more.parquet`." in notes
    told = cells(tmp_path / "report" / "run.md")
    assert told["photos found"] == ["48"]
    assert told["encode: faces"] == [f"match ({drawn_faces[0]}), largest (more.parquet)"]
    assert told["encode: detector"] == ["hog"]
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["tables"] == 2
    cameras = "select count(*), count(camera), count(distinct box) from faces where faces_file <> 'more.parquet'"
    connection = connect_to(tmp_path / "report" / DATABASE)
    assert connection.execute(cameras).fetchone()[:2] == (24, 0)  # type: ignore[index]
    connection.close()


def test_tables_that_were_encoded_differently_are_refused_by_the_difference() -> None:
    a, b, c = Path("a.parquet"), Path("b.parquet"), Path("c.parquet")
    other = {**MADE, "upsample": "2", "dlib": "19.24"}
    with pytest.raises(
        FacesqlError, match=r"'a.parquet' and 'c.parquet' .*\(upsample 1, and 2; dlib 20.0.1, and 19.24\)"
    ):
        refuse_mixed({a: MADE, b: MADE, c: other})
    without = {name: value for name, value in MADE.items() if name != "upsample"}
    with pytest.raises(
        FacesqlError, match=r"'b.parquet' and 'c.parquet' were encoded differently \(upsample 1, and 2\)"
    ):
        refuse_mixed({a: without, b: MADE, c: {**MADE, "upsample": "2"}})
    same = {**MADE, "backend": "face_recognition", "faces": "all", "version": "9", "numpy": "3", "onnxruntime": "9"}
    refuse_mixed({a: MADE, b: same, c: {}})
    assert doubts({a: MADE, b: same}) == []
    assert doubts({a: {}, b: {"faces": "all"}}) == []
    assert merged({a: MADE, b: same, c: MADE})["backend"] == "onnx (a.parquet, c.parquet), face_recognition (b.parquet)"


def test_a_table_that_does_not_say_how_it_was_made_is_doubted_on_stderr(run: Run, parts: list[Path]) -> None:
    saved(parts[0], pq.read_table(parts[0]), **MADE)
    done = run("analyze", *parts[:2], "--formats", "", cwd=parts[0].parent)
    doubt = (
        f"'{parts[1]}' does not say how it was encoded (detector, upsample, landmarks, dlib), and another table does"
    )
    assert f"facesql: {doubt}" in done.stderr
    assert doubt in (parts[0].parent / "report" / "run.md").read_text()
    assert "does not say" not in run("analyze", *parts[1:], "--formats", "", cwd=parts[0].parent).stderr


def test_numbers_in_place_of_names_are_not_mixed_with_anything(drawn: Path, tmp_path: Path) -> None:
    first, second, named = (tmp_path / f"{name}.parquet" for name in ("first", "second", "named"))
    encode_photos(drawn, first, pseudonyms=7)
    encode_photos(drawn, named)
    assert read_metadata(first)["pseudonyms"] == "yes"
    assert "7" not in read_metadata(first).values()
    assert "pseudonyms" not in read_metadata(named)
    second.write_bytes(first.read_bytes())
    for files in ([first, second], [named, first], [first, named]):
        with pytest.raises(
            FacesqlError, match=r"'.*first.parquet' has numbers in place of names, which name other people"
        ):
            analyze_faces(files, tmp_path / "report", formats=[])
    assert analyze_faces(first, tmp_path / "report", formats=[]).people == 8
    assert "| encode: pseudonyms | `yes` |" in (tmp_path / "report" / "run.md").read_text()


TWO = pa.array([[0.5, 0.5], [0.25, 0.25]], pa.list_(pa.float32()))


def table_of(ids: list[str | None], encodings: pa.Array = TWO, **columns: pa.Array) -> pa.Table:
    return pa.table({"id": ids, "person": ["ann"] * len(ids), "encoding": encodings, **columns})


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (table_of(["c", "a"]), "The id 'a' is in '.*x.parquet' and in '.*y.parquet': one photo twice"),
        (table_of(["c", "d"], photo=["other", "p"]), "The photo 'p' is in '.*x.parquet' and in '.*y.parquet'"),
        (table_of(["c", "d"], pa.array([[1.0], [2.0]])), "has 2 numbers in '.*x.parquet' and 1 in '.*y.parquet'"),
        (table_of(["c", "d"], photo=[1, 2]), "column photo is VARCHAR in '.*x.parquet' and BIGINT in '.*y.parquet'"),
        (table_of(["c", "d"], Photo=[1, 2]), "column Photo is VARCHAR in '.*x.parquet' and BIGINT in '.*y.parquet'"),
        (table_of(["c", "d"], pa.array([[1, 2], [3, 4]])), r"column encoding is FLOAT\[\] in .* and BIGINT\[\] in"),
        (table_of(["c", "d"], faces_file=["u", "v"]), "'.*y.parquet' has a column faces_file, a name that facesql"),
        (table_of(["c", "d"]).slice(0, 0), "'.*y.parquet' holds no faces: no photo gave a row; 'y.photos.parquet'"),
        (None, "'.*x.parquet' and '.*y.parquet' are one file; name each table once"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(tmp_path: Path, second: pa.Table | None, sentence: str) -> None:
    x, y = saved(tmp_path / "x.parquet", table_of(["a", "b"], photo=["p", "q"])), tmp_path / "y.parquet"
    if second is None:
        y.symlink_to(x)
    else:
        saved(y, second)
    with pytest.raises(FacesqlError, match=sentence):
        load_faces(connect(report=True), [x, y])


def test_the_photo_of_two_people_may_be_in_two_tables(tmp_path: Path) -> None:
    x = saved(tmp_path / "x.parquet", table_of(["a", "b"], photo=["p", "q"]))
    other = table_of(["c", "d"], photo=["p", "r"]).set_column(1, "person", pa.array(["bob", "bob"]))
    connection = connect(report=True)
    load_faces(connection, [x, saved(tmp_path / "y.parquet", other)])
    assert connection.execute("from face_counts").fetchall() == [(4, 3, 2)]


def test_invalid_rows_are_told_with_their_file_and_only_they_go(tmp_path: Path) -> None:
    broken = pa.array([[0.5, 0.5], None, [float("nan"), 1.0]], pa.list_(pa.float64()))
    x = saved(tmp_path / "x.parquet", table_of(["a", "b"]))
    y = saved(tmp_path / "y.parquet", table_of(["c", None, "d"], broken))
    with pytest.raises(InvalidFacesError) as error:
        load_faces(connect(report=True), [x, y])
    told = f"2 of the faces in '{x}', '{y}' cannot be compared (row 1 of '{y}' has no id; 'd' of '{y}' has a number"
    assert str(error.value).startswith(told)
    connection = connect(report=True)
    assert load_faces(connection, [x, y], skip_invalid=True) == 2
    left = "select id, file_row, typeof(encoding) from faces order by id"
    assert connection.execute(left).fetchall() == [("a", 0, "DOUBLE[]"), ("b", 1, "DOUBLE[]"), ("c", 0, "DOUBLE[]")]
    all_broken = saved(tmp_path / "z.parquet", table_of(["e"], pa.array([None], pa.list_(pa.float32()))))
    with pytest.raises(FacesqlError, match=r"z.parquet' holds no faces: its rows are all invalid"):
        load_faces(connect(report=True), [x, all_broken], skip_invalid=True)


def test_near_faces_of_several_tables_are_left_out_in_the_order_of_the_files(run: Run, tmp_path: Path) -> None:
    points = [[0.0], [5.0], [0.05]], [[5.05], [9.0], [9.01], [0.01]]
    people = ["ann", "bob", "ann"], ["cyd", "eve", "eve", "ann"]
    photos = ["1", "2", "3"], ["4", "5", "5", "6"]
    for name, ids, part in (("x", "abc", 0), ("y", "defg", 1)):
        table = table_of(list(ids), pa.array(points[part]), photo=photos[part])
        saved(tmp_path / f"{name}.parquet", table.set_column(1, "person", pa.array(people[part])))
    # c and g repeat a; b and d bear two names; e and f are in one photo.
    command = ("analyze", "y.parquet", "x.parquet", "--formats", "")
    told = run(*command, cwd=tmp_path).stdout
    assert told.startswith("7 faces of 4 people in 2 tables: 3 pairs of one person")
    assert (
        "3 pairs of one person and 1 of two are at a distance of at most 0.1: one picture twice inflates recall" in told
    )
    done = run(*command, "--drop-duplicates", cwd=tmp_path)
    assert done.stdout.startswith("3 faces of 2 people in 2 tables, 4 nearly the same left out: 0 pairs of one person")
    connection = connect_to(tmp_path / "report" / DATABASE)
    assert connection.execute("select id from faces order by id").fetchall() == [("e",), ("f",), ("g",)]
    assert connection.execute("select faces, duplicates_dropped from summary").fetchall() == [(3, 4)]
    connection.close()
    notes = cells(tmp_path / "report" / "run.md")
    assert notes["faces left out as nearly the same picture"] == ["4"]
    assert notes["analyze: drop duplicates"] == ["yes"]
    assert len(pq.read_table(tmp_path / "x.parquet")) == 3


def test_where_every_face_repeats_anothers_nothing_is_left_to_compare(tmp_path: Path) -> None:
    table = table_of(["a", "b"], pa.array([[0.0], [0.0]])).set_column(1, "person", pa.array(["ann", "bob"]))
    with pytest.raises(FacesqlError, match="Every face is nearly the same picture as another person's"):
        analyze_faces(saved(tmp_path / "x.parquet", table), tmp_path / "report", formats=[], drop_duplicates=True)
    assert not (tmp_path / "report").exists()
