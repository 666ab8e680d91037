"""Drawn people: photos of faces that never lived, for the demo and for the tests."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PEOPLE = 20
PHOTOS_A_PERSON = 5
SIDE = 250  # pixels, as the photos of LFW
# Drawn so many times larger and scaled down, so that edges are smooth.
OVERSAMPLE = 4


@dataclass(frozen=True)
class DrawnPerson:
    """What makes a drawn face that person's; lengths are shares of the photo's side, colours are RGB."""

    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    iris: tuple[int, int, int]
    lips: tuple[int, int, int]
    backdrop: tuple[int, int, int]
    width: float
    height: float
    eye_distance: float
    eye_width: float
    eye_height: float
    eye_line: float
    brow_width: float
    brow_height: float
    brow_rise: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    mouth_line: float
    hairline: float


@dataclass(frozen=True)
class Pose:
    """What differs from photo to photo of one person."""

    across: float = 0.0
    down: float = 0.0
    scale: float = 1.0
    tilt: float = 0.0  # degrees
    light: float = 1.0
    smile: float = 1.0


def draw_person(random: np.random.Generator) -> DrawnPerson:
    """Make up a person."""

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    def colour(low: tuple[int, int, int], high: tuple[int, int, int]) -> tuple[int, int, int]:
        share = between(0, 1)
        red, green, blue = (round(a + share * (b - a) + between(-6, 6)) for a, b in zip(low, high, strict=True))
        return red, green, blue

    return DrawnPerson(
        skin=colour((120, 80, 60), (238, 205, 180)),
        hair=colour((25, 20, 18), (190, 150, 95)),
        iris=colour((45, 30, 20), (95, 130, 150)),
        lips=colour((120, 50, 50), (195, 95, 95)),
        backdrop=colour((70, 85, 100), (190, 200, 205)),
        width=between(0.19, 0.25),
        height=between(0.27, 0.33),
        eye_distance=between(0.085, 0.115),
        eye_width=between(0.032, 0.048),
        eye_height=between(0.013, 0.022),
        eye_line=between(-0.07, -0.04),
        brow_width=between(0.045, 0.065),
        brow_height=between(0.006, 0.016),
        brow_rise=between(0.038, 0.058),
        nose_length=between(0.09, 0.13),
        nose_width=between(0.024, 0.045),
        mouth_width=between(0.06, 0.1),
        mouth_height=between(0.014, 0.028),
        mouth_line=between(0.135, 0.165),
        hairline=between(-0.24, -0.17),
    )


def random_pose(random: np.random.Generator) -> Pose:
    """A pose such as those of one person's photos: a little off the middle, tilted, lit differently."""
    return Pose(
        across=float(random.uniform(-0.03, 0.03)),
        down=float(random.uniform(-0.03, 0.03)),
        scale=float(random.uniform(0.92, 1.08)),
        tilt=float(random.uniform(-6, 6)),
        light=float(random.uniform(0.85, 1.12)),
        smile=float(random.uniform(0.85, 1.25)),
    )


def draw_face(person: DrawnPerson, pose: Pose = Pose(), side: int = SIDE) -> Image.Image:
    """A photo of the person, ``side`` x ``side`` pixels, RGB; equal arguments give equal pixels."""
    full = side * OVERSAMPLE
    image = Image.new("RGB", (full, full), person.backdrop)
    _Painter(ImageDraw.Draw(image), full, person, pose).paint()
    image = image.reduce(OVERSAMPLE).rotate(pose.tilt, Image.Resampling.BICUBIC, fillcolor=person.backdrop)
    image = image.filter(ImageFilter.GaussianBlur(side / 160))
    return image.point(lambda value: min(255, round(value * pose.light)))


def draw_people(folder: Path, people: int = PEOPLE, photos: int = PHOTOS_A_PERSON, seed: int = 0) -> None:
    """Write photos of made-up people to folder/person_01/1.png and so on; equal seeds give equal photos."""
    random = np.random.default_rng(seed)
    for number in range(1, people + 1):
        person = draw_person(random)
        home = folder / f"person_{number:02}"
        home.mkdir(parents=True, exist_ok=True)
        for photo in range(1, photos + 1):
            draw_face(person, random_pose(random)).save(home / f"{photo}.png")


def _shade(colour: tuple[int, int, int], factor: float) -> tuple[int, int, int]:
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue


@dataclass
class _Painter:
    """Draws in shares of the photo's side, from the middle of the face, x to the right and y down."""

    draw: ImageDraw.ImageDraw
    full: int
    person: DrawnPerson
    pose: Pose

    def paint(self) -> None:
        person = self.person
        self.ellipse(0, -0.03, person.width * 1.14, person.height * 1.12, person.hair)
        self.ellipse(0, 0.42, person.width * 0.55, 0.2, _shade(person.skin, 0.85))  # neck
        self.ellipse(0, 0.62, 0.42, 0.24, _shade(person.backdrop, 0.5))  # clothes
        self.ellipse(0, 0, person.width, person.height, person.skin)
        self.ellipse(0, person.hairline - 0.06, person.width * 0.85, 0.08, person.hair)
        for sign in (-1, 1):
            self.eye(sign * person.eye_distance)
        self.nose()
        self.mouth()

    def eye(self, x: float) -> None:
        person, line = self.person, self.person.eye_line
        self.ellipse(x, line - 0.005, person.eye_width * 1.45, person.eye_height * 2.3, _shade(person.skin, 0.72))
        self.ellipse(x, line, person.eye_width, person.eye_height, (240, 240, 238))
        self.ellipse(x, line, person.eye_height * 0.95, person.eye_height * 0.95, person.iris)
        self.ellipse(x, line, person.eye_height * 0.45, person.eye_height * 0.45, (12, 12, 12))
        brow = line - person.brow_rise
        self.ellipse(x, brow, person.brow_width, person.brow_height, _shade(person.hair, 0.75))

    def nose(self) -> None:
        person = self.person
        tip = person.eye_line + person.nose_length
        self.ellipse(
            0, (person.eye_line + tip) / 2, person.nose_width * 0.45, person.nose_length / 2, _shade(person.skin, 1.07)
        )
        self.ellipse(0, tip, person.nose_width, 0.018, _shade(person.skin, 0.86))
        for sign in (-1, 1):
            self.ellipse(sign * person.nose_width * 0.55, tip + 0.006, 0.009, 0.006, _shade(person.skin, 0.45))

    def mouth(self) -> None:
        person, width = self.person, self.person.mouth_width * self.pose.smile
        self.ellipse(0, person.mouth_line, width, person.mouth_height, person.lips)
        self.ellipse(0, person.mouth_line, width * 0.9, person.mouth_height * 0.22, _shade(person.lips, 0.5))
        self.ellipse(0, person.mouth_line + 0.045, width * 0.6, 0.008, _shade(person.skin, 0.85))

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, colour: tuple[int, int, int]) -> None:
        scale = self.pose.scale * self.full
        middle_x = (0.5 + self.pose.across) * self.full + x * scale
        middle_y = (0.5 + self.pose.down) * self.full + y * scale
        self.draw.ellipse(
            (
                middle_x - half_width * scale,
                middle_y - half_height * scale,
                middle_x + half_width * scale,
                middle_y + half_height * scale,
            ),
            fill=colour,
        )
