"""First names: who has one, and the chart of them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from facesql.chartfiles import drawn
from facesql.names import MOST, first_names, names_chart
from tests.conftest import Run, faces_table


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("George_W_Bush", "George"),
        ("Ann Lee", "Ann"),
        ("_Ann__Lee_", "Ann"),
        ("Jean-Luc_O'Neil", "Jean-Luc"),
        ("Ann_B", "Ann"),
        ("Мария_Иванова", "Мария"),
        ("李_娜", "李"),
        ("علي_حسن", "علي"),
        ("प्रिया_शर्मा", "प्रिया"),
        ("Zoe\u0308_Kravitz", "Zoe\u0308"),
        ("Madonna", None),
        ("J_K_Rowling", None),
        ("J._Doe", None),
        ("person_0001", None),
        ("Ann_2", None),
        ("<b>_Lee", None),
        ("-_Lee", None),
        ("", None),
        ("_", None),
    ],
)
def test_a_first_name_is_the_first_of_two_words(person: str, name: str | None) -> None:
    assert first_names(pl.Series([person])).rows() == ([] if name is None else [(name, 1)])


def test_names_are_counted_once_a_person_whatever_their_case() -> None:
    people = pl.Series(["ann_x", "Ann_y", "Ann_z", "Bo_x", "Cy_x", "Cy_y", "Ann"])
    assert first_names(people).rows() == [("Ann", 3), ("Cy", 2), ("Bo", 1)]
    empty = first_names(pl.Series([], dtype=pl.String))
    assert empty.schema == first_names(people).schema
    assert empty.is_empty()


def test_the_chart_shows_the_most_frequent_and_how_many_there_are() -> None:
    names = pl.DataFrame({"name": [f"N{n:02}" for n in range(40)], "people": range(80, 40, -1)})
    files = drawn(names_chart(names, 3000), ["vl.json", "svg", "html", "png"])
    specification = json.loads(files["vl.json"])
    [rows] = specification["datasets"].values()
    assert [row["people"] for row in rows] == list(range(80, 80 - MOST, -1))
    assert specification["title"]["subtitle"] == [
        "2,420 of 3,000 people have a name of two parts or more, and 40 first names",
        "The 30 most frequent, which are those of 1,965 people",
    ]
    svg = files["svg"].decode()
    assert svg.index(">N00<") < svg.index(">N29<")
    assert ">N30<" not in svg


def test_the_command_draws_names_or_says_that_there_are_none(run: Run, tmp_path: Path) -> None:
    people = ["Ann_Lee", "Ann_Wu", "Bo_Ek", "person_1"]
    pq.write_table(faces_table(people, np.eye(4)), tmp_path / "faces.parquet")
    done = run("names", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "3 of 4 people have a name of two parts or more, in 'names.html'",
        "2 first names, the most frequent: 'Ann' 2, 'Bo' 1",
    ]
    assert (tmp_path / "names.html").stat().st_mode & 0o777 == 0o600
    run("names", "-o", "names.csv", cwd=tmp_path)
    assert pl.read_csv(tmp_path / "names.csv").rows() == [("Ann", 2), ("Bo", 1)]
    done = run("names", "--sample", "lfw", "-o", "none.html", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("facesql: No person here is named like George_W_Bush")
    assert not (tmp_path / "none.html").exists()
