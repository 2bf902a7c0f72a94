"""WebSockets of an ASGI application: the handshake is its request, the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ...host import CLIENT_LEFT, Message, Scope
from ...upgrades import SERVICE_RESTART, SWITCHING_PROTOCOLS, Upgrade

FORBIDDEN = 403
INTERNAL_ERROR = 1011
RESTARTED = "the function was replaced or closed"


class Conversation:
    """One WebSocket, which the application serves in a task of its own."""

    def __init__(self, upgrade: Upgrade, report: Callable[[BaseException], None]) -> None:
        self.task: asyncio.Task[None] | None = None
        self._upgrade = upgrade
        self._report = report
        self._connected = False
        self._closed = False
        self._left = False
        """The client was gone before the handshake: the application's error is due to that."""
        self._answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def begin(self, app: Callable[..., Awaitable[None]], scope: Scope) -> int:
        """Let `app` answer the handshake; returns its status. Raises what `app` raises."""
        self.task = asyncio.ensure_future(app(self._scope(scope), self._receive, self._send))
        try:
            known: set[asyncio.Future[Any]] = {self.task, self._answered}
            await asyncio.wait(known, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.task.cancel()
            raise
        if not self._answered.done():
            self.task.result()
            raise RuntimeError("the ASGI application ended without an answer to the WebSocket")
        if self._answered.result() != SWITCHING_PROTOCOLS:
            await self._ended()
        return self._answered.result()

    async def end(self) -> None:
        """Send the client away; the application sees that it has gone."""
        await self._close(SERVICE_RESTART, RESTARTED)

    def _scope(self, scope: Scope) -> Scope:
        original = self._upgrade.original
        own = {name: original.get(name) for name in ("type", "scheme")}
        return {**scope, **own, "extensions": original.get("extensions", {})}

    async def _converse(self) -> None:
        """Until the application ends. An error of its own closes the WebSocket."""
        if not await self._ended():
            await self._close(INTERNAL_ERROR, "")

    async def _close(self, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            with suppress(OSError):  # the client was quicker
                await self._upgrade.post(
                    {"type": "websocket.close", "code": code, "reason": reason}
                )

    async def _ended(self) -> bool:
        """Wait for the application; returns whether it ended well, and reports if not."""
        assert self.task is not None
        try:
            await self.task
        except Exception as error:
            if not self._left:
                self._report(error)
            return False
        return True

    async def _receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        message = await self._upgrade.next()
        self._closed = self._closed or message["type"] == "websocket.disconnect"
        return message

    async def _send(self, message: Message) -> None:
        if self._closed:  # an OSError means to frameworks that the client has gone
            raise ConnectionResetError("the WebSocket is closed")
        kind = message["type"]
        if kind == "websocket.accept":
            await self._accept(message)
            return
        self._closed = kind == "websocket.close"
        await self._upgrade.post(message)
        if kind == "websocket.http.response.start":
            self._answer(message["status"])
        elif self._closed:
            self._answer(FORBIDDEN)

    async def _accept(self, message: Message) -> None:
        headers, protocol = message.get("headers", ()), message.get("subprotocol")
        try:
            await self._upgrade.accept(self._converse, headers, protocol)
        except OSError:
            self._closed = self._left = True
            self._answer(CLIENT_LEFT)
            raise
        self._answer(SWITCHING_PROTOCOLS)

    def _answer(self, status: int) -> None:
        if not self._answered.done():
            self._answered.set_result(status)
