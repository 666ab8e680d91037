"""Encodings of other programs: each format to a table of faces, and what is refused."""

import csv
import gzip
import json
import stat
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import altair as alt
import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics.pairwise import cosine_distances

import facesql
from facesql.analyze import analyze_faces
from facesql.binning import Metric
from facesql.encodingfiles import without_secrets
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.faces import file_hash, read_metadata
from facesql.forget import forget_people
from facesql.importing import ImportSummary, import_faces, write_faces
from facesql.lookalikes import find_pairs
from facesql.mapping import map_faces
from facesql.maptext import mapped
from facesql.protocol import run_protocol
from facesql.protocoltext import told
from facesql.suspects import find_suspects
from facesql.twotables import compare_tables
from facesql.vectors import encodings_of
from tests.api_pages import write_pages
from tests.conftest import ROOT, Run, faces_table, some_people
from tests.test_suspects import Album, some

PEOPLE = ["Ann", "Jörg", "李", "123456789012345678901234567890"]
IDS = [f"{person}/{photo}.jpg" for person in PEOPLE for photo in (1, 2)]


def numbers(rows: int = 8, size: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=(rows, size)).astype(np.float32)


def people_of(ids: list[str]) -> list[str]:
    return [id_.split("/")[0] for id_ in ids]


def write_csv(file: Path, rows: Sequence[Sequence[object]], *, delimiter: str = ",", mark: str = "") -> Path:
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(mark)
        csv.writer(out, delimiter=delimiter).writerows(rows)
    return file


def imported(source: Path | str, **options: object) -> tuple[ImportSummary, list[dict[str, object]]]:
    """The summary, and the rows of the table."""
    output = Path(source).parent / "out" / "faces.parquet"
    summary = import_faces(source, output, overwrite=True, **options)  # type: ignore[arg-type]
    return summary, pq.read_table(output).to_pylist()


# Each format


def as_lists(folder: Path, matrix: NDArray[np.float32]) -> Path:
    rows = [[id_, person, str(row)] for id_, person, row in zip(IDS, people_of(IDS), matrix.tolist(), strict=True)]
    return write_csv(folder / "a.csv", [["id", "person", "encoding"], *rows], mark="\ufeff")


def as_numpy_text(folder: Path, matrix: NDArray[np.float32]) -> Path:
    rows = [[id_, person, str(row)] for id_, person, row in zip(IDS, people_of(IDS), matrix, strict=True)]
    return write_csv(folder / "a.csv", [["id", "person", "embedding"], *rows], delimiter=";")


def as_columns(folder: Path, matrix: NDArray[np.float32]) -> Path:
    names = [f"e{place}" for place in range(matrix.shape[1])][::-1]
    rows = [[person, *row[::-1], id_] for id_, person, row in zip(IDS, people_of(IDS), matrix.tolist(), strict=True)]
    return write_csv(folder / "a.tsv", [["Name", *names, "img_path"], *rows], delimiter="\t")


