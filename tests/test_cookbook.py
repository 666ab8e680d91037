"""sql/examples: each question against a naive loop over made-up people, and the same answer in the DuckDB shell."""

import csv
import itertools
import os
import shutil
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from hashlib import md5
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from facesql.database import connect
from facesql.parameters import parse_parameters
from facesql.query import run_query
from facesql.sources import find_source, opened
from facesql.suspects import find_suspects
from tests.conftest import ROOT, Run, faces_table

EXAMPLES = sorted((ROOT / "sql" / "examples").glob("*.sql"))
# Two of them are named as those that the examples ask for.
PEOPLE = ["person_1401", "person_1525", *(f"{name}_{number:02}" for number in range(12) for name in ("Ann", "Bo"))]
SIZES = [1, 9, *(2 + number % 7 for number in range(24))]
Row = dict[str, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A report on people whose photos differ more or less, and the table of photos that was beside their faces."""
    folder = tmp_path_factory.mktemp("cookbook")
    random = np.random.default_rng(5)
    people = [person for person, size in zip(PEOPLE, SIZES, strict=True) for _ in range(size)]
    centres = dict(zip(PEOPLE, random.normal(scale=0.025, size=(len(PEOPLE), 128)), strict=True))
    noise = dict(zip(PEOPLE, random.uniform(0.018, 0.038, size=len(PEOPLE)), strict=True))
    encodings = np.array([centres[person] + random.normal(scale=noise[person], size=128) for person in people])
    encodings[0] = encodings[3] + 1e-3  # the one photo under a wrong name
    encodings[-1] = encodings[-2] + 1e-3  # one picture twice
    table = faces_table(people, encodings.astype(np.float32))
    numbers = Counter[str]()
    ids = [f"{person}/{numbers.update([person]) or numbers[person]}" for person in people]
    ids[2] = "person_1525/23"
    table = table.set_column(0, "id", [ids])
    table = table.append_column("width", [[(100, 200)[number % 2] for number in range(len(ids))]])
    pq.write_table(table, folder / "faces.parquet")
    connect().execute(
        "copy (select id, person, case when id like '%/2' then 'no_face' else 'row' end as status, 'none' as reason "
        f"from read_parquet('{folder / 'faces.parquet'}')) to '{folder / 'faces.photos.parquet'}'"
    )
    run("analyze", "--formats", "", cwd=folder)
    return folder


class Faces:
    """The faces of the report, and all that a naive loop needs."""

    def __init__(self, folder: Path) -> None:
        rows = pq.read_table(folder / "faces.parquet").to_pylist()
        self.person = {row["id"]: row["person"] for row in rows}
        self.width = {row["id"]: row["width"] for row in rows}
        encoding = {row["id"]: np.array(row["encoding"], np.float64) for row in rows}
        self.apart = {(a, b): float(np.linalg.norm(encoding[a] - encoding[b])) for a in encoding for b in encoding}
        self.ids = sorted(self.person)
        self.pairs = list(itertools.combinations(self.ids, 2))
        self.of = defaultdict(list)
        for id_ in self.ids:
            self.of[self.person[id_]].append(id_)

    def distance(self, a: str, b: str) -> float:
        return self.apart[a, b]

    def same(self, a: str, b: str) -> bool:
        return bool(self.person[a] == self.person[b])

    def between(self, person: str, other: str) -> list[float]:
        return [self.distance(a, b) for a in self.of[person] for b in self.of[other]]


@pytest.fixture(scope="module")
def faces(folder: Path) -> Faces:
    return Faces(folder)


def ask(folder: Path, name: str, *parameters: str, source: str = "report") -> list[Row]:
    """The rows of an example, as text, with these parameters."""
    query = (ROOT / "sql" / "examples" / f"{name}.sql").read_text()
    with opened(find_source(folder / source)) as connection:
        answer = run_query(connection, query, "csv", parameters=parse_parameters(parameters))
    return list(csv.DictReader(answer.decode().splitlines()))


def near(text: str, value: float, digits: int) -> bool:
    return abs(float(text) - value) <= 0.50001 * 10.0**-digits


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asks_a_report_the_same_in_python_and_in_the_shell_alone(path: Path, folder: Path) -> None:
    with opened(find_source(folder / "report")) as connection:
        connection.execute(f"set file_search_path = '{folder}'")
        in_python = run_query(connection, path.read_text(), "csv").decode()
    program = shutil.which("duckdb", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert program, "the development group brings the DuckDB shell"
    command = [
        program,
        "-readonly",
        str(folder / "report" / "facesql.duckdb"),
        "-csv",
        "-nullvalue",
        "",
        "-f",
        str(path),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.reader(in_python.splitlines()))
    assert list(csv.reader(done.stdout.splitlines())) == rows
    assert len(rows) > 1 or path.stem == "nobody_known"


def test_retake_has_the_photos_farthest_from_their_persons_usual_distance(folder: Path, faces: Faces) -> None:
    expected = []
    for person, ids in faces.of.items():
        means = {a: statistics.mean(faces.distance(a, b) for b in ids if b != a) for a in ids if len(ids) >= 4}
        usual = statistics.mean(means.values()) if means else 0
        expected += [(mean - usual, id_, person, len(ids), mean, usual) for id_, mean in means.items()]
    expected.sort(key=lambda row: -row[0])
    for row, (_, id_, person, size, mean, usual) in zip(ask(folder, "retake"), expected[:5], strict=True):
        assert (row["id"], row["person"], row["faces"]) == (id_, person, str(size))
        assert near(row["mean"], mean, 3)
        assert near(row["usual"], usual, 3)


def test_a_person_is_taken_for_those_whose_photos_match(folder: Path, faces: Faces) -> None:
    counted = {}
    for other in faces.of:
        distances = faces.between("person_1525", other)
        if other != "person_1525" and min(distances) <= 0.55:
            counted[other] = (str(len(distances)), str(sum(distance <= 0.55 for distance in distances)))
    expected = sorted(counted.items(), key=lambda item: (-int(item[1][1]), item[0]))[:5]
    rows = ask(folder, "taken_for", "cutoff=0.55")
    assert [(row["person"], (row["pairs"], row["matched"])) for row in rows] == expected
    assert expected


def test_who_it_is_and_how_far_two_photos_are_apart(folder: Path, faces: Faces) -> None:
    nearest = sorted(faces.ids, key=lambda id_: faces.distance("person_1401/1", id_))[1:11]
    people = Counter(faces.person[id_] for id_ in nearest)
    rows = ask(folder, "who_is_it")
    assert {row["person"]: int(row["photos"]) for row in rows} == dict(people)
    assert (rows[0]["photo"], rows[0]["person"]) == (nearest[0], "person_1525")
    [two] = ask(folder, "two_photos")
    distance = faces.distance("person_1401/1", "person_1525/23")
    assert float(two["distance"]) == pytest.approx(distance, rel=1e-14)
    assert (two["bin"], two["matches"]) == (str(int(np.ceil(distance * 1000))), str(distance <= 0.6).lower())


def test_clusters_are_connected_components(folder: Path, faces: Faces) -> None:
    for cutoff in (0.3, 0.42, 0.46):
        component = {id_: {id_} for id_ in faces.ids}
        for a, b in faces.pairs:
            if faces.distance(a, b) <= cutoff and component[a] is not component[b]:
                component[a] |= component[b]
                for id_ in component[b]:
                    component[id_] = component[a]
        found = {min(ids): ids for ids in component.values()}
        several = {
            name: (str(len(ids)), str(len({faces.person[id_] for id_ in ids})))
            for name, ids in found.items()
            if len({faces.person[id_] for id_ in ids}) > 1
        }
        rows = ask(folder, "clusters", f"cutoff={cutoff}", "blocks=64")
        assert {row["cluster"]: (row["photos"], row["people"]) for row in rows}.items() <= several.items()
        assert len(rows) == min(5, len(several)) > 0


def matched(faces: Faces, cutoff: float, left_out: str = "", merged: tuple[str, str] = ("", "")) -> tuple[int, int]:
    """How many pairs of one person and of two match, without a person, or with two made one."""
    counts = [0, 0]
    for a, b in faces.pairs:
        people = {faces.person[a], faces.person[b]}
        if left_out not in people and faces.distance(a, b) <= cutoff:
            counts[len(people) == 2 and people != set(merged)] += 1
    return counts[0], counts[1]


def test_the_effect_of_a_wrong_label_is_that_of_renaming(folder: Path, faces: Faces) -> None:
    for row in ask(folder, "wrong_label"):
        cutoff = float(row["cutoff"])
        as_is, if_one = matched(faces, cutoff), matched(faces, cutoff, merged=("person_1401", "person_1525"))
        assert (int(row["genuine"]), int(row["impostor"])) == as_is
        assert (int(row["genuine_if_one"]), int(row["impostor_if_one"])) == if_one
        assert near(row["precision_if_one"], if_one[0] / sum(if_one) if any(if_one) else 1, 6)


def test_the_rates_without_the_largest_person_are_those_of_the_others(folder: Path, faces: Faces) -> None:
    largest = max(faces.of, key=lambda person: len(faces.of[person]))
    others = sum(len(ids) * (len(ids) - 1) // 2 for person, ids in faces.of.items() if person != largest)
    for row in ask(folder, "without_largest"):
        genuine, impostor = matched(faces, float(row["cutoff"]), left_out=largest)
        assert int(row["impostor_without"]) == impostor
        assert int(row["impostor"]) == matched(faces, float(row["cutoff"]))[1]
        assert near(row["recall_without"], genuine / others, 4)


def test_rates_by_label_compare_photos_of_one_label(folder: Path, faces: Faces) -> None:
    for row in ask(folder, "rates_by_label", "blocks=64"):
        ids = [id_ for id_ in faces.ids if str(faces.width[id_]) == row["label"]]
        hits = {True: [0, 0], False: [0, 0]}
        for a, b in itertools.combinations(ids, 2):
            hits[faces.same(a, b)][faces.distance(a, b) <= 0.5] += 1
        assert [int(row[name]) for name in ("faces", "genuine_pairs", "impostor_pairs")] == [
            len(ids),
            sum(hits[True]),
            sum(hits[False]),
        ]
        assert near(row["fnmr"], hits[True][0] / sum(hits[True]), 4)
        assert near(row["fmr"], hits[False][1] / sum(hits[False]), 6)


def test_a_sample_of_errors_holds_errors_and_hangs_on_its_seed(folder: Path, faces: Faces) -> None:
    first, again, other = (
        ask(folder, "sample_of_errors", "blocks=64", f"seed={seed}", "cutoff=0.45") for seed in (1, 1, 2)
    )
    assert first == again != other
    assert Counter(row["error"] for row in first) == {"miss": 3, "false match": 3}
    for row in first + other:
        assert faces.same(row["id"], row["other_id"]) is (row["error"] == "miss")
        assert (faces.distance(row["id"], row["other_id"]) > 0.45) is (row["error"] == "miss")


def test_the_pairs_nearest_to_the_cutoff_and_those_of_nobody_known(folder: Path, faces: Faces) -> None:
    nearest = sorted(faces.pairs, key=lambda pair: abs(faces.distance(*pair) - 0.5))[:5]
    rows = ask(folder, "nearest_to_cutoff", "blocks=64")
    assert [(row["id"], row["other_id"]) for row in rows] == nearest
    alone = {a: min(faces.distance(a, b) for b in faces.ids if b != a) for a in faces.ids}
    expected = sorted((id_ for id_ in alone if alone[id_] > 0.4), key=lambda id_: -alone[id_])[:5]
    assert [row["id"] for row in ask(folder, "nobody_known", "cutoff=0.4", "blocks=64")] == expected
    assert expected


def test_first_names_and_the_share_of_errors_by_person(folder: Path, faces: Faces) -> None:
    counts = {"true": [0, 0], "false": [0, 0]}
    errors = Counter(dict.fromkeys(faces.of, 0))
    for a, b in faces.pairs:
        if not faces.same(a, b):
            hit = faces.distance(a, b) <= 0.5
            people = [faces.person[a], faces.person[b]]
            counts[str(len({person.split("_")[0] for person in people}) == 1).lower()][hit] += 1
            errors.update(people if hit else [])
    rows = ask(folder, "first_names", "blocks=64")
    assert {row["same_first_name"]: (int(row["pairs"]), int(row["matched"])) for row in rows} == {
        same: (sum(hits), hits[1]) for same, hits in counts.items()
    }
    ranked = sorted(errors.values(), reverse=True)
    for row in ask(folder, "errors_by_person", "blocks=64"):
        most = int(np.ceil(float(row["share"]) * len(ranked)))
        assert int(row["people"]) == most
        assert near(row["share_of_errors"], sum(ranked[:most]) / sum(ranked), 4)


def test_one_picture_twice_is_found(folder: Path, faces: Faces) -> None:
    near_pairs = [pair for pair in faces.pairs if faces.same(*pair) and faces.distance(*pair) <= 0.1]
    assert [(row["id"], row["other_id"]) for row in ask(folder, "same_picture")] == near_pairs
    assert len(near_pairs) == 1


def test_how_many_photos_are_needed_and_how_recall_hangs_on_them(folder: Path, faces: Faces) -> None:
    rows = ask(folder, "photos_needed", "most_kept=3", "cutoff=0.4")
    dealt = [
        sorted(ids, key=lambda id_: md5(id_.encode()).hexdigest())  # noqa: S324 - to deal, not to hide
        for ids in faces.of.values()
        if len(ids) > 3
    ]
    for kept, row in enumerate(rows, 1):
        hits = sum(min(faces.distance(ids[-1], id_) for id_ in ids[:kept]) <= 0.4 for ids in dealt)
        assert (row["kept"], row["people"], row["recognized"]) == (str(kept), str(len(dealt)), str(hits))
    assert len(rows) == 3
    few = [ids for ids in faces.of.values() if 2 <= len(ids) <= 4]
    hits_of = [[faces.distance(a, b) <= 0.4 for a, b in itertools.combinations(ids, 2)] for ids in few]
    row = ask(folder, "recall_by_faces", "cutoff=0.4")[0]
    assert (row["faces"], row["people"], row["pairs"]) == ("2 to 4", str(len(few)), str(sum(map(len, hits_of))))
    assert near(row["recall"], sum(map(sum, hits_of)) / sum(map(len, hits_of)), 4)
    assert near(row["recall_of_people"], statistics.mean(map(statistics.mean, hits_of)), 4)


def test_the_bins_around_a_cutoff_and_precision_at_another_share(folder: Path, faces: Faces) -> None:
    for row in ask(folder, "bins_around", "cutoff=0.4"):
        upper = int(row["bin"]) / 1000
        at, before = matched(faces, upper), matched(faces, upper - 0.001)
        assert (int(row["genuine_matched"]), int(row["impostor_matched"])) == at
        assert (int(row["genuine"]), int(row["impostor"])) == (at[0] - before[0], at[1] - before[1])
    recall = statistics.mean(
        statistics.mean(faces.distance(a, b) <= 0.5 for a, b in itertools.combinations(ids, 2))
        for ids in faces.of.values()
        if len(ids) > 1
    )
    fmr = statistics.mean(
        statistics.mean(distance <= 0.5 for distance in faces.between(a, b))
        for a, b in itertools.combinations(faces.of, 2)
    )
    for row in ask(folder, "other_share"):
        share = float(row["share"])
        assert near(row["precision"], recall * share / (recall * share + fmr * (1 - share)), 4)


def test_those_who_look_like_a_person_and_how_sure_that_is(folder: Path, faces: Faces) -> None:
    nearest = {other: min(faces.between("person_1525", other)) for other in faces.of if other != "person_1525"}
    expected = sorted(nearest, key=nearest.__getitem__)[:5]
    rows = ask(folder, "how_sure")
    assert [row["person"] for row in rows] == expected
    assert all(faces.distance(row["id"], row["other_id"]) == nearest[row["person"]] for row in rows)


def test_photos_left_out_are_told_from_the_table_of_photos(folder: Path, faces: Faces) -> None:
    left_out = [id_ for id_ in faces.ids if id_.endswith("/2")]
    for source in ("faces.parquet", "report"):
        [row] = ask(folder, "left_out", source=source)
        assert (row["status"], row["photos"], row["such_as"]) == ("no_face", str(len(left_out)), min(left_out))


def test_suspects_and_look_alikes_are_told_with_what_else_is_known_of_them(folder: Path, faces: Faces) -> None:
    suspects = find_suspects(folder / "faces.parquet").table
    rows = ask(folder, "suspect_photos")
    assert [(row["id"], row["kind"]) for row in rows] == suspects.head(5).select("id", "kind").rows()
    assert "person_1401/1" in suspects["id"].to_list()
    for row in rows:
        without = [id_ for id_ in faces.of[faces.person[row["id"]]] if id_.endswith("/2")]
        assert (row["no_row"], row["reason"]) == (str(len(without)), "none" if without else "")
    people = itertools.combinations(sorted(faces.of), 2)
    nearest = sorted(
        min((faces.distance(a, b), *sorted((a, b))) for a in faces.of[person] for b in faces.of[other])
        for person, other in people
    )[:5]
    rows = ask(folder, "lookalikes_matched")
    assert [(row["id_a"], row["id_b"]) for row in rows] == [(a, b) for _, a, b in nearest]
    with opened(find_source(folder / "report")) as connection:
        cutoffs = connection.execute("select cutoff from operating_points where cutoff is not null").fetchall()
    ranks = {id_: row["rank"] for row in reversed(suspects.rows(named=True)) for id_ in (row["id"], row["id_other"])}
    for row, (distance, a, b) in zip(rows, nearest, strict=True):
        assert (row["matched_by"], row["points"]) == (str(sum(distance <= c for (c,) in cutoffs)), str(len(cutoffs)))
        rank = min((ranks[id_] for id_ in (a, b) if id_ in ranks), default=None)
        assert row["suspect"] == ("" if rank is None else str(rank))


def test_the_macros_say_nothing_wrong_where_there_is_nothing() -> None:
    connection = connect()
    assert connection.sql("from face_pairs()").fetchall() == []
    assert connection.sql("from people_near('x')").fetchall() == []
    shares = "select precision_at_share(0, 0, 0.5), precision_at_share(1, 0.5, 0.5), precision_at_share(1, 1, 0.01)"
    assert connection.sql(shares).fetchall() == [(1, pytest.approx(2 / 3), pytest.approx(0.01))]
