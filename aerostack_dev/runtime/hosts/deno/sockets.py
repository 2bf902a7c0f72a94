"""WebSockets of clients, joined to the ends that the child holds: credit both ways.

Frames, all with the id of the invocation: `message` (text or bytes) and `close` (code,
reason) both ways, and `taken`, which says that one message has been handled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from ....functions.response import CONNECTION_HEADERS
from ...upgrades import Upgrade
from .channel import Channel
from .frames import Frame

WINDOW = 256 * 1024
"""Bytes of messages that may wait in the child; one message goes in any case."""
NO_CODE = 1005
ABNORMAL = 1006
INTERNAL_ERROR = 1011

PROTOCOL = "sec-websocket-protocol"
OWN = CONNECTION_HEADERS | {b"content-length", b"upgrade"}
"""Headers of a handshake that are the server's own, beside `sec-websocket-…`."""

Pair = tuple[bytes, bytes]


class Socket:
    """One WebSocket. `converse` exchanges its messages until one side ends it."""

    def __init__(self, number: int, channel: Channel, upgrade: Upgrade) -> None:
        self.number = number
        self._channel = channel
        self._upgrade = upgrade
        self._outgoing: deque[Frame | tuple[int | None, str]] = deque()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._sizes: deque[int] = deque()
        self._under_way = 0
        self._closing = False

    async def converse(self) -> None:
        """Carry messages both ways. Returns when the client has gone or was sent away."""
        sending = asyncio.create_task(self._send())
        code, reason = ABNORMAL, ""
        try:
            code, reason = await self._receive()
        finally:
            self._channel.post("close", self.number, [code, reason])
            sending.cancel()
            await asyncio.wait({sending})

    def handle(self, frame: Frame) -> None:
        """Take a frame of the child's about this socket."""
        if frame.kind == "taken":
            self._under_way -= self._sizes.popleft()
            self._taken.set()
        elif frame.kind == "message":
            self._put(frame)
        else:
            code, reason = frame.payload
            self.close(None if code == NO_CODE else code, reason)

    def close(self, code: int | None, reason: str = "") -> None:
        """Send the client away, after what was sent before."""
        self._put((code, reason))
        self._closing = True
        self._taken.set()

    def _put(self, item: Frame | tuple[int | None, str]) -> None:
        self._outgoing.append(item)
        self._changed.set()

    async def _receive(self) -> tuple[int, str]:
        """Hand messages to the child until the client ends; returns its code and reason."""
        while True:
            while self._under_way >= WINDOW and not self._closing:
                self._taken.clear()
                await self._taken.wait()
            message = await self._upgrade.next()
            if message["type"] == "websocket.disconnect":
                code = message.get("code")
                return NO_CODE if code is None else code, message.get("reason") or ""
            text = message.get("text")
            data = message["bytes"] if text is None else text
            self._sizes.append(len(data))
            self._under_way += len(data)
            self._channel.post("message", self.number, data)

    async def _send(self) -> None:
        # A client that has gone is an OSError to uvicorn, one that it has sent away by
        # itself (a message too long, no answer to a ping) a RuntimeError: `_receive` is
        # told of both.
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                while not self._outgoing:
                    self._changed.clear()
                    await self._changed.wait()
                item = self._outgoing.popleft()
                if not isinstance(item, Frame):
                    code, reason = item
                    await self._upgrade.post(
                        {"type": "websocket.close", "code": code, "reason": reason}
                    )
                    return
                kind = "text" if isinstance(item.payload, str) else "bytes"
                await self._upgrade.post({"type": "websocket.send", kind: item.payload})
                self._channel.post("taken", self.number)


class Sockets:
    """The open WebSockets of a child, by their invocations."""

    def __init__(self) -> None:
        self._open: dict[int, Socket] = {}

    async def accept(
        self, number: int, channel: Channel, upgrade: Upgrade, headers: list[list[str]]
    ) -> None:
        """Make the client's request a WebSocket, joined to the child's end."""
        socket = Socket(number, channel, upgrade)
        self._open[number] = socket

        async def converse() -> None:
            try:
                await socket.converse()
            finally:
                self._open.pop(number, None)

        try:
            await upgrade.accept(converse, *_handshake(headers))
        except BaseException:
            self._open.pop(number)
            channel.post("close", number, [ABNORMAL, ""])
            raise

    def handle(self, _: Channel, frame: Frame) -> None:
        """Take a frame about a socket; one about a socket that is over is late."""
        socket = self._open.get(frame.id)
        if socket is not None:
            socket.handle(frame)

    def close(self, code: int, reason: str) -> None:
        """Send every client away."""
        for socket in [*self._open.values()]:
            socket.close(code, reason)


def _handshake(headers: list[list[str]]) -> tuple[list[Pair], str | None]:
    """The author's headers of a handshake, and the subprotocol among them."""
    subprotocol = next((value for name, value in headers if name == PROTOCOL), None)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    kept = [
        (name, value)
        for name, value in raw
        if name not in OWN and not name.startswith(b"sec-websocket-")
    ]
    return kept, subprotocol
