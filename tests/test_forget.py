"""People who are to be forgotten: that nothing of them is left, that all else is as it was, and who cannot be."""

import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import facesql.database
import facesql.faces
from facesql.analyze import analyze_faces
from facesql.database import connect_to
from facesql.encode import encode_photos
from facesql.errors import FacesqlError
from facesql.faces import FACES, photos_path, read_found, read_metadata, read_times, write_table
from facesql.forget import Removed, forget_people
from facesql.page import Show
from facesql.records import PhotoRecord, photos_table, read_records
from facesql.sources import DATABASE
from facesql.text import forgotten
from facesql.work import work_path, working_on
from facesql.workfolder import shards
from tests.conftest import Run
from tests.test_photos import put
from tests.test_resume import stopped

__all__ = ["stopped"]  # a fixture


def copied(drawn_faces: tuple[Path, object], folder: Path) -> Path:
    """A copy of the tables of the drawn people."""
    for path in (drawn_faces[0], photos_path(drawn_faces[0])):
        shutil.copy(path, folder / path.name)
    return folder / drawn_faces[0].name


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def people_of(faces: Path) -> list[str]:
    return sorted(set(pq.read_table(faces)["person"].to_pylist()))


def records_of(faces: Path) -> dict[str, PhotoRecord]:
    return {record.id: record for record in read_records(photos_path(faces))}


def raw(encoding: object) -> bytes:
    return np.asarray(encoding, np.float32).tobytes()


def numbered(*numbers: int) -> list[str]:
    return [f"person_{number:02}" for number in numbers]


