"""Values that one function may hand to another: wire values, copied."""

from __future__ import annotations

from typing import Any

DEEPEST = 200
"""Levels of lists and dicts within one another."""
PLAIN = frozenset((str, int, float, bool, bytes, type(None)))


def portable(value: Any, what: str) -> Any:
    """A copy of `value`, which is None, a truth value, number, text, bytes, or a list or
    dict of such; `what` names it. Raises `TypeError` for anything else.

    A copy, since two functions that are deployed apart do not share objects either.
    """
    return _copied(value, what, DEEPEST)


def _copied(value: Any, what: str, left: int) -> Any:
    if type(value) in PLAIN:
        return value
    if left == 0:
        raise TypeError(f"{what} is nested more than {DEEPEST} levels deep, or contains itself")
    if isinstance(value, dict):
        return {_key(name, what): _copied(item, what, left - 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(item, what, left - 1) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(
        f"{what} holds a {type(value).__name__}: only None, truth values, numbers, texts, bytes, "
        "lists and dicts pass between functions"
    )


def _key(name: Any, what: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{what} holds a dict with the key {name!r}: keys must be texts")
    return str(name)
