"""Where photos and names come from: several folders, a manifest, and a layout of names."""

import os
import re
import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesql.analyze import analyze_faces
from facesql.database import connect, resources
from facesql.encode import encode_photos
from facesql.errors import FacesqlError
from facesql.faces import FACES, clashing, name_faces, photos_path
from facesql.forget import forget_people
from facesql.history import Changes
from facesql.layout import parse_layout
from facesql.listing import find_photos
from facesql.manifest import read_manifest
from facesql.records import read_records
from tests.conftest import Run, faces_table, some_people
from tests.test_photos import put

LINKS = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


def columns(output: Path, *names: str) -> list[tuple[Any, ...]]:
    """The rows of a table of faces."""
    return [tuple(row.values()) for row in pq.read_table(output).select(names).to_pylist()]


# Several folders


def test_ids_of_several_folders_begin_with_the_folders_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("a/x/Ann/1.jpg", "b/y/Ann/1.jpg", "b/y/Bob/2020/1.jpg", "b/y/loose.jpg", "b/y/notes.txt"):
        put(tmp_path / path)
    expected = [("x/Ann/1.jpg", "Ann"), ("y/Ann/1.jpg", "Ann"), ("y/Bob/2020/1.jpg", "Bob"), ("y/loose.jpg", None)]
    listing = find_photos([tmp_path / "b" / "y" / "Ann" / "..", tmp_path / "a" / "x"])
    assert [(photo.id, photo.person) for photo in listing.photos] == expected
    assert (listing.other_files, listing.carried) == (1, None)
    monkeypatch.chdir(tmp_path / "a" / "x")
    assert [photo.id for photo in find_photos([Path(), Path("../../b/y/")]).photos] == [id_ for id_, _ in expected]
    assert [photo.id for photo in find_photos([Path()]).photos] == ["Ann/1.jpg"]


@LINKS
def test_a_link_to_a_folder_is_called_by_its_own_name(tmp_path: Path) -> None:
    for disk in ("disk_1", "disk_2"):
        put(tmp_path / disk / "photos" / "Ann" / "1.jpg")
        (tmp_path / f"from_{disk}").symlink_to(tmp_path / disk / "photos")
    listing = find_photos([tmp_path / "from_disk_1", tmp_path / "from_disk_2"])
    assert [photo.id for photo in listing.photos] == ["from_disk_1/Ann/1.jpg", "from_disk_2/Ann/1.jpg"]


def test_spellings_of_a_name_are_counted_across_folders(tmp_path: Path) -> None:
    put(tmp_path / "x" / "J\xf6rg" / "1.jpg")
    put(tmp_path / "y" / "Jo\u0308rg" / "1.jpg")
    listing = find_photos([tmp_path / "x", tmp_path / "y"])
    assert {photo.person for photo in listing.photos} == {"J\xf6rg"}
    assert listing.spellings() == 1


@pytest.mark.parametrize(
    ("folders", "reason"),
    [
        (["x", "x"], "is in .* would count twice"),
        (["x", "x/Ann"], r"x/Ann' is in .*x', and"),
        (["x/Ann", "x"], r"x/Ann' is in .*x', and"),
        (["x", "z/../y/x/"], "have one name"),
        (["J\xf6rg", "y/Jo\u0308rg"], "have one name"),
        (["x", "absent"], "absent' does not exist; give"),
    ],
)
def test_folders_that_would_count_twice_or_share_a_name_are_refused(
    tmp_path: Path, folders: list[str], reason: str
) -> None:
    for path in ("x/Ann/1.jpg", "y/x/Ann/1.jpg", "z/1.jpg", "J\xf6rg/1.jpg", "y/Jo\u0308rg/1.jpg"):
        put(tmp_path / path)
    with pytest.raises(FacesqlError, match=reason):
        find_photos([tmp_path / folder for folder in folders])


