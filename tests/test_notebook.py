"""data/notebook.ipynb: it runs, shows its charts inline, and is committed as it runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.notebook import CELLS, NOTEBOOK, ROOT

Cell = dict[str, Any]


def cells(path: Path) -> list[Cell]:
    """The cells of a notebook's file."""
    book = json.loads(path.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["metadata"]["kernelspec"]["name"]) == (4, "python3")
    return list(book["cells"])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    """The cells of the notebook, run anew in an environment that knows little."""
    folder = tmp_path_factory.mktemp("notebook")
    bare = {name: value for name, value in os.environ.items() if name in {"PYTHONDONTWRITEBYTECODE", "SYSTEMROOT"}}
    done = subprocess.run(
        [sys.executable, "-m", "tests.notebook", folder / "notebook.ipynb"],
        cwd=ROOT,
        env={**bare, "HOME": str(folder), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return cells(folder / "notebook.ipynb")


def shown(cell: Cell, kind: str) -> list[str]:
    """What a cell gave of a kind."""
    found = [output["data"][kind] for output in cell.get("outputs", ()) if kind in output.get("data", {})]
    return ["".join(content) for content in found]


def words(picture: str) -> list[str]:
    """The words of an SVG; another renderer may place them a hundredth of a pixel off."""
    return re.findall(r">([^<>]+)<", picture)


def test_it_runs_and_shows_charts_inline(ran: list[Cell]) -> None:
    outputs = [output for cell in ran for output in cell.get("outputs", ())]
    assert {output["output_type"] for output in outputs} == {"execute_result"}  # no error, nothing on stderr
    assert len(outputs) == sum(cell.startswith(">") for cell in CELLS) == 7
    pictures = [picture for cell in ran for picture in shown(cell, "image/svg+xml")]
    assert len(pictures) == 2
    assert all(picture.startswith("<svg") for picture in pictures)
    assert "Distances between photos of the same and of different people" in words(pictures[0])


def test_it_is_committed_as_it_runs(ran: list[Cell]) -> None:
    committed = cells(NOTEBOOK)
    assert ["".join(cell["source"]) for cell in committed] == [cell.removeprefix(">") for cell in CELLS]
    assert [cell["id"] for cell in committed] == [cell["id"] for cell in ran]
    for cell, fresh in zip(committed, ran, strict=True):
        for kind in ("text/plain", "text/html"):
            assert shown(cell, kind) == shown(fresh, kind)
        for picture, drawn in zip(shown(cell, "image/svg+xml"), shown(fresh, "image/svg+xml"), strict=True):
            assert words(picture) == words(drawn)


def test_it_holds_no_photo_and_no_path_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "image/png" not in text
    assert "image/jpeg" not in text
    assert not re.search(r"(/home|/root|/tmp|/Users|[A-Z]:\\\\)", text)
