"""Encoding that is stopped, repeated on a folder that has changed, or let down by its workers."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from PIL import Image

import facesql.photos
import facesql.workers
from facesql.encode import encode_photos
from facesql.encoder import FaceSettings
from facesql.errors import FacesqlError
from facesql.faces import photos_path, read_metadata
from facesql.history import Changes
from facesql.records import PhotoRecord, read_records
from facesql.work import Work, work_path, working_on
from facesql.workfolder import shards
from tests.conftest import Run
from tests.test_photos import put, saved

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and file systems are POSIX's")


def many(drawn: Path, folder: Path, copies: int) -> Path:
    """Copies of the drawn people's photos, no two of the same content."""
    for copy in range(copies):
        shutil.copytree(drawn, folder / f"copy_{copy}")
    for number, photo in enumerate(sorted(folder.rglob("*.png"))):
        photo.write_bytes(photo.read_bytes() + b"%d" % number)
    return folder


def tables(output: Path) -> tuple[bytes, bytes]:
    return output.read_bytes(), photos_path(output).read_bytes()


def finished(output: Path) -> int:
    """How many shards there are; the folder may go at any moment."""
    with suppress(FileNotFoundError):
        return len(shards(work_path(output)))
    return 0


def by_id(output: Path) -> dict[str, PhotoRecord]:
    return {record.id: record for record in read_records(photos_path(output))}


