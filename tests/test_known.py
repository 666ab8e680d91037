"""Counts that earlier runs left: taken up where they are of the same faces, and nowhere else."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from facesql.analyze import analyze_faces
from facesql.binning import EUCLIDEAN, Bins, Metric
from facesql.errors import FacesqlError
from facesql.known import KeptCounts, counts_path, keeping_counts, known_counts
from facesql.pairs import Plan, count_pairs, plan_pairs
from facesql.sources import DATABASE
from facesql.workfolder import Shards, shards
from tests.conftest import Run, faces_table, filled, plan_all, some_people

PEOPLE, ENCODINGS = some_people(150, 3)
Rows = list[tuple[object, ...]]


def rows(connection: duckdb.DuckDBPyConnection) -> Rows:
    return connection.execute(
        "select block_a, block_b, same_person, bin, pairs from binned_counts order by all"
    ).fetchall()


def counted(
    people: list[str],
    encodings: NDArray[np.floating],
    known: Iterable[pa.Table] = (),
    photos: list[str | None] | None = None,
    bins: Bins = EUCLIDEAN,
) -> tuple[Rows, Plan, list[pa.Table]]:
    """The counts, how they were planned, and what was kept of them."""
    connection = filled(people, encodings, photos)
    kept: list[pa.Table] = []
    plan = plan_pairs(connection, bins=bins, known=known, tile_faces=40, batch_bytes=200_000)
    count_pairs(connection, plan, keep=kept.append)
    return rows(connection), plan, kept


def test_a_part_of_the_counts_is_taken_up_and_the_rest_counted() -> None:
    expected, plan, kept = counted(PEOPLE, ENCODINGS)
    assert (plan.pairs_known, len(kept) > 5) == (0, True)
    again, resumed, rest = counted(PEOPLE, ENCODINGS, kept[::2])
    assert again == expected
    pairs = [
        int(sum(map(sum, table["pairs"].to_pylist()))) for table in (pa.concat_tables(kept), pa.concat_tables(rest))
    ]
    assert pairs[0] == plan.pairs == 450 * 449 // 2
    assert 0 < resumed.pairs_known == plan.pairs - pairs[1] < plan.pairs


def test_all_counts_are_taken_up_once_however_often_they_are_known() -> None:
    expected, _, kept = counted(PEOPLE, ENCODINGS)
    again, plan, rest = counted(PEOPLE, ENCODINGS, [*kept, *kept])
    assert (again, plan.pairs_known, list(plan.batches()), rest) == (expected, plan.pairs, [], [])


def test_a_new_person_touches_the_pairs_of_one_block_alone() -> None:
    _, _, kept = counted(PEOPLE, ENCODINGS)
    people, encodings = [*PEOPLE, "new"], np.concatenate([ENCODINGS, ENCODINGS[:1] + np.float32(0.01)])
    expected, _, _ = counted(people, encodings)
    again, plan, _ = counted(people, encodings, kept)
    assert again == expected
    assert plan.pairs_known > 0.8 * plan.pairs


@pytest.mark.parametrize("what", ["encoding", "person", "photo", "bins"])
def test_counts_of_other_faces_or_made_in_another_way_are_not_taken(what: str) -> None:
    people, encodings, photos = list(PEOPLE), ENCODINGS.copy(), [f"{number}.jpg" for number in range(len(PEOPLE))]
    _, _, kept = counted(people, encodings, photos=list(photos))
    bins = EUCLIDEAN
    if what == "encoding":
        encodings[::3, 127] += np.float32(1e-6)
    elif what == "person":
        people[::3] = [f"{name} again" for name in people[::3]]
    elif what == "photo":
        photos[1::3] = photos[::3]
    else:
        bins = Bins(Metric.EUCLIDEAN, 0, 1000, Decimal("0.002"))
    expected, _, _ = counted(people, encodings, photos=list(photos), bins=bins)
    again, plan, _ = counted(people, encodings, kept, list(photos), bins)
    assert again == expected
    assert plan.pairs_known == 0


def table(path: Path, people: list[str], encodings: NDArray[np.floating]) -> Path:
    pq.write_table(faces_table(people, encodings), path)
    return path


def test_an_analysis_takes_up_what_the_report_before_counted(tmp_path: Path) -> None:
    faces, report = table(tmp_path / "faces.parquet", PEOPLE, ENCODINGS), tmp_path / "report"
    first = analyze_faces(faces, report, formats=())
    again = analyze_faces(faces, report, formats=())
    assert (first.pairs_known, again.pairs_known) == (0, 450 * 449 // 2)
    assert "| pairs that an earlier run had counted | 101,025 |" in (report / "run.md").read_text()
    assert again.table.equals(first.table)
    assert not counts_path(report).exists()
    afresh = analyze_faces(faces, report, formats=(), fresh=True)
    assert afresh.pairs_known == 0
    assert afresh.table.equals(first.table)


def test_what_cannot_be_read_is_counted_again(tmp_path: Path) -> None:
    faces, report = table(tmp_path / "faces.parquet", PEOPLE, ENCODINGS), tmp_path / "report"
    first = analyze_faces(faces, report, formats=())
    kept = pq.read_table(faces)  # a Parquet file, but of no counts
    (report / DATABASE).write_bytes(b"no database" * 500)
    folder = counts_path(report)
    folder.mkdir()
    (folder / "000001.parquet").write_bytes(b"no counts")
    pq.write_table(kept, folder / "000002.parquet")
    assert list(known_counts(folder, report / DATABASE)) == []
    again = analyze_faces(faces, report, formats=())
    assert again.table.equals(first.table)
    assert not folder.exists()


def test_a_failed_analysis_leaves_its_shards_and_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces, report = table(tmp_path / "faces.parquet", PEOPLE, ENCODINGS), tmp_path / "report"
    keep = KeptCounts.keep

    def keep_and_fail(kept: KeptCounts, counts: pa.Table) -> None:
        keep(kept, counts)
        raise KeyboardInterrupt

    monkeypatch.setattr(Shards, "due", property(lambda _: True))
    monkeypatch.setattr(KeptCounts, "keep", keep_and_fail)
    with pytest.raises(KeyboardInterrupt):
        analyze_faces(faces, report, formats=())
    assert not report.exists()
    assert len(shards(counts_path(report))) == 1
    monkeypatch.undo()
    assert plan_all(faces, report).pairs_known == 450 * 449 // 2
    assert plan_all(faces, report, fresh=True).pairs_known == 0
    assert analyze_faces(faces, report, formats=()).pairs_known == 450 * 449 // 2
    assert not counts_path(report).exists()


def test_the_shards_stand_beside_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert counts_path(Path("my.report")) == Path("my.report.work")
    assert counts_path(Path()) == tmp_path.with_name(f"{tmp_path.name}.work")
    with pytest.raises(FacesqlError, match="cannot hold a report"):
        counts_path(Path("/"))


def test_two_analyses_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    faces, report = table(tmp_path / "faces.parquet", PEOPLE[:9], ENCODINGS[:9]), tmp_path / "report"
    with (
        keeping_counts(report, report / DATABASE),
        pytest.raises(FacesqlError, match="report' is being made by process"),
    ):
        analyze_faces(faces, report, formats=())


def test_a_killed_analysis_goes_on_where_it_was(tmp_path: Path, run: Run) -> None:
    people = [f"p{number // 4}" for number in range(60_000)]
    encodings = np.random.default_rng(5).normal(scale=0.06, size=(len(people), 64)).astype(np.float32)
    faces = table(tmp_path / "faces.parquet", people, encodings)
    command = [sys.executable, "-m", "facesql.cli", "analyze", str(faces), "--formats", ""]
    folder = tmp_path / "killed.work"
    with subprocess.Popen(
        [*command, "-o", "killed", "--threads", "1"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as killed:
        deadline = time.monotonic() + 240
        while not shards(folder):
            assert killed.poll() is None, "it ended before it had written a shard"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / DATABASE).exists()
    plan = plan_all(faces, tmp_path / "killed")
    assert 0 < plan.pairs_known < plan.pairs
    resumed = run("analyze", faces, "--formats", "", "-o", "killed", cwd=tmp_path)
    whole = run("analyze", faces, "--formats", "", "-o", "whole", cwd=tmp_path)
    assert resumed.stdout == whole.stdout
    assert not folder.exists()
    in_reports = []
    for report in ("killed", "whole"):
        with duckdb.connect(str(tmp_path / report / DATABASE), read_only=True) as connection:
            in_reports.append(rows(connection))
    assert in_reports[0] == in_reports[1]


def test_the_plan_is_explained_and_nothing_written(tmp_path: Path, run: Run) -> None:
    table(tmp_path / "faces.parquet", PEOPLE, ENCODINGS)
    lines = run("analyze", "--explain", "--threads", "3", cwd=tmp_path).stdout.splitlines()
    cells = {line.split("  ")[0]: line.split() for line in lines}
    assert cells["faces"][1:] == ["450", "512", "bytes", "an", "encoding"]
    assert cells["pairs"][1:3] == ["101,025", "0"]
    assert cells["tiles"][1] == cells["tile pairs"][2] == cells["batches"][1] == "1"
    assert cells["batches"][2:] == ["of", "at", "most", f"{2 * 450 * 512:,}", "bytes", "of", "encodings"]
    assert cells["threads"][1] == "3"
    assert [path.name for path in tmp_path.iterdir()] == ["faces.parquet"]
