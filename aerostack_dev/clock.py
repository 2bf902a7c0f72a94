"""The only module that asks for the time or sleeps (law 6 of the house).

Everything that depends on time (expiry, delays, retries, crons) takes a `Clock`, so
a test can move time for all of them at once. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

stopwatch = time.perf_counter
"""Seconds on a steady scale, for measuring durations only."""

RECHECK_SECONDS = 30.0
"""A machine that slept does not advance its steady timers: look again this often."""


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """The current time, in seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on this clock."""

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        """Return True when `event` is set, False when `until` has come (None: never)."""

    def real(self, when: float) -> float:
        """The machine's own time at which this clock will show `when`."""

    def on_shift(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` whenever time is moved by hand; returns the undoing."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), self.now() + seconds)

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        if until is None:
            return await event.wait()
        while not event.is_set():
            left = until - self.now()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(min(left, RECHECK_SECONDS)):
                    await event.wait()
            except TimeoutError:
                continue
        return True

    def real(self, when: float) -> float:
        return when

    def on_shift(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class ManualClock:
    """Time that moves only when told: `advance` wakes all whose moment has come."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._shifted: list[Callable[[], None]] = []
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds`."""
        self._now += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        for callback in list(self._shifted):
            callback()

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), self._now + seconds)

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        while not event.is_set():
            if until is not None and self._now >= until:
                return False
            await _first(event, self._moved)
        return True

    def real(self, when: float) -> float:
        return time.time() + (when - self._now)

    def on_shift(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._shifted.append(callback)
        return lambda: self._shifted.remove(callback)


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