@pytest.fixture
def uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in which names and encodings stand as they are, so that they can be looked for."""
    plain = partial(pq.write_table, compression="none", use_dictionary=False)
    monkeypatch.setattr(pq, "write_table", lambda table, target, **_: plain(table, target))
    config = facesql.database._config
    monkeypatch.setattr(facesql.database, "_config", lambda: {**config(), "force_compression": "uncompressed"})


@pytest.mark.usefixtures("uncompressed")
def test_no_byte_of_a_forgotten_person_is_left_and_all_of_the_others_is(drawn: Path, tmp_path: Path) -> None:
    faces, report = tmp_path / "faces.parquet", tmp_path / "report"
    encode_photos(drawn, faces)
    analyze_faces(faces, report, formats=(), show=Show(pictures=False))
    with connect_to(report / DATABASE) as connection:
        named = "select count(*) from {} where 'person_02' in ({})"
        for table, columns in (("photos", "person"), ("pairs", "person_a, person_b")):
            assert connection.execute(named.format(table, columns)).fetchall() > [(0,)]
    rows = pq.read_table(faces).to_pylist()
    encodings = {row["id"]: raw(row["encoding"]) for row in rows}
    files = (faces, photos_path(faces), report / DATABASE)
    times = read_times(faces)
    for content in (path.read_bytes() for path in files):
        assert b"person_02" in content
        assert all(encoding in content for encoding in encodings.values())

    done = forget_people(["person_02"], faces, report)
    assert done.removed == [
        Removed(photos_path(faces), 3, "photo"),
        Removed(faces, 3, "face"),
        Removed(report / DATABASE, 3, "face"),
    ]
    assert times
    assert read_times(faces) == times
    for content in contents(tmp_path).values():
        assert b"person_02" not in content
        assert not any(encoding in content for id_, encoding in encodings.items() if id_.startswith("person_02"))
    for content in (path.read_bytes() for path in files):
        assert all(encoding in content for id_, encoding in encodings.items() if not id_.startswith("person_02"))


def test_what_stays_is_as_it_was(drawn: Path, drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces = copied(drawn_faces, tmp_path)
    before, metadata, records = pq.read_table(faces), read_metadata(faces), records_of(faces)
    photos_metadata = read_metadata(photos_path(faces))
    forget_people(["person_02", "person_05"], faces, None)
    after = pq.read_table(faces)
    assert after.schema.remove_metadata() == FACES
    assert after.to_pylist() == [row for row in before.to_pylist() if row["person"] not in numbered(2, 5)]
    assert read_metadata(faces) == {name: value for name, value in metadata.items() if name != "found"}
    assert read_found(read_metadata(faces)) == {}
    assert read_metadata(photos_path(faces)) == photos_metadata
    assert list(records_of(faces)) == [id_ for id_, record in records.items() if record.person not in numbered(2, 5)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.parquet", "faces.photos.parquet"]
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    again = encode_photos(drawn, faces)  # the photos are still there
    assert (again.encoded, again.rows) == (6, 24)
    assert pq.read_table(faces).equals(before)


def test_everyone_can_be_forgotten(drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces = copied(drawn_faces, tmp_path)
    forget_people(people_of(faces), faces, None)
    assert pq.read_table(faces).num_rows == 0
    assert records_of(faces) == {}


def test_a_report_keeps_its_objects_and_what_the_user_made(drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    analyze_faces(faces, report, formats=())
    with connect_to(report / DATABASE, write=True) as connection:
        connection.execute("create table mine (n integer primary key); insert into mine values (7)")
    queries = [
        "select table_name, sql, comment from duckdb_tables()",
        "select view_name, sql, comment from duckdb_views() where not internal",
        "select function_name, macro_definition, comment from duckdb_functions() where not internal",
        "select table_name, column_name, comment from duckdb_columns() where not internal",
        "select tags from duckdb_databases() where database_name = 'facesql'",
        *(f"from {name}" for name in ("mine", "summary", "precision_recall", "binned_counts", "bin_totals")),
    ]

    def answers() -> list[list[str]]:
        with connect_to(report / DATABASE) as connection:
            return [sorted(map(str, connection.execute(query).fetchall())) for query in queries]

    before = answers()
    forget_people(["person_08"], None, report)
    assert answers() == before
    assert any("v1.2.0" in tags for tags in before[4])
    with connect_to(report / DATABASE) as connection:
        assert connection.execute("select person from people order by 1").fetchall() == [
            (person,) for person in numbered(*range(1, 8))
        ]
    assert len(records_of(faces)) == 24  # they were not named


@pytest.mark.parametrize(
    ("named", "rows", "records"),
    [
        ("person_02", numbered(1, 3, 4, 5, 6, 7, 8), numbered(1, 3, 4, 5, 6, 7, 8)),  # merged into person_03
        ("person_03", numbered(1, 4, 5, 6, 7, 8), numbered(1, 4, 5, 6, 7, 8)),
    ],
)
def test_merged_people_go_by_folder_alone_and_by_label_together(
    drawn: Path, drawn_faces: tuple[Path, object], tmp_path: Path, named: str, rows: list[str], records: list[str]
) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    encode_photos(drawn, faces, relabel=put(tmp_path / "same.csv", b"person,same_as\nperson_02,person_03\n"))
    analyze_faces(faces, report, formats=())
    forget_people([named], faces, report)
    assert people_of(faces) == rows
    assert not [photo for photo in pq.read_table(faces)["photo"].to_pylist() if photo.startswith(named)]
    assert sorted({str(record.person) for record in records_of(faces).values()}) == records
    with connect_to(report / DATABASE) as connection:
        assert connection.execute(
            "select count(*), count(*) filter (starts_with(photo, $1)) from faces", [named]
        ).fetchall() == [(len(pq.read_table(faces)), 0)]


def test_a_report_alone_forgets_by_the_names_of_folders_what_it_merged_and_what_gave_no_row(
    drawn_faces: tuple[Path, object], tmp_path: Path
) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    same = put(tmp_path / "same.csv", b"person,same_as\nperson_02,person_03\n")
    analyze_faces(faces, report, formats=(), relabel=same, show=Show(pictures=False))
    with connect_to(report / DATABASE, write=True) as connection:
        connection.execute(
            "insert into photos (id, person, status, reason) values ('Ann/1.jpg', 'Ann', 'no_face', 'none'), "
            "('Bo/1.jpg', 'Bo', 'duplicate', 'nearly the same picture: as ''person_02/1.png''')"
        )
        connection.execute(
            "insert into suspects (rank, id, person, id_other, person_other) values "
            "(1, 'x', 'Cy', 'person_02/1.png', 'person_03'), (2, 'y', 'Cy', 'z', 'Ann'), (3, 'y', 'Cy', 'z', 'Di')"
        )
    done = forget_people(["person_02", "Ann"], None, report)
    assert [(removed.count, removed.what) for removed in done.removed] == [(3, "face")]
    with connect_to(report / DATABASE) as connection:
        people = "select distinct person from photos order by person"
        assert connection.execute(people).fetchall() == [("Bo",), *((who,) for who in numbered(1, 3, 4, 5, 6, 7, 8))]
        assert connection.execute("select reason from photos where person = 'Bo'").fetchall() == [
            ("nearly the same picture",)
        ]
        assert connection.execute("select rank from suspects where person = 'Cy'").fetchall() == [(3,)]
        left = "select count(*), count(*) filter (starts_with(id_a, 'person_02') or starts_with(id_b, 'person_02'))"
        [(pairs, theirs)] = connection.execute(f"{left} from pairs").fetchall()
        assert (pairs > 0, theirs) == (True, 0)
        assert connection.execute("select count(*) from faces where person = 'person_03'").fetchall() == [(3,)]


def test_a_report_of_an_earlier_version_forgets_too(drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    analyze_faces(faces, report, formats=())
    with connect_to(report / DATABASE, write=True) as connection:
        connection.execute("drop table photos; drop table pairs; drop table suspects")
    forget_people(["person_02"], None, report)
    with connect_to(report / DATABASE) as connection:
        assert connection.execute("select count(*) from faces where person = 'person_02'").fetchall() == [(0,)]
        assert connection.execute("select count(*) from photos").fetchall() == [(0,)]


def test_a_photo_that_stays_no_longer_names_one_that_went(drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces = copied(drawn_faces, tmp_path)
    records = list(records_of(faces).values())
    reason = "nearly the same picture: as 'person_02/1.png'"
    records[0] = replace(records[0], status="duplicate", reason=reason)
    write_table(photos_table(records), photos_path(faces), read_metadata(photos_path(faces)))
    forget_people(["person_02"], faces, None)
    assert records_of(faces)[records[0].id].reason == "nearly the same picture"


def test_numbers_in_place_of_names_lead_nowhere_else(
    drawn: Path, drawn_faces: tuple[Path, object], tmp_path: Path
) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    encode_photos(drawn, faces, pseudonyms=7)
    analyze_faces(faces, report, formats=())
    gone = {
        raw(face.encoding)
        for record in records_of(faces).values()
        if record.person == "person_02"
        for face in record.faces
    }
    forget_people(["person_02"], faces, report)
    left = pq.read_table(faces)
    assert left.num_rows == 21
    assert len(left["person"].unique()) == 7
    assert gone.isdisjoint(map(raw, left["encoding"].to_pylist()))
    with connect_to(report / DATABASE) as connection:
        assert sorted(connection.execute("select id from faces").fetchall()) == sorted(
            (id_,) for id_ in left["id"].to_pylist()
        )
    # A number is a name, too, and leads to the photos.
    number = left["person"][0].as_py()
    gone = {raw(row["encoding"]) for row in left.to_pylist() if row["person"] == number}
    forget_people([number], faces, report)
    assert pq.read_table(faces).num_rows == len(records_of(faces)) == 18
    kept = {raw(face.encoding) for record in records_of(faces).values() for face in record.faces}
    assert gone.isdisjoint(kept)


def test_a_number_that_is_the_name_of_a_folder_means_the_folder(drawn: Path, tmp_path: Path) -> None:
    folder, faces = tmp_path / "photos", tmp_path / "faces.parquet"
    for number in range(1, 5):
        shutil.copytree(drawn / f"person_{number:02}", folder / f"person_{number}")
    encode_photos(folder, faces, pseudonyms=3)
    ours = {
        raw(face.encoding)
        for record in records_of(faces).values()
        if record.person == "person_1"
        for face in record.faces
    }
    before = {raw(encoding) for encoding in pq.read_table(faces)["encoding"].to_pylist()}
    forget_people(["person_1"], faces, None)
    assert {raw(encoding) for encoding in pq.read_table(faces)["encoding"].to_pylist()} == before - ours
    assert len(records_of(faces)) == 9


def test_names_are_one_however_accents_are_written(drawn: Path, tmp_path: Path) -> None:
    folder, faces = tmp_path / "photos", tmp_path / "faces.parquet"
    shutil.copytree(drawn / "person_01", folder / "Zoe\u0301")
    shutil.copytree(drawn / "person_02", folder / "Ann")
    encode_photos(folder, faces)
    assert forget_people(["Zoe\u0301"], faces, None).people == ["Zo\u00e9"]
    assert people_of(faces) == ["Ann"]


def test_the_work_of_a_stopped_run_forgets_too(stopped: Path, drawn: Path) -> None:
    work = work_path(stopped)
    first, *_ = shards(work)
    left_over = work / ".facesql.killed"
    left_over.mkdir()
    (left_over / "faces.parquet").write_bytes(b"half")
    people = [record.person for shard in shards(work) for record in read_records(shard)]
    named = people[-1]
    first.write_bytes(b"broken")
    kept = [person for person in people[1:] if person != named]
    done = forget_people([str(named)], stopped, None)
    assert done.removed == [Removed(work, len(people) - 1 - len(kept), "photo")]
    assert [record.person for shard in shards(work) for record in read_records(shard)] == kept
    assert not left_over.exists()
    assert encode_photos(drawn, stopped).encoded == 24 - len(kept)


def test_a_shard_that_holds_others_is_written_anew_without_the_forgotten(stopped: Path) -> None:
    work = work_path(stopped)
    files = shards(work)
    together = pa.concat_tables(map(pq.read_table, files))
    made = read_metadata(files[0])
    for file in files[1:]:
        file.unlink()
    facesql.faces.write_table(together, files[0], made)
    forget_people(["person_01"], stopped, None)
    assert shards(work) == [files[0]]
    assert read_metadata(files[0]) == made
    left = [record.id for record in read_records(files[0])]
    assert left == [id_ for id_ in together["id"].to_pylist() if not id_.startswith("person_01/")]
    assert 0 < len(left) < 10


def test_work_of_a_photo_whose_content_another_person_has_stays(stopped: Path, drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(drawn / "person_01", folder / "Ann")
    shutil.copytree(drawn / "person_01", folder / "Bob")
    shutil.copytree(drawn / "person_02", folder / "Cal")
    whole = tmp_path / "whole.parquet"
    encode_photos(folder, whole)
    for path in (whole, photos_path(whole)):
        shutil.copy(path, stopped.with_name(path.name.replace("whole", "faces")))
    before = [record.sha256 for shard in shards(work_path(stopped)) for record in read_records(shard)]
    done = forget_people(["Ann"], stopped, None)
    assert done.shared == 3
    assert done.removed[-1] == Removed(work_path(stopped), 0, "photo")
    hashes = {record.sha256 for record in records_of(stopped).values() if record.person == "Cal"}
    done = forget_people(["Cal"], stopped, None)
    assert done.shared == 0
    after = [record.sha256 for shard in shards(work_path(stopped)) for record in read_records(shard)]
    assert after == [hashed for hashed in before if hashed not in hashes]


def test_who_is_nowhere_is_named_and_nothing_changes(drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    analyze_faces(faces, report, formats=())
    before = contents(tmp_path)
    with pytest.raises(FacesqlError, match=r"^'Bob' is in no table here, and nothing is changed; "):
        forget_people(["person_01", "Bob"], faces, report)
    with pytest.raises(FacesqlError, match=r"^'', 'Bob' are in no table here"):
        forget_people(["Bob", ""], faces, report)
    assert contents(tmp_path) == before


def test_what_cannot_be_used_is_a_sentence(drawn_faces: tuple[Path, object], tmp_path: Path) -> None:
    faces, report = copied(drawn_faces, tmp_path), tmp_path / "report"
    with pytest.raises(FacesqlError, match="no table of faces and no report here"):
        forget_people(["Ann"], None, None)
    with pytest.raises(FacesqlError, match=r"'.*none.parquet' does not exist"):
        forget_people(["Ann"], tmp_path / "none.parquet", None)
    with pytest.raises(FacesqlError, match=r"holds no facesql.duckdb"):
        forget_people(["Ann"], faces, tmp_path)
    with working_on(faces), pytest.raises(FacesqlError, match="is being made by process"):
        forget_people(["person_01"], faces, None)
    put(report / DATABASE, b"no database" * 2000)
    before = contents(tmp_path)
    with pytest.raises(FacesqlError, match=r"facesql.duckdb' cannot be read; "):
        forget_people(["person_01"], faces, report)
    assert contents(tmp_path) == before
    photos_path(faces).write_bytes(b"no table")
    with pytest.raises(FacesqlError, match=r"is no table of photos that can be read"):
        forget_people(["person_01"], faces, None)
    photos_path(faces).unlink()
    content = faces.read_bytes()
    faces.write_bytes(content[:8] + bytes(len(content) // 2) + content[8 + len(content) // 2 :])
    with pytest.raises(FacesqlError, match=r"cannot be read whole; "):
        forget_people(["person_01"], faces, None)


def test_a_table_of_another_program_loses_its_rows(small_table: Path) -> None:
    before = pq.read_table(small_table)
    forget_people(["p3"], small_table, None)
    after = pq.read_table(small_table)
    assert after.schema.types == before.schema.types
    assert after.to_pylist() == [row for row in before.to_pylist() if row["person"] != "p3"]


def test_the_other_tables_of_a_report_are_named(drawn: Path, tmp_path: Path) -> None:
    a, b, report = tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "report"
    for faces, person in ((a, "person_01"), (b, "person_02")):
        shutil.copytree(drawn / person, tmp_path / faces.stem / person)
        encode_photos(tmp_path / faces.stem, faces)
    analyze_faces([a, b], report, formats=())
    told = forget_people(["person_01", "person_02"], a, report, dry_run=True)
    assert [removed.count for removed in told.removed] == [3, 3, 6]
    assert f"{str(report / 'report.html')!r} would be deleted, for it may show or name people" in forgotten(told)
    assert (report / "report.html").exists()
    assert told.sources == [b]
    assert (
        f"from other tables, which stay as they are: {str(b)!r}; run forget for each of them with --faces, too."
        in forgotten(told)
    )
    assert forget_people(["person_01"], None, report, dry_run=True).sources == [a]
    only = forget_people(["person_01"], a, report)
    assert only.sources == []
    assert "other tables" not in forgotten(only)
    assert f"{str(report / 'report.html')!r} deleted" in forgotten(only)
    assert not (report / "report.html").exists()
    moved = tmp_path / "elsewhere" / b.name
    moved.parent.mkdir()
    b.rename(moved)  # as a path is that holds from another working folder only
    assert forget_people(["person_02"], moved, report, dry_run=True).sources == []


def test_the_command_says_what_goes_and_a_dry_run_changes_nothing(
    drawn_faces: tuple[Path, object], tmp_path: Path, run: Run
) -> None:
    analyze_faces(copied(drawn_faces, tmp_path), tmp_path / "report", formats=())
    before = contents(tmp_path)
    told = run("forget", "person_01", "person_02", "--dry-run", cwd=tmp_path).stdout
    assert told.splitlines() == [
        "6 photos would be removed from 'faces.photos.parquet'",
        "6 faces would be removed from 'faces.parquet'",
        f"6 faces would be removed from {str(Path('report') / DATABASE)!r}",
        f"{str(Path('report') / 'report.html')!r} would be deleted, for it may show or name people; facesql analyze "
        "makes it anew.",
        "The report's counts stay, for they identify nobody; facesql analyze makes them anew.",
        "The photos are not touched: the next encode takes them up again unless they are deleted or excluded.",
    ]
    assert contents(tmp_path) == before
    done = run("forget", "person_01", "person_02", cwd=tmp_path).stdout
    assert done == told.replace("would be removed", "removed").replace("would be deleted", "deleted")
    assert people_of(tmp_path / "faces.parquet") == numbered(*range(3, 9))
    again = run("forget", "person_01", cwd=tmp_path, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("facesql: 'person_01' is in no table here")
    assert "no table of faces and no report here" in run("forget", "Ann", cwd=tmp_path / "report", check=False).stderr
