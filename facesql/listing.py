"""Which photos there are in folders, and whom they show by the folders' names or by a layout of all names."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from unicodedata import normalize

import pyarrow as pa

from facesql.errors import FacesqlError
from facesql.layout import PERSON, Layout
from facesql.photos import HEIC_HINT, HEIC_SUFFIXES, PHOTO_SUFFIXES, UNSUPPORTED_SUFFIXES, reads_heic

MACHINES_OWN = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})
# The column of a table of carried columns that says which photo a row is about.
PHOTO = "photo"


@dataclass(frozen=True)
class FoundPhoto:
    """A file that is, or looks like, a photo. ``status`` and ``reason`` say why it is not to be opened, if so.

    ``spelt`` is the person as a folder, a file's name or a manifest writes it; ``fields`` is what else a layout reads.
    """

    id: str
    path: Path
    spelt: str | None
    status: str | None = None
    reason: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def person(self) -> str | None:
        """In Unicode's composed form (NFC), so that two ways to write an accent are one person."""
        return None if self.spelt is None else normalize("NFC", self.spelt)


@dataclass(frozen=True)
class Listing:
    """Photos in the order of their ids, and how many files beside them are none.

    ``carried`` are columns for the table of faces, a row a photo: ``photo``, its id, and whatever a manifest or a
    layout tells of it; None where nothing does. ``folders`` is where the photos are by what their ids begin with: the
    rest of an id is the path in that folder.
    """

    photos: list[FoundPhoto] = field(default_factory=list)
    other_files: int = 0
    carried: pa.Table | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)

    def spellings(self) -> int:
        """How many people's names are written in several ways."""
        spelt = defaultdict(set)
        for photo in self.photos:
            spelt[photo.person].add(photo.spelt)
        return sum(len(ways) > 1 for ways in spelt.values())


def find_photos(folders: Path | Sequence[Path], *, layout: Layout | None = None, follow_links: bool = False) -> Listing:
    """List the photos below a folder, or below several.

    The first component of a photo's path in its folder is its person, unless a layout of these paths says who is.
    Ids are such paths with ``/`` on every system, spelt as the files are; of several folders they begin with the
    folder's name. Hidden files and what systems leave in folders (.DS_Store, ._a.jpg, Thumbs.db) are passed over.
    Suffixes are matched without case. A photo that stands outside a person's folder, does not fit the layout, is of a
    kind that cannot be decoded, or is a link that is not followed, is listed with its status. Links to files inside
    a folder are followed in any case; with ``follow_links`` so are those to folders and out of it, except round in a
    circle.

    Raises FacesqlError where one is not a folder that can be read, two have one name, or one stands in another.
    """
    photos = []
    other_files = 0
    starts = _starts([folders] if isinstance(folders, Path) else folders)
    for folder, start in starts.items():
        for path, text in _files(folder, follow_links):
            if not path.is_dir() and path.suffix.lower() not in PHOTO_SUFFIXES | HEIC_SUFFIXES | UNSUPPORTED_SUFFIXES:
                other_files += 1
                continue
            photos.append(_found(folder, path, start + text, text, layout, follow_links))
    photos.sort(key=lambda photo: photo.id)
    carried = _carried(photos, layout) if layout is not None and layout.carried else None
    return Listing(photos, other_files, carried, {start: folder for folder, start in starts.items()})


def unsupported(path: Path) -> str | None:
    """Why a file of that suffix cannot be decoded here, or None."""
    suffix = path.suffix.lower()
    if suffix in HEIC_SUFFIXES and not reads_heic():
        return HEIC_HINT
    return f"{suffix[1:].upper()} cannot be decoded; convert it to JPEG" if suffix in UNSUPPORTED_SUFFIXES else None


def _closed_file(path: Path) -> tuple[str | None, str | None]:
    """Status and reason of a file that is not to be opened, or None twice."""
    if reason := unsupported(path):
        return "unsupported", reason
    if not path.is_file():
        return "unreadable", "a link to nothing" if path.is_symlink() else "not a regular file"
    return None, None