def as_json(folder: Path, matrix: NDArray[np.float32]) -> Path:
    """As deepface's represent gives them, with the path of each photo."""
    rows = [
        {
            "img_path": id_,
            "embedding": row,
            "facial_area": {"x": 1, "y": 2, "w": 3, "h": 4, "left_eye": [1, 2], "right_eye": None},
            "face_confidence": 0.9,
        }
        for id_, row in zip(IDS, matrix.tolist(), strict=True)
    ]
    (folder / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder / "a.json"


def as_json_lines(folder: Path, matrix: NDArray[np.float32]) -> Path:
    rows = [json.dumps({"identity": i, "embedding": e}) for i, e in zip(IDS, matrix.tolist(), strict=True)]
    with gzip.open(folder / "a.jsonl.gz", "wt", encoding="utf-8") as out:
        out.write("\n".join(rows))
    return folder / "a.jsonl.gz"


def as_parquet(kind: pa.DataType) -> Callable[[Path, NDArray[np.float32]], Path]:
    def write(folder: Path, matrix: NDArray[np.float32]) -> Path:
        lists = pa.array(matrix.tolist(), pa.list_(pa.float32())).cast(kind)
        pq.write_table(pa.table({"encoding": lists, "id": IDS, "label": people_of(IDS)}), folder / "a.parquet")
        return folder / "a.parquet"

    return write


def as_npz(folder: Path, matrix: NDArray[np.float32]) -> Path:
    np.savez_compressed(folder / "a.npz", normed_embedding=np.asfortranarray(matrix), ids=IDS, labels=people_of(IDS))
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("write", "number"),
    [
        (as_lists, "double"),
        (as_numpy_text, "double"),
        (as_columns, "double"),
        (as_json, "double"),
        (as_json_lines, "double"),
        (as_parquet(pa.list_(pa.float32())), "float"),
        (as_parquet(pa.list_(pa.float32(), 5)), "float"),
        (as_parquet(pa.large_list(pa.float64())), "double"),
        (as_npz, "float"),
    ],
)
def test_each_format_comes_back_as_it_went(
    tmp_path: Path, write: Callable[[Path, NDArray[np.float32]], Path], number: str
) -> None:
    matrix = numbers()
    source = write(tmp_path, matrix)
    summary, rows = imported(source, metric=Metric.COSINE)
    assert [row["id"] for row in rows] == IDS
    assert [row["person"] for row in rows] == people_of(IDS)
    # NumPy prints eight decimals, and all others every digit.
    rounding = 1e-7 if write is as_numpy_text else 0
    assert np.abs(np.array([row["encoding"] for row in rows]) - matrix).max() <= rounding
    assert (summary.rows, summary.people, summary.numbers, summary.number_type) == (8, 4, 5, number)
    made = read_metadata(summary.output)
    assert made == {
        "version": facesql.__version__,
        "source": source.name,
        "source sha256": file_hash(source),
        "source rows": "8",
        "metric": "cosine",
    }
    assert stat.S_IMODE(summary.output.stat().st_mode) == 0o600


def test_half_floats_lose_nothing(tmp_path: Path) -> None:
    matrix = numbers().astype(np.float16)
    np.save(tmp_path / "a.npy", matrix)
    (tmp_path / "labels.txt").write_text("\n".join(IDS), encoding="utf-8")
    summary, rows = imported(tmp_path / "a.npy", labels=tmp_path / "labels.txt")
    assert np.array_equal(np.array([row["encoding"] for row in rows]), matrix.astype(np.float64))
    assert (summary.number_type, summary.columns.person) == ("float", None)
    pq.write_table(
        pa.table({"id": IDS, "encoding": pa.array(list(matrix), pa.list_(pa.float16()))}), tmp_path / "h.parquet"
    )
    assert imported(tmp_path / "h.parquet")[1] == rows


def test_whole_numbers_and_big_endian_ones_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6, dtype=">i2").reshape(2, 3))
    write_csv(tmp_path / "l.csv", [["path", "subject", "camera"], ["x", "Jo\u0308rg", "M"], ["y", " Ann ", "N"]])
    summary, rows = imported(tmp_path / "a.npy", labels=tmp_path / "l.csv")
    assert rows == [
        {"id": "x", "person": "J\xf6rg", "encoding": [0, 1, 2], "camera": "M"},
        {"id": "y", "person": "Ann", "encoding": [3, 4, 5], "camera": "N"},
    ]
    assert summary.number_type == "double"


FLOATS = st.lists(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1, max_size=9
)


@given(FLOATS, st.sampled_from([str, json.dumps, lambda row: f" ( {' '.join(map(repr, row))}\n) "]))
def test_any_numbers_come_back_from_text(rows: list[list[float]], written: Callable[[list[float]], str]) -> None:
    lists, faults = encodings_of([pa.array(map(written, rows))], pa.float64())
    assert (lists.to_pylist(), set(faults)) == (rows, {None})
    columns = [pa.array(list(column)) for column in zip(*rows, strict=True)]
    for of_columns in (columns, [column.cast(pa.string()) for column in columns]):
        lists, faults = encodings_of(of_columns, pa.float64())
        assert (lists.to_pylist(), set(faults)) == (rows, {None})


@given(st.text(max_size=12))
def test_no_text_is_more_than_a_fault(text: str) -> None:
    lists, [fault] = encodings_of([pa.array([text])], pa.float64())
    assert (lists[0].as_py() is None) == (fault is not None)


