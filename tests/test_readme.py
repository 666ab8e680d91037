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

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COOKBOOK = (ROOT / "sql" / "examples" / "README.md").read_text(encoding="utf-8")
COMMANDS = (
    "encode",
    "analyze",
    "chart",
    "demo",
    "sql",
    "shell",
    "forget",
    "pairs",
    "map",
    "projector",
    "names",
    "suspects",
    *("protocol", "compare-tables"),
    *("compare", "identify"),
    "import",
)
# Those that go on until they are stopped, so that a block shows how they are used, and tests of their own run them.
STARTED = ("cluster",)
# How the shell asks for a line; what is typed after it goes to its stdin.
PROMPT = "D "


@dataclass(frozen=True)
class Step:
    command: str
    typed: list[str]
    output: str


def transcripts(page: str = README) -> list[Step]:
    """Every command of the console blocks, in order, with what is typed into it and the output that is shown for it."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [_step(*step.split("\n", 1)) for step in steps]


def _step(command: str, shown: str) -> Step:
    lines = shown.splitlines(keepends=True)
    typed = [line.removeprefix(PROMPT).rstrip("\n") for line in lines if line.startswith(PROMPT)]
    return Step(command, typed, "".join(line for line in lines if not line.startswith(PROMPT)))


def printed(step: Step, folder: Path) -> str:
    """What the command prints on stdout, run in a folder that has the project's sql/ beside the data."""
    program, *arguments = shlex.split(step.command)
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), os.environ["PATH"]])
    executable = shutil.which(program, path=path)
    assert executable, f"{program} is not installed"
    done = subprocess.run(
        [executable, *arguments],
        cwd=folder,
        input="".join(f"{line}\n" for line in step.typed),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, (step.command, done.stderr)
    return done.stdout


def test_every_command_is_in_the_readme_with_its_output() -> None:
    shown = {shlex.split(step.command)[1] for step in transcripts() if step.command.startswith("facesql ")}
    assert shown == set(COMMANDS)
    used = "".join(re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    assert all(f"facesql {command}" in used for command in STARTED)
    assert all(step.output.strip() for step in transcripts())


def test_the_readme_and_the_cookbook_show_what_the_commands_print(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    steps = transcripts() + transcripts(COOKBOOK)
    assert len(steps) >= 10
    for step in steps:
        assert printed(step, tmp_path) == step.output, step.command
    # Another renderer may place a line a hundredth of a pixel off, but writes the same words and figures.
    drawn, shown = (
        re.findall(r">([^<>]+)<", path.read_text())
        for path in (tmp_path / "lfw-report" / "distribution.svg", ROOT / "data" / "lfw-distribution.svg")
    )
    assert "82,837,756 comparisons, 241,121 of the same person: 12,872 photos of 5,512 people" in shown
    assert drawn == shown


@pytest.mark.parametrize("path", sorted((ROOT / "sql" / "examples").glob("*.sql")), ids=lambda path: path.stem)
def test_the_readme_or_the_cookbook_quotes_each_example_as_it_is_and_shows_its_output(path: Path) -> None:
    query = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("--"))
    [page] = [page for page in (README, COOKBOOK) if f"```sql\n{query.strip()}\n```" in page]
    assert any(f"sql/examples/{path.name}" in step.command for step in transcripts(page))


def test_the_readme_begins_with_the_two_commands_and_names_real_files() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks[0] == "python3 -m venv .uv && .uv/bin/pip install -q uv && .uv/bin/uv run facesql demo\n"
    assert blocks[1] == ".uv/bin/uv run pytest\n"
    for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", README):
        if target.startswith("#"):
            assert f"# {target[1:].replace('-', ' ')}\n" in README.lower()
        else:
            assert (ROOT / target).exists(), target


def test_the_command_that_adds_the_encoder_is_the_one_that_the_tool_names() -> None:
    from facesql.encoder import INSTALL

    assert all(command in README for command in INSTALL.values())


def test_ci_ends_with_the_readmes_test_command() -> None:
    last = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert last in README
