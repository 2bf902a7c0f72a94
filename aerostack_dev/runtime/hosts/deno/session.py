"""One child with a loaded function in it: from its start to its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ....bindings.opening import Bindings
from ....wire import Stream
from ...host import LoadError
from . import calls
from .channel import Channel, ChildError, ChildGoneError
from .failures import Failures
from .frames import Frame
from .process import Child, open_child
from .running import Running, say
from .streams import closed

SECRET_BYTES = 32
PING_SECONDS = 1.0
HANG_SECONDS = 30.0
"""Code that does not yield for so long is taken for an endless loop (the platform's limit)."""

ENDED = "the process of the function ended"


@dataclass(frozen=True, slots=True)
class Launch:
    """What a child is started with: `start` is the payload that says what to load."""

    program: str
    folder: Path
    cache: Path
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    start: dict[str, Any]


@asynccontextmanager
async def open_session(
    launch: Launch, bindings: Bindings, failures: Failures
) -> AsyncIterator[Session]:
    """A child that has loaded the function, until the end of the block.

    Raises `LoadError` when it cannot be loaded.
    """
    session = Session(bindings)
    secret = os.urandom(SECRET_BYTES).hex()
    socket = launch.folder / "socket"
    socket.unlink(missing_ok=True)
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(partial(session.channel, secret), str(socket))
    try:
        async with open_child(
            launch.program,
            launch.folder,
            launch.cache,
            launch.readable,
            launch.hidden,
            secret,
            say,
        ) as child:
            session.child = child
            try:
                watching = loop.create_task(_watch(child, session))
                try:
                    session.handlers = await _loaded(session, launch, failures)
                finally:
                    watching.cancel()
                server.close()
                yield session
            finally:
                session.close()
    finally:
        server.close()
        socket.unlink(missing_ok=True)


async def _watch(child: Child, session: Session) -> None:
    """A child that ends before it connects."""
    await child.process.wait()
    session.fail(ChildGoneError())


async def _loaded(session: Session, launch: Launch, failures: Failures) -> frozenset[str]:
    """Tell the child what to load; returns the handlers that it found."""
    try:
        channel = await session.connected
        channel.post("start", 0, launch.start)
        return frozenset(await session.loaded)
    except ChildError as refused:
        described = refused.described
        hint = described["hint"] or failures.hint(described["error"])
        raise LoadError(failures.of(described["error"]), hint=hint) from refused
    except ChildGoneError as gone:
        how = await session.end()
        message = f"{ENDED} while it loaded the module: {how}"
        raise LoadError(
            failures.at("Error", message), hint="does the module call Deno.exit?"
        ) from gone


class Session:
    """A child's connection and what runs in it."""

    child: Child

    def __init__(self, bindings: Bindings) -> None:
        loop = asyncio.get_running_loop()
        self.running = Running()
        self.handlers: frozenset[str] = frozenset()
        self.connected: asyncio.Future[Channel] = loop.create_future()
        self.loaded: asyncio.Future[list[str]] = loop.create_future()
        self.hung = False
        self.closing = False
        self._channel: Channel | None = None
        self._loop = loop
        self._bindings = bindings
        self._work: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._pinged = 0.0
        self._answered = True
        self._kinds: dict[str, Callable[[Channel, Frame], None]] = {
            "call": self._call,
            "log": lambda _, frame: self.running.said(frame),
            "settle": lambda _, frame: self.running.settle(frame),
            "done": lambda _, frame: self.running.end(frame.id),
            "pong": self._pong,
            "loaded": lambda _, frame: self._load(frame.payload),
            "refused": lambda _, frame: self.fail(ChildError(frame.payload)),
            "reply": self._late,
            "fail": self._late,
        }

    @property
    def gone(self) -> bool:
        """Whether nothing can run here any more."""
        return self._channel is not None and self._channel.closed

    def channel(self, secret: str) -> Channel:
        """A connection, which must know the secret to be the child's."""
        return Channel(partial(self._receive, secret), self._lost)

    def ask(self, kind: str, number: int, payload: Any) -> asyncio.Future[Any]:
        """Run a handler. The future raises `ChildError` and `ChildGoneError`."""
        if self._watch is None:
            self._answered = True
            self._watch = self._loop.call_later(PING_SECONDS, self._look)
        return self._connection().ask(kind, number, payload)

    def post(self, kind: str, number: int) -> None:
        """Tell the child something about an invocation."""
        self._connection().post(kind, number)

    def fail(self, error: Exception) -> None:
        """The function cannot be loaded, for this reason."""
        for waiting in (self.connected, self.loaded):
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # it may be that nobody waits for it

    def close(self) -> None:
        """Close the connection: the child ends by itself then."""
        self.closing = True
        if self._watch is not None:
            self._watch.cancel()
        if self._channel is not None:
            self._channel.close()

    async def end(self) -> str:
        """How the child ended, with the last of what it wrote."""
        if self.hung:
            return (
                f"it did nothing but compute for {HANG_SECONDS:g} s, as an endless loop does, "
                "and was ended"
            )
        how = await self.child.ended()
        return "\n".join([how, *self.child.lines])

    def _connection(self) -> Channel:
        assert self._channel is not None
        return self._channel

    def _receive(self, secret: str, channel: Channel, frame: Frame) -> None:
        if self._channel is channel:
            self._kinds[frame.kind](channel, frame)
        elif frame.kind == "hello" and frame.payload == secret and not self.connected.done():
            self._channel = channel
            self.connected.set_result(channel)
        else:
            channel.close()

    def _load(self, handlers: list[str]) -> None:
        if not self.loaded.done():
            self.loaded.set_result(handlers)

    def _lost(self, channel: Channel) -> None:
        if self._channel is channel:
            self.fail(ChildGoneError())
            self.running.clear()

    def _call(self, channel: Channel, frame: Frame) -> None:
        invocation, *call = frame.payload
        work = self._serve(channel, frame.id, *call)
        task = self._loop.create_task(work, context=self.running.context(invocation))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _serve(
        self, channel: Channel, number: int, target: str, operation: str, arguments: list[Any]
    ) -> None:
        try:
            value = await calls.invoke(self._bindings, target, operation, arguments)
            channel.post("reply", number, value)
        except Exception as error:
            channel.post("fail", number, calls.refusal(error))

    def _late(self, channel: Channel, frame: Frame) -> None:
        """An answer that nobody waits for any more."""
        answer = frame.payload
        busy = answer
        if isinstance(answer, list):
            *_, body, busy = answer
            if isinstance(body, Stream):
                task = self._loop.create_task(closed(body.chunks))
                self._work.add(task)
                task.add_done_callback(self._work.discard)
        elif isinstance(answer, dict):
            busy = answer["busy"]
        if not busy:
            self.running.end(frame.id)

    def _pong(self, channel: Channel, frame: Frame) -> None:
        self._answered = True

    def _look(self) -> None:
        """Ask now and then whether the child still yields, while something runs in it."""
        self._watch = None
        channel = self._connection()
        if not self.running or channel.closed:
            return
        if self._answered:
            self._answered, self._pinged = False, self._loop.time()
            channel.post("ping", 0)
        elif self._loop.time() - self._pinged > HANG_SECONDS:
            self.hung = True
            self.child.kill()
            return
        self._watch = self._loop.call_later(PING_SECONDS, self._look)
