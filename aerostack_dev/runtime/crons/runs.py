"""The runs of crons that are under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from ...clock import Clock
from ...config.model import Finding
from ..host import GRACE_SECONDS

Fire = Callable[[str, int], Awaitable[None]]
"""`fire(expression, scheduled_time)`: the time in ms since the epoch."""


class Runs:
    """Every run is a task of its own: a long one holds up no other."""

    def __init__(self, fire: Fire, notify: Callable[[Finding], None]) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._fire = fire
        self._notify = notify

    def start(self, expression: str, minute: datetime) -> None:
        """Fire `expression` for `minute`."""
        scheduled_time = int(minute.timestamp()) * 1000
        run = asyncio.create_task(self._run(expression, scheduled_time), name=f"cron {expression}")
        self.tasks.add(run)
        run.add_done_callback(self.tasks.discard)

    async def _run(self, expression: str, scheduled_time: int) -> None:
        try:
            await self._fire(expression, scheduled_time)
        except Exception as error:
            # The handler's own failures are recorded by the runtime: this is another.
            message = f'cron "{expression}" could not be run: {type(error).__name__}: {error}'
            self._notify(Finding("cron-failed", message))


@asynccontextmanager
async def open_runs(
    clock: Clock, fire: Fire, notify: Callable[[Finding], None]
) -> AsyncIterator[Runs]:
    """Runs that have `GRACE_SECONDS` to end when this is left, and are cancelled then."""
    runs = Runs(fire, notify)
    try:
        yield runs
    finally:
        if runs.tasks:
            await _end(runs.tasks, clock)


async def _end(tasks: set[asyncio.Task[None]], clock: Clock) -> None:
    ended = asyncio.Event()
    ending = asyncio.gather(*tasks, return_exceptions=True)
    ending.add_done_callback(lambda _: ended.set())
    try:
        await clock.wait(ended, clock.now() + GRACE_SECONDS)
    finally:
        for task in list(tasks):
            task.cancel()
        await ending
