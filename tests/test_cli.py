"""The commands as a user meets them: what they print, where, and how they end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesql.charts import CHARTS
from facesql.database import connect, plain_errors
from facesql.errors import FacesqlError
from tests.conftest import Run, faces_table, some_people
from tests.test_photos import put

HEADER = "cut-off  genuine matched  impostor matched  precision  recall"


def test_help_and_version_answer_without_any_large_package(run: Run, tmp_path: Path) -> None:
    heavy = "face_recognition dlib PIL duckdb polars altair pyarrow numpy"
    code = (
        "import sys\nfrom facesql.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit as stop: assert stop.code == 0\n"
        f"assert not set('{heavy}'.split()) & set(sys.modules), sys.modules.keys() & set('{heavy}'.split())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("encode", "analyze", "demo"))
    assert run("--version", cwd=tmp_path).stdout.startswith("facesql 0.")


def test_analyze_needs_no_package_of_the_encode_extra(run: Run, small_table: Path) -> None:
    # Python imports this module before all others; None in sys.modules makes an import fail.
    absent = ("face_recognition", "face_recognition_models", "dlib", "PIL", "pkg_resources")
    (small_table.parent / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({absent}))\n")
    done = run("analyze", cwd=small_table.parent, PYTHONPATH=str(small_table.parent))
    assert done.stdout.startswith("48 faces of 12 people")


def test_analyze_prints_the_table_on_stdout_and_progress_on_stderr(run: Run, small_table: Path) -> None:
    done = run("analyze", cwd=small_table.parent)
    lines = done.stdout.splitlines()
    assert lines[0] == "48 faces of 12 people: 72 pairs of one person (genuine), 1,056 of two (impostor)"
    [head] = [place for place, line in enumerate(lines) if line.startswith(HEADER)]
    assert [line.split()[0] for line in lines[head + 1 : head + 11]] == [
        *("0.000", "0.300", "0.400", "0.450", "0.500", "0.550", "0.600", "0.900", "1.000", "1.500")
    ]
    assert lines[head + 1].split()[1:5] == ["0", "0", "1.0000", "0.0000"]
    assert "AUC" in done.stdout
    assert "EER" in done.stdout
    assert "d'" in done.stdout
    assert "Where nothing is matched, precision is 1" in done.stdout
    assert "pair/s" in done.stderr
    assert "1128/1128" in done.stderr


def test_analyze_writes_equal_tables_in_every_form(run: Run, small_table: Path) -> None:
    report = small_table.parent / "somewhere" / "else"
    run("analyze", small_table, "-o", report, "--cutoffs", "0.4,0.6", "--threads", "2", cwd=small_table.parent)
    full = pl.read_parquet(report / "precision_recall.parquet")
    assert full.height == 2001
    assert pl.read_csv(report / "precision_recall.csv", schema=full.schema).equals(full)
    keys = pl.read_parquet(report / "key_cutoffs.parquet")
    assert keys["cutoff"].to_list() == [0.4, 0.6]
    assert keys.equals(full.filter(pl.col("bin").is_in([400, 600])))
    summary = json.loads((report / "summary.json").read_text())
    assert summary["genuine_pairs"] + summary["impostor_pairs"] == 48 * 47 // 2
    assert {path.name for path in report.iterdir()} == {
        *("facesql.duckdb", "report.html", "summary.json", "run.md", "key_cutoffs.csv", "key_cutoffs.parquet"),
        *("precision_recall.csv", "precision_recall.parquet", "rate_intervals.csv", "rate_intervals.parquet"),
        *("operating_points.csv", "operating_points.parquet", "optimism.csv", "optimism.parquet"),
        *("calibration.csv", "calibration.parquet", "growth.csv", "growth.parquet"),
        *(f"{name}.{kind}" for name in CHARTS for kind in ("vl.json", "html", "png", "svg")),
    }
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in report.iterdir()} == {0o600}


def test_a_second_analysis_replaces_its_own_files_and_leaves_others_alone(run: Run, small_table: Path) -> None:
    note = put(small_table.parent / "report" / "my_notes.txt", b"keep me")
    for _ in range(2):
        run("analyze", "--formats", "", cwd=small_table.parent)
    assert note.read_bytes() == b"keep me"
    assert (note.parent / "summary.json").exists()


@pytest.mark.parametrize(
    ("people", "sentence", "figure"),
    [
        (["ann", "bob", "cyd"], "No person has two faces in the table", "impostor_mean"),
        (["ann", "ann", "ann"], "No two people are in the table", "genuine_mean"),
        (["ann"], "No person has two faces in the table", None),
    ],
)
def test_what_cannot_be_told_is_a_dash_and_a_sentence(
    run: Run, tmp_path: Path, people: list[str], sentence: str, figure: str | None
) -> None:
    pq.write_table(faces_table(people, some_people(1, len(people))[1]), tmp_path / "faces.parquet")
    done = run("analyze", cwd=tmp_path)
    assert sentence in done.stdout
    assert "nan" not in done.stdout.lower()
    lines = done.stdout.splitlines()
    [head] = [place for place, line in enumerate(lines) if line.startswith(HEADER)]
    assert "-" in lines[head + 1].split()
    summary = json.loads((tmp_path / "report" / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["auc"] is None
    known = [name for name in ("genuine_mean", "impostor_mean") if summary[name] is not None]
    assert known == ([figure] if figure else [])


def test_an_invalid_row_stops_the_run_and_can_be_skipped(run: Run, tmp_path: Path) -> None:
    table = faces_table(*some_people(2, 2))
    broken = table.set_column(2, "encoding", pa.array([*table["encoding"].to_pylist()[:3], None]))
    pq.write_table(broken, tmp_path / "faces.parquet")
    failed = run("analyze", cwd=tmp_path, check=False)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.count("\n") == 1
    assert "'p1/3.jpg' has no encoding" in failed.stderr
    assert not (tmp_path / "report").exists()
    assert "3 faces of 2 people, 1 invalid left out" in run("analyze", "--skip-invalid", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["analyze", "absent.parquet"],
            1,
            "facesql: Cannot read 'absent.parquet' (",
        ),
        (["analyze", "--cutoffs", "0.4;0.6"], 1, "facesql: '0.4;0.6' is no cut-off; write a number"),
        (["analyze", "--metric", "hamming"], 1, "facesql: 'hamming' is no metric; choose from euclidean, sqeuclidean"),
        (["analyze", "--bin-width", "thin"], 1, "facesql: 'thin' is no bin width; write a number"),
        (["analyze", "--max-distance", "inf"], 1, "facesql: 'inf' is no distance; write a number"),
        (["analyze", "--cutoffs", "1e999999"], 1, "facesql: '1e999999' is no cut-off"),
        (["analyze", "--formats", "gif"], 1, "facesql: 'gif' is no format of a chart"),
        (["encode", "absent"], 1, "facesql: 'absent' does not exist; give a folder"),
        (
            ["encode", ".", "--detect-size", "7"],
            1,
            "facesql: 7 pixels are too few to find a face in; give --detect-size 80",
        ),
        (["encode", ".", "--detect-size", "-1"], 2, "--detect-size"),
        (["encode", ".", "--faces", "best"], 1, "facesql: 'best' is no rule for faces"),
        (["encode"], 2, "Missing argument"),
        (["analyse"], 2, "No such command"),
        (["encode", ".", "--workers", "0"], 2, "--workers"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(
    run: Run, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    done = run(*arguments, cwd=tmp_path, check=False)
    assert done.returncode == code
    assert done.stdout == ""
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--cutoffs 0.6005", "The cut-off 0.6005 lies between two edges, which are 0.001 apart; round it, or give a "),
        ("--cutoffs 2.5", "The cut-off 2.5 lies outside 0 to 2; choose one inside, or give a larger --max-distance."),
        (
            "--metric cosine --bin-width 0.01 --cutoffs 0.605",
            "The cut-off 0.605 lies between two edges, which are 0.01 ",
        ),
        ("--bin-width 0", "0 is no --bin-width; give a positive number of at most 9 digits, such as 0.001."),
        ("--max-distance=-1", "-1 is no --max-distance; give a positive number"),
        ("--bin-width 0.3 --max-distance 1", "The largest distance 1 is no multiple of the bin width 0.3; give a "),
        ("--bin-width 0.00001", "Bins of 0.00001 up to 2 are 200,000, more than 20,000; give a larger --bin-width"),
        ("--max-distance 1e18 --bin-width 1e-18", "Bins of 0.000000000000000001 up to 1000000000000000000 are "),
    ],
)
def test_bins_that_do_not_fit_are_one_sentence(run: Run, small_table: Path, options: str, sentence: str) -> None:
    done = run("analyze", *options.split(), cwd=small_table.parent, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"facesql: {sentence}")
    assert done.stderr.count("\n") == 1
    assert not (small_table.parent / "report").exists()


def test_a_place_that_cannot_be_written_to_is_one_sentence(run: Run, small_table: Path) -> None:
    put(small_table.parent / "notes.txt")
    done = run("analyze", "-o", "notes.txt/report", cwd=small_table.parent, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("facesql: Cannot write to 'notes.txt/report.work' (")
    assert done.stderr.count("\n") == 1


def test_a_file_in_place_of_the_report_is_one_sentence(run: Run, small_table: Path) -> None:
    put(small_table.parent / "report", b"mine")
    done = run("analyze", cwd=small_table.parent, check=False)
    assert done.stderr == "facesql: 'report' is a file; name a folder with -o.\n"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_while_comparing_leaves_no_half_report(tmp_path: Path) -> None:
    pq.write_table(faces_table(*some_people(3_000, 8)), tmp_path / "faces.parquet")
    command = [sys.executable, "-m", "facesql.cli", "analyze"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.read(10)  # the progress bar
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert said.endswith("facesql: stopped; nothing is half-written\n")
    assert "Traceback" not in said
    assert not (tmp_path / "report").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("delay", [0.6, 1.0, 1.4, 1.8, 2.2])
def test_ctrl_c_at_any_moment_of_an_analysis_is_no_traceback(tmp_path: Path, delay: float) -> None:
    pq.write_table(faces_table(*some_people(8_000, 5)), tmp_path / "faces.parquet")
    command = [sys.executable, "-m", "facesql.cli", "analyze"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    # Before the command line is parsed Python itself is interrupted, and says so.
    if "facesql/cli.py" not in said:
        assert process.returncode in (130, -signal.SIGINT), said
    assert not (tmp_path / "report").exists()


def test_what_fails_while_ctrl_c_is_handled_is_ctrl_c() -> None:
    def close_while_at_work() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            connect().execute("from nowhere")

    with pytest.raises(KeyboardInterrupt), plain_errors("Try again."):
        close_while_at_work()


def test_an_interrupted_query_is_an_interrupt_and_a_failed_one_a_sentence() -> None:
    with pytest.raises(KeyboardInterrupt), plain_errors("Try again."):
        raise RuntimeError("Query interrupted")
    with pytest.raises(FacesqlError, match=r"^Try again\. \(Catalog Error: .*nowhere"), plain_errors("Try again."):
        connect().execute("from nowhere")


def test_an_analysis_without_pictures_leaves_no_old_ones(run: Run, small_table: Path) -> None:
    run("analyze", cwd=small_table.parent)
    run("analyze", "--formats", "png", cwd=small_table.parent)
    kinds = {path.suffix for path in (small_table.parent / "report").iterdir() if path.name != "report.html"}
    assert kinds == {".png", ".json", ".csv", ".parquet", ".duckdb", ".md"}


def test_what_a_killed_writer_left_is_not_taken_for_the_new_analysis(run: Run, small_table: Path) -> None:
    folder = small_table.parent
    run("analyze", "--formats", "", cwd=folder)
    database = folder / "report" / "facesql.duckdb"
    writer = (
        "import duckdb, os\n"
        f"c = duckdb.connect({str(database)!r})\n"
        "c.execute('delete from faces where file_row < 20'); c.execute('update summary set faces = 7')\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", writer], check=False)
    assert database.with_name("facesql.duckdb.wal").exists()
    run("analyze", "--formats", "", cwd=folder)
    query = ("sql", "select faces, (select count(*) from faces) as stored from summary", "--format", "csv")
    assert run(*query, cwd=folder).stdout == "faces,stored\n48,48\n"
    assert not database.with_name("facesql.duckdb.wal").exists()


def test_the_sample_is_analyzed_anywhere(run: Run, tmp_path: Path) -> None:
    done = run("analyze", "--sample", "lfw", "--formats", "", "--cutoffs", "0.6", cwd=tmp_path)
    assert "12,872 faces of 5,512 people: 241,121 pairs of one person (genuine), 82,596,635 of two" in done.stdout
    assert "0.600          239,180           509,275     0.3196  0.9920" in done.stdout
    assert "| photos that gave no row: `undecidable` | 273 |" in (tmp_path / "report" / "run.md").read_text()


def test_a_sample_that_there_is_not_and_a_sample_beside_a_table_are_refused(run: Run, tmp_path: Path) -> None:
    unknown = run("analyze", "--sample", "nobody", cwd=tmp_path, check=False)
    assert (unknown.returncode, unknown.stderr) == (1, "facesql: There is no sample 'nobody'; choose from lfw.\n")
    both = run("analyze", "faces.parquet", "--sample", "lfw", cwd=tmp_path, check=False)
    assert both.returncode == 2
    assert "name a table or --sample, not both" in both.stderr


def test_names_that_a_terminal_cannot_show_are_escaped(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "photos" / "王" / "1.jpg", b"no photo")
    put(tmp_path / "exclude.txt", "王x/1.png\n".encode())
    done = run("encode", "photos", "--exclude", "exclude.txt", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert r"'\u738bx/1.png'" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")
def test_a_reader_that_goes_away_is_no_error(small_table: Path) -> None:
    command = f"{sys.executable} -m facesql.cli analyze --formats '' 2>errors | head -n 1"
    done = subprocess.run(["sh", "-c", command], cwd=small_table.parent, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("48 faces")
    assert "Traceback" not in (small_table.parent / "errors").read_text()


def test_a_memory_limit_changes_nothing_but_the_notes(run: Run, small_table: Path) -> None:
    folder = small_table.parent
    plain, limited = (
        run("analyze", "--formats", "", "-o", name, *options, cwd=folder)
        for name, options in (("plain", ()), ("limited", ("--memory-limit", "800 MB")))
    )
    assert plain.stdout == limited.stdout
    assert "| analyze: memory limit | `800 MB` |" in (folder / "limited" / "run.md").read_text()
    assert "| analyze: memory limit | `by the encodings` |" in (folder / "plain" / "run.md").read_text()


@pytest.mark.parametrize(
    ("limit", "told"),
    [("a lot", "'a lot' is no amount of memory; write one such as 2GB"), ("100MB", "too little memory")],
)
def test_a_memory_limit_that_cannot_be_is_one_sentence(run: Run, small_table: Path, limit: str, told: str) -> None:
    done = run("analyze", "--memory-limit", limit, cwd=small_table.parent, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert not (small_table.parent / "report").exists()