@POSIX
def test_a_run_killed_at_any_moment_goes_on_and_ends_in_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    folder = many(drawn, tmp_path / "photos", copies=3)
    whole = tmp_path / "whole" / "faces.parquet"
    encode_photos(folder, whole)
    chance = random.Random(0)  # noqa: S311 - moments, not secrets
    command = [sys.executable, "-m", "facesql.cli", "encode", str(folder)]
    kills = resumed = finishes = 0
    output = tmp_path / "0" / "faces.parquet"
    while kills < 20:
        with subprocess.Popen(
            [*command, "-o", str(output)], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            # However slow the machine is: while it starts, then after a photo was finished, in turn.
            if kills % 2:
                before = finished(output)
                while process.poll() is None and finished(output) <= before:
                    time.sleep(0.01)
            try:
                process.wait(timeout=chance.uniform(0, 1))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                resumed += finished(output) > 0
                continue
        assert process.returncode == 0
        assert tables(output) == tables(whole)
        finishes += 1
        output = tmp_path / str(finishes) / "faces.parquet"
    assert resumed  # some of the kills came when photos were finished
    encode_photos(folder, output)
    assert tables(output) == tables(whole)
    assert {path.name for path in output.parent.iterdir()} == {path.name for path in whole.parent.iterdir()}


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted: that takes a right that this user lacks")
    return folder


@POSIX
def test_a_full_disk_stops_the_run_with_a_sentence_and_loses_nothing(
    drawn: Path, tmp_path: Path, full_disk: Path
) -> None:
    try:
        folder = many(drawn, tmp_path / "photos", copies=4)
        whole = tmp_path / "faces.parquet"
        encode_photos(folder, whole)
        ballast = full_disk / "ballast"
        output = full_disk / "faces.parquet"
        for left in (0, 8_000, 40_000):
            ballast.write_bytes(bytes(max(0, shutil.disk_usage(full_disk).free - left)))
            with pytest.raises(FacesqlError, match=r"Cannot write to .*No space left"):
                encode_photos(folder, output)
            ballast.unlink()
            assert not output.exists()
        encode_photos(folder, output)
        assert tables(output) == tables(whole)
    finally:
        subprocess.run(["umount", full_disk], check=True)


@pytest.fixture
def stopped(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output of a run of 24 photos that was stopped after ten, each in a shard of its own."""
    kept: list[PhotoRecord] = []
    keep = Work.keep

    def stop(self: Work, record: PhotoRecord, made: dict[str, str]) -> None:
        keep(self, record, made)
        self.flush(made)
        kept.append(record)
        if len(kept) == 10:
            raise KeyboardInterrupt

    output = tmp_path / "faces.parquet"
    with monkeypatch.context() as patched:
        patched.setattr(Work, "keep", stop)
        with pytest.raises(KeyboardInterrupt):
            encode_photos(drawn, output, workers=1)
    assert len(shards(work_path(output))) == 10
    return output


def test_finished_photos_are_not_encoded_again(stopped: Path, drawn: Path, drawn_faces: tuple[Path, object]) -> None:
    assert encode_photos(drawn, stopped).encoded == 14
    assert tables(stopped) == tables(drawn_faces[0])
    assert not work_path(stopped).exists()


def test_broken_shards_are_discarded_and_redone(stopped: Path, drawn: Path, drawn_faces: tuple[Path, object]) -> None:
    first, second, third = shards(work_path(stopped))[:3]
    first.write_bytes(first.read_bytes()[:-100])
    second.write_bytes(b"")
    content = bytearray(third.read_bytes())
    content[len(content) // 8] ^= 0xFF  # in a page of numbers, which only its sum can tell
    third.write_bytes(content)
    assert encode_photos(drawn, stopped).encoded == 17
    assert tables(stopped) == tables(drawn_faces[0])


def test_other_settings_are_refused_by_name_before_and_after_the_end(stopped: Path, drawn: Path) -> None:
    difference = r"encoded with backend onnx, now face_recognition; jitters 1, now 3; --fresh"
    with pytest.raises(FacesqlError, match=difference):
        encode_photos(drawn, stopped, settings=FaceSettings(jitters=3))
    encode_photos(drawn, stopped)
    finished = tables(stopped)
    with pytest.raises(FacesqlError, match=difference):
        encode_photos(drawn, stopped, settings=FaceSettings(jitters=3))
    assert tables(stopped) == finished


def test_another_detect_size_is_refused_by_name(drawn: Path, tmp_path: Path) -> None:
    output = tmp_path / "faces.parquet"
    encode_photos(drawn, output, settings=FaceSettings(detect_size=1000))
    assert read_metadata(output)["detect_size"] == "1000"
    finished = tables(output)
    with pytest.raises(FacesqlError, match=r"encoded with detect_size 1000, now 0; --fresh"):
        encode_photos(drawn, output, settings=FaceSettings(detect_size=0))
    assert tables(output) == finished


def test_a_table_older_than_detect_size_was_made_at_full_size(stopped: Path, drawn: Path) -> None:
    older = [*shards(work_path(stopped))]
    for path in older:
        table = pq.read_table(path)
        metadata = {key: value for key, value in table.schema.metadata.items() if key != b"facesql.detect_size"}
        assert len(metadata) == len(table.schema.metadata) - 1
        pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(FacesqlError, match=r"encoded with detect_size 0, now 2000; --fresh"):
        encode_photos(drawn, stopped)
    assert encode_photos(drawn, stopped, settings=FaceSettings(detect_size=0)).encoded == 14
    for path in (stopped, photos_path(stopped)):
        assert read_metadata(path)["detect_size"] == "0"


def test_another_version_is_refused_only_where_it_would_encode(
    stopped: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(drawn, tmp_path / "photos")
    encode_photos(folder, stopped)
    monkeypatch.setattr("facesql.encoder._version", lambda *names: "99" if "pillow" in names else "1")
    assert encode_photos(folder, stopped).encoded == 0
    assert read_metadata(stopped)["pillow"] != "99"
    put(folder / "person_01" / "new.png", (folder / "person_01" / "1.png").read_bytes() + b"new")
    with pytest.raises(FacesqlError, match=r"pillow .*, now 99"):
        encode_photos(folder, stopped)


def test_a_second_run_on_one_output_is_told_who_holds_it(drawn: Path, tmp_path: Path) -> None:
    output = tmp_path / "faces.parquet"
    with working_on(output), pytest.raises(FacesqlError, match=f"being made by process {os.getpid()} on "):
        encode_photos(drawn, output)
    assert encode_photos(drawn, output, limit=1).rows == 3


def test_a_lock_without_a_holder_is_still_a_lock(tmp_path: Path) -> None:
    folder = work_path(tmp_path / "faces.parquet")
    folder.mkdir()
    with (
        FileLock(folder / "lock"),
        pytest.raises(FacesqlError, match="another process"),
        working_on(tmp_path / "faces.parquet"),
    ):
        pass


def test_a_folder_that_has_changed(drawn: Path, tmp_path: Path) -> None:
    folder, output = shutil.copytree(drawn, tmp_path / "photos"), tmp_path / "faces.parquet"
    first = encode_photos(folder, output)
    assert (first.changes, first.encoded) == (None, 24)
    shutil.copytree(folder / "person_02", folder / "person_99")
    (folder / "person_01" / "1.png").rename(folder / "person_01" / "renamed.png")
    (folder / "person_03" / "1.png").write_bytes(b"no photo any more")
    (folder / "person_04" / "1.png").unlink()
    put(folder / "person_05" / "new.png", (drawn / "person_05" / "1.png").read_bytes() + b"new")
    again = encode_photos(folder, output)
    assert again.changes == Changes(added=4, kept=21, moved=1, changed=1, removed=1)
    assert again.encoded == 2
    anew = tmp_path / "anew.parquet"
    encode_photos(folder, anew)
    assert tables(output) == tables(anew)


def test_photos_gone_by_the_tenth_need_prune(drawn: Path, tmp_path: Path) -> None:
    folder, output = shutil.copytree(drawn, tmp_path / "photos"), tmp_path / "faces.parquet"
    encode_photos(folder, output)
    before = tables(output)
    for person in ("person_01", "person_02"):
        (folder / person / "1.png").unlink()
    assert encode_photos(folder, output).rows == 22  # two of 24
    shutil.rmtree(folder / "person_01")
    shutil.rmtree(folder / "person_02")
    with pytest.raises(FacesqlError, match=r"4 of the 22 photos .* are gone, 'person_01/2.png' .*--prune"):
        encode_photos(folder, output)
    assert pq.read_table(output).num_rows == 22
    assert encode_photos(folder, output, prune=True).rows == 18
    assert encode_photos(drawn, output).rows == 24
    assert tables(output) == before


def test_rules_exclusions_and_merges_encode_nothing(drawn: Path, tmp_path: Path) -> None:
    output = tmp_path / "faces.parquet"
    encode_photos(drawn, output)
    before = tables(output)
    exclude = put(tmp_path / "exclude.txt", b"person_01\n")
    relabel = put(tmp_path / "same.csv", b"person,same_as\nperson_02,person_03\n")
    summary = encode_photos(drawn, output, exclude=exclude, relabel=relabel)
    assert (summary.encoded, summary.rows, summary.people, summary.faces_found) == (0, 21, 6, 21)
    assert by_id(output)["person_01/1.png"].status == "excluded"
    assert encode_photos(drawn, output).encoded == 0
    assert tables(output) == before


def test_the_command_says_what_has_changed_and_fresh_starts_over(drawn: Path, tmp_path: Path, run: Run) -> None:
    shutil.copytree(drawn, tmp_path / "photos")
    run("encode", "photos", cwd=tmp_path)
    before = tables(tmp_path / "faces.parquet")
    told = run("encode", "photos", cwd=tmp_path).stdout
    assert "against the table before: 0 added, 24 kept, 0 moved, 0 changed, 0 removed; 0 photos encoded" in told
    assert "against" not in run("encode", "photos", "--fresh", cwd=tmp_path).stdout
    assert tables(tmp_path / "faces.parquet") == before


def test_a_photo_whose_content_is_there_twice_is_encoded_once(drawn: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(drawn / "person_01", tmp_path / "photos" / "Ann")
    shutil.copytree(folder, tmp_path / "photos" / "Bob")
    output = tmp_path / "faces.parquet"
    summary = encode_photos(tmp_path / "photos", output)
    assert (summary.rows, summary.encoded) == (6, 3)
    assert np.array_equal(*(pq.read_table(output)["encoding"][row].as_py() for row in (0, 3)))


def _bad_photo(kind: str) -> bytes:
    return saved(Image.new("RGB", (40, 40), "grey")) + kind.encode()


def _die_or_hang(content: bytes, max_megapixels: float) -> facesql.photos.Photo:
    if content.endswith(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    if content.endswith(b"endless"):
        time.sleep(1_000)
    return facesql.photos.read_photo(content, max_megapixels)


def _read_batch_dangerously(*arguments: object) -> object:
    """What a worker runs in the test below: photos of two kinds are its end."""
    setattr(facesql.workers, "read_photo", _die_or_hang)  # noqa: B010 - it is not its own name there
    return facesql.workers.read_batch(*arguments)  # type: ignore[arg-type]


@POSIX
def test_a_worker_that_dies_or_hangs_costs_its_photo_alone(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(drawn, tmp_path / "photos")
    for person in range(1, 5):
        put(folder / f"person_0{person}" / "deadly.png", _bad_photo(f"{person} deadly"))
    put(folder / "person_01" / "endless.png", _bad_photo("endless"))
    output = tmp_path / "faces.parquet"
    read_batch = facesql.workers.read_batch
    monkeypatch.setattr(facesql.workers, "read_batch", _read_batch_dangerously)
    summary = encode_photos(folder, output, timeout=4)
    assert (summary.photos, summary.rows) == (29, 24)
    failed = {record.id: record.reason for record in by_id(output).values() if record.status == "failed"}
    died = "the worker process died of it twice, perhaps for want of memory"
    assert failed == {
        **{f"person_0{person}/deadly.png": died for person in range(1, 5)},
        "person_01/endless.png": "takes longer than 4 s; --timeout sets the limit",
    }
    monkeypatch.setattr(facesql.workers, "read_batch", read_batch)
    assert encode_photos(folder, output).encoded == 0
    again = encode_photos(folder, output, retry=True)
    assert again.encoded == 5
    assert again.no_row == {("no_face", "the detector finds no face"): 5}


def test_workers_that_cannot_start_are_one_sentence(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facesql.workers, "_check", _die)
    with pytest.raises(FacesqlError, match="worker processes cannot be started"):
        encode_photos(drawn, tmp_path / "faces.parquet", workers=1)
    assert not list(tmp_path.iterdir())


def _die(*_: object) -> None:
    os._exit(9)
