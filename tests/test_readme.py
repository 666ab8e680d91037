"""The README against the commands: each transcript is run, and what it prints is compared."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import LFW, ROOT
from tests.test_lfw import write_reference_faces

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = ("encode", "analyze", "demo")


@dataclass(frozen=True)
class Step:
    command: str
    output: str


def transcripts() -> list[Step]:
    """Every command of the console blocks, in order, with the output that the README shows for it."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [Step(*step.split("\n", 1)) for step in steps]


def needs_lfw(step: Step) -> bool:
    return "lfw" in step.command


def printed(step: Step, folder: Path) -> str:
    """What the command prints on stdout, run in a folder that has the project's sql/ beside the data."""
    program, *arguments = shlex.split(step.command)
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), os.environ["PATH"]])
    executable = shutil.which(program, path=path)
    assert executable, f"{program} is not installed"
    done = subprocess.run(
        [executable, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_is_in_the_readme_with_its_output() -> None:
    shown = {shlex.split(step.command)[1] for step in transcripts() if step.command.startswith("facesql ")}
    assert shown == set(COMMANDS)
    assert all(step.output.strip() for step in transcripts())


def test_the_readme_shows_what_the_commands_print(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    steps = [step for step in transcripts() if not needs_lfw(step)]
    assert len(steps) >= 5
    for step in steps:
        assert printed(step, tmp_path) == step.output.rstrip("\n") + "\n", step.command


@pytest.mark.lfw
@pytest.mark.skipif(not LFW.is_dir(), reason="the LFW encodings are not part of the project")
def test_the_readme_shows_what_the_commands_print_on_lfw(tmp_path: Path) -> None:
    write_reference_faces(tmp_path / "lfw.parquet")
    steps = [step for step in transcripts() if needs_lfw(step)]
    assert len(steps) >= 2
    for step in steps:
        assert printed(step, tmp_path) == step.output.rstrip("\n") + "\n", step.command
    # Another renderer may place a line a hundredth of a pixel off, but writes the same words and figures.
    drawn, shown = (
        re.findall(r">([^<>]+)<", path.read_text())
        for path in (tmp_path / "lfw-report" / "distribution.svg", ROOT / "data" / "lfw-distribution.svg")
    )
    assert "82,837,756 comparisons, 241,121 of the same person: 12,872 photos of 5,512 people" in shown
    assert drawn == shown


def test_the_readme_begins_with_the_two_commands_and_names_real_files() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks[0] == "python3 -m venv .uv && .uv/bin/pip install -q uv && .uv/bin/uv run facesql demo\n"
    assert blocks[1] == ".uv/bin/uv run pytest\n"
    for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_command_that_adds_the_encoder_is_the_one_that_the_tool_names() -> None:
    from facesql.encoder import INSTALL

    assert INSTALL in README


def test_ci_ends_with_the_readmes_test_command() -> None:
    last = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert last in README
