"""Crons fire by themselves: once per due minute and expression (interface.md §8).

`fired` decides what is due, `runs` holds the runs under way, and `schedule`, the only
module that knows APScheduler, says when to look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from ...clock import Clock
from ...config.cron import Cron
from ...config.model import Finding
from .fired import Fired, instant
from .runs import Fire, open_runs

__all__ = ["Fired", "open_crons"]


@asynccontextmanager
async def open_crons(
    crons: Sequence[Cron],
    clock: Clock,
    fire: Fire,
    notify: Callable[[Finding], None],
    fired: Fired | None = None,
) -> AsyncIterator[None]:
    """Call `fire(expression, scheduled_time_ms)` at every due minute of every cron.

    Runs may overlap. Runs that are late by a whole minute or more are not made up for:
    `notify` says so. Pass the same `fired` whenever crons are opened again (a reload):
    no minute then runs twice, and one that came due in between is not lost. Leaving
    waits `GRACE_SECONDS` for runs under way, then cancels them.
    """
    firing = [cron for cron in crons if not cron.never]
    if not firing:
        yield
        return
    # APScheduler takes a tenth of a second to import: only projects with crons pay it.
    from .schedule import open_schedule

    done = Fired() if fired is None else fired
    async with open_runs(clock, fire, notify) as runs:

        def look(cron: Cron) -> None:
            due = done.take(cron, instant(clock))
            if due.missed:
                notify(due.finding(cron))
            if due.run is not None:
                runs.start(cron.expression, due.run)

        with done.open(firing, clock):
            async with open_schedule(firing, clock, done, look):
                yield
