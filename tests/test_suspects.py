"""Suspects: planted errors are found and nothing else, and correcting them does what is said, by a double loop."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facesql.analyze import analyze_faces
from facesql.corrections import exclude_line, read_exclude, read_relabel, relabel_lines
from facesql.crops import Crops
from facesql.encode import encode_photos
from facesql.encoder import Face
from facesql.errors import FacesqlError
from facesql.evidence import Genuine, Impostor, fit_genuine, fit_impostor, log_ratio, quantile
from facesql.faces import FACES, photos_path, write_table
from facesql.medians import median
from facesql.neighbours import SortedFaces, compare_all, set_distance
from facesql.records import PhotoRecord, photos_table
from facesql.suspectfiles import write_corrections, write_suspects
from facesql.suspects import SUSPECTS, Suspects, find_suspects
from facesql.suspecttext import suspected
from facesql.wanted import Wanted
from tests.conftest import Run

CUTOFF = Decimal("0.6")
Floats = NDArray[np.float32]


@dataclass
class Album:
    """Made-up people: photos, each a person and an encoding, somewhat like real ones."""

    seed: int = 0
    people: list[str] = field(default_factory=list)
    encodings: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def centre(self) -> Floats:
        return self.random.normal(scale=0.05, size=128).astype(np.float32)

    def add(self, person: str, centre: Floats, photos: int = 1) -> None:
        for _ in range(photos):
            self.people.append(person)
            self.encodings.append((centre + self.random.normal(scale=0.025, size=128)).astype(np.float32))

    def crowd(self, people: int, photos: Callable[[int], int]) -> list[Floats]:
        """Add people who are right; returns their centres."""
        centres = [self.centre() for _ in range(people)]
        for number, centre in enumerate(centres):
            self.add(f"p{number:03}", centre, photos(number))
        return centres

    def ids(self) -> list[str]:
        return [f"{person}/{number}.jpg" for number, person in enumerate(self.people)]

    def write(self, path: Path) -> Path:
        encodings = pa.array(self.encodings, pa.list_(pa.float32()))
        pq.write_table(pa.table({"id": self.ids(), "person": self.people, "encoding": encodings}), path)
        return path


def some(number: int) -> int:
    """One to eight photos."""
    return (1, 2, 3, 5, 8)[number % 5]


def wrong_decisions(
    people: Sequence[str], encodings: Sequence[Floats], cutoff: float = float(CUTOFF)
) -> tuple[int, int]:
    """False matches and misses, by a double loop."""
    wide = [np.asarray(encoding, np.float64) for encoding in encodings]
    false_matches = misses = 0
    for a, b in combinations(range(len(people)), 2):
        matches = float(np.sqrt(np.sum((wide[a] - wide[b]) ** 2))) <= cutoff
        false_matches += matches and people[a] != people[b]
        misses += not matches and people[a] == people[b]
    return false_matches, misses


def planted() -> tuple[Album, dict[str, str]]:
    """An album with an error of each kind that needs no table of photos, and the id that each shows in."""
    album = Album(1)
    centres = album.crowd(60, some)
    where = {}
    album.add("p003", centres[4])  # p003 has 5 photos, p004 8
    where["misplaced"] = album.ids()[-1]
    album.add("p014 again", centres[14], 3)
    where["one person"] = "p014 again"
    album.add("p012", album.centre(), 2)  # p012 has 3 others
    where["two people"] = "p012"
    album.people.append("p022")
    album.encodings.append(album.encodings[album.people.index("p028")] + np.float32(0.001))
    where["same photo"] = album.ids()[-1]
    return album, where


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Album, dict[str, str], Path, Suspects]:
    album, where = planted()
    path = album.write(tmp_path_factory.mktemp("planted") / "faces.parquet")
    return album, where, path, find_suspects(path, cutoff=CUTOFF)


def test_each_planted_error_is_found_and_nothing_else(
    errors: tuple[Album, dict[str, str], Path, Suspects],
) -> None:
    _, where, _, found = errors
    table = found.table
    assert sorted(table["kind"]) == ["misplaced", "one person", "same photo", "two people"]
    by_kind = {row["kind"]: row for row in table.iter_rows(named=True)}
    assert by_kind["misplaced"]["id"] == where["misplaced"]
    assert (by_kind["misplaced"]["person"], by_kind["misplaced"]["person_other"]) == ("p003", "p004")
    assert (by_kind["one person"]["person"], by_kind["one person"]["person_other"]) == (where["one person"], "p014")
    assert by_kind["one person"]["change"] == "p014 again,p014"
    assert by_kind["two people"]["person"] == where["two people"]
    assert len(by_kind["two people"]["change"].split("\n")) == 2
    assert by_kind["same photo"]["id"] == where["same photo"]
    assert by_kind["same photo"]["distance_other"] < 0.02
    assert table["rank"].to_list() == [1, 2, 3, 4]
    assert (table["probability"] > 0.99).all()
    assert table.schema == SUSPECTS


def test_the_errors_of_a_suspect_are_those_that_are_gone_when_it_alone_is_corrected(
    errors: tuple[Album, dict[str, str], Path, Suspects],
) -> None:
    album, _, _, found = errors
    before = sum(wrong_decisions(album.people, album.encodings))
    ids = album.ids()
    for row in found.table.iter_rows(named=True):
        people = list(album.people)
        kept = list(range(len(ids)))
        if row["correction"] == "relabel":
            people = [row["person_other"] if person == row["person"] else person for person in people]
        else:
            kept = [number for number in kept if ids[number] not in row["change"].split("\n")]
        after = sum(wrong_decisions([people[n] for n in kept], [album.encodings[n] for n in kept]))
        assert row["errors"] == before - after, row["kind"]
        assert row["errors"] > 0
    assert found.table["expected"].is_sorted(descending=True)
    products = found.table["errors"] * found.table["probability"]
    assert found.table["expected"].to_list() == pytest.approx(products.to_list())


def test_the_rates_are_those_of_a_double_loop_with_all_and_without_the_suspects(
    errors: tuple[Album, dict[str, str], Path, Suspects],
) -> None:
    album, _, _, found = errors
    assert (found.before.false_matches, found.before.misses) == wrong_decisions(album.people, album.encodings)
    lines = {line for change in found.table.filter(correction="exclude")["change"] for line in change.split("\n")}
    kept = [number for number, id_ in enumerate(album.ids()) if id_ not in lines]
    assert found.after.faces == len(kept) == len(album.ids()) - 4
    people = ["p014" if album.people[number] == "p014 again" else album.people[number] for number in kept]
    false_matches, misses = wrong_decisions(people, [album.encodings[number] for number in kept])
    assert (found.after.false_matches, found.after.misses) == (false_matches, misses)
    pairs = len(kept) * (len(kept) - 1) // 2
    genuine = sum(n * (n - 1) // 2 for n in (people.count(person) for person in set(people)))
    assert found.after.fmr == false_matches / (pairs - genuine)
    assert found.after.recall == (genuine - misses) / genuine
    assert found.after.precision == (genuine - misses) / (genuine - misses + false_matches)


def test_analyze_takes_the_corrections_and_has_the_same_rates(
    errors: tuple[Album, dict[str, str], Path, Suspects], tmp_path: Path
) -> None:
    _, _, path, found = errors
    assert write_corrections(found, tmp_path / "corrections") == 0
    exclude, relabel = (tmp_path / "corrections" / name for name in ("exclude.txt", "relabel.csv"))
    assert read_exclude(exclude) == found.corrections.exclude
    assert read_relabel(relabel) == {"p014 again": "p014"}
    report = tmp_path / "report"
    for _ in range(2):  # the second time, all counts are known
        analysis = analyze_faces(path, report, exclude=exclude, relabel=relabel, cutoffs=[CUTOFF], formats=())
        row = analysis.key_table.row(0, named=True)
        assert row["impostor_matched"] == found.after.false_matches
        assert row["precision"] == found.after.precision
        assert (analysis.corrected.faces_excluded, analysis.corrected.people_relabelled) == (4, 1)
        assert (analysis.faces, analysis.people) == (found.after.faces, found.after.people)
    summary = json.loads((report / "summary.json").read_text())
    assert (summary["faces_excluded"], summary["people_relabelled"]) == (4, 1)
    assert "| faces left out by --exclude | 4 |" in (report / "run.md").read_text()
    everything = analyze_faces(path, report, cutoffs=[CUTOFF], formats=())  # from counts of other faces
    assert everything.key_table.row(0, named=True)["impostor_matched"] == found.before.false_matches


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("photos", [some, lambda _: 4, lambda _: 1, lambda n: 40 if n % 20 == 0 else 2])
def test_clean_people_are_hardly_ever_suspected(seed: int, photos: Callable[[int], int], tmp_path: Path) -> None:
    album = Album(100 + seed)
    album.crowd(60, photos)
    assert find_suspects(album.write(tmp_path / "faces.parquet")).found == 0


def test_a_single_photo_is_judged_by_what_it_is_near(tmp_path: Path) -> None:
    album = Album(3)
    centres = album.crowd(40, some)
    album.add("alone", centres[9], 1)  # as near p009's eight photos as a ninth
    found = find_suspects(album.write(tmp_path / "faces.parquet")).table
    [row] = found.iter_rows(named=True)
    assert row["kind"] in {"one person", "misplaced"}  # of a single photo, these are one thing
    assert (row["person"], row["person_other"]) == ("alone", "p009")
    assert row["distance_own"] is None


def test_one_picture_under_two_names_is_told_once(tmp_path: Path) -> None:
    album = Album(14)
    album.crowd(40, some)
    album.add("one", album.centre())
    album.people.append("other")
    album.encodings.append(album.encodings[-1])
    found = find_suspects(album.write(tmp_path / "faces.parquet"))
    assert found.table["kind"].to_list() == ["same photo"]
    assert len(found.corrections.exclude) == 1


def test_somebody_near_many_is_not_taken_for_the_nearest(tmp_path: Path) -> None:
    album = Album(4)
    album.crowd(30, some)
    clan = album.centre()
    for number in range(12):  # a dozen people as like each other as photos of one nearly are
        album.add(f"clan {number}", (clan + album.centre() * 0.25).astype(np.float32), 1)
    found = find_suspects(album.write(tmp_path / "faces.parquet"))
    assert found.table.filter(pl.col("person").str.starts_with("clan")).is_empty()


def test_a_table_with_several_names_of_one_person_merges_all(tmp_path: Path) -> None:
    album = Album(5)
    centres = album.crowd(40, some)
    album.add("second", centres[4], 4)
    album.add("third", centres[4], 3)
    found = find_suspects(album.write(tmp_path / "faces.parquet"))
    assert found.corrections.same_as == {"second": "p004", "third": "p004"}
    assert found.after.people == 40


def write_group_photos(path: Path) -> tuple[str, int]:
    """A table of faces and its photos; in one group photo the bystander's face was chosen. Returns its id, and face."""
    album = Album(6)
    centres = album.crowd(40, some)
    records, rows = [], []
    for number, (id_, person, encoding) in enumerate(zip(album.ids(), album.people, album.encodings, strict=True)):
        chosen, bystander = Face(10, 50, 50, 10, encoding), Face(10, 90, 50, 60, album.centre())
        if id_ == "p004/11.jpg":
            right = (centres[4] + album.random.normal(scale=0.025, size=128)).astype(np.float32)
            chosen, bystander = Face(10, 50, 50, 10, album.centre()), Face(10, 90, 50, 60, right)
        records.append(PhotoRecord(id_, person, f"{number:064x}", 100, 100, faces=(chosen, bystander)))
        box = {"top": 10, "right": 50, "bottom": 50, "left": 10}
        row = {"id": id_, "person": person, "encoding": chosen.encoding, "photo": id_, "face": 1, "box": box}
        rows.append({**row, "width": 100, "height": 100})
    write_table(pa.Table.from_pylist(rows, schema=FACES), path, {})
    write_table(photos_table(records), photos_path(path), {})
    return "p004/11.jpg", 2


