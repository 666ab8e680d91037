"""Photos, in folders or listed by a manifest, to the two tables of faces."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from facesql import __version__, encoder
from facesql.corrections import entries_naming, read_exclude, read_relabel
from facesql.duplicates import find_repeats
from facesql.errors import FacesqlError
from facesql.faces import FACES, FOUND, file_hash, photos_path, times_path, write_table, write_times
from facesql.folders import relative_folders
from facesql.history import Changes, History, changes_since, made_with, read_history, refuse_gone, refuse_other
from facesql.layout import parse_layout
from facesql.listing import PHOTO, FoundPhoto, Listing, find_photos
from facesql.manifest import read_manifest
from facesql.output import whole_files
from facesql.partitioned import refuse_folder, write_partitioned
from facesql.photos import MAX_MEGAPIXELS
from facesql.progress import Stages, bar
from facesql.provenance import PSEUDONYMS
from facesql.pseudonyms import pseudonymized
from facesql.records import DUPLICATE, EXCLUDED, FAILED, ROW, UNREADABLE, PhotoRecord, face_columns, photos_table
from facesql.selection import UNDECIDED, Candidates, FaceRule, choose
from facesql.work import Work, working_on
from facesql.workers import Limits, PhotoToRead, read_photos

# Seconds that a photo may take in a worker.
TIMEOUT = 120.0
# Noted with a table, but without a part in its numbers: it may differ from run to run.
_WITHOUT_PART = ("numpy",)
# Files that are hashed between two looks at Ctrl-C.
_HASHED_AT_ONCE = 256


@dataclass(frozen=True)
class Duplicates:
    """How much is there twice: copies of a file, and pairs of rows that are nearly the same picture.

    ``left_out`` says whether such rows are left out.
    """

    copies: int
    of_one_person: int
    of_two_people: int
    left_out: bool = False


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
    notes: Counter[str]  # what rows do not show of their photos -> photos
    duplicates: Duplicates
    spellings: int  # people whose name is written in several ways
    no_row: Counter[tuple[str, str]]  # (status, reason) -> photos
    merged_people: int
    unused_excludes: list[str]
    unused_relabels: list[str]
    pseudonymous: bool
    left_out: list[str]  # columns that are not carried along, for they might tell names
    encoder_note: str | None  # where another backend encoded than was asked for
    seconds: Mapping[str, float]  # what each stage took
    changes: Changes | None  # against the tables that were there before, if any
    encoded: int  # contents that were opened, for they were not known


def encode_photos(
    photos: Path | Sequence[Path],
    output: Path,
    *,
    layout: str | None = None,
    rule: FaceRule = FaceRule.MATCH,
    exclude: Path | None = None,
    relabel: Path | None = None,
    limit: int | None = None,
    workers: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    backend: encoder.BackendName = encoder.BackendName.ONNX,
    settings: encoder.FaceSettings = encoder.DEFAULTS,
    threads: int = 1,
    pseudonyms: int | None = None,
    timeout: float = TIMEOUT,
    scheduler: str | None = None,
    partitioned: bool = False,
    follow_links: bool = False,
    drop_duplicates: bool = False,
    retry: bool = False,
    prune: bool = False,
    fresh: bool = False,
    progress: bool = False,
) -> EncodeSummary:
    """Encode photos into ``output`` (a row a face) and the photos table beside it (a row a photo).

    ``photos`` is a folder, or several, or a manifest. A person is a folder directly below a folder, or whom ``layout``
    (see ``parse_layout``) or the manifest (see ``read_manifest``) tells; what else these tell becomes columns of
    ``output``. ``exclude`` names photos or folders to leave out by the beginning of their ids, a line
    each; ``relabel`` is a CSV file with the columns person and same_as, applied after the faces are chosen.
    ``limit`` takes the first so many people, in order. ``workers`` processes (default: one a core) give
    equal tables in any number; each is one core, unless ``threads`` run its network. With the address of a Dask
    ``scheduler`` its workers read the photos, at the same paths as here, to the same tables; see ``read_photos_there``.
    ``backend`` and ``settings``
    are those of ``encoder.prepare``. With ``pseudonyms``, a seed, ``output`` holds numbers in place of names, see
    ``pseudonymized``, and no further columns; the photos table keeps the names. ``partitioned`` makes ``output`` a
    folder with a file for each block of people, see ``write_partitioned``. All files appear whole, at the
    end; the third, of the run's times and of where the photos are, is for the notes of an analysis and for pictures.

    What the tables of an earlier run, or the shards of a stopped one, tell of a content is not found out again. Photos
    that are gone leave the tables; more than a tenth at once only with ``prune``. ``retry`` tries those again that took
    longer than ``timeout`` seconds or whose worker died; ``fresh`` begins anew. ``follow_links`` is that of
    ``find_photos``; ``drop_duplicates`` keeps one of several pictures that are nearly the same, if of one person.

    Raises FacesqlError where the input cannot be used or would be replaced, an earlier run used other settings,
    another run is at work on ``output``, or the cluster cannot be used; MissingPackageError where a package that is
    needed is not installed or does not work.
    """
    sources = [photos] if isinstance(photos, Path) else list(photos)
    _refuse_output(output, sources, partitioned=partitioned)
    stages = Stages()
    with stages.time("finding photos"):
        entries = read_exclude(exclude) if exclude else set()
        same_as = read_relabel(relabel) if relabel else {}
        listing = _list_photos(sources, layout, follow_links)
        unused = _unused(listing, entries, same_as)
        if limit is not None:
            listing = replace(listing, photos=_first_people(listing.photos, limit, entries))
    if not listing.photos:
        named = " and ".join(repr(str(source)) for source in sources)
        raise FacesqlError(
            f"{named} {'holds' if len(sources) == 1 else 'hold'} no photos; expected "
            f"{str(sources[0] / 'PERSON' / 'PHOTO.jpg')!r} and the like."
        )

    with working_on(output) as work:
        with stages.time("preparing"):
            if fresh:
                work.discard()
            history = History() if fresh else read_history(output)
            prepared, note = encoder.prepare(backend, settings, threads=threads)
        with stages.time("reading"):
            found = _hashed(listing.photos, entries, progress=progress)
            hashes = {record.sha256 for record in found if record.sha256 is not None}
            if not prune:
                refuse_gone(output, history, {record.id for record in found}, hashes)
        with stages.time("encoding"):
            records, encoded, made = _records(
                listing.photos,
                found,
                work,
                history,
                prepared,
                _reader(scheduler, Limits(max_megapixels, timeout), workers or os.cpu_count() or 1),
                output,
                retry=retry,
                progress=progress,
            )
        with stages.time("choosing faces"):
            changes = changes_since(history, records) if history.records else None
            records, chosen = _choose(records, rule)
            twice, doubles = _duplicates(records, chosen, same_as)
            if drop_duplicates:
                twice = replace(twice, left_out=True)
                records, chosen = _without(records, chosen, doubles)
            faces = _faces_table(records, chosen, same_as)
            if pseudonyms is not None:
                faces = pseudonymized(faces, pseudonyms)
            elif listing.carried is not None:
                faces = _with_carried(faces, listing.carried)
        summary = _summary(
            listing,
            records,
            faces,
            output=output,
            same_as=same_as,
            unused=unused,
            pseudonymous=pseudonyms is not None,
            encoder_note=note,
            seconds=stages,
            changes=changes,
            encoded=encoded,
            duplicates=twice,
        )
        with whole_files(output.parent, inside=work.folder) as private:
            write_table(photos_table(records), private / photos_path(output).name, made)
            noted = {**made, "faces": rule, FOUND: json.dumps(_found(summary))}
            if pseudonyms is not None:
                noted[PSEUDONYMS] = "yes"
            write = write_partitioned if partitioned else write_table
            write(faces, private / output.name, noted)
            folders = relative_folders(listing.folders, output) if pseudonyms is None else {}
            write_times(private / output.name, stages, folders)
    return summary


def _list_photos(sources: Sequence[Path], layout: str | None, follow_links: bool) -> Listing:
    """What the folders hold, or what the manifest lists."""
    manifests = [source for source in sources if source.exists() and not source.is_dir()]
    if not manifests:
        return find_photos(sources, layout=None if layout is None else parse_layout(layout), follow_links=follow_links)
    if len(sources) > 1:
        raise FacesqlError(f"{str(manifests[0])!r} is a file: a manifest is encoded alone; leave the others out.")
    if layout is not None:
        raise FacesqlError(f"{str(manifests[0])!r} says itself who is who; leave --layout out, or name a folder.")
    return read_manifest(manifests[0])


def _hashed(photos: Sequence[FoundPhoto], entries: set[str], *, progress: bool) -> list[PhotoRecord]:
    """A record a photo with its hash, or with the reason why its content does not matter or cannot be had."""
    records: list[PhotoRecord] = []
    with ThreadPoolExecutor() as pool, bar(len(photos), "photo", shown=progress, what="reading") as shown:
        for start in range(0, len(photos), _HASHED_AT_ONCE):
            part = photos[start : start + _HASHED_AT_ONCE]
            records += pool.map(partial(_hashed_record, entries=entries), part)
            shown.update(len(part))
    return records


def _hashed_record(photo: FoundPhoto, entries: set[str]) -> PhotoRecord:
    record = _without_opening(photo, entries)
    if record is not None and record.status != EXCLUDED:
        return record
    record = record or PhotoRecord(photo.id, photo.person)
    try:
        if photo.path.is_file():  # to open a pipe would take for ever
            return replace(record, sha256=file_hash(photo.path))
        reason = "cannot be read: it is gone"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    return record if record.status == EXCLUDED else replace(record, status=UNREADABLE, reason=reason)


def _records(
    photos: Sequence[FoundPhoto],
    found: Sequence[PhotoRecord],
    work: Work,
    history: History,
    prepared: encoder.Encoder,
    read: Callable[[Sequence[PhotoToRead], encoder.Encoder, Callable[[PhotoRecord], None]], None],
    output: Path,
    *,
    retry: bool,
    progress: bool,
) -> tuple[list[PhotoRecord], int, dict[str, str]]:
    """A record a photo, in order, how many contents were encoded for that, and the metadata of them all.

    What is known of a content, from the tables of an earlier run or from shards, is not found out again.
    """
    settings, versions = prepared.settings(), prepared.versions()
    made = {"version": __version__, **settings, **versions}
    compared = {name: value for name, value in {**settings, **versions}.items() if name not in _WITHOUT_PART}
    finished, shards_made = work.resume()
    resumed = made_with(shards_made)
    contents: dict[str | None, PhotoRecord] = {
        content.sha256: content
        for record in (*history.records, *finished)
        if (content := record.content()) is not None and not (retry and content.status == FAILED)
    }
    wanted = {
        record.sha256: PhotoToRead(record, photo.path, _size(photo.path))
        for photo, record in reversed(list(zip(photos, found, strict=True)))
        if record.status == ROW and record.sha256 not in contents
    }
    for before in (history.made, resumed):  # other versions are no matter where nothing is encoded
        refuse_other(output, before, compared if wanted else settings)
    if resumed:
        refuse_other(output, history.made, {name: resumed.get(name, "") for name in compared})
    if not wanted:
        made = dict(history.made or resumed) or made
    else:
        by_photo: dict[str, PhotoRecord] = {}
        with bar(len(wanted), "photo", shown=progress, what="encoding") as shown:

            def done(record: PhotoRecord) -> None:
                by_photo[record.id] = record
                work.keep(record, made)
                shown.update()

            try:
                read(sorted(wanted.values(), key=lambda photo: photo.record.id), prepared, done)
            finally:
                work.flush(made)
        contents |= {hashed: by_photo[photo.record.id] for hashed, photo in wanted.items()}
    return [_with_content(record, contents) for record in found], len(wanted), made


def _reader(
    scheduler: str | None, limits: Limits, workers: int
) -> Callable[[Sequence[PhotoToRead], encoder.Encoder, Callable[[PhotoRecord], None]], None]:
    """What reads photos: processes of this machine, or of a cluster."""
    if scheduler is None:
        return lambda photos, prepared, done: read_photos(photos, prepared, limits, workers, done)
    from facesql.clusterworkers import read_photos_there  # which only a cluster needs

    return lambda photos, prepared, done: read_photos_there(scheduler, photos, prepared, limits, done)


def _size(path: Path) -> int:
    """Bytes; none of a file that is gone, which the worker will tell."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _with_content(record: PhotoRecord, contents: Mapping[str | None, PhotoRecord]) -> PhotoRecord:
    """The record of a photo with what is known of its content; an excluded one stays excluded."""
    content = contents.get(record.sha256)
    if record.sha256 is None or content is None:
        return record
    if content.sha256 is None and content.id != record.id:  # one file is read for all of its copies
        told = f"not read, run again: its copy {content.id!r} went or changed"
        content = replace(content, reason=told)
    filled = replace(content, id=record.id, person=record.person)
    return replace(filled, status=record.status, reason=record.reason) if record.status == EXCLUDED else filled


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


