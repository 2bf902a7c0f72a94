"""The author's function with everything around it: bindings → host → consumers and crons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..bindings.kind import Kind, Services
from ..bindings.kinds import sections
from ..bindings.opening import Bindings, open_bindings
from ..bindings.state import State
from ..clock import Clock
from ..config.load import load, require_main
from ..config.model import Finding, Project
from ..errors import AerostackError, ConfigError
from .changes import news, of_rooms
from .consumers import open_consumers
from .host import (
    Failure,
    HandlerError,
    HostServices,
    LoadError,
    Receive,
    ScheduledEvent,
    Scope,
    Send,
)
from .slot import Slot
from .stamps import Stamps, stamps_of
from .trace import Invocation, Outcome, Trace

if TYPE_CHECKING:
    from ..bindings.queue.batch import Batch
    from ..config.cron import Cron
    from .crons import Fired


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line decides, and a changed file does not."""

    start: Path
    """`aerostack.toml`, or a folder of the project."""
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    background: bool = True
    """Consume queues and fire crons."""
    crons: bool = True
    """Fire crons by themselves."""


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """How one firing of a cron went; `duration_ms` in milliseconds."""

    cron: str
    outcome: Outcome
    no_retry: bool
    duration_ms: float
    failure: Failure | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a runtime is given: where state lives, what time it is, whom to tell."""

    kinds: tuple[Kind, ...]
    state: State
    clock: Clock
    entropy: Callable[[int], bytes]
    notify: Callable[[Finding], None]
    adopt: Callable[[Project], None] = lambda _: None
    """Called with a changed configuration before any code runs with it."""


def load_project(settings: Settings, kinds: tuple[Kind, ...]) -> Project:
    """The project as its files say now. Raises `ConfigError`."""
    return load(
        settings.start,
        sections(kinds),
        environment=settings.environment,
        variables=settings.variables,
        environ=settings.environ,
    )


@asynccontextmanager
async def open_runtime(
    settings: Settings, project: Project, surroundings: Surroundings
) -> AsyncIterator[Runtime]:
    """The function of `project`, running, until the end of the block.

    A function that cannot be loaded is no error here: `Runtime.failure` says why, and a
    reload heals it. Raises `ConfigError` and `StateError` when the rooms cannot open.
    """
    runtime = Runtime(settings, project, surroundings)
    try:
        await runtime._enter(project)
        yield runtime
    finally:
        await runtime._leave()


class Runtime:
    """Runs handlers and records every run in `trace`. `open_runtime` yields it."""

    bindings: Bindings
    services: Services
    """What the rooms were given when they opened."""

    def __init__(self, settings: Settings, project: Project, surroundings: Surroundings) -> None:
        self.settings = settings
        self.project = project
        self.trace = Trace(surroundings.clock, surroundings.entropy)
        self.crons: tuple[Cron, ...] = ()
        self._surroundings = surroundings
        self._clock = surroundings.clock
        self.stamps: Stamps = {}
        """What the files in use looked like when they were loaded."""
        self._slot = Slot()
        self._fired: Fired | None = None
        self._rooms = AsyncExitStack()
        self._background = AsyncExitStack()
        self._consumed: frozenset[str] | None = None
        self._gate = asyncio.Event()
        self._changing = asyncio.Lock()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of binding that there are."""
        return self._surroundings.kinds

    @property
    def state(self) -> State:
        """The folder of everything that is kept."""
        return self._surroundings.state

    @property
    def handlers(self) -> frozenset[str]:
        """The handlers of the function in service; none while it is not loaded."""
        running = self._slot.running
        return running.host.handlers if running else frozenset()

    @property
    def sources(self) -> frozenset[Path]:
        """The author's files in use: a change of one calls for a reload."""
        running = self._slot.running
        return running.host.sources if running else frozenset()

    @property
    def failure(self) -> Failure | None:
        """Why the function is not loaded; None when it is."""
        return self._slot.error.failure if self._slot.error else None

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Serve one HTTP request; returns the status.

        Raises `LoadError` while the function is not loaded, `HandlerError` when it
        fails; both carry the `request_id`.
        """
        if not self._gate.is_set():
            await self._gate.wait()
        invocation = self.trace.open("fetch", f"{scope['method']} {scope['path']}")
        outcome: Outcome = "exception"
        try:
            running = self._slot.enter()
            try:
                invocation.status = await running.host.fetch(scope, receive, send)
                outcome = "ok"
                return invocation.status
            finally:
                running.leave()
        except (HandlerError, LoadError) as error:
            _failed(invocation, error)
            raise
        except asyncio.CancelledError:
            outcome = "canceled"
            raise
        finally:
            self.trace.close(invocation, outcome)

    async def scheduled(self, cron: str, time_ms: int | None = None) -> ScheduledRun:
        """Run the `scheduled` handler once, for `time_ms` (default: now)."""
        when = int(self._clock.now() * 1000) if time_ms is None else time_ms
        event = ScheduledEvent(cron, when)
        invocation = self.trace.open("scheduled", cron)
        invocation.detail = {"scheduledTime": when}
        outcome: Outcome = "exception"
        try:
            await self._gate.wait()
            running = self._slot.enter()
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
            self.trace.close(invocation, outcome)
        return ScheduledRun(
            cron,
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
        running = await self._slot.available()
        invocation = self.trace.open("queue", batch.queue)
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
            self.trace.close(invocation, outcome)

    async def reload(self) -> None:
        """Load the function anew; requests under way end on the old code."""
        async with self._changing:
            await self._load()

    async def reconfigure(self) -> bool:
        """Read the configuration again; returns whether it is in force now.

        A broken one is said, and the old one goes on.
        """
        async with self._changing:
            try:
                project = load_project(self.settings, self._surroundings.kinds)
                require_main(project)
            except ConfigError as error:
                self._say("config", error)
                return False
            self._surroundings.adopt(project)
            for finding in news(self.project, project):
                self._surroundings.notify(finding)
            if of_rooms(project) != of_rooms(self.project):
                return await self._move_to(project)
            self.project = project
            await self._background_again()
            await self._load()
            return True

    async def settled(self) -> None:
        """Return when the function in service runs nothing, wait_until work included."""
        if self._slot.running is not None:
            await self._slot.running.host.settled()

    async def open_rooms(self) -> None:
        """Open the rooms that nothing has used yet, to say now what is wrong with them."""
        async for error in self.bindings.open_all():
            self._say("config", error)

    async def rest(self) -> None:
        """Take no more messages and fire no more crons; what runs has its grace period."""
        await self._background.aclose()

    async def _enter(self, project: Project) -> None:
        """Open everything for `project`, rooms first."""
        self.project = project
        surroundings = self._surroundings
        self.services = Services(
            project, surroundings.state, self._clock, surroundings.entropy, surroundings.notify
        )
        self.bindings = await self._rooms.enter_async_context(
            open_bindings(surroundings.kinds, self.services)
        )
        await self._load()
        await self._background_again()
        self._gate.set()

    async def _leave(self) -> None:
        """Close everything, in the reverse order."""
        try:
            await self._background.aclose()
        finally:
            self._gate.clear()
            try:
                await self._slot.close()
            finally:
                await self._rooms.aclose()

    async def _move_to(self, project: Project) -> bool:
        """Open other rooms; when they cannot open, the old ones again (and False)."""
        old = self.project
        await self._leave()
        self._slot, self._rooms = Slot(), AsyncExitStack()
        self._background, self._consumed = AsyncExitStack(), None
        try:
            await self._enter(project)
        except AerostackError as error:
            self._say("config", error)
            await self._rooms.aclose()
            self._rooms = AsyncExitStack()
            await self._enter(old)
            return False
        return True

    async def _load(self) -> None:
        services = HostServices(self.project, self.bindings, self._clock, self.trace)
        await self._slot.replace(require_main(self.project), services)
        self.stamps = stamps_of((*self.sources, *self.project.watched))
        running = self._slot.running
        if running is None:
            return
        for finding in running.host.findings:
            self._surroundings.notify(finding)
        if self._consumed is not None and self._consumed != running.host.handlers:
            await self._background_again()

    async def _background_again(self) -> None:
        """(Re)start the consumers and crons for the current project and handlers."""
        self.crons = _crons(self.project)
        await self._background.aclose()
        self._background = AsyncExitStack()
        self._consumed = self.handlers
        if not self.settings.background:
            return
        notify = self._surroundings.notify
        await self._background.enter_async_context(
            open_consumers(
                self.bindings.rooms["queue"],
                self.project,
                self._clock,
                self.deliver,
                notify,
                handles_queue="queue" in self.handlers if self._slot.running else None,
            )
        )
        if self.settings.crons and self.crons:
            await self._schedule()

    async def _schedule(self) -> None:
        # Imported here: a start without crons does not pay for them.
        from .crons import Fired, open_crons

        self._fired = self._fired or Fired()
        await self._background.enter_async_context(
            open_crons(self.crons, self._clock, self._fire, self._surroundings.notify, self._fired)
        )

    async def _fire(self, cron: str, time_ms: int) -> None:
        await self.scheduled(cron, time_ms)

    def _say(self, code: str, error: AerostackError) -> None:
        self._surroundings.notify(Finding(code, str(error), error.where, error.hint))


def _crons(project: Project) -> tuple[Cron, ...]:
    if not project.crons:
        return ()
    from ..config.cron import parse

    return tuple(parse(text, project.dev.cron_weekdays) for text in project.crons)


def _failed(invocation: Invocation, error: HandlerError | LoadError) -> None:
    error.request_id = invocation.id
    invocation.failure = error.failure
    if invocation.kind == "fetch" and not (isinstance(error, HandlerError) and error.started):
        invocation.status = 500