def test_a_second_folder_moves_the_first_ones_photos_and_encodes_none_again(drawn: Path, tmp_path: Path) -> None:
    for folder, people in (("A", ("person_01", "person_02")), ("B", ("person_02", "person_03"))):
        for person in people:
            shutil.copytree(drawn / person, tmp_path / folder / person)
    output = tmp_path / "faces.parquet"
    encode_photos(tmp_path / "A", output)
    summary = encode_photos([tmp_path / "A", tmp_path / "B"], output)
    assert (summary.photos, summary.people, summary.duplicates.copies) == (12, 3, 3)
    assert summary.changes == Changes(added=6, kept=0, moved=6, changed=0, removed=0)
    assert summary.encoded == 3
    assert Counter(columns(output, "person")) == {("person_01",): 3, ("person_02",): 6, ("person_03",): 3}
    assert columns(output, "id")[0] == ("A/person_01/1.png",)


# Manifests


def test_a_manifest_lists_photos_with_their_people_and_columns(tmp_path: Path) -> None:
    for path in ("m/1.jpg", "m/sub/2.JPG", "other/3.jpg", "m/no_suffix"):
        put(tmp_path / path)
    text = (
        "\ufeffpath,person,group,date,badge,empty\r\n"
        './/sub/../1.jpg,007,NA,2020-01-02,7,\r\n"sub/2.JPG", Ann ,"b, c",,,\r\n'
        f"../other/3.jpg,Jo\u0308rg,,,,\r\n{tmp_path / 'm' / 'no_suffix'},J\xf6rg,,,,\r\n"
    )
    listing = read_manifest(put(tmp_path / "m" / "list.CSV", text.encode()))
    assert [(photo.id, photo.person, photo.status) for photo in listing.photos] == sorted(
        [
            ("1.jpg", "007", None),
            ("sub/2.JPG", "Ann", None),
            ("../other/3.jpg", "J\xf6rg", None),
            ((tmp_path / "m" / "no_suffix").as_posix(), "J\xf6rg", None),
        ]
    )
    assert all(photo.path.read_bytes() == b"x" for photo in listing.photos)
    assert listing.spellings() == 1
    assert listing.carried is not None
    assert listing.carried.to_pylist()[:2] == [
        {"photo": "1.jpg", "group": "NA", "date": date(2020, 1, 2), "badge": 7, "empty": None},
        {"photo": "sub/2.JPG", "group": "b, c", "date": None, "badge": None, "empty": None},
    ]
    types = [pa.string(), pa.string(), pa.date32(), pa.int64(), pa.string()]
    assert listing.carried.schema.types == types


