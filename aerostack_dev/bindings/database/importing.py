"""Imports: one transaction over several calls, so that progress can be seen.

While one is open, every other request to its database waits, as in production. Its
connection is its own: what is not finished is seen by nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from ...errors import BindingError
from ..sqlite import Store, open_store
from .backend import Outcome, Statement, View
from .execution import Executor

IDLE_SECONDS = 10.0
"""How long an import may be silent: whoever began it is gone then."""


def _changes(outcome: Outcome) -> int:
    return int(outcome.meta["changes"]) if outcome.meta else 0


CHANGES = View(_changes, measured=True)


class Import:
    """An open transaction. `open_import` yields it."""

    def __init__(self, name: str, store: Store, executor: Executor) -> None:
        self.name = name
        self._store = store
        self._executor = executor

    async def add(self, statements: Sequence[Statement]) -> int:
        """Run further statements; how many rows they changed. Raises `RefusedError`."""
        return sum(await self._store.run_once(self._executor.held, statements, CHANGES))

    async def commit(self) -> None:
        """Keep all of it. Raises `RefusedError`; then nothing is kept."""
        await self._store.run_once(self._executor.commit)


@asynccontextmanager
async def open_import(path: Path, name: str) -> AsyncIterator[Import]:
    """An import into the file at `path`; what is not committed by the end is undone."""
    executor = Executor(path)
    async with open_store(path, prepare=executor.prepare) as store:
        try:
            yield Import(name, store, executor)
        finally:
            executor.interrupt()


class Imports:
    """At most one import of a database at a time, and the requests that wait for its end."""

    def __init__(self, path: Path, entropy: Callable[[int], bytes], stack: AsyncExitStack) -> None:
        self._path = path
        self._entropy = entropy
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._idle: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self.current: Import | None = None
        stack.push_async_callback(self.close)

    async def wait(self) -> None:
        """Return when no import is open."""
        async with self._turn:
            pass

    async def begin(self) -> Import:
        """Open one, when those before it have ended. Raises `StateError`."""
        await self._turn.acquire()
        try:
            name = self._entropy(8).hex()
            self.current = await self._stack.enter_async_context(open_import(self._path, name))
        except BaseException:
            self._turn.release()
            raise
        self._idle = asyncio.create_task(self._watch(self.current))
        return self.current

    def named(self, name: str) -> Import:
        """The open import of this name. Raises `BindingError` when it has ended."""
        if self.current is None or self.current.name != name:
            raise BindingError(
                "this import has ended: nothing of it is kept",
                hint=f"it may be silent for {IDLE_SECONDS:g} seconds; begin anew",
                code="import-ended",
            )
        self._heard.set()
        return self.current

    async def close(self, only: Import | None = None) -> None:
        """End the open import, if there is one (and it is `only`): what it did not
        commit is undone.
        """
        if self.current is None or only not in (None, self.current):
            return
        self.current = None
        idle, self._idle = self._idle, None
        if idle is not None and idle is not asyncio.current_task():
            idle.cancel()
            await asyncio.wait({idle})
        try:
            await self._stack.aclose()
        finally:
            self._stack = AsyncExitStack()
            self._turn.release()

    async def _watch(self, opened: Import) -> None:
        """Close what nobody goes on with."""
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._heard.wait()
            except TimeoutError:
                break
        await self.close(opened)