def _refuse_output(output: Path, sources: Sequence[Path], *, partitioned: bool) -> None:
    """Raise FacesqlError where a folder or a file is in the way, or a file to be read would be replaced."""
    if partitioned:
        refuse_folder(output)
    for path in (output, photos_path(output), times_path(output)):
        if path.is_dir() and not (partitioned and path == output):
            raise FacesqlError(
                f"{str(path)!r} is a folder; name a file with -o, such as {str(path / 'faces.parquet')!r}."
            )
        if path.exists() and any(source.exists() and source.samefile(path) for source in sources):
            raise FacesqlError(f"{str(path)!r} would be replaced by the table; name another file with -o.")


def _first_people(photos: Sequence[FoundPhoto], limit: int, entries: set[str]) -> list[FoundPhoto]:
    """The photos of the first ``limit`` people who have one that is to be opened."""
    with_photos = {photo.person for photo in photos if _without_opening(photo, entries) is None}
    people = set(sorted(person for person in with_photos if person is not None)[:limit])
    return [photo for photo in photos if photo.person in people]


def _without_opening(photo: FoundPhoto, entries: set[str]) -> PhotoRecord | None:
    """The record of a photo that is not to be opened, or None."""
    if entries_naming(photo.id, entries):
        return PhotoRecord(photo.id, photo.person, status=EXCLUDED, reason="named in the exclude file")
    if photo.status is not None:
        return PhotoRecord(photo.id, photo.person, status=photo.status, reason=photo.reason)
    return None


