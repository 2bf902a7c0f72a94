"""uvicorn inside our own loop: what is served is closed, and signals are the caller's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from socket import socket
from typing import Any

from uvicorn import Config, Server

from ..clock import SystemClock
from .contract import Application
from .protocol import BoundedProtocol
from .websockets import LARGEST_MESSAGE, connection

GRACE_SECONDS = 5
"""How long requests that are under way may take once the server is left."""
CLEANUP_SECONDS = 1
KEEP_ALIVE_SECONDS = 75
DATE_SECONDS = 1.0
"""How often the Date header is renewed."""


@asynccontextmanager
async def serving(
    app: Application,
    sockets: Sequence[socket],
    *,
    websockets: bool = False,
    leaving: Callable[[], None] = lambda: None,
    grace: int = GRACE_SECONDS,
) -> AsyncIterator[None]:
    """Serve `app` on `sockets` until the end of the block.

    Then: nothing more is accepted, `leaving` is called (it may end endless responses),
    requests under way have `grace` seconds to finish, and what is left is cut off.
    """
    server = _server(app, websockets, grace)
    await server.startup(sockets=list(sockets))
    ticking = asyncio.create_task(_tick(server), name="date header")
    try:
        yield
    finally:
        leaving()
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await server.shutdown(sockets=list(sockets))
        if server.server_state.tasks:  # cancelled: they may clean up, but not for ever
            await asyncio.wait(server.server_state.tasks, timeout=CLEANUP_SECONDS)


def _server(app: Application, websockets: bool, grace: int) -> Server:
    protocol: Any = connection if websockets else "none"
    config = Config(
        app,
        interface="asgi3",
        http=BoundedProtocol,
        ws=protocol,
        ws_max_size=LARGEST_MESSAGE,
        lifespan="off",
        log_config=None,
        log_level=logging.CRITICAL,  # both applications report their own failures
        access_log=False,
        proxy_headers=False,  # nobody is trusted to say who the client is
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace,
    )
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def _tick(server: Server) -> None:
    clock = SystemClock()
    while True:
        await server.on_tick(0)
        await clock.sleep(DATE_SECONDS)
