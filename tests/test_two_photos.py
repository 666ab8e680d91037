"""Two photos, and one among many: distances, what they mean by a report, and what the commands say of them."""

import shutil
import statistics
from collections.abc import Callable
from math import ceil
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facesql import compare_photos, encoder, identify_photo
from facesql.analyze import analyze_faces
from facesql.binning import Metric
from facesql.distance import EUCLIDEAN_RULE, pair_distance
from facesql.encode import EncodeSummary
from facesql.errors import FacesqlError
from facesql.faces import read_metadata, write_table
from facesql.identifying import IDENTIFIED
from facesql.nearest import distances_from, nearest_people
from facesql.phototext import compared, identified
from facesql.twophotos import COMPARED
from facesql.verdicts import Judge, Outside
from facesql.wanted import Wanted
from tests.conftest import Run, faces_table, some_people

Encodings = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="session")
def report(drawn_faces: tuple[Path, EncodeSummary]) -> Path:
    """A report on the drawn people, which recommends a cut-off."""
    folder = drawn_faces[0].parent / "report"
    analyze_faces(drawn_faces[0], folder, wanted=Wanted(max_fmr=0.6), formats=())
    return folder


@pytest.fixture(scope="session")
def encodings(drawn_faces: tuple[Path, EncodeSummary]) -> Encodings:
    """The encodings of the drawn people, by id."""
    table = pq.read_table(drawn_faces[0])
    return {
        id_: np.array(encoding, np.float32)
        for id_, encoding in zip(table["id"].to_pylist(), table["encoding"].to_pylist(), strict=True)
    }


@pytest.fixture
def two_faces(drawn: Path, tmp_path: Path) -> Path:
    """A photo of two people side by side: person_02 on the left, person_01 on the right."""
    left, right = (Image.open(drawn / person / "1.png") for person in ("person_02", "person_01"))
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    both.save(tmp_path / "both.png")
    return tmp_path / "both.png"


@pytest.fixture
def no_face(tmp_path: Path) -> Path:
    Image.new("RGB", (200, 200), (90, 120, 150)).save(tmp_path / "wall.png")
    return tmp_path / "wall.png"


def apart(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64)))


def renoted(source: Path, target: Path, **noted: str) -> Path:
    """A copy of a table whose metadata notes something else; an empty text notes nothing."""
    made = {**read_metadata(source), **noted}
    write_table(pq.read_table(source), target, {name: value for name, value in made.items() if value})
    return target


@settings(deadline=None)  # the first calls compile
@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]))
def test_distances_are_those_of_the_engine_to_the_last_digit(size: int, faces: int, seed: int, kind: type) -> None:
    others: NDArray[np.floating] = np.random.default_rng(seed).normal(size=(faces, size)).astype(kind)
    own: NDArray[np.floating] = np.random.default_rng(seed + 1).normal(size=size).astype(kind)
    assert distances_from(own, others).tolist() == [pair_distance(EUCLIDEAN_RULE, own, other) for other in others]


def test_distances_do_not_hang_on_how_many_faces_there_are() -> None:
    _, others = some_people(1000, 9)
    found = distances_from(others[0], others)
    assert found.tolist() == [pair_distance(EUCLIDEAN_RULE, others[0], other) for other in others]


@settings(deadline=None)  # the first calls compile
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 6)), max_size=30), st.integers(1, 6))
def test_the_nearest_people_are_those_of_a_loop(faces: list[tuple[str, int]], most: int) -> None:
    table = pl.DataFrame(
        {"person": [person for person, _ in faces], "id": [f"{place:02}" for place in range(len(faces))]},
        schema={"person": pl.String, "id": pl.String},
    )
    by_person: dict[str, list[tuple[int, str]]] = {}
    for place, (person, distance) in enumerate(faces):
        by_person.setdefault(person, []).append((distance, f"{place:02}"))
    expected = sorted(
        (*min(own), person, statistics.median(distance for distance, _ in own), len(own))
        for person, own in by_person.items()
    )
    found = nearest_people(table, np.array([float(distance) for _, distance in faces]), most)
    assert found.rows() == [
        (rank, person, id_, float(distance), float(median), count)
        for rank, (distance, id_, person, median, count) in enumerate(expected[:most], 1)
    ]


