"""Accuracy by folds: against loops over cut-offs and pairs, scikit-learn, and what is known of LFW."""

import csv
import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from facesql.binning import Metric
from facesql.errors import FacesqlError
from facesql.foldwise import Curve, Spread, best_cutoff, pair_distances
from facesql.peoplefolds import dealt_by_people, fold_of_pair
from facesql.protocol import FoldRule, run_protocol
from facesql.protocoltext import told
from tests.conftest import LFW, Run, faces_table, some_people

Pairs = list[tuple[str, str, bool]]


def right(distances: NDArray[np.float64], same: NDArray[np.bool_], cutoff: float) -> int:
    return sum(bool((distance <= cutoff) == of_one) for distance, of_one in zip(distances, same, strict=True))


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.8]), st.booleans()), min_size=1, max_size=30))
def test_the_best_cutoff_is_the_lowest_of_the_best(pairs: list[tuple[float, bool]]) -> None:
    distances, same = np.array([distance for distance, _ in pairs]), np.array([of_one for _, of_one in pairs])
    candidates = [0.05, 0.15, 0.25, 0.4, 0.65, 0.9]
    best = max(right(distances, same, cutoff) for cutoff in candidates)
    cutoff = best_cutoff(distances, same)
    assert right(distances, same, cutoff) == best
    lower = next(candidate for candidate in candidates if right(distances, same, candidate) == best)
    assert (distances <= cutoff).sum() == (distances <= lower).sum()
    values = np.unique(distances)
    if values[0] <= cutoff < values[-1]:
        place = int((values <= cutoff).sum())
        assert cutoff == pytest.approx((values[place - 1] + values[place]) / 2)


def test_a_cutoff_between_two_neighbouring_numbers_matches_the_nearer_alone() -> None:
    near = 0.5
    far = float(np.nextafter(near, 1))
    assert best_cutoff(np.array([near, far]), np.array([True, False])) == near


def test_the_spread_over_folds_is_lfws() -> None:
    rates = [0.9, 0.95, 1.0, 0.97]
    mean = sum(rates) / 4
    sd = (sum((value - mean) ** 2 for value in rates) / 3) ** 0.5
    spread = Spread.of(np.array(rates))
    assert (spread.mean, spread.sd, spread.se) == pytest.approx((mean, sd, sd / 2))


@given(st.integers(0, 10_000))
def test_the_curve_is_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    same = np.append(random.random(40) < 0.5, [True, False])
    distances = np.round(random.random(42) + 0.3 * ~same, 1 if seed % 2 else 9)
    curve = Curve.of(distances, same)
    fmr, recall, _ = roc_curve(same, -distances, drop_intermediate=False)
    assert curve.fmr == pytest.approx(fmr[1:])
    assert curve.recall == pytest.approx(recall[1:])
    assert curve.auc == pytest.approx(roc_auc_score(same, -distances))
    # Between two points FMR and FNMR cross at the EER.
    fnmr = 1 - np.append(0, curve.recall)
    place = int((np.append(0, curve.fmr) >= fnmr).argmax())
    assert fnmr[place] - 1e-12 <= curve.eer <= fnmr[place - 1] + 1e-12


