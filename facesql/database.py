"""A DuckDB connection with sql/ loaded, and the list-distance UDF."""

import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType
from numpy.typing import NDArray

from facesql.distance import BinCounts, Tile, count_tile_pair
from facesql.errors import FacesqlError

# The storage format that the shells of the 1.2 to 1.5 series can open, too.
STORAGE_VERSION = "v1.2.0"

Result = TypeVar("Result")

_RESULT_SQL = (
    "struct(genuine struct(pairs bigint[], person_weight double[]), "
    "impostor struct(pairs bigint[], person_weight double[]))"
)


@contextmanager
def plain_errors(sentence: str) -> Iterator[None]:
    """Turn what DuckDB raises into one sentence that says what to do, its word for Ctrl-C into KeyboardInterrupt."""
    try:
        yield
    except (duckdb.Error, RuntimeError) as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from error
        raise FacesqlError(f"{sentence} ({first_words(error)})") from error


def _is_interrupt(error: Exception) -> bool:
    """Whether it is what DuckDB makes of Ctrl-C, in its own work or in a Python function; a query may use the words."""
    if isinstance(error, duckdb.InterruptException):
        return True
    if isinstance(error, duckdb.Error):
        return isinstance(error, duckdb.InvalidInputException) and "KeyboardInterrupt" in str(error)
    return "interrupted" in str(error).lower() or "KeyboardInterrupt" in str(error)


def interruptible(connection: duckdb.DuckDBPyConnection, work: Callable[[], Result]) -> Result:
    """The result of work on a connection, which Ctrl-C or a plain kill ends at once.

    DuckDB looks for signals now and then only, and turns what it finds into an error of its own; therefore it works in
    another thread, and is told to stop by this one.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=0.1).done:
                pass
        except BaseException:
            while not future.done():  # told before it has begun, DuckDB would go on
                connection.interrupt()
                wait([future], timeout=0.1)
            raise
    return future.result()


def first_words(error: Exception) -> str:
    """What DuckDB says is wrong, in one line, without the excerpt of the query that it adds."""
    return " ".join(str(error).split("\n\n")[0].split())


def resources() -> Path:
    """The folder that holds sql/ and data/: the package's own in a wheel, the project's in a checkout."""
    package = Path(__file__).resolve().parent
    return package if (package / "sql").is_dir() else package.parent


def connect(file: Path | None = None, *, report: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database, in memory or in a new file, with sql/load.sql loaded, and sql/report/load.sql for a report.

    Names of Python variables are not visible to its SQL, and nothing is installed or loaded from the network.
    """
    config = _config()
    if file is not None:
        config["storage_compatibility_version"] = STORAGE_VERSION
    connection = duckdb.connect(":memory:" if file is None else str(file), config=config)
    for script in load_order() + (load_order("report/load.sql") if report else []):
        connection.execute(script.read_text(encoding="utf-8"))
    return connection


def _config() -> dict[str, Any]:
    """What every connection has; what does not fit into memory goes to a folder of its own for temporary files."""
    return {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "temp_directory": str(Path(tempfile.gettempdir()) / f"facesql.{secrets.token_hex(8)}"),
    }


def connect_to(file: Path, *, write: bool = False) -> duckdb.DuckDBPyConnection:
    """Open an existing database as it is, read-only unless ``write``; see ``connect`` for what its SQL cannot do."""
    return duckdb.connect(str(file), read_only=not write, config=_config())


@cache
def engine_sql(name: str) -> str:
    """A statement that Python runs, from sql/engine/."""
    return (resources() / "sql" / "engine" / f"{name}.sql").read_text(encoding="utf-8")


def load_order(script: str = "load.sql") -> list[Path]:
    """The files that a script in sql/ names in its ``.read`` lines, in its order."""
    root = resources()
    lines = (root / "sql" / script).read_text(encoding="utf-8").splitlines()
    return [root / match[1] for line in lines if (match := re.fullmatch(r"\.read (\S+)", line))]


