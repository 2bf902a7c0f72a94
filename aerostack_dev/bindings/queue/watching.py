"""What happens to messages, for those who watch (`aerostack queue tail`)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec

from msgspec import Struct, field

from .backend import Buried, Lease, Outgoing
from .batch import Decision
from .policy import Policy

P = ParamSpec("P")

KEPT_EVENTS = 1000
"""For one watcher; one that falls further behind is told how many it missed."""

What = Literal[
    "sent", "delivered", "retried", "dead-lettered", "dropped", "arrived", "purged", "missed"
]


class Event(Struct, frozen=True):
    """Something that happened in a queue; `fields` by the kind of event:

    sent: `message` (the `Outgoing`). delivered: `acked` and `total` of a batch, `ids` of
    those acked. retried: `id`, `attempts`, `delaySeconds`. dead-lettered: `id`,
    `attempts`, `deadLetterQueue`. dropped: `id`, `attempts`. arrived (from another
    queue): `from`, and `id` or `count`. purged and missed: `count`.
    """

    queue: str
    what: What
    fields: Mapping[str, Any] = field(default_factory=dict)


class Watch:
    """What one watcher has not seen yet, of one queue."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._waiting: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._missed = 0
        self._arrived = asyncio.Event()
        self._closed = False

    def hear(self, event: Event) -> None:
        """Take note of an event, if it is of the queue."""
        if event.queue == self._queue:
            self._missed += len(self._waiting) == KEPT_EVENTS
            self._waiting.append(event)
            self._arrived.set()

    def close(self) -> None:
        """Nothing will happen any more."""
        self._closed = True
        self._arrived.set()

    async def events(self) -> AsyncIterator[Event]:
        """The events as they come, until `close`."""
        while not self._closed or self._waiting:
            await self._arrived.wait()
            self._arrived.clear()
            if self._missed:
                yield Event(self._queue, "missed", {"count": self._missed})
                self._missed = 0
            while self._waiting:
                yield self._waiting.popleft()


class Watchers:
    """All who watch. What nobody watches costs nothing."""

    def __init__(self) -> None:
        self._watches: list[Watch] = []
        self._closed = False

    @contextmanager
    def open(self, queue: str) -> Iterator[Watch]:
        """Watch a queue until the end of the block."""
        watch = Watch(queue)
        if self._closed:
            watch.close()
        self._watches.append(watch)
        try:
            yield watch
        finally:
            self._watches.remove(watch)

    def tell(self, made: Callable[P, Iterable[Event]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell the events that `made(…)` makes."""
        if self._watches:
            for event in made(*args, **kwargs):
                for watch in self._watches:
                    watch.hear(event)

    def close(self) -> None:
        """End every watch."""
        self._closed = True
        for watch in self._watches:
            watch.close()


def sent(queue: str, messages: Sequence[Outgoing]) -> Iterator[Event]:
    for message in messages:
        yield Event(queue, "sent", {"message": message})


def settled(
    lease: Lease, decision: Decision, policy: Policy, buried: Sequence[Buried]
) -> Iterator[Event]:
    acked = list(decision.acked)
    total = len(lease.messages)
    yield Event(lease.queue, "delivered", {"acked": len(acked), "total": total, "ids": acked})
    gone = {message.id for message in buried}
    for message in lease.messages:
        if message.id in decision.retries and message.id not in gone:
            delay = decision.retries[message.id]
            wait = policy.consumer.retry_delay if delay is None else delay
            fields = {"id": message.id, "attempts": message.attempts, "delaySeconds": wait}
            yield Event(lease.queue, "retried", fields)
    yield from given_up(lease.queue, buried)


def given_up(queue: str, buried: Sequence[Buried]) -> Iterator[Event]:
    for message in buried:
        about: dict[str, Any] = {"id": message.id, "attempts": message.attempts}
        if message.target is None:
            yield Event(queue, "dropped", about)
            continue
        yield Event(queue, "dead-lettered", {**about, "deadLetterQueue": message.target})
        yield Event(message.target, "arrived", {"id": message.id, "from": queue})


def purged(queue: str, count: int) -> Iterator[Event]:
    yield Event(queue, "purged", {"count": count})


def redriven(queue: str, moved: Mapping[str, int]) -> Iterator[Event]:
    for target, count in moved.items():
        yield Event(target, "arrived", {"count": count, "from": queue})
