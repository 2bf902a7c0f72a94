"""SQLite for the rooms: one file, one thread, one hop for all that arrives together.

aiosqlite owns the thread; beneath it apsw, through aiosqlite's connector, so that every
machine has the same current SQLite and errors tell their offset
(docs/explanation/dependencies.md). This is the only module that uses aiosqlite's
`_execute`: it runs a whole piece of work in the thread, where the public calls would
hop once per statement and once per fetch.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite
import apsw

from ..errors import StateError
from .state import PRIVATE_FILE

P = ParamSpec("P")
R = TypeVar("R")
Work = Callable[Concatenate[apsw.Connection, P], R]

BUSY_SECONDS = 5.0
GROUP = 1000
"""At most so many writes share a commit."""
TOGETHER = 100
"""At most so many other calls share a hop."""
TOLD_SECONDS = 0.001
"""So long, at most, a call that is done waits for a slow one that shares its hop."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The format of a file of ours: step n takes it from version n to n + 1."""

    steps: tuple[str, ...]

    @property
    def version(self) -> int:
        return len(self.steps)


class Store:
    """An open SQLite file. `open_store` yields it."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._calls = _Line(path, connection, _each, TOGETHER, TOLD_SECONDS)
        self._writes = _Line(path, connection, _commit, GROUP)

    async def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work(connection, …)` in the file's thread; it sees every finished write.

        Calls that arrive together share a change of threads, which costs more than most
        statements. Work that writes here makes its own transaction. Raises what `work`
        raises, a failing file as `StateError`.
        """
        return await self._calls.join(partial(_unbound, work, args, kwargs))

    async def write(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work(connection, …)` in a transaction shared with concurrent writes.

        It returns when the commit is on disk. `work` may run twice (when another write
        of its group failed, each is run again alone), so it only touches the database.
        Raises what `work` raises; then nothing of it is kept.
        """
        return await self._writes.join(partial(_unbound, work, args, kwargs))

    async def settled(self) -> None:
        """Return when every call begun so far is done, and every write committed."""
        await self._calls.settled()
        await self._writes.settled()


@dataclass(slots=True)
class _Call:
    work: Callable[[apsw.Connection], Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


class _Line:
    """Calls on their way to the file's thread; those that wait together go together.

    `run(connection, calls, outcomes)` runs at most `most` of them there; `outcomes` gets a
    result or `_Failed` for each, in order, as soon as it is known. `told` is how often, in
    seconds, it is looked at while they run; None: at the end only.
    """

    def __init__(
        self,
        path: Path,
        connection: aiosqlite.Connection,
        run: Callable[[apsw.Connection, list[_Call], list[Any]], None],
        most: int,
        told: float | None = None,
    ) -> None:
        self._path = path
        self._connection = connection
        self._hop: Callable[..., Awaitable[None]] = connection._execute
        self._run = run
        self._most = most
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Call] = []
        self._worker: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None

    def join(self, work: Callable[[apsw.Connection], R]) -> asyncio.Future[R]:
        """Let `work` go with the next group."""
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append(_Call(work, future))
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

    async def _take(self, group: list[_Call]) -> None:
        outcomes: list[Any] = []
        if self._told is not None and len(group) > 1:
            self._tell_now_and_then(group, outcomes, self._told)
        try:
            await self._hop(self._in_thread, group, outcomes)
        except BaseException as error:
            outcomes += [_Failed(error)] * (len(group) - len(outcomes))
            if not isinstance(error, Exception):
                raise
        finally:
            if self._telling is not None:
                self._telling.cancel()
                self._telling = None
            self._tell(group, outcomes)

    def _tell_now_and_then(self, group: list[_Call], outcomes: list[Any], every: float) -> None:
        """A call that is done does not wait for a slow one behind it."""
        self._tell(group, outcomes)
        self._telling = self._loop.call_later(
            every, self._tell_now_and_then, group, outcomes, every
        )

    def _tell(self, group: list[_Call], outcomes: list[Any]) -> None:
        for call, outcome in zip(group, outcomes, strict=False):
            _settle(call.future, outcome, self._path)

    def _in_thread(self, group: list[_Call], outcomes: list[Any]) -> None:
        connection: Any = self._connection._conn
        self._run(connection, group, outcomes)


def _unbound(
    work: Callable[..., R],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    connection: apsw.Connection,
) -> R:
    return work(connection, *args, **kwargs)


def _each(connection: apsw.Connection, group: list[_Call], outcomes: list[Any]) -> None:
    """Run each call by itself."""
    for call in group:
        try:
            outcomes.append(call.work(connection))
        except Exception as error:
            outcomes.append(_Failed(error))


def _commit(connection: apsw.Connection, group: list[_Call], outcomes: list[Any]) -> None:
    """Run a group in one transaction; if one of them fails, each in its own."""
    try:
        outcomes += transaction(connection, lambda: [call.work(connection) for call in group])
    except Exception as error:
        if len(group) == 1:
            outcomes.append(_Failed(error))
            return
        alone = [_Call(partial(_transacted, call.work), call.future) for call in group]
        _each(connection, alone, outcomes)


def _transacted(work: Callable[[apsw.Connection], R], connection: apsw.Connection) -> R:
    return transaction(connection, partial(work, connection))


def transaction(connection: apsw.Connection, work: Callable[[], R]) -> R:
    """Run `work` between BEGIN IMMEDIATE and COMMIT; roll back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _settle(future: asyncio.Future[Any], outcome: Any, path: Path) -> None:
    if future.done():
        return
    if not isinstance(outcome, _Failed):
        future.set_result(outcome)
    elif isinstance(outcome.error, apsw.Error):
        error = failure(path, outcome.error)
        error.__cause__ = outcome.error
        future.set_exception(error)
    else:
        future.set_exception(outcome.error)


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
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(int(BUSY_SECONDS * 1000))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        if schema is not None:
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
