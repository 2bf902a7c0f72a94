"""Both clocks keep the same promises; only one of them moves by itself."""

from __future__ import annotations

import asyncio
import time

import pytest

from aerostack_dev.clock import ManualClock, SystemClock


@pytest.fixture(params=[SystemClock, ManualClock])
def clock(request):
    return request.param()


async def test_an_event_ends_a_wait(clock):
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await clock.wait(event) is True


async def test_a_moment_that_has_come_ends_a_wait_at_once(clock):
    assert await clock.wait(asyncio.Event(), clock.now()) is False


async def test_an_event_set_before_wins_over_a_moment_gone_by(clock):
    event = asyncio.Event()
    event.set()
    assert await clock.wait(event, clock.now() - 1) is True


async def test_the_system_clock_waits_for_its_moment():
    clock = SystemClock()
    started = time.monotonic()
    await clock.sleep(0.02)
    assert time.monotonic() - started >= 0.02
    assert clock.real(5.0) == 5.0
    clock.on_shift(lambda: None)()


async def test_manual_time_stands_still_until_told():
    clock = ManualClock(100.0)
    sleeper = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.advance(9)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.wait_for(sleeper, 1)
    assert clock.now() == 110.0


async def test_moving_manual_time_is_told_to_those_who_asked():
    clock, told = ManualClock(), []
    leave = clock.on_shift(lambda: told.append(clock.now()))
    clock.advance(5)
    leave()
    clock.advance(5)
    assert told == [clock.now() - 5]


async def test_the_real_moment_of_a_manual_one():
    clock = ManualClock(100.0)
    assert clock.real(160.0) == pytest.approx(time.time() + 60, abs=5)
