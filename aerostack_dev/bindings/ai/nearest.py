"""Which recorded request is most like one that was not recorded, and how it differs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from ... import wire

COMPARED = 2000
"""Characters of a request that are compared."""
SHOWN = 120
"""Characters of a value that are shown."""


def nearest(request: dict[str, Any], recorded: Sequence[dict[str, Any]]) -> str:
    """A sentence's end: what the nearest request has in place of what this one has."""
    same_model = [each for each in recorded if each["model"] == request["model"]]
    if not (same_model or recorded):
        return ": it is empty"
    text = _text(request)
    best = max(
        same_model or recorded,
        key=lambda each: difflib.SequenceMatcher(None, text, _text(each)).quick_ratio(),
    )
    path, wanted, found = next(_differences(request, best, ""))
    return f"; the nearest one has at {path} {_shown(found)}, this one {_shown(wanted)}"


def _differences(one: Any, other: Any, at: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from _differences(one.get(key, ...), other.get(key, ...), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        for index in range(max(len(one), len(other))):
            first, second = (side[index] if index < len(side) else ... for side in (one, other))
            yield from _differences(first, second, f"{at}[{index}]")
    elif one != other:
        yield at.lstrip("."), one, other


def _text(request: dict[str, Any]) -> str:
    return wire.pack(request["inputs"]).decode()[:COMPARED]


def _shown(value: Any) -> str:
    if value is ...:
        return "nothing"
    text = wire.pack(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
