"""An answer as the author gets it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON value, or a `Stream` of bytes with its content type."""

    body: Any
    content_type: str = JSON


@runtime_checkable
class Closable(Protocol):
    """An iterator that can be told to stop."""

    async def aclose(self) -> None: ...


async def close(chunks: AsyncIterator[Any]) -> None:
    """Tell an iterator that nobody will read on."""
    if isinstance(chunks, Closable):
        await chunks.aclose()


async def once(data: bytes) -> AsyncGenerator[bytes, None]:
    """`data` as a stream."""
    yield data