@pytest.mark.parametrize(("one", "other"), [("person_01/1", "person_01/2"), ("person_03/1", "person_05/2")])
def test_two_photos_have_the_distance_of_their_encodings_and_the_share_of_its_bin(
    drawn: Path, encodings: Encodings, report: Path, one: str, other: str
) -> None:
    found = compare_photos(drawn / f"{one}.png", drawn / f"{other}.png", report)
    [row] = found.table.rows(named=True)
    distance = apart(encodings[f"{one}.png"], encodings[f"{other}.png"])
    assert row["distance"] == pytest.approx(distance, abs=1e-12)
    [calibrated] = pl.read_parquet(report / "calibration.parquet").filter(bin=ceil(distance * 1000)).rows(named=True)
    assert [row[f"share{end}"] for end in ("", "_low", "_high", "_bound")] == [
        calibrated[name] for name in ("share", "low", "high", "bound")
    ]
    points = pl.read_parquet(report / "operating_points.parquet").drop_nulls("cutoff")
    says = [distance <= cutoff for cutoff in points["cutoff"]]
    assert found.judge is not None
    assert found.judge.matched(distance) == says
    assert row["match_from"] == points["cutoff"].filter(pl.Series(says)).min()
    assert dict(found.table.schema) == dict(COMPARED)
    assert not found.doubts


def test_a_share_of_the_users_own_gives_the_calibration_of_a_report_with_it(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], report: Path, tmp_path: Path
) -> None:
    analyze_faces(drawn_faces[0], tmp_path / "report", wanted=Wanted(genuine_share=0.3), formats=())
    photos = drawn / "person_01" / "1.png", drawn / "person_02" / "1.png"
    asked = compare_photos(*photos, report, genuine_share=0.3)
    of_report, usual = compare_photos(*photos, tmp_path / "report"), compare_photos(*photos, report)
    assert asked.judge is not None
    assert of_report.judge is not None
    assert usual.judge is not None
    kept = pl.read_parquet(tmp_path / "report" / "calibration.parquet")
    for column in ("share", "low", "high"):
        np.testing.assert_allclose(asked.judge.calibration[column], kept[column], rtol=1e-6, atol=1e-12)
    assert not asked.judge.calibration.equals(usual.judge.calibration)
    assert asked.judge.genuine_share == of_report.judge.genuine_share == 0.3
    assert usual.judge.genuine_share == pytest.approx(24 / (24 * 23 / 2))  # 8 x 3 pairs of one person
    assert "where 30% of all comparisons are, as you say." in compared(asked)
    assert "No cut-off is recommended. An FMR of at most 0.001 needs about" in compared(of_report)
    assert "where 8.7% of all comparisons are, as in " in compared(usual)


def test_without_a_report_only_the_usual_cutoff_is_known(drawn: Path) -> None:
    found = compare_photos(drawn / "person_01" / "1.png", drawn / "person_01" / "2.png")
    [row] = found.table.rows(named=True)
    assert row["match_from"] == 0.6
    assert row["share"] is None
    told = compared(found)
    assert "a match at face_recognition's 0.6" in told
    assert "is not known" in told