def _starts(folders: Sequence[Path]) -> dict[Path, str]:
    """What the ids of each folder's photos begin with: nothing, or of several its name."""
    for folder in folders:
        if not folder.is_dir():
            raise FacesqlError(
                f"{str(folder)!r} {'is not a folder' if folder.exists() else 'does not exist'}; give a folder that "
                "holds a folder of photos for each person, or a manifest."
            )
    if len(folders) == 1:
        return {folders[0]: ""}
    names = {folder: _name(folder) for folder in folders}
    for a, b in combinations(folders, 2):
        inner, outer = (a, b) if a.resolve().is_relative_to(b.resolve()) else (b, a)
        if inner.resolve().is_relative_to(outer.resolve()):
            raise FacesqlError(
                f"{str(inner)!r} is in {str(outer)!r}, and its photos would count twice; name one of them."
            )
        if normalize("NFC", names[a]) == normalize("NFC", names[b]):
            raise FacesqlError(
                f"{str(a)!r} and {str(b)!r} have one name, with which the ids of their photos would begin; rename one."
            )
    return {folder: f"{name}/" for folder, name in names.items()}


def _name(folder: Path) -> str:
    """The name of a folder as it is called by, which of a link is the link's; as valid Unicode."""
    name = folder.name if folder.name not in ("", "..") else folder.resolve().name
    return _texts([name])[name]


def _carried(photos: Sequence[FoundPhoto], layout: Layout) -> pa.Table:
    """What a layout tells of photos, as text."""
    columns = {name: [photo.fields.get(name) for photo in photos] for name in layout.carried}
    return pa.table(
        {PHOTO: [photo.id for photo in photos], **columns},
        pa.schema([(name, pa.string()) for name in (PHOTO, *layout.carried)]),
    )


def _files(folder: Path, follow_links: bool) -> Iterator[tuple[Path, str]]:
    """Every file below ``folder`` that is not hidden, and links to folders that are not entered, with their ids."""

    def refuse(error: OSError) -> None:
        raise FacesqlError(
            f"Cannot read the folder {error.filename!r} ({error.strerror}); make it readable."
        ) from error

    ids = {folder: ""}
    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=follow_links):
        here = Path(parent)
        start = ids.pop(here)
        shown = [name for name in folders if not _passed_over(name)]
        closed = {name for name in shown if _is_closed(here / name, folder, follow_links)}
        folders[:] = [name for name in shown if name not in closed]
        texts = _texts([*shown, *(name for name in files if not _passed_over(name))])
        ids.update((here / name, f"{start}{texts[name]}/") for name in folders)
        yield from ((here / name, start + text) for name, text in texts.items() if here / name not in ids)


def _is_closed(path: Path, folder: Path, follow_links: bool) -> bool:
    """Whether a folder is not entered: it is a link and those are not followed, or is a folder that it stands in."""
    if not follow_links:
        return path.is_symlink()
    above = path.parents[: len(path.relative_to(folder).parts)]
    return any(path.samefile(parent) for parent in above)


def _texts(names: Iterable[str]) -> dict[str, str]:
    """The names of one folder as valid Unicode, distinct: others would fit neither a table nor a terminal."""
    texts = {name: os.fsencode(name).decode("utf-8", "backslashreplace") for name in names}
    taken = {name for name, text in texts.items() if text == name}
    for name in sorted(texts.keys() - taken):
        text = texts[name]
        number = 1
        while texts[name] in taken:
            number += 1
            texts[name] = f"{text}~{number}"
        taken.add(texts[name])
    return texts


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in MACHINES_OWN


def _found(folder: Path, path: Path, id_: str, text: str, layout: Layout | None, follow_links: bool) -> FoundPhoto:
    """``text`` is the path below the folder."""
    top, _, below = text.partition("/")
    fields = layout.fit(text) if layout is not None else {PERSON: top} if below else None
    spelt = top if layout is None else (fields or {}).get(PERSON)
    told = partial(FoundPhoto, id_, path)
    if follow_links and path.is_dir():
        return told(spelt, "link", "a link that leads round in a circle; remove it")
    if not follow_links and path.is_symlink() and _leads_away(path, folder):
        return told(spelt, "link", "a link that is not followed; copy what it points to")
    if fields is None and layout is not None:
        return told(None, "layout", "does not fit the layout; mend its name or the layout")
    if fields is None:
        return told(None, "loose", "not in a person's folder; move it into one")
    carried = {name: value for name, value in fields.items() if name != PERSON}
    return told(spelt, *_closed_file(path), carried)


def _leads_away(link: Path, folder: Path) -> bool:
    """Whether a link is to a folder, out of ``folder``, or round in a circle."""
    try:
        return link.is_dir() or not link.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a circle; which of them is raised depends on Python's version
        return True
