"""How the platform turns the values it is given into text and keys."""

from __future__ import annotations

import re
from typing import Any

EXACT_TEXT = 1e21
"""From here on JavaScript writes a number with an exponent."""


def text(value: Any) -> str:
    """A wire value as JavaScript's `String(value)`: `1`, `null`, `[object Object]`."""
    if isinstance(value, str):
        return unicode(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return ",".join("" if item is None else text(item) for item in value)
    return "[object Object]" if isinstance(value, dict) else str(value)


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < EXACT_TEXT:
        return str(int(value))
    return re.sub(r"e([+-])0", r"e\1", repr(value))


def unicode(value: str) -> str:
    """`value` with lone surrogates replaced by U+FFFD, as text leaves JavaScript."""
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def number(value: Any) -> float:
    """A wire value as JavaScript's `Number(value)`; NaN for what is none."""
    if value is None:
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
