"""The author's function with everything around it: bindings → host → consumers and crons."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from ..bindings.kind import Kind, Services
from ..bindings.opening import Bindings, open_bindings
from ..bindings.state import State
from ..clock import Clock
from ..config.load import require_main
from ..config.model import Finding, Project
from ..errors import AerostackError, ConfigError
from .background import Background, crons_of
from .caches import Caches
from .changes import news, of_rooms
from .debugging import DebugPort
from .function import Function
from .function import ScheduledRun as ScheduledRun
from .host import Failure, HostServices, Receive, ScheduledEvent, Scope, Send
from .limits import Limits
from .services import Functions, absent
from .settings import Settings as Settings
from .settings import load_project as load_project
from .stamps import Stamps, stamps_of
from .trace import Invocation, Trace

if TYPE_CHECKING:
    from ..bindings.queue.batch import Batch
    from ..clock import Movable, MovableClock
    from ..config.cron import Cron

T = TypeVar("T")


class Surroundings(Struct, frozen=True):
    """What a runtime is given: where state lives, what time it is, whom to tell."""

    kinds: tuple[Kind, ...]
    state: State
    clock: Clock
    entropy: Callable[[int], bytes]
    notify: Callable[[Finding], None]
    adopt: Callable[[Project], None] = lambda _: None
    """Called with a changed configuration before any code runs with it."""
    limits: Limits = field(default_factory=Limits)
    """Those of requests and of loading functions."""
    meanwhile: Callable[[], None] = lambda: None
    """Called while the process of a function starts, when this one has nothing to do."""


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
        if runtime._exchanging is not None:
            await asyncio.wait({runtime._exchanging})


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
        self._caches = Caches(surroundings.clock)
        self._debugging = None if settings.inspect is None else DebugPort(settings.inspect)
        self._watched: Stamps = {}
        self._functions = self._empty()
        self._rooms = AsyncExitStack()
        self._background = Background(self)
        self._gate = asyncio.Event()
        self._changing = asyncio.Lock()
        self._exchanging: asyncio.Future[Any] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of binding that there are."""
        return self._surroundings.kinds

    @property
    def state(self) -> State:
        """The folder of everything that is kept."""
        return self._surroundings.state

    @property
    def functions(self) -> Functions:
        """The functions of the project: the main one and its services."""
        return self._functions

    @property
    def handlers(self) -> frozenset[str]:
        """The handlers of the main function in service; none while it is not loaded."""
        return self._functions.main.handlers

    @property
    def sources(self) -> frozenset[Path]:
        """The author's files in use: a change of one calls for a reload."""
        return frozenset[Path]().union(*(each.sources for each in self._functions))

    @property
    def stamps(self) -> Stamps:
        """What the files in use looked like when they were loaded."""
        return ChainMap({}, *(dict(each.stamps) for each in self._functions), dict(self._watched))

    @property
    def failure(self) -> Failure | None:
        """Why the main function is not loaded; None when it is."""
        return self._functions.main.failure

    @property
    def _limit(self) -> float | None:
        return None if self._debugging is not None else self.project.dev.request_timeout

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Serve one HTTP request; returns the status.

        Raises `LoadError` while the function is not loaded, `HandlerError` when it
        fails; both carry the `request_id`. When cancelled, the scope has it.
        """
        if not self._gate.is_set():
            await self._gate.wait()
        functions = self._functions
        function = functions.at(scope["path"]) if functions.mounts else functions.main
        return await function.fetch(scope, receive, send, self._limit)

    async def fetch_of(self, service: str, scope: Scope, receive: Receive, send: Send) -> int:
        """`fetch`, whatever the path, by the function that is called `service`."""
        await self._gate.wait()
        function = self._functions.find(service)
        if function is None:
            raise absent(service)
        return await function.fetch(scope, receive, send, self._limit)

    async def scheduled(self, cron: str, time_ms: int | None = None) -> ScheduledRun:
        """Run the `scheduled` handler once, for `time_ms` (default: now)."""
        when = int(self._clock.now() * 1000) if time_ms is None else time_ms
        await self._gate.wait()
        return await self._functions.main.scheduled(ScheduledEvent(cron, when))

    async def deliver(self, batch: Batch) -> None:
        """Hand a batch to the `queue` handler. Raises `HandlerError` when it fails.

        While the function cannot be loaded the batch waits: a typing error costs no
        message an attempt.
        """
        await self._functions.main.deliver(batch)

    async def reload(self, changed: frozenset[Path] | None = None) -> list[Function]:
        """Load the functions anew that the files `changed` concern (None: all of them).

        Returns them. Requests under way end on the old code.
        """
        async with self._changing:
            return await self._load(changed)

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

    async def pass_time(self, clock: Movable, until: float) -> list[Invocation]:
        """Move `clock`, which must be this runtime's, to `until`; what comes due on the way
        happens at its own time. Returns the runs. Raises `AerostackError` above a limit.
        """
        return await self._background.pass_time(clock, until)

    async def resume_time(self, clock: MovableClock) -> None:
        """Give this runtime's clock back to the machine; crons go on from there."""
        await self._background.resume(clock)

    async def renew(self) -> None:
        """Begin a new life with the same function: rooms are opened again when they are
        used, the trace is empty, and no cron has fired.
        """
        await self.bindings.renew()
        self._caches.clear()
        self.trace.clear()
        self._background.forget()

    async def ready(self) -> None:
        """Return when the rooms are open, and not just being exchanged."""
        await self._gate.wait()

    async def exchange(self, work: Callable[[], Awaitable[T]]) -> T:
        """Close all that uses the state, do `work`, and open everything again.

        What runs has its grace period, requests wait. Cancelled, because the server is
        being left, the work is still done to its end, and everything stays closed.
        """
        async with self._changing:
            await self._leave()
            self._functions, self._rooms = self._empty(), AsyncExitStack()
            self._exchanging = asyncio.ensure_future(work())
            try:
                return await asyncio.shield(self._exchanging)
            finally:
                if self._exchanging.done():
                    await self._enter(self.project)

    async def settled(self) -> None:
        """Return when no function runs anything, wait_until work included."""
        for function in self._functions:
            await function.settled()

    async def open_rooms(self) -> None:
        """Open the rooms that nothing has used yet, to say now what is wrong with them."""
        async for error in self.bindings.open_all():
            self._say("config", error)

    async def rest(self) -> None:
        """Take no more messages and fire no more crons; what runs has its grace period."""
        await self._background.rest()

    def _empty(self) -> Functions:
        return Functions(self.trace, self._surroundings.limits)

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
            await self._background.rest()
        finally:
            self._gate.clear()
            try:
                await self._functions.close()
            finally:
                await self._rooms.aclose()

    async def _move_to(self, project: Project) -> bool:
        """Open other rooms; when they cannot open, the old ones again (and False)."""
        old = self.project
        await self._leave()
        self._functions, self._rooms = self._empty(), AsyncExitStack()
        try:
            await self._enter(project)
        except AerostackError as error:
            self._say("config", error)
            await self._rooms.aclose()
            self._rooms = AsyncExitStack()
            await self._enter(old)
            return False
        return True

    async def _load(self, changed: frozenset[Path] | None = None) -> list[Function]:
        services = HostServices(
            self.project,
            self.bindings,
            self._clock,
            caches=self._caches,
            debugging=self._debugging,
            hidden=(self.state.root,),
            meanwhile=self._surroundings.meanwhile,
        )
        self._watched = stamps_of(self.project.watched)
        loaded = await self._functions.load(self.project, services, changed)
        for finding in dict.fromkeys(each for one in loaded for each in one.findings):
            self._surroundings.notify(finding)
        main = self._functions.main
        if main.failure is None and self._background.handlers not in (None, main.handlers):
            await self._background_again()
        return loaded

    async def _background_again(self) -> None:
        """(Re)start the consumers and crons for the current project and handlers."""
        self.crons = crons_of(self.project)
        await self._background.renew()

    def _say(self, code: str, error: AerostackError) -> None:
        self._surroundings.notify(Finding(code, str(error), error.where, error.hint))
