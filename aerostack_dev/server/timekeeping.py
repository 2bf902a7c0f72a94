"""The time of a running server: shown, moved forward, and given back to the machine."""

from __future__ import annotations

import math
from typing import Any

from ..clock import Clock, MovableClock
from ..errors import ControlError
from ..runtime.trace import Invocation
from .contract import Runtime

FURTHEST = 253_402_300_799
"""The last second of the year 9999, where Python's calendar ends."""
WAYS = ("advance", "set", "resume")


class Timekeeper:
    """Moves the clock of `runtime`."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    async def change(self, way: str, value: Any) -> dict[str, Any]:
        """`advance` by seconds, `set` to seconds since the epoch, or `resume`.

        Returns the runs that came due: `{"crons", "batches", "failed"}`. Raises
        `ControlError` for a step back, `AerostackError` for too many runs.
        """
        clock = self._clock
        if not isinstance(clock, MovableClock):
            raise ControlError("the time of this server cannot be moved", code="fixed-clock")
        if way == "resume":
            await self._runtime.resume_time(clock)
            return counts([])
        with clock.stopped():
            until = self._until(clock.now(), way, float(value))
            return counts(await self._runtime.pass_time(clock, until))

    def _until(self, now: float, way: str, value: float) -> float:
        until = now + value if way == "advance" else value
        if not math.isfinite(until) or until > FURTHEST:
            raise ControlError("that is beyond the year 9999", code="usage")
        if until < now:
            raise ControlError(
                "time only moves forward",
                hint="`aerostack clock resume` goes back to the machine's time",
                code="backwards",
            )
        return until


def counts(runs: list[Invocation]) -> dict[str, int]:
    """How many runs there were of which kind, and how many failed."""
    return {
        "crons": sum(run.kind == "scheduled" for run in runs),
        "batches": sum(run.kind == "queue" for run in runs),
        "failed": sum(run.outcome != "ok" for run in runs),
    }
