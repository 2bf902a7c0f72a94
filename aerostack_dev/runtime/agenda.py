"""Time that passes by hand: what is due happens at its own moment, in order.

Nothing here runs by itself. Whoever moves the clock holds the live consumers and crons
still (`background`), and has each due message delivered and each due cron run awaited.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from ..clock import Movable
from ..config.model import Finding
from ..errors import AerostackError
from .crons.fired import Fired, instant

if TYPE_CHECKING:
    from ..config.cron import Cron
    from .consumers import Consumer

MOST_RUNS = 10_000
"""Runs of handlers that one move of the clock may bring about."""

Fire = Callable[[str, int], Awaitable[object]]
"""`fire(expression, scheduled_time)`: the time in ms since the epoch."""


class Agenda:
    """The crons and queues of a function, and when each is due next.

    What is due at one moment: crons first, as the configuration orders them, then
    batches. One run ends before the next begins.
    """

    def __init__(
        self,
        crons: Sequence[Cron],
        fired: Fired,
        consumers: Mapping[str, Consumer],
        fire: Fire,
        notify: Callable[[Finding], None],
    ) -> None:
        self._crons = [cron for cron in crons if not cron.never]
        self._fired = fired
        self._consumers = consumers
        self._fire = fire
        self._notify = notify
        self._changed = dict.fromkeys(consumers)
        self._due: dict[str, float] = {}
        """Queue -> when its next batch is."""
        self._left = MOST_RUNS

    def changed(self, queue: str) -> None:
        """Messages came into `queue`: look there again."""
        if queue in self._consumers:
            self._changed[queue] = None

    async def pass_time(self, clock: Movable, until: float) -> None:
        """Move `clock` to `until`, by way of every moment at which something is due.

        Raises `AerostackError` before anything happened when the crons are too many, and
        on the way when a function goes on sending messages to itself.
        """
        with self._fired.open(self._crons, clock):
            self._count_crons(until)
            await self._deliver(clock)
            while (moment := self._next()) is not None and moment <= until:
                clock.move_to(max(moment, clock.now()))
                await self._fire_crons(clock)
                await self._deliver(clock)
            clock.move_to(max(until, clock.now()))

    def _next(self) -> float | None:
        """The first moment at which something is due."""
        upcoming = (self._fired.upcoming(cron) for cron in self._crons)
        crons = [minute.timestamp() for minute in upcoming if minute is not None]
        return min([*crons, *self._due.values()], default=None)

    async def _fire_crons(self, clock: Movable) -> None:
        for cron in self._crons:
            due = self._fired.take(cron, instant(clock))
            if due.missed:
                self._notify(due.finding(cron))
            if due.run is not None:
                self._spend(clock)
                await self._fire(cron.expression, int(due.run.timestamp()) * 1000)

    async def _deliver(self, clock: Movable) -> None:
        """Deliver what is due now, and what that brings about now."""
        for queue in [queue for queue, due in self._due.items() if due <= clock.now()]:
            self._changed[queue] = None
        while self._changed:
            queue = next(iter(self._changed))
            del self._changed[queue]
            again = await self._consumers[queue].step()
            self._due.pop(queue, None)
            if again is not None and again <= clock.now():
                self._spend(clock)
                self._changed[queue] = None
            elif again is not None:
                self._due[queue] = again

    def _count_crons(self, until: float) -> None:
        """Refuse a way that is too long. Raises `AerostackError`."""
        minutes = self._minutes(datetime.datetime.fromtimestamp(until, datetime.UTC))
        if next(islice(minutes, MOST_RUNS, None), None) is not None:
            raise AerostackError(
                f"more than {MOST_RUNS} runs of crons are due until then",
                hint="go there in shorter steps, or leave the crons out (--no-cron)",
                code="too-many-runs",
            )

    def _minutes(self, until: datetime.datetime) -> Iterator[datetime.datetime]:
        for cron in self._crons:
            minute = self._fired.upcoming(cron)
            while minute is not None and minute <= until:
                yield minute
                minute = cron.next(minute)

    def _spend(self, clock: Movable) -> None:
        self._left -= 1
        if self._left < 0:
            raise AerostackError(
                f"{MOST_RUNS} runs were made, and more are due at {instant(clock):%F %T} UTC",
                hint="does the queue handler send itself a message each time?",
                code="too-many-runs",
            )
