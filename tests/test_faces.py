"""Opening any table of encodings, and refusing rows that cannot be compared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesql.database import connect
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.faces import load_faces
from tests.conftest import compare, faces_table, some_people
from tests.test_pairs import counted, naive_counts


def written(path: Path, encodings: pa.Array, **columns: object) -> Path:
    size = len(encodings)
    table = {"id": [f"{n}.jpg" for n in range(size)], "person": ["ann"] * size, "encoding": encodings, **columns}
    pq.write_table(pa.table({name: column for name, column in table.items() if column is not None}), path)
    return path


NUMBERS = [[0.5] * 128, [0.25] * 128, [0.125] * 128]


@pytest.mark.parametrize("number", [pa.float32(), pa.float64(), pa.float16(), pa.int32()])
@pytest.mark.parametrize("kind", [pa.list_, pa.large_list, lambda number: pa.list_(number, 128)])
def test_every_kind_of_list_of_numbers_is_accepted(tmp_path: Path, number: pa.DataType, kind: object) -> None:
    assert callable(kind)
    integers = pa.types.is_integer(number)
    rows = [[int(8 * value) for value in row] for row in NUMBERS] if integers else NUMBERS
    path = written(tmp_path / "f.parquet", pa.array(rows, kind(number)))
    connection = connect(report=True)
    assert load_faces(connection, path) == 0
    compare(connection)
    assert counted(connection) == naive_counts(["ann"] * 3, np.array(rows, np.float64))


def test_float64_is_not_rounded_to_float32(tmp_path: Path) -> None:
    encodings = np.zeros((2, 4))
    encodings[1, 0] = 0.6  # in float32 this is more than 0.6
    path = written(tmp_path / "f.parquet", pa.array(list(encodings)))
    connection = connect(report=True)
    load_faces(connection, path)
    compare(connection)
    assert counted(connection) == {(True, 600): 1}


BROKEN = {
    "127 values": ([0.5] * 127, "has 127 numbers where others have 128"),
    "a NULL element": ([None, *[0.5] * 127], "has a NULL among its numbers"),
    "an empty list": ([], "has an empty encoding"),
    "a NULL list": (None, "has no encoding"),
    "a NaN": ([float("nan"), *[0.5] * 127], "has a number that is not finite"),
    "an infinity": ([float("-inf"), float("inf"), *[0.5] * 126], "has a number that is not finite"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_row_that_cannot_be_compared_is_named_or_left_out_and_counted(tmp_path: Path, fault: str) -> None:
    row, reason = BROKEN[fault]
    path = written(tmp_path / "f.parquet", pa.array([*NUMBERS, row], pa.list_(pa.float32())))
    with pytest.raises(InvalidFacesError, match=rf"1 of the faces .*'3\.jpg' {reason}.*--skip-invalid"):
        load_faces(connect(), path)
    connection = connect(report=True)
    assert load_faces(connection, path, skip_invalid=True) == 1
    compare(connection)
    assert sum(counted(connection).values()) == 3


def test_rows_without_id_or_person_and_ids_that_stand_twice_are_refused(tmp_path: Path) -> None:
    encodings = pa.array([[0.5], [0.25], [0.1], [0.2], [0.3]], pa.list_(pa.float32()))
    columns = {"id": ["a", "a", None, "d", "e"], "person": ["x", "x", "y", None, ""]}
    path = written(tmp_path / "f.parquet", encodings, **columns)
    with pytest.raises(InvalidFacesError) as error:
        load_faces(connect(), path)
    for part in (
        "4 of the faces",
        "'a' has the id of an earlier row",
        "row 2 has no id",
        "'d' has no person",
        "'e' has",
    ):
        assert part in str(error.value)


def test_many_invalid_rows_are_counted_and_some_named(tmp_path: Path) -> None:
    rows = [*NUMBERS, *([[1.0]] * 2), *([None] * 7)]
    path = written(tmp_path / "f.parquet", pa.array(rows, pa.list_(pa.float32())))
    with pytest.raises(InvalidFacesError, match=r"9 of the faces.* and 4 more\)"):
        load_faces(connect(), path)


def test_a_name_that_would_steer_a_terminal_is_escaped(tmp_path: Path) -> None:
    path = written(tmp_path / "f.parquet", pa.array([[0.5], None], pa.list_(pa.float32())), id=["a", "\x1b[2Jb"])
    with pytest.raises(InvalidFacesError) as error:
        load_faces(connect(), path)
    assert r"'\x1b[2Jb'" in str(error.value)


def test_further_columns_are_carried_along(tmp_path: Path) -> None:
    path = written(tmp_path / "f.parquet", pa.array([[0.5], [0.6]], pa.list_(pa.float32())), camera=["front", "back"])
    connection = connect(report=True)
    load_faces(connection, path)
    assert connection.execute("select id, camera from faces order by id").fetchall() == [
        ("0.jpg", "front"),
        ("1.jpg", "back"),
    ]


@pytest.mark.parametrize("photos", [pa.array([7, 7, 8]), pa.array([b"x", b"x", None]), pa.array(["x", "x", "y"])])
def test_photos_of_every_type_are_told_apart(tmp_path: Path, photos: pa.Array) -> None:
    path = written(tmp_path / "f.parquet", pa.array(NUMBERS), photo=photos)
    connection = connect(report=True)
    load_faces(connection, path)
    compare(connection)
    assert sum(counted(connection).values()) == 2
    assert connection.table("faces").columns == ["file_row", "id", "person", "encoding", "photo", "faces_file"]


def test_a_folder_named_like_a_column_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "person=X" / "year=2020"
    folder.mkdir(parents=True)
    connection = connect(report=True)
    load_faces(connection, written(folder / "f.parquet", pa.array([[0.5], [0.6]]), person=["ann", "bob"]))
    assert connection.execute("select distinct person from faces order by 1").fetchall() == [("ann",), ("bob",)]
    assert connection.table("faces").columns == ["file_row", "id", "person", "encoding", "faces_file"]


def test_a_valid_row_is_kept_when_an_invalid_one_has_its_id(tmp_path: Path) -> None:
    path = written(tmp_path / "f.parquet", pa.array([None, [0.5], [0.6]], pa.list_(pa.float32())), id=["a", "a", "a"])
    connection = connect(report=True)
    assert load_faces(connection, path, skip_invalid=True) == 2
    assert connection.execute("select file_row from faces").fetchall() == [(1,)]


def test_a_name_is_no_pattern(tmp_path: Path) -> None:
    one, two = pa.array([[0.5]], pa.list_(pa.float32())), pa.array([[0.5], [0.6]], pa.list_(pa.float32()))
    written(tmp_path / "faces1.parquet", two)
    connection = connect(report=True)
    load_faces(connection, written(tmp_path / "faces[1].parquet", one))
    assert connection.execute("select count(*) from faces").fetchall() == [(1,)]


def test_what_is_no_table_of_faces_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    no_person = written(tmp_path / "p.parquet", pa.array([[0.5]]), person=None, name=["ann"])
    text = written(tmp_path / "t.parquet", pa.array(["0.1 0.2"]))
    words = written(tmp_path / "w.parquet", pa.array([["0.1", "0.2"]]))
    reserved = written(tmp_path / "r.parquet", pa.array([[0.5]]), file_row_number=[7])
    damaged = written(tmp_path / "d.parquet", pa.array(NUMBERS))
    content = bytearray(damaged.read_bytes())
    content[4:60] = bytes(byte ^ 0xFF for byte in content[4:60])
    damaged.write_bytes(content)
    cut = tmp_path / "cut.parquet"
    pq.write_table(faces_table(*some_people(2, 2)), cut)
    cut.write_bytes(cut.read_bytes()[:200])
    for path, message in (
        (no_person, "has no column person; it has id, encoding, name"),
        (text, "is VARCHAR; it must be a list"),
        (cut, "is not a whole Parquet file"),
        (tmp_path / "absent.parquet", "Cannot read .*; name a Parquet file"),
        (tmp_path, "cut.parquet. is not a whole Parquet file"),
        (words, r"is VARCHAR\[\]; it must be a list"),
        (reserved, "file_row_number, a name that DuckDB needs; rename it"),
        (damaged, "is not a whole Parquet file; make it again"),
    ):
        with pytest.raises(FacesqlError, match=message):
            load_faces(connect(), path)


def test_all_rows_invalid_leaves_no_faces(tmp_path: Path) -> None:
    path = written(tmp_path / "f.parquet", pa.array([None, []], pa.list_(pa.float32())))
    with pytest.raises(FacesqlError, match="its rows are all invalid"):
        load_faces(connect(), path, skip_invalid=True)
