"""run.md: what was analyzed, how long it took, and how it was made."""

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from facesql.encode import EncodeSummary
from facesql.faces import photos_path, read_times, times_path
from facesql.notes import RunNotes, TableNotes, run_notes
from tests.conftest import Run


def cells(notes: Path) -> dict[str, list[str]]:
    """The rows of all tables, by their first cell."""
    rows = [line.strip("|").split("|") for line in notes.read_text().splitlines() if line.startswith("|")]
    return {row[0].strip().replace("`", ""): [cell.strip().replace("`", "") for cell in row[1:]] for row in rows}


def test_the_notes_hold_the_numbers_times_settings_and_versions(
    run: Run, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path
) -> None:
    faces, summary = drawn_faces
    run("analyze", faces, "--formats", "svg", "--cutoffs", "0.2,0.25", "--threads", "1", cwd=tmp_path)
    told = cells(tmp_path / "report" / "run.md")
    assert summary.no_row == {}
    for name, count in {
        "photos found": summary.photos,
        "people found": summary.folders,
        "faces found": summary.faces_found,
        "people merged into others": 0,
        "faces compared": summary.rows,
        "people compared": summary.people,
        "pairs of one person (genuine)": 8 * 3,
    }.items():
        assert told[name] == [str(count)], name
    stages = ["encode: finding photos", "encode: encoding", "encode: choosing faces"]
    stages += [f"analyze: {stage}" for stage in ("reading and checking", "comparing", "table and figures", "charts")]
    assert [name for name in told if name in stages] == stages
    assert told["encode: encoding"] == [f"{summary.seconds['encoding']:.2f} s"]
    settings = {"encode: faces": "match", "encode: detector": "hog", "analyze: cut-offs": "0.2, 0.25"}
    settings |= {"analyze: formats": "vl.json, svg", "analyze: threads": "1", "analyze: skip invalid": "no"}
    for name, value in settings.items():
        assert told[name] == [value], name
    assert told["duckdb"] == ["", duckdb.__version__]
    assert told["dlib"][0]
    assert told["facesql"][0] == told["facesql"][1]


def test_photos_without_a_row_are_counted_by_what_became_of_them(run: Run, drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "exclude.txt").write_text("person_01/1.png\n")
    (tmp_path / "photos").symlink_to(drawn)
    run("encode", "photos", "--faces", "only", "--limit", "2", "--exclude", "exclude.txt", cwd=tmp_path)
    run("analyze", "--formats", "", cwd=tmp_path)
    told = cells(tmp_path / "report" / "run.md")
    records = pq.read_table(photos_path(tmp_path / "faces.parquet"))["status"].to_pylist()
    assert told["photos found"] == [str(len(records))]
    assert told["photos that gave no row: excluded"] == [str(records.count("excluded"))] == ["1"]


def test_a_table_from_elsewhere_says_so_and_cannot_steer_the_notes(run: Run, small_table: Path) -> None:
    table = pq.read_table(small_table)
    found = json.dumps({"photos": 9, "a|b\n## `c`": 1})
    pq.write_table(table.replace_schema_metadata({"facesql.dlib": "`x`|\n# y", "facesql.found": found}), small_table)
    run("analyze", small_table, "--formats", "", cwd=small_table.parent)
    notes = (small_table.parent / "report" / "run.md").read_text()
    assert "\n# y" not in notes
    assert "\n## `c`" not in notes
    assert all(line.count("|") in (3, 4) for line in notes.splitlines() if line.startswith("|"))
    for found in ("no JSON", '{"photos": Infinity}'):
        pq.write_table(table.replace_schema_metadata({"facesql.found": found}), small_table)
        run("analyze", small_table, "--formats", "", cwd=small_table.parent)
    notes = (small_table.parent / "report" / "run.md").read_text()
    assert "What was found in the photos is not noted in the table." in notes
    assert "How long encoding took is not noted beside the table." in notes


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.004, "0.00 s"), (59.99, "59.99 s"), (59.999, "1 min 0 s"), (119.7, "2 min 0 s"), (725, "12 min 5 s")],
)
def test_times_are_rounded_before_they_are_cut_into_minutes(seconds: float, told: str) -> None:
    notes = RunNotes([TableNotes(Path("faces.parquet"), {}, {"encoding": seconds})], {}, {}, {}, {})
    assert f"| encode: `encoding` | {told} |" in run_notes(notes)


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"sha256": 1}', '{"sha256": null, "seconds": {"a": "b"}}'])
def test_times_of_another_table_are_not_told(text: str, small_table: Path) -> None:
    times_path(small_table).write_text(text)
    assert read_times(small_table) == {}


def test_times_are_told_of_the_table_that_they_were_noted_for(
    drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path
) -> None:
    faces, summary = drawn_faces
    assert read_times(faces) == summary.seconds
    copy = tmp_path / "faces.parquet"
    copy.write_bytes(faces.read_bytes())
    times_path(copy).write_bytes(times_path(faces).read_bytes())
    assert read_times(copy) == summary.seconds
    copy.write_bytes(faces.read_bytes() + b"x")
    assert read_times(copy) == {}
