"""What rooms serve themselves: paths on the user port, endpoints on ports of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..bindings.kind import Kind, named
from ..runtime.host import Receive, Scope, Send
from .contract import Application, Runtime
from .hosts import HostRules, one
from .replies import reply


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
        self._made: tuple[object, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._runtime.ready()
        await self.application()(scope, receive, send)

    def application(self) -> Any:
        """The application of the bindings that are open now."""
        bindings = self._runtime.bindings
        if self._made is None or self._made[0] is not bindings:
            self._made = bindings, self._make(named(self._target))
        return self._made[1]

    def operations(self) -> list[Any]:
        """The operations of the room's bindings."""
        bound = self._runtime.bindings.bound.values()
        return [each.operations for each in bound if each.kind.name == self._kind.name]

    def _make(self, factory: Any) -> Any:
        return factory(self.operations())


class Endpoint(RoomApp):
    """A room's application on a loopback port of its own (`Kind.endpoint`).

    It has a lock of its own; the Host is checked here as on every port, so that no
    foreign name can be made to point at it.
    """

    def __init__(self, kind: Kind, runtime: Runtime, port: int) -> None:
        super().__init__(kind, kind.endpoint, runtime)
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await self._runtime.ready()
        application = self.application()
        host = one(scope["headers"], b"host")
        if host is None or not HostRules(self._port, application.hosts).allows(host):
            await reply(scope, send, 403, b"Invalid Host header.\n")
            return
        await application(scope, receive, send)

    def _make(self, factory: Any) -> Any:
        backend = self._runtime.bindings.rooms[self._kind.name]
        return factory(backend, self.operations(), self._runtime.services)