def test_many_batches_keep_their_order(tmp_path: Path) -> None:
    matrix = np.arange(20_000, dtype=np.float32).reshape(10_000, 2) + 1
    ids = [f"p{row % 7}/{row}" for row in range(10_000)]
    np.savez(tmp_path / "a.npz", encodings=matrix, ids=ids)
    write_csv(tmp_path / "a.csv", [["id", "x0", "x1"], *([i, *r] for i, r in zip(ids, matrix.tolist(), strict=True))])
    for source in ("a.npz", "a.csv"):
        _, rows = imported(tmp_path / source)
        assert [row["id"] for row in rows] == ids
        assert np.array_equal(np.array([row["encoding"] for row in rows]), matrix)


def test_columns_are_named_carried_and_left_out(tmp_path: Path) -> None:
    source = write_csv(
        tmp_path / "a.csv",
        [["key", "who", "f1", "f2", "g1", "g2", "age", "photo", "box"], ["1", "007", 1, 2, 3, 4, "040", "p", "?"]],
    )
    with pytest.raises(
        FacesqlError, match=r"does not say which column is the id; it has 'key', .* and 1 more; name one with --id"
    ):
        imported(source)
    with pytest.raises(FacesqlError, match=r"has no column 'x'; .*--id"):
        imported(source, id_column="x")
    named = {"id_column": "key", "person_column": "who", "encoding_column": "g*"}
    with pytest.raises(FacesqlError, match=r"has a column 'box', a name .* or pass --leave-out box"):
        imported(source, **named)
    summary, rows = imported(source, **named, leave_out=["box", "f1", "f2"])
    assert rows == [{"id": "1", "person": "007", "encoding": [3, 4], "age": "040", "photo": "p"}]
    assert summary.columns.others == ["age", "photo"]
    with pytest.raises(FacesqlError, match="does not say which column is the encoding"):
        imported(source, id_column="key", person_column="who", leave_out=["box"])
    with pytest.raises(FacesqlError, match="no column 'z' to leave out"):
        imported(source, leave_out=["z"])


