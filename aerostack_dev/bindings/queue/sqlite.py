"""The queues in SQLite: one file for all of them, opened by the first call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager

import apsw

from ..kind import Services
from ..running import transaction
from ..sqlite import Store, open_store
from ..state import State
from . import transactions, watching
from .backend import Buried, Depth, Lease, Outgoing, Taken, Waiting
from .batch import Decision, Metrics
from .policy import Policy, validate
from .watching import Watch, Watchers

FILE = "queue.sqlite"

Listener = tuple[frozenset[str], Callable[[str], None]]


class SqliteBackend:
    """The `Backend` over one SQLite file. `open_backend` yields it."""

    def __init__(self, state: State, stack: AsyncExitStack) -> None:
        self._state = state
        self._stack = stack
        self._opening = asyncio.Lock()
        self._store: Store | None = None
        self._listeners: list[Listener] = []
        self._echoes: set[asyncio.Task[None]] = set()
        self._watchers = Watchers()
        stack.callback(self._watchers.close)

    @property
    def consumed(self) -> frozenset[str]:
        return frozenset().union(*(queues for queues, _ in self._listeners))

    @contextmanager
    def listen(self, consumed: Collection[str], changed: Callable[[str], None]) -> Iterator[None]:
        listener = (frozenset(consumed), changed)
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def watch(self, queue: str) -> AbstractContextManager[Watch]:
        return self._watchers.open(queue)

    async def enqueue(self, queue: str, messages: Sequence[Outgoing], now: int) -> Metrics:
        store = self._store or await self._open()
        try:
            sending = transactions.Sending(queue, messages, now)
            before = await store.write_together(transactions.enqueue, sending)
        except asyncio.CancelledError:
            # The write goes on without its caller: the consumer must hear of it all the same.
            self._echo(store, queue)
            raise
        self._watchers.tell(watching.sent, queue, messages)
        self._changed(queue)
        return before

    async def metrics(self, queue: str, now: int) -> Metrics:
        store = self._store or await self._open()
        return await store.write(transactions.metrics, queue, now)

    async def acquire(self, policy: Policy, now: int) -> Taken:
        store = self._store or await self._open()
        taken = await store.write(transactions.acquire, policy, now)
        self._tell_taken(policy, taken)
        return taken

    async def settle(
        self, lease: Lease, decision: Decision, policy: Policy, now: int
    ) -> Sequence[Buried]:
        store = self._store or await self._open()
        buried = await store.write(transactions.settle, lease, decision, policy, now)
        self._tell_settled(lease, decision, policy, buried)
        return buried

    async def exchange(
        self, lease: Lease, decision: Decision, policy: Policy, now: int
    ) -> tuple[Sequence[Buried], Taken]:
        store = self._store or await self._open()
        buried, taken = await store.write(transactions.exchange, lease, decision, policy, now)
        self._tell_settled(lease, decision, policy, buried)
        self._tell_taken(policy, taken)
        return buried, taken

    async def release(self, lease: Lease, acked: Sequence[str]) -> None:
        store = self._store or await self._open()
        await store.write(transactions.release, lease, acked)
        self._changed(lease.queue)

    async def depths(self, now: int) -> Mapping[str, Depth]:
        store = self._store or await self._open()
        return await store.write(transactions.depths, now)

    async def peek(self, queue: str, limit: int, now: int) -> Sequence[Waiting]:
        store = self._store or await self._open()
        return await store.write(transactions.peek, queue, limit, now)

    async def purge(self, queue: str) -> int:
        store = self._store or await self._open()
        count = await store.write(transactions.purge, queue)
        self._watchers.tell(watching.purged, queue, count)
        return count

    async def redrive(self, queue: str, fallback: str | None, now: int) -> int | None:
        store = self._store or await self._open()
        moved = await store.write(transactions.redrive, queue, fallback, now)
        if moved is None:
            return None
        self._watchers.tell(watching.redriven, queue, moved)
        for source in moved:
            self._changed(source)
        return sum(moved.values())

    def _changed(self, queue: str) -> None:
        for _, changed in self._listeners:
            changed(queue)

    def _tell_taken(self, policy: Policy, taken: Taken) -> None:
        self._watchers.tell(watching.given_up, policy.queue, taken.buried)
        self._tell(taken.buried)

    def _tell_settled(
        self, lease: Lease, decision: Decision, policy: Policy, buried: Sequence[Buried]
    ) -> None:
        self._watchers.tell(watching.settled, lease, decision, policy, buried)
        if decision.retries:
            self._changed(lease.queue)
        self._tell(buried)

    def _tell(self, buried: Sequence[Buried]) -> None:
        for target in {message.target for message in buried}:
            if target is not None:
                self._changed(target)

    def _echo(self, store: Store, queue: str) -> None:
        async def follow() -> None:
            await store.settled()
            self._changed(queue)

        task = asyncio.create_task(follow())
        self._echoes.add(task)
        task.add_done_callback(self._echoes.discard)

    async def _open(self) -> Store:
        async with self._opening:
            if self._store is None:
                path = self._state.file(FILE)
                self._store = await self._stack.enter_async_context(
                    open_store(path, schema=transactions.SCHEMA, prepare=_prepare)
                )
        return self._store


@asynccontextmanager
async def open_backend(
    declarations: Sequence[object], services: Services
) -> AsyncIterator[SqliteBackend]:
    """The queues of a project; their file is opened when it is first used.

    Raises `ConfigError` when the entries of the configuration contradict each other.
    """
    validate(services.project)
    async with AsyncExitStack() as stack:
        yield SqliteBackend(services.state, stack)


def _prepare(connection: apsw.Connection) -> None:
    transaction(connection, lambda: transactions.free_leases(connection))
