"""One function of a project, the main one or a service: where it runs, and what it ran."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..config.model import Finding
from .host import (
    REQUEST_ID,
    Failure,
    FunctionHost,
    HandlerError,
    HostServices,
    LoadError,
    Receive,
    ScheduledEvent,
    Scope,
    Send,
)
from .limits import Limits, fetch_within
from .slot import Slot
from .stamps import Stamps, stamps_of
from .trace import Invocation, Kind, Outcome, Trace

if TYPE_CHECKING:
    from ..bindings.queue.batch import Batch


class ScheduledRun(Struct, frozen=True):
    """How one firing of a cron went; `duration_ms` in milliseconds."""

    cron: str
    outcome: Outcome
    no_retry: bool
    duration_ms: float
    failure: Failure | None
    request_id: str


class Function:
    """Runs handlers in the host that is in service, and records every run.

    `name` is empty for the main function.
    """

    def __init__(self, trace: Trace, limits: Limits, name: str = "") -> None:
        self.name = name
        self.slot = Slot(limits)
        self.stamps: Stamps = {}
        """What its files looked like when they were loaded."""
        self._trace = trace
        self._limits = limits

    @property
    def handlers(self) -> frozenset[str]:
        """The handlers of the function in service; none while it is not loaded."""
        running = self.slot.running
        return running.host.handlers if running else frozenset()

    @property
    def sources(self) -> frozenset[Path]:
        """The author's files in use: a change of one calls for a reload.

        Those of its last loading too: while one is under way, or given up, none may be in use.
        """
        return self._loaded.union(self.stamps)

    @property
    def _loaded(self) -> frozenset[Path]:
        """The author's files that are loaded now."""
        running = self.slot.running
        return running.host.sources if running else frozenset()

    @property
    def failure(self) -> Failure | None:
        """Why the function is not loaded; None when it is."""
        return self.slot.error.failure if self.slot.error else None

    @property
    def findings(self) -> Sequence[Finding]:
        """What its loading found worth saying."""
        running = self.slot.running
        return running.host.findings if running else ()

    def concerned(self, changed: frozenset[Path]) -> bool:
        """Whether a change of these files may make a difference to it.

        One that cannot be loaded is tried again after any change, since the missing piece
        may be a file that it never got to see.
        """
        return self.failure is not None or bool(changed & self.sources)

    async def load(self, main: Path, services: HostServices) -> None:
        """Put `main` into service, or the error that says why it cannot be loaded."""
        # Read first, and long before what it imports is there: a save meanwhile must be found.
        before = stamps_of([main])
        await self.slot.replace(main, services)
        loaded = stamps_of(self._loaded)
        self.stamps = {**loaded, **before} if main in loaded else loaded

    async def fetch(
        self, scope: Scope, receive: Receive, send: Send, limit: float | None = None
    ) -> int:
        """Serve one HTTP request; returns the status. `limit` is in seconds.

        Raises `LoadError` while the function is not loaded, `HandlerError` when it
        fails; both carry the `request_id`. When cancelled, the scope has it.
        """
        name = f"{scope['method']} {scope['path']}"
        invocation = self._trace.open("fetch", name, self.name)
        try:  # `_recorded`, written out: every request passes here
            with self.slot.current() as host:
                if limit is None:
                    invocation.status = await host.fetch(scope, receive, send, invocation)
                else:
                    invocation.status = await fetch_within(
                        limit, host, scope, receive, send, invocation, self._limits
                    )
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                scope[REQUEST_ID] = invocation.id
            self._fail(invocation, error)
            raise
        self._trace.close(invocation, "ok")
        return invocation.status

    async def serve(
        self, scope: Scope, receive: Receive, send: Send, parent: Invocation | None
    ) -> int:
        """`fetch` for another function; waits until this one is loaded, or cannot be."""
        name = f"{scope['method']} {scope['path']}"
        async with self._called("fetch", name, parent) as (invocation, host):
            invocation.status = await host.fetch(scope, receive, send, invocation)
            return invocation.status

    async def call(self, method: str, arguments: Sequence[Any], parent: Invocation | None) -> Any:
        """Call a method for another function. Raises `HandlerError` and `LoadError`."""
        async with self._called("rpc", method, parent) as (invocation, host):
            return await host.call(method, arguments, invocation)

    async def scheduled(self, event: ScheduledEvent) -> ScheduledRun:
        """Run the `scheduled` handler once."""
        invocation = self._trace.open("scheduled", event.cron)
        invocation.detail = {"scheduledTime": event.scheduled_time}
        with (
            suppress(HandlerError, LoadError),  # the record has it
            self._recorded(invocation),
            self.slot.current() as host,
        ):
            await host.scheduled(event, invocation)
        assert invocation.outcome is not None
        return ScheduledRun(
            event.cron,
            invocation.outcome,
            event.no_retry,
            (invocation.duration or 0) * 1000,
            invocation.failure,
            invocation.id,
        )

    async def deliver(self, batch: Batch) -> None:
        """Hand a batch to the `queue` handler. Raises `HandlerError` when it fails.

        While the function cannot be loaded the batch waits: a typing error costs no
        message an attempt.
        """
        running = await self.slot.available()
        invocation = self._trace.open("queue", batch.queue)
        failed = True
        with self._recorded(invocation):
            try:
                with running as host:
                    await host.queue(batch, invocation)
                failed = False
            finally:
                acked = len(batch.settlement.decide(failed=failed).acked)
                invocation.detail = {"acked": acked, "total": len(batch.messages)}

    @asynccontextmanager
    async def _called(
        self, kind: Kind, name: str, parent: Invocation | None
    ) -> AsyncIterator[tuple[Invocation, FunctionHost]]:
        """A run for another function: its record, and the host to run it on."""
        invocation = self._trace.open(kind, name, self.name, parent)
        with self._recorded(invocation), await self.slot.loaded() as host:
            yield invocation, host

    async def settled(self) -> None:
        """Return when the function in service runs nothing, wait_until work included."""
        if self.slot.running is not None:
            await self.slot.running.host.settled()

    @contextmanager
    def _recorded(self, invocation: Invocation) -> Iterator[None]:
        """A run of a handler: as the block ends, the invocation does."""
        try:
            yield
        except BaseException as error:
            self._fail(invocation, error)
            raise
        self._trace.close(invocation, "ok")

    def _fail(self, invocation: Invocation, error: BaseException) -> None:
        if isinstance(error, (HandlerError, LoadError)):
            error.request_id = invocation.id
            invocation.failure = error.failure
            started = isinstance(error, HandlerError) and error.started
            if invocation.kind == "fetch" and not started:
                invocation.status = 500
        cancelled = isinstance(error, asyncio.CancelledError)
        self._trace.close(invocation, "canceled" if cancelled else "exception")
