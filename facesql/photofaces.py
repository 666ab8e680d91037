"""Photos that a user asks about: their faces, encoded as those of a table were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facesql import encoder
from facesql.errors import FacesqlError
from facesql.faces import file_hash
from facesql.photos import MAX_MEGAPIXELS
from facesql.provenance import differences
from facesql.records import NO_FACE, ROW, PhotoRecord
from facesql.workers import PhotoToRead, read_batch

# Of what decides encodings, this alone must be the same; a decoder or a detector of another version hardly matters.
_MODELS = "face_recognition_models"


@dataclass(frozen=True)
class PhotoFaces:
    """The faces of a photo, from left to right, in pixels of the upright photo; ``sha256`` is that of the file."""

    photo: Path
    sha256: str
    faces: tuple[encoder.Face, ...]


def read_faces(
    photos: Sequence[Path], made: Mapping[str, str], of: str, *, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[list[PhotoFaces], list[str]]:
    """The faces of each photo, and sentences on what makes their encodings doubtful.

    ``made`` is the metadata of the table, or of the report on it, that is called ``of``: photos are encoded with the
    settings that it notes, and with the usual ones where it notes none.

    Raises FacesqlError with a sentence for each photo that cannot be read or has no face, or where the table was
    encoded by other models or in ways that are not known; MissingPackageError where a package is missing.
    """
    settings = _settings(made, of)
    prepared, note = encoder.prepare(faces=settings)
    doubts = [] if note is None else [note]
    if made:
        doubts += _other_versions(made, of, prepared.versions())
    to_read, troubles = [], {}
    for place, photo in enumerate(photos):
        try:
            to_read.append(_to_read(place, photo))
        except FacesqlError as error:
            troubles[place] = str(error)
    records = read_batch(to_read, prepared, max_megapixels) if to_read else []
    troubles |= {
        place: _trouble(photos[place], record)
        for record in records
        if (place := int(record.id), record.status != ROW)[1]
    }
    if troubles:
        raise FacesqlError(" ".join(sentence for _, sentence in sorted(troubles.items())))
    return [_sorted(photos[int(record.id)], record) for record in records], doubts


def _settings(made: Mapping[str, str], of: str) -> encoder.FaceSettings:
    """The settings that a table notes, the usual ones where it does not."""
    noted = {name: made.get(name, str(usual)) for name, usual in vars(encoder.DEFAULTS).items()}
    try:
        return encoder.parse_settings(
            noted["detector"],
            int(noted["upsample"]),
            int(noted["jitters"]),
            noted["landmarks"],
            int(noted["detect_size"]),
        )
    except (ValueError, FacesqlError) as error:
        told = ", ".join(f"{name} {value}" for name, value in noted.items())
        raise FacesqlError(
            f"{of!r} was encoded in a way that this facesql does not know ({told}); take the facesql that made it."
        ) from error


def _other_versions(made: Mapping[str, str], of: str, versions: Mapping[str, str]) -> list[str]:
    different = {
        name: (before, now) for name, before, now in differences(made, versions) if name in {_MODELS, "dlib", "pillow"}
    }
    told = ", ".join(f"{name} {before}, and here is {now}" for name, (before, now) in different.items())
    if _MODELS in different:
        raise FacesqlError(f"{of!r} was encoded by other models ({told}); install those, or encode its photos again.")
    return [f"{of!r} was encoded with {told}: distances may differ a little."] if different else []


def _to_read(place: int, photo: Path) -> PhotoToRead:
    """What is to be read of a photo; its record's id is its place."""
    try:
        if photo.exists() and not photo.is_file():  # to open a pipe would take for ever
            raise FacesqlError(f"{str(photo)!r} is no file; name a photo.")
        return PhotoToRead(PhotoRecord(str(place), None, file_hash(photo)), photo, photo.stat().st_size)
    except OSError as error:
        raise FacesqlError(f"{str(photo)!r} cannot be read ({error.strerror}); name another photo.") from error


def _trouble(photo: Path, record: PhotoRecord) -> str:
    if record.status == NO_FACE:
        return f"The detector finds no face in {str(photo)!r}; take a photo with a larger, upright face."
    return f"{str(photo)!r} gives no face ({record.reason}); take another photo."


def _sorted(photo: Path, record: PhotoRecord) -> PhotoFaces:
    faces = sorted(record.faces, key=lambda face: (face.left, face.top))
    return PhotoFaces(photo, str(record.sha256), tuple(faces))
