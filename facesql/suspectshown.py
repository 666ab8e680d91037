"""Suspects as pages show them: both faces, and what speaks for an error."""

from facesql.crops import Box, Crops
from facesql.page import ShownFace, ShownPair
from facesql.suspects import Suspects


def shown_suspects(suspects: Suspects, crops: Crops) -> list[ShownPair]:
    """The suspects of the table in its order; pictures as far as ``crops`` have them."""
    rows = suspects.table.to_dicts()
    named = {
        id_: person
        for row in rows
        for id_, person in ((row["id"], row["person"]), (row["id_other"], row["person_other"]))
    }
    shown = crops.shown(named.items())
    pairs = []
    for row in rows:
        other = shown[row["id_other"]]
        if row["face_other"] is not None:
            box = Box(row["other_top"], row["other_right"], row["other_bottom"], row["other_left"])
            crop = crops.crop_of(row["id_other"], box)
            other = ShownFace(f"{row['id_other']}, face {row['face_other']}", row["person_other"], crop)
        errors = f"{row['errors']:,} wrong decision{'' if row['errors'] == 1 else 's'}"
        what = f"{row['rank']}. {row['kind']}, probability {row['probability']:.2f}"
        words = f"{what}: {row['evidence']}. Corrected ({row['correction']}), {errors} fewer."
        pairs.append(ShownPair(shown[row["id"]], other, row["distance_other"], words))
    return pairs
