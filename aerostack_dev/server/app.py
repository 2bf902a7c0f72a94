"""The user port: a raw ASGI application around the author's function (interface §4).

Every request passes the Host rule before any of the author's code runs. A few paths
are the server's own; all others go to the runtime, with nothing in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial

from ..runtime.host import REQUEST_ID, Failure, HandlerError, LoadError, Receive, Scope, Send
from ..runtime.upgrades import Upgrade
from .contract import Application, Redact, Runtime
from .error_page import ErrorPages
from .hosts import HostRules, one
from .replies import reply
from .triggers import PATHS as TRIGGERS
from .triggers import Trigger

RESERVED = ("/cdn-cgi/", "/__scheduled")
"""How every path of the server's own begins."""

PUBLIC_METHODS = ("GET", "HEAD")

REFUSED = (
    b"Invalid Host header.\n\n"
    b"This development server answers to localhost, 127.0.0.1 and [::1] with its own port.\n"
    b"Another name must be listed, exactly, in aerostack.toml:\n\n"
    b'    [dev]\n    allowed_hosts = ["app.example.test"]\n'
)

_STOPPED = "the server was stopped before the handler had answered"
CUT_OFF = Failure("Canceled", _STOPPED, (), f"Canceled: {_STOPPED}")

logger = logging.getLogger("aerostack.server")


class UserApp:
    """The ASGI application of the user port.

    `port` is the one that requests must name in their Host; `redact` takes secrets out
    of error pages; `mounts` maps a path prefix below `/cdn-cgi/local/` to the ASGI
    application that serves it, for GET and HEAD. `token` is what other machines need
    to fire a cron. `service` is the function that answers, if not the main one.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        port: int,
        redact: Redact = str,
        mounts: Mapping[str, Application] | None = None,
        token: str = "",
        service: str = "",
    ) -> None:
        self._runtime = runtime
        self._fetch = partial(runtime.fetch_of, service) if service else runtime.fetch
        self._port = port
        self._pages = ErrorPages(redact)
        self._trigger = Trigger(runtime, self._pages, token)
        self._mounts = dict(mounts or {})
        self._follow_project()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind != "http":
            if kind == "websocket":
                await self._upgrade(Upgrade(scope, receive, send))
            return
        if not self._allowed(scope):
            await reply(scope, send, 403, REFUSED)
            return
        path: str = scope["path"]
        own = self._own(path) if path.startswith(RESERVED) else None
        try:
            if own is None:
                await self._fetch(scope, receive, send)
            else:
                await own(scope, receive, send)
        except (HandlerError, LoadError) as error:
            await self._failed(error, scope, send)
        except asyncio.CancelledError:
            await self._cut_off(scope, send)
            raise
        except Exception:
            logger.exception("serving %s %r failed", scope["method"], path)
            raise

    def _allowed(self, scope: Scope) -> bool:
        if self._runtime.project is not self._project:
            self._follow_project()
        host = one(scope["headers"], b"host")
        return host is not None and self._hosts.allows(host)

    def _follow_project(self) -> None:
        """A saved `aerostack.toml` may allow other hosts."""
        self._project = self._runtime.project
        self._hosts = HostRules(self._port, self._project.dev.allowed_hosts)

    def _own(self, path: str) -> Application | None:
        if path in TRIGGERS:
            return self._trigger
        for prefix, mounted in self._mounts.items():
            if path.startswith(prefix):
                return _public(mounted)
        return None

    async def _failed(self, error: HandlerError | LoadError, scope: Scope, send: Send) -> None:
        if isinstance(error, HandlerError) and error.started:
            raise error  # the connection is cut: the only way to say so to the client
        hint = error.failure.hint
        page = self._pages.render(
            scope, error.failure, self._project.root, request_id=error.request_id, hint=hint
        )
        await reply(scope, send, 500, page.body, page.content_type, page.headers)

    async def _cut_off(self, scope: Scope, send: Send) -> None:
        """Tell a client that still waits why there is no answer: the server ends."""
        cycle = getattr(send, "__self__", None)  # uvicorn's, who knows what was sent
        if getattr(cycle, "response_started", True):
            return
        request_id = scope.get(REQUEST_ID, "")
        page = self._pages.render(scope, CUT_OFF, self._project.root, request_id=request_id)
        await reply(scope, send, 500, page.body, page.content_type, page.headers)

    async def _upgrade(self, upgrade: Upgrade) -> None:
        """Serve a request for a WebSocket as any other, then its messages."""
        await self(upgrade.scope, upgrade.receive, upgrade.send)
        try:
            await upgrade.converse()
        except Exception:
            logger.exception("the WebSocket of %r failed", upgrade.scope["path"])
            raise


def _public(mounted: Application) -> Application:
    """`mounted` for reading only."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in PUBLIC_METHODS:
            allow = [(b"allow", ", ".join(PUBLIC_METHODS).encode())]
            await reply(scope, send, 405, b"Only GET and HEAD are served here.\n", headers=allow)
            return
        await mounted(scope, receive, send)

    return serve
