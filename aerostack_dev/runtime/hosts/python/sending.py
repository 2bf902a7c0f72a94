"""A response as ASGI messages: at once when it is small, streamed otherwise."""

from __future__ import annotations

from collections.abc import Generator
from types import coroutine
from typing import Any

from ....functions import Context, Request, Response
from ....functions.body import piece
from ....functions.incoming import while_connected
from ....wire import close_chunks, taken
from ...host import Message, Receive, Send

START = "http.response.start"
BODY = "http.response.body"


@coroutine
def turn() -> Generator[None, None, None]:
    """Let the event loop serve everybody else once.

    A body that never waits, sent to a client that keeps up or has left, would otherwise
    hold the loop until its end.
    """
    yield


async def send_response(request: Request, response: Response, ctx: Context, send: Send) -> int:
    """Send `response`; returns its status. Raises what its body raises."""
    head = request.method == "HEAD"
    source = response._source
    status = response._status
    ctx._started = True
    await send({"type": START, "status": status, "headers": response._raw(request.method)})
    data = source if type(source) is bytes else taken(source)
    if data is not None:
        await send({"type": BODY, "body": b"" if head else data})
    elif source is None or head:
        await close_chunks(source)
        await send({"type": BODY, "body": b""})
    else:
        await _streamed(request, source, send)
    return status


async def _streamed(request: Request, source: Any, send: Send) -> None:
    """Send piece by piece until the body ends or the client leaves."""
    try:
        async with while_connected(request._pieces().left()):
            async for chunk in source:
                await send({"type": BODY, "body": piece(chunk), "more_body": True})
                await turn()
            await send({"type": BODY, "body": b""})
    finally:
        await close_chunks(source)


class Inlet:
    """The `receive` of an application, which notes that the client has left."""

    def __init__(self, receive: Receive) -> None:
        self.left = False
        self._receive = receive

    async def __call__(self) -> Message:
        message = await self._receive()
        self.left = self.left or message["type"] == "http.disconnect"
        return message


class Outlet:
    """The `send` of an application, which notes what it sent.

    Frameworks answer an exception with a bare 500 and raise it afterwards. A 500 is held
    back until the application ends, so that the author sees the exception instead.
    """

    def __init__(self, method: str, ctx: Context, send: Send) -> None:
        self.status: int | None = None
        self._silent = method == "HEAD"
        self._ctx = ctx
        self._send = send
        self._held: list[Message] = []

    async def __call__(self, message: Message) -> None:
        if self._silent and message["type"] == BODY:
            message = {**message, "body": b""}
        if message["type"] == START:
            self.status = message["status"]
            if self.status == 500:
                self._held = [message]
                return
            self._ctx._started = True
        elif self._held:
            self._held.append(message)
            if not message.get("more_body"):
                return
            await self.flush()
            return
        await self._send(message)
        if message.get("more_body"):
            await turn()

    async def flush(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, []
        self._ctx._started = self._ctx._started or bool(held)
        for message in held:
            await self._send(message)
