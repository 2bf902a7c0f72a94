"""Limits of time are lifted, and no loop is called blocked, while a debugger asks."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from aerostack_dev.runtime.blocking import PATIENCE, watch_loop
from aerostack_dev.runtime.limits import Limits


async def test_a_limit_that_is_lifted_never_comes():
    limits = Limits()
    async with limits.within(0.01) as timeout:
        limits.lift()
        assert timeout.when() is None
        await asyncio.sleep(0.03)


async def test_any_thread_lifts_them():
    limits = Limits()
    limits.lift()  # nothing counts yet
    async with limits.within(30) as timeout:
        await asyncio.to_thread(threading.Thread(target=limits.lift).run)
        await asyncio.sleep(0)
        assert timeout.when() is None


async def test_without_that_it_comes():
    limits = Limits()
    threading.Thread(target=limits.lift).run()
    with pytest.raises(TimeoutError):
        async with limits.within(0.01):
            await asyncio.sleep(10)
    limits.lift()


def _wait(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_loop_that_a_debugger_holds_is_not_blocked():
    said: list[object] = []
    halts = 0

    def report(*place: object) -> None:
        said.append(place)

    root = Path(__file__).parent
    with watch_loop(root, lambda: True, report, report, lambda: halts):
        await asyncio.sleep(0.1)
        halts += 1
        _wait(PATIENCE * 2)
        halts += 1
        await asyncio.sleep(0.1)
        assert said == []
        _wait(PATIENCE * 3)
        await asyncio.sleep(0.1)
        assert len(said) == 1
