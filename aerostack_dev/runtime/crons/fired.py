"""Which due minutes have been dealt with: fired, or skipped because it was too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from ...clock import Clock
from ...config.cron import Cron
from ...config.model import Finding

LATE = timedelta(minutes=1)
"""A run that is late by this much or more is missed."""
MAX_COUNTED = 100
"""Missed runs are counted this far: a long sleep has very many of a frequent cron."""


@dataclass(frozen=True, slots=True)
class Due:
    """What of a cron has come due: one minute to run, and what was missed before it."""

    run: datetime | None = None
    missed: tuple[datetime, ...] = ()

    def finding(self, cron: Cron) -> Finding:
        """The missed runs in words."""
        first = f"{self.missed[0]:%Y-%m-%d %H:%M} UTC"
        if len(self.missed) == 1:
            said = f"missed its run of {first}"
        elif len(self.missed) <= MAX_COUNTED:
            last = f"{self.missed[-1]:%Y-%m-%d %H:%M} UTC"
            said = f"missed {len(self.missed)} runs, from {first} to {last}"
        else:
            said = f"missed more than {MAX_COUNTED} runs since {first}"
        return Finding(
            "cron-missed",
            f'cron "{cron.expression}" {said}: the machine slept or was busy',
            hint="missed runs are not replayed; `aerostack cron run` fires one now",
        )


class Fired:
    """Up to which instant the due minutes of each expression are dealt with.

    Whoever opens crons keeps one of these for all the times, so that no minute is
    fired twice.
    """

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._left: datetime | None = None

    @contextmanager
    def open(self, crons: Sequence[Cron], clock: Clock) -> Iterator[None]:
        """Go on with `crons`, where they were left less than a minute ago.

        Otherwise, and for an expression that is new, what was due until now was nobody's.
        """
        now = instant(clock)
        # `abs`: a clock that was set back begins anew too.
        known = self._until if self._left is not None and abs(now - self._left) < LATE else {}
        self._until = {cron.expression: known.get(cron.expression, now) for cron in crons}
        try:
            yield
        finally:
            self._left = instant(clock)

    def upcoming(self, cron: Cron) -> datetime | None:
        """The first due minute not dealt with: it may lie in the past."""
        until = self._until.get(cron.expression)
        return None if until is None else cron.next(until)

    def take(self, cron: Cron, now: datetime) -> Due:
        """What is due at `now`, which is dealt with from here on."""
        first = self.upcoming(cron)
        if first is None or first > now:
            return Due()
        until, too_late = self._until[cron.expression], now - LATE
        missed = takewhile(lambda minute: minute <= too_late, cron.due(until))
        latest = cron.next(max(until, too_late))
        self._until[cron.expression] = now
        run = latest if latest is not None and latest <= now else None
        return Due(run, tuple(islice(missed, MAX_COUNTED + 1)))


def instant(clock: Clock) -> datetime:
    """The clock's time as a datetime."""
    return datetime.fromtimestamp(clock.now(), UTC)
