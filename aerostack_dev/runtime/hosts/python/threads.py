"""Threads for the author's blocking code: plain `def` handlers, and imports.

They are daemons, so that code which never ends cannot keep the process alive.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

R = TypeVar("R")

RETRY_SECONDS = 0.002
LOCKING = (
    "<frozen importlib",
    *(module.__file__ for module in (logging, queue, threading) if module.__file__),
)
"""Code, by its file, that holds locks which others wait for."""

MAX_THREADS = 64
"""Plain `def` handlers that run at once; more wait their turn."""

Outcome = tuple[Any, BaseException | None]
Job = tuple[asyncio.Future[Outcome], Context, Callable[..., Any], tuple[Any, ...]]


class Abandoned(SystemExit):
    """Raised inside an import that nobody waits for any more."""


class Threads:
    """A pool that grows with the work, up to `MAX_THREADS`."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0

    async def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """`function(*arguments)` in a thread, with the caller's context variables.

        When the caller is cancelled the thread goes on by itself: it cannot be stopped.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._busy += 1
        if self._busy > self._threads < MAX_THREADS:
            self._threads += 1
            name = f"aerostack-handler-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put((future, copy_context(), function, arguments))
        result: R = _result(await future)
        return result

    def close(self) -> None:
        """Let every thread end after what it is doing."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, context, function, arguments = job
            outcome = _outcome(context.run, function, *arguments)
            if not _post(future, self._settle, future, outcome):
                return
            del job, future, context, function, arguments, outcome

    def _settle(self, future: asyncio.Future[Outcome], outcome: Outcome) -> None:
        self._busy -= 1
        _deliver(future, outcome)


async def run_interruptible(function: Callable[[], R]) -> R:
    """`function()` in a thread of its own; cancelling the caller interrupts it.

    It is interrupted at its next Python instruction: a blocking call ends first.
    """
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    context = copy_context()

    def work() -> None:
        with suppress(Abandoned):  # it may come when `function` is just over
            outcome = _outcome(context.run, function)
            _post(future, _deliver, future, outcome)

    thread = threading.Thread(target=work, name="aerostack-import", daemon=True)
    thread.start()
    try:
        result: R = _result(await future)
        return result
    except asyncio.CancelledError:
        _interrupt(thread, future.get_loop())
        raise


def _interrupt(thread: threading.Thread, loop: asyncio.AbstractEventLoop) -> None:
    """Raise `Abandoned` in `thread` once it is in code that holds no lock of Python's own.

    The import system has locks for the whole process: with their holder gone, the next
    import, in any thread, would wait for ever. So has what traces threads, as coverage does.
    """
    ident = thread.ident
    frame = sys._current_frames().get(ident) if ident is not None else None
    if ident is None or frame is None or not thread.is_alive():
        return
    file, tracer = frame.f_code.co_filename, getattr(threading.gettrace(), "__code__", None)
    if file.startswith(LOCKING) or (tracer is not None and file == tracer.co_filename):
        loop.call_later(RETRY_SECONDS, _interrupt, thread, loop)
    else:
        # It comes with the thread's next loop or call: before any lock is taken there.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(ident), ctypes.py_object(Abandoned)
        )


def _outcome(function: Callable[..., Any], *arguments: Any) -> Outcome:
    try:
        return function(*arguments), None
    except BaseException as error:
        return None, error


def _result(outcome: Outcome) -> Any:
    result, error = outcome
    if error is not None:
        raise error
    return result


def _deliver(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _post(future: asyncio.Future[Outcome], callback: Callable[..., None], *arguments: Any) -> bool:
    """Call back in the loop; False when that loop has been closed meanwhile."""
    try:
        future.get_loop().call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        return False
    return True
