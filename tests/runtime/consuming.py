"""A room of queues with its consumers, a manual clock and a handler of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aerostack_dev.bindings.queue import KIND, Consumer, Producer
from aerostack_dev.bindings.queue.api import MessageBatch
from aerostack_dev.bindings.queue.batch import Batch
from aerostack_dev.clock import ManualClock
from aerostack_dev.runtime.consumers import open_consumers
from aerostack_dev.runtime.host import Failure, HandlerError
from tests.support.rooms import Room, open_room

START = 1_800_000_000.0
QUIET_ROUNDS = 4


class WatchedClock(ManualClock):
    """Knows who waits on it, so that a test can tell when nothing more will happen."""

    def __init__(self) -> None:
        super().__init__(START)
        self.waiting: list[tuple[asyncio.Event, float | None]] = []

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        entry = (event, until)
        self.waiting.append(entry)
        try:
            return await super().wait(event, until)
        finally:
            self.waiting.remove(entry)

    def at_rest(self) -> bool:
        return all(
            not event.is_set() and (until is None or until > self.now())
            for event, until in self.waiting
        )


@dataclass(frozen=True)
class Delivery:
    """One call of the handler; `at` in seconds since the start."""

    at: float
    queue: str
    bodies: list[Any]
    attempts: list[int]
    ids: list[str]
    batch: Batch
    left: int


@dataclass
class World:
    room: Room
    clock: WatchedClock
    consumers: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    handler: Callable[[MessageBatch], Any] = lambda batch: None

    @property
    def queue(self) -> Any:
        return self.room.env.QUEUE

    @property
    def admin(self) -> Any:
        return self.room.bindings.admins["queue"]

    @property
    def said(self) -> list[str]:
        return [finding.message for finding in self.room.findings]

    def codes(self) -> list[str]:
        return [finding.code for finding in self.room.findings]

    @property
    def bodies(self) -> list[list[Any]]:
        return [delivery.bodies for delivery in self.deliveries]

    @property
    def received(self) -> list[Any]:
        return [body for bodies in self.bodies for body in bodies]

    @property
    def times(self) -> list[float]:
        return [delivery.at for delivery in self.deliveries]

    async def deliver(self, batch: Batch) -> None:
        face = MessageBatch(batch)
        self.deliveries.append(
            Delivery(
                round(self.clock.now() - START, 3),
                face.queue,
                [message.body for message in face.messages],
                [message.attempts for message in face.messages],
                [message.id for message in face.messages],
                batch,
                face.metadata.metrics.backlogCount,
            )
        )
        try:
            outcome = self.handler(face)
            if asyncio.iscoroutine(outcome):
                await outcome
        except Exception as error:
            failure = Failure(type(error).__name__, str(error), (), "")
            raise HandlerError(failure) from error

    async def quiet(self) -> None:
        """Return when every consumer sleeps and nothing is on its way to wake it."""
        calm = 0
        while calm < QUIET_ROUNDS:
            await self.room.backend.depths(0)
            for _ in range(10):
                await asyncio.sleep(0)
            resting = len(self.clock.waiting) >= self.consumers and self.clock.at_rest()
            calm = calm + 1 if resting else 0

    async def pass_time(self, seconds: float) -> None:
        await self.quiet()
        self.clock.advance(seconds)
        await self.quiet()

    @asynccontextmanager
    async def consume(
        self, handles_queue: bool | None = True, *, until_quiet: bool = True
    ) -> AsyncIterator[None]:
        project = self.room.services.project
        async with open_consumers(
            self.room.backend,
            project,
            self.clock,
            self.deliver,
            self.room.findings.append,
            handles_queue=handles_queue,
        ):
            self.consumers = len(self.room.backend.consumed)
            await self.quiet()
            yield
            if until_quiet:
                await self.quiet()
        self.consumers = 0


@asynccontextmanager
async def open_world(
    root: Path, *consumers: Consumer, producers: tuple[Producer, ...] = (), **project: Any
) -> AsyncIterator[World]:
    """The room alone; `World.consume` opens the consumers."""
    clock = WatchedClock()
    settings = {"queues.consumers": consumers}
    async with open_room(root, KIND, *producers, clock=clock, settings=settings, **project) as room:
        yield World(room, clock)


@asynccontextmanager
async def consuming(
    root: Path,
    *consumers: Consumer,
    handler: Callable[[MessageBatch], Any] = lambda batch: None,
    producers: tuple[Producer, ...] = (),
    handles_queue: bool | None = True,
    **project: Any,
) -> AsyncIterator[World]:
    """A world whose consumers are open."""
    async with open_world(root, *consumers, producers=producers, **project) as world:
        world.handler = handler
        async with world.consume(handles_queue):
            yield world


def now(**settings: Any) -> Consumer:
    """A consumer of the queue `default` that delivers without waiting for more."""
    return Consumer(**{"queue": "default", "max_batch_timeout": 0, **settings})
