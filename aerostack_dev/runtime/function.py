"""One function of a project, the main one or a service: where it runs, and what it ran."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, slots=True)
class ScheduledRun:
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
        """The author's files in use: a change of one calls for a reload."""
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
        # The files of its last loading too: while one is under way, none are in use.
        return self.failure is not None or bool(changed & {*self.sources, *self.stamps})

    async def load(self, main: Path, services: HostServices) -> None:
        """Put `main` into service, or the error that says why it cannot be loaded."""
        await self.slot.replace(main, services)
        self.stamps = stamps_of(self.sources)

    async def fetch(
        self, scope: Scope, receive: Receive, send: Send, limit: float | None = None
    ) -> int:
        """Serve one HTTP request; returns the status. `limit` is in seconds.

        Raises `LoadError` while the function is not loaded, `HandlerError` when it
        fails; both carry the `request_id`. When cancelled, the scope has it.
        """
        name = f"{scope['method']} {scope['path']}"
        invocation = self._trace.open("fetch", name, self.name)
        outcome: Outcome = "exception"
        try:
            running = self.slot.enter()
            try:
                if limit is None:
                    invocation.status = await running.host.fetch(scope, receive, send)
                else:
                    invocation.status = await fetch_within(
                        limit, running.host, scope, receive, send, self._limits
                    )
                outcome = "ok"
                return invocation.status
            finally:
                running.leave()
        except (HandlerError, LoadError) as error:
            _failed(invocation, error)
            raise
        except asyncio.CancelledError:
            outcome = "canceled"
            scope[REQUEST_ID] = invocation.id
            raise
        finally:
            self._trace.close(invocation, outcome)

    async def serve(
        self, scope: Scope, receive: Receive, send: Send, parent: Invocation | None
    ) -> int:
        """`fetch` for another function; waits until this one is loaded, or cannot be."""
        name = f"{scope['method']} {scope['path']}"
        async with self._called("fetch", name, parent) as (invocation, host):
            invocation.status = await host.fetch(scope, receive, send)
            return invocation.status

    async def call(self, method: str, arguments: Sequence[Any], parent: Invocation | None) -> Any:
        """Call a method for another function. Raises `HandlerError` and `LoadError`."""
        async with self._called("rpc", method, parent) as (_, host):
            return await host.call(method, arguments)

    async def scheduled(self, event: ScheduledEvent) -> ScheduledRun:
        """Run the `scheduled` handler once."""
        invocation = self._trace.open("scheduled", event.cron)
        invocation.detail = {"scheduledTime": event.scheduled_time}
        outcome: Outcome = "exception"
        try:
            running = self.slot.enter()
            try:
                await running.host.scheduled(event)
                outcome = "ok"
            finally:
                running.leave()
        except (HandlerError, LoadError) as error:
            _failed(invocation, error)
        except asyncio.CancelledError:
            outcome = "canceled"
            raise
        finally:
            self._trace.close(invocation, outcome)
        return ScheduledRun(
            event.cron,
            outcome,
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
        outcome: Outcome = "exception"
        try:
            try:
                await running.host.queue(batch)
                outcome = "ok"
            finally:
                running.leave()
        except HandlerError as error:
            _failed(invocation, error)
            raise
        except asyncio.CancelledError:
            outcome = "canceled"
            raise
        finally:
            acked = len(batch.settlement.decide(failed=outcome != "ok").acked)
            invocation.detail = {"acked": acked, "total": len(batch.messages)}
            self._trace.close(invocation, outcome)

    @asynccontextmanager
    async def _called(
        self, kind: Kind, name: str, parent: Invocation | None
    ) -> AsyncIterator[tuple[Invocation, FunctionHost]]:
        """A run for another function: its record, and the host to run it on."""
        invocation = self._trace.open(kind, name, self.name, parent)
        outcome: Outcome = "exception"
        try:
            running = await self.slot.loaded()
            try:
                yield invocation, running.host
                outcome = "ok"
            finally:
                running.leave()
        except (HandlerError, LoadError) as error:
            _failed(invocation, error)
            raise
        except asyncio.CancelledError:
            outcome = "canceled"
            raise
        finally:
            self._trace.close(invocation, outcome)

    async def settled(self) -> None:
        """Return when the function in service runs nothing, wait_until work included."""
        if self.slot.running is not None:
            await self.slot.running.host.settled()


def _failed(invocation: Invocation, error: HandlerError | LoadError) -> None:
    error.request_id = invocation.id
    invocation.failure = error.failure
    if invocation.kind == "fetch" and not (isinstance(error, HandlerError) and error.started):
        invocation.status = 500