def test_a_wrong_face_is_found_where_the_table_of_photos_is(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    id_, face = write_group_photos(path)
    found = find_suspects(path)
    [row] = found.table.iter_rows(named=True)
    assert (row["kind"], row["id"], row["id_other"], row["face_other"]) == ("wrong face", id_, id_, face)
    assert [row[f"other_{side}"] for side in ("top", "right", "bottom", "left")] == [10, 90, 50, 60]
    assert row["correction"] == "choose face"
    assert row["change"] == id_
    assert not found.doubts
    photos_path(path).unlink()
    without = find_suspects(path)
    assert without.table["kind"].to_list() == ["two people"]  # nothing tells what else is in the photo
    assert "faces.photos.parquet" in without.doubts[0]


def test_another_programs_table_of_photos_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    write_group_photos(path)
    pq.write_table(pa.table({"a": [1]}), photos_path(path))
    with pytest.raises(FacesqlError, match="is no table of photos"):
        find_suspects(path)


def test_one_class_alone_tells_same_photos_only(tmp_path: Path) -> None:
    album = Album(7)
    album.crowd(20, lambda _: 1)
    album.people.append("copy")
    album.encodings.append(album.encodings[3])
    found = find_suspects(album.write(tmp_path / "faces.parquet"))
    assert found.table["kind"].to_list() == ["same photo"]
    assert "no person has two photos" in found.doubts[0]
    assert found.before.recall is None
    alone = Album(8)
    alone.crowd(1, lambda _: 5)
    found = find_suspects(alone.write(tmp_path / "faces.parquet"))
    assert found.found == 0
    assert "there is one person only" in found.doubts[0]
    assert "0 suspects" in suspected(found)


def test_the_cutoff_is_the_users_or_the_reports_or_face_recognitions(tmp_path: Path) -> None:
    album = Album(9)
    album.crowd(100, lambda _: 3)
    path = album.write(tmp_path / "faces.parquet")
    assert (found := find_suspects(path)).cutoff == Decimal("0.6")
    assert found.why == "face_recognition's"
    analysis = analyze_faces(path, tmp_path / "report", wanted=Wanted(max_fmr=0.05), formats=())
    recommended = analysis.answers.recommended.bin
    assert recommended is not None
    found = find_suspects(path)
    assert found.cutoff == recommended * Decimal("0.001") != Decimal("0.6")
    assert "recommended by" in found.why
    assert find_suspects(path, cutoff=Decimal("0.5")).cutoff == Decimal("0.5")
    with pytest.raises(FacesqlError, match="between two edges"):
        find_suspects(path, cutoff=Decimal("0.55555"))
    (tmp_path / "report" / "facesql.duckdb").write_bytes(b"no database")
    assert find_suspects(path).cutoff == Decimal("0.6")


def test_encodings_of_other_sizes_have_a_cutoff_of_their_own(tmp_path: Path) -> None:
    album = Album(10)
    album.crowd(30, lambda _: 4)
    album.add("p000", album.centre())
    album.encodings = [encoding[:16] * np.float32(300) for encoding in album.encodings]
    found = find_suspects(album.write(tmp_path / "faces.parquet"))
    assert found.why == "of the best F1"
    assert found.cutoff > 10


def test_only_the_first_so_many_are_corrected(errors: tuple[Album, dict[str, str], Path, Suspects]) -> None:
    _, _, path, found = errors
    first = find_suspects(path, cutoff=CUTOFF, most=1)
    assert first.found == found.found == 4
    assert first.table.equals(found.table.head(1))
    assert first.after != found.after
    assert len(first.corrections.exclude) + len(first.corrections.same_as) <= 2


@pytest.mark.parametrize("threads", [1, 3])
def test_the_medians_are_those_of_a_double_loop(threads: int) -> None:
    album = Album(11)
    album.crowd(12, lambda number: (1, 2, 3, 300)[number % 4] if number < 4 else some(number))
    people = np.unique(album.people, return_inverse=True)[1].astype(np.int64)
    photos = np.arange(len(people)) // 2  # neighbours share a photo
    faces = SortedFaces(people, photos, np.array(album.encodings))
    found = compare_all(faces, 0.001, 2001, threads=threads)
    wide = np.array(album.encodings, np.float64)
    counted = np.zeros(2001)
    for row in range(len(people)):
        distances = np.linalg.norm(wide - wide[row], axis=1)
        own = distances[(people == people[row]) & (photos != photos[row])]
        assert (np.isnan(found.own[row]) and not len(own)) or found.own[row] == pytest.approx(np.median(own), abs=1e-5)
        others = sorted((np.median(distances[people == p]), p) for p in set(people.tolist()) - {people[row]})
        assert found.near[row] == pytest.approx([distance for distance, _ in others[:3]], abs=1e-5)
        assert found.nearest[row] == others[0][1]
        far = np.where((people == people[row]) | (photos == photos[row]), np.inf, distances)
        assert found.closest[row] == np.argmin(far)
        for distance, _ in others:
            counted[int(distance / 0.001)] += 0.5 / faces.sizes[people[row]]
    assert found.impostor[0].sum() == pytest.approx(12 * 11 / 2)
    assert np.abs(np.cumsum(found.impostor[0]) - np.cumsum(counted)).max() < 1  # rounding moves some by a bin
    for person in (0, 5, 6):  # of whom a block holds all
        others = sorted(
            (
                float(
                    np.median(
                        [np.median(np.linalg.norm(wide[faces.of(p)] - wide[row], axis=1)) for row in faces.of(person)]
                    )
                ),
                p,
            )
            for p in range(12)
            if p != person
        )
        assert found.alike[person] == others[0][1]
        assert found.alike_near[person] == pytest.approx([distance for distance, _ in others[:3]], abs=1e-5)


@given(st.lists(st.floats(0, 10, width=32), min_size=1, max_size=40))
def test_the_median_is_numpys(values: list[float]) -> None:
    held = np.array(values, np.float32)
    assert median(held.copy(), len(held)) == pytest.approx(float(np.median(held.astype(np.float64))))


def test_distances_of_sets_by_hand() -> None:
    line = np.array([[0.0], [1.0], [10.0], [12.0], [20.0]])
    faces = SortedFaces(np.array([0, 0, 1, 1, 1]), np.arange(5), line)
    # From 0: 10, 12, 20, the median 12; from 1: 9, 11, 19, the median 11; their median 11.5.
    assert set_distance(faces, faces.of(0), faces.of(1)) == set_distance(faces, faces.of(1), faces.of(0)) == 11.5


def test_the_odds_fall_with_the_distance_and_densities_withstand_errors() -> None:
    random = np.random.default_rng(0)
    genuine = random.normal(0.44, 0.06, 2000)
    wrong = np.concatenate([genuine, random.normal(0.82, 0.09, 20)])
    fits = [fit_genuine(values, np.ones(len(values)), 0.001) for values in (genuine, wrong)]
    for name in ("middle", "spread", "scale"):
        assert getattr(fits[1], name) == pytest.approx(getattr(fits[0], name), rel=0.25)
    assert fits[0].middle == pytest.approx(0.44, abs=0.005)
    assert fits[0].spread == pytest.approx(0.06, rel=0.1)
    impostor = fit_impostor(random.normal(0.82, 0.09, 20_000), np.ones(20_000), 200, 0.001)
    assert (impostor.middle, impostor.spread) == pytest.approx((0.82, 0.09), rel=0.05)
    ratios = [log_ratio(fits[1], impostor, distance) for distance in np.linspace(0, 2, 401)]
    assert (np.diff(ratios) <= 1e-12).all()


def test_the_search_takes_more_from_the_odds_the_nearer_the_runner_up() -> None:
    impostor = Impostor(0.8, 0.1)
    assert impostor.log_search(1, float("inf")) == 0
    assert impostor.log_search(2, float("inf")) == pytest.approx(np.log(1 / 2))
    assert impostor.log_search(1000, 0.8) == pytest.approx(np.log(0.5 / 2))  # half of all distances are below
    assert impostor.log_search(1000, 0.4) < impostor.log_search(1000, 0.6)
    assert Genuine(0.4, 0.1, 0.5, 0.1).log_density(0.2) == Genuine(0.4, 0.1, 0.5, 0.1).log_density(0.4)


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 5)), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_a_quantile_is_that_of_repeated_values(rows: list[tuple[float, int]], share: float) -> None:
    values, weights = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    repeated = np.sort(np.repeat(values, weights.astype(int)))
    place = next(n for n in range(len(repeated)) if (n + 1) >= share * len(repeated))
    assert quantile(values, weights, share) == repeated[place]


