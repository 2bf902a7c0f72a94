"""Between event loops: the function keeps its own, whatever loop a test runs in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from .. import wire

T = TypeVar("T")


class Loop:
    """An event loop in a thread. `open_loop` yields it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; the calling thread waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @contextmanager
    def holding(self, opener: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
        """What `opener` opens, until the end of the block; one task enters and leaves it."""
        task, opened, leave = self.run(self._hold(opener))
        try:
            yield self.run(_first(task, opened))
        finally:
            self.loop.call_soon_threadsafe(leave.set)
            self.run(_ended(task))

    async def _hold(
        self, opener: Callable[[], AbstractAsyncContextManager[T]]
    ) -> tuple[asyncio.Task[None], asyncio.Future[T], asyncio.Event]:
        opened: asyncio.Future[T] = self.loop.create_future()
        leave = asyncio.Event()

        async def live() -> None:
            async with opener() as value:
                opened.set_result(value)
                await leave.wait()

        return self.loop.create_task(live()), opened, leave


@contextmanager
def open_loop() -> Iterator[Loop]:
    """An event loop that runs in a thread of its own until the end of the block."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="aerostack", daemon=True)
        thread.start()
        try:
            yield Loop(loop)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


async def across(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which runs in `loop`; the caller may be in another."""
    if asyncio.get_running_loop() is loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


class Distant:
    """The operations of a binding, for callers in whatever loop: they run in `loop`."""

    def __init__(self, operations: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._operations = operations
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._operations, name)
        if not callable(found) or not hasattr(found, "__operation__"):
            return found

        async def call(*arguments: Any) -> Any:
            here = asyncio.get_running_loop()
            given = [_carried(each, here) for each in arguments]
            return _carried(await across(self._loop, found(*given)), self._loop)

        return call


class Carried(AsyncIterator[bytes]):
    """A stream whose pieces are made in the loop `home`."""

    def __init__(self, pieces: AsyncIterator[bytes], home: asyncio.AbstractEventLoop) -> None:
        self._pieces = pieces
        self._home = home

    async def __anext__(self) -> bytes:
        piece = await across(self._home, _next(self._pieces))
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Give the stream up."""
        await across(self._home, wire.close_chunks(self._pieces))


def _carried(value: Any, home: asyncio.AbstractEventLoop) -> Any:
    """`value` with every stream in it readable from any loop."""
    if isinstance(value, wire.Stream):
        return wire.Stream(Carried(value.chunks, home), value.size)
    if isinstance(value, AsyncIterator):
        return Carried(value, home)
    if isinstance(value, list):
        return [_carried(item, home) for item in value]
    if isinstance(value, dict):
        return type(value)({key: _carried(item, home) for key, item in value.items()})
    return value


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


async def _first(task: asyncio.Task[None], opened: asyncio.Future[T]) -> T:
    """What was opened; raises what kept `task` from that."""
    either: set[asyncio.Future[Any]] = {task, opened}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not opened.done():
        await task
    return opened.result()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    error = None if task.cancelled() else task.exception()
    if error is not None:
        raise error