def create_tile_counts(connection: duckdb.DuckDBPyConnection, number: str, pool: Executor) -> None:
    """Create the SQL function tile_counts for encodings of ``number``: "float" or "double".

    Its arguments are whether the tiles are one, whether their blocks are, and for both of them people, photos,
    person_faces, person_pairs and encodings, as table tile has them; its result is that of ``count_tile_pair``, each
    list up to its last bin that is not empty. NumPy lets go of the interpreter's lock in its long calls, so that the
    threads of ``pool`` count tile pairs side by side.
    """

    def tile_counts(
        same_tile: pa.ChunkedArray,
        same_block: pa.ChunkedArray,
        people_a: pa.ChunkedArray,
        photos_a: pa.ChunkedArray,
        person_faces_a: pa.ChunkedArray,
        person_pairs_a: pa.ChunkedArray,
        encodings_a: pa.ChunkedArray,
        people_b: pa.ChunkedArray,
        photos_b: pa.ChunkedArray,
        person_faces_b: pa.ChunkedArray,
        person_pairs_b: pa.ChunkedArray,
        encodings_b: pa.ChunkedArray,
    ) -> pa.Array:
        a = _tiles(people_a, photos_a, person_faces_a, person_pairs_a, encodings_a)
        b = _tiles(people_b, photos_b, person_faces_b, person_pairs_b, encodings_b)
        return _counts(list(pool.map(_count, a, b, same_tile.to_pylist(), same_block.to_pylist())))

    tile = ["integer[]", "integer[]", "integer[]", "bigint[]", f"{number}[][]"]
    connection.create_function(
        "tile_counts", tile_counts, ["boolean", "boolean", *tile, *tile], _RESULT_SQL, type=PythonUDFType.ARROW
    )


def _count(a: Tile, b: Tile, same_tile: bool, same_block: bool) -> tuple[BinCounts, BinCounts]:
    return count_tile_pair(a, b, same_tile=same_tile, same_block=same_block)


def _tiles(*columns: pa.ChunkedArray) -> list[Tile]:
    """The rows of columns in the order of Tile's fields, as tiles; their arrays are views of the columns' memory."""
    return [
        Tile(
            people.values.to_numpy(),
            photos.values.to_numpy(),
            faces.values.to_numpy(),
            pairs.values.to_numpy(),
            _matrix(encodings.values),
        )
        for people, photos, faces, pairs, encodings in zip(*(c.combine_chunks() for c in columns), strict=True)
    ]


def _matrix(encodings: pa.ListArray) -> NDArray[np.floating]:
    numbers: NDArray[np.floating] = encodings.flatten().to_numpy()
    return numbers.reshape(len(encodings), -1)


def _counts(counts: list[tuple[BinCounts, BinCounts]]) -> pa.StructArray:
    genuine, impostor = zip(*counts, strict=True)
    return pa.StructArray.from_arrays([bin_lists(genuine), bin_lists(impostor)], names=["genuine", "impostor"])


def bin_lists(counts: Sequence[BinCounts]) -> pa.StructArray:
    """Counts as Arrow lists, pairs and person_weight, each up to its last bin that is not empty."""
    used = [len(np.trim_zeros(count.pairs, "b")) for count in counts]
    offsets = pa.array(np.concatenate([[0], np.cumsum(used)]), pa.int32())
    pairs = np.concatenate([np.empty(0, np.int64), *(count.pairs[:n] for count, n in zip(counts, used, strict=True))])
    weights = np.concatenate([np.empty(0), *(count.person_weight[:n] for count, n in zip(counts, used, strict=True))])
    return pa.StructArray.from_arrays(
        [pa.ListArray.from_arrays(offsets, pa.array(pairs)), pa.ListArray.from_arrays(offsets, pa.array(weights))],
        names=["pairs", "person_weight"],
    )
