"""Invocations under way in a child, and what they say to the server meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ....runs import Recorded, current_run
from ...host import Recorder, ScheduledEvent
from .frames import Frame

if TYPE_CHECKING:
    from ....bindings.queue.batch import Batch

log = logging.getLogger("aerostack.function")

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Invocation(Struct, eq=False):
    """One run of a handler."""

    id: int
    context: Context
    """What is done here for the handler is done in a copy of it."""
    batch: Batch | None = None
    event: ScheduledEvent | None = None

    def settle(self, verb: str, *arguments: Any) -> None:
        """What the handler decided about its batch or its cron."""
        if self.event is not None:
            self.event.no_retry = True
        if self.batch is None:
            return
        settlement = self.batch.settlement
        calls: dict[str, Callable[..., None]] = {
            "ack": lambda identity: settlement.ack(identity),
            "retry": lambda identity, delay=None: settlement.retry(identity, delay),
            "ackAll": lambda: settlement.ack_all(),
            "retryAll": lambda _, delay=None: settlement.retry_all(delay),
        }
        self.context.run(calls[verb], *arguments)


class Running:
    """The invocations of one child, by id. Id 0 is what runs outside of them."""

    def __init__(self) -> None:
        self._count = 0
        self._under_way: dict[int, Invocation] = {}
        self._resting: set[int] = set()
        self._outside = Context()
        self._waiting: list[asyncio.Future[None]] = []
        """For the end of all that somebody waits for."""

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def begin(
        self,
        record: Recorder | None,
        batch: Batch | None = None,
        event: ScheduledEvent | None = None,
    ) -> Invocation:
        """A new invocation."""
        self._count += 1
        context = Context()
        context.run(current_run.set, Recorded(record))
        invocation = Invocation(self._count, context, batch, event)
        self._under_way[invocation.id] = invocation
        return invocation

    def end(self, number: int) -> None:
        """Nothing of the invocation runs any more."""
        self._under_way.pop(number, None)
        self._resting.discard(number)
        if self._waiting:
            self._look()

    def rest(self, number: int) -> None:
        """The invocation holds a WebSocket open: it goes on, but nobody waits for it."""
        if number in self._under_way:
            self._resting.add(number)
            self._look()

    def wake(self) -> None:
        """The WebSockets end: what is left to do because of that is waited for."""
        self._resting.clear()

    def clear(self) -> None:
        """The child is gone, and everything in it."""
        self._under_way.clear()
        self._resting.clear()
        self._look()

    async def settled(self) -> None:
        """Return when no invocation is under way that somebody waits for."""
        if self._busy():
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]

    def _busy(self) -> bool:
        return len(self._under_way) > len(self._resting)

    def _look(self) -> None:
        if self._busy():
            return
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def context(self, number: int) -> Context:
        """A context for work of an invocation."""
        found = self._under_way.get(number)
        return (self._outside if found is None else found.context).copy()

    def said(self, frame: Frame) -> None:
        """A line of the author's console."""
        level, message = frame.payload
        self.context(frame.id).run(say, level, message)

    def settle(self, frame: Frame) -> None:
        """A decision of a handler."""
        found = self._under_way.get(frame.id)
        if found is not None:
            found.settle(*frame.payload)


def say(level: str, message: str) -> None:
    """Log a line of the author's as it is: no level of a logger holds it back."""
    number = LEVELS[level]
    log.handle(log.makeRecord(log.name, number, "", 0, message, (), None))