def test_faces_of_one_photo_are_numbered_from_left_to_right_and_all_compared(
    drawn: Path, encodings: Encodings, two_faces: Path, report: Path
) -> None:
    found = compare_photos(two_faces, drawn / "person_01" / "1.png", report)
    left, right = found.first.faces
    assert left.right <= 260 <= 240 + right.left
    assert found.table["face_a"].to_list() == [1, 2]
    distances = found.table["distance"].to_list()
    own = encodings["person_01/1.png"]
    assert distances == pytest.approx([apart(left.encoding, own), apart(right.encoding, own)], abs=1e-12)
    assert distances[1] < 0.1 < distances[0]
    told = compared(found)
    assert f"A2    {right.left:>4}" in told
    assert f"A2  B1     {distances[1]:.3f}" in told
    assert "\n\n                " in told  # the cut-offs stand apart


def test_a_photo_is_turned_as_the_camera_says(drawn: Path, tmp_path: Path) -> None:
    upright = drawn / "person_01" / "1.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.open(upright).rotate(90).save(tmp_path / "lying.png", exif=exif)
    found = compare_photos(upright, tmp_path / "lying.png")
    assert found.table["distance"].to_list() == [0.0]
    assert "perhaps it is one picture twice" in compared(found)
    assert "same file" not in compared(found)
    assert "same file" in compared(compare_photos(upright, upright))


def test_each_photo_without_a_face_gets_a_sentence(drawn: Path, no_face: Path, tmp_path: Path) -> None:
    broken, missing = tmp_path / "broken.jpg", tmp_path / "missing.jpg"
    broken.write_bytes(b"no photo")
    with pytest.raises(FacesqlError, match=r"^The detector finds no face in '.*wall.png'; take .* 'missing|broken"):
        compare_photos(no_face, broken)
    with pytest.raises(FacesqlError, match=r"missing.jpg' cannot be read \(No such file or directory\); name another"):
        compare_photos(missing, drawn / "person_01" / "1.png")
    with pytest.raises(FacesqlError) as raised:
        compare_photos(broken, no_face)
    first, second = str(raised.value).split(" photo. ")
    assert "broken.jpg' gives no face (the content is no photo of a known kind)" in first
    assert "wall.png" in second
    with pytest.raises(FacesqlError, match="is no file; name a photo"):
        compare_photos(tmp_path, no_face)


def test_a_report_notes_how_its_faces_were_encoded(drawn_faces: tuple[Path, EncodeSummary], report: Path) -> None:
    with duckdb.connect(str(report / "facesql.duckdb"), read_only=True) as connection:
        rows = connection.sql("select name, value from encode_settings").fetchall()
    made = read_metadata(drawn_faces[0])
    assert "found" in made
    assert dict(rows) == {name: value for name, value in made.items() if name != "found"}


def test_photos_are_encoded_as_the_faces_of_the_report_were(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = renoted(drawn_faces[0], tmp_path / "faces.parquet", upsample="2", landmarks="large", detect_size="400")
    analyze_faces(faces, tmp_path / "report", formats=())
    asked: list[encoder.FaceSettings] = []
    prepare = encoder.prepare

    def prepared(*, faces: encoder.FaceSettings) -> tuple[encoder.Encoder, str | None]:
        asked.append(faces)
        return prepare(faces=faces)

    monkeypatch.setattr(encoder, "prepare", prepared)
    photo = drawn / "person_01" / "1.png"
    compare_photos(photo, photo, tmp_path / "report")
    identify_photo(photo, faces)
    expected = encoder.FaceSettings(upsample=2, landmarks=encoder.Landmarks.LARGE, detect_size=400)
    assert asked == [expected, expected]
    compare_photos(photo, photo)
    assert asked[2] == encoder.DEFAULTS


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        ({"detector": "retina"}, r"in a way that this facesql does not know \(detector retina, "),
        ({"jitters": "many"}, "in a way that this facesql does not know"),
        ({"face_recognition_models": "0.1"}, r"by other models \(face_recognition_models 0.1, and here is "),
    ],
)
def test_faces_of_another_encoder_are_refused(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path, noted: dict[str, str], said: str
) -> None:
    faces = renoted(drawn_faces[0], tmp_path / "faces.parquet", **noted)
    with pytest.raises(FacesqlError, match=said):
        identify_photo(drawn / "person_01" / "1.png", faces)


