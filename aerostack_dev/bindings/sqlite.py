"""SQLite for the rooms: one file, one connection, one run for all that arrives together.

aiosqlite owns the thread; beneath it apsw, through aiosqlite's connector, so that every
machine has the same current SQLite and errors tell their offset
(docs/explanation/dependencies.md). This is the only module that uses aiosqlite's
`_execute`: it runs a whole piece of work in the thread, where the public calls would
hop once per statement and once per fetch.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import groupby, takewhile
from operator import attrgetter
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import aiosqlite
import apsw
from msgspec import Struct

from ..errors import StateError
from .line import Call, Failed, Line, Outcomes
from .moment import BUSY_SECONDS, Moment
from .state import PRIVATE_FILE

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Work = Callable[Concatenate[apsw.Connection, P], R]

STATEMENTS = 512
"""How many prepared statements are kept, those that are prepared twice counted twice."""
GROUP = 1000
"""At most so many calls are run at a time."""
TOLD_SECONDS = 0.001
"""So long, at most, a call that is done in the thread waits for a slow one behind it."""
LOG_PAGES = 1000
"""The log is moved into the file when it has grown by so much: SQLite's own measure."""


class Schema(Struct, frozen=True):
    """The format of a file of ours: step n takes it from version n to n + 1."""

    steps: tuple[str, ...]

    @property
    def version(self) -> int:
        return len(self.steps)


class Store:
    """An open SQLite file. `open_store` yields it.

    A call runs on the loop as long as that takes a moment (`Moment`), else in the file's
    thread. Calls that arrive together run together, in their order.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = cast("apsw.Connection", connection._conn)
        self._moment = Moment(self._connection)
        self._log = Log(self._connection)
        explain = partial(_explained, path)
        self._line = Line(
            connection._execute, self._attempt, self._in_thread, explain, GROUP, TOLD_SECONDS
        )

    def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        """Run `work(connection, …)`; it sees every finished write.

        Work that writes here makes its own transaction, at most one. It may be broken off
        and run again, so it only touches the database. Raises what `work` raises, a
        failing file as `StateError`.
        """
        return self._line.join(work, args, kwargs)

    def run_once(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        """As `run`, but in the file's thread, and never broken off."""
        return self._line.join(work, args, kwargs, once=True)

    def write(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        """Run `work(connection, …)` in a transaction shared with concurrent writes.

        It returns when the commit is on disk. `work` may run twice (when another write
        of its group failed, each is run again alone), so it only touches the database.
        Raises what `work` raises; then nothing of it is kept.
        """
        return self._line.join(work, args, kwargs, writes=True)

    def write_together(
        self, work: Callable[[apsw.Connection, Sequence[T]], Sequence[R]], item: T
    ) -> asyncio.Future[R]:
        """As `write`, but `work` is called once for the items of all that arrive in turn.

        It returns a result for each of them.
        """
        return self._line.join(work, (item,), {}, writes=True, together=True)

    async def settled(self) -> None:
        """Return when every call begun so far is done, and every write committed."""
        await self._line.settled()

    def _attempt(self, group: list[Call], outcomes: Outcomes) -> bool:
        """Run calls on the loop, for a moment; whether the next one needs the thread."""
        if self._log.long:
            return True
        self._moment.begin()
        try:
            self._run(group, outcomes)
            return self._moment.broken
        finally:
            self._moment.end()

    def _in_thread(self, group: list[Call], outcomes: Outcomes) -> None:
        if self._log.long:
            self._log.shorten()
        self._run(group, outcomes)

    def _run(self, group: list[Call], outcomes: Outcomes) -> None:
        """Run calls, in order, one at least, until the moment is over."""
        while len(outcomes) < len(group):
            calls = group[len(outcomes) :]
            if calls[0].writes:
                self._commit([*takewhile(attrgetter("writes"), calls)], outcomes)
            else:
                self._call(calls[0], outcomes)
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


def _explained(path: Path, error: BaseException) -> BaseException:
    if not isinstance(error, apsw.Error):
        return error
    explained = failure(path, error)
    explained.__cause__ = error
    return explained


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


@asynccontextmanager
async def open_store(
    path: Path,
    *,
    schema: Schema | None = None,
    prepare: Callable[[apsw.Connection], None] | None = None,
) -> AsyncIterator[Store]:
    """The SQLite file at `path`, made if need be, until the end of the block.

    `schema` None: a database of the author's, whose format is nobody's business.
    `prepare` is called once with the new connection (limits, authoriser, pragmas).
    Raises `StateError` when the file is corrupt, unreadable or from a newer version.
    """
    connect = partial(_connect, path, schema, prepare)
    connection = aiosqlite.Connection(connect, iter_chunk_size=64)  # type: ignore[arg-type]  # of apsw
    connection._thread.daemon = True
    try:
        await connection
    except BaseException as error:
        # aiosqlite has told its thread to stop but does not wait for that.
        connection._thread.join()
        if isinstance(error, apsw.Error):
            raise failure(path, error) from error
        raise
    store = Store(path, connection)
    try:
        yield store
    finally:
        await store.settled()
        await connection.close()


def _connect(
    path: Path, schema: Schema | None, prepare: Callable[[apsw.Connection], None] | None
) -> apsw.Connection:
    # SQLite gives its side files the mode of this one.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    connection = apsw.Connection(str(path), statementcachesize=STATEMENTS)
    try:
        connection.set_busy_timeout(int(BUSY_SECONDS * 1000))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        if schema is not None:
            # Else SQLite prepares statements anew whenever another value is bound: it would
            # plan for that value, and our plans do not depend on values.
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            _migrate(connection, path, schema)
        if prepare is not None:
            prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: apsw.Connection, path: Path, schema: Schema) -> None:
    """Bring the file to the schema's version; the version is read and written at once,
    so that two who open the same file do not both upgrade it.
    """
    if _version(connection) not in (0, schema.version):
        _back_up(connection, path, schema)

    def upgrade() -> None:
        for step in schema.steps[_version(connection) :]:
            connection.execute(step)
        connection.pragma("user_version", schema.version)

    if _version(connection) != schema.version:
        transaction(connection, upgrade)


def _version(connection: apsw.Connection) -> int:
    return int(connection.pragma("user_version"))


def _back_up(connection: apsw.Connection, path: Path, schema: Schema) -> None:
    found = _version(connection)
    if found > schema.version:
        raise StateError(
            f"this file has format {found}; this aerostack knows formats up to {schema.version}",
            where=str(path),
            hint="upgrade aerostack-dev, or move the file away to begin anew",
            code="state-newer",
        )
    backup = path.with_name(f"{path.name}.v{found}.bak")
    backup.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(backup),))


def failure(path: Path, error: apsw.Error) -> StateError:
    """What a failing file means to a person."""
    advice = {
        apsw.CorruptError: ("is damaged", "move it away to begin anew, or restore a copy"),
        apsw.NotADBError: ("is not a SQLite database", "move it away to begin anew"),
        apsw.FullError: ("cannot grow: the disk is full", "free some space and try again"),
        apsw.ReadOnlyError: ("cannot be written", "check its owner and mode"),
        apsw.CantOpenError: ("cannot be opened", "check its owner and mode"),
        apsw.BusyError: ("is locked by another program", "close that program and try again"),
        apsw.IOError: ("cannot be read or written", "check the disk and try again"),
    }
    what, hint = advice.get(type(error), (f"failed: {error}", "look at the file with `sqlite3`"))
    return StateError(f"{path.name} {what}", where=str(path), hint=hint)
