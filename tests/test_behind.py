"""The faces on a report's page: those that a double loop finds, and why there are none."""

from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser

from facesql import behind
from facesql.analyze import Analysis, analyze_faces
from facesql.behind import KEPT, SHOWN, faces_behind
from facesql.binning import EUCLIDEAN, Metric
from facesql.correcting import Corrections
from facesql.drawing import draw_people
from facesql.encode import encode_photos
from facesql.errors import FacesqlError
from facesql.faces import photos_path
from facesql.greeting import NOT_SOUGHT, greeting
from facesql.loading import Chosen
from facesql.lookalikes import PairKind, find_pairs
from facesql.page import Show
from facesql.records import read_records
from facesql.report import PAGE
from facesql.sources import DATABASE
from facesql.story import Faces
from facesql.suspects import find_suspects
from tests.conftest import Run
from tests.test_suspects import Album, some

CUTOFF = Decimal("0.6")


def album() -> Album:
    """People of one to eight photos, and a photo of the last of them under the name of the first."""
    made = Album(1)
    centres = made.crowd(40, some)
    made.add("p004", centres[9])
    return made


def counts_of(chosen: Chosen, report: Path) -> pa.Table:
    analyze_faces(chosen.files, report, metric=chosen.metric, formats=[])
    with duckdb.connect(str(report / DATABASE), read_only=True) as connection:
        return connection.sql("from block_pair_counts").to_arrow_table()


def shown_of(path: Path, report: Path, chosen: Chosen | None = None) -> Faces:
    chosen = Chosen([path]) if chosen is None else chosen
    known = counts_of(Chosen([path], chosen.metric), report)
    return faces_behind(chosen, CUTOFF, Show(), faces=pq.read_metadata(path).num_rows, known=known).shown


def test_they_are_those_that_a_double_loop_finds(tmp_path: Path) -> None:
    made = album()
    shown = shown_of(made.write(tmp_path / "faces.parquet"), tmp_path / "report")
    ids, encodings = made.ids(), np.array(made.encodings, np.float64)
    best: dict[tuple[str, ...], tuple[float, str, str]] = {}
    for i, j in combinations(range(len(ids)), 2):
        distance = float(np.linalg.norm(encodings[i] - encodings[j]))
        people = (made.people[i], made.people[j])
        key = people if people[0] != people[1] else people[:1]
        found = (distance, min(ids[i], ids[j]), max(ids[i], ids[j]))
        best[key] = (max if len(key) == 1 else min)(best.get(key, found), found)
    closest = sorted(value for key, value in best.items() if len(key) == 2)[:SHOWN]
    farthest = sorted((value for key, value in best.items() if len(key) == 1), reverse=True)[:SHOWN]
    for pairs, expected in ((shown.lookalikes, closest), (shown.unlike, farthest)):
        assert [(pair.first.id, pair.second.id) for pair in pairs] == [tuple(ids) for _, *ids in expected]
        assert [pair.distance for pair in pairs] == pytest.approx([distance for distance, *_ in expected])
    matched = sum(distance <= 0.6 for distance, *_ in closest)
    assert shown.lookalikes_note.startswith(f"At 0.6, {matched} of these {len(closest)} match")
    missed = sum(distance > 0.6 for distance, *_ in farthest)
    assert shown.unlike_note.startswith(f"At 0.6, {missed} of these {len(farthest)} are missed")
    assert [pair.first.id for pair in shown.suspects] == [ids[-1]]
    assert "facesql suspects --accept" in shown.suspects_note
    assert [chart.name for chart in shown.charts] == ["map"]  # nobody has a first name
    assert "does not say where its photos are" in shown.no_pictures


def test_corrections_hold_for_them_too(tmp_path: Path) -> None:
    made = album()
    wrong = made.ids()[-1]
    path = made.write(tmp_path / "faces.parquet")
    chosen = Chosen([path], corrections=Corrections({wrong}, {"p000": "p001"}))
    shown = shown_of(path, tmp_path / "report", chosen)
    pairs = [*shown.lookalikes, *shown.unlike]
    assert wrong not in {face.id for pair in [*pairs, *shown.suspects] for face in (pair.first, pair.second)}
    # Who was given another person's name is a suspect there.
    assert any(pair.first.id.startswith("p000/") and pair.first.person == "p001" for pair in shown.suspects)
    assert "p000" not in {face.person for pair in pairs for face in (pair.first, pair.second)}


def test_a_later_correction_is_of_what_an_earlier_one_made() -> None:
    first, later = Corrections({"a/1.jpg"}, {"b": "c"}), Corrections({"d/1.jpg"}, {"c": "d"})
    assert first.then(later) == Corrections({"a/1.jpg", "d/1.jpg"}, {"b": "d", "c": "d"})


def test_inner_products_have_no_suspects_and_great_tables_no_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = album().write(tmp_path / "faces.parquet")
    cosine = Chosen([path], Metric.COSINE)
    shown = shown_of(path, tmp_path / "cosine", cosine)
    assert shown.lookalikes
    assert [pair.first.id for pair in shown.suspects] == [album().ids()[-1]]
    shown = shown_of(path, tmp_path / "inner", Chosen([path], Metric.INNER))
    assert shown.lookalikes
    assert not shown.suspects
    known = counts_of(Chosen([path]), tmp_path / "report")
    limited = replace(Chosen([path]).binned(EUCLIDEAN), memory_limit=10**9)
    without = faces_behind(limited, CUTOFF, Show(), faces=10, known=known)
    assert (without.pairs, without.suspects) == (None, None)
    shown = without.shown
    assert (shown.lookalikes, shown.charts) == ((), ())
    assert shown.no_pictures.startswith("With a memory limit none are shown here; see facesql pairs")
    monkeypatch.setattr(behind, "MOST_FACES", 9)
    shown = faces_behind(Chosen([path]), CUTOFF, Show(), faces=10, known=known).shown
    assert shown.no_pictures.startswith("Of more than 9 faces none are shown here; see facesql pairs")


