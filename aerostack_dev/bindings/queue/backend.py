"""What the queues need of a store. Times are in ms since the epoch, delays in seconds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from .batch import Decision, Message, Metrics
from .policy import Policy

if TYPE_CHECKING:
    from .watching import Watch


class Outgoing(Struct, frozen=True):
    """A message to be enqueued."""

    id: str
    body: bytes
    content_type: str
    delay: int


class Lease(Struct, frozen=True):
    """Messages taken for delivery: nobody else gets them until they are settled.

    `places` is the store's own note of where each message (by id) lies.
    """

    queue: str
    messages: tuple[Message, ...]
    metrics: Metrics
    places: Mapping[str, int]


class Buried(Struct, frozen=True):
    """A message whose attempts are used up: moved to `target`, dropped when that is None."""

    id: str
    attempts: int
    target: str | None


class Taken(Struct, frozen=True):
    """What an acquire found: a lease, or when it is worth asking again (None: after a change)."""

    lease: Lease | None
    again_at: int | None
    buried: Sequence[Buried]


class Depth(Struct, frozen=True):
    """How many messages a queue holds."""

    ready: int = 0
    delayed: int = 0
    in_flight: int = 0


class Waiting(Struct, frozen=True):
    """A message as a look at the queue shows it; `attempts` were made so far."""

    id: str
    timestamp: int
    due_at: int
    content_type: str
    attempts: int
    body: bytes


class Backend(Protocol):
    """Keeps the messages of all queues, durably: what returned is there after a crash.

    Messages are delivered in the order in which they became due; a retried one goes to
    the end. Messages older than `RETENTION_SECONDS` are gone.
    """

    @property
    def consumed(self) -> Collection[str]:
        """The queues that somebody consumes right now."""

    def listen(
        self, consumed: Collection[str], changed: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """Consume `consumed`; until the end of the block `changed(queue)` is called
        whenever messages came into any queue.
        """

    def watch(self, queue: str) -> AbstractContextManager[Watch]:
        """See what happens to the messages of a queue from now on, until the end of the
        block.
        """

    async def enqueue(self, queue: str, messages: Sequence[Outgoing], now: int) -> Metrics:
        """Add messages, all or none; returns the backlog as it was before them."""

    async def metrics(self, queue: str, now: int) -> Metrics:
        """The backlog."""

    async def acquire(self, policy: Policy, now: int) -> Taken:
        """Lease the next batch of a queue, if its size or its time has come.

        Each leased message has one attempt more. Those that had used up their attempts
        before (in a crash) are buried.
        """

    async def settle(
        self, lease: Lease, decision: Decision, policy: Policy, now: int
    ) -> Sequence[Buried]:
        """End a lease: delete what is acked, retry or bury the rest; returns the buried."""

    async def exchange(
        self, lease: Lease, decision: Decision, policy: Policy, now: int
    ) -> tuple[Sequence[Buried], Taken]:
        """`settle`, and `acquire` with it: what both return."""

    async def release(self, lease: Lease, acked: Sequence[str]) -> None:
        """Give a lease up: delete what is acked; the rest waits where it was, the
        attempt not counted.
        """

    async def depths(self, now: int) -> Mapping[str, Depth]:
        """How many messages each queue that has any holds."""

    async def peek(self, queue: str, limit: int, now: int) -> Sequence[Waiting]:
        """The first messages of a queue, delayed ones last; they stay."""

    async def purge(self, queue: str) -> int:
        """Delete every message of a queue; returns how many there were."""

    async def redrive(self, queue: str, fallback: str | None, now: int) -> int | None:
        """Move all waiting messages back to the queues they came from; returns how many.

        `fallback` is where those go whose origin is not known. None: there are such,
        without a fallback; nothing was moved.
        """
