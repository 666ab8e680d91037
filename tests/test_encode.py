"""A folder of photos to the two tables, with drawn people through the real encoder."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import facesql.encode
from facesql.analyze import analyze_faces
from facesql.corrections import read_exclude
from facesql.encode import EncodeSummary, encode_photos
from facesql.encoder import TOLERANCE, BackendName
from facesql.errors import FacesqlError
from facesql.faces import FACES, PHOTOS, photos_path
from facesql.listing import Listing
from facesql.records import PhotoRecord, read_records
from facesql.selection import FaceRule
from tests.conftest import Run
from tests.test_photos import one_bit_png, put, saved

Encoded = tuple[Path, EncodeSummary]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Encoded:
    """A folder as people keep them: three good people, and one of every trouble; encoded."""
    folder = tmp_path_factory.mktemp("archive") / "photos"
    for person in ("person_01", "person_02", "person_03"):
        shutil.copytree(drawn / person, folder / person)
    trouble = folder / "trouble"
    good = drawn / "person_01" / "1.png"
    put(trouble / "empty.jpg", b"")
    put(trouble / "text.jpg", b"some text")
    put(trouble / "truncated.png", good.read_bytes()[:5_000])
    put(trouble / "bomb.png", one_bit_png(20_000))
    put(trouble / "camera.nef")
    put(trouble / "wall.png", saved(Image.new("RGB", (80, 80), "grey")))
    put(trouble / "on_its_side.png", saved(Image.open(good).rotate(90)))
    put(folder / "loose.png", good.read_bytes())
    put(folder / "person_01" / "notes.txt")
    put(folder / "excluded" / "1.png", good.read_bytes())
    exclude = put(folder.parent / "exclude.txt", b"# not wanted\nexcluded\nperson_03/3.png\nmisspelt/1.png\n")
    output = folder.parent / "out" / "faces.parquet"
    return output, encode_photos(folder, output, exclude=exclude, workers=2)


def statuses(output: Path) -> dict[str, str]:
    table = pq.read_table(photos_path(output))
    return dict(zip(table["id"].to_pylist(), table["status"].to_pylist(), strict=True))


def test_every_photo_found_has_a_row_or_a_reason(archive: Encoded) -> None:
    output, summary = archive
    assert summary.photos == 18 == summary.photos_with_row + summary.no_row.total()
    assert statuses(output) == {
        "excluded/1.png": "excluded",
        "loose.png": "loose",
        **{f"person_0{person}/{photo}.png": "row" for person in (1, 2, 3) for photo in (1, 2, 3)},
        "person_03/3.png": "excluded",
        "trouble/bomb.png": "too_large",
        "trouble/empty.jpg": "unreadable",
        "trouble/on_its_side.png": "no_face",
        "trouble/camera.nef": "unsupported",
        "trouble/text.jpg": "unreadable",
        "trouble/truncated.png": "unreadable",
        "trouble/wall.png": "no_face",
    }
    without_row = [status for status in statuses(output).values() if status != "row"]
    counted: Counter[str] = Counter()
    for (status, _), count in summary.no_row.items():
        counted[status] += count
    assert counted == Counter(without_row)
    assert summary.other_files == 1
    assert summary.unused_excludes == ["misspelt/1.png"]


def test_the_faces_table_has_the_full_schema_and_its_rows(archive: Encoded) -> None:
    output, summary = archive
    table = pq.read_table(output)
    assert table.schema.remove_metadata() == FACES
    assert pq.read_schema(photos_path(output)).remove_metadata() == PHOTOS
    assert table.num_rows == summary.rows == 8
    assert table["id"].to_pylist()[:2] == ["person_01/1.png", "person_01/2.png"]
    assert table["person"].to_pylist()[0] == "person_01"
    assert {len(encoding) for encoding in table["encoding"].to_pylist()} == {128}
    box = table["box"].to_pylist()[0]
    assert 0 <= box["left"] < box["right"] <= table["width"].to_pylist()[0] == 250
    assert 0 <= box["top"] < box["bottom"] <= table["height"].to_pylist()[0] == 250


def test_both_backends_are_one_encoder_to_analyze(drawn: Path, drawn_faces: Encoded, tmp_path: Path) -> None:
    reference = tmp_path / "reference.parquet"
    encode_photos(drawn, reference, backend=BackendName.FACE_RECOGNITION, workers=1)
    tables = [pq.read_table(path) for path in (drawn_faces[0], reference)]
    assert [table.schema.metadata[b"facesql.backend"] for table in tables] == [b"onnx", b"face_recognition"]
    assert tables[0].drop_columns("encoding").equals(tables[1].drop_columns("encoding"))
    numbers = [np.array(table["encoding"].to_pylist()) for table in tables]
    assert 0 < np.abs(numbers[0] - numbers[1]).max() < TOLERANCE
    # Each photo by both: as far from others as before, and from itself by next to nothing.
    renamed = tables[1]
    for name in ("id", "photo"):
        again = [[f"again/{value}" for value in renamed[name].to_pylist()]]
        renamed = renamed.set_column(renamed.column_names.index(name), name, again)
    pq.write_table(
        pa.concat_tables(table.replace_schema_metadata() for table in (tables[0], renamed)), tmp_path / "both"
    )
    alone, both = (
        analyze_faces(path, tmp_path / f"report-{path.name}", formats=[]) for path in (reference, tmp_path / "both")
    )
    itself = len(tables[0])
    assert both.figures.genuine_pairs == 4 * alone.figures.genuine_pairs + itself
    nearest = both.table.filter(pl.col("bin") == 1)["genuine_matched"].item()
    assert nearest == itself
    assert both.figures.impostor_pairs == 4 * alone.figures.impostor_pairs


def test_the_metadata_say_how_the_table_was_made(archive: Encoded) -> None:
    metadata = {key.decode(): value.decode() for key, value in pq.read_schema(archive[0]).metadata.items()}
    assert metadata["facesql.faces"] == "match"
    assert metadata["facesql.detector"] == "hog"
    assert metadata["facesql.jitters"] == "1"
    assert metadata["facesql.backend"] == "onnx"
    assert set(metadata) >= {
        "facesql.version",
        "facesql.dlib",
        "facesql.onnxruntime",
        "facesql.numpy",
        "facesql.pillow",
    }


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_can_read_the_tables(archive: Encoded) -> None:
    output, _ = archive
    assert {path.stat().st_mode & 0o777 for path in output.parent.iterdir()} == {0o600}
    assert output.parent.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in output.parent.iterdir()} == {
        "faces.parquet",
        "faces.photos.parquet",
        "faces.run.json",
    }


def test_any_number_of_workers_gives_the_same_bytes(drawn: Path, drawn_faces: Encoded, tmp_path: Path) -> None:
    output, _ = drawn_faces
    alone = tmp_path / "alone.parquet"
    encode_photos(drawn, alone, workers=1)
    assert alone.read_bytes() == output.read_bytes()
    assert photos_path(alone).read_bytes() == photos_path(output).read_bytes()


def test_people_are_merged_after_the_choice_and_limited_before(drawn: Path, tmp_path: Path) -> None:
    relabel = put(
        tmp_path / "same.csv", b"person,same_as\nperson_02,person_01\nperson_01,Ann\nperson_08,Zoe\nnobody,Ann\n"
    )
    output = tmp_path / "faces.parquet"
    summary = encode_photos(drawn, output, relabel=relabel, limit=3)
    table = pq.read_table(output)
    assert Counter(table["person"].to_pylist()) == {"Ann": 6, "person_03": 3}
    assert set(pq.read_table(photos_path(output))["person"].to_pylist()) == {"person_01", "person_02", "person_03"}
    assert (summary.folders, summary.people, summary.merged_people) == (3, 2, 2)
    assert summary.unused_relabels == ["nobody"]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("name,other\na,b\n", "first line 'person,same_as'"),
        ("person,same_as\na,b\nb,a\n", "circle"),
        ("person,same_as\na,b\na,c\n", "twice"),
        ("person,same_as\na,\n", "Line 2"),
    ],
)
def test_a_file_of_merges_that_makes_no_sense_is_refused(drawn: Path, tmp_path: Path, text: str, remedy: str) -> None:
    relabel = put(tmp_path / "same.csv", text.encode())
    with pytest.raises(FacesqlError, match=remedy):
        encode_photos(drawn, tmp_path / "faces.parquet", relabel=relabel)


def test_a_photo_of_two_people(drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(drawn / "person_01", folder / "Ann")
    both = Image.new("RGB", (500, 250))
    both.paste(Image.open(drawn / "person_02" / "1.png"), (0, 0))
    both.paste(Image.open(drawn / "person_01" / "1.png"), (250, 0))
    both.save(folder / "Ann" / "both.png")
    both.save(put(folder / "Bob" / "both.png"))

    rows = {}
    for rule in FaceRule:
        output = tmp_path / f"{rule}.parquet"
        encode_photos(folder, output, rule=rule)
        table = pq.read_table(output)
        rows[rule] = {
            id_: box["left"] for id_, box in zip(table["id"].to_pylist(), table["box"].to_pylist(), strict=True)
        }
        assert statuses(output)["Bob/both.png"] == (
            "undecidable" if rule == "match" else statuses(output)["Ann/both.png"]
        )
    ann = {id_: left for id_, left in rows[FaceRule.MATCH].items() if "both" in id_}
    assert [left >= 250 for left in ann.values()] == [True]  # the face of person_01 stands on the right
    assert not any("both" in id_ for id_ in rows[FaceRule.ONLY])
    assert {id_ for id_ in rows[FaceRule.ALL] if "Bob" in id_} == {"Bob/both.png", "Bob/both.png#2"}
    assert len(rows[FaceRule.CENTRAL]) == len(rows[FaceRule.LARGEST]) == 5


def test_a_folder_in_which_nothing_has_a_face_gives_a_table_of_no_rows(tmp_path: Path, run: Run) -> None:
    put(tmp_path / "photos" / "Ann" / "1.png", saved(Image.new("RGB", (60, 60), "grey")))
    done = run("encode", "photos", cwd=tmp_path)
    assert "0 rows of 0 people" in done.stdout
    table = pq.read_table(tmp_path / "faces.parquet")
    assert (table.num_rows, table.schema.remove_metadata()) == (0, FACES)
    failed = run("analyze", cwd=tmp_path, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("facesql: 'faces.parquet' holds no faces: no photo gave a row")
    assert not (tmp_path / "report" / "facesql.duckdb").exists()


def test_a_table_that_encode_did_not_make_is_only_replaced_when_asked(tmp_path: Path, drawn: Path) -> None:
    for name in ("faces.parquet", "faces.photos.parquet"):
        kept = put(tmp_path / name, b"hours of work")
        with pytest.raises(FacesqlError, match="--fresh starts over"):
            encode_photos(drawn, tmp_path / "faces.parquet", limit=1)
        assert kept.read_bytes() == b"hours of work"
        kept.unlink()
    put(tmp_path / "faces.parquet", b"hours of work")
    encode_photos(drawn, tmp_path / "faces.parquet", limit=1, fresh=True)
    assert pq.read_table(tmp_path / "faces.parquet").num_rows == 3


def test_a_folder_without_photos_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FacesqlError, match=r"holds no photos; expected .*PERSON"):
        encode_photos(tmp_path, tmp_path / "faces.parquet")


def interrupted(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too


def interrupted_twice(process: "subprocess.Popen[bytes]") -> None:
    interrupted(process)
    time.sleep(0.02)
    interrupted(process)


# How a run ends, and the exit codes that may be seen: the second Ctrl-C may meet Python on its way out.
STOPS = {
    "ctrl-c": (interrupted, {130}),
    "ctrl-c twice": (interrupted_twice, {130, -signal.SIGINT}),
    "kill": (lambda process: process.terminate(), {143}),
    "kill -9": (lambda process: process.kill(), {-9}),
}


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("delay", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("stop", STOPS)
def test_a_stopped_run_leaves_no_table_no_worker_and_the_old_one_whole(
    drawn: Path, tmp_path: Path, stop: str, delay: float
) -> None:
    folder = tmp_path / "photos"
    for copy in range(20):
        shutil.copytree(drawn, folder / f"copy_{copy}")
    for number, photo in enumerate(sorted(folder.rglob("*.png"))):  # no two of them of the same content
        photo.write_bytes(photo.read_bytes() + b"%d" % number)
    old = put(tmp_path / "faces.parquet", b"the old table")
    # The parent says when it is about to start its workers.
    code = (
        "import sys, facesql.cli, facesql.encode as e\n"
        "read_photos = e.read_photos\n"
        "e.read_photos = lambda *a, **k: (print('starting', flush=True), read_photos(*a, **k))[1]\n"
        f"sys.argv = ['facesql', 'encode', {str(folder)!r}, '--fresh', '--workers', '2']\n"
        "if __name__ == '__main__': facesql.cli.main()\n"
    )
    script = put(tmp_path / "run.py", code.encode())
    with subprocess.Popen(
        [sys.executable, script], cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"starting\n"
        time.sleep(delay)
        how, codes = STOPS[stop]
        how(process)
        process.wait(timeout=60)
        # The workers hold the other end of stderr: it closes when the last of them has ended.
        said = process.stderr.read()
    assert process.returncode in codes, said
    # A worker that is starting just then does not find what its killed parent had for it, before any code of ours runs.
    assert stop == "kill -9" or b"Traceback" not in said
    assert old.read_bytes() == b"the old table"
    assert not photos_path(old).exists()


def fill(folder: Path, drawn: Path) -> dict[str, str]:
    """Fill a folder with whatever a folder can hold; returns the status that each photo is to get, by id."""
    good = drawn / "person_01" / "1.png"
    face, grey = Image.open(good).convert("RGB"), Image.new("RGB", (40, 40), "grey")
    two_faces = Image.new("RGB", (500, 250))
    two_faces.paste(face, (0, 0))
    two_faces.paste(Image.open(drawn / "person_02" / "1.png"), (250, 0))
    deep = np.asarray(face.convert("L")).astype(np.uint16) * 257

    modes = {mode: face.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")}
    modes |= {"I;16": Image.fromarray(deep), "F": face.convert("F"), "no face": grey, "two faces": two_faces}
    for name, image in modes.items():
        put(folder / "modes" / f"{name}.tif", saved(image, "TIFF"))
    contents = {
        "animated.gif": saved(face, "GIF", save_all=True, append_images=[grey]),
        "photo.heic": saved(face, "HEIF"),
        "photo.webp": saved(face, "WEBP"),
        "a png.JPG": good.read_bytes(),
        "text.jpg": b"some text",
        "truncated.png": good.read_bytes()[:5_000],
        "empty.png": b"",
        "bomb.png": one_bit_png(20_000),
        "camera.nef": b"x",
    }
    for name, content in contents.items():
        put(folder / "kinds" / name, content)
    for name in (
        "loose.png",
        "A/2020/12/nested.png",
        "A/x.jpg/in a folder named so.png",
        "J\xf6rg/1.png",
        "Jo\u0308rg/1.png",
    ):
        put(folder / name, good.read_bytes())
    for name in (
        ".hidden.png",
        ".hidden/1.png",
        "A/._1.png",
        "A/Thumbs.db",
        "__MACOSX/A/1.png",
        "A/notes.txt",
        "README",
    ):
        put(folder / name, good.read_bytes())
    for odd in (b"B/\xff.png", rb"B/\xff.png", b"\xfe/1.png"):
        put(folder / os.fsdecode(odd), good.read_bytes())
    outside = put(folder.parent / "outside" / "1.png", good.read_bytes())
    links = {
        "inside.png": folder / "A" / "2020" / "12" / "nested.png",
        "outside.png": outside,
        "broken.png": folder / "nothing",
        "circle.png": folder / "links" / "circle.png",
        "folder": outside.parent,
        "up": folder,
    }
    (folder / "links").mkdir()
    for name, target in links.items():
        (folder / "links" / name).symlink_to(target)
    os.mkfifo(folder / "A" / "pipe.png")
    put(folder / "A" / "locked.png", good.read_bytes()).chmod(0)

    return {
        **{f"modes/{name}.tif": "row" for name in modes},
        "modes/F.tif": "unreadable",
        "modes/no face.tif": "no_face",
        **{f"kinds/{name}": "row" for name in contents},
        **{f"kinds/{name}": "unreadable" for name in ("text.jpg", "truncated.png", "empty.png")},
        "kinds/bomb.png": "too_large",
        "kinds/camera.nef": "unsupported",
        "loose.png": "loose",
        "A/2020/12/nested.png": "row",
        "A/x.jpg/in a folder named so.png": "row",
        "J\xf6rg/1.png": "row",
        "Jo\u0308rg/1.png": "row",
        r"B/\xff.png": "row",
        r"B/\xff.png~2": "row",
        r"\xfe/1.png": "row",
        "links/inside.png": "row",
        "links/broken.png": "unreadable",
        **{f"links/{name}": "link" for name in ("outside.png", "circle.png", "folder", "up")},
        "A/pipe.png": "unreadable",
        "A/locked.png": "row" if os.access(folder / "A" / "locked.png", os.R_OK) else "unreadable",
    }


def leaves(folder: Path) -> list[Path]:
    """All files and links below a folder that are not hidden or a system's own."""
    walked = [
        (Path(parent).relative_to(folder), [*files, *(name for name in folders if Path(parent, name).is_symlink())])
        for parent, folders, files in os.walk(folder)
    ]
    paths = [parent / name for parent, names in walked for name in names]
    return [path for path in paths if not re.search(r"(^|/)(\.|__MACOSX|Thumbs\.db)", str(path))]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere some of these names and files cannot be")
