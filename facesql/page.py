"""Pages of HTML from templates, and faces as they are shown there. Text from file names is escaped."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=PackageLoader("facesql"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class ShownFace:
    """A face on a page."""

    id: str
    person: str
    crop: bytes | None = None
    """Its picture, a JPEG; None where the photo is gone, or is not to be shown."""

    @property
    def source(self) -> str | None:
        """The picture as the address of an image."""
        return None if self.crop is None else f"data:image/jpeg;base64,{b64encode(self.crop).decode()}"


@dataclass(frozen=True)
class ShownPair:
    """Two faces side by side, how far they are apart, and what is to be said of them."""

    first: ShownFace
    second: ShownFace
    distance: float
    words: str = ""


@dataclass(frozen=True)
class Show:
    """How a report's page shows faces: with pictures or without, from ``photos`` or from where encode found them."""

    photos: Sequence[Path] = ()
    pictures: bool = True


def render(template: str, **values: object) -> str:
    """A page from one of the templates."""
    return _TEMPLATES.get_template(template).render(**values)
