"""The wheel: what it carries, and that it works from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the project and unpacked as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_carries_sql_and_data(unpacked: Path) -> None:
    for folder in ("sql", "data"):
        expected = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert expected == {
            path.relative_to(unpacked / "facesql") for path in (unpacked / "facesql" / folder).rglob("*.*")
        }
    assert not (unpacked / "tests").exists()


def test_the_wheel_analyzes_from_any_folder(unpacked: Path, small_table: Path) -> None:
    # Python looks here before it looks into the environment, where the checkout is installed.
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    where = [sys.executable, "-c", "import facesql; print(facesql.__file__)"]
    done = subprocess.run(where, cwd=small_table.parent, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(unpacked / "facesql" / "__init__.py")
    analyze = [sys.executable, "-m", "facesql.cli", "analyze", "--formats", ""]
    done = subprocess.run(analyze, cwd=small_table.parent, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("48 faces of 12 people")


def test_only_the_extras_ask_for_what_encodes(unpacked: Path) -> None:
    [metadata] = unpacked.glob("*.dist-info/METADATA")
    required = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist")]
    asked_by = {"encode": ("dlib", "models", "onnx", "pillow>"), "reference": ("face-recognition<", "setuptools")}
    for extra, names in asked_by.items():
        for name in names:
            asking = [line for line in required if name in line.replace("_", "-")]
            assert asking, name
            assert all(line.endswith(f"extra == '{extra}'") for line in asking), name