Names = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)


@given(Names, Names)
@settings(max_examples=300)
def test_lines_of_corrections_are_read_as_they_were_meant(person: str, name: str) -> None:
    from unicodedata import normalize

    path = Path(__file__)  # only for its name in errors

    def read(text: str, reader: Callable[[Path], object]) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("facesql.corrections.read_text", lambda _: text)
            return reader(path)

    line = exclude_line(f"{person}/1.jpg")
    if line is not None:
        assert read(f"# 1. misplaced\n{line}\n", read_exclude) == {normalize("NFC", f"{person}/1.jpg")}
    if person != name:
        text, lost = relabel_lines({normalize("NFC", person): normalize("NFC", name)})
        assert read(text, read_relabel) == ({} if lost else {normalize("NFC", person): normalize("NFC", name)})


def test_names_are_quoted_on_a_terminal_and_text_on_a_page(tmp_path: Path) -> None:
    album = Album(12)
    centres = album.crowd(40, some)
    evil = '# <b>\x1b[31m, "x"\''
    album.add(evil, centres[4], 4)
    album.add(evil, centres[8])
    album.add(" line\nbreak", centres[14], 3)
    found = find_suspects(album.write(tmp_path / "faces.parquet"))
    printed = suspected(found)
    assert "\x1b" not in printed
    assert not any(line.startswith("break") for line in printed.splitlines())
    write_suspects(found, tmp_path / "suspects.html", Crops.of([], wanted=False))
    page = (tmp_path / "suspects.html").read_text()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "No pictures are wanted." in page
    assert write_corrections(found, tmp_path / "corrections") == 1  # the line break
    assert "\x1b" not in (tmp_path / "corrections" / "exclude.txt").read_text().replace(f"./{evil}", "")
    assert read_exclude(tmp_path / "corrections" / "exclude.txt") == found.corrections.exclude
    assert read_relabel(tmp_path / "corrections" / "relabel.csv") == {evil: "p004"}


