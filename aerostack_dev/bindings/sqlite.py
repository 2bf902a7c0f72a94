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
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import aiosqlite
import apsw
from msgspec import Struct

from ..errors import StateError
from .line import Line
from .moment import BUSY_SECONDS
from .running import Runner, transaction
from .state import PRIVATE_FILE

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Work = Callable[Concatenate[apsw.Connection, P], R]

STATEMENTS = 512
"""How many prepared statements are kept, those that are prepared twice counted twice."""


class Schema(Struct, frozen=True):
    """The format of a file of ours: step n takes it from version n to n + 1."""

    steps: tuple[str, ...]
    page_bytes: int = 4096
    """Of a new file. The log takes whole pages, however little changes in them."""

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
        runner = Runner(cast("apsw.Connection", connection._conn))
        explain = partial(_explained, path)
        self._line = Line(connection._execute, runner.attempt, runner.run, explain)

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


def _explained(path: Path, error: BaseException) -> BaseException:
    if not isinstance(error, apsw.Error):
        return error
    explained = failure(path, error)
    explained.__cause__ = error
    return explained


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
        if schema is not None:
            connection.execute(f"PRAGMA page_size = {schema.page_bytes}")
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
