"""`AppClock`: the time of a function under test, which moves only when it is told to."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from .loops import across

if TYPE_CHECKING:
    from ..runtime.trace import Invocation
    from .stage import Stage


class AppClock:
    """Time that moves only when told. `App.clock` is one.

    Moving it does what has come due on the way: keys expire, delayed messages and full
    batches are delivered to the `queue` handler, crons fire, each at its own moment and
    in order. All of it has ended when the call returns.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._stage.clock.now()

    async def advance(
        self, duration: datetime.timedelta | float = 0, **units: float
    ) -> list[Invocation]:
        """Move time forward, by a number of seconds, a timedelta, or its keywords.

        `advance(hours=1, minutes=30)`; `advance()` does what is due now. Returns the runs
        of handlers that this brought about, in order. Raises `ValueError` for a step back
        and `AerostackError` above 10 000 runs.
        """
        return await self._move(self.now() + _seconds(duration, units))

    async def set(self, time: datetime.datetime | int) -> list[Invocation]:
        """Move time forward to an aware datetime or to ms since the epoch; as `advance`."""
        return await self._move(milliseconds(time) / 1000)

    async def _move(self, when: float) -> list[Invocation]:
        if when < self.now():
            raise ValueError("time only moves forward")
        return await across(self._stage.loop, self._stage.pass_time(when))


def milliseconds(time: datetime.datetime | int) -> int:
    """A time in ms since the epoch. Raises `ValueError` for a naive datetime."""
    if not isinstance(time, datetime.datetime):
        return time
    if time.tzinfo is None:
        raise ValueError("time must be an aware datetime: give it tzinfo=datetime.UTC")
    return round(time.timestamp() * 1000)


def _seconds(duration: datetime.timedelta | float, units: dict[str, Any]) -> float:
    if not isinstance(duration, datetime.timedelta):
        duration = datetime.timedelta(seconds=duration)
    return (duration + datetime.timedelta(**units)).total_seconds()
