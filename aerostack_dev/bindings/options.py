"""How the Python faces read options: a dict or keywords, camelCase or snake_case (§5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

INT32 = 2**31


def options(
    given: Mapping[Any, Any] | None, keywords: Mapping[str, Any], allowed: tuple[str, ...]
) -> dict[str, Any]:
    """The options of a call by their camelCase names; keywords win over the dict.

    A dict may hold names that nobody knows (they are ignored, as the platform does); an
    unknown keyword is a `TypeError` with the known ones, as in any Python call.
    """
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"options must be a dict, not {type(given).__name__}")
    if not given and not keywords:
        return {}
    found = {camel(name): value for name, value in (given or {}).items() if isinstance(name, str)}
    chosen = {name: value for name, value in found.items() if name in allowed}
    for name, value in keywords.items():
        if camel(name) not in allowed:
            raise TypeError(f"unknown option {name!r}; there are: {', '.join(allowed)}")
        chosen[camel(name)] = value
    return chosen


def camel(name: str) -> str:
    """`expiration_ttl` -> `expirationTtl`; a camelCase name stays as it is."""
    if "_" not in name:
        return name
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def int32(value: Any) -> int:
    """`value` as the platform reads a 32-bit integer option.

    Fractions are cut off; what is not a number counts as 0; out of range raises
    `TypeError` (db-cache.md §2.4).
    """
    number = _number(value)
    if number != number or number in (float("inf"), float("-inf")):
        return 0
    whole = int(number)
    if not -INT32 <= whole < INT32:
        raise TypeError(
            f"Value out of range. Must be between {-INT32} and {INT32 - 1} (inclusive)."
        )
    return whole


def _number(value: Any) -> float:
    if value is None:
        return 0
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0
    except OverflowError:  # an int beyond every float
        return float("inf")
