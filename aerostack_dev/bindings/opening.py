"""From a configuration to open rooms, all owned by one exit stack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import BindingError
from .kind import Kind, Services, named
from .spans import operations_of


@dataclass(frozen=True, slots=True)
class Bound:
    """One binding, open."""

    name: str
    kind: Kind
    resource: str
    backend: str
    location: str
    operations: Any

    def face(self) -> Any:
        """What a Python author holds as `env.NAME`."""
        return named(self.kind.face)(self.operations)


@dataclass(frozen=True, slots=True)
class Bindings:
    """All bindings of a project (by binding name) and the rooms behind them (by kind)."""

    bound: Mapping[str, Bound]
    rooms: Mapping[str, Any]
    admins: Mapping[str, Any]

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
        found = self.target(target)
        offered = operations_of(found)
        if operation not in offered:
            raise BindingError(
                f"{target} has no operation {operation!r}",
                hint=f"it has: {', '.join(sorted(offered))}",
            )
        return await getattr(found, operation)(*arguments)


@asynccontextmanager
async def open_bindings(kinds: Sequence[Kind], services: Services) -> AsyncIterator[Bindings]:
    """Open every room and bind its bindings, until the end of the block."""
    async with AsyncExitStack() as stack:
        bound: dict[str, Bound] = {}
        rooms: dict[str, Any] = {}
        admins: dict[str, Any] = {}
        project = services.project
        named_by_author = {one.binding for kind in kinds for one in kind.declared(project)}
        for kind in kinds:
            declarations = kind.declarations(project, named_by_author | set(project.values))
            backend_name, opener = next(iter(kind.backends.items()))
            backend = await stack.enter_async_context(named(opener)(declarations, services))
            rooms[kind.name] = backend
            if kind.admin:
                admins[kind.name] = named(kind.admin)(backend, services)
            for entry in declarations:
                operations = named(kind.operations)(entry, backend, services)
                bound[entry.binding] = Bound(
                    entry.binding,
                    kind,
                    kind.resource(entry),
                    backend_name,
                    kind.location(entry),
                    operations,
                )
        yield Bindings(bound, rooms, admins)
