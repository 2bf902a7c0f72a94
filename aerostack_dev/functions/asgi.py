"""`asgi.fetch`: an ASGI application answers a request of the platform's kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from .body import pieces
from .context import LEAVING, Context, current
from .headers import Headers
from .incoming import Message
from .request import Request, received_headers
from .response import Response

Scope = dict[str, Any]

SERVER_ERROR = 500

__all__ = ["fetch"]


async def fetch(app: Any, request: Request, env: Any, ctx: Context | None = None) -> Response:
    """The response of `app` (FastAPI, Starlette, …) to `request`.

    The application finds `scope["env"]` and `scope["ctx"]`; its lifespan runs once per
    loaded function. The body is streamed as the application sends it. Whatever the
    application raises before its response has begun is raised here.
    """
    context = ctx if ctx is not None else current("asgi.fetch")
    state = await context._home.lifespan(app)
    scope = application_scope(request, env, context, state)
    return await Exchange(request, context._home).response(app, scope)


def application_scope(request: Request, env: Any, ctx: Context, state: dict[str, Any]) -> Scope:
    """The ASGI scope of `request`, with the platform's `env` and `ctx` in it."""
    known = getattr(request, "_scope", None)
    scope: Scope = dict(known) if known is not None else made_scope(request)
    headers = request.headers._raw() if known is None else list(received_headers(known))
    return {**scope, "headers": headers, "env": env, "ctx": ctx, "state": dict(state)}


def made_scope(request: Request) -> Scope:
    """The ASGI scope of a request that no server has received; without its headers."""
    parts = urlsplit(request.url)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": (parts.path or "/").encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "server": (parts.hostname or "", parts.port or 80),
        "client": None,
    }


class Background(Protocol):
    """What an exchange needs of the host that it runs in."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def background(self) -> set[asyncio.Task[Any]]: ...
    def report(self, error: BaseException) -> None: ...


class Exchange:
    """One request between an application's task and the response that it builds.

    It is the response's streamed body too. One message waits at a time, so that a slow
    client slows the application down.
    """

    def __init__(self, request: Request, home: Background) -> None:
        self._home = home
        self._request_body = pieces(request._take())
        self._asked = False
        self._waiting: Message | None = None
        self._changed = asyncio.Event()
        self._complete = asyncio.Event()
        self._running: asyncio.Task[None]

    async def response(self, app: Any, scope: Scope) -> Response:
        """The response as soon as it is known; the application's error before that."""
        home = self._home
        self._running = home.loop.create_task(self._run(app, scope))
        home.background.add(self._running)
        self._running.add_done_callback(self._ended)
        try:
            return await self._begun()
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> Exchange:
        return self

    async def __anext__(self) -> bytes:
        while not self._complete.is_set():
            message = await self._next()
            if not message.get("more_body"):
                self._complete.set()
            if message.get("body"):
                return bytes(message["body"])
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nobody reads on: an application in the middle of its answer is cancelled."""
        if not self._complete.is_set():
            self._complete.set()
            self._changed.set()
            self._running.cancel()

    async def _begun(self) -> Response:
        start = await self._next()
        await self._until(lambda: self._waiting is not None or self._running.done())
        if self._waiting is not None and self._waiting.get("more_body"):
            return _answer(start, self)
        body = (await self._next()).get("body", b"")
        if start["status"] == SERVER_ERROR:
            # Frameworks answer 500 and raise afterwards: what was raised says more.
            await self._running
        self._complete.set()
        return _answer(start, bytes(body))

    async def _run(self, app: Any, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except LEAVING as error:
            # In a task of its own it would end the whole process.
            raise RuntimeError(f"the ASGI application raised {error!r}") from error

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._home.background.discard(task)
        self._changed.set()
        if self._complete.is_set() and not task.cancelled():
            error = task.exception()
            if error is not None:
                self._home.report(error)

    async def _until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            self._changed.clear()
            await self._changed.wait()

    async def _next(self) -> Message:
        """The next message. Raises what the application raised in place of it."""
        await self._until(lambda: self._waiting is not None or self._running.done())
        if self._waiting is None:
            self._running.result()
            raise RuntimeError("the ASGI application ended before its response was complete")
        message, self._waiting = self._waiting, None
        self._changed.set()
        return message

    async def _receive(self) -> Message:
        if not self._asked:
            try:
                body = await anext(self._request_body)
            except StopAsyncIteration:
                self._asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": body, "more_body": True}
        await self._complete.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self._until(lambda: self._waiting is None or self._complete.is_set())
        if not self._complete.is_set():
            self._waiting = message
            self._changed.set()


def _answer(start: Message, body: Any) -> Response:
    response = Response(None, headers=None)
    headers = Headers._received(start.get("headers", ()))
    headers._frozen = False
    response._status = start["status"]
    response._headers = headers
    response._source = body if not isinstance(body, bytes) or body else None
    return response
