"""facesql pairs: what it prints and writes, the page, and what is refused."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from facesql.crops import Crops
from facesql.encode import EncodeSummary
from facesql.faces import photos_path, times_path
from facesql.lookalikes import FoundPairs, PairKind, find_pairs
from facesql.pairfiles import contact_sheet
from tests.conftest import Run, faces_table, some_people
from tests.test_lookalikes import written


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Three people, whose distances are whole."""
    encodings = np.array([[0, 0], [3, 4], [0, 5], [3, 1], [9, 5]], np.float32)
    return written(faces_table(["a", "a", "b", "b", "<script>\x1b"], encodings), tmp_path / "faces.parquet")[0]


def test_the_closest_pairs_are_printed_aligned(run: Run, squares: Path) -> None:
    assert run("pairs", cwd=squares.parent).stdout.splitlines() == [
        "The closest pairs of different people",
        "",
        "distance  id_a                person_a      id_b     person_b",
        " 3.00000  a/1.jpg             a             b/3.jpg  b",
        r" 6.08276  <script>\x1b/4.jpg  <script>\x1b  a/1.jpg  a",
        r" 7.21110  <script>\x1b/4.jpg  <script>\x1b  b/3.jpg  b",
        "",
        "For any two people there is at most one pair here.",
    ]


def test_pairs_below_and_above_say_how_many_there_are_in_all(run: Run, squares: Path) -> None:
    folder = squares.parent
    below = run("pairs", "--below", "5", "-n", "2", cwd=folder).stdout.splitlines()
    assert below[0] == "Pairs of different people at a distance of at most 5"
    assert [line.split()[0] for line in below[2:5]] == ["distance", "3.00000", "3.16228"]
    assert below[-1] == "These are 2 of 4 such pairs; -n shows more."
    above = run("pairs", "--above", "4.9", "--person", "a", cwd=folder).stdout.splitlines()
    assert above[0] == "Pairs of one person at a distance above 4.9, of a"
    assert above[-1] == "This is the only such pair."
    assert run("pairs", "--above", "9", cwd=folder).stdout == (
        "Pairs of one person at a distance above 9\nThere is no such pair.\n"
    )
    assert run("pairs", "--above", "4", cwd=folder).stdout.endswith("These are all 2 such pairs.\n")
    assert run("pairs", "--farthest", cwd=folder).stdout.endswith("For any person there is at most one pair here.\n")


def test_files_hold_all_digits_and_only_their_owner_reads_them(run: Run, small_table: Path) -> None:
    folder = small_table.parent
    table = find_pairs(small_table, most=9).table
    for name in ("pairs.csv", "pairs.parquet", "pairs.JSON", "pairs.html"):
        done = run("pairs", small_table, "-n", "9", "-o", name, cwd=folder)
        assert done.stdout.startswith(f"The closest pairs of different people: 9 pairs in '{name}'\n")
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert_frame_equal(pl.read_csv(folder / "pairs.csv"), table, check_exact=True)
    assert_frame_equal(pl.read_parquet(folder / "pairs.parquet"), table, check_exact=True)
    assert json.loads((folder / "pairs.JSON").read_text()) == table.to_dicts()


def test_what_cannot_be_done_is_one_sentence(run: Run, small_table: Path) -> None:
    folder = small_table.parent
    (folder / "old.csv").write_text("mine")
    (folder / "folder.csv").mkdir()
    for arguments, told in (
        (("--closest", "--below", "1"), "Pairs are sought one way at a time; give one of --closest, "),
        (("--below", "near"), "'near' is no cut-off; "),
        (("--person", "q0"), "There is no person 'q0' in 'faces.parquet'"),
        (("-o", "pairs.txt"), "'pairs.txt' ends in no format; end it in .csv, .parquet, .json or .html."),
        (("-o", "old.csv"), "'old.csv' exists; pass --overwrite "),
        (("-o", "folder.csv", "--overwrite"), "'folder.csv' is a folder; "),
        (("-o", "faces.parquet", "--overwrite"), "'faces.parquet' is what the faces are read from; "),
        (("none.parquet",), "Cannot read 'none.parquet' "),
        (("--metric", "manhattan"), "'manhattan' is no metric; "),
    ):
        done = run("pairs", *arguments, cwd=folder, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith(f"facesql: {told}")
    assert run("pairs", "-n", "0", cwd=folder, check=False).returncode == 2
    assert (folder / "old.csv").read_text() == "mine"
    run("pairs", "-o", "old.csv", "--overwrite", cwd=folder)
    assert (folder / "old.csv").read_text().startswith("distance,id_a,person_a,id_b,person_b\n")


def test_a_page_shows_faces_and_says_why_it_shows_none(
    run: Run, drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path
) -> None:
    faces = tmp_path / "faces.parquet"
    for file in (drawn_faces[0], photos_path(drawn_faces[0]), times_path(drawn_faces[0])):
        shutil.copy(file, tmp_path)
    gone = f"The photos are gone from {str(tmp_path / 'photos')!r}; name their folder with --photos."
    done = run("pairs", "-n", "4", "-o", "gone.html", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == gone
    page = (tmp_path / "gone.html").read_text()
    assert ("<img" in page, page.count("no picture")) == (False, 8)
    assert "name their folder with --photos." in page
    run("pairs", "-n", "4", "-o", "shown.html", "--photos", drawn, cwd=tmp_path)
    page = (tmp_path / "shown.html").read_text()
    assert page.count('<img src="data:image/jpeg;base64,') == 8
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "no picture" not in page
    done = run("pairs", "-o", "off.html", "--no-photos", "--photos", drawn, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "No pictures are wanted."
    assert "<img" not in (tmp_path / "off.html").read_text()
    assert faces.exists()


def test_names_on_a_page_are_text(squares: Path) -> None:
    found = find_pairs(squares, person="<script>\x1b")
    page = contact_sheet(found, Crops.of([squares]))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "The closest pairs of different people, of &lt;script&gt;" in page


def test_a_page_of_no_pairs_says_so(squares: Path) -> None:
    found: FoundPairs = find_pairs(squares, PairKind.ABOVE, cutoff=50.0)
    assert "There is no such pair." in contact_sheet(found, Crops.of([squares]))


def test_doubts_of_mixed_tables_are_told(run: Run, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path) -> None:
    other, _ = written(faces_table(*some_people(3, 2)), tmp_path / "other.parquet")
    done = run("pairs", drawn_faces[0], other, "-n", "1", cwd=tmp_path)
    assert "'other.parquet' does not say how it was encoded" in done.stderr.replace(f"{tmp_path}/", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_ctrl_c_ends_a_search_at_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    encodings = random.normal(scale=0.05, size=(60_000, 128)).astype(np.float32)
    pq.write_table(faces_table([f"p{number}" for number in range(60_000)], encodings), tmp_path / "faces.parquet")
    command = [sys.executable, "-m", "facesql.cli", "pairs", "-o", "pairs.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as program:
        assert program.stderr is not None
        text = ""
        while "searching" not in text and (more := program.stderr.read(1)):
            text += more
        time.sleep(0.5)
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        told = program.stderr.read()
        assert program.wait(30) == 130
        assert time.monotonic() - began < 20
    assert "facesql: stopped; nothing is half-written" in told
    assert "Traceback" not in told
    assert not (tmp_path / "pairs.csv").exists()
