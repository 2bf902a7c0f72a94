"""Values on their way into SQLite and out of it, for every language (db-cache.md §1.3, §1.4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

SHOWN = 200
"""A refused value is quoted up to so many characters."""

_INT64 = 2**63

_AS_IS = frozenset({int, str, bytes, type(None)})
_PLAIN = frozenset({int, str, type(None)})

Row = tuple[Any, ...]


def parameters(values: Sequence[Any]) -> Sequence[Any]:
    """Wire values as SQLite takes them.

    A boolean is 1 or 0, a number that is not finite NULL, a list of numbers below 256 a
    BLOB. Raises `TypeError` (`D1_TYPE_ERROR`) for anything else.
    """
    if _AS_IS.issuperset(map(type, values)):
        return values
    return [parameter(value) for value in values]


def parameter(value: Any) -> Any:
    """One wire value as SQLite takes it. Raises `TypeError`."""
    if value is None or isinstance(value, (str, bytes)):
        return value
    if isinstance(value, int) and is_int64(value):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list) and all(map(_is_byte, value)):
        return bytes(map(int, value))
    raise unsupported(value)


def is_int64(value: int) -> bool:
    """Whether a whole number fits an INTEGER of SQLite."""
    return -_INT64 <= value < _INT64


def unsupported(value: Any) -> TypeError:
    """The error for a value that no column can hold; its cause has the bare text."""
    shown = str(value)
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "…"
    text = f"Type '{type(value).__name__}' not supported for value '{shown}'"
    error = TypeError(f"D1_TYPE_ERROR: {text}")
    error.__cause__ = TypeError(text)
    return error


def plain_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows from SQLite as wire values: a BLOB is a list of numbers, ±Inf None."""
    return [row if _PLAIN.issuperset(map(type, row)) else tuple(map(_plain, row)) for row in rows]


def _plain(value: Any) -> Any:
    if type(value) is bytes:
        return list(value)
    if type(value) is float and math.isinf(value):
        return None
    return value


def _is_byte(item: Any) -> bool:
    return isinstance(item, (int, float)) and not isinstance(item, bool) and 0 <= item < 256
