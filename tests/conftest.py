"""What several tests share: tables of made-up encodings, drawn people, and the command line."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, sync_playwright

from facesql.analyze import plan_analysis
from facesql.database import connect
from facesql.drawing import draw_people
from facesql.encode import EncodeSummary, encode_photos
from facesql.pairs import BATCH_BYTES, Plan, count_pairs, plan_pairs

ROOT = Path(__file__).resolve().parent.parent
LFW = Path(os.environ.get("FACESQL_LFW", ROOT.parent / "shared" / "lfw"))

# A shell's background jobs ignore Ctrl-C, and what they start inherits that; the tests of Ctrl-C must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The network is converted into a cache of the tests' own, once.
_CACHE = tempfile.TemporaryDirectory(prefix="facesql-tests.")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def faces_table(
    people: Sequence[str], encodings: NDArray[np.floating], photos: Sequence[str | None] | None = None
) -> pa.Table:
    """A table of faces: one row a person's entry in ``people``, with the row of ``encodings`` (n x d).

    It has a column photo where ``photos`` are given.
    """
    columns = {
        "id": [f"{person}/{number}.jpg" for number, person in enumerate(people)],
        "person": pa.array(people, pa.string()),
        "encoding": pa.array(list(encodings), pa.list_(pa.from_numpy_dtype(encodings.dtype))),
    }
    return pa.table(columns if photos is None else {**columns, "photo": pa.array(photos, pa.string())})


def filled(
    people: Sequence[str], encodings: NDArray[np.floating], photos: Sequence[str | None] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection whose table faces holds these encodings."""
    connection = connect(report=True)
    connection.register("made_up", faces_table(people, encodings, photos))
    connection.execute("drop view faces; create table faces as from made_up")
    connection.unregister("made_up")
    return connection


def compare(
    connection: duckdb.DuckDBPyConnection,
    *,
    tile_faces: int | None = None,
    batch_bytes: int = BATCH_BYTES,
    threads: int | None = None,
    progress: bool = False,
) -> None:
    """Fill the connection's block_pair_counts from its faces."""
    plan = plan_pairs(connection, tile_faces=tile_faces, batch_bytes=batch_bytes, threads=threads)
    count_pairs(connection, plan, progress=progress)


def plan_all(*arguments: Any, **named: Any) -> Plan:
    """How ``analyze_faces`` would compare all pairs."""
    plan = plan_analysis(*arguments, **named)
    assert isinstance(plan, Plan)
    return plan


def some_people(people: int, photos: int, seed: int = 0) -> tuple[list[str], NDArray[np.float32]]:
    """Seeded encodings, somewhat like real ones: a centre for each person, and photos around it."""
    random = np.random.default_rng(seed)
    centres = random.normal(scale=0.05, size=(people, 1, 128))
    encodings = centres + random.normal(scale=0.025, size=(people, photos, 128))
    names = [f"p{number}" for number in range(people) for _ in range(photos)]
    return names, encodings.reshape(-1, 128).astype(np.float32)


@pytest.fixture(scope="session")
def run() -> Run:
    """Run ``facesql`` with arguments in a folder, as a user would; keywords are variables of the environment."""

    def run_facesql(
        *arguments: str | Path, cwd: Path, check: bool = True, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "facesql.cli", *map(str, arguments)]
        environ = {**os.environ, **environment}
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=300)
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run_facesql


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser without a window, for pages of files."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight drawn people with three photos each."""
    folder = tmp_path_factory.mktemp("drawn") / "photos"
    draw_people(folder, people=8, photos=3, seed=1)  # of this seed, the detector finds every face
    return folder


@pytest.fixture(scope="session")
def drawn_faces(drawn: Path) -> tuple[Path, EncodeSummary]:
    """The drawn people, encoded by two workers."""
    output = drawn.parent / "faces.parquet"
    return output, encode_photos(drawn, output, workers=2)


@pytest.fixture
def small_table(tmp_path: Path) -> Path:
    """A Parquet file of twelve people with four made-up encodings each."""
    path = tmp_path / "faces.parquet"
    pq.write_table(faces_table(*some_people(12, 4)), path)
    return path
