"""The services of a project from outside: a port for each, or a path of the user port."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from ...config.model import Project
from ...runtime.runtime import Runtime
from ...server.rooms import mounts_of
from ...server.sockets import Listening, listening
from .console import Console


def listen_for(stack: AsyncExitStack, project: Project, user: Listening) -> dict[str, Listening]:
    """Service -> its port: the one it declares, or the next free one after the user port.

    Raises `AerostackError` when a declared one is busy.
    """
    return {
        service.name: stack.enter_context(listening(user.host, service.port, default=user.port + 1))
        for service in project.services
        if service.public and not service.path
    }


async def serve(
    stack: AsyncExitStack,
    runtime: Runtime,
    ports: Mapping[str, Listening],
    console: Console,
    token: str,
) -> None:
    """Serve each of `ports` until `stack` is left."""
    from ...server.app import UserApp
    from ...server.serve import serving

    for name, own in ports.items():
        app = UserApp(
            runtime,
            port=own.port,
            redact=console.redact,
            mounts=mounts_of(runtime.kinds, runtime),
            token=token,
            service=name,
        )
        await stack.enter_async_context(serving(app, own.sockets, websockets=True))


def addresses(project: Project, user: Listening, ports: Mapping[str, Listening]) -> dict[str, str]:
    """Service -> where it is reached."""
    paths = {each.name: user.url + each.path for each in project.services if each.path}
    return paths | {name: own.url for name, own in ports.items()}
