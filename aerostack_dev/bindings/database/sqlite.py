"""The databases as SQLite files: one connection and one thread for each, opened when used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import apsw

from ...errors import StateError
from ...wire import Record
from ..kind import Services
from ..lazy import Lazy
from ..sqlite import Store, open_store
from .backend import Statement, View
from .execution import Executor
from .export import sql_of
from .failures import refusal
from .files import file_path
from .importing import Imports
from .info import describe


class SqliteDatabase:
    """One database (`backend.Database`)."""

    def __init__(self, name: str, path: Path, services: Services, stack: AsyncExitStack) -> None:
        self.name = name
        self.path = path
        self.store = Lazy(stack, self._open)
        self.executor = Executor(path)
        self._imports = Imports(path, services.entropy, stack)
        self._epoch = int(services.clock.now())
        self._requests = 0

    async def run(self, statements: Sequence[Statement], view: View) -> list[Any]:
        store = self.store.value or await self._opened()
        if self._imports.current is not None:
            await self._imports.wait()
        self._requests += 1
        return await store.run(self.executor.run, statements, view)

    def bookmark(self) -> str:
        # The epoch makes what a later process gives greater than anything given before.
        return f"{self._epoch:08x}-{self._requests:08x}-{0:08x}-{0:032x}"

    async def info(self) -> Record:
        store = self.store.value or await self._opened()
        tables = await store.run(self.executor.trusted, describe)
        return Record(name=self.name, file=str(self.path), **tables)

    async def export(self, tables: Sequence[str], schema: bool, data: bool) -> AsyncIterator[bytes]:
        await self._opened()
        # A connection of its own, so that its long transaction is in nobody's way.
        async with open_store(self.path) as reader:
            async for piece in sql_of(reader, tables, schema, data):
                yield piece

    async def begin_import(self) -> str:
        await self._opened()
        return (await self._imports.begin()).name

    async def go_on_importing(self, name: str, statements: Sequence[Statement]) -> int:
        opened = self._imports.named(name)
        try:
            return await opened.add(statements)
        except BaseException:
            await self._imports.close(opened)
            raise

    async def end_import(self, name: str, *, keep: bool) -> None:
        opened = self._imports.named(name)
        try:
            if keep:
                await opened.commit()
        finally:
            await self._imports.close(opened)

    async def _opened(self) -> Store:
        try:
            return await self.store.get()
        except StateError as error:
            cause = error.__cause__
            assert isinstance(cause, apsw.Error)
            raise refusal(cause, self.path) from error

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Store]:
        async with open_store(self.path, prepare=self.executor.prepare) as store:
            try:
                yield store
            finally:
                self.executor.interrupt()


class SqliteBackend:
    """The databases of a project, by name (`backend.Backend`)."""

    def __init__(self, services: Services, stack: AsyncExitStack) -> None:
        self._services = services
        self._stack = stack
        self._databases: dict[str, SqliteDatabase] = {}

    def database(self, name: str) -> SqliteDatabase:
        """The database called `name`: the same object for each binding of it."""
        if name not in self._databases:
            path = self._services.state.file(file_path(name))
            self._databases[name] = SqliteDatabase(name, path, self._services, self._stack)
        return self._databases[name]

    async def settled(self) -> None:
        """Return when no file is about to open."""
        for database in self._databases.values():
            await database.store.settled()


@asynccontextmanager
async def open_backend(
    declarations: Sequence[Any], services: Services
) -> AsyncIterator[SqliteBackend]:
    """The databases of a project; files open on first use and close at the end."""
    async with AsyncExitStack() as stack:
        backend = SqliteBackend(services, stack)
        try:
            yield backend
        finally:
            await backend.settled()
