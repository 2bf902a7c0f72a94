"""Metadata filters: what they may be, and what they mean (storage-vectorize-ai.md §2.3).

A filter is a dict from property to value or `{operator: value}`; a vector has to meet
all of it. `a.b` is the property b of the object a. Comparing is exact in type: 1 is
neither "1" nor true. Strings are ordered by code point. A property that is missing
counts as null: `{"$ne": "x"}` and `{"$nin": ["x"]}` match it, `{"$eq": null}` does too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ... import wire

FILTER_BYTES = 2048
"""A filter's compact JSON has to be smaller."""
KEY_CHARACTERS = 512

EQUALITY = {"$eq": True, "$ne": False}
MEMBERSHIP = {"$in": True, "$nin": False}
LOWER = {"$gt": ">", "$gte": ">="}
UPPER = {"$lt": "<", "$lte": "<="}
OPERATORS = (*EQUALITY, *MEMBERSHIP, *LOWER, *UPPER)

Scalar = str | float | bool | None


class OneOf(msgspec.Struct, frozen=True):
    """The property at `path` is one of `values`; without `wanted`, none of them."""

    path: tuple[str, ...]
    values: Sequence[Scalar]
    wanted: bool


class Compared(msgspec.Struct, frozen=True):
    """The property at `path` stands in `relation` (`<`, `<=`, `>`, `>=`) to `bound`."""

    path: tuple[str, ...]
    relation: str
    bound: str | float


Condition = OneOf | Compared


def parse(given: Any) -> list[Condition]:
    """The conditions of a filter. Raises `ValueError` that says what is wrong with it."""
    if not isinstance(given, Mapping) or not given:
        raise ValueError("filter: expected a non-empty object")
    try:
        text = wire.dumps(given)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"filter: not JSON: {error}") from None
    if len(text) >= FILTER_BYTES:
        raise ValueError(
            f"filter: the compact JSON must be smaller than {FILTER_BYTES} bytes, "
            f"got {len(text)} bytes"
        )
    # Read back, a value is what production would see: a date is a string, NaN is null.
    parsed: dict[str, Any] = wire.loads(text)
    return [found for key, value in parsed.items() for found in _conditions(key, value)]


def _conditions(key: str, value: Any) -> Iterator[Condition]:
    path = _path(key)
    if not isinstance(value, dict):
        value = {"$eq": value}
    _combinable(key, list(value))
    for operator, operand in value.items():
        place = f"filter: {key}.{operator}"
        if operator in EQUALITY:
            yield OneOf(path, [_scalar(place, operand)], EQUALITY[operator])
        elif operator in MEMBERSHIP:
            if not isinstance(operand, list):
                raise ValueError(f"{place}: expected an array, got {_kind(operand)}")
            values = [_scalar(place, item) for item in operand]
            yield OneOf(path, values, MEMBERSHIP[operator])
        else:
            relation = LOWER.get(operator) or UPPER[operator]
            yield Compared(path, relation, _bound(place, operand))


def _path(key: str) -> tuple[str, ...]:
    if not key:
        raise ValueError("filter: a key must not be empty")
    if '"' in key or key.startswith("$"):
        raise ValueError(f"filter: the key {key!r} must not hold '\"' nor begin with '$'")
    if len(key) > KEY_CHARACTERS:
        raise ValueError(
            f"filter: a key must not exceed {KEY_CHARACTERS} characters, got {len(key)}"
        )
    return tuple(key.split("."))


def _combinable(key: str, operators: list[str]) -> None:
    if not operators:
        raise ValueError(f"filter: {key}: expected an operator, got an empty object")
    for operator in operators:
        if operator not in OPERATORS:
            known = ", ".join(OPERATORS)
            raise ValueError(f"filter: {key}: unknown operator {operator!r}, expected {known}")
    lower, upper = (sum(name in bounds for name in operators) for bounds in (LOWER, UPPER))
    if len(operators) > 1 and (lower, upper, len(operators)) != (1, 1, 2):
        raise ValueError(
            f"filter: {key}: only one lower bound ($gt, $gte) and one upper bound ($lt, $lte) "
            f"may be combined, got {', '.join(operators)}"
        )


def _scalar(place: str, value: Any) -> Scalar:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"{place}: expected a string, number, boolean or null, got {_kind(value)}")


def _bound(place: str, value: Any) -> str | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise ValueError(f"{place}: expected a string or number, got {_kind(value)}")


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, dict) else wire.dumps(value).decode()
