"""When to look whether a cron is due: the only module that knows APScheduler.

APScheduler reads the machine's clock and cannot be told to read ours. So it only says
when to look: what is due then, `Fired` decides by our clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from ...clock import RECHECK_SECONDS, Clock
from ...config.cron import Cron
from .fired import Fired

NAME = "aerostack"
"""Of our executor and loggers: the author's function may use APScheduler too."""


class CronTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The next due minute of a cron, in the machine's time."""

    def __init__(self, cron: Cron, clock: Clock, fired: Fired) -> None:
        self._cron = cron
        self._clock = clock
        self._fired = fired

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """When to look next; at once where a minute is overdue and `previous` is None."""
        upcoming = self._fired.upcoming(self._cron)
        if upcoming is None:
            return None
        when = upcoming.timestamp()
        if previous is None and when <= self._clock.now():
            return now
        # APScheduler asks again before it has acted on `previous`, until the answer lies
        # in the future: the same answer twice would never end.
        return max(datetime.fromtimestamp(self._clock.real(when), UTC), now + now.resolution)


@asynccontextmanager
async def open_schedule(
    crons: Sequence[Cron], clock: Clock, fired: Fired, look: Callable[[Cron], None]
) -> AsyncIterator[None]:
    """Call `look(cron)`, which returns at once, whenever one may be due."""
    scheduler = _scheduler()
    for cron in crons:
        scheduler.add_job(
            look, CronTrigger(cron, clock, fired), args=(cron,), id=cron.expression, executor=NAME
        )
    scheduler.start()
    undo = clock.on_shift(lambda: _reschedule(scheduler))
    rechecking = asyncio.create_task(_recheck(scheduler, clock), name="cron recheck")
    try:
        yield
    finally:
        undo()
        scheduler.pause()  # at once: the shutdown waits for the event loop's next turn
        scheduler.shutdown(wait=False)
        rechecking.cancel()
        await asyncio.wait([rechecking])


def _scheduler() -> AsyncIOScheduler:
    for part in ("scheduler", "executors"):
        logging.getLogger(f"apscheduler.{part}.{NAME}").setLevel(logging.WARNING)
    return AsyncIOScheduler(
        timezone=UTC,
        logger=logging.getLogger(f"apscheduler.scheduler.{NAME}"),
        # It calls the job directly: ours only starts a task, and that at its minute.
        executors={NAME: DebugExecutor()},
        # Lateness is judged by our clock, not by the machine's.
        job_defaults={"misfire_grace_time": None, "coalesce": True},
    )


def _reschedule(scheduler: AsyncIOScheduler) -> None:
    for job in scheduler.get_jobs():
        job.reschedule(job.trigger)


async def _recheck(scheduler: AsyncIOScheduler, clock: Clock) -> None:
    """Look again now and then: the loop's timers stand still while a machine sleeps."""
    while True:
        await clock.sleep(RECHECK_SECONDS)
        scheduler.wakeup()
