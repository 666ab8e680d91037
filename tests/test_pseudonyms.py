"""Numbers in place of names: what stays, what goes, and that nothing in the order of things tells."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facesql.encode import EncodeSummary
from facesql.faces import FACES, photos_path
from facesql.pseudonyms import pseudonymized
from tests.conftest import Run


def named_table(people: int = 200, photos: int = 12) -> pa.Table:
    """People and photos in the order of their names, each row with its place as encoding; one photo has two faces."""
    ids = [(f"n{person:03}", f"n{person:03}/{photo:02}.jpg") for person in range(people) for photo in range(photos)]
    rows = [{"id": photo, "person": person, "photo": photo, "face": 1} for person, photo in ids]
    rows.append({**rows[0], "id": f"{rows[0]['photo']}#2", "face": 2})
    return pa.Table.from_pylist([{**row, "encoding": [place]} for place, row in enumerate(rows)], schema=FACES)


def test_every_row_stays_with_its_person_and_photo() -> None:
    table = named_table()
    replaced = pseudonymized(table, seed=1)
    assert replaced.schema == FACES
    by_encoding = {row["encoding"][0]: row for row in replaced.to_pylist()}
    names, photos = defaultdict(set), defaultdict(set)
    for row in table.to_pylist():
        new = by_encoding.pop(row["encoding"][0])
        names[row["person"]].add(new["person"])
        photos[row["photo"]].add(new["photo"])
        assert new["id"] == new["photo"] + ("#2" if row["face"] == 2 else "")
        assert new["photo"].startswith(new["person"] + "/")
        assert new["face"] == row["face"]
    assert by_encoding == {}
    for mapped in (names, photos):
        assert all(len(new) == 1 for new in mapped.values())
        assert len({next(iter(new)) for new in mapped.values()}) == len(mapped)


def test_no_name_and_no_order_is_left() -> None:
    table = named_table()
    replaced = pseudonymized(table, seed=1)
    text = " ".join(replaced["id"].to_pylist() + replaced["person"].to_pylist() + replaced["photo"].to_pylist())
    assert "n0" not in text
    assert "jpg" not in text
    assert replaced["person"].to_pylist() == sorted(replaced["person"].to_pylist())
    places = np.array([encoding[0] for encoding in replaced["encoding"].to_pylist()])
    # The correlation of two independent orders of 2,401 rows, 12 a person, has a standard deviation of about 0.07.
    assert abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) < 0.3
    within = np.array([places[first : first + 12] % 12 for first in range(12, 2388, 12)])
    assert len({tuple(order) for order in within}) > 150


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    table = named_table(5, 3)
    shuffled = table.take(np.random.default_rng(0).permutation(len(table)))
    assert pseudonymized(table, 1).equals(pseudonymized(shuffled, 1))
    assert not pseudonymized(table, 1).equals(pseudonymized(table, 2))


def test_encode_writes_numbers_and_the_photos_table_keeps_the_names(
    run: Run, drawn: Path, drawn_faces: tuple[Path, EncodeSummary], tmp_path: Path
) -> None:
    done = run("encode", drawn, "-o", "p.parquet", "--pseudonyms", "7", cwd=tmp_path)
    assert "names replaced by numbers there; the table of photos beside it keeps them" in done.stdout
    content = (tmp_path / "p.parquet").read_bytes()
    assert b"person_01" not in content  # as the folders are named; numbers here are as wide as they must be
    assert b".png" not in content
    replaced, plain = (pq.read_table(path) for path in (tmp_path / "p.parquet", drawn_faces[0]))
    assert replaced.equals(pseudonymized(plain, 7))
    assert "person_01/1.png" in pq.read_table(photos_path(tmp_path / "p.parquet"))["id"].to_pylist()
