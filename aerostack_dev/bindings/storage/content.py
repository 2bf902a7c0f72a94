"""The value of a put as it comes in: bytes at once, or a stream of known length (§1.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ...wire import Stream, close_chunks
from .failures import wrong_value
from .values import unicode

UNKNOWN_LENGTH = (
    "Provided readable stream must have a known length (request/response body or readable "
    "half of FixedLengthStream)"
)
TOO_SHORT = "FixedLengthStream did not see all expected bytes before close()."
TOO_LONG = "Attempt to write too many bytes through a FixedLengthStream."


def content_of(value: Any, method: str, interface: str) -> bytes | Stream:
    """A wire value as content: bytes, text, a `Stream` of known length. Raises `TypeError`."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return unicode(value).encode()
    if not isinstance(value, Stream):
        raise wrong_value(method, interface)
    if value.size is None:
        raise TypeError(UNKNOWN_LENGTH)
    return Stream(_exactly(value.chunks, value.size), value.size)


def size_of(content: bytes | Stream) -> int:
    """Its length in bytes, known before it has arrived."""
    return len(content) if isinstance(content, bytes) else content.size or 0


@asynccontextmanager
async def closing(content: bytes | Stream) -> AsyncIterator[bytes | AsyncIterator[bytes]]:
    """The content to read; a stream that is not read to its end is told to stop."""
    source = content.chunks if isinstance(content, Stream) else content
    try:
        yield source
    finally:
        await close_chunks(source)


async def whole(source: bytes | AsyncIterator[bytes]) -> bytes:
    """All of it in memory."""
    return source if isinstance(source, bytes) else b"".join([chunk async for chunk in source])


async def _exactly(chunks: AsyncIterator[Any], size: int) -> AsyncIterator[bytes]:
    """`chunks`, which must be `size` bytes together. Raises `TypeError`."""
    left = size
    try:
        async for chunk in chunks:
            if not isinstance(chunk, (bytes, bytearray, memoryview)):
                raise TypeError(f"a stream to store yields bytes, not {type(chunk).__name__}")
            data = bytes(chunk)
            left -= len(data)
            if left < 0:
                raise TypeError(TOO_LONG)
            yield data
        if left:
            raise TypeError(TOO_SHORT)
    finally:
        await close_chunks(chunks)
