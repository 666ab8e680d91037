"""Labeled Faces in the Wild: the sample, the numbers to reproduce, and the reference encodings where they lie near."""

import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesql.database import connect
from facesql.demo import read_original
from facesql.encoder import Face
from facesql.faces import FACES, load_faces, read_found, read_metadata
from facesql.metrics import cutoff_table
from facesql.selection import Candidates, FaceRule, choose
from facesql.sources import sample_faces
from tests.conftest import LFW, compare
from tests.double_loop import double_loop, read

SAMPLE = sample_faces("lfw")

# cut-off: genuine and impostor pairs matched, from the reference encodings.
COUNTS = {
    300: (4_293, 2),
    400: (71_479, 288),
    450: (142_772, 2_934),
    500: (202_007, 19_526),
    550: (230_809, 102_017),
    600: (239_180, 509_275),
}
# cut-off: precision and recall of the original investigation, from the unaligned photos.
ORIGINAL = {
    0: (1.00, 0.00),
    300: (1.00, 0.02),
    400: (1.00, 0.29),
    450: (0.98, 0.59),
    500: (0.91, 0.84),
    550: (0.71, 0.96),
    600: (0.34, 0.99),
    900: (0.00, 1.00),
    1000: (0.00, 1.00),
    1500: (0.00, 1.00),
}


def write_reference_faces(path: Path) -> int:
    """Write the faces that the rule ``match`` chooses from the reference encodings; returns the undecidable photos."""
    excluded = set((LFW / "exclude.txt").read_text().split())
    with (LFW / "relabel.csv").open(newline="") as file:
        same_as = {row["person"]: row["same_as"] for row in csv.DictReader(file)}
    by_photo: dict[str, list[Face]] = defaultdict(list)
    for row in (
        pq.read_table(LFW / "reference.parquet").sort_by([("image", "ascending"), ("face", "ascending")]).to_pylist()
    ):
        if row["image"] not in excluded:
            box = (row["top"], row["right"], row["bottom"], row["left"])
            by_photo[row["image"]].append(Face(*box, encoding=np.array(row["encoding"], np.float32)))
    photos = [Candidates(id_, id_.split("/")[0], 250, 250, faces) for id_, faces in by_photo.items()]
    chosen = choose(photos, FaceRule.MATCH)
    rows = [
        {
            "id": photo.photo if face == 0 else f"{photo.photo}#{face + 1}",
            "person": same_as.get(photo.person, photo.person),
            "encoding": photo.faces[face].encoding,
        }
        for photo, faces in zip(photos, chosen, strict=True)
        for face in faces
    ]
    schema = pa.schema([("id", pa.string()), ("person", pa.string()), ("encoding", pa.list_(pa.float32()))])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return chosen.count([])


@pytest.fixture(scope="module")
def bin_totals() -> pl.DataFrame:
    connection = connect(report=True)
    load_faces(connection, SAMPLE)
    compare(connection)
    return pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())


def test_the_sample_is_small_and_says_how_it_was_made() -> None:
    assert SAMPLE.stat().st_size <= 7_000_000
    made = read_metadata(SAMPLE)
    assert (made["faces"], made["detector"], made["jitters"]) == ("match", "hog", "1")
    assert read_found(made) == {
        "photos": 13_233,
        "people": 5_749,
        "faces": 13_866,
        "excluded": 21,
        "no_face": 67,
        "undecidable": 273,
        "merged_people": 12,
    }


def test_the_sample_holds_pseudonyms_in_their_order() -> None:
    table = pq.read_table(SAMPLE)
    assert table.schema.remove_metadata() == FACES
    assert (table.num_rows, len(table["person"].unique())) == (12_872, 5_512)
    people = table["person"].to_pylist()
    assert people == sorted(people)
    assert set(people) == {f"person_{number:04}" for number in range(1, 5_513)}
    ids = table["id"].to_pylist()
    assert all(re.fullmatch(rf"{person}/\d+(#\d)?", id_) for person, id_ in zip(people, ids, strict=True))
    assert len(set(ids)) == 12_872


def test_the_counts_are_those_of_the_reference(bin_totals: pl.DataFrame) -> None:
    table = cutoff_table(bin_totals)
    rows = {number: table.row(number, named=True) for number in COUNTS}
    assert {number: (row["genuine_matched"], row["impostor_matched"]) for number, row in rows.items()} == COUNTS
    assert bin_totals["pairs"].sum() == 82_837_756
    assert bin_totals.filter("same_person")["pairs"].sum() == 241_121


def test_the_table_is_the_originals_within_what_other_photos_explain(bin_totals: pl.DataFrame) -> None:
    table = cutoff_table(bin_totals)
    for number, (precision, recall) in ORIGINAL.items():
        row = table.row(number, named=True)
        assert row["recall"] == pytest.approx(recall, abs=0.01), number
        assert row["precision"] == pytest.approx(precision, abs=0.03), number


def test_the_originals_table_is_the_one_that_the_demo_shows() -> None:
    shown = {round(cutoff * 1000): (precision, recall) for cutoff, precision, recall in read_original().rows()}
    assert shown == ORIGINAL


def test_the_counts_equal_a_double_loop_in_every_bin(bin_totals: pl.DataFrame) -> None:
    for same, expected in zip((True, False), double_loop(*read(SAMPLE)), strict=True):
        counted = np.zeros(len(expected), np.int64)
        part = bin_totals.filter(pl.col("same_person") == same)
        counted[part["bin"].to_numpy()] = part["pairs"].to_numpy()
        assert np.array_equal(counted, expected)


@pytest.mark.lfw
@pytest.mark.skipif(not LFW.is_dir(), reason="the LFW encodings are not part of the project")
def test_the_sample_holds_the_faces_that_the_rule_chooses_from_the_reference(tmp_path: Path) -> None:
    undecidable = write_reference_faces(tmp_path / "lfw.parquet")
    assert undecidable == 273
    people = []
    for path in (tmp_path / "lfw.parquet", SAMPLE):
        of_person = defaultdict(set)
        table = pq.read_table(path)
        for person, encoding in zip(table["person"].to_pylist(), table["encoding"].to_pylist(), strict=True):
            of_person[person].add(tuple(encoding))
        people.append({frozenset(encodings) for encodings in of_person.values()})
    assert people[0] == people[1]
    assert len(people[0]) == 5_512
