"""Files of many entries, as `aerostack cache import` reads them (db-cache.md §2.9).

A JSON array of `{key, value, expiration?, expiration_ttl?, metadata?, base64?}`; with
`"base64": true` the value is base64 for raw bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import AerostackError
from .values import parsed

SHOWN_PROBLEMS = 12
PROPERTIES = ("key", "value", "expiration", "expiration_ttl", "metadata", "base64")
OPTIONS = {"expiration": "expiration", "expiration_ttl": "expirationTtl", "metadata": "metadata"}
"""Property of a file -> option of `put`."""
SHAPE = (
    'each item is {"key": "…", "value": "…"} with, if need be, '
    '"expiration", "expiration_ttl", "metadata", "base64"'
)


@dataclass(frozen=True, slots=True)
class Bulk:
    """A file that is in order: `items` are for the operation `putBulk`."""

    items: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]


def read(content: bytes, name: str) -> Bulk:
    """The entries in `content`, the file called `name`.

    Raises `AerostackError` that lists the first 12 items that are wrong. Properties that
    nobody knows are warnings.
    """
    items = _array(content, name)
    problems = [problem for index, item in enumerate(items) for problem in _problems(index, item)]
    if problems:
        shown = problems[:SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        raise AerostackError(
            "nothing was written: " + "\n".join([f"{len(problems)} problem(s)", *shown]),
            where=name,
            hint=SHAPE,
        )
    warnings = [warning for index, item in enumerate(items) for warning in _unknown(index, item)]
    return Bulk(tuple(map(_entry, items)), tuple(warnings))


def _array(content: bytes, name: str) -> list[Any]:
    try:
        items = parsed(content.removeprefix(b"\xef\xbb\xbf"))
    except json.JSONDecodeError as error:
        where = f"{name}:{error.lineno}:{error.colno}"
        raise AerostackError(f"this is not JSON: {error.msg}", where=where, hint=SHAPE) from None
    if not isinstance(items, list):
        raise AerostackError("the file does not hold a JSON array", where=name, hint=SHAPE)
    return items


def _problems(index: int, item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"item {index} is {_excerpt(item)}, not an object"
        return
    for name in ("key", "value"):
        if not isinstance(item.get(name), str):
            found = f"is {_excerpt(item[name])}, not a string" if name in item else "is missing"
            yield f"item {index}: {name!r} {found}"
    for name in ("expiration", "expiration_ttl"):
        if name in item and (
            isinstance(item[name], bool) or not isinstance(item[name], int | float)
        ):
            yield f"item {index}: {name!r} is {_excerpt(item[name])}, not a number"
    if not isinstance(item.get("base64", False), bool):
        yield f"item {index}: 'base64' is {_excerpt(item['base64'])}, not true or false"
    elif item.get("base64") and isinstance(item.get("value"), str) and _bytes(item) is None:
        yield f"item {index}: 'value' is not base64"


def _unknown(index: int, item: dict[str, Any]) -> Iterator[str]:
    unknown = [name for name in item if name not in PROPERTIES]
    if unknown:
        yield f"item {index} has properties that mean nothing: {', '.join(unknown)}"


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    value = _bytes(item) if item.get("base64") else item["value"]
    given = {option: item[name] for name, option in OPTIONS.items() if name in item}
    return {"key": item["key"], "value": value, **given}


def _bytes(item: dict[str, Any]) -> bytes | None:
    try:
        return base64.b64decode(item["value"], validate=True)
    except (binascii.Error, ValueError):
        return None


def _excerpt(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
