"""The clock of `aerostack dev`: the machine's time, or so far away from it."""

from __future__ import annotations

import asyncio
import time

import pytest

from aerostack_dev.clock import ManualClock, MovableClock

HOUR = 3600.0


def test_it_is_the_machines_time_until_it_is_moved():
    clock = MovableClock()
    assert abs(clock.now() - time.time()) < 1
    assert (clock.offset, clock.still, clock.real(5.0)) == (0, False, 5.0)
    clock.move_to(time.time() + HOUR)
    assert clock.offset == pytest.approx(HOUR, abs=1)
    assert clock.now() - time.time() == pytest.approx(HOUR, abs=1)
    assert clock.real(clock.now()) == pytest.approx(time.time(), abs=1)
    clock.resume()
    assert (clock.offset, clock.real(5.0)) == (0, 5.0)


def test_it_stands_still_while_it_is_stopped_and_loses_nothing_by_that():
    clock = MovableClock()
    with clock.stopped(), clock.stopped():
        begun = clock.now()
        assert (clock.still, clock.now()) == (True, begun)
        clock.move_to(begun + HOUR)
        assert (clock.now(), clock.offset > HOUR - 1) == (begun + HOUR, True)
        assert clock.real(begun + 2 * HOUR) == pytest.approx(time.time() + HOUR, abs=1)
    assert (clock.still, clock.offset) == (False, pytest.approx(HOUR, abs=1e-6))
    with clock.stopped():
        clock.resume()
    assert clock.offset == 0


async def test_moving_it_wakes_those_whose_moment_has_come():
    clock = MovableClock()
    now = clock.now()
    early, late = (
        asyncio.create_task(clock.wait(asyncio.Event(), now + seconds)) for seconds in (60, 7200)
    )
    await asyncio.sleep(0)
    clock.move_to(now + HOUR)
    assert await early is False
    assert not late.done()
    clock.move_to(now + 2 * HOUR)
    assert await late is False
    await clock.sleep(0.001)


async def test_an_event_ends_a_wait():
    clock, event = MovableClock(), asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await clock.wait(event) is True
    assert await clock.wait(event, clock.now() + HOUR) is True


@pytest.mark.parametrize("make", [ManualClock, MovableClock])
def test_those_who_asked_hear_of_each_move(make):
    clock, heard = make(), []
    leave = clock.on_shift(lambda: heard.append(clock.now()))
    clock.move_to(5_000_000_000.0)
    leave()
    clock.move_to(6_000_000_000.0)
    assert heard == [pytest.approx(5_000_000_000.0, abs=1)]
