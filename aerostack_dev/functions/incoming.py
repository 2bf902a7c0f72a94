"""The body of a request as it arrives, with back-pressure; and noticing who leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientLeftError(ConnectionResetError):
    """The client went away before its request was complete."""


class Incoming:
    """An async iterator over the pieces of a request's body.

    A piece is asked for only when the author (or `left`) wants it, so that a slow
    reader slows the sender down.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._turn = asyncio.Lock()
        self._held = b""
        self._taken = asyncio.Event()
        self._ended = False
        self._gone = False

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> bytes:
        while self._wanting():
            async with self._turn:
                if self._wanting():  # `left` may have received it meanwhile
                    self._accept(await self._receive())
        piece, self._held = self._held, b""
        self._taken.set()
        if piece:
            return piece
        if self._ended:
            raise StopAsyncIteration
        raise ClientLeftError("the client left before its request was complete")

    async def left(self) -> None:
        """Return when the client has gone.

        Holds what it meets of the body, one piece at most, for the reader that may
        still come; until that piece is read, a departure goes unnoticed.
        """
        while not self._gone:
            if self._held and not self._ended:
                self._taken.clear()
                await self._taken.wait()
                continue
            async with self._turn:
                if not self._held or self._ended:
                    self._accept(await self._receive())

    def _wanting(self) -> bool:
        return not (self._held or self._ended or self._gone)

    def _accept(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self._gone = True
            return
        self._held += message.get("body", b"")
        self._ended = not message.get("more_body", False)


@asynccontextmanager
async def while_connected(left: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The block ends early, whatever it waits for, when `left` returns: the client has gone."""
    loop = asyncio.get_running_loop()
    watch = loop.create_task(left)
    limit = asyncio.timeout(None)
    ended = False

    def interrupt(_: object) -> None:
        if not ended:
            limit.reschedule(loop.time())

    watch.add_done_callback(interrupt)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
    finally:
        ended = True
        watch.cancel()
