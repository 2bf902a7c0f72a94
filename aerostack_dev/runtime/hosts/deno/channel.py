"""The connection to a child: calls both ways at once, one write per turn of the loop.

Only many calls at once leave earlier: the child works on the first while the rest is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from .frames import PREFIX, Frame, decoded, encoded, simple_frame
from .streams import Streams

BURST = 8
"""So many calls do not wait for the end of the turn."""

STREAM_KINDS = frozenset(("chunk", "end", "credit", "cancel"))


class ChildError(Exception):
    """The child answered with an error: `described` is `{name, message, stack, cause?}`."""

    def __init__(self, described: dict[str, Any]) -> None:
        super().__init__(described.get("message", ""))
        self.described = described


class ChildGoneError(Exception):
    """The child's connection ended before it answered."""


class Channel(asyncio.Protocol):
    """Reads and writes frames.

    `receive` gets every frame but those of streams and the answers that are waited for.
    """

    def __init__(
        self, receive: Callable[[Channel, Frame], None], lost: Callable[[Channel], None]
    ) -> None:
        self._receive = receive
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._held = bytearray()
        self._outgoing: list[bytes] = []
        self._asked = 0
        """How many calls are in it."""
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.streams = Streams(self._write, self.post, ChildError)
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: the transports of uvloop are of no class of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        held = self._held
        held += data if held else b""
        arrived = held or data  # nearly always whole frames, which are not copied first
        at, size = 0, len(arrived)
        while size - at >= PREFIX.size:
            header, body = PREFIX.unpack_from(arrived, at)
            start = at + PREFIX.size
            at_body, end = start + header, start + header + body
            if end > size:
                break
            self._dispatch(bytes(arrived[start:at_body]), bytes(arrived[at_body:end]))
            at = end
        if held:
            del held[:at]
        else:
            held += data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        error = ChildGoneError()
        for waiting in [*self._waiting.values()]:
            if not waiting.done():
                waiting.set_exception(error)
        self._waiting.clear()
        self.streams.lose(error)
        self._lost(self)

    def post(self, kind: str, number: int, payload: Any = None) -> None:
        """Send a frame. A connection that is gone takes nothing more."""
        self._write(encoded(kind, number, payload, self.streams.open))

    def ask(
        self, kind: str, number: int, payload: Any, *, simple: bool = False
    ) -> asyncio.Future[Any]:
        """Send a call; its answer comes as `reply` or `fail` with the same `number`.

        `simple` says that JSON can hold the payload as it is. The future raises
        `ChildError` or `ChildGoneError`.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.closed:
            future.set_exception(ChildGoneError())
            return future
        self._waiting[number] = future
        if simple:
            self._write(simple_frame(kind, number, payload))
        else:
            self.post(kind, number, payload)
        self._asked += 1
        if self._asked == BURST:
            self._flush()
        return future

    def close(self) -> None:
        """End the connection after what was posted."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def _dispatch(self, header: bytes, body: bytes) -> None:
        frame = decoded(header, body, self._join)
        kind = frame.kind
        if kind == "reply" or kind == "fail":
            waiting = self._waiting.pop(frame.id, None)
            if waiting is not None and not waiting.done():
                if kind == "reply":
                    waiting.set_result(frame.payload)
                else:
                    waiting.set_exception(ChildError(frame.payload))
                return
        elif kind in STREAM_KINDS:
            self.streams.receive(frame)
            return
        self._receive(self, frame)

    def _join(self, number: int) -> AsyncIterator[bytes]:
        return self.streams.join(number)

    def _write(self, pieces: list[bytes]) -> None:
        if self.closed:
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing += pieces

    def _flush(self) -> None:
        outgoing, self._outgoing, self._asked = self._outgoing, [], 0
        if outgoing and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(outgoing))
