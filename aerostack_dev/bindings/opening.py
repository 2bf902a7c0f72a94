"""From a configuration to bindings, whose rooms are owned by one exit stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import Any

from msgspec import Struct

from ..errors import AerostackError, BindingError
from .kind import Kind, Services, named
from .rooms import Admins, Rooms
from .spans import operations_of


class Bound:
    """One binding. Its operations exist from their first use on."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        resource: str,
        backend: str,
        location: str,
        operations: Callable[[], Any],
    ) -> None:
        self.name = name
        self.kind = kind
        self.resource = resource
        self.backend = backend
        self.location = location
        self._make = operations

    @cached_property
    def operations(self) -> Any:
        """The verbs of this binding. Raises `AerostackError` when its room cannot open."""
        return self._make()

    def described(self) -> dict[str, str]:
        """What it is, as programs see it."""
        return {
            "name": self.name,
            "kind": self.kind.name,
            "title": self.kind.title,
            "backend": self.backend,
            "resource": self.resource,
        }

    def face(self) -> Any:
        """What a Python author holds as `env.NAME`, over whatever room is open."""
        _ = self.operations  # what is wrong with the room is said here
        return named(self.kind.face)(Current(self))

    def forget(self) -> None:
        """Make the operations anew at their next use, for the room was closed."""
        self.__dict__.pop("operations", None)

    def load(self) -> None:
        """Import all that the binding needs; any thread may do it."""
        for target in (*self.kind.backends.values(), self.kind.operations, self.kind.face):
            named(target)


class Current:
    """The operations of a binding as they are now: rooms may be closed and opened anew."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bound.operations, name)


class Bindings(Struct, frozen=True):
    """All bindings of a project (by binding name) and the rooms behind them (by kind)."""

    bound: Mapping[str, Bound]
    rooms: Rooms
    admins: Admins

    async def renew(self) -> None:
        """Close every room: what the state holds from here on is what its next use sees."""
        for bound in self.bound.values():
            bound.forget()
        self.admins.forget()
        await self.rooms.close()

    async def open_all(self) -> AsyncIterator[AerostackError]:
        """Open the rooms that nobody has used yet; yields what stands in the way.

        What they import is imported in a thread, so that requests go on meanwhile.
        """
        for bound in self.bound.values():
            await asyncio.to_thread(bound.load)
            try:
                _ = bound.operations
            except AerostackError as error:
                yield error

    def target(self, name: str) -> Any:
        """What answers to `name`: a binding (`CACHE`), or a room as a whole (`queue`)."""
        if name in self.bound:
            return self.bound[name].operations
        if name in self.admins:
            return self.admins[name]
        known = ", ".join([*self.bound, *self.admins])
        raise BindingError(f"there is no binding {name!r}", hint=f"there are: {known}")

    async def invoke(self, target: str, operation: str, arguments: Sequence[Any]) -> Any:
        """Call an operation by name with wire values; returns a wire value.

        Raises `BindingError` when there is no such target or operation.
        """
        return await self.operation(target, operation)(*arguments)

    def operation(self, target: str, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """The operation `name` of `target`. Raises `BindingError` as `invoke` does."""
        found = self.target(target)
        offered = operations_of(found)
        if name not in offered:
            raise BindingError(
                f"{target} has no operation {name!r}",
                hint=f"it has: {', '.join(sorted(offered))}",
            )
        operation: Callable[..., Coroutine[Any, Any, Any]] = getattr(found, name)
        return operation


@asynccontextmanager
async def open_bindings(kinds: Sequence[Kind], services: Services) -> AsyncIterator[Bindings]:
    """Bind the bindings of every room, until the end of the block.

    A room that acts at the start (`Kind.starts`) is opened now, the others by the first
    use of one of their bindings: a start pays only for what it needs.
    """
    project = services.project
    by_author = {one.binding for kind in kinds for one in kind.declared(project)}
    taken = by_author | {*project.values, *project.service_bindings}
    async with AsyncExitStack() as stack:
        entries = {kind.name: kind.declarations(project, taken) for kind in kinds}
        rooms = Rooms(kinds, entries, services, stack)
        for kind in kinds:
            if kind.starts:
                await rooms.enter(kind)
        bound = {
            entry.binding: _bound(kind, entry, rooms, services)
            for kind in kinds
            for entry in entries[kind.name]
        }
        yield Bindings(bound, rooms, Admins(kinds, rooms, services))


def _bound(kind: Kind, entry: Any, rooms: Rooms, services: Services) -> Bound:
    def operations() -> Any:
        return named(kind.operations)(entry, rooms[kind.name], services)

    return Bound(
        entry.binding,
        kind,
        kind.resource(entry),
        next(iter(kind.backends)),
        kind.location(entry),
        operations,
    )
