"""`PythonHost`: runs the author's handlers, and ends what they began."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from ....bindings.env import environment
from ....config.model import Finding
from ....functions import Context, Request, Response
from ....functions.asgi import application_scope
from ....functions.context import LEAVING, cancelled
from ....functions.incoming import ClientLeftError
from ....runs import current_run, entered
from ....wire import record as as_record
from ...host import (
    CLIENT_LEFT,
    GRACE_SECONDS,
    NO_SCHEDULED,
    NO_WAIT,
    HandlerError,
    HostServices,
    LoadError,
    Receive,
    Recorder,
    ScheduledEvent,
    Scope,
    Send,
)
from ...portable import portable
from ...upgrades import upgrade_of
from ..authored import Authored
from .events import ScheduledController
from .failures import Failures
from .handlers import Handler, Offer
from .home import Home
from .importing import ALWAYS, importing, project_packages
from .loading import load, place
from .naming import Naming, prefix_of
from .neighbours import faces_of
from .sending import Inlet, Outlet, send_response
from .threads import Threads

if TYPE_CHECKING:
    from ....bindings.queue.batch import Batch
    from ...upgrades import Upgrade
    from .websockets import Conversation

T = TypeVar("T")

log = logging.getLogger("aerostack.function")


@asynccontextmanager
async def open_host(main: Path, services: HostServices) -> AsyncIterator[PythonHost]:
    """The function in `main`, loaded, until the end of the block.

    Raises `LoadError` when it cannot be. On leaving, running work has `GRACE_SECONDS`.
    """
    root = services.project.root
    roots = tuple(dict.fromkeys((str(root), str(main.parent))))
    authored = Authored(roots, prefix_of(services.service))
    folders = [*dict.fromkeys(str(folder) for folder in (main.parent, root / "src", root))]
    packages, finding = project_packages(root)
    naming = Naming(authored, folders, ALWAYS) if authored.prefix else None
    with importing(authored, folders, packages, naming):
        host = PythonHost(authored, services, () if finding is None else (finding,))
        try:
            await host._open(main, naming, services.entrypoint)
            yield host
        finally:
            await host._close()


class PythonHost:
    """A loaded Python function (`runtime.host.FunctionHost`). `open_host` yields it."""

    def __init__(
        self, authored: Authored, services: HostServices, findings: tuple[Finding, ...]
    ) -> None:
        self.findings = findings
        """What is worth saying about the project's environment."""
        self.env = environment(services.project, services.bindings.bound, faces_of(services.bound))
        self._authored = authored
        self._failures = Failures(authored)
        self._home = Home(self.env, self._report)
        self._threads = Threads()
        self._waits = NO_WAIT not in services.project.compatibility_flags
        self._offer = Offer({})
        self._running: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._ended: set[asyncio.Task[Any]] = set()
        """Tasks whose invocation was cancelled because this host was left."""
        self._conversations: dict[asyncio.Task[None], Conversation] = {}
        """The open WebSockets of an application."""
        self._modules: list[dict[str, Any]] = []
        """The namespaces of the author's modules: by them a task is known as this host's."""

    @property
    def handlers(self) -> frozenset[str]:
        """Which of `runtime.host.HANDLERS` the function has."""
        return self._offer.names

    @property
    def sources(self) -> frozenset[Path]:
        """The author's files that are loaded."""
        return frozenset(self._authored.files())

    async def fetch(
        self, scope: Scope, receive: Receive, send: Send, record: Recorder | None = None
    ) -> int:
        """Serve one HTTP request; returns the status. Raises `HandlerError`."""
        ctx = Context(self._home, self.env, record)
        request = Request._received(scope, receive)
        if self._offer.application is not None:
            return await self._run(ctx, self._apply(request, receive, ctx, send))
        return await self._run(ctx, self._answer(request, ctx, send))

    async def queue(self, batch: Batch, record: Recorder | None = None) -> None:
        """Hand a batch to the `queue` handler and wait for its wait_until work.

        With the flag `queue_consumer_no_wait_for_wait_until` only the handler counts.
        Raises `HandlerError`.
        """
        from ....bindings.queue.api import MessageBatch

        ctx = Context(self._home, self.env, record, counted=self._waits)
        await self._run(ctx, self._handle("queue", MessageBatch(batch), ctx))

    async def scheduled(self, event: ScheduledEvent, record: Recorder | None = None) -> None:
        """Run the `scheduled` handler and its wait_until work. Raises `HandlerError`."""
        ctx = Context(self._home, self.env, record, counted=True)
        if "scheduled" not in self._offer.handlers:
            with entered(ctx):
                log.warning(NO_SCHEDULED)
            event.no_retry = True
        await self._run(ctx, self._handle("scheduled", ScheduledController(event), ctx))

    async def call(
        self, method: str, arguments: Sequence[Any], record: Recorder | None = None
    ) -> Any:
        """Call a public method of the class, with wire values. Raises `HandlerError`."""
        ctx = Context(self._home, self.env, record)
        return await self._run(ctx, self._invoke(method, arguments, ctx))

    def overdue(self) -> None:
        """A request ran past its limit: a thread that serves it cannot be ended."""

    async def settled(self) -> None:
        """Return when no invocation and no background work is left."""
        while self._running or self._home.background:
            if self._running:
                self._idle.clear()
                await self._idle.wait()
            if self._home.background:
                await asyncio.wait(self._home.background)

    async def _run(self, ctx: Context, work: Coroutine[Any, Any, T]) -> T:
        """Run an invocation: it is counted, found by `current`, and fails in one way."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        token = current_run.set(ctx)
        try:
            return await work
        except (HandlerError, GeneratorExit):
            raise
        except BaseException as error:
            raise self._failed(error, ctx, task) from error
        finally:
            current_run.reset(token)
            if ctx._opened is not None:
                self._home.keep(ctx.release())
            if task in self._ended:
                self._ended.discard(task)
                task.uncancel()
            self._running.discard(task)
            if not self._running:
                self._idle.set()

    async def _answer(self, request: Request, ctx: Context, send: Send) -> int:
        handler = self._offer.handlers.get("fetch")
        if handler is None:
            raise RuntimeError(self._offer.missing("fetch"))
        try:
            response = await self._call(handler, request, ctx)
            if type(response) is not Response and not isinstance(response, Response):
                raise self._no_response(handler, response)
            if response._used:
                raise self._at(handler, "fetch returned a Response whose body is used already")
            response._used = response._source is not None
            return await send_response(request, response, ctx, send)
        except ClientLeftError:
            return CLIENT_LEFT

    async def _apply(self, request: Request, receive: Receive, ctx: Context, send: Send) -> int:
        """Let the ASGI application answer."""
        app = self._offer.application
        upgrade = upgrade_of(request._scope)
        if upgrade is not None:
            return await self._converse(app, upgrade, request, ctx)
        outlet, inlet = Outlet(request.method, ctx, send), Inlet(receive)
        scope = application_scope(request, self.env, ctx, await self._home.lifespan(app))
        try:
            await app(scope, inlet, outlet)
        except Exception:
            if inlet.left and outlet.status is None:
                return CLIENT_LEFT
            raise
        await outlet.flush()
        if outlet.status is None:
            raise RuntimeError("the ASGI application sent no response")
        return outlet.status

    async def _converse(self, app: Any, upgrade: Upgrade, request: Request, ctx: Context) -> int:
        """Let the ASGI application answer a request for a WebSocket."""
        from .websockets import Conversation

        conversation = Conversation(upgrade, self._report)
        scope = application_scope(request, self.env, ctx, await self._home.lifespan(app))
        status = await conversation.begin(app, scope)
        assert conversation.task is not None
        if not conversation.task.done():
            self._conversations[conversation.task] = conversation
            conversation.task.add_done_callback(self._conversations.pop)
        return status

    async def _handle(self, name: str, subject: Any, ctx: Context) -> None:
        """Run a handler that answers nothing, and the background work that counts."""
        handler = self._offer.handlers.get(name)
        if handler is None:
            raise RuntimeError(self._offer.missing(name))
        errors: list[BaseException] = []
        try:
            await self._call(handler, subject, ctx)
        except (Exception, *LEAVING, asyncio.CancelledError) as error:
            if cancelled(error):
                raise
            errors.append(error)
        if ctx._counted:
            errors += await ctx.settled()
        for further in errors[1:]:
            self._report(further)
        if errors:
            raise errors[0]

    async def _invoke(self, name: str, arguments: Sequence[Any], ctx: Context) -> Any:
        """Call a method, in a thread when it is a plain `def`; its result as a wire value."""
        method = self._offer.method(name)
        bound = getattr(method.kind(ctx, self.env), name)
        given = [as_record(argument) for argument in arguments]
        if method.threaded:
            result = await self._threads.run(bound, *given)
        else:
            result = bound(*given)
        if inspect.isawaitable(result):
            result = await result
        try:
            return portable(result, f"the result of {name}")
        except TypeError as error:
            raise self._misplaced(method.function, str(error)) from error

    async def _call(self, handler: Handler, subject: Any, ctx: Context) -> Any:
        if handler.threaded:
            result = await self._threads.run(handler.call, subject, self.env, ctx)
        else:
            result = handler.call(subject, self.env, ctx)
        # The type of nearly all results; `isawaitable` is ten times as slow.
        if type(result) is CoroutineType or inspect.isawaitable(result):
            return await result
        return result

    def _failed(self, error: BaseException, ctx: Context, task: asyncio.Task[Any]) -> BaseException:
        if task in self._ended:
            text = f"still running {GRACE_SECONDS:g} s after the function was replaced or closed"
            failure = self._failures.at("Canceled", text, None)
            return HandlerError(failure, started=ctx._started)
        if cancelled(error):
            return error
        return HandlerError(self._failures.of(error), started=ctx._started)

    def _no_response(self, handler: Handler, returned: Any) -> HandlerError:
        what = "None" if returned is None else f"a {type(returned).__name__}"
        advice = {
            type(None): "is a `return` missing?",
            dict: "return Response.json(…)",
            list: "return Response.json(…)",
            str: "return Response(…)",
        }.get(type(returned), "return a Response of the module workers")
        return self._at(handler, f"fetch returned {what}, not a Response; {advice}")

    def _at(self, handler: Handler, message: str) -> HandlerError:
        """A failure at the place where `handler` is defined."""
        return self._misplaced(handler.function, message)

    def _misplaced(self, function: Any, message: str) -> HandlerError:
        frame = place(function, self._failures)
        where = f" ({frame.file}:{frame.line}, in {frame.function})" if frame else ""
        return HandlerError(self._failures.at("TypeError", message + where, frame))

    def _report(self, error: BaseException) -> None:
        log.error("Uncaught %s", self._failures.of(error).stack)

    async def _open(self, main: Path, naming: Naming | None, entrypoint: str) -> None:
        with entered(Context(self._home, self.env)):
            self._offer = await load(main, self._authored, self._failures, naming, entrypoint)
            self._modules = [module.__dict__ for _, module in self._authored.modules()]
        if self._offer.application is None:
            return
        try:
            await self._home.lifespan(self._offer.application)
        except Exception as error:
            raise LoadError(
                self._failures.of(error), hint="the application's lifespan failed at its start"
            ) from error

    async def _close(self) -> None:
        """Let running work finish for a while, then cancel it."""
        async with AsyncExitStack() as stack:
            stack.callback(self._threads.close)
            stack.push_async_callback(self._home.close)
            stack.push_async_callback(self._cancel)
            for conversation in [*self._conversations.values()]:
                await conversation.end()
            await _within_grace(self._ended_all)

    async def _cancel(self) -> None:
        """End what is still running; whatever resists that is left behind."""
        self._ended.update(self._running)
        started = self._started()
        for task in [*self._running, *self._home.background, *self._conversations, *started]:
            task.cancel()
        await _within_grace(self.settled)
        if started:
            await asyncio.wait(started, timeout=GRACE_SECONDS)

    async def _ended_all(self) -> None:
        """Return when nothing is left, what serves WebSockets included."""
        if self._conversations:
            await asyncio.wait(self._conversations)
        await self.settled()

    def _started(self) -> list[asyncio.Task[Any]]:
        """The tasks that the author's code began and nobody waits for.

        Left alone, a loop of theirs would go on beside its successor after each reload.
        """
        return [
            task
            for task in asyncio.all_tasks()
            if (frame := getattr(task.get_coro(), "cr_frame", None)) is not None
            and any(frame.f_globals is module for module in self._modules)
        ]


async def _within_grace(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await work()
    except TimeoutError:
        return