def test_a_parquet_manifest_keeps_its_types(tmp_path: Path) -> None:
    put(tmp_path / "1.jpg")
    table = pa.table(
        {
            "person": pa.array([7]),
            "tags": pa.array([["a", "b"]]),
            "path": pa.array(["1.jpg"]).dictionary_encode(),
            "taken": pa.array([1], pa.timestamp("ns")),
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")
    listing = read_manifest(tmp_path / "m.parquet")
    assert [(photo.id, photo.person) for photo in listing.photos] == [("1.jpg", "7")]
    assert listing.carried is not None
    assert listing.carried.drop_columns("photo").equals(table.select(["tags", "taken"]))


@pytest.mark.skipif(os.name != "posix", reason="named pipes and links are POSIX's")
def test_what_cannot_be_opened_is_listed_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path / "real.jpg")
    put(tmp_path / "raw.nef")
    put(tmp_path / "folder.jpg" / "1.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    for link, target in (("link.jpg", "real.jpg"), ("dead.jpg", "nothing"), ("loop.jpg", "loop.jpg")):
        (tmp_path / link).symlink_to(target)
    reasons = {
        "link.jpg": (None, None),
        "raw.nef": ("unsupported", "NEF cannot"),
        "folder.jpg": ("unreadable", "a folder"),
        "pipe.jpg": ("unreadable", "not a regular"),
        "dead.jpg": ("unreadable", "a link to nothing"),
        "loop.jpg": ("unreadable", "cannot be read: Too many levels"),
        "gone.jpg": ("unreadable", "there is no such file"),
        "x" * 300: ("unreadable", "cannot be read: File name too long"),
        "nul\0.jpg": ("unreadable", "no name"),
    }
    pq.write_table(
        pa.table({"path": [*reasons, "real.jpg"], "person": ["Ann"] * len(reasons) + [" "]}), tmp_path / "m.parquet"
    )
    photos = {photo.id: photo for photo in read_manifest(tmp_path / "m.parquet").photos}
    assert (photos["real.jpg"].status, photos["real.jpg"].person) == ("loose", None)
    for id_, (status, reason) in reasons.items():
        assert photos[id_].status == status
        assert (photos[id_].reason or "").startswith(reason or "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("path,name\na,b\n", "no column person; it has 'path', 'name'; name its columns path and person"),
        ("path;person\na;b\n", "no column path and no person; it has 'path;person'.*commas"),
        ("", "it has none"),
        ("path,person\n", "lists no photos"),
        ("path,person,Box\na,b,c\n", "column 'Box', .*rename it"),
        ("path,person,ID,file_row\na,b,c,d\n", "column 'ID' and one 'file_row', .*rename it"),
        ("path,person,group,Group\na,b,c,d\n", "column 'Group', .*rename it"),
        ("path,person,person\na,b,c\n", "column 'person', .*rename it"),
        ("path,person,\na,b,c\n", "a column without a name"),
        ("path,person\na,b\n,c\n", "Photo 2 of .* has no path"),
        ("path,person\na.jpg,b\n./a.jpg,c\n", "lists 'a.jpg' twice; keep one row"),
        ("path,person\na,b\nb,b\na,b\nb,b\n", "lists 'a' twice; keep one row of it, and of 1 others"),
        ("path,person\na,b,c\n", "is no CSV that can be read"),
        (b"path,person\na,J\xf6rg\n", "not UTF-8"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, content: str | bytes, reason: str) -> None:
    file = put(tmp_path / "m.csv", content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FacesqlError, match=reason):
        read_manifest(file)


def test_a_parquet_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    file = put(tmp_path / "m.parquet", b"PAR1 no more")
    with pytest.raises(FacesqlError, match="no whole Parquet file"):
        read_manifest(file)
    pq.write_table(pa.table({"path": [["a"]], "person": ["b"]}), file)
    with pytest.raises(FacesqlError, match=r"column path of .* is list<.*must be text"):
        read_manifest(file)


def test_sources_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    manifest, folder = put(tmp_path / "m.csv", b"path,person\na,b\n"), put(tmp_path / "x" / "1.jpg").parent
    output = tmp_path / "faces.parquet"
    with pytest.raises(FacesqlError, match="a manifest is encoded alone"):
        encode_photos([folder, manifest], output)
    with pytest.raises(FacesqlError, match="leave --layout out"):
        encode_photos(manifest, output, layout="{person}")
    with pytest.raises(FacesqlError, match=r"no manifest; name .* ends in \.csv or \.parquet"):
        encode_photos(folder / "1.jpg", output)
    table = put(tmp_path / "m.parquet")
    with pytest.raises(FacesqlError, match="would be replaced"):
        encode_photos(table, tmp_path / "x" / ".." / "m.parquet", fresh=True)
    assert table.read_bytes() == b"x"


def test_a_manifest_from_the_first_run_to_forgetting(drawn: Path, tmp_path: Path, run: Run) -> None:
    shutil.copytree(drawn, tmp_path / "photos")

    def write(rows: list[str]) -> None:
        put(tmp_path / "m.csv", "\n".join(["path,person,camera", *rows, ""]).encode())

    output = tmp_path / "faces.parquet"
    rows = [f"photos/person_0{person}/{photo}.png,{person:03},Leica" for person in (1, 2, 3, 4) for photo in (1, 2, 3)]
    write(rows)
    first = run("encode", "m.csv", cwd=tmp_path).stdout
    assert "12 rows of 4 people" in first
    assert columns(output, "id", "person", "camera")[0] == ("photos/person_01/1.png", "001", "Leica")

    # Another value and another name, a photo less and one more.
    (tmp_path / "photos" / "person_01" / "1.png").rename(tmp_path / "photos" / "moved.png")
    rows[0] = "photos/moved.png,001,Canon"
    rows[-1] = "photos/person_05/1.png,004,Leica"
    write(rows)
    told = run("encode", "m.csv", cwd=tmp_path).stdout
    assert "1 added, 10 kept, 1 moved, 0 changed, 1 removed; 1 photo encoded" in told
    exclude, relabel = (
        put(tmp_path / "exclude", b"photos/person_02\n"),
        put(tmp_path / "same", b"person,same_as\n003,x"),
    )
    summary = encode_photos(
        tmp_path / "m.csv", output, exclude=exclude, relabel=relabel, limit=2, drop_duplicates=True, prune=True
    )
    assert (summary.encoded, summary.unused_excludes, summary.unused_relabels) == (0, [], [])
    assert {person for (person,) in columns(output, "person")} == {"001", "x"}
    run("encode", "m.csv", cwd=tmp_path)

    counted = run(
        "sql", "select camera, count(*) as n from faces group by all order by n", "--from", output, "--format", "csv",
        cwd=tmp_path,
    ).stdout  # fmt: skip
    assert counted == "camera,n\nCanon,1\nLeica,11\n"
    run("analyze", "--formats", "", cwd=tmp_path)
    assert run("sql", "select max(camera) as c from faces", "--format", "csv", cwd=tmp_path).stdout == "c\nLeica\n"
    forget_people(["001"], output, tmp_path / "report")
    assert {camera for (camera,) in columns(output, "camera")} == {"Leica"}
    assert "001" not in {record.person for record in read_records(photos_path(output))}

    told = run("encode", "m.csv", "--pseudonyms", "1", "-o", "p.parquet", cwd=tmp_path).stdout
    assert "columns left out, for they might tell names: 'camera'" in told
    assert pq.read_schema(tmp_path / "p.parquet").remove_metadata() == FACES


def test_no_name_of_a_column_changes_what_is_counted(tmp_path: Path) -> None:
    scripts = [path.read_text() for path in (resources() / "sql").rglob("*.sql")]
    names = sorted({name for script in scripts for name in re.findall("[a-z_]+", script)})
    names = [name for name in names if not clashing([name])]
    assert {"size", "block", "number", "fault", "part", "group"} <= set(names)
    bare = faces_table(*some_people(6, 3))
    wide = bare
    for name in names:
        wide = wide.append_column(name, pa.array([f"{row % 2}" for row in range(len(bare))]))
    seen = []
    for table in (bare, wide):
        file = tmp_path / f"{table.num_columns}.parquet"
        pq.write_table(table, file)
        analysis = analyze_faces(file, tmp_path / "report", formats=[], drop_duplicates=True)
        connection = connect()
        name_faces(connection, file)
        queries = ("from binned_counts order by all", "from people order by all", "from face_counts")
        views = [connection.sql(query).fetchall() for query in queries]
        assert connection.sql("from invalid_faces()").fetchall() == []
        connection.close()
        seen.append((analysis.table.rows(), analysis.summary(), views))
    assert seen[0] == seen[1]


# Layouts


@pytest.mark.parametrize(
    ("layout", "path", "fields"),
    [
        ("{person}_{n}.jpg", "Ann_Lee_0001.jpg", {"person": "Ann_Lee"}),
        ("{person}_{n}.jpg", "Ann_Lee_0001.JPG", {"person": "Ann_Lee"}),
        ("{person}_{n}.JPG", "Ann_1.jpg", {"person": "Ann"}),
        ("{person}_{n}.jpg", "Ann_1.jpeg", None),
        ("{person}_{n}.jpg", "ANN-1.jpg", None),
        ("{person}_{n}.jpg", "Ann_1x.jpg", None),
        ("{person}_{n}.jpg", "2020/Ann_1.jpg", None),
        ("IMG {person}.jpg", "img Ann.jpg", None),
        ("{person}_{n}", "Ann_1.WebP", {"person": "Ann"}),
        ("{person}_{n}.{kind}", "Ann_1.png", {"person": "Ann", "kind": "png"}),
        ("{person}{n}", "Ann12.png", {"person": "Ann"}),
        ("{n}{person}", "12Ann.png", {"person": "Ann"}),
        ("{n}{person}", "12.png", None),
        ("{year}/{person}/{n}.jpg", "2020/Ann/1.jpg", {"person": "Ann", "year": "2020"}),
        ("{person}_{camera}_{n}", "Ann_Lee_M_1.jpg", {"person": "Ann_Lee", "camera": "M"}),
        ("({person}).{{{n}}}.jpg", "(Ann).{1}.jpg", {"person": "Ann"}),
        ("caf\xe9 {person}", "cafe\u0301 Jo\u0308rg.jpg", {"person": "J\xf6rg"}),
        ("{person}/{n}", "Jo\u0308rg/1.jpg", {"person": "Jo\u0308rg"}),
    ],
)
def test_what_a_layout_reads(layout: str, path: str, fields: dict[str, str] | None) -> None:
    assert parse_layout(layout).fit(path) == fields


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ("{n}.jpg", r"lacks \{person\}"),
        ("", r"lacks \{person\}"),
        ("{person", "braces do not pair"),
        ("{person}}", "braces do not pair"),
        ("{person}_{n}_{n}", r"has \{n\} twice"),
        ("{person}/{person}", r"has \{person\} twice"),
        ("{person}{camera}", r"where \{person\} ends and \{camera\} begins"),
        ("{person}_{}", "a word in braces"),
        ("{person:d}", "a word in braces"),
        ("{person}_{two words}", "a word in braces"),
        ("{person}_{Photo}", r"\{Photo\} is a name"),
        ("{person}_{year}_{Year}", r"\{Year\} is a name"),
    ],
)
def test_what_is_no_layout_is_refused_with_an_example(layout: str, reason: str) -> None:
    with pytest.raises(
        FacesqlError, match=rf"is no layout: .*{reason}.*; write one such as '\{{person\}}_\{{n\}}\.jpg'"
    ):
        parse_layout(layout)


def test_photos_that_do_not_fit_the_layout_are_listed_with_that_reason(tmp_path: Path) -> None:
    for path in ("2020/Ann_1.jpg", "2020/Ann_2.nef", "2020/odd.jpg", "Ann_3.jpg", "2020/notes.txt"):
        put(tmp_path / "x" / path)
    listing = find_photos([tmp_path / "x"], layout=parse_layout("{year}/{person}_{n}"))
    assert [(photo.id, photo.person, photo.status) for photo in listing.photos] == [
        ("2020/Ann_1.jpg", "Ann", None),
        ("2020/Ann_2.nef", "Ann", "unsupported"),
        ("2020/odd.jpg", None, "layout"),
        ("Ann_3.jpg", None, "layout"),
    ]
    assert listing.other_files == 1
    assert listing.carried is not None
    assert listing.carried["year"].to_pylist()[0] == "2020"
    put(tmp_path / "y" / "2021" / "Bob_1.jpg")
    both = find_photos([tmp_path / "x", tmp_path / "y"], layout=parse_layout("{year}/{person}_{n}"))
    assert (both.photos[-1].id, both.photos[-1].person) == ("y/2021/Bob_1.jpg", "Bob")


def test_a_flat_folder_is_encoded_by_its_layout(drawn: Path, tmp_path: Path, run: Run) -> None:
    for person in ("01", "02"):
        for photo in (1, 2):
            name = f"Ann_{person}_front_{photo}.png" if photo == 1 else f"Ann_{person}_side_{photo}.png"
            shutil.copy(drawn / f"person_{person}" / f"{photo}.png", put(tmp_path / "flat" / name))
    put(tmp_path / "flat" / "odd.png")
    told = run("encode", "flat", "--layout", "{person}_{view}_{n}.png", cwd=tmp_path).stdout
    assert "5 photos of 2 people, 4 faces found" in told
    assert "1  layout: does not fit the layout; mend its name or the layout" in told
    assert columns(tmp_path / "faces.parquet", "person", "view", "id") == [
        ("Ann_01", "front", "Ann_01_front_1.png"),
        ("Ann_01", "side", "Ann_01_side_2.png"),
        ("Ann_02", "front", "Ann_02_front_1.png"),
        ("Ann_02", "side", "Ann_02_side_2.png"),
    ]
