"""The pairs themselves, against a naive double loop over all pairs: whatever tiles and threads, with ties."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facesql import distance, extremes
from facesql.binning import Metric
from facesql.errors import FacesqlError, InvalidFacesError
from facesql.lookalikes import PAIRS, FoundPairs, PairKind, find_pairs
from tests.conftest import compare, faces_table, filled, some_people
from tests.test_distance import naive_distance

Pair = tuple[float, str, str, str, str]
Rows = list[dict[str, Any]]


def naive_pairs(
    rows: Rows, kind: PairKind, most: int, cutoff: float | None, person: str | None, metric: Metric
) -> tuple[list[Pair], int]:
    """What ``find_pairs`` is to find, and how many pairs there are on that side of the cut-off."""
    sign = -1 if kind.genuine else 1
    pairs = []
    for place, row in enumerate(rows):
        for other in rows[place + 1 :]:
            same = row["person"] == other["person"]
            one_photo = row.get("photo") is not None and row.get("photo") == other.get("photo")
            if same != kind.genuine or (same and one_photo):
                continue
            if person is not None and person not in (row["person"], other["person"]):
                continue
            first, second = sorted((row, other), key=lambda face: face["id"])
            if not same and person == second["person"]:
                first, second = second, first
            apart = naive_distance(row["encoding"], other["encoding"], metric)
            if cutoff is None or (apart <= cutoff) != same:
                pairs.append((sign * apart, first["id"], second["id"], first["person"], second["person"]))
    pairs.sort()
    matched = len(pairs)
    if not kind.of_faces:
        best: dict[frozenset[str], Any] = {}
        for pair in pairs:
            best.setdefault(frozenset(pair[3:]), pair)
        pairs = list(best.values())
    return [(sign * score, a, p, b, q) for score, a, b, p, q in pairs[:most]], matched


def found(path: Path, rows: Rows, kind: PairKind = PairKind.CLOSEST, **how: Any) -> FoundPairs:
    """What ``find_pairs`` finds, after it has been compared with what the double loop does."""
    result = find_pairs(path, kind, **how)
    cutoff, person, metric = how.get("cutoff"), how.get("person"), how.get("metric", Metric.EUCLIDEAN)
    expected, matched = naive_pairs(rows, kind, how.get("most", 60), cutoff, person, metric)
    assert [pair[1:] for pair in result.table.rows()] == [pair[1:] for pair in expected]
    assert result.table["distance"].to_list() == pytest.approx([pair[0] for pair in expected], rel=1e-12, abs=1e-15)
    assert result.matched == (matched if kind.of_faces else None)
    assert dict(result.table.schema) == PAIRS
    return result


def people_of(people: int, photos: int) -> tuple[list[str], NDArray[np.float32]]:
    """Encodings of 16 numbers, which the double loop is done with sooner."""
    names, encodings = some_people(people, photos)
    return names, np.ascontiguousarray(encodings[:, :16])


def written(table: pa.Table, path: Path) -> tuple[Path, Rows]:
    pq.write_table(table, path)
    rows = table.to_pylist()
    for row in rows:
        row["encoding"] = np.array(row["encoding"])
    return path, rows


WAYS: list[tuple[PairKind, float | None]] = [
    (PairKind.CLOSEST, None),
    (PairKind.FARTHEST, None),
    (PairKind.BELOW, 0.25),
    (PairKind.ABOVE, 0.15),
]


@pytest.mark.parametrize("tile_faces", [1, 7, 1000])
@pytest.mark.parametrize(("kind", "cutoff"), WAYS)
def test_the_pairs_are_those_of_a_double_loop(
    tmp_path: Path, kind: PairKind, cutoff: float | None, tile_faces: int
) -> None:
    path, rows = written(faces_table(*people_of(12, 4)), tmp_path / "faces.parquet")
    for threads, most in ((1, 60), (3, 7)):
        result = found(path, rows, kind, cutoff=cutoff, tile_faces=tile_faces, threads=threads, most=most)
        assert result.table.height


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "cutoff"), WAYS)
def test_any_metric_and_type_of_numbers_will_do(
    tmp_path: Path, kind: PairKind, cutoff: float | None, dtype: type[np.floating], metric: Metric
) -> None:
    people, encodings = people_of(9, 4)
    path, rows = written(faces_table(people, (3 * encodings[:, :5]).astype(dtype)), tmp_path / "faces.parquet")
    if cutoff is not None:
        _, apart = naive_pairs(rows, kind, 1, -1e9 if kind.genuine else 1e9, None, metric)
        all_, _ = naive_pairs(rows, kind, apart, -1e9 if kind.genuine else 1e9, None, metric)
        cutoff = all_[apart // 3][0]
    result = found(path, rows, kind, cutoff=cutoff, metric=metric, most=25, tile_faces=11)
    assert result.bins.metric is metric


def small(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int, tuple[int, int]]]]:
    """Faces of few people with few photos, whose small integers make ties."""
    return st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 6), st.tuples(numbers, numbers)), min_size=1, max_size=24
    )


@settings(deadline=None)
@given(
    small(st.integers(0, 3)),
    st.sampled_from(
        [*WAYS, (PairKind.BELOW, 1.0), (PairKind.ABOVE, 1.0), (PairKind.BELOW, 0.0), (PairKind.ABOVE, 0.0)]
    ),
    st.sampled_from(list(Metric)[:2]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_ties_are_broken_by_the_ids(
    faces: list[tuple[int, int, tuple[int, int]]],
    way: tuple[PairKind, float | None],
    metric: Metric,
    most: int,
    tile_faces: int,
    threads: int,
    with_name: bool,
    shuffled: Any,
) -> None:
    people = [f"p{person}" for person, _, _ in faces]
    encodings = np.array([encoding for _, _, encoding in faces], np.float32)
    photos = [None if photo > 4 else f"{photo}" for _, photo, _ in faces]
    table = faces_table(people, encodings, photos)
    numbers = list(range(len(faces)))
    shuffled.shuffle(numbers)
    table = table.set_column(0, "id", pa.array([f"{number:02d}" for number in numbers]))
    with TemporaryDirectory() as folder:
        path, rows = written(table, Path(folder) / "faces.parquet")
        kind, cutoff = way
        person = people[0] if with_name else None
        found(
            path,
            rows,
            kind,
            cutoff=cutoff,
            metric=metric,
            most=most,
            tile_faces=tile_faces,
            threads=threads,
            person=person,
        )


def test_a_cutoff_on_a_distance_holds_it_below_and_not_above(tmp_path: Path) -> None:
    encodings = np.array([[0, 0], [3, 4], [0, 5], [3, 1]], np.float32)
    path, rows = written(faces_table(["a", "a", "b", "b"], encodings), tmp_path / "faces.parquet")
    below = found(path, rows, PairKind.BELOW, cutoff=5.0)
    assert below.table["distance"].to_list() == [3.0, pytest.approx(10**0.5), pytest.approx(10**0.5), 5.0]
    assert found(path, rows, PairKind.ABOVE, cutoff=5.0).matched == 0
    assert found(path, rows, PairKind.ABOVE, cutoff=np.nextafter(5.0, 0)).table["distance"].to_list() == [5.0, 5.0]
    assert found(path, rows, PairKind.BELOW, cutoff=-1.0).matched == 0
    assert found(path, rows, PairKind.ABOVE, cutoff=-1.0).matched == 2


def test_as_many_pairs_match_as_an_analysis_counts(tmp_path: Path) -> None:
    people, encodings = some_people(40, 6)
    path, _ = written(faces_table(people, encodings), tmp_path / "faces.parquet")
    connection = filled(people, encodings)
    compare(connection)
    query = (
        "select sum(pairs) filter (bin <= $1 and not same_person), sum(pairs) filter (bin > $1 and same_person) "
        "from binned_counts"
    )
    for cutoff in (0.3, 0.4, 0.8):
        [(matched, missed)] = connection.execute(query, [round(cutoff * 1000)]).fetchall()
        assert matched or missed
        assert find_pairs(path, PairKind.BELOW, cutoff=cutoff, most=1).matched == (matched or 0)
        assert find_pairs(path, PairKind.ABOVE, cutoff=cutoff, most=1).matched == (missed or 0)


def test_most_pairs_are_told_of_without_being_computed_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast way is not what is right in the end, so that it is quick must be seen otherwise."""
    people, encodings = people_of(12, 4)
    path, rows = written(faces_table(people, encodings), tmp_path / "faces.parquet")
    expected = found(path, rows)
    # So nothing may be told by matrix products.
    monkeypatch.setattr(distance, "_FLOAT32_SLACK", 0.0)
    monkeypatch.setattr(distance, "_FLOAT64_SLACK", 0.0)
    for kind, cutoff in WAYS:
        found(path, rows, kind, cutoff=cutoff, most=9)
    assert found(path, rows).table.equals(expected.table)


