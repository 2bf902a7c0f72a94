"""Crons by the machine's own clock: real timers, sleep, a clock that is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, tzinfo

import pytest

from aerostack_dev.clock import RECHECK_SECONDS, SystemClock
from tests.runtime.cron_desk import Desk, seconds, settle


class ShiftedClock(SystemClock):
    """The machine's clock, set to another time of day: its timers are real."""

    def __init__(self, now: float) -> None:
        self._shift = now - super().now()

    def now(self) -> float:
        return super().now() + self._shift

    def real(self, when: float) -> float:
        return when - self._shift


@pytest.mark.spec("queue 2.5.29")
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_real_timers_fire_on_the_minute(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    desk, clock = Desk(), ShiftedClock(seconds("2026-11-22T09:59:59.800"))
    async with desk.open(clock, "0 10 * * *"):
        async with asyncio.timeout(30):
            await desk.fired.wait()
        assert clock.now() >= seconds("2026-11-22T10:00:00")
        assert desk.runs == [("0 10 * * *", "11-22 10:00:00")]


class Wall(SystemClock):
    """A machine whose clock is set by hand and whose timers stand still."""

    def __init__(self, now: float) -> None:
        self.time = now
        self.rechecks = asyncio.Event()
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.rechecks.wait()
        self.rechecks.clear()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Wall]:
    def at(text: str) -> Wall:
        clock = Wall(seconds(text))

        class Reading(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime.fromtimestamp(clock.time, tz)

        monkeypatch.setattr("apscheduler.schedulers.base.datetime", Reading)
        return clock

    return at


@pytest.mark.spec("queue 2.5.29")
async def test_a_machine_that_slept_is_noticed_by_looking_again(
    wall: Callable[[str], Wall],
) -> None:
    desk, clock = Desk(), wall("2026-11-22T01:30:00")
    async with desk.open(clock, "0 * * * *"):
        await settle()
        clock.time = seconds("2026-11-22T09:00:20")
        await settle()
        assert desk.runs == []
        clock.rechecks.set()
        await settle()
        assert desk.runs == [("0 * * * *", "11-22 09:00:00")]
        assert len(desk.findings) == 1
        assert clock.slept == [RECHECK_SECONDS] * 2


async def test_a_clock_set_back_does_not_run_a_minute_again(wall: Callable[[str], Wall]) -> None:
    desk, clock = Desk(), wall("2026-11-22T09:59:59")
    async with desk.open(clock, "* * * * *"):
        for time in ("10:00:00.2", "09:59:59.9", "10:00:00.1", "10:00:59.9", "10:01:00.0"):
            clock.time = seconds(f"2026-11-22T{time.ljust(12, '0')}")
            clock.rechecks.set()
            await settle()
    assert [time for _, time in desk.runs] == ["11-22 10:00:00", "11-22 10:01:00"]


async def test_waiting_does_not_spin(wall: Callable[[str], Wall]) -> None:
    desk, clock = Desk(), wall("2026-11-22T09:00:00")
    reads: list[float] = []

    def now() -> float:
        reads.append(clock.time)
        return clock.time

    async with desk.open(clock, "0 0 29 2 *", "0 * * * *"):
        await settle()
        clock.now = now  # type: ignore[method-assign]
        for _ in range(5):
            await settle()
        assert reads == []
