"""One child with a loaded function in it: from its start to its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from ....clock import Clock
from ....wire import Stream, close_chunks
from ...debugging import DebugPort
from ...host import LoadError
from ...upgrades import SERVICE_RESTART, Upgrade
from .calls import Calls, Reach, refusal
from .channel import Channel, ChildError, ChildGoneError
from .clock import follow
from .failures import Failures
from .frames import Frame
from .launch import Launch
from .process import Child, open_child
from .requests import Departures
from .running import Running, say
from .sockets import ABNORMAL, INTERNAL_ERROR, Sockets
from .streams import gathered

SECRET_BYTES = 32
PING_SECONDS = 1.0
HANG_SECONDS = 30.0
"""Code that does not yield for so long is taken for an endless loop (the platform's limit)."""

OVERDUE_SECONDS = 0.5
"""So long a child may take to answer once a handler in it is past its limit."""
OVERDUE = "it did nothing but compute when a request was past `request_timeout`"
MEMORY = "in production a function has 128 MB: read large bodies and objects as streams"

ENDED = "the process of the function ended"
ABANDONED = "the call was given up"
RESTARTED = "the function was replaced or closed"
SOCKET = True
"""In the place of a body: the response is one half of a WebSocket."""


@asynccontextmanager
async def open_session(
    launch: Launch,
    reach: Reach,
    failures: Failures,
    clock: Clock,
    meanwhile: Callable[[], None],
) -> AsyncIterator[Session]:
    """A child that has loaded the function, until the end of the block.

    `meanwhile` is called while it starts. Raises `LoadError` when it cannot be loaded.
    """
    session = Session(reach, launch.loaded)
    secret = os.urandom(SECRET_BYTES).hex()
    socket = launch.command.socket
    socket.unlink(missing_ok=True)
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(partial(session.channel, secret), str(socket))
    try:
        async with open_child(launch.command, secret, say) as child:
            session.child = child
            meanwhile()
            try:
                watching = loop.create_task(_watch(child, session))
                try:
                    session.handlers = await _loaded(session, launch, failures, clock)
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


async def _loaded(
    session: Session, launch: Launch, failures: Failures, clock: Clock
) -> frozenset[str]:
    """Tell the child what to load; returns the handlers that it found."""
    try:
        channel = await session.connected
        session.follow(clock)
        channel.post("start", 0, launch.start)
        return frozenset(await session.loaded)
    except ChildError as refused:
        described = refused.described
        hint = described["hint"] or failures.hint(described["error"])
        raise LoadError(failures.of(described["error"]), hint=hint) from refused
    except ChildGoneError as gone:
        how = await session.end()
        message = f"{ENDED} while it loaded the module: {how}"
        hint = session.hint() or "does the module call Deno.exit?"
        raise LoadError(failures.at("Error", message), hint=hint) from gone


class Session:
    """A child's connection and what runs in it."""

    child: Child

    def __init__(self, reach: Reach, loaded: set[str]) -> None:
        loop = asyncio.get_running_loop()
        self.running = Running()
        self.sockets = Sockets()
        self.departures = Departures(loop)
        self.handlers: frozenset[str] = frozenset()
        self.connected: asyncio.Future[Channel] = loop.create_future()
        self.loaded: asyncio.Future[list[str]] = loop.create_future()
        self.inspected = False
        """A debugger may stop it at any time: that is no endless loop."""
        self._why = ""
        self._forget: Callable[[], None] = lambda: None
        self._judging = False
        self.closing = False
        self._channel: Channel | None = None
        self._loop = loop
        self._reach = reach
        self._calls: dict[int, asyncio.Task[None]] = {}
        """The work on calls of the child's, by their numbers."""
        self._work: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._pinged = 0.0
        self._answered = True
        self._kinds: dict[str, Callable[[Channel, Frame], None]] = {
            "call": self._asked(reach.binding),
            "cache": self._asked(reach.cache),
            "service": self._asked(self._service),
            "message": self.sockets.handle,
            "taken": self.sockets.handle,
            "close": self.sockets.handle,
            "log": lambda _, frame: self.running.said(frame),
            "settle": lambda _, frame: self.running.settle(frame),
            "done": lambda _, frame: self.running.end(frame.id),
            "abandon": self._abandon,
            "pong": self._pong,
            "source": lambda _, frame: loaded.add(frame.payload),
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

    def ask(
        self, kind: str, number: int, payload: Any, *, simple: bool = False
    ) -> asyncio.Future[Any]:
        """Run a handler. The future raises `ChildError` and `ChildGoneError`.

        `simple` says that JSON can hold the payload as it is.
        """
        if self._watch is None:
            self._answered = True
            self._watch = self._loop.call_later(PING_SECONDS, self._look)
        return self._connection().ask(kind, number, payload, simple=simple)

    def post(self, kind: str, number: int) -> None:
        """Tell the child something about an invocation."""
        self._connection().post(kind, number)

    async def join(self, number: int, upgrade: Upgrade, headers: list[list[str]]) -> None:
        """Join the end that an invocation returned to its client's WebSocket."""
        self.running.rest(number)
        await self.sockets.accept(number, self._connection(), upgrade, headers)

    def leave(self, number: int) -> None:
        """Nobody is there to be joined to the end that an invocation returned."""
        self._connection().post("close", number, [ABNORMAL, ""])

    def end_sockets(self) -> None:
        """Send the clients of WebSockets away: they may come again."""
        self.running.wake()
        self.sockets.close(SERVICE_RESTART, RESTARTED)

    def fail(self, error: Exception) -> None:
        """The function cannot be loaded, for this reason."""
        for waiting in (self.connected, self.loaded):
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # it may be that nobody waits for it

    def follow(self, clock: Clock) -> None:
        """Show the child our time, as long as it is connected."""
        channel = self._connection()
        self._forget = follow(clock, partial(channel.post, "clock", 0))

    def close(self) -> None:
        """Close the connection: the child ends by itself then."""
        self.closing = True
        self._forget()
        if self._watch is not None:
            self._watch.cancel()
        if self._channel is not None:
            self._channel.close()

    async def end(self) -> str:
        """How the child ended, with the last of what it wrote."""
        if self._why:
            return f"{self._why}, and was ended"
        how = await self.child.ended()
        return "\n".join([how, *self.child.lines])

    def hint(self) -> str:
        """What helps against the child's end, where that is known."""
        return MEMORY if self.child.exhausted else ""

    def inspect(self, port: DebugPort) -> None:
        """Let a debugger reach the child at `port`, once the child before has left it."""
        self.inspected = True
        port.take(partial(self._post_quietly, "uninspect"))
        self.post("inspect", port.number)

    def _post_quietly(self, kind: str) -> None:
        if not self.gone:
            self.post(kind, 0)

    def overdue(self) -> None:
        """End the child unless it yields: a handler in it has run past its limit."""
        channel = self._connection()
        if channel.closed or self.inspected or self._judging:
            return
        if self._watch is not None:
            self._watch.cancel()
        self._answered, self._judging = False, True
        self._watch = self._loop.call_later(OVERDUE_SECONDS, self._judge)
        channel.post("ping", 0)

    def _judge(self) -> None:
        self._judging = False
        if self._answered:
            self._look()
        elif not self._connection().closed:
            self._end(OVERDUE)

    def _end(self, why: str) -> None:
        self._why = why
        self.child.kill()

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
            self.sockets.close(INTERNAL_ERROR, ENDED)

    def _asked(
        self, work: Callable[..., Coroutine[Any, Any, Any]]
    ) -> Callable[[Channel, Frame], None]:
        """Takes a frame that asks for `work`, in the context of its invocation."""

        def begin(channel: Channel, frame: Frame) -> None:
            invocation, *call = frame.payload
            serving = self._serve(channel, frame.id, work, call)
            context = self.running.context(invocation)
            self._calls[frame.id] = self._loop.create_task(serving, context=context)

        return begin

    def _abandon(self, _: Channel, frame: Frame) -> None:
        """Nobody there waits for the answer to a call any more."""
        if frame.id in self._calls:
            # Not before it has begun, so that it can say so.
            self._loop.call_soon(self._calls[frame.id].cancel)

    async def _service(self, *call: Any) -> Any:
        return await self._reach.service(Calls(self._loop, self._work), *call)

    async def _serve(
        self,
        channel: Channel,
        number: int,
        work: Callable[..., Coroutine[Any, Any, Any]],
        call: Sequence[Any],
    ) -> None:
        try:
            channel.post("reply", number, await gathered(await work(*call)))
        except asyncio.CancelledError:
            channel.post("fail", number, {"type": "Error", "message": ABANDONED})
            raise
        except Exception as error:
            channel.post("fail", number, refusal(error))
        finally:
            self._calls.pop(number, None)

    def _late(self, channel: Channel, frame: Frame) -> None:
        """An answer that nobody waits for any more."""
        if isinstance(frame.payload, list):
            *_, body, busy = frame.payload
            if isinstance(body, Stream):
                task = self._loop.create_task(close_chunks(body.chunks))
                self._work.add(task)
                task.add_done_callback(self._work.discard)
            elif body is SOCKET:
                self.leave(frame.id)
        else:
            busy = frame.payload["busy"]
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
        elif self._loop.time() - self._pinged > HANG_SECONDS and not self.inspected:
            self._end(f"it did nothing but compute for {HANG_SECONDS:g} s, as an endless loop does")
            return
        self._watch = self._loop.call_later(PING_SECONDS, self._look)
