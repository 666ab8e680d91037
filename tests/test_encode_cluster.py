"""Photos encoded by the workers of a Dask cluster of this machine: the same bytes, whatever befalls a worker."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import distributed
import pytest
from distributed import Client, LocalCluster

import facesql.clusterworkers
import facesql.encode
import facesql.encoder
import facesql.workers
from facesql.clusterworkers import _here, read_photos_there
from facesql.encode import EncodeSummary, encode_photos
from facesql.encoder import BackendName, Encoder
from facesql.errors import FacesqlError
from facesql.faces import photos_path
from facesql.records import PhotoRecord
from facesql.work import Work
from facesql.workers import Limits, PhotoToRead
from tests.conftest import Run
from tests.test_photos import put
from tests.test_resume import POSIX, _bad_photo, _read_batch_dangerously, by_id


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two workers, a process each."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", scheduler_port=0, dashboard_address=":0"
    ) as started:
        yield started


@pytest.fixture
def address(cluster: LocalCluster) -> str:
    """The address of its scheduler, when both workers are there."""
    cluster.wait_for_workers(2)
    return str(cluster.scheduler_address)


def distinct(folder: Path, drawn: Path, copies: int) -> Path:
    """So many photos of each drawn one, no two of the same content."""
    for copy in range(copies):
        shutil.copytree(drawn, folder / f"copy_{copy}")
    for number, photo in enumerate(sorted(folder.rglob("*.png"))):
        photo.write_bytes(photo.read_bytes() + b"%d" % number)
    return folder


def test_the_tables_are_those_of_one_machine(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path, address: str
) -> None:
    summary = encode_photos(drawn, tmp_path / "faces.parquet", scheduler=address)
    assert (summary.rows, summary.encoded) == (24, 24)
    for path in (drawn_faces[0], photos_path(drawn_faces[0])):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert encode_photos(drawn, tmp_path / "faces.parquet", scheduler=address).encoded == 0


def test_processes_end_with_the_run(address: str) -> None:
    with Client(address, set_as_default=False) as client:
        assert set(client.run(_running).values()) == {0}


def _running() -> int:
    """How many runs have processes in a worker."""
    return sum(processes._pool is not None for processes in facesql.clusterworkers._RUNS.values())


@POSIX
def test_a_worker_that_is_killed_costs_nothing(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    folder = distinct(tmp_path / "photos", drawn, 2)
    encode_photos(folder, tmp_path / "here.parquet", workers=2)
    with Client(address, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
    keep = Work.keep

    def keep_and_kill(self: Work, record: PhotoRecord, made: dict[str, str]) -> None:
        if len(pids) == 2:
            os.kill(pids.pop(), signal.SIGKILL)
        keep(self, record, made)

    monkeypatch.setattr(Work, "keep", keep_and_kill)
    summary = encode_photos(folder, tmp_path / "faces.parquet", scheduler=address)
    assert len(pids) == 1
    assert summary.no_row == {}
    for name in ("{}.parquet", "{}.photos.parquet"):
        assert (tmp_path / name.format("faces")).read_bytes() == (tmp_path / name.format("here")).read_bytes()


@POSIX
def test_a_photo_that_a_process_dies_of_costs_itself_alone(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    folder = Path(shutil.copytree(drawn, tmp_path / "photos"))
    put(folder / "person_01" / "deadly.png", _bad_photo("1 deadly"))
    put(folder / "person_02" / "endless.png", _bad_photo("endless"))
    monkeypatch.setattr(facesql.clusterworkers, "read_batch", _read_batch_dangerously)
    output = tmp_path / "faces.parquet"
    with Client(address, set_as_default=False) as client:
        before = client.run(os.getpid)
        summary = encode_photos(folder, output, timeout=6, scheduler=address)
        assert client.run(os.getpid) == before  # Dask's workers have not been harmed
    assert (summary.photos, summary.rows) == (26, 24)
    assert {record.id: record.reason for record in by_id(output).values() if record.status == "failed"} == {
        "person_01/deadly.png": "the worker process died of it twice, perhaps for want of memory",
        "person_02/endless.png": "takes longer than 6 s; --timeout sets the limit",
    }


def _unseen(photo: Path) -> bool:
    return not photo.is_file()


def _gone(batch: list[PhotoToRead], prepared: Encoder, max_megapixels: float) -> list[PhotoRecord]:
    """What a worker makes of a batch that sees other files."""
    moved = [PhotoToRead(photo.record, photo.path / "elsewhere", photo.bytes) for photo in batch]
    return facesql.workers.read_batch(moved, prepared, max_megapixels)


def test_workers_that_do_not_see_the_photos_are_one_sentence(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    message = r"The worker at tcp://\S+ does not see '.*person_\S+png'; mount the folder of photos at the same path"
    for name, other in (("_sees", _unseen), ("read_batch", _gone)):  # at once, and one that comes later
        with monkeypatch.context() as patched:
            patched.setattr(facesql.clusterworkers, name, other)
            with pytest.raises(FacesqlError, match=message):
                encode_photos(drawn, tmp_path / "faces.parquet", scheduler=address)
    assert not (tmp_path / "faces.parquet").exists()


def test_a_photo_that_goes_meanwhile_is_no_fault_of_a_worker(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    folder = Path(shutil.copytree(drawn, tmp_path / "photos", ignore=shutil.ignore_patterns("person_0[2-8]")))
    before = facesql.encode._hashed

    def and_remove(*arguments: object, **options: object) -> object:
        result = before(*arguments, **options)  # type: ignore[arg-type]
        (folder / "person_01" / "2.png").unlink()
        return result

    monkeypatch.setattr(facesql.encode, "_hashed", and_remove)
    assert encode_photos(folder, tmp_path / "faces.parquet", scheduler=address).rows == 2


def test_other_versions_are_one_sentence(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    calls: list[object] = []

    def versions(self: Encoder) -> dict[str, str]:
        calls.append(self)
        return {"dlib": "1"}

    with monkeypatch.context() as patched:
        patched.setattr(Encoder, "versions", versions)
        with pytest.raises(
            FacesqlError, match=r"The worker at tcp://\S+ has dlib 20\S*, and here is 1; install the same"
        ):
            encode_photos(drawn, tmp_path / "faces.parquet", scheduler=address)
    assert calls


def test_a_machine_without_the_converted_network_converts_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Encoder(model=tmp_path)
    monkeypatch.setattr(facesql.encoder, "prepare", lambda *_, **__: (own, None))
    assert _here(Encoder(model=tmp_path / "absent")) is own
    assert _here(own) is own
    monkeypatch.setattr(
        facesql.encoder, "prepare", lambda *_, **__: (Encoder(BackendName.FACE_RECOGNITION), "it differs")
    )
    with pytest.raises(FacesqlError, match="A worker cannot encode as this machine does: it differs; leave it out"):
        _here(Encoder(model=tmp_path / "absent"))


def test_a_cluster_that_is_lost_is_one_sentence(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facesql.clusterworkers, "_WITHOUT_WORKERS", 0.5)
    prepared, _ = facesql.encoder.prepare()
    photo = drawn / "person_01" / "1.png"
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, scheduler_port=0, dashboard_address=":0")

    with cluster, monkeypatch.context() as patched:
        patched.setattr(facesql.clusterworkers, "_require_fit", lambda *_: cluster.scale(0))
        patched.setattr(facesql.clusterworkers, "_LOOK", 0.1)
        patched.setattr(distributed.Client, "nthreads", lambda *_: {"x": 1} if not lost else {})
        lost: list[int] = []
        threading.Timer(1, lost.append, [1]).start()
        with pytest.raises(
            FacesqlError, match=r"The workers of the cluster are gone, or its scheduler is; what is fin"
        ):
            read_photos_there(
                str(cluster.scheduler_address),
                [PhotoToRead(PhotoRecord("a", "b"), photo, 1)],
                prepared,
                Limits(120, 60),
                lambda _: None,
            )


@POSIX
def test_ctrl_c_cancels_the_tasks_and_keeps_what_is_finished(drawn: Path, tmp_path: Path, address: str) -> None:
    folder = distinct(tmp_path / "photos", drawn, 4)
    code = "from facesql.cli import main; main()"
    command = [sys.executable, "-c", code, "encode", str(folder), "--scheduler", address]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "faces.work").glob("[0-9]*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopped; nothing is half-written" in said
    assert "Traceback" not in said
    assert not (tmp_path / "faces.parquet").exists()
    with Client(address, set_as_default=False) as client:
        deadline = time.monotonic() + 30
        while any(client.processing().values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(client.processing().values())
        assert set(client.run(_running).values()) == {0}
    summary = encode_photos(folder, tmp_path / "faces.parquet", scheduler=address)
    assert 0 < summary.encoded < 96 == summary.rows


def test_dask_is_imported_for_a_cluster_only(tmp_path: Path, drawn: Path, run: Run, address: str) -> None:
    photos = Path(shutil.copytree(drawn / "person_01", tmp_path / "photos" / "Ann")).parent
    code = (
        "import sys; from facesql.encode import encode_photos; from pathlib import Path; "
        f"encode_photos(Path({str(photos)!r}), Path({str(tmp_path / 'a.parquet')!r})); "
        "assert not {'dask', 'distributed'} & set(sys.modules)"
    )
    script = put(tmp_path / "script.py", f"if __name__ == '__main__':\n    {code}\n".encode())
    subprocess.run([sys.executable, script], check=True, timeout=120)
    told = run("encode", photos, "--scheduler", address, cwd=tmp_path).stdout
    assert "3 rows of 1 person in 'faces.parquet'" in told