def test_a_report_on_faces_that_were_encoded_differently_is_refused(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], report: Path, tmp_path: Path
) -> None:
    faces = renoted(drawn_faces[0], tmp_path / "faces.parquet", upsample="2")
    with pytest.raises(FacesqlError, match=r"were encoded differently \(upsample 2, and 1\); make a report on"):
        identify_photo(drawn / "person_01" / "1.png", faces, report)


def test_what_hardly_matters_or_is_not_told_is_a_doubt(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], report: Path, small_table: Path, tmp_path: Path
) -> None:
    photo = drawn / "person_01" / "1.png"
    other = identify_photo(photo, renoted(drawn_faces[0], tmp_path / "other.parquet", pillow="1.0"))
    assert [doubt for doubt in other.doubts if "pillow 1.0, and here is" in doubt]
    [doubt] = identify_photo(photo, small_table).doubts
    assert "does not say how its faces were encoded" in doubt
    earlier = tmp_path / "earlier"
    shutil.copytree(report, earlier)
    with duckdb.connect(str(earlier / "facesql.duckdb")) as connection:
        connection.sql("drop table encode_settings")
    [doubt] = compare_photos(photo, photo, earlier).doubts
    assert "earlier' does not say how its faces were encoded" in doubt


def of_metric(folder: Path, metric: Metric, size: int = 128) -> Path:
    people, encodings = some_people(12, 4)
    folder.mkdir()
    pq.write_table(faces_table(people, encodings[:, :size]), folder / "faces.parquet")
    analyze_faces(folder / "faces.parquet", folder / "report", metric=metric, formats=())
    return folder


def test_reports_and_tables_of_other_distances_are_refused(drawn: Path, tmp_path: Path) -> None:
    photo = drawn / "person_01" / "1.png"
    cosine = of_metric(tmp_path / "cosine", Metric.COSINE)
    with pytest.raises(FacesqlError, match=r"counts cosine distances, .* made with --metric euclidean"):
        compare_photos(photo, photo, cosine / "report")
    short = of_metric(tmp_path / "short", Metric.EUCLIDEAN, 64)
    with pytest.raises(FacesqlError, match="is of encodings of 64 numbers, and photos are encoded to 128"):
        compare_photos(photo, photo, short / "report")
    with pytest.raises(FacesqlError, match="is of encodings of 64 numbers, and photos are encoded to 128"):
        identify_photo(photo, short / "faces.parquet")
    table = pq.read_table(cosine / "faces.parquet")
    write_table(table, cosine / "faces.parquet", {"metric": "cosine"})
    with pytest.raises(FacesqlError, match="is made for the metric cosine, and photos are compared by Euclidean"):
        identify_photo(photo, cosine / "faces.parquet")
    with pytest.raises(FacesqlError, match=r"holds no facesql\.duckdb"):
        compare_photos(photo, photo, tmp_path)
    with pytest.raises(FacesqlError, match=r"1\.5 is no --genuine-share"):
        compare_photos(photo, photo, cosine / "report", genuine_share=1.5)


def test_distances_that_no_pair_of_the_report_has_are_told(drawn: Path, encodings: Encodings, report: Path) -> None:
    every = list(encodings.values())
    distances = [apart(a, b) for place, a in enumerate(every) for b in every[:place]]
    judge = Judge.of(report)
    assert judge.outside(min(distances)) is judge.outside(max(distances)) is None
    assert judge.outside(min(distances) - 0.001) is Outside.NEARER
    assert judge.outside(max(distances) + 0.001) is Outside.FARTHER
    assert judge.outside(99.0) is Outside.FARTHER
    photo = drawn / "person_01" / "1.png"
    assert "nearer than any pair of" in compared(compare_photos(photo, photo, report))


