"""Time encoding: a plain loop over face_recognition, and facesql's two backends with one worker and with two.

python -m tests.benchmarks.encode [FOLDER] [PHOTOS] [ROUNDS]

FOLDER holds a folder of photos for each person; without one, drawn people are encoded. Of each run it prints photos a
second (start-up aside: that of a run on two photos is taken off), how many times the loop that is, the memory of the
largest process, and the largest difference of a component and of a distance to the loop's encodings. The runs take
turns for some rounds, and the best of each counts: what else a machine does slows one run and not the next.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from facesql.drawing import draw_people
from facesql.faces import photos_path


@dataclass(frozen=True)
class Measured:
    """A run: seconds for its photos, MiB of its largest process, and by photo the boxes and encodings."""

    seconds: float
    mebibytes: float
    faces: dict[str, list[tuple[list[int], NDArray[np.float64]]]]


def loop(folder: Path, result: Path) -> None:
    """What a user of face_recognition would write; its times and faces go to a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition
    photos = sorted(path for path in folder.rglob("*.*") if path.is_file())
    faces = {}
    face_recognition.face_encodings(face_recognition.load_image_file(photos[0]))  # the models are loaded
    start = time.perf_counter()
    for path in photos:
        picture = face_recognition.load_image_file(path)
        boxes = face_recognition.face_locations(picture)
        encodings = face_recognition.face_encodings(picture, boxes)
        faces[path.relative_to(folder).as_posix()] = [(b, e.tolist()) for b, e in zip(boxes, encodings, strict=True)]
    result.write_text(json.dumps({"seconds": time.perf_counter() - start, "faces": faces}))


def run(command: Sequence[str | Path]) -> tuple[float, float]:
    """Seconds, and MiB of the largest process, of a command; a process of its own counts, so that runs do not mix."""
    program = (
        "import resource, subprocess, sys, time; start = time.perf_counter(); "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, command)], check=True, capture_output=True, text=True
    )
    seconds, kibibytes = map(float, done.stdout.split())
    return seconds, kibibytes / 1024


def run_loop(folder: Path, scratch: Path) -> Measured:
    result = scratch / "loop.json"
    _, mebibytes = run([sys.executable, "-m", "tests.benchmarks.encode", "--loop", folder, result])
    told = json.loads(result.read_text())
    faces = {id_: [(list(box), np.array(e)) for box, e in found] for id_, found in told["faces"].items()}
    return Measured(told["seconds"], mebibytes, faces)


def run_facesql(folder: Path, two_photos: Path, scratch: Path, backend: str, workers: int) -> Measured:
    output = scratch / f"{backend}{workers}.parquet"
    # The loop's faces are found in photos at their full size.
    options = ["--backend", backend, "--workers", str(workers), "--detect-size", "0"]
    command = [sys.executable, "-m", "facesql.cli", "encode", *options]
    start_up, _ = run([*command, two_photos, "-o", scratch / "start.parquet", "--fresh"])
    seconds, mebibytes = run([*command, folder, "-o", output, "--fresh"])
    table = pq.read_table(photos_path(output), columns=["id", "faces"]).to_pylist()
    faces = {
        row["id"]: [
            ([face["box"][side] for side in ("top", "right", "bottom", "left")], np.array(face["encoding"]))
            for face in row["faces"]
        ]
        for row in table
    }
    # The start-up's run has encoded two photos as well.
    return Measured((seconds - start_up) * len(faces) / (len(faces) - 2), mebibytes, faces)


def differences(a: Measured, b: Measured) -> str:
    boxes = [[[box for box, _ in found] for _, found in sorted(m.faces.items())] for m in (a, b)]
    if boxes[0] != boxes[1]:
        return "boxes differ"
    first, second = (np.array([e for _, found in sorted(m.faces.items()) for _, e in found]) for m in (a, b))
    component, distance = np.abs(first - second).max(), np.abs(pdist(first) - pdist(second)).max()
    return f"boxes equal, component {component:.1e}, distance {distance:.1e}"


def main(folder: Path | None, count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if folder is None:
            draw_people(scratch / "drawn", people=max(1, count // 5))
            folder = scratch / "drawn"
        found = sorted(path for path in folder.rglob("*.*") if path.is_file())
        chosen = random.Random(0).sample(found, min(count, len(found)))  # noqa: S311 - no secret
        for target, paths in (("photos", chosen), ("two", chosen[:2])):
            for path in paths:
                copy = scratch / target / path.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
        print(f"{len(chosen)} photos, {os.cpu_count()} cores, the best of {rounds} rounds")
        runs: dict[str, Callable[[], Measured]] = {
            "face_recognition's loop": partial(run_loop, scratch / "photos", scratch),
            **{
                f"{backend}, {workers} worker{'s' if workers > 1 else ''}": partial(
                    run_facesql, scratch / "photos", scratch / "two", scratch, backend, workers
                )
                for backend in ("face_recognition", "onnx")
                for workers in (1, 2)
            },
        }
        measured: dict[str, list[Measured]] = {label: [] for label in runs}
        for _ in range(rounds):
            for label, one_run in runs.items():
                measured[label].append(one_run())
        best = {label: min(several, key=lambda m: m.seconds) for label, several in measured.items()}
        [loop_label, *_] = best
        for label, m in best.items():
            times = best[loop_label].seconds / m.seconds
            print(
                f"{label:28} {len(chosen) / m.seconds:6.1f} photos/s {times:6.2f} times {m.mebibytes:5.0f} MiB   "
                f"{differences(best[loop_label], m)}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--loop"]:
        loop(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        numbers = [int(text) for text in sys.argv[2:]]
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else None, *[*numbers, *(500, 1)[len(numbers) :]])
