"""Corrections applied to the faces of a report's new database: faces left out, and people who are one."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import duckdb

from facesql.corrections import read_exclude, read_relabel
from facesql.database import engine_sql
from facesql.errors import FacesqlError


@dataclass(frozen=True)
class Corrections:
    """What is to be left out, and who is one: as ``read_exclude`` and ``read_relabel`` give them."""

    exclude: AbstractSet[str]
    same_as: Mapping[str, str]

    @classmethod
    def read(cls, exclude: Path | None, relabel: Path | None) -> "Corrections":
        """Those that two files tell, None for none.

        Raises FacesqlError where a file cannot be used.
        """
        return cls(
            read_exclude(exclude) if exclude is not None else frozenset(),
            read_relabel(relabel) if relabel is not None else {},
        )

    def then(self, later: "Corrections") -> "Corrections":
        """These, and then those of a table to which these have been applied."""
        same_as = {person: later.same_as.get(normalize("NFC", name), name) for person, name in self.same_as.items()}
        return Corrections(self.exclude | later.exclude, {**later.same_as, **same_as})


@dataclass(frozen=True)
class Corrected:
    """What corrections did: faces left out, people who got another name, and what names nothing that is there."""

    faces_excluded: int = 0
    people_relabelled: int = 0
    unused_excludes: Sequence[str] = ()
    unused_relabels: Sequence[str] = ()


def correct_faces(connection: duckdb.DuckDBPyConnection, corrections: Corrections) -> Corrected:
    """Leave faces out of table faces, then give people their other names, as encode does with the same two files.

    An entry names a face by its id, by its photo, or by a folder that the photo is in. Raises FacesqlError where no
    face is left.
    """
    excluded, unused = _exclude(connection, sorted(corrections.exclude))
    same_as = corrections.same_as
    given = {"people": list(same_as), "names": list(same_as.values())}
    there = dict(connection.execute(engine_sql("people_named"), given).fetchall()) if same_as else {}
    if same_as:
        connection.execute(engine_sql("relabel_people"), given)
    return Corrected(excluded, sum(there.values()), unused, sorted(same_as.keys() - there.keys()))


def _exclude(connection: duckdb.DuckDBPyConnection, entries: Sequence[str]) -> tuple[int, list[str]]:
    """Delete the faces that entries name; returns how many, and the entries that name none."""
    if not entries:
        return 0, []
    connection.execute(engine_sql("create_named_face"), {"entries": entries})
    named = "select count(distinct id), list(distinct entry) from named_face"
    [(faces, used)] = connection.execute(named).fetchall()
    connection.execute(engine_sql("delete_named_faces"))
    [(left,)] = connection.execute("select count(*) from faces").fetchall()
    if not left:
        raise FacesqlError("--exclude names every face; leave some of its lines out.")
    return faces, sorted(set(entries) - set(used or ()))
