"""A folder of photos, a folder a person, to the two tables of faces."""

import hashlib
import json
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

import pyarrow as pa

from facesql import __version__, encoder
from facesql.corrections import entries_naming, read_exclude, read_relabel
from facesql.errors import FacesqlError
from facesql.faces import FACES, FOUND, PHOTOS, photos_path, times_path, write_table, write_times
from facesql.output import refuse_existing, whole_files
from facesql.photos import MAX_MEGAPIXELS, FoundPhoto, Listing, PhotoError, find_photos, read_pixels
from facesql.progress import Stages, bar
from facesql.pseudonyms import pseudonymized
from facesql.selection import UNDECIDED, Candidates, FaceRule, choose

ROW = "row"
# A worker is given so many photos at a time, or fewer where there are few. So many such batches a worker are on their
# way, enough to keep it busy past a slow one.
BATCH, AHEAD = 16, 2
# The faces of a batch are encoded together, or sooner when the photos that hold them have so many numbers.
HELD_NUMBERS = 12_000_000
# Windows cannot wait for more processes than that.
MAX_WORKERS = 61 if sys.platform == "win32" else 10_000


@dataclass(frozen=True)
class PhotoRecord:
    """What became of one photo; a row of the photos table."""

    id: str
    person: str | None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    status: str = ROW
    reason: str | None = None
    faces: tuple[encoder.Face, ...] = ()


@dataclass(frozen=True)
class EncodeSummary:
    """What ``encode_photos`` did. ``photos`` equals ``photos_with_row`` plus the sum of ``no_row``."""

    output: Path
    photos: int
    folders: int
    photos_with_row: int
    rows: int
    people: int
    faces_found: int
    other_files: int
    no_row: Counter[tuple[str, str]]  # (status, reason) -> photos
    merged_people: int
    unused_excludes: list[str]
    unused_relabels: list[str]
    pseudonymous: bool
    encoder_note: str | None  # where another backend encoded than was asked for
    seconds: Mapping[str, float]  # what each stage took


