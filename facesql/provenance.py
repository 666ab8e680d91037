"""How tables of faces were made, from their metadata: what differs, what must not be mixed, and what is not told."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from facesql.binning import Metric
from facesql.errors import FacesqlError, parse_choice
from facesql.faces import FOUND, part_metadata, read_metadata

# The key of the metadata of a table that has numbers in place of names. The seed is not noted.
PSEUDONYMS = "pseudonyms"
# The key for the metric that a table is made for, and those for where an imported table is from: the name of a file, or
# an address, the file's hash, and how many rows it had.
METRIC = "metric"
SOURCE, SOURCE_HASH, SOURCE_ROWS = "source", "source sha256", "source rows"
# What two tables may differ in and still be compared as one. The backends, and so the packages that one of them alone
# has, give equal encodings; the rule for faces says which faces are there, not how they were encoded.
_PACKAGES = frozenset({"version", "numpy", "backend", "onnxruntime", "face_recognition"})
_NO_MATTER = _PACKAGES | {"faces", FOUND, PSEUDONYMS, SOURCE, SOURCE_HASH, SOURCE_ROWS}


def fitting_metric(made: Mapping[Path, Mapping[str, str]], asked: Metric | None = None) -> Metric:
    """The metric that is asked for, or else the one that the tables note, or else the Euclidean one.

    ``made`` has each table's metadata. Raises FacesqlError where a table notes a metric that there is not.
    """
    noted = [parse_choice(table[METRIC], Metric, "metric") for table in made.values() if METRIC in table]
    return asked or next(iter(noted), Metric.EUCLIDEAN)


def noted_metric(tables: Sequence[Path], asked: Metric | None = None) -> Metric:
    """The same of tables whose metadata is not read yet."""
    return fitting_metric({table: read_metadata(table) for table in tables}, asked)


def differences(made: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What both note and not alike: its name, and the value of either, in the order of ``other``."""
    return [(name, made[name], value) for name, value in other.items() if made.get(name, value) != value]


def read_made(tables: Sequence[Path]) -> dict[Path, dict[str, str]]:
    """The metadata of each table, for tables whose faces can be compared.

    Raises FacesqlError as ``refuse_mixed`` does, for tables and for the files of each.
    """
    for table in tables:
        made = part_metadata(table)
        _refuse_other_encodings(made)
        if any(noted != next(iter(made.values())) for noted in made.values()):  # the files of several runs
            _refuse_pseudonyms(made)
    made = {table: read_metadata(table) for table in tables}
    refuse_mixed(made)
    return made


def refuse_mixed(made: Mapping[Path, Mapping[str, str]]) -> None:
    """Raise FacesqlError where distances between the faces of these tables, or names in them, mean nothing.

    ``made`` has each table's metadata. What a table does not note is no difference; see ``doubts``.
    """
    _refuse_other_encodings(made)
    _refuse_pseudonyms(made)


def _refuse_other_encodings(made: Mapping[Path, Mapping[str, str]]) -> None:
    for file, other in combinations(made, 2):
        metric, another = (made[table].get(METRIC) for table in (file, other))
        if metric and another and metric != another:
            raise FacesqlError(
                f"{str(file)!r} is made for the metric {metric} and {str(other)!r} for {another}; analyze each by "
                "itself."
            )
        if others := differences(_encoding(made[file]), _encoding(made[other])):
            told = "; ".join(f"{name} {value}, and {different}" for name, value, different in others)
            raise FacesqlError(
                f"{str(file)!r} and {str(other)!r} were encoded differently ({told}); encode them alike, or analyze "
                "each by itself."
            )


def _refuse_pseudonyms(made: Mapping[Path, Mapping[str, str]]) -> None:
    for file, table in made.items():
        if len(made) > 1 and PSEUDONYMS in table:
            raise FacesqlError(
                f"{str(file)!r} has numbers in place of names, which name other people in every table; encode the "
                "photos of all tables in one run, or analyze each by itself."
            )


def doubts(made: Mapping[Path, Mapping[str, str]]) -> list[str]:
    """A sentence for each table that does not note what others do; none where no table notes anything."""
    names = dict.fromkeys(name for table in made.values() for name in _encoding(table))
    missing = {file: [name for name in names if name not in table] for file, table in made.items()}
    return [
        f"{str(file)!r} does not say how it was encoded ({', '.join(lacks)}), and another table does: the numbers hold "
        "only if they were encoded alike."
        for file, lacks in missing.items()
        if lacks
    ]


def untold(what: str, made: Mapping[str, str]) -> list[str]:
    """A sentence where a table or a report, of that name, does not note how its faces were encoded."""
    if _encoding(made):
        return []
    return [f"{what!r} does not say how its faces were encoded: what follows holds only if it was as photos are here."]


def merged(made: Mapping[Path, Mapping[str, str]]) -> dict[str, str]:
    """The metadata of all tables as one; where they differ, each value is followed by the tables that have it."""
    names = dict.fromkeys(name for table in made.values() for name in table)
    return {name: _told({file: table.get(name, "not told") for file, table in made.items()}) for name in names}


def _told(values: Mapping[Path, str]) -> str:
    different = list(dict.fromkeys(values.values()))
    if len(different) == 1:
        return different[0]
    return ", ".join(
        f"{value} ({', '.join(str(file) for file, has in values.items() if has == value)})" for value in different
    )


def how_made(made: Mapping[str, str]) -> dict[str, str]:
    """How a table was made, without what it was made of."""
    return {name: value for name, value in made.items() if name != FOUND}


def refuse_different(what: str, made: Mapping[str, str], other: str, others: Mapping[str, str], remedy: str) -> None:
    """Raise FacesqlError where distances between faces of one and of the other mean nothing, with the ``remedy``."""
    if different := differences(_encoding(made), _encoding(others)):
        told = "; ".join(f"{name} {value}, and {another}" for name, value, another in different)
        raise FacesqlError(f"{what!r} and {other!r} were encoded differently ({told}); {remedy}")


def _encoding(made: Mapping[str, str]) -> dict[str, str]:
    """What decides the encodings of a table."""
    return {name: value for name, value in made.items() if name not in _NO_MATTER}