def test_whatever_a_folder_holds_has_a_row_or_a_reason_and_ends_well(drawn: Path, tmp_path: Path, run: Run) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    expected = fill(tmp_path / "photos", drawn)
    output = tmp_path / "faces.parquet"
    summary = encode_photos(tmp_path / "photos", output, rule=FaceRule.LARGEST)
    assert statuses(output) == expected
    assert pq.read_table(photos_path(output)).num_rows == len(expected) == len(leaves(tmp_path / "photos")) - 2
    assert summary.photos == len(expected) == summary.photos_with_row + summary.no_row.total()
    assert summary.photos_with_row == summary.rows == sum(status == "row" for status in expected.values())
    assert (summary.other_files, summary.spellings, summary.notes.total()) == (2, 1, 1)
    assert set(pq.read_table(output)["photo"].to_pylist()) == {
        id_ for id_, status in expected.items() if status == "row"
    }
    told = run("encode", "photos", "--faces", "largest", cwd=tmp_path).stdout
    assert (
        f"{len(expected)} kept, 0 moved, 0 changed, 0 removed; 1 photo encoded" in told
    )  # the bomb: its limit may change


@pytest.mark.parametrize("stage", ["_list_photos", "_hashed"])
def test_a_photo_that_goes_while_the_run_is_on_is_unreadable(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    folder = shutil.copytree(drawn, tmp_path / "photos", ignore=shutil.ignore_patterns("person_0[2-8]"))
    before = getattr(facesql.encode, stage)

    def and_remove(*arguments: object, **options: object) -> object:
        result = before(*arguments, **options)
        (folder / "person_01" / "2.png").unlink()
        return result

    monkeypatch.setattr(facesql.encode, stage, and_remove)
    output = tmp_path / "faces.parquet"
    summary = encode_photos(folder, output)
    assert (summary.photos, summary.rows) == (3, 2)
    assert summary.no_row == {("unreadable", "cannot be read"): 1}
    assert statuses(output)["person_01/2.png"] == "unreadable"
    with monkeypatch.context() as patched:
        patched.setattr(facesql.encode, stage, before)
        shutil.copy(drawn / "person_01" / "2.png", folder / "person_01")
        assert encode_photos(folder, output).rows == 3


def test_a_copy_of_a_photo_that_goes_is_not_called_gone(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(drawn / "person_01", tmp_path / "photos" / "Ann").parent
    shutil.copy(folder / "Ann" / "1.png", folder / "Ann" / "copy.png")
    before = facesql.encode._hashed

    def and_remove(*arguments: Any, **options: Any) -> list[PhotoRecord]:
        records = before(*arguments, **options)
        (folder / "Ann" / "1.png").unlink()
        return records

    output = tmp_path / "faces.parquet"
    with monkeypatch.context() as patched:
        patched.setattr(facesql.encode, "_hashed", and_remove)
        encode_photos(folder, output)
    reasons = {record.id: record.reason for record in read_records(photos_path(output))}
    assert reasons["Ann/1.png"] == "cannot be read: No such file or directory"
    assert reasons["Ann/copy.png"] == "not read, run again: its copy 'Ann/1.png' went or changed"
    assert encode_photos(folder, output).rows == 3


def test_an_excluded_photo_that_goes_stays_excluded(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(drawn / "person_01", tmp_path / "photos" / "Ann").parent
    exclude = put(tmp_path / "exclude.txt", b"Ann/2.png\n")
    before = facesql.encode._list_photos

    def and_remove(*arguments: Any) -> Listing:
        listing = before(*arguments)
        (folder / "Ann" / "2.png").unlink()
        return listing

    monkeypatch.setattr(facesql.encode, "_list_photos", and_remove)
    assert encode_photos(folder, tmp_path / "faces.parquet", exclude=exclude).no_row == {
        ("excluded", "named in the exclude file"): 1
    }


def test_entries_of_the_exclude_file_in_several_spellings(tmp_path: Path) -> None:
    written = b"# a comment\n\n./Ann/1.jpg\nBob/\n./#1 fan\n"
    assert read_exclude(put(tmp_path / "exclude.txt", written)) == {"Ann/1.jpg", "Bob", "#1 fan"}


def test_the_limit_counts_people_who_have_photos_left(drawn: Path, tmp_path: Path) -> None:
    exclude = put(tmp_path / "exclude.txt", b"person_01\n")
    summary = encode_photos(drawn, tmp_path / "faces.parquet", exclude=exclude, limit=1)
    assert (summary.rows, summary.people) == (3, 1)


def test_no_limit_on_pixels_is_infinity(drawn: Path, tmp_path: Path) -> None:
    summary = encode_photos(drawn, tmp_path / "faces.parquet", limit=1, max_megapixels=float("inf"))
    assert summary.rows == 3


def test_genuine_distances_of_drawn_people_are_smaller_than_impostor_ones(drawn_faces: Encoded) -> None:
    table = pq.read_table(drawn_faces[0])
    encodings = np.array(table["encoding"].to_pylist())
    people = np.array(table["person"].to_pylist())
    distance = np.linalg.norm(encodings[:, None] - encodings[None], axis=2)
    same = people[:, None] == people[None]
    assert distance[same & (distance > 0)].mean() < 0.5 * distance[~same].mean()


def test_an_animation_gives_its_first_picture_and_a_note(drawn: Path, tmp_path: Path, run: Run) -> None:
    first, second = (Image.open(drawn / person / "1.png").convert("RGB") for person in ("person_01", "person_02"))
    put(
        tmp_path / "photos" / "Ann" / "1.webp",
        saved(first, "WEBP", save_all=True, append_images=[second], lossless=True),
    )
    put(tmp_path / "photos" / "Ann" / "2.webp", saved(first, "WEBP", lossless=True))
    told = run("encode", "photos", cwd=tmp_path).stdout
    assert "1 photo read in part: the first of several pictures" in told
    table = pq.read_table(photos_path(tmp_path / "faces.parquet"))
    assert table["note"].to_pylist() == ["the first of 2 pictures", None]
    rows = pq.read_table(tmp_path / "faces.parquet")["encoding"].to_pylist()
    assert rows[0] == rows[1]


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows, and macOS composes names")
def test_links_are_followed_if_asked_and_spellings_of_a_name_are_one_person(
    drawn: Path, tmp_path: Path, run: Run
) -> None:
    shutil.copytree(drawn / "person_01", tmp_path / "photos" / "Jos\u00e9")
    shutil.copytree(drawn / "person_02", tmp_path / "photos" / "Jose\u0301")
    (tmp_path / "photos" / "Bob").symlink_to(drawn / "person_03")
    told = run("encode", "photos", cwd=tmp_path).stdout
    assert "6 rows of 1 person" in told
    assert "1 person with names that write accents differently taken for one each" in told
    assert "link: a link that is not followed" in told
    assert "9 rows of 2 people" in run("encode", "photos", "--follow-links", cwd=tmp_path).stdout
    exclude = put(tmp_path / "exclude.txt", "Jose\u0301\nBob\n".encode())
    told = run("encode", "photos", "--follow-links", "--exclude", str(exclude), cwd=tmp_path).stdout
    assert "0 rows" in told