def test_one_person_with_very_many_photos_and_strips_that_cut_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extremes, "STRIP_FACES", 7)
    monkeypatch.setattr(extremes, "CHUNK_FACES", 5)
    monkeypatch.setattr(extremes, "_HELD", 3)
    people, encodings = people_of(6, 10)
    people = ["many"] * 30 + people[30:]
    path, rows = written(faces_table(people, encodings), tmp_path / "faces.parquet")
    for kind, cutoff in WAYS:
        for person in (None, "many", people[-1]):
            found(path, rows, kind, cutoff=cutoff, most=4, tile_faces=25, person=person)


def test_identical_faces_are_at_0_and_one_face_a_person_has_no_pair_of_its_own(tmp_path: Path) -> None:
    encodings = np.ones((5, 128), np.float32)
    path, rows = written(faces_table(list("abcde"), encodings), tmp_path / "faces.parquet")
    assert found(path, rows, most=4).table["distance"].to_list() == [0.0] * 4
    assert found(path, rows, PairKind.BELOW, cutoff=0.0, most=4).matched == 10
    assert found(path, rows, PairKind.FARTHEST).table.is_empty()
    assert found(path, rows, PairKind.ABOVE, cutoff=0.1).table.is_empty()
    one, rows = written(faces_table(["a"], encodings[:1]), tmp_path / "one.parquet")
    assert found(one, rows).table.is_empty()


