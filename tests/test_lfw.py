"""Labeled Faces in the Wild: the numbers to reproduce, where its encodings lie beside the project."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesql.database import connect
from facesql.encoder import Face
from facesql.faces import load_faces
from facesql.metrics import cutoff_table
from facesql.pairs import count_pairs
from facesql.selection import Candidates, FaceRule, choose
from tests.conftest import LFW
from tests.double_loop import double_loop, read

pytestmark = [
    pytest.mark.lfw,
    pytest.mark.skipif(not LFW.is_dir(), reason="the LFW encodings are not part of the project"),
]

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
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    path = tmp_path_factory.mktemp("lfw") / "lfw.parquet"
    return path, write_reference_faces(path)


@pytest.fixture(scope="module")
def bin_totals(reference: tuple[Path, int]) -> pl.DataFrame:
    connection = connect()
    load_faces(connection, reference[0])
    count_pairs(connection)
    return pl.DataFrame(connection.sql("from bin_totals").to_arrow_table())


def test_the_rule_chooses_the_originals_faces(reference: tuple[Path, int]) -> None:
    path, undecidable = reference
    table = pq.read_table(path)
    assert (table.num_rows, len(table["person"].unique()), undecidable) == (12_872, 5_512, 273)


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


def test_the_counts_equal_a_double_loop_in_every_bin(reference: tuple[Path, int], bin_totals: pl.DataFrame) -> None:
    for same, expected in zip((True, False), double_loop(*read(reference[0])), strict=True):
        counted = np.zeros(len(expected), np.int64)
        part = bin_totals.filter(pl.col("same_person") == same)
        counted[part["bin"].to_numpy()] = part["pairs"].to_numpy()
        assert np.array_equal(counted, expected)
