"""Frames and the values in them, as they cross to the child (house: the Deno channel).

A frame is the length of its header and of its body (4 bytes each, big-endian), the header
`[kind, id, payload, attachment sizes]` as JSON, and the body. Where JSON has no form for
a value there is a mark: `{"$bytes": n}` is the n-th attachment, `{"$stream": [id, size]}`
a stream, `{"$whole": n}` one whose bytes are an attachment (to the child only), and
`{"$plain": {…}}` a dict that has such a key by itself.
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from ....wire import Stream

BYTES, STREAM, WHOLE, PLAIN = "$bytes", "$stream", "$whole", "$plain"

PREFIX = struct.Struct(">II")

_MARKS = frozenset((BYTES, STREAM, WHOLE, PLAIN))
_SCALARS = frozenset((str, int, float, bool, type(None)))

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

Open = Callable[[AsyncIterator[bytes]], int]
"""Begins to send a stream; returns its id."""
Join = Callable[[int], AsyncIterator[bytes]]
"""The stream that the other side sends under an id."""


class Whole(NamedTuple):
    """A stream that has been read: for the child it is one still."""

    content: bytes


class Frame(NamedTuple):
    """One message. `body` is what no attachment of the payload is."""

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
    packing = _Packing(opened)
    packed = packing.pack(payload)
    if not packing.marked:
        header = dumps([kind, number, packed])
        return [PREFIX.pack(len(header), 0), header]
    sizes = [len(attachment) for attachment in packing.attachments]
    header = dumps([kind, number, packed, sizes])
    return [PREFIX.pack(len(header), sum(sizes)), header, *packing.attachments]


def chunk(number: int, piece: bytes) -> list[bytes]:
    """A piece of the stream `number`."""
    header = b'["chunk",%d]' % number
    return [PREFIX.pack(len(header), len(piece)), header, piece]


def decoded(header: bytes, body: bytes, join: Join) -> Frame:
    """The frame of these bytes; streams in its payload are joined."""
    fields = loads(header)
    payload = fields[2] if len(fields) > 2 else None
    if len(fields) > 3:
        payload = _unpacked(payload, _parts(body, fields[3]), join)
    return Frame(fields[0], fields[1], payload, body)


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
        self.attachments: list[bytes] = []
        self.marked = False
        self._open = opened

    def pack(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if isinstance(value, dict):
            return self._dict(value)
        if kind is Whole:
            self.marked = True
            self.attachments.append(value.content)
            return {WHOLE: len(self.attachments) - 1}
        if isinstance(value, (list, tuple)):
            if _SCALARS.issuperset(map(type, value)):
                return value
            return [item if type(item) in _SCALARS else self.pack(item) for item in value]
        if isinstance(value, (bytes, bytearray, memoryview)):
            self.marked = True
            self.attachments.append(bytes(value))
            return {BYTES: len(self.attachments) - 1}
        if isinstance(value, (str, int, float)):
            return value
        return self._stream(value)

    def _dict(self, value: dict[str, Any]) -> Any:
        if _SCALARS.issuperset(map(type, value.values())) and _MARKS.isdisjoint(value):
            return value
        packed = {
            name: item if type(item) in _SCALARS else self.pack(item)
            for name, item in value.items()
        }
        if _MARKS.isdisjoint(packed):
            return packed
        self.marked = True
        return {PLAIN: packed}

    def _stream(self, value: Any) -> Any:
        size = None
        if isinstance(value, Stream):
            value, size = value.chunks, value.size
        if not hasattr(value, "__aiter__"):
            raise TypeError(f"{type(value).__name__} is no wire value")
        self.marked = True
        return {STREAM: [self._open(aiter(value)), size]}


def _parts(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    if len(sizes) == 1:
        return [body]
    parts, at = [], 0
    for size in sizes:
        parts.append(body[at : at + size])
        at += size
    return parts


def _unpacked(value: Any, attachments: Sequence[bytes], join: Join) -> Any:
    if isinstance(value, list):
        if _SCALARS.issuperset(map(type, value)):
            return value
        return [
            item if type(item) in _SCALARS else _unpacked(item, attachments, join) for item in value
        ]
    if not isinstance(value, dict):
        return value
    if BYTES in value:
        return attachments[value[BYTES]]
    if STREAM in value:
        number, size = value[STREAM]
        return Stream(join(number), size)
    plain = value.get(PLAIN, value)
    return {
        name: item if type(item) in _SCALARS else _unpacked(item, attachments, join)
        for name, item in plain.items()
    }