def test_names_that_are_numbers_stay_as_they_are(tmp_path: Path) -> None:
    names = [10**38 - 1, 2**63, 7]
    rows = [{"Person": name, "id": row, "embedding": [row, 1]} for row, name in enumerate(names)]
    (tmp_path / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    assert [row["person"] for row in imported(tmp_path / "a.json")[1]] == [str(name) for name in names]
    labels = pa.array([1.0, float("nan"), 3.0])
    pq.write_table(
        pa.table({"id": [1, 2, 3], "label": labels, "encoding": [[1.0], [2.0], [3.0]]}), tmp_path / "a.parquet"
    )
    with pytest.raises(InvalidFacesError, match=r"Row 2 \('2'\) .* has no person"):
        imported(tmp_path / "a.parquet")
    assert [row["person"] for row in imported(tmp_path / "a.parquet", skip_invalid=True)[1]] == ["1", "3"]


def test_who_is_forgotten_leaves_an_imported_table_too(tmp_path: Path) -> None:
    output = tmp_path / "faces.parquet"
    import_faces(as_npz(tmp_path, numbers()), output, metric=Metric.COSINE)
    made = read_metadata(output)
    forget_people(["Ann"], output, None)
    assert pq.read_table(output)["person"].unique().to_pylist() == PEOPLE[1:]
    assert read_metadata(output) == made


def test_a_facesql_table_can_be_imported_again(tmp_path: Path) -> None:
    table = faces_table(*some_people(3, 2), photos=[None, "a", "b", "c", "d", "e"])
    pq.write_table(table, tmp_path / "a.parquet")
    assert imported(tmp_path / "a.parquet")[1] == table.to_pylist()


def test_people_are_the_folders_below_a_root(tmp_path: Path) -> None:
    rows = [[f"{root}{person}{mark}1.jpg", "[1, 2]"] for person in ("Ann", "Bo") for root, mark in [("/data/db/", "/")]]
    source = write_csv(tmp_path / "a.csv", [["identity", "embedding"], *rows])
    with pytest.raises(InvalidFacesError, match=r"Row 1 .* has no folder that names its person; pass --root or"):
        imported(source)
    _, table = imported(source, root="/data/db/")
    assert [(row["id"], row["person"]) for row in table] == [("Ann/1.jpg", "Ann"), ("Bo/1.jpg", "Bo")]
    windows = write_csv(tmp_path / "w.csv", [["id", "encoding"], *[[f"db\\{p}\\1.jpg", "[1, 2]"] for p in "ab"]])
    with pytest.raises(FacesqlError, match=r"all faces are of one person; .*--root db,"):
        imported(windows)
    assert [row["person"] for row in imported(windows, root="db")[1]] == ["a", "b"]


# What is no face


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (["", "Ann", "[1, 2]"], "has no id"),
        (["c", " ", "[1, 2]"], "has no person"),
        (["c", "Ann", ""], "has no encoding"),
        (["c", "Ann", "[]"], "has an empty encoding"),
        (["c", "Ann", "[1, 2, 3]"], "has 3 numbers where others have 2"),
        (["c", "Ann", "[1, nan]"], "has a number that is not finite"),
        (["c", "Ann", "[1, -Infinity]"], "has a number that is not finite"),
        (["c", "Ann", "[1, 1e999]"], "has a number that is not finite"),
        (["c", "Ann", "[0, 0.0]"], "has length 0, which has no direction"),
        (["c", "Ann", "[1, null]"], "has text that is no list of numbers"),
        (["c", "Ann", "1, 2"], "has text that is no list of numbers"),
        (["c", "Ann", "[1, 2"], "has text that is no list of numbers"),
        (["c", "Ann", "[1 ... 2]"], r"has a list that is cut short by '\.\.\.'"),
        (["a", "Ann", "[1, 2]"], "has the id of an earlier row"),
    ],
)
def test_the_first_row_that_is_no_face_is_named_or_left_out(tmp_path: Path, row: list[str], fault: str) -> None:
    rows: list[list[object]] = [
        ["a", "Ann", "[1, 2]"],
        ["b", "Bo", "[1 2\n ]"],
        list(row),
        ["d", "Bo", "(3, 4)"],
        list(row),
    ]
    source = write_csv(tmp_path / "a.csv", [["id", "person", "encoding"], *rows])
    with pytest.raises(InvalidFacesError, match=rf"^Row 3.* of '.*a\.csv' {fault}.*; mend it, or pass --skip-invalid"):
        imported(source, metric=Metric.COSINE)
    assert not (tmp_path / "out").exists()
    summary, table = imported(source, metric=Metric.COSINE, skip_invalid=True)
    assert [face["id"] for face in table] == ["a", "b", "d"]
    assert summary.skipped.total() == 2
    assert read_metadata(summary.output)["source rows"] == "5"


def test_a_vector_of_length_0_is_a_face_where_directions_do_not_matter(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [["id", "encoding"], ["a/1", "[0, 0]"], ["b/1", "[1, 0]"]])
    assert len(imported(source)[1]) == 2


def test_a_bad_number_in_a_column_is_named(tmp_path: Path) -> None:
    source = write_csv(
        tmp_path / "a.csv", [["id", "e0", "e1"], ["a/1", "1", " 2 "], ["b/1", "1,5", "2"], ["c/1", "", "1"]]
    )
    with pytest.raises(InvalidFacesError, match=r"Row 2 \('b/1'\) .* has '1,5' among its numbers"):
        imported(source)
    summary, rows = imported(source, skip_invalid=True)
    assert len(rows) == 1
    assert dict(summary.skipped) == {"has '1,5' among its numbers": 1, "has a NULL among its numbers": 1}


