"""Plan the analysis of an archive: what this machine takes for a small one, put to so many faces.

python -m tests.benchmarks.archive                                       a hundred million faces
python -m tests.benchmarks.archive --archive 1e7 --cores 64 --price 0.03
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from facesql.blocks import BLOCKS
from facesql.database import connect
from facesql.drawing import draw_people
from facesql.encode import encode_photos
from facesql.faces import limit_memory, load_faces
from facesql.pairs import plan_pairs
from facesql.sources import sample_faces
from tests.benchmarks.engine import alone, drawn, machine, measure
from tests.benchmarks.sampling import timed

CORES = os.cpu_count() or 1
PEOPLE, PHOTOS = 40, 5
SAMPLED = 10**8


@dataclass(frozen=True)
class Measured:
    """What one core of this machine takes, in seconds, and what a face takes on disk, in bytes."""

    a_photo: float
    a_face: float
    a_pair: float
    a_sampled_pair: float
    face_bytes: float
    tile_faces: int
    encoding_bytes: int


def loading(path: Path) -> tuple[float, int, int]:
    """Seconds to read, check and cut into tiles a table of faces; the faces of a tile, and an encoding's bytes."""
    began = time.perf_counter()
    with connect(report=True) as connection:
        limit = limit_memory(connection, [path], None)
        load_faces(connection, path)
        plan = plan_pairs(connection, memory_limit=limit)
    return time.perf_counter() - began, max(plan.tile_faces), plan.face_bytes


def measured(folder: Path, faces: int) -> Measured:
    draw_people(folder / "photos", people=PEOPLE, photos=PHOTOS, seed=1)
    encode_photos(folder / "photos", folder / "once.parquet")  # the first run converts the network
    began = time.perf_counter()
    encode_photos(folder / "photos", folder / "twice.parquet")
    photo = (time.perf_counter() - began) / (PEOPLE * PHOTOS)
    table = alone(drawn, folder, faces)
    seconds, tile_faces, encoding_bytes = alone(loading, table)
    sampled = alone(timed, table, SAMPLED)
    compared = alone(measure, "facesql, SQL and UDF", table, 1)
    sample = sample_faces("lfw")
    return Measured(
        a_photo=photo * CORES,
        a_face=seconds / faces * CORES,
        a_pair=compared.seconds / compared.pairs * CORES,
        a_sampled_pair=sampled.comparing / sampled.pairs * CORES,
        face_bytes=sample.stat().st_size / pq.read_metadata(sample).num_rows,
        tile_faces=tile_faces,
        encoding_bytes=encoding_bytes,
    )


def planned(one: Measured, archive: int, sample: int, cores: int, price: float) -> Iterator[tuple[str, str]]:
    pairs = archive * (archive - 1) // 2
    read = pairs / one.tile_faces * 2 * one.encoding_bytes

    def work(seconds: float) -> str:
        hours = seconds / 3600
        return f"{hours:14,.1f} core hours, {hours / cores:6,.2f} h on {cores:,} cores, {hours * price:6,.0f} to pay"

    yield "encodings, on disk", f"{archive * one.face_bytes / 1e9:14,.0f} GB"
    yield "encodings, in memory", f"{archive * one.encoding_bytes / 1e9:14,.0f} GB"
    yield "encoding the photos", work(archive * one.a_photo)
    yield "reading and tiling", f"{archive * one.a_face / CORES / 3600:14,.1f} hours of one machine such as this"
    yield f"a sample of {sample:.0e} pairs", work(sample * one.a_sampled_pair)
    yield f"all {pairs:.0e} pairs", work(pairs * one.a_pair)
    yield "  read by the workers", f"{read / 1e12:14,.0f} TB, {read / (pairs * one.a_pair) / 1e6:.0f} MB/s a core"
    yield "  rows of counts, most", f"{BLOCKS * (BLOCKS + 3) // 2 * 2001:14,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=float, default=1e8, help="faces of the archive")
    parser.add_argument("--pairs", type=float, default=1e10, help="pairs of a sample")
    parser.add_argument("--cores", type=int, default=2_000)
    parser.add_argument("--price", type=float, default=0.04, help="of a core for an hour")
    parser.add_argument("--faces", type=int, default=100_000, help="how many are compared here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one = measured(Path(folder), chosen.faces)
    print(f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, NumPy {np.__version__}, {machine()}")
    print(
        f"measured: a core takes {one.a_photo * 1e3:.0f} ms a photo, {one.a_face * 1e6:.1f} us a face and "
        f"{one.a_pair * 1e9:.2f} ns a pair, {one.a_sampled_pair * 1e9:.0f} of a sample;\n"
        f"a face has {one.face_bytes:.0f} bytes on disk, a tile {one.tile_faces:,} faces\n"
    )
    for what, told in planned(one, int(chosen.archive), int(chosen.pairs), chosen.cores, chosen.price):
        print(f"{what:25} {told}")


if __name__ == "__main__":
    main()
