"""HTTP requests on their way to the child, and its responses on their way back."""

from __future__ import annotations

import asyncio
from typing import Any

from ....functions.incoming import Incoming, while_connected
from ....functions.request import Request, received_headers
from ....functions.response import CONNECTION_HEADERS
from ....wire import Stream, close_chunks
from ...host import Scope, Send
from .streams import INLINE_BYTES

WATCH_AFTER = 0.2
"""Seconds of a handler's work after which its client is watched."""
CONTENT_LENGTH = b"content-length"
UNSENT = CONNECTION_HEADERS | {CONTENT_LENGTH}
NULL_BODY = frozenset((204, 205, 304))

RawHeaders = list[tuple[bytes, bytes]]


async def payload_of(request: Request, scope: Scope) -> list[Any]:
    """`[method, url, headers, protocol, body]`, as the child makes a `Request` of it."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in received_headers(scope)
    ]
    protocol = f"HTTP/{scope.get('http_version', '1.1')}"
    return [request.method, request.url, headers, protocol, await _body(request, scope)]


async def _body(request: Request, scope: Scope) -> Any:
    """None without a body, bytes for a small one, else a stream."""
    size: int | None = None
    given = False
    for name, value in scope["headers"]:
        if name == CONTENT_LENGTH:
            given, size = True, int(value)
        elif name == b"transfer-encoding":
            given = True
    if not given:
        return None
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
    pairs = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    raw = [pair for pair in pairs if pair[0] not in UNSENT]
    size = _size(body)
    if size is not None and status not in NULL_BODY:
        raw.append((CONTENT_LENGTH, b"%d" % size))
    return raw


def _size(body: Any) -> int | None:
    if isinstance(body, Stream):
        return body.size
    return 0 if body is None else len(body)


class Departure:
    """Notices that a client leaves while the handler of its request is still at work.

    A handler is rarely slow enough for that: the watch begins after `WATCH_AFTER`.
    """

    def __init__(self, incoming: Incoming, answer: asyncio.Future[Any]) -> None:
        self.left = False
        """The client has gone, and the answer was cancelled."""
        self._incoming = incoming
        self._answer = answer
        self._watch: asyncio.Task[None] | None = None
        self._timer = answer.get_loop().call_later(WATCH_AFTER, self._begin)

    def forget(self) -> None:
        """The handler has answered."""
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _begin(self) -> None:
        self._watch = self._answer.get_loop().create_task(self._incoming.left())
        self._watch.add_done_callback(self._left)

    def _left(self, watch: asyncio.Task[None]) -> None:
        if not watch.cancelled() and not self._answer.done():
            self.left = True
            self._answer.cancel()
