"""Limits of time: how long a request may wait for its answer, and how they are lifted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .host import Failure, FunctionHost, HandlerError, Message, Receive, Recorder, Scope, Send

EXCEEDED = "TimeoutError"


class Limits:
    """The limits of time that are counting now."""

    def __init__(self) -> None:
        self._counting: set[asyncio.Timeout] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """`asyncio.timeout`, until `lift` is called."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds) as timeout:
            self._counting.add(timeout)
            try:
                yield timeout
            finally:
                self._counting.discard(timeout)

    def lift(self) -> None:
        """Nothing that is under way has a limit any more: somebody looks into it.

        Any thread may call it.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._lift)
        else:
            self._lift()

    def _lift(self) -> None:
        for timeout in self._counting:
            if not timeout.expired():
                timeout.reschedule(None)


async def fetch_within(
    limit: float,
    host: FunctionHost,
    scope: Scope,
    receive: Receive,
    send: Send,
    record: Recorder | None = None,
    limits: Limits | None = None,
) -> int:
    """`host.fetch`, cancelled when no answer has begun after `limit` seconds.

    A response that streams may take its time. Raises `HandlerError` then, and tells the
    host, which ends what cannot be cancelled.
    """
    timeout: asyncio.Timeout | None = None

    async def begun(message: Message) -> None:
        if timeout is not None and not timeout.expired() and timeout.when() is not None:
            timeout.reschedule(None)
        await send(message)

    try:
        async with (limits or Limits()).within(limit) as timeout:
            return await host.fetch(scope, receive, begun, record)
    except TimeoutError:
        if timeout is None or not timeout.expired():
            raise
    host.overdue()
    raise HandlerError(_exceeded(limit))


def _exceeded(limit: float) -> Failure:
    message = f"the handler had not answered after {limit:g} s, the limit of this project"
    hint = "the limit is `request_timeout` in [dev]: raise it, or await less before the answer"
    return Failure(EXCEEDED, message, (), f"{EXCEEDED}: {message}", hint)
