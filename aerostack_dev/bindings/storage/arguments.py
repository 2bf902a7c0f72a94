"""A Python author's arguments as wire values: dates, headers, buffers, streams."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from ...wire import Stream
from ..options import camel, options
from .failures import wrong_type
from .http_date import EPOCH, MILLISECOND

LENGTHS = ("size", "length", "content_length")
"""Attributes by which a stream tells how many bytes it is going to yield."""


class FixedLengthStream:
    """An async iterator of bytes with a known length, as `put` wants it.

    `FixedLengthStream(chunks, size)`: `chunks` yields `size` bytes altogether; more or
    fewer are a `TypeError` of the put, which then changes nothing.
    """

    def __init__(self, chunks: Any, size: Any) -> None:
        if not hasattr(chunks, "__aiter__"):
            raise TypeError(f"chunks must be an async iterator, not {type(chunks).__name__}")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise TypeError(f"size must be a whole number of bytes, not {size!r}")
        self.size: int = size
        self._chunks = chunks

    def __aiter__(self) -> Any:
        return aiter(self._chunks)


def options_of(
    given: Mapping[str, Any] | None, keywords: Mapping[str, Any], allowed: tuple[str, ...]
) -> dict[str, Any]:
    """The options of a call as wire values; an option that is None counts as not given."""
    found = options(given, keywords, allowed)
    return {
        name: TRANSLATIONS[name](value) if name in TRANSLATIONS else plain(value)
        for name, value in found.items()
        if value is not None
    }


async def value_of(value: Any) -> Any:
    """The value of a put as wire value; what cannot be one stays for the operation to refuse."""
    if value is None or isinstance(value, (str, bytes)):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (Stream, Mapping)):
        return value
    if hasattr(value, "__aiter__"):
        return Stream(aiter(value), length(value))
    return await _blob(value)


async def _blob(value: Any) -> Any:
    size = length(value)
    if size is None or not callable(getattr(value, "bytes", None)):
        return value
    if callable(getattr(value, "stream", None)):
        return Stream(aiter(value.stream()), size)
    return bytes(await value.bytes())


def length(value: Any) -> int | None:
    """How many bytes a stream or blob says it has."""
    for name in LENGTHS:
        found = getattr(value, name, None)
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
    return None


def plain(value: Any) -> Any:
    """A buffer as `bytes`, everything else as it is."""
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


def _pairs(value: Any) -> Any:
    """Headers as pairs: whatever is no dict and has `items`, or is made of pairs."""
    found = value.items() if callable(getattr(value, "items", None)) else value
    try:
        return [[name, text] for name, text in found]
    except (TypeError, ValueError):
        raise TypeError(f"expected a dict or Headers, not {type(value).__name__}") from None


def _fields(value: Any, owner: str, dates: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return _pairs(value)
    found = {camel(str(name)): plain(item) for name, item in value.items() if item is not None}
    for name in dates:
        if name in found:
            found[name] = _milliseconds(found[name], name, owner)
    return found


def _milliseconds(value: Any, field: str, owner: str) -> int:
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        error = wrong_type(field, owner, "date")
        error.add_note("pass an aware datetime, such as datetime.now(datetime.UTC)")
        raise error
    return (value - EPOCH) // MILLISECOND


def _conditional(value: Any) -> Any:
    return _fields(value, "Conditional", ("uploadedBefore", "uploadedAfter"))


def _http_metadata(value: Any) -> Any:
    return _fields(value, "HttpMetadata", ("cacheExpiry",))


def _range(value: Any) -> Any:
    return _fields(value, "Range", ())


def _custom_metadata(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {_text(name): _text(item) for name, item in value.items()}


def _text(value: Any) -> Any:
    """What is no wire value as Python's own text of it (a UUID, a datetime)."""
    known = (str, bool, int, float, list, dict)
    return value if value is None or isinstance(value, known) else str(value)


TRANSLATIONS = {
    "onlyIf": _conditional,
    "range": _range,
    "httpMetadata": _http_metadata,
    "customMetadata": _custom_metadata,
}
