"""Bodies in pieces, both ways, with credit: a slow reader slows the writer down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from ....wire import Stream, close_chunks, taken
from ...host import HandlerError
from .frames import Frame, Whole, chunk

WINDOW = 256 * 1024
"""Bytes that may be under way before the reader has taken any."""
PIECE = 64 * 1024
"""A frame carries at most so many bytes of a stream."""

INLINE_BYTES = 64 * 1024
"""What is no longer comes with the frame that it belongs to."""

Write = Callable[[list[bytes]], None]
Post = Callable[[str, int, Any], None]


class Inlet:
    """A stream that arrives: an async iterator of bytes. Closing it tells the sender."""

    def __init__(self, number: int, post: Post, forget: Callable[[int], None]) -> None:
        self._number = number
        self._post = post
        self._forget = forget
        self._pieces: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._ended = False
        self._failure: BaseException | None = None

    def __aiter__(self) -> Inlet:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        piece = self._pieces.popleft()
        if not self._ended:
            self._post("credit", self._number, len(piece))
        return piece

    async def aclose(self) -> None:
        """No more of it is wanted."""
        self._pieces.clear()
        if not self._ended:
            self._post("cancel", self._number, None)
            self.end(None)
        self._forget(self._number)

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._arrived.set()

    def end(self, failure: BaseException | None) -> None:
        self._ended, self._failure = True, failure
        self._arrived.set()


class Outlet:
    """A stream that is sent, piece by piece, as far as the reader's credit goes."""

    def __init__(self, number: int, source: AsyncIterator[bytes]) -> None:
        self.number = number
        self.source = source
        self.credit = WINDOW
        self._granted = asyncio.Event()

    def grant(self, amount: int) -> None:
        self.credit += amount
        self._granted.set()

    async def pump(self, write: Write) -> None:
        """Send all of it. Raises what the source raises."""
        async for piece in self.source:
            for start in range(0, len(piece), PIECE):
                while self.credit <= 0:
                    self._granted.clear()
                    await self._granted.wait()
                part = bytes(piece[start : start + PIECE])
                self.credit -= len(part)
                write(chunk(self.number, part))


class Streams:
    """The streams of one connection, by the ids that their senders gave them."""

    def __init__(self, write: Write, post: Post, revive: Callable[[Any], BaseException]) -> None:
        self._write = write
        self._post = post
        self._revive = revive
        self._count = 0
        self._outlets: dict[int, tuple[Outlet, asyncio.Task[None]]] = {}
        self._inlets: dict[int, Inlet] = {}
        self._lost: BaseException | None = None

    def open(self, source: AsyncIterator[bytes]) -> int:
        """Begin to send `source`; returns its id."""
        self._count += 1
        outlet = Outlet(self._count, source)
        task = asyncio.get_running_loop().create_task(self._pump(outlet))
        self._outlets[outlet.number] = outlet, task
        return outlet.number

    def join(self, number: int) -> Inlet:
        """The stream that the child sends as `number`."""
        inlet = Inlet(number, self._post, self._forget)
        if self._lost is not None:
            inlet.end(self._lost)
        self._inlets[number] = inlet
        return inlet

    def receive(self, frame: Frame) -> None:
        """Take a frame about a stream; one about a stream that is over is late."""
        if frame.kind == "chunk" and frame.id in self._inlets:
            self._inlets[frame.id].add(frame.body)
        elif frame.kind == "end" and frame.id in self._inlets:
            failure = None if frame.payload is None else self._revive(frame.payload)
            self._inlets.pop(frame.id).end(failure)
        elif frame.kind == "credit" and frame.id in self._outlets:
            self._outlets[frame.id][0].grant(frame.payload)
        elif frame.kind == "cancel" and frame.id in self._outlets:
            self._outlets[frame.id][1].cancel()

    def lose(self, error: BaseException) -> None:
        """The connection is gone: what arrives ends with `error`, what is sent stops."""
        self._lost = error
        for inlet in [*self._inlets.values()]:
            inlet.end(error)
        self._inlets.clear()
        for _, task in [*self._outlets.values()]:
            task.cancel()

    async def closed(self) -> None:
        """Return when nothing is being sent any more."""
        tasks = [task for _, task in self._outlets.values()]
        if tasks:
            await asyncio.wait(tasks)

    async def _pump(self, outlet: Outlet) -> None:
        failure = None
        try:
            await outlet.pump(self._write)
        except HandlerError as error:
            # The body of another function's response: its error is the author's own.
            failure = {"type": error.failure.type, "message": error.failure.message}
        except Exception as error:
            failure = {"type": "Error", "message": str(error) or type(error).__name__}
        finally:
            del self._outlets[outlet.number]
            await close_chunks(outlet.source)
        self._post("end", outlet.number, failure)

    def _forget(self, number: int) -> None:
        self._inlets.pop(number, None)


async def gathered(answer: Any) -> Any:
    """The answer to a call, with its stream read if it is short.

    To open a stream, to send its pieces and to end it costs far more than so few bytes.
    """
    if isinstance(answer, Stream):
        return await _read(answer)
    if isinstance(answer, dict):
        for name, value in answer.items():
            if isinstance(value, Stream):
                return {**answer, name: await _read(value)}
    return answer


async def _read(stream: Stream) -> Any:
    if stream.size is None or stream.size > INLINE_BYTES:
        return stream
    data = taken(stream.chunks)
    if data is not None:
        return Whole(data)
    try:
        return Whole(b"".join([piece async for piece in stream.chunks]))
    finally:
        await close_chunks(stream.chunks)
