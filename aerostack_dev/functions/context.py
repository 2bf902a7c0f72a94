"""`ctx`, and how code finds the invocation that it belongs to (queue-cron-dev.md §3.1)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Protocol

from ..runs import Recorder, current_run
from ..wire import Record

if TYPE_CHECKING:
    import httpx

NO_INVOCATION = (
    "{what} works inside an invocation only: call it from a handler, not while another "
    "thread or an unrelated task runs"
)

LEAVING = (SystemExit, KeyboardInterrupt)
"""What ends a process elsewhere is a failure like others here: the author raised it, since
Ctrl-C of the user raises nothing in the server."""


class Closable(Protocol):
    """What is closed with its invocation: an async iterator that can be stopped."""

    async def aclose(self) -> None: ...


class Home(Protocol):
    """What outlives an invocation: its host, as far as the author's API needs it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that handlers run on."""

    @property
    def background(self) -> set[asyncio.Task[Any]]:
        """Work that goes on after its invocation; finished or cancelled with the host."""

    def report(self, error: BaseException) -> None:
        """Log a failure that no invocation answers for."""

    async def client(self) -> httpx.AsyncClient:
        """What sends outgoing requests."""

    async def lifespan(self, app: Any) -> dict[str, Any]:
        """Start an ASGI application unless it runs; its lifespan's state."""


class Context:
    """What a handler is given as `ctx`.

    Background work that fails is reported, or with `counted` returned by `settled`.
    """

    # Defaults of the class: an invocation that uses none of them pays for none.
    _begun: list[asyncio.Task[BaseException | None]] | None = None
    _opened: list[Closable] | None = None
    """Responses of `fetch`: whoever does not read them holds a connection."""
    _props: Record | None = None
    _started = False
    """Whether the response of this invocation has begun."""

    def __init__(
        self, home: Home, env: Any, record: Recorder | None = None, *, counted: bool = False
    ) -> None:
        self._home = home
        self._env = env
        self._record = record
        self._counted = counted

    @property
    def props(self) -> Record:
        """Properties given by a calling service: none here."""
        if self._props is None:
            self._props = Record()
        return self._props

    def wait_until(self, awaitable: Awaitable[Any]) -> None:
        """Let `awaitable` go on after the response; what is not awaitable is ignored.

        Its failure is logged and leaves the response alone; in a queue or scheduled
        handler it fails the invocation.
        """
        if not inspect.isawaitable(awaitable):
            return
        if _on(self._home.loop):
            self._begin(awaitable)
        else:
            self._home.loop.call_soon_threadsafe(self._begin, awaitable)

    def pass_through_on_exception(self) -> None:
        """Has no effect here: there is no origin server to pass the request to."""

    waitUntil = wait_until
    passThroughOnException = pass_through_on_exception

    async def settled(self) -> list[BaseException]:
        """Wait for all background work, what it starts in turn included; its errors."""
        errors = []
        while self._begun:
            waiting, self._begun = self._begun, None
            errors += [error for error in await asyncio.gather(*waiting) if error is not None]
        self._counted = False
        return errors

    async def release(self) -> None:
        """Close what `fetch` opened, once the background work that may read it is over."""
        if self._begun:
            await asyncio.wait(self._begun)
        for opened in self._opened or ():
            await opened.aclose()

    def _begin(self, awaitable: Awaitable[Any]) -> None:
        task = self._home.loop.create_task(self._watched(awaitable))
        if self._begun is None:
            self._begun = []
        self._begun.append(task)
        self._home.background.add(task)
        task.add_done_callback(self._home.background.discard)

    async def _watched(self, awaitable: Awaitable[Any]) -> BaseException | None:
        try:
            await awaitable
        except (Exception, *LEAVING, asyncio.CancelledError) as error:
            if cancelled(error):
                raise
            if self._counted:
                return error
            self._home.report(error)
        return None


def found() -> Context | None:
    """The context of the invocation that the running code belongs to."""
    run = current_run.get()
    return run if isinstance(run, Context) else None


def current(what: str) -> Context:
    """The running invocation's context. Raises `RuntimeError` where there is none."""
    context = found()
    if context is None:
        raise RuntimeError(NO_INVOCATION.format(what=what))
    return context


def cancelled(error: BaseException) -> bool:
    """Whether `error` means that the running task itself is to end.

    Otherwise a `CancelledError` is the author's: they awaited something cancelled.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and bool(task and task.cancelling())


class CurrentEnv:
    """`env` of the `workers` module: the environment of the running invocation."""

    def __getattr__(self, name: str) -> Any:
        return getattr(current("workers.env")._env, name)

    def __getitem__(self, name: str) -> Any:
        return current("workers.env")._env[name]

    def __contains__(self, name: object) -> bool:
        return name in current("workers.env")._env

    def __iter__(self) -> Any:
        return iter(current("workers.env")._env)

    def __repr__(self) -> str:
        context = found()
        return "<env: outside an invocation>" if context is None else repr(context._env)


env: Any = CurrentEnv()


def wait_until(awaitable: Awaitable[Any]) -> None:
    """`ctx.wait_until` of the running invocation."""
    current("wait_until").wait_until(awaitable)


def waitUntil(awaitable: Awaitable[Any]) -> None:
    """The same as `wait_until`."""
    current("waitUntil").wait_until(awaitable)


def run_sync(awaitable: Awaitable[Any]) -> Any:
    """Wait for `awaitable` from a plain `def` handler, and return its result.

    Raises `RuntimeError` on the event loop's own thread, where `await` is the way.
    """
    loop = current("run_sync")._home.loop
    if _on(loop):
        if inspect.iscoroutine(awaitable):
            awaitable.close()
        raise RuntimeError(
            "run_sync works in the thread of a plain `def` handler; here use `await`"
        )
    return asyncio.run_coroutine_threadsafe(_awaited(awaitable), loop).result()


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
