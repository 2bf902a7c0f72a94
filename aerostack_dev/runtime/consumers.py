"""Consumers: acquire a batch → hand it to the handler → settle it (queue-cron-dev.md §1.5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from ..bindings.queue.backend import Backend, Buried, Lease
from ..bindings.queue.batch import Batch, Decision, Settlement
from ..bindings.queue.policy import Policy, default_policies, policies
from ..clock import Clock
from ..config.model import Finding, Project
from ..errors import AerostackError, StateError
from .host import GRACE_SECONDS, HandlerError

R = TypeVar("R")

Deliver = Callable[[Batch], Awaitable[None]]
Notify = Callable[[Finding], None]

PAUSE_SECONDS = 5.0
"""How long a consumer waits before it tries a failing file again."""

NO_HANDLER = (
    "Received a QueueEvent but we lack a handler for QueueEvents. "
    "Did you remember to export a queue() function?"
)


@asynccontextmanager
async def open_consumers(
    backend: Backend,
    project: Project,
    clock: Clock,
    deliver: Deliver,
    notify: Notify,
    *,
    handles_queue: bool | None,
    assumed: set[str] | None = None,
) -> AsyncIterator[None]:
    """Consume the queues of `project` until the end of the block.

    `deliver` hands a batch to the function and raises when that fails. `handles_queue`
    says whether the function has a `queue` handler: with one, produced queues without
    an entry are consumed too (and that is said); without one, batches of the configured
    consumers fail. None: the function is not loaded; `deliver` waits until it is.
    `assumed` remembers, from one opening to the next, of which queues that was said.
    Leaving takes no more messages and waits `GRACE_SECONDS` for deliveries under way,
    then cancels them; their messages are free again.
    """
    said = set() if assumed is None else assumed
    for queue in (default_policies(project) if handles_queue else {}).keys() - said:
        said.add(queue)
        notify(_assumed(queue))
    consumers = consumers_of(backend, project, clock, deliver, notify, handles_queue=handles_queue)
    with backend.listen(consumers, _router(consumers, notify, handles_queue)):
        tasks = [asyncio.create_task(consumer.run()) for consumer in consumers.values()]
        try:
            yield
        finally:
            for consumer in consumers.values():
                consumer.stop()
            await asyncio.gather(*tasks)


def consumers_of(
    backend: Backend,
    project: Project,
    clock: Clock,
    deliver: Deliver,
    notify: Notify,
    *,
    handles_queue: bool | None,
) -> dict[str, Consumer]:
    """The consumers of the queues of `project`, at rest. Parameters as `open_consumers`."""
    assumed = default_policies(project) if handles_queue else {}
    handle = deliver if handles_queue is not False else _unhandled(notify)
    return {
        queue: Consumer(policy, backend, clock, handle, notify)
        for queue, policy in {**policies(project), **assumed}.items()
    }


class Consumer:
    """Takes batches of one queue, `max_concurrency` at a time. Asleep when there is
    nothing to do: it wakes when the queue changes, a delivery ends or a time comes.
    """

    def __init__(
        self, policy: Policy, backend: Backend, clock: Clock, deliver: Deliver, notify: Notify
    ) -> None:
        self._policy = policy
        self._backend = backend
        self._clock = clock
        self._deliver = deliver
        self._notify = notify
        self._wake = asyncio.Event()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """The queue has changed: look again."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more messages; `run` returns when the deliveries have ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Consume until `stop`."""
        while not self._stopping:
            self._wake.clear()
            until = None
            if len(self._running) < self._policy.consumer.max_concurrency:
                until = await self._attempt()
            await self._clock.wait(self._wake, until)
        await self._finish()

    async def step(self) -> float | None:
        """Deliver one batch if it is time, and wait for its end; returns when to look again.

        Raises `StateError` when the queue cannot be read.
        """
        lease, again = await self._take()
        if lease is not None:
            await self._settle(lease, await self._decided(lease))
            return self._clock.now()
        return again

    async def _attempt(self) -> float | None:
        """Start a delivery if it is time; returns when to look again."""
        try:
            lease, again = await self._take()
            if lease is not None:
                await self._begin(lease)
        except Exception as error:
            self._notify(_failing(self._policy.queue, error))
            return self._clock.now() + PAUSE_SECONDS
        return again

    async def _take(self) -> tuple[Lease | None, float | None]:
        """A batch if it is time for one, and when to look again."""
        taken = await self._backend.acquire(self._policy, self._now())
        self._say(taken.buried)
        return taken.lease, None if taken.again_at is None else taken.again_at / 1000

    async def _begin(self, lease: Lease) -> None:
        if self._stopping:
            await self._backend.release(lease, ())
            return
        task = asyncio.create_task(self._deliver_from(lease))
        self._running.add(task)
        task.add_done_callback(self._ended)
        self._wake.set()

    async def _deliver_from(self, lease: Lease) -> None:
        """Deliver a batch, and after it the next one, as long as it is time for one."""
        following: Lease | None = lease
        while following is not None:
            following = await self._exchange(following, await self._decided(following))

    async def _decided(self, lease: Lease) -> Decision:
        """Deliver a batch; returns what becomes of it."""
        ids = [message.id for message in lease.messages]
        settlement = Settlement(ids, self._warn)
        batch = Batch(lease.queue, lease.messages, lease.metrics, settlement)
        failed = True
        try:
            await self._deliver(batch)
            failed = False
        except asyncio.CancelledError as error:
            if _cancelled():
                await self._release(lease, settlement.decide(failed=True).acked)
                raise
            # The handler's own doing: a failure like any other.
            self._notify(_undelivered(lease.queue, error))
        except HandlerError:
            pass  # the runtime has recorded and shown it
        except Exception as error:
            self._notify(_undelivered(lease.queue, error))
        return settlement.decide(failed=failed)

    async def _settle(self, lease: Lease, decision: Decision) -> None:
        settle = partial(self._backend.settle, lease, decision, self._policy)
        self._say(await self._surely(settle))

    async def _exchange(self, lease: Lease, decision: Decision) -> Lease | None:
        """End a lease; returns the next one if it is time for it."""
        if self._stopping:
            await self._settle(lease, decision)
            return None
        exchange = partial(self._backend.exchange, lease, decision, self._policy)
        buried, taken = await self._surely(exchange)
        self._say([*buried, *taken.buried])
        if taken.lease is not None and self._stopping:
            await self._release(taken.lease, ())
            return None
        return taken.lease

    async def _surely(self, work: Callable[[int], Awaitable[R]]) -> R:
        """What `work(now)` returns, as soon as the file does not fail."""
        while True:
            try:
                return await work(self._now())
            except StateError as error:
                self._notify(_failing(self._policy.queue, error))
                await self._clock.sleep(PAUSE_SECONDS)

    async def _release(self, lease: Lease, acked: Sequence[str]) -> None:
        try:
            await self._backend.release(lease, acked)
        except StateError as error:  # the next opening of the file frees the lease
            self._notify(Finding("queue-state", str(error), error.where, error.hint))

    async def _finish(self) -> None:
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    def _say(self, buried: Sequence[Buried]) -> None:
        for message in buried:
            self._notify(_buried(message, self._policy.queue))

    def _warn(self, text: str) -> None:
        self._notify(Finding("queue-settlement", text, self._policy.queue))

    def _now(self) -> int:
        return round(self._clock.now() * 1000)


