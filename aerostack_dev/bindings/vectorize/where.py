"""From the conditions of a filter to SQL over the table `vectors`.

Metadata is kept as JSONB. A path that is not there, or no metadata at all, is null.
"""

from __future__ import annotations

from collections.abc import Sequence

from ... import wire
from .filters import Condition, OneOf, Scalar

INT64 = 2**63

TYPE = "coalesce(json_type(metadata, ?), 'null')"
VALUE = "json_extract(metadata, ?)"
TEXTS = ("text",)
NUMBERS = ("integer", "real")

Parameters = list[str | float]


def where(namespace: str | None, conditions: Sequence[Condition]) -> tuple[str, Parameters]:
    """A WHERE clause (or "") and its parameters."""
    clauses: list[str] = []
    parameters: Parameters = []
    if namespace is not None:
        clauses.append("namespace = ?")
        parameters.append(namespace)
    clauses += [_clause(condition, parameters) for condition in conditions]
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), parameters


def _clause(condition: Condition, parameters: Parameters) -> str:
    path = "$." + ".".join(wire.dumps(step).decode() for step in condition.path)
    if isinstance(condition, OneOf):
        clause = " OR ".join(_one_of(path, condition.values, parameters)) or "false"
        return f"({clause})" if condition.wanted else f"NOT ({clause})"
    types = TEXTS if isinstance(condition.bound, str) else NUMBERS
    parameters += [path, path, _bindable(condition.bound)]
    return f"({TYPE} IN {_literal(types)} AND {VALUE} {condition.relation} ?)"


def _one_of(path: str, values: Sequence[Scalar], parameters: Parameters) -> list[str]:
    texts = [value for value in values if isinstance(value, str)]
    named = [
        "null" if value is None else "true" if value else "false"
        for value in values
        if value is None or isinstance(value, bool)
    ]
    numbers = [
        _bindable(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    clauses = []
    if named:
        clauses.append(f"{TYPE} IN {_marks(named)}")
        parameters += [path, *named]
    for types, wanted in ((TEXTS, texts), (NUMBERS, numbers)):
        if wanted:
            clauses.append(f"({TYPE} IN {_literal(types)} AND {VALUE} IN {_marks(wanted)})")
            parameters += [path, path, *wanted]
    return clauses


def _bindable(value: str | float) -> str | float:
    """SQLite has integers of 64 bits; it reads larger ones in JSON as floats as well."""
    if isinstance(value, int) and not -INT64 <= value < INT64:
        return float(value)
    return value


def _literal(types: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{name}'" for name in types) + ")"


def _marks(values: Sequence[object]) -> str:
    return "(" + ", ".join("?" * len(values)) + ")"
