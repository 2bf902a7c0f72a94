"""Values as they cross a boundary: to the author, to a child process, over HTTP.

A *wire value* is None, bool, int, float, str, bytes, a list of wire values or a dict
with str keys and wire values. Operations of a binding take and return wire values
(and `Stream`), so both languages and the control API share them.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import msgspec

BYTES = "$bytes"
"""The key that marks base64 bytes in JSON; a dict that has it by itself is nested in one."""


class Record(dict[str, Any]):
    """A result: a dict whose items are attributes too (`result.meta`, `result["meta"]`).

    A name that is also a dict method (`keys`, `values`, …) is reached by item only
    (interface §5).
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self) or "none"
            raise AttributeError(f"no {name!r} in this result; it has: {known}") from None


def record(value: Any) -> Any:
    """`value` with every dict in it turned into a `Record`."""
    if isinstance(value, dict):
        return Record((key, record(item)) for key, item in value.items())
    if isinstance(value, list):
        return [record(item) for item in value]
    return value


class Stream(msgspec.Struct, frozen=True):
    """Bytes that arrive in pieces; `size` is the total when it is known beforehand."""

    chunks: AsyncIterator[bytes]
    size: int | None = None


class Ready:
    """An async iterator of bytes that may have all of them already."""

    size: int | None = None
    """How many they are, where that is known beforehand."""

    def take(self) -> bytes | None:
        """All that is left, if it is here; then the iterator has ended."""
        raise NotImplementedError


class AtHand(Ready):
    """`data` as an async iterator: one piece, none when it is empty."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def take(self) -> bytes:
        data, self._data = self._data, b""
        return data

    def __aiter__(self) -> AtHand:
        return self

    async def __anext__(self) -> bytes:
        if not self._data:
            raise StopAsyncIteration
        return self.take()

    async def aclose(self) -> None:
        """Nobody reads on."""
        self._data = b""


def at_hand(data: bytes) -> Stream:
    """A stream of `data`."""
    return Stream(AtHand(data), len(data))


def taken(chunks: object) -> bytes | None:
    """All bytes of `chunks`, if they are here; then it has ended. None: read it."""
    return chunks.take() if isinstance(chunks, Ready) else None


async def close_chunks(chunks: object) -> None:
    """Tell an iterator of pieces that nobody reads on, if it can be told."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


def dumps(value: Any) -> bytes:
    """`value` as compact JSON, as `JSON.stringify` would write it.

    NaN and the infinities become null, a `datetime` an ISO string, a dict that has a
    method `toJSON` what that returns. Raises `TypeError` for what JSON cannot hold
    (bytes among it).
    """
    return _encoder.encode(_checked(value))


def loads(text: bytes | str) -> Any:
    """The value of a JSON text. Raises `ValueError` (`msgspec.DecodeError`)."""
    return _decoder.decode(text)


def pack(value: Any) -> bytes:
    """A wire value as JSON, bytes included: the form of the control API."""
    return _encoder.encode(_packed(value))


def unpack(text: bytes | str) -> Any:
    """The wire value that `pack` wrote. Raises `ValueError` when it is not one."""
    return _unpacked(_decoder.decode(text))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def _checked(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    if isinstance(value, dict):
        shown = None if type(value) is dict else getattr(type(value), "toJSON", None)
        if shown is not None:
            return _checked(shown(value))
        return {key: _checked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_checked(item) for item in value]
    return value


def _packed(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {BYTES: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        inner = {key: _packed(item) for key, item in value.items()}
        return {BYTES: inner} if BYTES in value else inner
    if isinstance(value, (list, tuple)):
        return [_packed(item) for item in value]
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        marked = value.get(BYTES) if len(value) == 1 else None
        if isinstance(marked, str):
            return base64.b64decode(marked, validate=True)
        if isinstance(marked, dict):
            value = marked
        return {key: _unpacked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    return value
