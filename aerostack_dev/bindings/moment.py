"""A moment: so long, at most, SQLite may keep the event loop waiting."""

from __future__ import annotations

import apsw

from ..clock import stopwatch
from .line import MOMENT_SECONDS

STEPS = 1000
"""How many of SQLite's steps pass between two looks at the time."""
BUSY_SECONDS = 5.0
"""So long a thread waits for another program that holds a lock."""


class Moment:
    """Breaks work on `connection` off that takes longer, or meets a lock.

    What was broken off has left nothing behind: a statement that has begun to commit is
    let through, since SQLite would call it interrupted and keep what it did.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.broken = False
        """Whether something was broken off."""
        self._connection = connection
        self._until: float | None = None
        self._committing = False
        connection.set_busy_timeout(int(BUSY_SECONDS * 1000))
        connection.set_commit_hook(self._commits, id=self)

    def begin(self) -> None:
        """Look at the time from here on."""
        self.broken = False
        self._until = stopwatch() + MOMENT_SECONDS
        self._connection.set_progress_handler(self._look, STEPS, id=self)
        self._connection.set_busy_handler(self._meet)

    def end(self) -> None:
        """Work takes its time again."""
        self.broken = False
        self._until = None
        self._connection.set_progress_handler(None, id=self)
        self._connection.set_busy_timeout(int(BUSY_SECONDS * 1000))

    def over(self) -> bool:
        """Whether it is over."""
        return self._until is not None and (self.broken or stopwatch() > self._until)

    def piece(self) -> None:
        """A piece of work begins, which commits by itself at its end, if at all."""
        self._committing = False

    def _commits(self) -> bool:
        self._committing = True
        return False

    def _look(self) -> bool:
        """Only once: what undoes the work is not broken off."""
        if self.broken or self._committing or not self.over():
            return False
        self.broken = True
        return True

    def _meet(self, _: int) -> bool:
        self.broken = True
        return False
