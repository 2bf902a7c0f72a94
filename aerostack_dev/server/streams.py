"""Results that come in pieces, as lines of JSON (`POST /api/stream`).

The first line holds the result, with null in place of the stream in it; then comes a
line for every piece, and a last one that says how it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from .. import wire
from ..errors import AerostackError, ControlError

CONTENT_TYPE = "application/x-ndjson"
STOPPING = "stopping"
"""The code of the error that ends a stream because the server does."""


def parted(result: Any) -> tuple[Any, AsyncIterator[bytes] | None]:
    """A result without the stream in it, and that stream."""
    if isinstance(result, wire.Stream):
        return None, result.chunks
    if isinstance(result, AsyncIterator):
        return None, result
    if isinstance(result, dict):
        for key, item in result.items():
            if isinstance(item, wire.Stream):
                return {**result, key: None}, item.chunks
    return result, None


async def lines(
    result: Any, closing: asyncio.Event, shown: Callable[[Exception], dict[str, Any]]
) -> AsyncGenerator[bytes, None]:
    """The lines of a result; `shown` is the document of an error. Ends when `closing` is set."""
    rest, chunks = parted(result)
    yield _line({"result": rest})
    try:
        if chunks is not None:
            async for chunk in _until(closing, chunks):
                yield _line({"chunk": chunk})
    except (AerostackError, TypeError, ValueError) as error:
        yield _line(shown(error))
    else:
        yield _line({"end": True})
    finally:
        await wire.close_chunks(chunks)


async def _until(
    closing: asyncio.Event, chunks: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    """The pieces as they come. Raises `ControlError` when `closing` is set before the end."""
    end = asyncio.create_task(closing.wait())
    try:
        while not closing.is_set():
            piece = asyncio.ensure_future(anext(chunks, None))
            try:
                await asyncio.wait({piece, end}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not piece.done():
                    piece.cancel()
                    await asyncio.wait({piece})
            if piece.cancelled():
                break
            found = piece.result()
            if found is None:
                return
            yield found
        raise ControlError("the server is stopping", code=STOPPING)
    finally:
        end.cancel()


def _line(value: dict[str, Any]) -> bytes:
    return wire.pack(value) + b"\n"
