"""uvicorn's WebSocket protocol, imported by the first request for a WebSocket."""

from __future__ import annotations

from asyncio import BaseProtocol
from functools import cache
from typing import Any

LARGEST_MESSAGE = 32 * 1024 * 1024
"""Bytes of a message that a client may send, as on the platform; a longer one ends it (1009)."""
ABNORMAL = 1006
"""The code of a connection that ended without a close frame (RFC 6455 §7.1.5)."""


def connection(**arguments: Any) -> BaseProtocol:
    """The protocol of one connection, as uvicorn makes it of its configuration."""
    made: BaseProtocol = _protocol()(**arguments)
    return made


@cache
def _protocol() -> Any:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class Protocol(WebSocketsSansIOProtocol):
        """A client that vanishes is told apart from one that closes without a code."""

        def connection_lost(self, exc: Exception | None) -> None:
            if self.handshake_complete and not self.close_sent and not self.conn.close_rcvd:
                message: Any = {"type": "websocket.disconnect", "code": ABNORMAL, "reason": ""}
                self.queue.put_nowait(message)
            super().connection_lost(exc)

    return Protocol