def test_the_table_is_written_in_each_form(
    errors: tuple[Album, dict[str, str], Path, Suspects], tmp_path: Path
) -> None:
    found = errors[-1]
    for suffix in ("csv", "parquet", "json"):
        write_suspects(found, tmp_path / f"suspects.{suffix}", Crops.of([], wanted=False))
    assert pl.read_parquet(tmp_path / "suspects.parquet").equals(found.table)
    assert pl.read_csv(tmp_path / "suspects.csv", schema=SUSPECTS).equals(found.table)
    content = json.loads((tmp_path / "suspects.json").read_text())
    assert content["table"] == found.table.to_dicts()
    assert content["all"]["fmr"] == found.before.fmr
    assert content["without_suspects"]["faces"] == found.after.faces
    with pytest.raises(FacesqlError, match="ends in no format"):
        write_suspects(found, tmp_path / "suspects.txt", Crops.of([], wanted=False))


def test_corrections_that_the_user_may_have_edited_are_kept(
    errors: tuple[Album, dict[str, str], Path, Suspects], run: Run, tmp_path: Path
) -> None:
    path = errors[2]
    arguments = ["suspects", path, "--cutoff", "0.6", "--accept", "fix", "-o", "suspects.html", "--no-photos"]
    first = run(*arguments, cwd=tmp_path)
    assert first.stdout.startswith("4 suspects, at cut-off 0.6, as given\n")
    assert "corrections in 'fix'" in first.stdout
    again = run(*arguments, cwd=tmp_path, check=False)
    assert again.returncode == 1
    assert "pass --overwrite" in again.stderr
    (tmp_path / "suspects.html").unlink()
    again = run(*arguments, cwd=tmp_path, check=False)
    assert again.returncode == 1
    assert "perhaps edited" in again.stderr
    assert run(*arguments, "--overwrite", "-n", "1", cwd=tmp_path).stdout.startswith("4 suspects, the first 1 of them")


