"""Files that appear whole: what is left when a writer is killed goes, and what one that lives has made stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from facesql.errors import FacesqlError
from facesql.output import whole_file, whole_files

WRITER = """
import sys
from pathlib import Path
from facesql.output import whole_files
with whole_files(Path(sys.argv[1])) as private:
    (private / "half.txt").write_text("half")
    print(private, flush=True)
    sys.stdin.read()
"""


def writer(folder: Path) -> tuple["subprocess.Popen[str]", Path]:
    """A process that is in the middle of writing, and its private folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.skipif(os.name != "posix", reason="kill is POSIX's")
def test_what_a_killed_writer_left_goes_and_what_a_living_one_makes_stays(tmp_path: Path) -> None:
    killed, left = writer(tmp_path)
    with killed:
        killed.send_signal(signal.SIGKILL)
    older = tmp_path / ".facesql.of_an_older_version"
    older.mkdir()
    assert (left / "half.txt").exists()
    living, private = writer(tmp_path)
    with living:
        assert not left.exists()
        assert not older.exists()
        with whole_file(tmp_path / "note.txt") as path:
            path.write_text("whole")
            with whole_files(tmp_path, inside=tmp_path) as nested:  # ours are alive, too
                assert path.exists()
                assert nested != path.parent
        assert (private / "half.txt").exists()
        living.communicate("")
    assert living.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"half.txt", "note.txt"}


def test_nothing_is_left_where_the_block_fails_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / ".facesql-demo").touch()
    (tmp_path / ".facesql.notes").write_text("mine")

    def fail() -> None:
        with whole_files(tmp_path / "new" / "er") as private:
            (private / "half.txt").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(FacesqlError, match="what was there is left as it was"), whole_file(tmp_path / "x") as path:
        (path / "y").write_text("no folder")
    assert {path.name for path in tmp_path.iterdir()} == {".facesql-demo", ".facesql.notes"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FacesqlError, match=r"Cannot write to .* \(Permission denied\)"), whole_file(tmp_path / "x"):
        pass
