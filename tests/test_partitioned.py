"""Tables that are folders of Parquet files: the same answers as from one file, and what is no such folder."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import facesql.exchanging
from facesql.analyze import analyze_faces
from facesql.crops import Crops
from facesql.database import connect, connect_to
from facesql.encode import encode_photos
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.exchanging import exchange
from facesql.faces import FACES, load_faces, photos_path, read_folders, read_metadata, read_times
from facesql.forget import Removed, forget_people
from facesql.output import whole_files
from facesql.partitioned import write_partitioned
from facesql.parts import partition, parts
from facesql.records import read_records
from facesql.sources import DATABASE, find_source, opened, opened_tables
from tests.conftest import Run, faces_table, plan_all, some_people
from tests.test_photos import put

COUNTS = "from block_pair_counts order by block_a, block_b, same_person"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> tuple[Path, Path]:
    """The drawn people in one file and in a folder."""
    folder = tmp_path_factory.mktemp("tables")
    encode_photos(drawn, folder / "one.parquet", workers=2)
    shutil.copy(photos_path(folder / "one.parquet"), folder / "faces.photos.parquet")  # so nothing is encoded again
    encode_photos(drawn, folder / "faces", partitioned=True)
    return folder / "one.parquet", folder / "faces"


def copied(made: tuple[Path, Path], folder: Path) -> Path:
    """A copy of the folder, and of the table of photos beside it."""
    table = Path(shutil.copytree(made[1], folder / "faces"))
    shutil.copy(photos_path(made[1]), photos_path(table))
    shutil.copy(made[1].parent / "faces.run.json", folder / "faces.run.json")
    return table


def split(table: pa.Table, folder: Path, sizes: list[int]) -> Path:
    """A table as another program keeps it: so many rows in each of several files."""
    folder.mkdir(parents=True)
    start = 0
    for number, size in enumerate(sizes):
        pq.write_table(table.slice(start, size), folder / f"part-{number}.parquet")
        start += size
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_block_has_a_file_with_its_rows_and_all_else_of_the_one_file(made: tuple[Path, Path]) -> None:
    one, table = made
    rows = pq.read_table(one)
    with connect() as connection:
        blocks = dict(
            connection.execute(
                "select distinct person, person_block(person) from read_faces($1)", [str(one)]
            ).fetchall()
        )
    assert len(set(blocks.values())) > 3
    assert {str(path.relative_to(table)) for path in parts(table)} == {
        f"block={block:02}/faces.parquet" for block in blocks.values()
    }
    for block in blocks.values():
        part = pq.ParquetFile(table / f"block={block:02}" / "faces.parquet")
        assert part.schema_arrow.remove_metadata() == FACES
        assert part.schema_arrow.metadata == rows.schema.metadata
        assert part.read().to_pylist() == [row for row in rows.to_pylist() if blocks[row["person"]] == block]
    assert photos_path(table) == table.parent / "faces.photos.parquet"
    assert photos_path(table).read_bytes() == photos_path(one).read_bytes()
    assert read_metadata(table) == read_metadata(one)
    assert read_times(table)
    assert read_folders(table) == read_folders(one)
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in (table, *table.iterdir())} == {0o700}
        assert {path.stat().st_mode & 0o777 for path in parts(table)} == {0o600}


def test_counts_and_fingerprints_are_those_of_the_one_file(made: tuple[Path, Path], tmp_path: Path) -> None:
    counts = []
    for table, report in zip(made, ("one", "many"), strict=True):
        analyze_faces(table, tmp_path / report, formats=())
        with connect_to(tmp_path / report / DATABASE) as connection:
            counts.append(connection.sql(COUNTS).to_arrow_table())
            [(named,)] = connection.sql("select distinct faces_file from faces").fetchall()
            assert named == str(table)
            assert "block" not in connection.table("faces").columns
    assert counts[0].equals(counts[1])
    for table, report in ((made[0], "many"), (made[1], "one")):  # either knows what the other has counted
        plan = plan_all(table, tmp_path / report)
        assert plan.pairs_known == sum(map(sum, counts[0]["pairs"].to_pylist())) > 0


def test_running_again_encodes_nothing_and_writes_the_same_bytes(
    made: tuple[Path, Path], drawn: Path, tmp_path: Path
) -> None:
    table = copied(made, tmp_path)
    stale = table / "block=63" / "faces.parquet"
    assert not stale.exists()
    stale.parent.mkdir()
    shutil.copy(parts(table)[0], stale)
    again = encode_photos(drawn, table, partitioned=True)
    assert (again.encoded, again.rows) == (0, 24)
    assert contents(table) == contents(made[1])  # the stale file is gone, too
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "faces.photos.parquet", "faces.run.json"]


def test_a_table_without_rows_is_a_folder_with_one_file(tmp_path: Path) -> None:
    write_partitioned(FACES.empty_table(), tmp_path / "faces", {"detector": "hog"})
    assert [str(path.relative_to(tmp_path)) for path in parts(tmp_path / "faces")] == ["faces/block=00/faces.parquet"]
    with pytest.raises(FacesqlError, match=r"faces' holds no faces: no photo gave a row; 'faces\.photos"):
        load_faces(connect(), tmp_path / "faces")


def test_what_is_no_partitioned_table_is_not_replaced(drawn: Path, tmp_path: Path) -> None:
    file = put(tmp_path / "faces.parquet", b"a table")
    for output, message in ((drawn, r"holds 'person_0\d.*would replace all"), (file, "is a file; name a folder")):
        with pytest.raises(FacesqlError, match=message):
            encode_photos(drawn, output, partitioned=True, fresh=True)
    (tmp_path / "faces").mkdir()
    with pytest.raises(FacesqlError, match="is a folder; name a file"):
        encode_photos(drawn, tmp_path / "faces")
    assert len(list(drawn.rglob("*.png"))) == 24


def test_a_run_that_fails_at_its_end_leaves_the_old_folder(
    made: tuple[Path, Path], drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = copied(made, tmp_path)
    before = contents(tmp_path)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("facesql.encode.write_times", fail)
        with pytest.raises(KeyboardInterrupt):
            encode_photos(drawn, table, partitioned=True, limit=2, prune=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_is_there_at_any_moment_while_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    if not at_once:
        monkeypatch.setattr(facesql.exchanging, "_at_once", lambda *_: False)
    table = tmp_path / "faces"
    there: set[bool] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            there.add(table.is_dir())

    for name in "ab":
        with whole_files(tmp_path) as private:
            put(private / "faces" / name / "1")
            put(private / "faces" / name / "2")
        if name == "a":
            looking = threading.Thread(target=look)
            looking.start()
    done.set()
    looking.join()
    assert contents(tmp_path) == {"faces/b/1": b"x", "faces/b/2": b"x"}
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    if at_once:
        assert there == {True}


def test_what_cannot_be_exchanged_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "old" / "1")
    with pytest.raises(OSError, match="No such file"):
        exchange(tmp_path / "absent", tmp_path / "old")
    monkeypatch.setattr(facesql.exchanging, "_at_once", lambda *_: False)
    with pytest.raises(OSError, match="No such file"):
        exchange(tmp_path / "absent", tmp_path / "old")
    assert contents(tmp_path) == {"old/1": b"x"}


COMMANDS = {
    "pairs": ("pairs", "{}", "-n", "5"),
    "suspects": ("suspects", "{}"),
    "projector": ("projector", "{}", "-o", "projector"),
    "map": ("map", "{}", "-o", "map.csv"),
    "identify": ("identify", "{photo}", "{}", "--no-report"),
    "protocol": ("protocol", "{pairs}", "{}"),
    "sql": ("sql", "select id, person from faces order by id", "--from", "{}", "--format", "csv"),
    "analyze": ("analyze", "{}", "-o", "report", "--formats", "html", "--no-faces", "--cutoffs", "0.3"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_answer_as_of_the_one_file(
    made: tuple[Path, Path], drawn: Path, tmp_path: Path, run: Run, command: str
) -> None:
    pairs = "a,b,same,fold\n" + "".join(
        f"person_0{p}/1.png,person_0{q}/2.png,{int(p == q)},{fold}\n"
        for fold in (1, 2)
        for p in (fold, 4)
        for q in (fold, 5 - fold)
    )
    listed = put(tmp_path / "list.csv", pairs.encode())
    told = []
    for number, table in enumerate(made):
        place = tmp_path / str(number)
        place.mkdir()
        values = {"photo": drawn / "person_01" / "1.png", "pairs": listed}
        arguments = [part.format(table, **values) for part in COMMANDS[command]]
        done = run(*arguments, cwd=place)
        told.append(done.stdout.replace(str(table), "TABLE"))
        if command != "analyze":
            told[-1] += str(contents(place))
    assert told[0] == told[1]
    assert told[0].strip()


def test_two_tables_are_compared_and_the_shell_and_pictures_know_a_folder(
    made: tuple[Path, Path], tmp_path: Path, run: Run
) -> None:
    told = run("compare-tables", *made, cwd=tmp_path).stdout
    assert "24 faces" in told
    done = run("shell", made[1], cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    source = find_source(made[1])
    assert not source.is_report
    with opened(source) as connection:
        assert connection.sql("select count(*), count(distinct id) from faces").fetchall() == [(24, 24)]
    crops = Crops.of([made[1]])
    assert crops.crop("person_01/1.png") is not None


def test_several_tables_may_be_folders(tmp_path: Path) -> None:
    people, encodings = some_people(6, 3)
    table = faces_table(people, encodings)
    a = split(table.slice(0, 9), tmp_path / "a", [2, 0, 7])
    b = tmp_path / "b.parquet"
    pq.write_table(table.slice(9), b)
    with opened_tables([a, b]) as (connection, skipped):
        rows = connection.sql("select id, faces_file, file_row from faces order by id").fetchall()
    assert skipped == 0
    places = {id_: (str(a), row) if row < 9 else (str(b), row - 9) for row, id_ in enumerate(table["id"].to_pylist())}
    assert {id_: (file, row) for id_, file, row in rows} == places
    with (
        pytest.raises(FacesqlError, match=r"part-0.parquet' and .*part-0.parquet' are one file"),
        opened_tables([a, a / "part-0.parquet"]),
    ):
        pass


def test_an_invalid_row_is_named_with_its_file_and_can_be_left_out(tmp_path: Path) -> None:
    encodings = [[0.5, 1.0], [0.25, 1.0], [0.125, 1.0], [0.5], None, [0.75, 1.0]]
    columns = {"id": ["a", "b", "c", "d", None, "a"], "person": list("xxyyzz"), "encoding": encodings}
    table = split(pa.table(columns), tmp_path / "faces", [3, 0, 3])
    with pytest.raises(InvalidFacesError) as error:
        load_faces(connect(), table)
    part = table / "part-2.parquet"
    for told in (
        f"'d' of {str(part)!r} has 1 numbers",
        f"row 1 of {str(part)!r} has no id",
        f"'a' of {str(part)!r} has the id",
    ):
        assert told in str(error.value)
    connection = connect()
    assert load_faces(connection, table, skip_invalid=True) == 3
    assert connection.sql("select id, file_row from faces order by id").fetchall() == [("a", 0), ("b", 1), ("c", 2)]


def by_person(folder: Path, people: list[str], encodings: NDArray[np.float32]) -> Path:
    pq.write_to_dataset(faces_table(people, encodings), folder, partition_cols=["person"])
    return folder


def test_folders_may_tell_the_person_as_other_programs_write_them(tmp_path: Path, run: Run) -> None:
    people, encodings = some_people(4, 3)
    people = [f"Ann {name[1:]}" for name in people]
    table = by_person(tmp_path / "faces", people, encodings)
    assert "person" not in pq.ParquetFile(parts(table)[0]).schema_arrow.names
    put(table / "_SUCCESS")
    with opened_tables(table) as (connection, _):
        rows = dict(connection.sql("select id, person from faces").fetchall())
    assert rows == {f"{person}/{number}.jpg": person for number, person in enumerate(people)}
    shown = run(
        "sql", "select distinct person from faces order by 1", "--from", table, "--format", "csv", cwd=tmp_path
    ).stdout
    assert shown.split("\n")[1] == "Ann 0"
    one = tmp_path / "one.parquet"
    pq.write_table(faces_table(["Zoe"], encodings[:1]), one)
    with (
        pytest.raises(FacesqlError, match=r"'.*faces' has columns in the names of its folders \(person\)"),
        opened_tables([one, table]),
    ):
        pass
    with pytest.raises(FacesqlError, match="delete the person's files there yourself"):
        forget_people(["Ann 0"], table, None)
    inside = Path(shutil.copytree(table, tmp_path / "year=2020" / "faces"))
    with pytest.raises(FacesqlError, match="is in a folder that is named like its own"), opened_tables(inside):
        pass


def empty(folder: Path) -> None:
    folder.mkdir()


def without(folder: Path) -> None:
    put(folder / "Ann" / "1.jpg")


def with_others(folder: Path) -> None:
    split(faces_table(*some_people(2, 2)), folder, [4])
    put(folder / "notes.txt")


def nested(folder: Path) -> None:
    split(faces_table(*some_people(2, 2)), folder / "2020", [4])


def twice_partitioned(folder: Path) -> None:
    split(faces_table(*some_people(2, 2)), folder, [4])
    split(faces_table(*some_people(2, 2)), folder / "year=2020", [4])


def with_photos(folder: Path) -> None:
    split(faces_table(*some_people(2, 2)), folder, [4])
    pq.write_table(pa.table({"id": ["a"], "person": ["Ann"]}), folder / "x.parquet")


def with_other_types(folder: Path) -> None:
    people, encodings = some_people(2, 2)
    table = faces_table(people, encodings)
    split(table.append_column("camera", pa.array([1] * 4)), folder, [4])
    pq.write_table(table.append_column("camera", pa.array(["x"] * 4)), folder / "x.parquet")


def encoded_differently(folder: Path) -> None:
    table = faces_table(*some_people(2, 2))
    folder.mkdir()
    for number, detector in enumerate(("hog", "cnn")):
        kept = table.slice(2 * number, 2).replace_schema_metadata({"facesql.detector": detector})
        pq.write_table(kept, folder / f"{detector}.parquet")


def of_two_pseudonymous_runs(folder: Path) -> None:
    folder.mkdir()
    for number in range(2):
        noted = {"facesql.pseudonyms": "yes", "facesql.found": f'{{"photos": {number}}}'}
        table = faces_table(["1"], some_people(2, 1)[1][number : number + 1]).replace_schema_metadata(noted)
        pq.write_table(table, folder / f"{number}.parquet")


def a_report(folder: Path) -> None:
    put(folder / DATABASE)
    put(folder / "precision_recall.parquet")


NO_TABLES: dict[Callable[[Path], None], str] = {
    empty: "is a folder without files; name a table of faces",
    without: r"holds no Parquet files, but such as 'Ann/1\.jpg'; name a table",
    with_others: r"holds 'notes\.txt' beside Parquet files; move away",
    nested: r"holds '2020/part-0\.parquet', and folders of a table are named like 'block=07'",
    twice_partitioned: r"holds 'part-0\.parquet' and 'year=2020/part-0\.parquet', which are not partitioned alike",
    with_photos: r"x\.parquet' has no column encoding",
    with_other_types: r"The column camera is BIGINT in '.*part-0\.parquet' and VARCHAR in '.*x\.parquet'",
    encoded_differently: r"cnn\.parquet' and '.*hog\.parquet' were encoded differently \(detector cnn, and hog\)",
    of_two_pseudonymous_runs: r"0\.parquet' has numbers in place of names",
    a_report: "is the folder of a report; name the table",
}


@pytest.mark.parametrize("fault", NO_TABLES, ids=lambda fault: fault.__name__)
def test_a_folder_that_is_no_table_is_one_sentence(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    fault(tmp_path / "faces")
    with pytest.raises(FacesqlError, match=NO_TABLES[fault]):
        analyze_faces(tmp_path / "faces", tmp_path / "report", formats=())
    assert not (tmp_path / "report").exists()


def test_forget_rewrites_only_the_files_that_hold_the_person(
    made: tuple[Path, Path], drawn: Path, tmp_path: Path
) -> None:
    table = copied(made, tmp_path)
    own = next(path for path in parts(table) if "person_02" in pq.read_table(path)["person"].to_pylist())
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in parts(table)}
    rows = {path: pq.read_table(path).to_pylist() for path in parts(table)}
    told = contents(tmp_path)
    done = forget_people(["person_02"], table, None, dry_run=True)
    assert contents(tmp_path) == told
    assert done.removed == [Removed(photos_path(table), 3, "photo"), Removed(table, 3, "face")]
    assert forget_people(["person_02"], table, None).removed == done.removed
    for path, state in before.items():
        assert ((path.stat().st_ino, path.stat().st_mtime_ns) == state) == (path != own)
        assert pq.read_table(path).to_pylist() == [row for row in rows[path] if row["person"] != "person_02"]
    assert all(b"person_02" not in content for content in contents(tmp_path).values())
    assert "person_02" not in {record.person for record in read_records(photos_path(table))}
    assert read_times(table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "faces.photos.parquet", "faces.run.json"]
    again = encode_photos(drawn, table, partitioned=True)
    assert (again.encoded, again.rows) == (3, 24)
    assert contents(table) == contents(made[1])


def test_everyone_can_be_forgotten_and_files_be_copied(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", no_links)
    table = copied(made, tmp_path)
    forget_people([f"person_0{number}" for number in range(1, 9)], table, None)
    assert sum(pq.read_metadata(path).num_rows for path in parts(table)) == 0
    assert len(parts(table)) == len(parts(made[1]))


def test_the_command_writes_a_folder_of_its_own_name(drawn: Path, tmp_path: Path, run: Run) -> None:
    photos = Path(shutil.copytree(drawn / "person_01", tmp_path / "photos" / "Ann")).parent
    told = run("encode", photos, "--partitioned", cwd=tmp_path).stdout
    assert "3 rows of 1 person in 'faces'" in told
    with connect() as connection:
        [(block,)] = connection.sql("select person_block('Ann')").fetchall()
    assert [path.relative_to(tmp_path / "faces") for path in parts(tmp_path / "faces")] == [partition(block)]