def test_the_analysis_is_told_before_the_page_is_there(tmp_path: Path) -> None:
    path, report = album().write(tmp_path / "faces.parquet"), tmp_path / "report"
    told: list[Analysis] = []

    def tell(analysis: Analysis) -> None:
        assert not (report / PAGE).exists()
        told.append(analysis)

    analysis = analyze_faces(path, report, formats=[], show=Show(pictures=False), tell=tell)
    assert [one.figures for one in told] == [analysis.figures]
    page = (report / PAGE).read_text()
    assert "Look-alikes" in page
    assert "No pictures are wanted." in page


def test_the_database_has_what_the_page_shows_and_more(tmp_path: Path) -> None:
    path, report = album().write(tmp_path / "faces.parquet"), tmp_path / "report"
    analyze_faces(path, report, formats=[], cutoffs=None, show=Show(pictures=False))
    cutoff = analyze_faces(path, tmp_path / "without", formats=[]).answers.a_cutoff(EUCLIDEAN)
    with duckdb.connect(str(report / DATABASE), read_only=True) as connection:
        for kind, sought in (("closest", PairKind.CLOSEST), ("farthest", PairKind.FARTHEST)):
            rows = pl.DataFrame(connection.sql("from pairs where kind = $1", params=[kind]).to_arrow_table())
            expected = find_pairs(path, sought, most=KEPT).table
            assert rows.select(expected.columns).equals(expected)
            assert rows["cutoff"].unique().to_list() == [float(cutoff)]
        rows = pl.DataFrame(connection.sql("from suspects").to_arrow_table())
        found = find_suspects(path, cutoff=cutoff).table
        assert rows.columns == found.columns
        assert rows.equals(found)
        assert rows.height >= 1
        [(size,)] = connection.execute("select count(*) from pairs where kind = 'closest'").fetchall()
        assert size == KEPT
        assert "not sought" not in greeting(connection, is_report=True)
    with duckdb.connect(str(tmp_path / "without" / DATABASE), read_only=True) as connection:
        assert connection.execute("select count(*) from pairs").fetchall() == [(0,)]
        assert NOT_SOUGHT in greeting(connection, is_report=True)


def test_the_database_tells_what_became_of_each_photo_but_for_numbers_in_place_of_names(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    draw_people(folder, people=4, photos=2, seed=1)
    (folder / "person_01" / "broken.jpg").write_bytes(b"no photo")
    faces = tmp_path / "faces.parquet"
    encode_photos(folder, faces)
    analyze_faces(faces, tmp_path / "report", formats=[])
    records = read_records(photos_path(faces))
    with duckdb.connect(str(tmp_path / "report" / DATABASE), read_only=True) as connection:
        rows = connection.sql("select * exclude faces_file from photos order by id").fetchall()
        names = connection.sql("select distinct faces_file from photos").fetchall()
    told = [(*tuple(vars(record).values())[:-1], len(record.faces)) for record in records]
    assert rows == sorted(told)
    assert len(rows) == 9
    assert {record.status for record in records} == {"row", "unreadable"}
    assert names == [(str(faces),)]
    encode_photos(folder, faces, pseudonyms=7)
    analyze_faces(faces, tmp_path / "report", formats=[])
    with duckdb.connect(str(tmp_path / "report" / DATABASE), read_only=True) as connection:
        assert connection.execute("select count(*) from photos").fetchall() == [(0,)]
    photos_path(faces).write_bytes(b"no table")
    encode_photos(folder, tmp_path / "other.parquet")
    photos_path(tmp_path / "other.parquet").write_bytes(b"no table")
    with pytest.raises(FacesqlError, match=r"other\.photos\.parquet' is no table of photos"):
        analyze_faces(tmp_path / "other.parquet", tmp_path / "report", formats=[])


def test_the_pages_of_drawn_people_show_their_faces(drawn: Path, tmp_path: Path, run: Run, browser: Browser) -> None:
    run("encode", drawn, "-o", "faces.parquet", cwd=tmp_path)
    run("analyze", "faces.parquet", "-o", "report", "--formats", "", cwd=tmp_path)
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto((tmp_path / "report" / PAGE).as_uri())
    pictures = page.locator("ul.pairs img")
    assert pictures.count() >= 2
    widths = pictures.evaluate_all("found => found.map(one => one.complete ? one.naturalWidth : 0)")
    assert min(widths) > 30
    page.locator("#chart-map svg, #chart-map canvas").first.wait_for()
    assert said == []
    run("analyze", "faces.parquet", "-o", "report", "--formats", "", "--no-photos", cwd=tmp_path)
    page.goto((tmp_path / "report" / PAGE).as_uri())
    assert page.locator("ul.pairs img").count() == 0
    assert "No pictures are wanted." in page.inner_text("main")
    typed = "facesql analyze faces.parquet -o report --formats '' --no-photos"
    assert typed in page.inner_text("main")
    assert f"| analyze: command | `{typed}` |" in (tmp_path / "report" / "run.md").read_text()
    run("analyze", "faces.parquet", "-o", "report", "--formats", "", "--no-faces", cwd=tmp_path)
    assert "Look-alikes" not in (tmp_path / "report" / PAGE).read_text()
