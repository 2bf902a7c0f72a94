"""What outlives invocations: background work, the HTTP client, ASGI lifespans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from ....functions.context import LEAVING, Context
from ....functions.outgoing import open_client
from ....runs import entered
from ...host import GRACE_SECONDS

if TYPE_CHECKING:
    import httpx

Report = Callable[[BaseException], None]

SHUTDOWN = "lifespan.shutdown"
STARTUP = "lifespan.startup"


class Home:
    """The `functions.context.Home` of one host."""

    def __init__(self, env: Any, report: Report) -> None:
        self.loop = asyncio.get_running_loop()
        self.background: set[asyncio.Task[Any]] = set()
        self.env = env
        self.report = report
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._starting = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None
        self._lifespans: dict[int, Lifespan] = {}

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` go on in the background."""
        task = self.loop.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def client(self) -> httpx.AsyncClient:
        """What sends outgoing requests, opened at first use."""
        async with self._opening:
            if self._client is None:
                self._client = await open_client()
                self._stack.push_async_callback(self._client.aclose)
        return self._client

    async def lifespan(self, app: Any) -> dict[str, Any]:
        """Start `app` unless it runs. Raises what its start-up raised."""
        known = self._lifespans.get(id(app))
        if known is None:
            async with self._starting:
                known = self._lifespans.get(id(app))
                if known is None:
                    known = Lifespan(app, self)
                    await known.start()
                    self._lifespans[id(app)] = known
                    self._stack.push_async_callback(known.stop)
        return known.state

    async def close(self) -> None:
        """Shut applications and the client down, in the reverse order of their opening."""
        await self._stack.aclose()


class Lifespan:
    """One application's lifespan, in a task of its own as the protocol wants it.

    An application without one (it raises before it answers) is fine.
    """

    def __init__(self, app: Any, home: Home) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self._home = home
        self._asked: asyncio.Queue[str] = asyncio.Queue()
        self._answered: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._message = ""
        self._supported = False

    async def start(self) -> None:
        """Wait until the application is ready. Raises what kept it from that."""
        with entered(Context(self._home, self._home.env)):
            self._task = asyncio.create_task(self._run())
        try:
            answer = await self._exchange(STARTUP)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if answer == f"{STARTUP}.failed":
            self._raise()
        self._supported = bool(answer)
        if not self._supported:
            self._task.exception()  # it has no lifespan, and said so by raising

    async def stop(self) -> None:
        """Tell the application to end; what goes wrong there is reported."""
        task = self._task
        if task is None or not self._supported:
            return
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self._exchange(SHUTDOWN)
                await asyncio.wait({task})
        except TimeoutError:
            task.cancel()
            self._home.report(TimeoutError(f"the lifespan took over {GRACE_SECONDS:g} s to end"))
            return
        error = task.exception()
        if error is not None:
            self._home.report(error)

    async def _exchange(self, message: str) -> str:
        """What the application answers; empty when it ended without an answer."""
        assert self._task is not None
        self._asked.put_nowait(message)
        answer = asyncio.ensure_future(self._answered.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            return ""
        said = answer.result()
        if said["type"].endswith(".failed"):
            self._message = said.get("message", "")
            await asyncio.wait({self._task})
        return str(said["type"])

    def _raise(self) -> None:
        assert self._task is not None
        self._task.result()
        raise RuntimeError(f"the ASGI application could not start: {self._message}")

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
            "env": self._home.env,
        }
        try:
            await self.app(scope, self._receive, self._send)
        except LEAVING as error:
            raise RuntimeError(f"the ASGI application raised {error!r}") from error

    async def _receive(self) -> dict[str, Any]:
        return {"type": await self._asked.get()}

    async def _send(self, message: dict[str, Any]) -> None:
        self._answered.put_nowait(message)
