"""A request that asks to become a WebSocket: an HTTP request first, until it is accepted.

The server hands every such request through the same door as any other, so that the
rules of hosts, the error pages and the trace hold for it. Whoever can accept it finds
the `Upgrade` in the scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from .host import Message, Receive, Scope, Send

EXTENSION = "aerostack.websocket"
"""Where the scope of a request has its `Upgrade`."""
LARGEST_REFUSAL = 1024 * 1024
"""Bytes of an ordinary response that are sent in the place of a WebSocket."""

SWITCHING_PROTOCOLS = 101
SERVICE_RESTART = 1012
PREFIX = "websocket."

Conversation = Callable[[], Awaitable[None]]


class Upgrade:
    """The WebSocket of an ASGI server, as `scope`, `receive` and `send` of a GET request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.original = scope
        """The scope as the server made it, for applications that know WebSockets."""
        self.post = send
        """Sends a message of a WebSocket."""
        self.scope: Scope = {
            **scope,
            "type": "http",
            "method": "GET",
            "scheme": "https" if scope.get("scheme") == "wss" else "http",
            "extensions": {EXTENSION: self},
        }
        self._receive = receive
        self._asked = False
        self._sent = 0
        self._refused = False
        self._conversation: Conversation | None = None

    async def next(self) -> Message:
        """The next message: `websocket.receive` or `websocket.disconnect`."""
        message = await self._receive()
        return await self._receive() if message["type"] == "websocket.connect" else message

    async def receive(self) -> Message:
        """The request's empty body, then that the client has left."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while (await self.next())["type"] != "websocket.disconnect":
            pass
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Answer with a response instead. What goes beyond `LARGEST_REFUSAL` is cut off."""
        if self._refused:
            return
        self._sent += len(message.get("body", b""))
        if self._sent > LARGEST_REFUSAL:
            message = {"type": message["type"], "body": b"", "more_body": False}
        if message["type"] == "http.response.body":
            message = {"body": b"", **message}
            self._refused = not message.get("more_body", False)
        with suppress(OSError):  # as with HTTP: who has left is not answered
            await self.post({**message, "type": PREFIX + message["type"]})

    async def accept(
        self,
        conversation: Conversation,
        headers: Iterable[tuple[bytes, bytes]] = (),
        subprotocol: str | None = None,
    ) -> None:
        """Make it a WebSocket, whose messages `conversation` is going to exchange.

        Raises `OSError` when the client has left.
        """
        await self.post(
            {"type": "websocket.accept", "headers": list(headers), "subprotocol": subprotocol}
        )
        self._conversation = conversation

    async def converse(self) -> None:
        """Exchange messages until the end, if it was accepted."""
        if self._conversation is not None:
            await self._conversation()


def upgrade_of(scope: Scope) -> Upgrade | None:
    """The `Upgrade` of a request that asks for one."""
    found: Any = scope.get("extensions")
    return found.get(EXTENSION) if found else None