def _cancelled() -> bool:
    """Whether somebody wants the running task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _router(
    consumers: Mapping[str, Consumer], notify: Notify, handles_queue: bool | None
) -> Callable[[str], None]:
    """Wakes the consumer of a queue that changed; says once when a queue has none."""
    silent: set[str] = set()

    def changed(queue: str) -> None:
        consumer = consumers.get(queue)
        if consumer is not None:
            consumer.wake()
        elif handles_queue is not None and queue not in silent:
            silent.add(queue)
            notify(_unconsumed(queue))

    return changed


def _unhandled(notify: Notify) -> Deliver:
    """Fails every batch, as the platform does for a function without `queue` (§1.4)."""

    async def deliver(batch: Batch) -> None:
        notify(Finding("queue-no-handler", NO_HANDLER, batch.queue))
        raise AerostackError("Handler does not export a queue() function.")

    return deliver


def _assumed(queue: str) -> Finding:
    return Finding(
        "queue-default-consumer",
        f'queue "{queue}" has no consumer entry: it is consumed with the defaults',
        queue,
        f'write [[queues.consumers]] with queue = "{queue}" to choose, and to deploy the same',
    )


def _unconsumed(queue: str) -> Finding:
    return Finding(
        "queue-no-consumer",
        f'queue "{queue}" has no consumer: its messages are kept for 4 days',
        queue,
        f'add [[queues.consumers]] with queue = "{queue}" and a queue handler',
    )


def _buried(message: Buried, queue: str) -> Finding:
    plural = "" if message.attempts == 1 else "s"
    after = f"after {message.attempts} failed attempt{plural}"
    about = f'message "{message.id}" on queue "{queue}"'
    if message.target is None:
        return Finding("queue-dropped", f"Dropped {about} {after}!", queue)
    return Finding(
        "queue-dead-letter",
        f'Moving {about} to dead letter queue "{message.target}" {after}...',
        queue,
    )


def _undelivered(queue: str, error: BaseException) -> Finding:
    text = f'a batch of queue "{queue}" failed: {_worded(error)}'
    return Finding("queue-delivery", text, queue, getattr(error, "hint", ""))


def _failing(queue: str, error: Exception) -> Finding:
    text = (
        f'the consumer of queue "{queue}" will try again in {PAUSE_SECONDS:g} s: {_worded(error)}'
    )
    return Finding("queue-state", text, getattr(error, "where", queue), getattr(error, "hint", ""))


def _worded(error: BaseException) -> str:
    if isinstance(error, AerostackError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
