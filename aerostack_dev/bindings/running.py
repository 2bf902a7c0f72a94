"""Running groups of calls on a SQLite connection: on the loop for a moment, or in its thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import groupby, islice, takewhile
from operator import attrgetter
from typing import Any, TypeVar

import apsw

from .line import Call, Failed, Outcomes
from .moment import Moment

R = TypeVar("R")

LOG_PAGES = 1000
"""The log is moved into the file when it has grown by so much: SQLite's own measure."""


class Runner:
    """Runs calls of a `Line` on `connection`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._log = Log(connection)
        self._connection = connection
        self._moment = Moment(connection)

    def attempt(self, group: list[Call], outcomes: Outcomes) -> bool:
        """Run calls on the loop, for a moment; whether the next one needs the thread."""
        if self._log.long:
            return True
        self._moment.begin()
        try:
            self._run(group, outcomes)
            return self._moment.broken
        finally:
            self._moment.end()

    def run(self, group: list[Call], outcomes: Outcomes) -> None:
        """Run what is left of a group, in the thread."""
        if self._log.long:
            self._log.shorten()
        self._run(group, outcomes)

    def _run(self, group: list[Call], outcomes: Outcomes) -> None:
        """Run calls, in order, one at least, until the moment is over."""
        while len(outcomes) < len(group):
            first = group[len(outcomes)]
            if first.writes:
                left = islice(group, len(outcomes), None)
                self._commit([*takewhile(attrgetter("writes"), left)], outcomes)
            else:
                self._call(first, outcomes)
            if self._moment.over():
                return

    def _call(self, call: Call, outcomes: Outcomes) -> None:
        self._moment.piece()
        try:
            outcomes.append(call.work(self._connection, *call.args, **call.kwargs))
        except Exception as error:
            if not self._moment.broken:
                outcomes.append(Failed(error))

    def _commit(self, calls: list[Call], outcomes: Outcomes) -> None:
        """Run calls in one transaction; if one of them fails, each in its own."""
        self._moment.piece()
        try:
            outcomes += transaction(self._connection, partial(self._results, calls))
        except Exception as error:
            if self._moment.broken:
                return
            if len(calls) == 1:
                outcomes.append(Failed(error))
                return
            for call in calls:
                if not self._moment.over():
                    self._commit([call], outcomes)

    def _results(self, calls: list[Call]) -> list[Any]:
        """What the calls returned that had their turn before the moment was over."""
        results: list[Any] = []
        for (work, together), group in groupby(calls, attrgetter("work", "together")):
            if together:
                results += work(self._connection, [call.args[0] for call in group])
            for call in () if together else group:
                results.append(work(self._connection, *call.args, **call.kwargs))
                if self._moment.over():
                    return results
        return results


class Log:
    """The write-ahead log of a connection, which a thread is to move into the file.

    SQLite would do so within a commit, and sync the disk there.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._pages = 0
        self._most = LOG_PAGES
        connection.set_wal_hook(self._grown)

    @property
    def long(self) -> bool:
        """Whether it is time."""
        return self._pages >= self._most

    def shorten(self) -> None:
        """Move it into the file as far as readers allow; the rest is moved later.

        A disk that fails now fails the next write too, which tells.
        """
        there = moved = 0
        with suppress(apsw.Error):
            there, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._pages = 0
        self._most = LOG_PAGES + max(there - moved, 0)

    def _grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK


def transaction(connection: apsw.Connection, work: Callable[[], R]) -> R:
    """Run `work` between BEGIN IMMEDIATE and COMMIT; roll back when it raises."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            _roll_back(connection)
        raise
    return result


def _roll_back(connection: apsw.Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except apsw.InterruptError:  # on the loop, whose moment may end in the midst of it
        connection.execute("ROLLBACK")
