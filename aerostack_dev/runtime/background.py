"""What the runtime does by itself: it consumes queues and fires crons, or lets time pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ..clock import Movable, MovableClock
from ..config.model import Project
from ..errors import AerostackError

if TYPE_CHECKING:
    from ..config.cron import Cron
    from .crons import Fired
    from .runtime import Runtime
    from .trace import Invocation


class Background:
    """The consumers and crons of one runtime, live or held still."""

    def __init__(self, runtime: Runtime) -> None:
        self.handlers: frozenset[str] | None = None
        """Those of the function that is served; None while nothing is."""
        self._runtime = runtime
        self._stack = AsyncExitStack()
        self._fired: Fired | None = None
        self._assumed: set[str] = set()
        self._held = False
        self._passing = asyncio.Lock()

    async def renew(self) -> None:
        """(Re)start consumers and crons for the current project and handlers."""
        await self._stack.aclose()
        runtime = self._runtime
        self.handlers = runtime.handlers
        if self._held or not runtime.settings.background:
            return
        from .consumers import open_consumers

        await self._stack.enter_async_context(
            open_consumers(
                runtime.bindings.rooms["queue"],
                runtime.project,
                runtime.services.clock,
                runtime.deliver,
                runtime.services.notify,
                handles_queue=self._handles_queue,
                assumed=self._assumed,
            )
        )
        if runtime.settings.crons and runtime.crons:
            await self._schedule()

    async def rest(self) -> None:
        """Take no more messages and fire no more crons; what runs has its grace period."""
        self.handlers = None
        await self._stack.aclose()

    def forget(self) -> None:
        """Begin anew: no cron has fired yet."""
        self._fired = None

    async def pass_time(self, clock: Movable, until: float) -> list[Invocation]:
        """Move `clock` to `until`, by way of every moment at which something is due.

        Messages are delivered and crons fired at their own times, one after another;
        returns their runs. Raises `AerostackError` when there are too many.
        """
        from .agenda import Agenda
        from .consumers import consumers_of
        from .crons import Fired

        runtime = self._runtime
        if runtime.failure is not None:
            raise AerostackError(
                "time cannot pass while the function is not loaded: its messages would wait",
                hint="correct the error that `aerostack dev` shows, and try again",
                code="not-loaded",
            )
        self._fired = self._fired or Fired()
        runs: list[Invocation] = []
        async with self._passing, self._holding():
            queues = runtime.bindings.rooms["queue"]
            notify = runtime.services.notify
            consumers = consumers_of(
                queues,
                runtime.project,
                clock,
                runtime.deliver,
                notify,
                handles_queue=self._handles_queue,
            )
            crons = runtime.crons if runtime.settings.crons else ()
            agenda = Agenda(crons, self._fired, consumers, runtime.scheduled, notify)
            with (
                queues.listen(consumers, agenda.changed),
                runtime.trace.collected(runs),
                clock.stopped(),
            ):
                await agenda.pass_time(clock, until)
        return runs

    async def resume(self, clock: MovableClock) -> None:
        """Give `clock` back to the machine, once no time is being passed."""
        async with self._passing, self._holding():
            clock.resume()

    @asynccontextmanager
    async def _holding(self) -> AsyncIterator[None]:
        """Nothing happens by itself until the end of the block."""
        self._held = True
        await self._stack.aclose()
        try:
            yield
        finally:
            self._held = False
            if self.handlers is not None:
                await self.renew()

    @property
    def _handles_queue(self) -> bool | None:
        return "queue" in self._runtime.handlers if self._runtime.failure is None else None

    async def _schedule(self) -> None:
        # Imported here: a start without crons does not pay for them.
        from .crons import Fired, open_crons

        runtime = self._runtime
        self._fired = self._fired or Fired()
        clock, notify = runtime.services.clock, runtime.services.notify
        await self._stack.enter_async_context(
            open_crons(runtime.crons, clock, self._fire, notify, self._fired)
        )

    async def _fire(self, cron: str, time_ms: int) -> None:
        await self._runtime.scheduled(cron, time_ms)


def crons_of(project: Project) -> tuple[Cron, ...]:
    """The parsed crons of `project`."""
    if not project.crons:
        return ()
    from ..config.cron import parse

    return tuple(parse(text, project.dev.cron_weekdays) for text in project.crons)
