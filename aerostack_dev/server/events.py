"""Finished invocations as server-sent events, to any number of patient readers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from .. import wire
from ..errors import ControlError
from ..runtime.trace import Invocation, Trace

KEPT_EVENTS = 256
"""For one reader; one that falls further behind is told how many it missed."""
MOST_READERS = 32

Render = Callable[[Invocation], dict[str, Any]]


class _Reader:
    """What one reader has not read yet. Filling it is cheap: nothing is rendered here."""

    def __init__(self) -> None:
        self.waiting: deque[Invocation] = deque(maxlen=KEPT_EVENTS)
        self.missed = 0
        self.arrived = asyncio.Event()

    def add(self, invocation: Invocation) -> None:
        self.missed += len(self.waiting) == KEPT_EVENTS
        self.waiting.append(invocation)
        self.arrived.set()


class EventStreams:
    """The open streams of one control port."""

    def __init__(self, trace: Trace, render: Render) -> None:
        self._trace = trace
        self._render = render
        self._readers: set[_Reader] = set()
        self.closing = asyncio.Event()
        """Set when every stream is to end."""

    def close(self) -> None:
        """End every stream, and all that are asked for later."""
        self.closing.set()
        for reader in self._readers:
            reader.arrived.set()

    def open(self) -> AsyncGenerator[bytes, None]:
        """A stream that hears of every invocation that ends from now on.

        Raises `ControlError` when there are `MOST_READERS` already.
        """
        if len(self._readers) >= MOST_READERS:
            raise ControlError(
                f"there are {MOST_READERS} readers of events already",
                hint="close a dashboard that is open in another tab",
                code="too-many-readers",
            )
        return self._stream()

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        reader = _Reader()
        self._readers.add(reader)
        leave = self._trace.subscribe(reader.add)
        try:
            yield b": open\n\n"
            while not self.closing.is_set():
                await reader.arrived.wait()
                reader.arrived.clear()
                for event in self._drain(reader):
                    yield event
        finally:
            leave()
            self._readers.discard(reader)

    def _drain(self, reader: _Reader) -> list[bytes]:
        events = []
        if reader.missed:
            events.append(_event("missed", {"missed": reader.missed}))
            reader.missed = 0
        events += [_event("invocation", self._render(one)) for one in reader.waiting]
        reader.waiting.clear()
        return events


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), wire.pack(data))