def test_lists_with_nulls_and_of_other_types_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a/1", "b/1"], "encoding": [[1.0, 2.0], [None, 1.0]]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidFacesError, match=r"Row 2 .* has a NULL among its numbers"):
        imported(tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["a/1"], "encoding": [[["x"]]]}), tmp_path / "a.parquet")
    with pytest.raises(FacesqlError, match=r"'encoding' of .* is list<.*; an encoding is a list of numbers"):
        imported(tmp_path / "a.parquet")


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path(tmp_path / "sprung").write_text, ("x",))

    np.save(tmp_path / "a.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", encodings=numbers(2), ids=np.array([Trap(), "b"], dtype=object))
    (tmp_path / "labels.txt").write_text("a/1\n", encoding="utf-8")
    (tmp_path / "a.pkl").write_bytes(b"x")
    for name in ("a.npy", "a.npz"):
        with pytest.raises(
            FacesqlError, match=r"holds Python objects, which are pickled, .*np\.array\(names, dtype=str\)"
        ):
            imported(tmp_path / name, labels=tmp_path / "labels.txt" if name == "a.npy" else None)
    with pytest.raises(FacesqlError, match=r"is pickled, .* write it as Parquet"):
        imported(tmp_path / "a.pkl")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet", "a.npy", "a.npz"])
