"""Numbers in place of names, for a table of faces that others are to see."""

from collections import defaultdict

import numpy as np
import pyarrow as pa


def pseudonymized(faces: pa.Table, seed: int) -> pa.Table:
    """A table of faces (schema FACES) with people, photos and ids replaced by numbers, and its rows in their order.

    People are numbered by a random permutation that ``seed`` decides, and so are each person's photos: the numbers
    follow neither names nor the order of files. Equal seeds give equal tables; whoever has the seed and the names
    can find out who is who. An encoding still identifies its person.

    >>> from facesql.faces import FACES
    >>> row = {"id": "Ann/1.jpg", "person": "Ann", "photo": "Ann/1.jpg", "face": 1}
    >>> pseudonymized(pa.Table.from_pylist([row], schema=FACES), seed=1).to_pylist()[0]["id"]
    'person_1/1'
    """
    random = np.random.default_rng(seed)
    photos_of = defaultdict(set)
    for person, photo in zip(faces["person"].to_pylist(), faces["photo"].to_pylist(), strict=True):
        photos_of[person].add(photo)
    names = dict(zip(sorted(photos_of), _numbers(len(photos_of), random), strict=True))
    photo_names = {
        (person, photo): f"person_{names[person]}/{number}"
        for person in sorted(photos_of)
        for photo, number in zip(sorted(photos_of[person]), _numbers(len(photos_of[person]), random), strict=True)
    }
    rows = [
        {
            "id": photo_names[row["person"], row["photo"]] + ("" if row["face"] == 1 else f"#{row['face']}"),
            "person": f"person_{names[row['person']]}",
            "photo": photo_names[row["person"], row["photo"]],
        }
        for row in faces.select(["id", "person", "photo", "face"]).to_pylist()
    ]
    replaced = faces
    for name in ("id", "person", "photo"):
        index = faces.schema.get_field_index(name)
        replaced = replaced.set_column(index, faces.schema.field(name), [[row[name] for row in rows]])
    return replaced.sort_by([("photo", "ascending"), ("face", "ascending")])


def _numbers(count: int, random: np.random.Generator) -> list[str]:
    """1 to ``count``, shuffled, all equally wide."""
    width = len(str(count))
    return [f"{number + 1:0{width}d}" for number in random.permutation(count)]
