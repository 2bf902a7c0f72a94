"""How `aerostack dev` is told to end: by one Ctrl-C in order, by a second one at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

from ...clock import stopwatch

FORCED = 130
"""The exit code of a second Ctrl-C."""
SAME_SECONDS = 0.1
"""Two signals closer together than this are one wish to stop."""


class Leaving:
    """Sets `stop` at the first Ctrl-C or SIGTERM; the second one leaves at once.

    Under `npm run`, `make` or `timeout` one Ctrl-C arrives twice, from the terminal and
    from the wrapper: what comes at the same moment is the same one. The handler is not
    the loop's own, which could not leave while the author's code keeps the loop busy.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._first = 0.0
        self._remains = ExitStack()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._asked)

    def undo(self, what: Callable[[], object]) -> None:
        """Have `what` done when there is no time for an end in order.

        It must be quick, and fit for a signal handler: no locks, nothing of the loop.
        """
        self._remains.callback(what)

    def _asked(self, *_: object) -> None:
        if not self._first:
            self._first = stopwatch()
            self._loop.call_soon_threadsafe(self.stop.set)
        elif stopwatch() - self._first > SAME_SECONDS:
            try:
                self._remains.close()
            finally:
                os._exit(FORCED)
