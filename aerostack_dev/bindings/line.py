"""Calls on their way to a thread: those that wait together go together."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec import Struct

from ..clock import stopwatch

MET_SECONDS = 0.0005
"""So long, at most, the loop stands still for a group, which is then likely done.

While the loop runs, the thread has to get the interpreter's lock back from it after every
SQL statement: that costs more than most statements.
"""


class Call(Struct, eq=False):
    """`work` with what it is called with, and where its result goes."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: asyncio.Future[Any]
    together: bool
    """`work` takes a list: of the only arguments of calls in turn."""


class Failed(Struct, frozen=True):
    """In the place of a result."""

    error: BaseException


Outcomes = list[Any]
"""A result, or `Failed`, of each call of a group, in order, as soon as it is known."""
Run = Callable[[list[Call], Outcomes], None]
"""Runs a group in the thread."""
Hop = Callable[..., Coroutine[Any, Any, Any]]
"""`await hop(work, *args)` calls `work` in the thread."""


class Line:
    """Takes at most `most` calls at a time to the thread.

    `explain` makes an author's error of one of the thread. `told` is how often, in seconds,
    it is looked at what is done while a group runs; None: at its end only.
    """

    def __init__(
        self,
        hop: Hop,
        run: Run,
        explain: Callable[[BaseException], BaseException],
        most: int,
        told: float | None = None,
    ) -> None:
        self._hop = hop
        self._run = run
        self._explain = explain
        self._most = most
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Call] = []
        self._worker: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._under_way = threading.Lock()
        """Held from the start of a group until its end in the thread."""
        self._quick = True
        """Whether the last group was worth standing still for."""

    def join(
        self,
        work: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        together: bool = False,
    ) -> asyncio.Future[Any]:
        """Let a call go with the next group."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(Call(work, args, kwargs, future, together))
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())
        return future

    async def settled(self) -> None:
        """Return when nothing waits."""
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._take(group)
        finally:
            self._worker = None

    async def _take(self, group: list[Call]) -> None:
        outcomes: Outcomes = []
        self._under_way.acquire(blocking=False)  # held still, if the last group was met
        try:
            hop = self._hop(self._in_thread, group, outcomes)
            await _begun(hop, partial(self._meet, group, outcomes))
        except BaseException as error:
            outcomes += [Failed(error)] * (len(group) - len(outcomes))
            if not isinstance(error, Exception):
                raise
        finally:
            if self._telling is not None:
                self._telling.cancel()
                self._telling = None
            self._tell(group, outcomes)

    def _meet(self, group: list[Call], outcomes: Outcomes) -> None:
        """Wait for a group that is likely to be done at once."""
        if self._quick and self._under_way.acquire(timeout=MET_SECONDS):
            self._tell(group, outcomes)
        elif self._told is not None and len(group) > 1:
            self._tell_now_and_then(group, outcomes, self._told)

    def _tell_now_and_then(self, group: list[Call], outcomes: Outcomes, every: float) -> None:
        """A call that is done does not wait for a slow one behind it."""
        self._tell(group, outcomes)
        self._telling = self._loop.call_later(
            every, self._tell_now_and_then, group, outcomes, every
        )

    def _tell(self, group: list[Call], outcomes: Outcomes) -> None:
        for call, outcome in zip(group, outcomes, strict=False):
            if call.future.done():
                continue
            if isinstance(outcome, Failed):
                call.future.set_exception(self._explain(outcome.error))
            else:
                call.future.set_result(outcome)

    def _in_thread(self, group: list[Call], outcomes: Outcomes) -> None:
        begun = stopwatch()
        try:
            self._run(group, outcomes)
        finally:
            self._quick = stopwatch() - begun < MET_SECONDS
            self._under_way.release()


@types.coroutine
def _begun(
    work: Coroutine[Any, Any, None], meanwhile: Callable[[], None]
) -> Generator[Any, Any, None]:
    """Await `work`; call `meanwhile` as soon as it waits itself."""
    awaited = work.send(None)
    meanwhile()
    with suppress(StopIteration):  # its end
        while True:
            try:
                yield awaited
            except BaseException as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(None)