def test_a_person_is_named_in_any_spelling_and_is_the_first_of_two(tmp_path: Path) -> None:
    people, encodings = people_of(8, 3)
    name = "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}"
    people = [name if person == people[-1] else person for person in people]
    path, rows = written(faces_table(people, encodings), tmp_path / "faces.parquet")
    for kind, cutoff in WAYS:
        found(path, rows, kind, cutoff=cutoff, person=name)
    result = find_pairs(path, person=normalize("NFD", name))
    assert (result.person, set(result.table["person_a"]), result.table.height) == (name, {name}, 7)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Ann_Le", "is it 'Ann_Lee' or 'Anne_Leigh'?"),
        ("lee", "is it 'Ann_Lee'?"),
        ("\x1b", "name one as the table does."),
    ],
)
def test_a_person_who_is_not_there_is_told_of_with_those_who_are_named_alike(
    tmp_path: Path, name: str, told: str
) -> None:
    path, _ = written(
        faces_table(["Ann_Lee", "Anne_Leigh", "Bob"], np.eye(3, dtype=np.float32)), tmp_path / "faces.parquet"
    )
    with pytest.raises(FacesqlError) as error:
        find_pairs(path, person=name)
    assert str(error.value).startswith(f"There is no person {name!r} in {str(path)!r}; ")
    assert str(error.value).endswith(told)


def test_several_tables_are_searched_as_one_and_invalid_rows_are_refused(tmp_path: Path) -> None:
    people, encodings = people_of(6, 4)
    table = faces_table(people, encodings)
    _, rows = written(table, tmp_path / "all.parquet")
    for name, part in (("a", table[:10]), ("b", table[10:])):
        written(part, tmp_path / f"{name}.parquet")
    result = find_pairs([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert [row[1:] for row in result.table.rows()] == [
        pair[1:] for pair in naive_pairs(rows, PairKind.CLOSEST, 60, None, None, Metric.EUCLIDEAN)[0]
    ]
    encodings[3] = np.nan
    broken, _ = written(faces_table(people, encodings), tmp_path / "broken.parquet")
    with pytest.raises(InvalidFacesError):
        find_pairs(broken)
    left = rows[:3] + rows[4:]
    found(broken, left, skip_invalid=True)


@pytest.mark.parametrize(
    ("kind", "cutoff"), [(PairKind.CLOSEST, 0.5), (PairKind.BELOW, None), (PairKind.ABOVE, float("nan"))]
)
def test_a_cutoff_goes_with_below_and_above(small_table: Path, kind: PairKind, cutoff: float | None) -> None:
    with pytest.raises(FacesqlError, match="is no cut-off for the"):
        find_pairs(small_table, kind, cutoff=cutoff)


def test_the_farthest_photos_of_real_people() -> None:
    """As one call of face_distance a pair found them."""
    from facesql.sources import sample_faces

    result = find_pairs(sample_faces("lfw"), PairKind.FARTHEST, most=3)
    assert result.table["distance"].to_list() == pytest.approx([0.883, 0.853, 0.800], abs=5e-4)