def test_files_that_are_not_what_they_seem_are_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "labels.txt").write_text("a/1\n", encoding="utf-8")
    labels = tmp_path / "labels.txt" if name.startswith("a.np") else None
    with pytest.raises(FacesqlError, match="Cannot read"):
        imported(tmp_path / name, labels=labels)
    for content in (b"", b"\x93NUMPY\x01\x00", b"PAR1\0\0PAR1", b"PK\x03\x04", b'{"id": [', b"\xff\xfe\0id", b"\x80"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FacesqlError):
            imported(tmp_path / name, labels=labels)
    np.save(tmp_path / "whole.npy", numbers())
    (tmp_path / "a.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:-4])
    (tmp_path / "labels.txt").write_text("\n".join(IDS), encoding="utf-8")
    with pytest.raises(FacesqlError, match="no whole file of NumPy's"):
        imported(tmp_path / "a.npy", labels=tmp_path / "labels.txt")
    assert not (tmp_path / "out").exists()


def test_labels_fit_their_matrix(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", numbers(2))
    labels = tmp_path / "labels.csv"
    for text, reason in (
        ("a/1\n", "has 2 encodings, and .* has 1 lines"),
        ("a,b,c\na,b,c\n", "no line that names them"),
        ("a,b\na\n", "Row 2 .* has 1 values"),
        ("", "has 0 lines"),
    ):
        labels.write_text(text, encoding="utf-8")
        with pytest.raises(FacesqlError, match=reason):
            imported(tmp_path / "a.npy", labels=labels)
    with pytest.raises(FacesqlError, match="no names; pass --labels"):
        imported(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", numbers(2)[0])
    with pytest.raises(FacesqlError, match="must have one matrix of numbers"):
        imported(tmp_path / "a.npy", labels=labels)
    with pytest.raises(FacesqlError, match=r"--labels goes with a \.npy"):
        imported(write_csv(tmp_path / "x.csv", [["id"]]), labels=labels)


def test_an_output_is_not_lost(tmp_path: Path) -> None:
    source = as_lists(tmp_path, numbers())
    output = tmp_path / "faces.parquet"
    import_faces(source, output)
    with pytest.raises(FacesqlError, match="exists; pass --overwrite"):
        import_faces(source, output)
    with pytest.raises(FacesqlError, match="is what is read"):
        import_faces(output, output, overwrite=True)
    (tmp_path / "faces.photos.parquet").touch()
    with pytest.raises(FacesqlError, match="photos that encode has found"):
        import_faces(source, output, overwrite=True)


def test_an_address_needs_what_the_user_has_installed(tmp_path: Path) -> None:
    try:
        duckdb.connect(config={"autoinstall_known_extensions": False}).execute("load httpfs")
    except duckdb.Error:
        with pytest.raises(
            FacesqlError, match=r"extension httpfs, which is not installed; install it by: .*install httpfs"
        ):
            import_faces("https://127.0.0.1:1/faces.parquet?key=secret", tmp_path / "faces.parquet")
    else:
        pytest.skip("httpfs is installed here")


def test_an_address_is_told_without_its_secrets(tmp_path: Path) -> None:
    assert without_secrets("s3://key:secret@bucket/a/b.csv?sig=1#x") == "s3://bucket/a/b.csv"
    with pytest.raises(FacesqlError, match=r"^'https://host/a\.npy' is a file of NumPy's; download it"):
        import_faces("https://me:word@host/a.npy?sig=1", tmp_path / "faces.parquet")


# The metric goes with the table


@pytest.fixture(scope="module")
def arcface(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.float32], list[str]]:
    """512 numbers a face, as InsightFace's: of 30 people with 4 photos each, and no length 1."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(30, 1, 512))
    matrix = (centres + random.normal(scale=0.9, size=(30, 4, 512))).reshape(-1, 512).astype(np.float32)
    people = [f"p{row // 4}" for row in range(120)]
    source = tmp_path_factory.mktemp("arcface") / "embeddings.npz"
    np.savez(source, embeddings=matrix, ids=[f"{person}/{row}" for row, person in enumerate(people)])
    output = source.with_name("faces.parquet")
    import_faces(source, output, metric=Metric.COSINE)
    return output, matrix, people


def test_a_table_is_analyzed_by_its_own_metric(
    arcface: tuple[Path, NDArray[np.float32], list[str]], tmp_path: Path
) -> None:
    file, matrix, people = arcface
    analysis = analyze_faces(file, tmp_path / "report", formats=[])
    assert analysis.bins.metric is Metric.COSINE
    distances = cosine_distances(matrix.astype(np.float64))
    first, second = np.triu_indices(len(people), 1)
    genuine = np.array(people)[first] == np.array(people)[second]
    values = distances[first, second]
    table = {row["cutoff"]: row for row in analysis.table.iter_rows(named=True)}
    for cutoff in (0.3, 0.4, 0.45, 0.5, 0.6, 0.9, 1.0, 1.1):
        matched = values <= cutoff
        row = table[cutoff]
        assert row["genuine_matched"] == (matched & genuine).sum()
        assert row["impostor_matched"] == (matched & ~genuine).sum()
        assert row["recall"] == pytest.approx((matched & genuine).sum() / genuine.sum())
        assert row["fmr"] == pytest.approx((matched & ~genuine).sum() / (~genuine).sum())
    counted = duckdb.connect(str(tmp_path / "report" / "facesql.duckdb"), read_only=True).sql(
        "select bin, sum(pairs)::bigint from bin_totals group by bin order by bin"
    )
    bins = np.ceil(np.maximum(values, 0) * 1000).astype(int)
    assert counted.fetchall() == [(int(n), int(c)) for n, c in zip(*np.unique(bins, return_counts=True), strict=True)]


def test_pairs_take_the_metric_of_the_table_unless_told(arcface: tuple[Path, NDArray[np.float32], list[str]]) -> None:
    file, _, _ = arcface
    assert find_pairs(file).bins.metric is Metric.COSINE
    euclidean = find_pairs(file, metric=Metric.EUCLIDEAN)
    assert euclidean.bins.metric is Metric.EUCLIDEAN
    assert euclidean.table["distance"][0] > 2


def test_suspects_are_those_of_the_metric_and_their_errors_those_of_its_pairs(tmp_path: Path) -> None:
    made = Album(3)
    centres = made.crowd(40, some)
    made.add("p004", centres[9])
    made.write(tmp_path / "unit.parquet")
    table = pq.read_table(tmp_path / "unit.parquet")
    encodings = np.array(made.encodings, np.float64)
    # Of the same directions, but of lengths that leave nothing of the order of Euclidean distances.
    longer = encodings * np.random.default_rng(4).uniform(1, 30, len(encodings))[:, None]
    table = table.set_column(table.schema.get_field_index("encoding"), "encoding", pa.array(list(longer)))
    write_faces(table, tmp_path / "faces.parquet", metric=Metric.COSINE)
    found = find_suspects(tmp_path / "faces.parquet", cutoff=Decimal("0.5"))
    assert found.bins.metric is Metric.COSINE
    wrong_id = made.ids()[-1]
    row = found.table.filter(id=wrong_id).row(0, named=True)
    assert (row["kind"], row["person_other"]) == ("misplaced", "p009")
    distances = cosine_distances(longer)
    people = np.array(made.people)
    own = distances[-1, :-1][people[:-1] == "p004"]
    assert own.min() <= row["distance_own"] <= own.max()
    assert row["distance_other"] == pytest.approx(np.median(distances[-1, people == "p009"]), abs=0.01)
    wrong = (distances[-1] <= 0.5) != (people == "p004")
    assert row["errors"] == wrong[:-1].sum()
    first, second = np.triu_indices(len(people), 1)
    matched, same = distances[first, second] <= 0.5, people[first] == people[second]
    assert (found.before.false_matches, found.before.misses) == ((matched & ~same).sum(), (~matched & same).sum())
    assert "Distances are cosine, the metric that the table notes." in found.doubts
    write_faces(table, tmp_path / "inner.parquet", metric=Metric.INNER)
    of_lengths = find_suspects(tmp_path / "inner.parquet", cutoff=Decimal("0.5"))
    assert of_lengths.bins.metric is Metric.EUCLIDEAN
    assert any(doubt.startswith("The table is made for the metric inner") for doubt in of_lengths.doubts)


def test_lists_maps_and_two_tables_take_the_metric_of_the_table_unless_told(
    arcface: tuple[Path, NDArray[np.float32], list[str]], tmp_path: Path, run: Run
) -> None:
    file, matrix, people = arcface
    ids = [f"{person}/{row}" for row, person in enumerate(people)]
    pairs = [(a, b) for a in range(0, 120, 3) for b in range(a + 1, 120, 2)]
    lines = [f"{ids[a]},{ids[b]},{int(people[a] == people[b])}" for a, b in pairs]
    (tmp_path / "pairs.csv").write_text("\n".join(["a,b,same", *lines]))
    found = run_protocol(tmp_path / "pairs.csv", file)
    distances = cosine_distances(matrix.astype(np.float64))
    listed = np.array([distances[pair] for pair in pairs])
    assert (found.metric, found.cutoff) == (Metric.COSINE, None)
    assert found.roc["cutoff"].to_numpy() == pytest.approx(np.unique(listed), abs=1e-12)
    assert "distances are cosine" in told(found)
    assert run_protocol(tmp_path / "pairs.csv", file, metric=Metric.EUCLIDEAN).metric is Metric.EUCLIDEAN

    placed, _ = map_faces(file, tmp_path / "map.csv", each_face=True)
    assert placed.made_for is Metric.COSINE
    apart = np.where(np.array(people)[:, None] == np.array(people), np.inf, distances).min(axis=1)
    assert dict(placed.table.select("id", "distance").iter_rows()) == pytest.approx(dict(zip(ids, apart, strict=True)))
    assert "distances are cosine, the metric that the table notes" in mapped(placed, tmp_path / "map.csv", None)

    plain = tmp_path / "plain.parquet"
    write_faces(pq.read_table(file), plain, metric=None)
    both = compare_tables(file, plain)
    assert [side.bins.metric for side in (both.a, both.b)] == [Metric.COSINE, Metric.EUCLIDEAN]
    asked = compare_tables(file, file, metric_a=Metric.EUCLIDEAN)
    assert [side.bins.metric for side in (asked.a, asked.b)] == [Metric.EUCLIDEAN, Metric.COSINE]
    shown = run("compare-tables", file, plain, "--metric", "sqeuclidean", cwd=tmp_path).stdout
    assert shown.count("metric sqeuclidean") == 2
    warned = run("sql", "from face_counts", "--from", file, cwd=tmp_path).stderr
    assert "is made for the metric cosine, and SQL measures Euclidean distances here" in warned


def test_tables_for_different_metrics_are_not_mixed(tmp_path: Path) -> None:
    people, encodings = some_people(3, 2)
    for name, metric in (("a", Metric.COSINE), ("b", Metric.EUCLIDEAN), ("c", None), ("d", Metric.COSINE)):
        table = faces_table([f"{name}{person}" for person in people], encodings)
        write_faces(table, tmp_path / f"{name}.parquet", metric=metric)
    with pytest.raises(
        FacesqlError, match=r"a\.parquet' is made for the metric cosine and .*b\.parquet' for euclidean"
    ):
        analyze_faces([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "r", formats=[])
    both = analyze_faces([tmp_path / "c.parquet", tmp_path / "a.parquet"], tmp_path / "r", formats=[])
    assert both.bins.metric is Metric.COSINE
    assert [doubt for doubt in both.doubts if "c.parquet' does not say" in doubt]
    assert not analyze_faces([tmp_path / "a.parquet", tmp_path / "d.parquet"], tmp_path / "r", formats=[]).doubts
    odd = pq.read_table(tmp_path / "a.parquet").replace_schema_metadata({"facesql.metric": "hamming"})
    pq.write_table(odd, tmp_path / "odd.parquet")
    with pytest.raises(FacesqlError, match="'hamming' is no metric"):
        analyze_faces(tmp_path / "odd.parquet", tmp_path / "r", formats=[])


# In memory, and on the command line


def test_tables_in_memory_are_written_as_files_are(tmp_path: Path) -> None:
    table = faces_table(*some_people(4, 3))
    frame = pl.DataFrame(table)
    arrays = frame.with_columns(pl.col("encoding").list.to_array(128))
    relation = duckdb.connect().from_arrow(table)
    for number, given_ in enumerate((table, frame, arrays, relation, table.to_reader())):
        output = tmp_path / f"{number}.parquet"
        summary = facesql.write_faces(given_, output)
        assert pq.read_table(output).equals(table)
        assert (summary.rows, summary.people) == (12, 4)
    with pytest.raises(InvalidFacesError, match=r"Row 13 .* of 'the table' has the id of an earlier row"):
        write_faces(pl.concat([frame, frame]), tmp_path / "twice.parquet")
    with pytest.raises(FacesqlError, match="holds no faces"):
        write_faces(frame.head(0), tmp_path / "none.parquet")
    with pytest.raises(FacesqlError, match="A dict is no table"):
        write_faces({}, tmp_path / "none.parquet")


def test_the_command_tells_what_it_took(tmp_path: Path, run: Run) -> None:
    as_json(tmp_path, numbers())
    done = run("import", "a.json", "--metric", "cosine", cwd=tmp_path)
    assert done.stdout == (
        "8 rows of 4 people in 'faces.parquet'\n"
        "id from 'img_path', person from the first folder of the id, encoding from 'embedding': "
        "5 numbers each, double\n"
        "carried: 'facial_area', 'face_confidence'\n"
        "metric cosine, noted in the table: all commands but sql and shell go by it\n"
    )
    told = run("analyze", "--formats", "", "--no-faces", cwd=tmp_path).stdout
    assert "metric cosine, bins of 0.001 from 0 to 2" in told
    (tmp_path / "b.csv").write_text("id,e0,e1\na/1,1,2\nb/1,x,2\n", encoding="utf-8")
    failed = run("import", "b.csv", "-o", "b.parquet", cwd=tmp_path, check=False)
    assert failed.returncode == 1
    assert "facesql: Row 2 ('b/1') of 'b.csv' has 'x' among its numbers; mend it" in failed.stderr
    told = run("import", "b.csv", "-o", "b.parquet", "--skip-invalid", cwd=tmp_path).stdout
    assert "no metric noted; analyze takes euclidean" in told
    assert "1 row left out:\n       1  has 'x' among its numbers\n" in told


# The documentation


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = readme.split("## As a library")[1].split("\n## ")[0].split("```python\n")[1:]
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    renderer = alt.renderers.active
    try:
        for block in blocks:
            exec(block.split("```")[0], names)  # noqa: S102
        shown = names["chart"]._repr_mimebundle_()
    finally:
        alt.renderers.enable(renderer)
    assert names["analysis"].bins.metric is Metric.COSINE
    assert (tmp_path / "report" / "report.html").is_file()
    assert shown["image/svg+xml"].startswith("<svg")


def test_the_pages_of_the_library_are_written_without_a_warning(tmp_path: Path) -> None:
    modules = write_pages(tmp_path)
    pages = {".".join(path.relative_to(tmp_path).with_suffix("").parts) for path in tmp_path.rglob("*.html")}
    assert pages >= set(modules)
    start = (tmp_path / "facesql.html").read_text(encoding="utf-8")
    assert all(f'id="{verb}"' in start for verb in facesql.__all__ if not verb.startswith("_"))


@pytest.mark.parametrize("name", [name for name in facesql.__all__ if not name.startswith("_")])
def test_each_verb_of_the_library_says_what_it_takes_and_raises(name: str) -> None:
    verb = getattr(facesql, name)
    assert "Raises" in verb.__doc__
    assert "return" in verb.__annotations__
