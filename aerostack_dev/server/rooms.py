"""What rooms serve on the user port themselves (`Kind.web`): the public objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..bindings.kind import Kind, named
from ..runtime.host import Receive, Scope, Send
from .contract import Application, Runtime


def mounts_of(kinds: Iterable[Kind], runtime: Runtime) -> Mapping[str, Application]:
    """Path prefix -> the application of the room that serves what is below it."""
    return {
        prefix: RoomApp(kind, target, runtime)
        for kind in kinds
        for prefix, target in kind.web.items()
    }


class RoomApp:
    """A room's ASGI application, imported by its first request and made anew whenever
    the bindings were opened anew.
    """

    def __init__(self, kind: Kind, target: str, runtime: Runtime) -> None:
        self._kind = kind
        self._target = target
        self._runtime = runtime
        self._made: tuple[object, Application] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application()(scope, receive, send)

    def _application(self) -> Application:
        bindings = self._runtime.bindings
        if self._made is None or self._made[0] is not bindings:
            operations = [
                bound.operations
                for bound in bindings.bound.values()
                if bound.kind.name == self._kind.name
            ]
            self._made = bindings, named(self._target)(operations)
        return self._made[1]
