"""What an earlier run left: the photos it finished, how it made them, and what has changed since."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facesql.errors import FacesqlError
from facesql.faces import photos_path, read_metadata
from facesql.provenance import differences
from facesql.records import PhotoRecord, read_records

# More than this part of the photos gone at once looks like a folder that is not there.
_MOST_GONE = 0.1
# Settings that a table does not name because it is older than they are, and what it was made with.
_EARLIER = {"detect_size": "0"}
_FRESH = "--fresh starts over, and -o names another table"


@dataclass(frozen=True)
class History:
    """The records of an earlier run's table of photos, in its order, and its metadata."""

    records: Sequence[PhotoRecord] = ()
    made: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """Numbers of photos against an earlier table: by name, and by content where names differ."""

    added: int
    kept: int
    moved: int
    changed: int
    removed: int


def read_history(output: Path) -> History:
    """What stands in the tables of an earlier run; nothing where there are none.

    Raises FacesqlError where a file is there that another program made, or that is damaged.
    """
    photos = photos_path(output)
    if not photos.exists():
        if output.exists():
            raise FacesqlError(
                f"{str(output)!r} exists, and {photos.name!r}, which encode writes beside it, does not; {_FRESH}."
            )
        return History()
    try:
        return History(read_records(photos), made_with(read_metadata(photos)))
    except ValueError as error:
        raise FacesqlError(f"{str(photos)!r} is no table of photos that can be read; {_FRESH}.") from error


def made_with(metadata: Mapping[str, str]) -> dict[str, str]:
    """The settings and versions that a table's metadata names, and those that it is too old to name.

    >>> made_with({"detector": "hog"})
    {'detector': 'hog', 'detect_size': '0'}
    >>> made_with({})
    {}
    """
    unnamed = {name: value for name, value in _EARLIER.items() if name not in metadata}
    return {**metadata, **unnamed} if metadata else {}


def refuse_other(output: Path, made: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise FacesqlError where finished photos were made by other settings or versions than those of ``now``."""
    others = [f"{name} {before}, now {value}" for name, before, value in differences(made, now)]
    if others:
        raise FacesqlError(f"The photos of {str(output)!r} were encoded with {'; '.join(others)}; {_FRESH}.")


def refuse_gone(output: Path, history: History, ids: Collection[str], hashes: Collection[str]) -> None:
    """Raise FacesqlError where more than a tenth of the photos are there no more, under any name."""
    read = [record for record in history.records if record.sha256 is not None]
    gone = [record for record in read if record.id not in ids and record.sha256 not in hashes]
    if len(gone) > _MOST_GONE * len(read):
        raise FacesqlError(
            f"{len(gone):,} of the {len(read):,} photos of {str(output)!r} are gone, {gone[0].id!r} the "
            "first of them; mount or name the right folder, or pass --prune to remove them from the table."
        )


def changes_since(history: History, records: Sequence[PhotoRecord]) -> Changes:
    """How the photos differ from those of an earlier run.

    A photo is kept where name and content are the same, changed where the name is, moved where the content had a
    name that is gone; others are added. Names that are gone without a move are removed.
    """
    before = {record.id: record.sha256 for record in history.records}
    now = {record.id for record in records}
    gone = [hashed for id_, hashed in before.items() if id_ not in now]
    movable: dict[str | None, int] = {}
    for hashed in gone:
        movable[hashed] = movable.get(hashed, 0) + 1
    kept = moved = changed = added = 0
    for record in records:
        if record.id in before:
            same = before[record.id] == record.sha256
            kept, changed = kept + same, changed + (not same)
        elif record.sha256 is not None and movable.get(record.sha256, 0):
            movable[record.sha256] -= 1
            moved += 1
        else:
            added += 1
    return Changes(added, kept, moved, changed, removed=len(gone) - moved)