def encode_photos(
    folder: Path,
    output: Path,
    *,
    rule: FaceRule = FaceRule.MATCH,
    exclude: Path | None = None,
    relabel: Path | None = None,
    limit: int | None = None,
    workers: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    backend: encoder.BackendName = encoder.BackendName.ONNX,
    jitters: int = 1,
    threads: int = 1,
    pseudonyms: int | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> EncodeSummary:
    """Encode the photos of ``folder`` into ``output`` (a row a face) and the photos table beside it (a row a photo).

    A person is a folder directly below ``folder``. ``exclude`` names photos or folders to leave out, a line
    each; ``relabel`` is a CSV file with the columns person and same_as, applied after the faces are chosen.
    ``limit`` takes the first so many people, in order. ``workers`` processes (default: one a core) give
    equal tables in any number; each is one core, unless ``threads`` run its network. ``backend`` and ``jitters`` are
    those of ``encoder.prepare``. With ``pseudonyms``, a seed, ``output`` holds numbers in place of names, see
    ``pseudonymized``; the photos table keeps the names. All files appear whole, at the end; the third, of the run's
    times, is for the notes of an analysis.

    Raises FacesqlError where the input cannot be used, a table exists and ``overwrite`` is False, or a worker
    process dies; MissingPackageError where face_recognition is not installed or does not work.
    """
    _refuse_existing(output, overwrite)
    stages = Stages()
    with stages.time("finding photos"):
        entries = read_exclude(exclude) if exclude else set()
        same_as = read_relabel(relabel) if relabel else {}
        listing = find_photos(folder)
        unused = _unused(listing, entries, same_as)
        if limit is not None:
            listing = replace(listing, photos=_first_people(listing.photos, limit, entries))
    if not listing.photos:
        raise FacesqlError(
            f"{str(folder)!r} holds no photos; expected {str(folder / 'PERSON' / 'PHOTO.jpg')!r} and the like."
        )

    with stages.time("preparing"):
        prepared, note = encoder.prepare(backend, jitters=jitters, threads=threads)
    with stages.time("encoding"):
        unopened = {photo.id: _without_opening(photo, entries) for photo in listing.photos}
        encoded = _encode_all(
            [photo for photo in listing.photos if unopened[photo.id] is None],
            prepared,
            workers or os.cpu_count() or 1,
            max_megapixels,
            progress=progress,
        )
    with stages.time("choosing faces"):
        opened = iter(encoded)
        records, chosen = _choose([unopened[photo.id] or next(opened) for photo in listing.photos], rule)
        faces = _faces_table(records, chosen, same_as)
        if pseudonyms is not None:
            faces = pseudonymized(faces, pseudonyms)

    summary = _summary(output, listing, records, faces, same_as, unused, pseudonyms is not None, note, stages)
    metadata = {"version": __version__, **prepared.settings(), **prepared.versions()}
    _refuse_existing(output, overwrite)
    with whole_files(output.parent) as private:
        write_table(_photos_table(records), private / photos_path(output).name, metadata)
        made = {**metadata, "faces": rule, FOUND: json.dumps(_found(summary))}
        write_table(faces, private / output.name, made)
        write_times(private / output.name, stages)
    return summary


def _found(summary: EncodeSummary) -> dict[str, int]:
    """The numbers that stay with the table: what the folder held, and what became of it."""
    statuses = Counter[str]()
    for (status, _), photos in summary.no_row.items():
        statuses[status] += photos
    return {
        "photos": summary.photos,
        "people": summary.folders,
        "faces": summary.faces_found,
        **{status: statuses[status] for status in sorted(statuses)},
        "merged_people": summary.merged_people,
    }


def _refuse_existing(output: Path, overwrite: bool) -> None:
    if output.is_dir():
        raise FacesqlError(
            f"{str(output)!r} is a folder; name a file with -o, such as {str(output / 'faces.parquet')!r}."
        )
    for path in (output, photos_path(output), times_path(output)):
        refuse_existing(path, overwrite=overwrite)


def _first_people(photos: Sequence[FoundPhoto], limit: int, entries: set[str]) -> list[FoundPhoto]:
    """The photos of the first ``limit`` people who have one that is to be opened."""
    with_photos = {photo.person for photo in photos if _without_opening(photo, entries) is None}
    people = set(sorted(person for person in with_photos if person is not None)[:limit])
    return [photo for photo in photos if photo.person in people]


def _without_opening(photo: FoundPhoto, entries: set[str]) -> PhotoRecord | None:
    """The record of a photo that is not to be opened, or None."""
    if entries_naming(photo.id, entries):
        return PhotoRecord(photo.id, photo.person, status="excluded", reason="named in the exclude file")
    if photo.status is not None:
        return PhotoRecord(photo.id, photo.person, status=photo.status, reason=photo.reason)
    return None


def _encode_all(
    photos: Sequence[FoundPhoto],
    prepared: encoder.Encoder,
    workers: int,
    max_megapixels: float,
    *,
    progress: bool,
) -> list[PhotoRecord]:
    """A record a photo, in order, made by worker processes."""
    # Spawned, not forked: dlib's state does not survive a fork. Processes, not threads: dlib holds the GIL.
    workers = max(1, min(workers, len(photos), MAX_WORKERS))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    encode_batch = partial(_encode_batch, prepared=prepared, max_megapixels=max_megapixels)
    size = max(1, min(BATCH, len(photos) // (4 * workers)))
    batches = [photos[start : start + size] for start in range(0, len(photos), size)]
    records = []
    try:
        with _interrupts_ignored():  # a task for each worker starts them all, and they inherit that
            checks = [pool.submit(_check, prepared) for _ in range(workers)]
        checks[0].result()
        with bar(len(photos), "photo", shown=progress, what="encoding") as shown:
            for batch in _in_order(pool, encode_batch, batches, workers * AHEAD):
                records += batch
                shown.update(len(batch))
    except BrokenProcessPool as error:
        raise FacesqlError(
            "A worker process died, perhaps for want of memory, and nothing was written; run again with fewer "
            "--workers or a lower --max-megapixels."
        ) from error
    finally:
        with _interrupts_ignored():  # a second Ctrl-C would leave the workers behind
            pool.shutdown(cancel_futures=True)
    return records


def _in_order(
    pool: ProcessPoolExecutor,
    function: Callable[[Sequence[FoundPhoto]], list[PhotoRecord]],
    batches: Iterable[Sequence[FoundPhoto]],
    ahead: int,
) -> Iterator[list[PhotoRecord]]:
    """The results in the batches' order, with at most ``ahead`` of them under way or waiting to be taken."""
    pending: deque[Future[list[PhotoRecord]]] = deque()
    for batch in batches:
        if len(pending) >= ahead:
            yield pending.popleft().result()
        pending.append(pool.submit(function, batch))
    while pending:
        yield pending.popleft().result()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; only the main thread can, and only it is told of one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent does, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


@cache
def _backend(prepared: encoder.Encoder) -> encoder.Backend:
    """The backend of this worker, loaded once."""
    return prepared.load()


def _check(prepared: encoder.Encoder) -> None:
    """Load the backend of this worker: what is wrong with it is told before the first photo."""
    _backend(prepared)


def _encode_batch(photos: Sequence[FoundPhoto], prepared: encoder.Encoder, max_megapixels: float) -> list[PhotoRecord]:
    """A record a photo, in a worker: nothing that a photo holds raises."""
    backend = _backend(prepared)
    records: list[PhotoRecord] = []
    held: list[tuple[PhotoRecord, list[encoder.FoundFace]]] = []
    for photo in photos:
        held.append(_look(photo, backend, max_megapixels))
        if sum(face.content.size for _, found in held for face in found[:1]) > HELD_NUMBERS:
            records += _encoded(held, backend)
            held = []
    return records + _encoded(held, backend)


def _encoded(
    held: Sequence[tuple[PhotoRecord, list[encoder.FoundFace]]], backend: encoder.Backend
) -> list[PhotoRecord]:
    """The records with their faces, encoded together."""
    faces = iter(backend.encode([face for _, found in held for face in found]))
    return [replace(record, faces=tuple(islice(faces, len(found)))) for record, found in held]


def _look(
    photo: FoundPhoto, backend: encoder.Backend, max_megapixels: float
) -> tuple[PhotoRecord, list[encoder.FoundFace]]:
    """The record of a photo without its faces, and what was found of those."""
    record = PhotoRecord(photo.id, photo.person)
    found: list[encoder.FoundFace] = []
    try:
        content = photo.path.read_bytes()
        record = replace(record, sha256=hashlib.sha256(content).hexdigest())
        pixels = read_pixels(content, max_megapixels)
        record = replace(record, width=pixels.shape[1], height=pixels.shape[0])
        found = backend.find(pixels)
    except OSError as error:
        record = replace(record, status="unreadable", reason=f"cannot be read: {error.strerror}")
    except PhotoError as error:
        record = replace(record, status=error.status, reason=error.reason)
    except (RuntimeError, MemoryError) as error:
        record = replace(record, status="unreadable", reason=f"the encoder fails: {error}")
    else:
        if not found:
            record = replace(record, status="no_face", reason="the detector finds no face")
    return record, found


def _choose(records: Sequence[PhotoRecord], rule: FaceRule) -> tuple[list[PhotoRecord], list[list[int]]]:
    """The records with the status of those that the rule cannot decide, and for each the faces it chose (0-based)."""
    chosen = choose([Candidates(r.id, r.person or "", r.width or 0, r.height or 0, r.faces) for r in records], rule)
    decided = [
        record
        if record.status != ROW or faces
        else replace(record, status=UNDECIDED[rule][0], reason=UNDECIDED[rule][1])
        for record, faces in zip(records, chosen, strict=True)
    ]
    return decided, chosen


def _faces_table(
    records: Sequence[PhotoRecord], chosen: Sequence[Sequence[int]], same_as: Mapping[str, str]
) -> pa.Table:
    rows = [
        {
            "id": record.id if face == 0 else f"{record.id}#{face + 1}",
            "person": same_as.get(str(record.person), record.person),
            "photo": record.id,
            "face": face + 1,
            "width": record.width,
            "height": record.height,
            **_face_columns(record.faces[face]),
        }
        for record, faces in zip(records, chosen, strict=True)
        for face in faces
    ]
    return pa.Table.from_pylist(rows, schema=FACES)


def _photos_table(records: Sequence[PhotoRecord]) -> pa.Table:
    rows = [{**vars(record), "faces": [_face_columns(face) for face in record.faces]} for record in records]
    return pa.Table.from_pylist(rows, schema=PHOTOS)


def _face_columns(face: encoder.Face) -> dict[str, object]:
    box = {"top": face.top, "right": face.right, "bottom": face.bottom, "left": face.left}
    return {"box": box, "encoding": face.encoding}


def _unused(listing: Listing, entries: set[str], same_as: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The exclusions and the merges that name nothing in the folder, which may be misspelt."""
    used = {entry for photo in listing.photos for entry in entries_naming(photo.id, entries)}
    people = {photo.person for photo in listing.photos}
    return sorted(entries - used), sorted(same_as.keys() - people)


def _summary(
    output: Path,
    listing: Listing,
    records: Sequence[PhotoRecord],
    faces: pa.Table,
    same_as: Mapping[str, str],
    unused: tuple[list[str], list[str]],
    pseudonymous: bool,
    note: str | None,
    seconds: Mapping[str, float],
) -> EncodeSummary:
    folders = {record.person for record in records if record.person is not None}
    without = [record for record in records if record.status != ROW]
    unused_excludes, unused_relabels = unused
    return EncodeSummary(
        output=output,
        photos=len(records),
        folders=len(folders),
        photos_with_row=len(records) - len(without),
        rows=faces.num_rows,
        people=len(faces["person"].unique()),
        faces_found=sum(len(record.faces) for record in records),
        other_files=listing.other_files,
        # What a decoder says differs from photo to photo; the photos table has it.
        no_row=Counter((record.status, (record.reason or "").partition(":")[0]) for record in without),
        merged_people=len(folders & same_as.keys()),
        unused_excludes=unused_excludes,
        unused_relabels=unused_relabels,
        pseudonymous=pseudonymous,
        encoder_note=note,
        seconds=seconds,
    )
