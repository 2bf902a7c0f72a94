"""The rooms of a project: each opened once, by its first use."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from .kind import Kind, Services, named


class Rooms(Mapping[str, Any]):
    """The backends by the names of their kinds; `rooms["cache"]` opens that room.

    Rooms open at once and their files later (`lazy.open_later`), so that a binding may
    be used for the first time where nothing can be awaited. What a room's opener needs
    of the event loop it finds there, whichever thread asks.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        declarations: Mapping[str, tuple[Any, ...]],
        services: Services,
        stack: AsyncExitStack,
    ) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self._declarations = declarations
        self._services = services
        self._stack = stack
        self._backends: dict[str, Any] = {}
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def __getitem__(self, name: str) -> Any:
        if name in self._backends:
            return self._backends[name]
        kind = self._kinds[name]
        if threading.get_ident() == self._thread:
            return _finished(self.enter(kind))
        return asyncio.run_coroutine_threadsafe(self.enter(kind), self._loop).result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    async def enter(self, kind: Kind) -> Any:
        """The backend of `kind`, open. Raises what opening it raises."""
        if kind.name not in self._backends:
            opener = named(next(iter(kind.backends.values())))
            declared = self._declarations[kind.name]
            room: AbstractAsyncContextManager[Any] = opener(declared, self._services)
            self._backends[kind.name] = await self._stack.enter_async_context(room)
        return self._backends[kind.name]

    async def close(self) -> None:
        """Close every room; the next use of one opens it anew."""
        self._backends.clear()
        await self._stack.aclose()


class Admins(Mapping[str, Any]):
    """The verbs on rooms as wholes, by the names of the kinds that have some."""

    def __init__(self, kinds: Sequence[Kind], rooms: Rooms, services: Services) -> None:
        self._rooms = rooms
        self._services = services
        self._targets = {kind.name: kind.admin for kind in kinds if kind.admin}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            admin = named(self._targets[name])
            self._made[name] = admin(self._rooms[name], self._services)
        return self._made[name]

    def forget(self) -> None:
        """Make them anew for rooms that are opened anew."""
        self._made.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)


def _finished(opening: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        opening.send(None)
    except StopIteration as done:
        return done.value
    opening.close()
    raise RuntimeError("a room waited while it opened: rooms open at once, their files later")