def _choose(records: Sequence[PhotoRecord], rule: FaceRule) -> tuple[list[PhotoRecord], list[list[int]]]:
    """The records with the status of those that the rule cannot decide, and for each the faces it chose (0-based)."""
    chosen = choose(
        [
            Candidates(r.id, r.person or "", r.width or 0, r.height or 0, r.faces if r.status == ROW else ())
            for r in records
        ],
        rule,
    )
    decided = [
        record
        if record.status != ROW or faces
        else replace(record, status=UNDECIDED[rule][0], reason=UNDECIDED[rule][1])
        for record, faces in zip(records, chosen, strict=True)
    ]
    return decided, chosen


def _duplicates(
    records: Sequence[PhotoRecord], chosen: Sequence[Sequence[int]], same_as: Mapping[str, str]
) -> tuple[Duplicates, dict[tuple[int, int], str]]:
    """How much is there twice; and the faces, by record and face, that are to go, with the photo that each repeats."""
    rows = [(record, face) for record, faces in enumerate(chosen) for face in faces]
    people = [same_as.get(name := str(records[record].person), name) for record, _ in rows]
    encodings = np.array([records[record].faces[face].encoding for record, face in rows])
    repeats = find_repeats(encodings, people, [record for record, _ in rows])
    hashes = [record.sha256 for record in records if record.sha256 is not None]
    twice = Duplicates(len(hashes) - len(set(hashes)), repeats.of_one_person, repeats.of_two_people)
    return twice, {rows[row]: records[rows[other][0]].id for row, other in repeats.repeated.items()}


