"""Lists of pairs: LFW's pairs.txt and CSV files."""

from pathlib import Path

import numpy as np
import pytest

from facesql.errors import FacesqlError
from facesql.pairlists import FOLDS, dealt, read_pairs

TWO_FOLDS = "2\t1\nAnn\t1\t4\nAnn\t1\tBob\t12\nBob_C\t3\t10\nBob_C\t3\tAnn\t2\n"


def written(tmp_path: Path, text: str, name: str = "pairs.txt") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_txt_names_photos_and_has_folds(tmp_path: Path) -> None:
    listed = read_pairs(written(tmp_path, TWO_FOLDS))
    assert listed.a == ["Ann/Ann_0001.jpg", "Ann/Ann_0001.jpg", "Bob_C/Bob_C_0003.jpg", "Bob_C/Bob_C_0003.jpg"]
    assert listed.b == ["Ann/Ann_0004.jpg", "Bob/Bob_0012.jpg", "Bob_C/Bob_C_0010.jpg", "Ann/Ann_0002.jpg"]
    assert listed.same.tolist() == [True, False, True, False]
    assert listed.fold.tolist() == [0, 0, 1, 1]
    assert (listed.folds, listed.told, listed.photos) == (["1", "2"], True, True)


def test_pairs_txt_may_be_of_one_fold_and_of_photos_of_another_kind(tmp_path: Path) -> None:
    listed = read_pairs(written(tmp_path, "1\nAnn\t1\t2\nAnn\t1\tBob\t1\n"), suffix=".png")
    assert (listed.folds, listed.b) == (["1"], ["Ann/Ann_0002.png", "Bob/Bob_0001.png"])


def test_a_csv_file_may_have_folds_of_any_name(tmp_path: Path) -> None:
    text = "a,b,same,fold\nx/1,x/2,true,old\nx/1,y/1,0,new\ny/1,y/2,1,new\nx/2,y/1,FALSE,old\n"
    listed = read_pairs(written(tmp_path, text, "pairs.CSV"))
    assert listed.a == ["x/1", "x/1", "y/1", "x/2"]
    assert listed.same.tolist() == [True, False, True, False]
    assert (listed.folds, listed.fold.tolist()) == (["old", "new"], [0, 1, 1, 0])
    assert (listed.told, listed.photos) == (True, False)


def test_a_csv_file_without_folds_is_cut_into_ten(tmp_path: Path) -> None:
    lines = "".join(f"x/1,x/{number},{number % 3 == 0}\n" for number in range(60))
    listed = read_pairs(written(tmp_path, f"a,b,same\n{lines}", "pairs.csv"))
    assert not listed.told
    assert np.bincount(listed.fold[listed.same]).tolist() == [2] * FOLDS
    assert np.bincount(listed.fold[~listed.same]).tolist() == [4] * FOLDS


def test_folds_follow_the_order_of_each_class_and_differ_by_one_pair_at_most() -> None:
    same = np.random.default_rng(0).random(77) < 0.4
    fold = dealt(same)
    for of_class in (same, ~same):
        assert (np.diff(fold[of_class]) >= 0).all()
        sizes = np.bincount(fold[of_class], minlength=FOLDS)
        assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("pairs.txt", "", "does not begin with"),
        ("pairs.txt", "Ann\t1\t2\n", "does not begin with"),
        ("pairs.txt", "0 0\n", "name a whole file"),
        ("pairs.txt", TWO_FOLDS[:-18], "name a whole file"),
        ("pairs.txt", TWO_FOLDS.replace("Ann\t1\t4", "Ann\t1"), "Pair 1 of"),
        ("pairs.txt", TWO_FOLDS.replace("Ann\t1\t4", "Ann\tone\t4"), "'one'"),
        ("pairs.csv", "a,b\nx,y\n", "a,b,same"),
        ("pairs.csv", "", "a,b,same"),
        ("pairs.csv", "a,b,same\n", "lists no pairs"),
        ("pairs.csv", "a,b,same\nx,y,1\nx,y,perhaps\n", "Pair 2 of"),
        ("pairs.csv", "a,b,same\nx,y\n", "Pair 1 of"),
    ],
)
def test_what_is_no_list_is_refused_by_its_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(FacesqlError, match=told):
        read_pairs(written(tmp_path, text, name))
