"""A small validator that says what the platform's does, in its words (§3.2).

The texts of the spec are exact; for length, number of items and choices it names none,
and those here are ours in the same style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .media import Media
from .schemas import Schema


class MismatchError(ValueError):
    """A value does not fit its schema."""


def check(value: Any, schema: Any, at: str = "/") -> None:
    """Raise `MismatchError` with the first thing wrong about `value`, which stands at `at`.

    Keywords that are not in `_RULES` say nothing, and neither does a schema that is no
    mapping.
    """
    if not isinstance(schema, Mapping) or (isinstance(value, Media) and schema.get("binary")):
        return  # `true` is a schema too
    for keyword, rule in _RULES.items():
        if keyword in schema:
            rule(value, schema[keyword], schema, at)


def type_name(value: Any) -> str:
    """JavaScript's name of a wire value's type; bytes count as `number[]`."""
    for types, name in _TYPES:
        if isinstance(value, types):
            return name
    return "object"


_TYPES: tuple[tuple[Any, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    ((list, tuple, bytes), "array"),
    (type(None), "null"),
)


def _type(value: Any, wanted: Any, schema: Schema, at: str) -> None:
    allowed = wanted if isinstance(wanted, list) else [wanted]
    found = type_name(value)
    if found in allowed or (found == "integer" and "number" in allowed):
        return
    if isinstance(value, float) and value.is_integer() and "integer" in allowed:
        return  # JavaScript has one kind of number
    shown = "number" if found == "integer" else found
    raise MismatchError(f"Type mismatch of '{at}', '{shown}' not in '{','.join(allowed)}'")


def _enum(value: Any, choices: Any, schema: Schema, at: str) -> None:
    if value not in choices:
        words = ", ".join(f"'{choice}'" for choice in choices)
        raise MismatchError(f"'{at}' must be one of {words}")


def _const(value: Any, wanted: Any, schema: Schema, at: str) -> None:
    _enum(value, [wanted], schema, at)


def _minimum(value: Any, bound: Any, schema: Schema, at: str) -> None:
    if isinstance(value, (int, float)) and value < bound:
        raise MismatchError(f"'{at}' must be >= {bound}")


def _maximum(value: Any, bound: Any, schema: Schema, at: str) -> None:
    if isinstance(value, (int, float)) and value > bound:
        raise MismatchError(f"'{at}' must be <= {bound}")


def _min_length(value: Any, bound: Any, schema: Schema, at: str) -> None:
    if isinstance(value, str) and len(value) < bound:
        raise MismatchError(f"length of '{at}' must be >= {bound}")


def _max_length(value: Any, bound: Any, schema: Schema, at: str) -> None:
    if isinstance(value, str) and len(value) > bound:
        raise MismatchError(f"length of '{at}' must be <= {bound}")


def _min_items(value: Any, bound: Any, schema: Schema, at: str) -> None:
    if isinstance(value, list) and len(value) < bound:
        raise MismatchError(f"number of items of '{at}' must be >= {bound}")


def _max_items(value: Any, bound: Any, schema: Schema, at: str) -> None:
    if isinstance(value, list) and len(value) > bound:
        raise MismatchError(f"number of items of '{at}' must be <= {bound}")


def _required(value: Any, names: Any, schema: Schema, at: str) -> None:
    if isinstance(value, Mapping) and not all(name in value for name in names):
        words = ", ".join(f"'{name}'" for name in names)
        raise MismatchError(f"required properties at '{at}' are {words}")


def _properties(value: Any, properties: Any, schema: Schema, at: str) -> None:
    if isinstance(value, Mapping):
        for name, inner in properties.items():
            if name in value:
                check(value[name], inner, _below(at, name))


def _additional(value: Any, allowed: Any, schema: Schema, at: str) -> None:
    if not isinstance(value, Mapping):
        return
    others = [name for name in value if name not in schema.get("properties", {})]
    if allowed is False and others:
        words = ", ".join(f"'{_below(at, name)}'" for name in others)
        raise MismatchError(f"Additional or unevaluated properties {words} at '{at}' not allowed")
    if isinstance(allowed, Mapping):
        for name in others:
            check(value[name], allowed, _below(at, name))


def _items(value: Any, inner: Any, schema: Schema, at: str) -> None:
    if isinstance(value, list) and isinstance(inner, Mapping):
        for index, item in enumerate(value):
            check(item, inner, _below(at, str(index)))


def _one_of(value: Any, ways: Any, schema: Schema, at: str) -> None:
    complaints = _complaints(value, ways, at)
    matches = len(ways) - len(complaints)
    if matches != 1:
        reasons = f": {', '.join(complaints)}" if complaints else ""
        raise MismatchError(f"oneOf at '{at}' not met, {matches} matches{reasons}")


def _any_of(value: Any, ways: Any, schema: Schema, at: str) -> None:
    complaints = _complaints(value, ways, at)
    if len(complaints) == len(ways):
        raise MismatchError(f"anyOf at '{at}' not met, 0 matches: {', '.join(complaints)}")


def _complaints(value: Any, ways: Any, at: str) -> list[str]:
    complaints = []
    for way in ways:
        try:
            check(value, way, at)
        except MismatchError as complaint:
            complaints.append(str(complaint))
    return complaints


def _below(at: str, name: str) -> str:
    return f"{at.rstrip('/')}/{name}"


_RULES: Mapping[str, Callable[[Any, Any, Schema, str], None]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _min_length,
    "maxLength": _max_length,
    "minItems": _min_items,
    "maxItems": _max_items,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "oneOf": _one_of,
    "anyOf": _any_of,
}
"""In the order in which they are applied."""
