"""A desk that records what crons fire and say."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from aerostack_dev.clock import ManualClock
from aerostack_dev.config.cron import parse
from aerostack_dev.config.model import Finding
from aerostack_dev.runtime.crons import Fired, open_crons

Run = tuple[str, str]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def clock_at(text: str) -> ManualClock:
    return ManualClock(seconds(text))


class Desk:
    """Records what was fired and said; `hold` makes every handler wait for it."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.cancelled: list[Run] = []
        self.findings: list[Finding] = []
        self.hold: asyncio.Event | None = None
        self.error: Exception | None = None
        self.fired = asyncio.Event()

    async def fire(self, cron: str, time_ms: int) -> None:
        whole, rest = divmod(time_ms, 1000)
        assert rest == 0
        run = (cron, datetime.fromtimestamp(whole, UTC).strftime("%m-%d %H:%M:%S"))
        self.runs.append(run)
        self.fired.set()
        if self.error:
            raise self.error
        if self.hold:
            try:
                await self.hold.wait()
            except asyncio.CancelledError:
                self.cancelled.append(run)
                raise

    def open(
        self, clock: Any, *expressions: str, fired: Fired | None = None
    ) -> AbstractAsyncContextManager[None]:
        crons = [parse(expression) for expression in expressions]
        return open_crons(crons, clock, self.fire, self.findings.append, fired)

    def said(self) -> list[str]:
        return [finding.message for finding in self.findings]


async def settle() -> None:
    """Let everything that is due run: it takes a few turns of the event loop, no time."""
    for _ in range(20):
        await asyncio.sleep(0)


async def advance(clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    await settle()
