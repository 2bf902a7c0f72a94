"""Frames and the values in them, as they cross to the child (house: the Deno channel).

A frame is the length of its header and of its body (4 bytes each, big-endian), the header
`[kind, id, payload, parts]` as JSON, and the body. What JSON has no form for is null in
the payload, and a part says what belongs there; its path leads there from the header:
`[path, "bytes", size]` the next bytes of the body, `[path, "whole", size]` a stream of
such bytes (to the child only), `[path, "stream", id, size or null]` one that follows.
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from ....wire import Stream

BYTES, WHOLE, STREAM = "bytes", "whole", "stream"

PREFIX = struct.Struct(">II")

_PAYLOAD = 2
"""Where in the header the payload is."""
_SCALARS = frozenset((str, int, float, bool, type(None)))

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

Open = Callable[[AsyncIterator[bytes]], int]
"""Begins to send a stream; returns its id."""
Join = Callable[[int], AsyncIterator[bytes]]
"""The stream that the other side sends under an id."""
Keys = tuple[str | int, ...]
"""The path to a value: names and places, from the header inwards."""


class Whole(NamedTuple):
    """A stream that has been read: for the child it is one still."""

    content: bytes


class Frame(msgspec.Struct, frozen=True):
    """One message."""

    kind: str
    id: int
    payload: Any
    body: bytes


def simple_frame(kind: str, number: int, payload: Any) -> list[bytes]:
    """A frame whose payload JSON can hold as it is."""
    header = dumps([kind, number, payload])
    return [PREFIX.pack(len(header), 0), header]


def encoded(kind: str, number: int, payload: Any, opened: Open) -> list[bytes]:
    """A frame in pieces; streams in `payload` are `opened`."""
    if type(payload) in _SCALARS:
        return simple_frame(kind, number, payload)
    packing = _Packing(opened)
    packed = packing.pack(payload, (_PAYLOAD,))
    if not packing.parts:
        return simple_frame(kind, number, packed)
    header = dumps([kind, number, packed, packing.parts])
    size = sum(map(len, packing.attachments))
    return [PREFIX.pack(len(header), size), header, *packing.attachments]


def chunk(number: int, piece: bytes) -> list[bytes]:
    """A piece of the stream `number`."""
    header = b'["chunk",%d]' % number
    return [PREFIX.pack(len(header), len(piece)), header, piece]


def decoded(header: bytes, body: bytes, join: Join) -> Frame:
    """The frame of these bytes; streams in its payload are joined."""
    fields = loads(header)
    if len(fields) == _PAYLOAD:
        return Frame(fields[0], fields[1], None, body)
    if len(fields) > _PAYLOAD + 1:
        _place(fields, body, join)
    return Frame(fields[0], fields[1], fields[_PAYLOAD], body)


def dumps(value: Any) -> bytes:
    """`value` as JSON; half a surrogate pair, which UTF-8 has no form for, is escaped."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def loads(text: bytes) -> Any:
    """The value of a JSON text, as JavaScript writes it."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


class _Packing:
    """Collects what JSON cannot hold while a value is packed."""

    def __init__(self, opened: Open) -> None:
        self.parts: list[tuple[Any, ...]] = []
        self.attachments: list[bytes] = []
        self._open = opened

    def pack(self, value: Any, path: Keys) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if isinstance(value, dict):
            return self._inner(value, value.items(), path)
        if kind is Whole:
            return self._attach(WHOLE, value.content, path)
        if isinstance(value, (list, tuple)):
            if _SCALARS.issuperset(map(type, value)):
                return value
            return self._inner(value, enumerate(value), path)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._attach(BYTES, bytes(value), path)
        if isinstance(value, (str, int, float)):
            return value
        return self._stream(value, path)

    def _inner(self, value: Any, items: Iterable[tuple[Any, Any]], path: Keys) -> Any:
        """`value` itself, or a copy when something in it is packed."""
        packed = value
        for key, item in items:
            if type(item) in _SCALARS:
                continue
            made = self.pack(item, (*path, key))
            if made is not item:
                if packed is value:
                    packed = dict(value) if isinstance(value, dict) else list(value)
                packed[key] = made
        return packed

    def _attach(self, form: str, content: bytes, path: Keys) -> None:
        self.attachments.append(content)
        self.parts.append((path, form, len(content)))

    def _stream(self, value: Any, path: Keys) -> None:
        size = None
        if isinstance(value, Stream):
            value, size = value.chunks, value.size
        if not hasattr(value, "__aiter__"):
            raise TypeError(f"{type(value).__name__} is no wire value")
        self.parts.append((path, STREAM, self._open(aiter(value)), size))


def _place(fields: list[Any], body: bytes, join: Join) -> None:
    """Put what the parts of a header describe where it belongs."""
    at = 0
    for path, form, *about in fields.pop():
        *way, last = path
        holder: Any = fields
        for key in way:
            holder = holder[key]
        if form == BYTES:
            holder[last] = body[at : at + about[0]]
            at += about[0]
        else:
            number, size = about
            holder[last] = Stream(join(number), size)