def test_exclude_and_relabel_name_what_encode_would(tmp_path: Path) -> None:
    album = Album(13)
    album.crowd(6, lambda _: 3)
    path = album.write(tmp_path / "faces.parquet")
    (tmp_path / "exclude.txt").write_text("# a comment\n./p001/\np002/6.jpg\nnobody/1.jpg\n")
    (tmp_path / "relabel.csv").write_text("person,same_as\np003,p004\np009,p004\n")
    exclude, relabel = tmp_path / "exclude.txt", tmp_path / "relabel.csv"
    analysis = analyze_faces(path, tmp_path / "report", exclude=exclude, relabel=relabel, formats=())
    assert (analysis.faces, analysis.people) == (14, 4)
    assert analysis.corrected.faces_excluded == 4
    assert list(analysis.corrected.unused_excludes) == ["nobody/1.jpg"]
    assert list(analysis.corrected.unused_relabels) == ["p009"]
    (tmp_path / "exclude.txt").write_text("".join(f"p{number:03}\n" for number in range(6)))
    with pytest.raises(FacesqlError, match="every face"):
        analyze_faces(path, tmp_path / "report", exclude=exclude, formats=())


def test_what_is_accepted_goes_through_encode_and_analyze_alike(drawn: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(drawn, photos)
    first, second, third, fourth = sorted(photos.iterdir())[:4]
    shutil.copy(min(second.iterdir()), first / "moved.png")
    min(second.iterdir()).unlink()
    (photos / "another name").mkdir()
    sorted(third.iterdir())[2].rename(photos / "another name" / "1.png")
    shutil.copy(min(fourth.iterdir()), photos / "another name" / "2.png")
    faces = tmp_path / "faces.parquet"
    encode_photos(photos, faces, workers=2)
    found = find_suspects(faces)
    assert f"{first.name}/moved.png" in found.corrections.exclude
    write_corrections(found, tmp_path / "fix")
    exclude, relabel = tmp_path / "fix" / "exclude.txt", tmp_path / "fix" / "relabel.csv"
    analysis = analyze_faces(faces, tmp_path / "report", exclude=exclude, relabel=relabel, formats=())
    again = tmp_path / "again.parquet"
    summary = encode_photos(photos, again, workers=2, exclude=exclude, relabel=relabel)
    assert not summary.unused_excludes
    assert not summary.unused_relabels
    analysed = analyze_faces(again, tmp_path / "another report", formats=())
    assert (analysed.faces, analysed.people) == (analysis.faces, analysis.people)
    assert analysed.table.equals(analysis.table)
