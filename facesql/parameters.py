"""What a query is given from outside: named parameters, which take the place of the variables that it sets, too."""

import re
from collections.abc import Mapping, Sequence

import duckdb

from facesql.errors import FacesqlError

Parameters = Mapping[str, str | int | float]
# A statement that sets a variable; what stands before it may be comments.
_SETS = re.compile(r'(?:\s|--[^\n]*\n|/\*.*?\*/)*set\s+variable\s+"?(\w+)"?\s*=', re.IGNORECASE | re.DOTALL)
_WHOLE, _FRACTION = re.compile(r"-?(?:0|[1-9]\d{0,17})"), re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def parse_parameters(texts: Sequence[str]) -> Parameters:
    """Parameters from texts such as ``cutoff=0.5``: numbers as numbers, all else as text, as is what is quoted.

    Raises FacesqlError where a text is no parameter, or a name comes twice.

    >>> parse_parameters(["n=5", "cutoff=0.5", "person=Ann", "badge='007'"])
    {'n': 5, 'cutoff': 0.5, 'person': 'Ann', 'badge': '007'}
    """
    parameters: dict[str, str | int | float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)):
            raise FacesqlError(f"{text!r} is no parameter; write one such as cutoff=0.5.")
        if name.lower() in parameters:
            raise FacesqlError(f"The parameter {name!r} is given twice; give it once.")
        parameters[name.lower()] = _value(value)
    return parameters


def _value(text: str) -> str | int | float:
    """A value as it is bound; a number with a leading zero is a name, such as a folder's."""
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and not re.match(r"-?0\d", text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def ask(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters) -> duckdb.DuckDBPyRelation | None:
    """What the last of several statements gives; None where that is nothing.

    A parameter is bound to ``$name``, and is also the variable of that name, whose own ``set variable`` in the SQL is
    then left out. Raises FacesqlError for a parameter that the SQL has neither of, and for one that it lacks; what
    DuckDB raises passes through.
    """
    statements = connection.extract_statements(_bare(sql))
    _refuse_unused(statements, parameters)
    for name, value in parameters.items():
        _set_variable(connection, name, value)
    asked = [statement for statement in statements if _variable(statement) not in parameters]
    for statement in asked[:-1]:
        connection.execute(statement, _bound(statement, parameters)).fetchall()
    return connection.sql(asked[-1], params=_bound(asked[-1], parameters)) if asked else None


def _bare(sql: str) -> str:
    """SQL without the semicolon and the comments at its end, which DuckDB does not take within another query."""
    text = sql.encode()
    end = len(text)
    for start, kind in reversed(duckdb.tokenize(sql)):
        if kind == duckdb.token_type.comment:
            continue
        if text[start : start + 1] != b";":
            break
        end = start
    return text[:end].decode()


def _variable(statement: duckdb.Statement) -> str | None:
    """The variable that a statement sets, if it does."""
    found = _SETS.match(statement.query)
    return found[1].lower() if found else None


def _bound(statement: duckdb.Statement, parameters: Parameters) -> dict[str, str | int | float] | None:
    """The parameters that a statement names."""
    if missing := sorted(name for name in statement.named_parameters if name.lower() not in parameters):
        raise FacesqlError(f"The query asks for ${missing[0]}; give it with --param {missing[0]}=...")
    return {name: parameters[name.lower()] for name in statement.named_parameters} or None


def _refuse_unused(statements: Sequence[duckdb.Statement], parameters: Parameters) -> None:
    named = {name.lower() for statement in statements for name in statement.named_parameters}
    there = named | {variable for variable in map(_variable, statements) if variable}
    if unused := sorted(parameters.keys() - there):
        raise FacesqlError(
            f"The query neither has ${unused[0]} nor sets the variable {unused[0]!r}; leave out --param {unused[0]}=..."
        )


def _set_variable(connection: duckdb.DuckDBPyConnection, name: str, value: str | float) -> None:
    # A variable's name cannot be bound; it is letters, digits and underscores.
    connection.execute(f'set variable "{name}" = $1', [value])
