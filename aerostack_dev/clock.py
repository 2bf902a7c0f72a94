"""The only module that asks for the time or sleeps (law 6 of the house).

Everything that depends on time (expiry, delays, retries, crons) takes a `Clock`, so
a test can move time for all of them at once. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Protocol

stopwatch = time.perf_counter
"""Seconds on a steady scale, for measuring durations only."""

RECHECK_SECONDS = 30.0
"""A machine that slept does not advance its steady timers: look again this often."""


class Clock(Protocol):
    """Where the time comes from."""

    @property
    def still(self) -> bool:
        """Whether time stands still at the moment."""

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


class Movable(Clock, Protocol):
    """A clock that can be moved by hand."""

    def move_to(self, when: float) -> None:
        """Show `when` from here on, and wake all whose moment has come."""

    def stopped(self) -> AbstractContextManager[None]:
        """Until the end of the block, time only moves by `move_to`."""


class SystemClock:
    """The machine's own time."""

    still = False

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), self.now() + seconds)

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        return await _wait(self, event, until, event.wait)

    def real(self, when: float) -> float:
        return when

    def on_shift(self, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class MovableClock:
    """The machine's own time, until it is moved: then so far away from it."""

    def __init__(self) -> None:
        self.offset = 0.0
        """Seconds by which this clock is ahead of the machine; 0.0 when it is not moved."""
        self.now: Callable[[], float] = time.time
        """`Clock.now`: the machine's own function while nobody moves or stops this clock."""
        self._still: float | None = None
        self._shifts = _Shifts()

    @property
    def still(self) -> bool:
        return self._still is not None

    def move_to(self, when: float) -> None:
        self._set(when - time.time(), None if self._still is None else when)
        self._shifts.tell()

    def resume(self) -> None:
        """Be the machine's own time again."""
        self._set(0.0, None)
        self._shifts.tell()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        if self.still:
            yield
            return
        begun, offset = self.now(), self.offset
        self._set(offset, begun)
        try:
            yield
        finally:
            if self._still is not None:
                # What the machine's time went on meanwhile counts: two hours are two hours.
                offset += self._still - begun
                self._set(offset, None)
            self._shifts.tell()

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), self.now() + seconds)

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        return await _wait(self, event, until, lambda: _first(event, self._shifts.next))

    def real(self, when: float) -> float:
        return when - self.offset if self._still is None else time.time() + when - self._still

    def on_shift(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self._shifts.subscribe(callback)

    def _set(self, offset: float, still: float | None) -> None:
        self.offset, self._still = offset, still
        if still is not None:
            self.now = lambda: still
        elif offset:
            self.now = lambda: time.time() + offset
        else:
            self.now = time.time


class ManualClock:
    """Time that moves only when told: `advance` wakes all whose moment has come."""

    still = True

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._shifts = _Shifts()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds`."""
        self.move_to(self._now + seconds)

    def move_to(self, when: float) -> None:
        self._now = when
        self._shifts.tell()

    def stopped(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), self._now + seconds)

    async def wait(self, event: asyncio.Event, until: float | None = None) -> bool:
        while not event.is_set():
            if until is not None and self._now >= until:
                return False
            await _first(event, self._shifts.next)
        return True

    def real(self, when: float) -> float:
        return time.time() + (when - self._now)

    def on_shift(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self._shifts.subscribe(callback)


class _Shifts:
    """Those who want to know when time is moved by hand."""

    def __init__(self) -> None:
        self.next = asyncio.Event()
        """Set by the next shift; then there is another."""
        self._callbacks: list[Callable[[], None]] = []

    def tell(self) -> None:
        told, self.next = self.next, asyncio.Event()
        told.set()
        for callback in list(self._callbacks):
            callback()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)


async def _wait(
    clock: Clock,
    event: asyncio.Event,
    until: float | None,
    stirred: Callable[[], Awaitable[object]],
) -> bool:
    """`Clock.wait` where time passes by itself; `stirred` returns when it is worth a look."""
    if until is None:
        return await event.wait()
    while not event.is_set():
        left = until - clock.now()
        if left <= 0:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, RECHECK_SECONDS)):
                await stirred()
    return True


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
