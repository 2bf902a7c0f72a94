"""HTTP requests on their way to the child, and its responses on their way back."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from ....functions.incoming import while_connected
from ....functions.request import Request, received_headers
from ....functions.response import CONNECTION_HEADERS
from ....wire import Stream, close_chunks
from ...host import Scope, Send
from .streams import INLINE_BYTES

WATCH_AFTER = 0.2
"""Seconds of a handler's work, and at most as many more, after which its client is watched."""
CONTENT_LENGTH = b"content-length"
OF_BODIES = frozenset((CONTENT_LENGTH, b"transfer-encoding"))
UNSENT = CONNECTION_HEADERS | {CONTENT_LENGTH}
NULL_BODY = frozenset((204, 205, 304))

RawHeaders = list[tuple[bytes, bytes]]


def head_of(request: Request, scope: Scope) -> list[Any]:
    """`[method, url, headers, protocol]`, as the child makes a `Request` of it."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in received_headers(scope)
    ]
    return [request.method, request.url, headers, f"HTTP/{scope.get('http_version', '1.1')}"]


def has_body(scope: Scope) -> bool:
    """Whether a request announces one."""
    return not OF_BODIES.isdisjoint(dict(scope["headers"]))


async def body_of(request: Request, scope: Scope) -> bytes | Stream:
    """Bytes for a small body, else a stream. Raises `ClientLeftError`."""
    length = dict(scope["headers"]).get(CONTENT_LENGTH)
    size = None if length is None else int(length)
    pieces = request._pieces()
    if size is not None and size <= INLINE_BYTES:
        return b"".join([piece async for piece in pieces])
    return Stream(pieces, size)


async def send_response(request: Request, answer: list[Any], send: Send) -> int:
    """Send what the child answered; returns the status. Raises what its body raises."""
    status, headers, body = answer[:3]
    try:
        start = {"status": status, "headers": _raw(status, headers, body)}
        await send({"type": "http.response.start", **start})
        if not isinstance(body, Stream):
            silent = request.method == "HEAD" or body is None
            await send({"type": "http.response.body", "body": b"" if silent else body})
        elif request.method == "HEAD" or status in NULL_BODY:
            await send({"type": "http.response.body", "body": b""})
        else:
            async with while_connected(request._pieces().left()):
                async for chunk in body.chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
    finally:
        if isinstance(body, Stream):
            await close_chunks(body.chunks)
    return int(status)


def _raw(status: int, headers: list[list[str]], body: Any) -> RawHeaders:
    """The headers as they are sent, with the content length where it is known."""
    raw = [
        (key, value.encode("latin-1"))
        for name, value in headers
        if (key := name.encode("latin-1")) not in UNSENT
    ]
    size = _size(body)
    if size is not None and status not in NULL_BODY:
        raw.append((CONTENT_LENGTH, b"%d" % size))
    return raw


def _size(body: Any) -> int | None:
    if isinstance(body, Stream):
        return body.size
    return 0 if body is None else len(body)


class Departures:
    """Notices clients that leave while the handlers of their requests are still at work.

    Few handlers are slow enough for that: one look, every `WATCH_AFTER`, is at all of them.
    The answer to a client that has left is None.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._new: dict[asyncio.Future[Any], Request] = {}
        self._seen: dict[asyncio.Future[Any], Request] = {}
        self._watches: dict[asyncio.Future[Any], asyncio.Task[None]] = {}
        self._looking = False

    def expect(self, answer: asyncio.Future[Any], request: Request) -> None:
        """The handler of `request` has begun."""
        self._new[answer] = request
        if not self._looking:
            self._looking = True
            self._loop.call_later(WATCH_AFTER, self._look)

    def forget(self, answer: asyncio.Future[Any]) -> None:
        """The handler has answered."""
        if self._new.pop(answer, None) is None and self._seen.pop(answer, None) is None:
            self._watches.pop(answer).cancel()

    def _look(self) -> None:
        for answer, request in self._seen.items():
            watch = self._loop.create_task(request._pieces().left())
            watch.add_done_callback(partial(_leave, answer))
            self._watches[answer] = watch
        self._seen, self._new = self._new, {}
        self._looking = bool(self._seen)
        if self._looking:
            self._loop.call_later(WATCH_AFTER, self._look)


def _leave(answer: asyncio.Future[Any], watch: asyncio.Task[None]) -> None:
    if not watch.cancelled() and not answer.done():
        answer.set_result(None)