def expected_people(
    encodings: Encodings, own: NDArray[np.float32], without: str
) -> list[tuple[str, str, float, float]]:
    """Person, id of the nearest face, its distance and the median, of each person, the nearest first."""
    by_person: dict[str, list[tuple[float, str]]] = {}
    for id_, encoding in encodings.items():
        if id_ != without:
            by_person.setdefault(id_.split("/")[0], []).append((apart(own, encoding), id_))
    found = [
        (person, min(faces)[1], min(faces)[0], statistics.median(distance for distance, _ in faces))
        for person, faces in by_person.items()
    ]
    return sorted(found, key=lambda person: person[2])


@pytest.mark.parametrize("with_photos", [True, False])
def test_the_nearest_people_to_a_photo_that_is_in_the_table(
    drawn: Path,
    drawn_faces: tuple[Path, EncodeSummary],
    encodings: Encodings,
    report: Path,
    tmp_path: Path,
    with_photos: bool,
) -> None:
    faces = drawn_faces[0]
    if not with_photos:  # then its distance of 0 tells
        faces = Path(shutil.copy(faces, tmp_path / "alone.parquet"))
    photo = Path(shutil.copy(drawn / "person_04" / "2.png", tmp_path / "copy.png"))
    found = identify_photo(photo, faces, report, most=3)
    expected = expected_people(encodings, encodings["person_04/2.png"], "person_04/2.png")[:3]
    assert expected[0][0] == "person_04"
    for row, (person, id_, distance, median) in zip(found.table.rows(named=True), expected, strict=True):
        assert (row["face"], row["person"], row["id"]) == (1, person, id_)
        assert row["distance"] == pytest.approx(distance, abs=1e-12)
        assert row["median"] == pytest.approx(median, abs=1e-12)
        assert row["faces"] == (2 if person == "person_04" else 3)
    assert found.itself == [("person_04/2.png", "person_04")]
    assert (found.faces, found.people) == (24, 8)
    assert dict(found.table.schema) == dict(IDENTIFIED)
    told = identified(found)
    assert "This very photo is there, as 'person_04/2.png' of 'person_04': that is left out below." in told
    assert "pass --genuine-share 0.12." in told


def test_a_photo_with_the_content_of_one_in_the_table_is_told_whatever_its_encoding(
    drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path
) -> None:
    faces = tmp_path / "faces.parquet"
    shutil.copy(drawn_faces[0].with_suffix(".photos.parquet"), tmp_path / "faces.photos.parquet")
    table = pq.read_table(drawn_faces[0])
    moved = [[value + 0.001 for value in encoding] for encoding in table["encoding"].to_pylist()]
    column = pa.array(moved, table.schema.field("encoding").type)
    place = table.column_names.index("encoding")
    write_table(table.set_column(place, "encoding", column), faces, read_metadata(drawn_faces[0]))
    assert identify_photo(drawn / "person_04" / "2.png", faces).itself == [("person_04/2.png", "person_04")]
    (tmp_path / "faces.photos.parquet").write_bytes(b"something else")
    with pytest.raises(FacesqlError, match="is no table of photos"):
        identify_photo(drawn / "person_04" / "2.png", faces)


def test_each_face_of_a_photo_is_identified(
    drawn_faces: tuple[Path, EncodeSummary], two_faces: Path, report: Path
) -> None:
    found = identify_photo(two_faces, drawn_faces[0], report, most=2)
    assert found.table["face"].to_list() == [1, 1, 2, 2]
    assert found.table["rank"].to_list() == [1, 2, 1, 2]
    assert found.table.filter(rank=1)["person"].to_list() == ["person_02", "person_01"]
    told = identified(found)
    assert "\nface 1\n" in told
    assert "\nface 2\n" in told
    points = pl.read_parquet(report / "operating_points.parquet").filter("recommended").row(0, named=True)
    expected = f"{8 * points['fmr']:.2g} [{8 * points['fmr_low']:.2g}, {8 * points['fmr_high']:.2g}]"
    assert expected in told
    assert "(FMR x 8)" in told
    assert "FMR x 24." in told


