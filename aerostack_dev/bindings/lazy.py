"""What is opened by its first use, so that a start pays for nothing it does not need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Something that `open_later` opens when `get` is first called.

    `value` is it once it is open, for callers that cannot afford to wait a turn:
    `store = self._store.value or await self._store.get()`.
    """

    def __init__(
        self, stack: AsyncExitStack, opener: Callable[[], AbstractAsyncContextManager[T]]
    ) -> None:
        self.value: T | None = None
        self._stack = stack
        self._opener = opener
        self._opening: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """It, open. Raises what opening it raises; the next call tries again."""
        # A caller that is cancelled must not leave it half open behind.
        if self._opening is None or _failed(self._opening):
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def settled(self) -> None:
        """Return when no opening is under way."""
        if self._opening is not None:
            await asyncio.wait({self._opening})

    async def _open(self) -> T:
        self.value = await self._stack.enter_async_context(self._opener())
        return self.value


@asynccontextmanager
async def open_later(
    opener: Callable[[], AbstractAsyncContextManager[T]],
) -> AsyncIterator[Lazy[T]]:
    """What `opener` opens, opened when it is first asked for, closed after the block."""
    async with AsyncExitStack() as stack:
        lazy = Lazy(stack, opener)
        try:
            yield lazy
        finally:
            await lazy.settled()


def _failed(opening: asyncio.Task[T]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)