def test_distances_are_float64_of_each_metric() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 20, 128)).astype(np.float32)
    for row in range(20):
        x, y = a[row].astype(np.float64), b[row].astype(np.float64)
        expected = {
            Metric.EUCLIDEAN: np.linalg.norm(x - y),
            Metric.SQUARED: ((x - y) ** 2).sum(),
            Metric.COSINE: 1 - (x @ y) / (np.linalg.norm(x) * np.linalg.norm(y)),
            Metric.INNER: -(x @ y),
        }
        for metric, distance in expected.items():
            found = pair_distances(a[row : row + 1], b[row : row + 1], metric)
            assert found.dtype == np.float64
            assert found[0] == pytest.approx(distance, rel=1e-14)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve people with four faces each; ids p0/0.jpg to p11/47.jpg."""
    path = tmp_path / "faces.parquet"
    people, encodings = some_people(12, 4, seed=5)
    spoiled = encodings + np.random.default_rng(6).normal(scale=0.08, size=encodings.shape).astype(np.float32)
    pq.write_table(faces_table(people, spoiled), path)
    return path


def some_pairs() -> Pairs:
    """Sixty pairs of one person and sixty of two, of which some lack a face."""
    ids = [f"p{number // 4}/{number}.jpg" for number in range(48)]
    random = np.random.default_rng(7)
    genuine = [(ids[4 * p + i], ids[4 * p + j]) for p in range(12) for i in range(4) for j in range(i + 1, 4)][:60]
    others = [(ids[4 * p + random.integers(4)], ids[4 * ((p + q) % 12) + 1]) for p in range(12) for q in range(1, 6)]
    pairs = [*((a, b, True) for a, b in genuine), *((a, b, False) for a, b in others)]
    pairs[7] = ("p1/gone.jpg", pairs[7][1], True)
    pairs[100] = (pairs[100][0], "p9/gone.jpg", False)
    return pairs


def write_list(path: Path, pairs: Pairs) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "same"), *pairs])
    return path


def test_each_fold_is_judged_at_the_cutoff_of_the_others(tmp_path: Path, table: Path) -> None:
    pairs = some_pairs()
    found = run_protocol(write_list(tmp_path / "pairs.csv", pairs), table, cutoff=1.4)
    rows = pq.read_table(table).to_pylist()
    encodings = {row["id"]: np.array(row["encoding"], np.float64) for row in rows}
    folds: list[list[tuple[float | None, bool]]] = [[] for _ in range(10)]
    for number, (a, b, same) in enumerate(pairs):
        there = a in encodings and b in encodings
        folds[number % 60 // 6].append((float(np.linalg.norm(encodings[a] - encodings[b])) if there else None, same))
    for fold, row in enumerate(found.folds.iter_rows(named=True)):
        others = [pair for place, of in enumerate(folds) if place != fold for pair in of if pair[0] is not None]
        cutoff = best_cutoff(np.array([d for d, _ in others]), np.array([same for _, same in others]))
        assert row["cutoff"] == pytest.approx(cutoff, rel=1e-12)
        for at, suffix in ((cutoff, ""), (1.4, "_fixed")):
            decided = [(d <= at) == same for d, same in folds[fold] if d is not None]
            assert row[f"accuracy{suffix}"] == sum(decided) / len(decided)
            assert row[f"accuracy_of_all{suffix}"] == sum(decided) / 12
    assert found.chosen.with_faces.mean == pytest.approx(found.folds["accuracy"].mean())
    assert (found.pairs, found.genuine, found.without_face, found.photos_without_face) == (120, 60, 2, 2)
    assert not found.folds_told
    # The test can fail: some pairs are decided wrongly, and not the same at either cut-off.
    assert 0.7 < found.chosen.with_faces.mean < 1
    assert found.fixed is not None
    assert found.fixed.with_faces != found.chosen.with_faces


def test_a_name_is_a_face_or_a_photo_with_one_face(tmp_path: Path) -> None:
    encodings = np.eye(4, dtype=np.float32)
    table = faces_table(["Ann", "Ann", "Bob", "Bob"], encodings)
    ids = ["Ann/Ann_0001.jpg#2", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg", "Bob/Bob_0001.jpg#2"]
    pq.write_table(table.set_column(0, "id", pa.array(ids)), tmp_path / "faces.parquet")
    text = "a,b,same,fold\n{0},{1},1,a\n{1},{2},0,a\n{0},{1},1,b\n{1},{3},0,b\n"
    listed = tmp_path / "pairs.csv"
    listed.write_text(text.format("Ann/Ann_0001.jpg", ids[1], ids[2], ids[3]))
    assert run_protocol(listed, tmp_path / "faces.parquet").without_face == 0
    txt = tmp_path / "pairs.txt"
    txt.write_text("2 1\nAnn\t1\t2\nAnn\t1\tBob\t1\nAnn\t1\t2\nAnn\t2\tBob\t1\n")
    with pytest.raises(FacesqlError, match=r"'Bob/Bob_0001.jpg' has 2 faces"):
        run_protocol(txt, tmp_path / "faces.parquet")


def test_what_became_of_photos_without_a_face_is_told(tmp_path: Path, table: Path) -> None:
    photos = {"id": ["p1/gone.jpg", "p9/gone.jpg", "p9/other.jpg"], "status": ["no_face", "undecidable", "no_face"]}
    pq.write_table(pa.table(photos), table.with_suffix(".photos.parquet"))
    found = run_protocol(write_list(tmp_path / "pairs.csv", some_pairs()), table)
    assert found.statuses == {"no_face": 1, "undecidable": 1}
    assert "2 photos have none in the table (1 'no_face', 1 'undecidable')" in told(found)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b,same\nx,y,1\n", "None of the photos"),
        ("a,b,same,fold\np0/0.jpg,p0/1.jpg,1,1\np0/0.jpg,p1/4.jpg,0,1\nx,y,1,2\n", "Fold '2'"),
        ("a,b,same,fold\np0/0.jpg,p0/1.jpg,1,1\np0/0.jpg,p1/4.jpg,0,1\n", "two folds"),
        ("a,b,same,fold\np0/0.jpg,p0/1.jpg,1,1\np0/0.jpg,p0/2.jpg,1,2\n", "pairs of one person and of two"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, table: Path, text: str, sentence: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(FacesqlError, match=sentence):
        run_protocol(tmp_path / "pairs.csv", table)


def test_the_command_writes_a_folder_or_the_roc(tmp_path: Path, table: Path, run: Run) -> None:
    write_list(tmp_path / "pairs.csv", some_pairs())
    printed = run("protocol", "pairs.csv", table.name, "-o", "out", cwd=tmp_path).stdout
    assert "2 pairs lack a face, for 2 photos have none in the table" in printed
    names = {path.name for path in (tmp_path / "out").iterdir()}
    chart = {f"protocol_roc.{kind}" for kind in ("html", "png", "svg", "vl.json", "csv", "parquet")}
    assert names == chart | {"protocol_folds.csv", "protocol_folds.parquet", "summary.json"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o600}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert f"AUC {summary['auc']:.5f}" in printed
    assert f"{summary['accuracy_mean']:.4f}" in printed
    run("protocol", "pairs.csv", table.name, "-o", "roc.csv", cwd=tmp_path)
    roc = pl.read_csv(tmp_path / "roc.csv")
    assert roc.columns == ["cutoff", "fmr", "recall"]
    assert roc.row(-1)[1:] == (1, 1)
    refused = run("protocol", "pairs.csv", table.name, "-o", "pairs.csv", cwd=tmp_path, check=False)
    assert (refused.returncode, "what is read" in refused.stderr) == (1, True)


def test_another_metric_has_no_cutoff_unless_one_is_given(tmp_path: Path, table: Path, run: Run) -> None:
    write_list(tmp_path / "pairs.csv", some_pairs())
    arguments = ("protocol", "pairs.csv", table.name, "--metric", "sqeuclidean")
    assert "\ncut-off" not in run(*arguments, cwd=tmp_path).stdout
    squared = run(*arguments, "--cutoff", "1.96", cwd=tmp_path).stdout
    plain = run("protocol", "pairs.csv", table.name, "--cutoff", "1.4", cwd=tmp_path).stdout
    shown = [
        next(line for line in text.splitlines() if line.startswith("cut-off")).split()[2:] for text in (squared, plain)
    ]
    assert shown[0] == shown[1]


@pytest.mark.lfw
@pytest.mark.skipif(not LFW.is_dir(), reason="the LFW encodings are not part of the project")
def test_view_2_gives_what_is_known_of_central_faces(tmp_path: Path) -> None:
    central: dict[str, tuple[float, list[float]]] = {}
    for row in pq.read_table(LFW / "reference.parquet").to_pylist():
        x, y = (row["left"] + row["right"]) / 2 - 125, (row["top"] + row["bottom"]) / 2 - 125
        off = x * x + y * y
        if row["image"] not in central or off < central[row["image"]][0]:
            central[row["image"]] = off, row["encoding"]
    columns = {
        "id": list(central),
        "person": [image.split("/")[0] for image in central],
        "encoding": pa.array([encoding for _, encoding in central.values()], pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(columns), tmp_path / "lfw.parquet")
    found = run_protocol(LFW / "pairs.txt", tmp_path / "lfw.parquet")
    assert (found.pairs, found.genuine, found.without_face) == (6_000, 3_000, 63)
    assert 0.989 <= found.chosen.with_faces.mean <= 0.990
    assert round(found.chosen.with_faces.sd, 3) == 0.003
    assert found.fixed is not None
    assert round(found.fixed.with_faces.mean, 4) == 0.9877


# Folds by people


def test_people_who_are_linked_go_into_one_fold() -> None:
    random = np.random.default_rng(3)
    groups = [[f"g{group}p{person}" for person in range(2 + group % 4)] for group in range(40)]
    pairs = [tuple(random.choice(group, 2)) for group in groups for _ in range(int(random.integers(2, 9)))]
    folds = dealt_by_people([str(a) for a, _ in pairs], [str(b) for _, b in pairs], 10)
    assert (folds[:, 0] == folds[:, 1]).all()
    fold_of: dict[str, set[int]] = {}
    for both, of in zip(pairs, folds.tolist(), strict=True):
        for person, fold in zip(both, of, strict=True):
            fold_of.setdefault(str(person), set()).add(fold)
    assert all(len(of) == 1 for of in fold_of.values())  # nobody is in two folds
    sizes = np.bincount(folds[:, 0], minlength=10)
    assert sizes.max() - sizes.min() <= 8  # the most pairs that a group has
    shuffled = random.permutation(len(pairs))
    again = dealt_by_people([str(pairs[row][1]) for row in shuffled], [str(pairs[row][0]) for row in shuffled], 10)
    assert (again[:, ::-1] == folds[shuffled]).all()  # whatever the order


def test_people_who_are_all_linked_are_dealt_by_their_names() -> None:
    names = [f"p{number}" for number in range(200)]
    a, b = zip(*itertools.combinations(names, 2), strict=True)
    folds = dealt_by_people(a, b, 10)
    expected = {p: int.from_bytes(hashlib.md5(p.encode()).digest()[8:], "little") % 10 for p in names}  # noqa: S324
    assert folds[:, 0].tolist() == [expected[person] for person in a]
    assert folds[:, 1].tolist() == [expected[person] for person in b]
    sizes = np.bincount(fold_of_pair(folds), minlength=10)
    assert sizes.min() > len(a) / 10 / 2  # no fold is left without its part
    assert sizes.max() < len(a) / 10 * 2


def test_a_cutoff_is_chosen_on_pairs_of_other_people(tmp_path: Path, table: Path) -> None:
    pairs = some_pairs()
    found = run_protocol(write_list(tmp_path / "pairs.csv", pairs), table, cutoff=1.4, folds=FoldRule.PEOPLE)
    rows = pq.read_table(table).to_pylist()
    encodings = {row["id"]: np.array(row["encoding"], np.float64) for row in rows}
    person = {row["id"]: row["person"] for row in rows}
    people = [(person.get(a, a), person.get(b, b)) for a, b, _ in pairs]
    fold_of = {
        name: int.from_bytes(hashlib.md5(name.encode()).digest()[8:], "little") % 10  # noqa: S324
        for both in people
        for name in both
    }
    both_folds = [(fold_of[a], fold_of[b]) for a, b in people]
    judged = [min(both) if sum(both) % 2 == 0 else max(both) for both in both_folds]
    distances = [
        float(np.linalg.norm(encodings[a] - encodings[b])) if a in encodings and b in encodings else None
        for a, b, _ in pairs
    ]
    assert found.folds.height == len(set(judged))
    for row, fold in zip(found.folds.iter_rows(named=True), sorted(set(judged)), strict=True):
        others = [
            (distance, same)
            for distance, (_, _, same), both in zip(distances, pairs, both_folds, strict=True)
            if distance is not None and fold not in both
        ]
        cutoff = best_cutoff(np.array([d for d, _ in others]), np.array([same for _, same in others]))
        assert row["cutoff"] == pytest.approx(cutoff, rel=1e-12)
        own = [
            distance is not None and (distance <= cutoff) == same
            for distance, (_, _, same), of in zip(distances, pairs, judged, strict=True)
            if of == fold
        ]
        assert row["pairs"] == len(own)
        assert row["accuracy_of_all"] == sum(own) / len(own)
    across = sum(a != b for a, b in both_folds)
    assert found.pairs_across == across > 0
    assert f"in {found.folds.height} folds, cut by their people" in told(found)
    assert f"{across} pairs are of people of two folds, and judged in one of these" in told(found)


def test_folds_by_people_are_for_lists_without_folds_and_for_enough_people(tmp_path: Path, table: Path) -> None:
    listed = tmp_path / "pairs.csv"
    listed.write_text("a,b,same,fold\np0/0.jpg,p0/1.jpg,1,x\np0/0.jpg,p1/4.jpg,0,y\n")
    with pytest.raises(FacesqlError, match=r"pairs.csv' has folds of its own, which are taken; leave out"):
        run_protocol(listed, table, folds=FoldRule.PEOPLE)
    names = sorted(f"p{number}" for number in range(12))
    hub = ["p0/0.jpg"] * 11
    rows = [(a, f"{name}/{4 * int(name[1:])}.jpg", False) for a, name in zip(hub, names[1:], strict=True)]
    with pytest.raises(FacesqlError, match=r"no pair without anybody of fold '\d+', to choose its cut-off on; list"):
        run_protocol(write_list(listed, [*rows, ("p0/0.jpg", "p0/1.jpg", True)]), table, folds=FoldRule.PEOPLE)
