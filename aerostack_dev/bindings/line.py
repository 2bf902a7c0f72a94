"""Calls on their way to a file: those that wait together go together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct

from ..clock import stopwatch

GROUP = 1000
"""At most so many calls are run at a time."""
TOLD_SECONDS = 0.001
"""So long, at most, a call that is done in the thread waits for a slow one behind it."""
MOMENT_SECONDS = 0.0005
"""So long, at most, a group keeps the loop waiting."""
SLOW_SECONDS = 0.002
"""A group that did is slow even where it was not broken off: the disk may be."""
MOST_DOUBLINGS = 6
"""After so many slow groups, each time twice as many go to the thread at once."""


class Call(Struct, eq=False):
    """`work` with what it is called with, and where its result goes."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: asyncio.Future[Any]
    writes: bool
    """It shares a transaction with its neighbours."""
    together: bool
    """`work` takes a list: of the only arguments of calls in turn."""
    once: bool
    """It must not be broken off and begun again."""


class Failed(Struct, frozen=True):
    """In the place of a result."""

    error: BaseException


Outcomes = list[Any]
"""A result, or `Failed`, of each call of a group, in order, as soon as it is known."""
Attempt = Callable[[list[Call], Outcomes], bool]
"""Makes outcomes of a group for a moment; whether the next one needs the thread."""
Run = Callable[[list[Call], Outcomes], None]
"""Makes the outcomes of a group that are not there yet."""
Hop = Callable[..., Coroutine[Any, Any, Any]]
"""`await hop(work, *args)` calls `work` in the thread."""


class Line:
    """Runs calls in groups, one after the other.

    A group is tried on the loop itself: a change of threads and back costs more than most
    statements. What was not done when its moment is over comes with the next group. What
    was broken off, `run` does in the thread, as it does with the next groups. `explain`
    makes an author's error of one of the file.
    """

    def __init__(
        self,
        hop: Hop,
        attempt: Attempt,
        run: Run,
        explain: Callable[[BaseException], BaseException],
    ) -> None:
        self._hop = hop
        self._attempt = attempt
        self._run = run
        self._explain = explain
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Call] = []
        self._called = False
        """Whether the loop is about to take a group."""
        self._away: asyncio.Task[None] | None = None
        """A group is in the thread."""
        self._telling: asyncio.TimerHandle | None = None
        self._slow = 0
        """How many groups in turn were."""
        self._spared = 0
        """So many groups more are not tried on the loop."""

    def join(
        self,
        work: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        writes: bool = False,
        together: bool = False,
        once: bool = False,
    ) -> asyncio.Future[Any]:
        """Let a call go with the next group."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(Call(work, args, kwargs, future, writes, together, once))
        self._go_on()
        return future

    async def settled(self) -> None:
        """Return when nothing waits."""
        while self._waiting or self._away is not None:
            if self._away is not None:
                await asyncio.wait((self._away,))
            else:
                self._take()

    def _go_on(self) -> None:
        if self._waiting and self._away is None and not self._called:
            self._called = True
            self._loop.call_soon(self._come)

    def _come(self) -> None:
        self._called = False
        if self._waiting and self._away is None:
            self._take()

    def _take(self) -> None:
        group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
        outcomes: Outcomes = []
        if self._spared or any(call.once for call in group):
            self._spared = max(self._spared - 1, 0)
            away = True
        else:
            away = self._try(group, outcomes)
        if away:
            self._away = self._loop.create_task(self._visit(group, outcomes))
        else:
            self._waiting[:0] = group[len(outcomes) :]
            self._go_on()

    def _try(self, group: list[Call], outcomes: Outcomes) -> bool:
        """Run a group on the loop; whether what is left needs the thread."""
        begun = stopwatch()
        try:
            away = self._attempt(group, outcomes)
        except BaseException as error:
            _fail(group, outcomes, error)
            away = False
        took = stopwatch() - begun
        if took > (MOMENT_SECONDS if away else SLOW_SECONDS):
            self._slow = min(self._slow + 1, MOST_DOUBLINGS)
            self._spared = 2**self._slow - 1
        else:
            self._slow = 0
        self._tell(group, outcomes)
        return away

    async def _visit(self, group: list[Call], outcomes: Outcomes) -> None:
        """Take a group to the thread."""
        if len(group) > 1:
            self._tell_now_and_then(group, outcomes)
        try:
            await self._hop(self._run, group, outcomes)
        except BaseException as error:
            _fail(group, outcomes, error)
            if not isinstance(error, Exception):
                raise
        finally:
            if self._telling is not None:
                self._telling.cancel()
                self._telling = None
            self._tell(group, outcomes)
            self._away = None
            self._go_on()

    def _tell_now_and_then(self, group: list[Call], outcomes: Outcomes) -> None:
        """A call that is done does not wait for a slow one behind it."""
        self._tell(group, outcomes)
        self._telling = self._loop.call_later(
            TOLD_SECONDS, self._tell_now_and_then, group, outcomes
        )

    def _tell(self, group: list[Call], outcomes: Outcomes) -> None:
        for call, outcome in zip(group, outcomes, strict=False):
            if call.future.done():
                continue
            if isinstance(outcome, Failed):
                call.future.set_exception(self._explain(outcome.error))
            else:
                call.future.set_result(outcome)


def _fail(group: list[Call], outcomes: Outcomes, error: BaseException) -> None:
    """All calls without an outcome fail."""
    outcomes += [Failed(error)] * (len(group) - len(outcomes))
