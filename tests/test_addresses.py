"""Tables at addresses: from a server that is asked for parts of files to what each command says.

DuckDB's httpfs opens them where it is installed. Where it is not, a stand-in reads the same server by the same kind of
requests, so that all but httpfs itself is run.
"""

import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile
from typer.testing import CliRunner

import facesql
from facesql import encodingfiles
from facesql.cli import app
from facesql.errors import FacesqlError
from tests.conftest import Run, faces_table, some_people


class Server(BaseHTTPRequestHandler):
    """Gives files of ``files``, or parts of them, to GET and HEAD."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self) -> None:
        """Say how long a file is."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Send a file, or the bytes that are asked for."""
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        content = self.files.get(urlsplit(self.path).path)
        if content is None:
            self.send_error(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2] or len(content) - 1)) if asked else (0, len(content) - 1)
        part = content[start : end + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.wfile.write(part)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing on stderr."""


class StandIn(AbstractFileSystem):  # type: ignore[misc]
    """Files at http addresses, read by ranges, for DuckDB where it has no httpfs."""

    protocol = "http"
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def info(self, path: str, **_: object) -> dict[str, Any]:
        """What there is to know of a file: its size."""
        try:
            with urlopen(Request(path, method="HEAD")) as answer:  # noqa: S310 - the test's own server
                return {"name": path, "size": int(answer.headers["Content-Length"]), "type": "file"}
        except HTTPError as error:
            error.close()
            raise FileNotFoundError(f"there is no {path}") from error  # as httpfs, it tells the whole address

    def glob(self, path: str, **_: object) -> list[str]:
        """The address itself: nobody lists a server."""
        return [path]

    def modified(self, path: str) -> datetime:  # noqa: ARG002
        """When a file was changed: long ago."""
        return datetime(2000, 1, 1, tzinfo=UTC)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> "Part":
        return Part(self, path, mode, size=self.info(path)["size"], cache_type="none", **options)


class Part(AbstractBufferedFile):  # type: ignore[misc]
    """An open file of the stand-in."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        asked = Request(self.path, headers={"Range": f"bytes={start}-{end - 1}"})  # noqa: S310
        with urlopen(asked) as answer:  # noqa: S310
            assert answer.status == 206
            return bytes(answer.read())


def has_httpfs() -> bool:
    """Whether DuckDB's extension is installed here."""
    try:
        duckdb.connect(config={"autoinstall_known_extensions": False}).execute("load httpfs")
    except duckdb.Error:
        return False
    return True


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of its own, on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def address(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a table, beside which faces.parquet is the same as a file; with a secret in it."""
    people, encodings = some_people(12, 4)
    table = faces_table(people, encodings).replace_schema_metadata({"facesql.detector": "hog"})
    pq.write_table(table, tmp_path / "faces.parquet")
    Server.files = {"/some/faces.parquet": (tmp_path / "faces.parquet").read_bytes()}
    if not has_httpfs():
        monkeypatch.setattr(encodingfiles, "_load_httpfs", lambda connection: connection.register_filesystem(StandIn()))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return f"{server}/some/faces.parquet?signature=secret"


def told(*arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_an_analysis_of_an_address_is_that_of_the_file(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_file = facesql.analyze_faces(Path("faces.parquet"), tmp_path / "a", formats=[])
    typed = ["analyze", address, "-o", "b", "--formats", ""]
    monkeypatch.setattr(sys, "argv", ["facesql", *typed])  # which the page tells
    told(*typed)
    assert pl.read_parquet(tmp_path / "b" / "precision_recall.parquet").equals(of_file.table)
    shown = address.partition("?")[0]
    notes = (tmp_path / "b" / "run.md").read_text()
    assert f"`{shown}`" in notes
    for path in (tmp_path / "b").iterdir():
        content = path.read_bytes()
        assert b"secret" not in content, path
        assert str(tmp_path / "facesql.").encode() not in content or path.suffix == ".duckdb", path
    with duckdb.connect(str(tmp_path / "b" / "facesql.duckdb"), read_only=True) as connection:
        assert connection.execute("select distinct faces_file from faces").fetchall() == [(shown,)]
        settings = connection.execute(
            "select faces_file, value from encode_settings where name = 'detector'"
        ).fetchall()
    assert settings == [(shown, "hog")]  # what the table notes comes along
    assert not list(tmp_path.glob("facesql.*"))  # no copy is left


def test_the_commands_take_addresses(address: str, tmp_path: Path) -> None:
    assert told("pairs", address, "-n", "3") == told("pairs", "faces.parquet", "-n", "3")
    told("pairs", address, "-n", "3", "-o", "pairs.html")
    told("suspects", address, "-o", "suspects.html")
    for page in ("pairs.html", "suspects.html"):
        content = Path(page).read_text()
        assert "secret" not in content
        assert str(tmp_path) not in content
    query = "select count(*) as faces, count(distinct person) as people from faces"
    assert told("sql", query, "--from", address, "--format", "csv") == "faces,people\n48,12\n"
    assert told("suspects", address) == told("suspects", "faces.parquet")
    compared = told("compare-tables", address, "faces.parquet")
    assert f"{address.partition('?')[0]!r}" in compared
    assert "48 faces of 12 people in both" in compared
    told("map", address, "-o", "map.csv")
    told("projector", address, "-o", "projector")
    assert pl.read_csv("map.csv").height == 12
    assert len(Path("projector/vectors.tsv").read_text().splitlines()) == 48
    assert not list(tmp_path.glob("facesql.*"))


def test_what_is_not_there_is_said_without_the_secret(address: str) -> None:
    lacking = address.replace("/faces.parquet", "/none.parquet")
    with pytest.raises(FacesqlError, match=r"^'http://127\.0\.0\.1:\d+/some/none\.parquet' cannot be read") as error:
        facesql.find_pairs(lacking)
    assert "secret" not in str(error.value)


@pytest.mark.skipif(has_httpfs(), reason="httpfs is installed here")
@pytest.mark.parametrize("command", [["analyze"], ["pairs"], ["sql", "from faces", "--from"], ["shell"], ["names"]])
def test_without_httpfs_a_sentence_says_how_to_get_it(command: list[str], tmp_path: Path, run: Run) -> None:
    done = run(*command, "https://127.0.0.1:1/faces.parquet?key=secret", cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "facesql: An address is opened by DuckDB's extension httpfs, which is not installed; install it by: "
        "python -c \"import duckdb; duckdb.sql('install httpfs')\", or download the file and name that.\n"
    )
    assert not list(tmp_path.iterdir())