def test_a_table_of_nobody_else_is_told(drawn_faces: tuple[Path, EncodeSummary], drawn: Path, tmp_path: Path) -> None:
    table = pq.read_table(drawn_faces[0]).slice(0, 1)
    [id_] = table["id"].to_pylist()
    write_table(table, tmp_path / "one.parquet", {})
    found = identify_photo(drawn / id_, tmp_path / "one.parquet")
    assert found.table.is_empty()
    assert "Nobody else is in the table." in identified(found)


def test_the_commands_print_and_write_the_answer(
    run: Run, drawn: Path, drawn_faces: tuple[Path, EncodeSummary], report: Path, tmp_path: Path
) -> None:
    photos = drawn / "person_01" / "1.png", drawn / "person_02" / "1.png"
    known = run("compare", *photos, "-o", "pair.json", cwd=report.parent)  # report/ is there
    assert "FMR at most 0.6 (recommended)" in known.stdout
    [row] = pl.read_json(report.parent / "pair.json").rows(named=True)
    assert f"distance {row['distance']:.3f}" in known.stdout
    (report.parent / "pair.json").unlink()
    assert "is not known" in run("compare", *photos, "--no-report", cwd=report.parent).stdout
    assert "is not known" in run("compare", *photos, cwd=tmp_path).stdout
    both = run("compare", *photos, "--report", report, "--no-report", cwd=tmp_path, check=False)
    assert both.returncode == 2
    named = run("identify", photos[0], drawn_faces[0], "-n", "2", "--report", report, "-o", "who.csv", cwd=tmp_path)
    assert pl.read_csv(tmp_path / "who.csv")["rank"].to_list() == [1, 2]
    assert (tmp_path / "who.csv").stat().st_mode & 0o077 == 0
    assert "1  'person_01'" in named.stdout
    again = run("identify", photos[0], drawn_faces[0], "-o", "who.csv", cwd=tmp_path, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists; pass --overwrite" in again.stderr
    run("identify", photos[0], drawn_faces[0], "-o", "who.csv", "--overwrite", cwd=tmp_path)
    other = run("compare", *photos, "-o", "pair.txt", cwd=tmp_path, check=False)
    assert other.stderr == "facesql: 'pair.txt' ends in no format; end it in .csv, .parquet or .json.\n"


def test_the_commands_fail_with_a_sentence_where_there_is_no_face(
    run: Run, drawn: Path, drawn_faces: tuple[Path, EncodeSummary], no_face: Path
) -> None:
    for arguments in (
        ("compare", drawn / "person_01" / "1.png", no_face),
        ("identify", no_face, drawn_faces[0]),
    ):
        failed = run(*arguments, cwd=no_face.parent, check=False)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith("facesql: The detector finds no face in ")
        assert failed.stderr.count("\n") == 1


def test_names_cannot_steer_a_terminal(drawn: Path, tmp_path: Path) -> None:
    photo = Path(shutil.copy(drawn / "person_01" / "1.png", tmp_path / "a\x1b[31m.png"))
    told = compared(compare_photos(photo, photo))
    assert r"a\x1b[31m.png" in told
    assert "\x1b" not in told
    photo.write_bytes(b"")
    with pytest.raises(FacesqlError) as raised:
        compare_photos(photo, photo)
    assert "\x1b" not in str(raised.value)


def test_without_the_encode_extra_a_sentence_says_what_to_install(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[[str], object] = lambda name: None if name == "dlib" else object()  # noqa: E731
    monkeypatch.setattr("importlib.util.find_spec", find)
    with pytest.raises(FacesqlError, match=r"^Encoding photos needs dlib; run: pip install 'facesql\[encode\]'$"):
        compare_photos(drawn / "person_01" / "1.png", drawn / "person_01" / "2.png")