def _without(
    records: Sequence[PhotoRecord], chosen: Sequence[Sequence[int]], doubles: Mapping[tuple[int, int], str]
) -> tuple[list[PhotoRecord], list[list[int]]]:
    """The records and chosen faces without those that repeat others."""
    left = [[face for face in faces if (number, face) not in doubles] for number, faces in enumerate(chosen)]
    return [
        replace(record, status=DUPLICATE, reason=f"nearly the same picture: as {doubles[number, before[0]]!r}")
        if before and not after
        else record
        for number, (record, before, after) in enumerate(zip(records, chosen, left, strict=True))
    ], left


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
            **face_columns(record.faces[face]),
        }
        for record, faces in zip(records, chosen, strict=True)
        for face in faces
    ]
    return pa.Table.from_pylist(rows, schema=FACES)


def _with_carried(faces: pa.Table, carried: pa.Table) -> pa.Table:
    """The table of faces with the columns that ``carried`` has for each photo."""
    row_of = {photo: row for row, photo in enumerate(carried[PHOTO].to_pylist())}
    rows = pa.array([row_of[photo] for photo in faces["photo"].to_pylist()], pa.int64())
    for name in carried.column_names[1:]:
        faces = faces.append_column(name, carried[name].take(rows))
    return faces


def _unused(listing: Listing, entries: set[str], same_as: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The exclusions and the merges that name nothing that is there, which may be misspelt."""
    used = {entry for photo in listing.photos for entry in entries_naming(photo.id, entries)}
    people = {photo.person for photo in listing.photos}
    return sorted(entries - used), sorted(same_as.keys() - people)


def _summary(
    listing: Listing,
    records: Sequence[PhotoRecord],
    faces: pa.Table,
    *,
    output: Path,
    same_as: Mapping[str, str],
    unused: tuple[list[str], list[str]],
    pseudonymous: bool,
    encoder_note: str | None,
    seconds: Mapping[str, float],
    changes: Changes | None,
    encoded: int,
    duplicates: Duplicates,
) -> EncodeSummary:
    folders = {record.person for record in records if record.person is not None}
    without = [record for record in records if record.status != ROW]
    unused_excludes, unused_relabels = unused
    carried = [] if listing.carried is None else listing.carried.column_names[1:]
    return EncodeSummary(
        output=output,
        photos=len(records),
        folders=len(folders),
        photos_with_row=len(records) - len(without),
        rows=faces.num_rows,
        people=len(faces["person"].unique()),
        faces_found=sum(len(record.faces) for record in records if record.status != EXCLUDED),
        other_files=listing.other_files,
        # How many pictures an animation has differs from photo to photo; the photos table has it.
        notes=Counter("the first of several pictures" for record in records if record.note is not None),
        duplicates=duplicates,
        spellings=listing.spellings(),
        # What a decoder says differs from photo to photo; the photos table has it.
        no_row=Counter((record.status, (record.reason or "").partition(":")[0]) for record in without),
        merged_people=len(folders & same_as.keys()),
        unused_excludes=unused_excludes,
        unused_relabels=unused_relabels,
        pseudonymous=pseudonymous,
        left_out=carried if pseudonymous else [],
        encoder_note=encoder_note,
        seconds=seconds,
        changes=changes,
        encoded=encoded,
    )
