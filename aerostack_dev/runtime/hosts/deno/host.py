"""`DenoHost`: runs the handlers of a TypeScript function in a child process."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ....config.model import Finding
from ....errors import FunctionError
from ....functions.incoming import ClientLeftError
from ....functions.request import Request
from ...caches import Caches
from ...host import (
    CLIENT_LEFT,
    GRACE_SECONDS,
    NO_SCHEDULED,
    HandlerError,
    HostServices,
    LoadError,
    Receive,
    Recorder,
    ScheduledEvent,
    Scope,
    Send,
)
from ...upgrades import SWITCHING_PROTOCOLS, upgrade_of
from ..authored import Authored
from .calls import Reach
from .channel import ChildError, ChildGoneError
from .failures import Failures, path_of
from .launch import Launch, launch_of
from .process import find_deno
from .requests import body_of, has_body, head_of, send_response
from .running import Invocation
from .session import ENDED, SOCKET, Session, open_session

if TYPE_CHECKING:
    from ....bindings.queue.batch import Batch

NO_UPGRADE = "fetch answered with a WebSocket, which this caller cannot take"

log = logging.getLogger("aerostack.function")


@asynccontextmanager
async def open_host(main: Path, services: HostServices) -> AsyncIterator[DenoHost]:
    """The function in `main`, loaded in a child, until the end of the block.

    Raises `LoadError` when it cannot be. On leaving, running work has `GRACE_SECONDS`.
    """
    root = services.project.root
    authored = Authored(tuple(dict.fromkeys((str(root), str(main.parent)))))
    failures = Failures(authored)
    if sys.platform == "win32":
        message = "functions in TypeScript and JavaScript do not run on Windows yet"
        raise LoadError(failures.at("Error", message), hint="run aerostack inside WSL")
    try:
        program = find_deno()
    except FunctionError as error:
        raise LoadError(failures.at("Error", error.message), hint=error.hint) from error
    with TemporaryDirectory(prefix="aerostack-") as name:
        folder = Path(os.path.realpath(name))  # noqa: ASYNC240 - one look at a local path
        launch = launch_of(program, folder, main, services)
        async with DenoHost(main, launch, services, failures) as host:
            yield host


class DenoHost:
    """A loaded function (`runtime.host.FunctionHost`). `open_host` yields it.

    When its child ends, by a crash or an endless loop, the next call starts another.
    """

    def __init__(
        self, main: Path, launch: Launch, services: HostServices, failures: Failures
    ) -> None:
        self.handlers: frozenset[str] = frozenset()
        """Which of `runtime.host.HANDLERS` the function has."""
        self.findings: tuple[Finding, ...] = launch.findings
        """What is worth saying about the project's environment."""
        self._main = main
        self._authored = failures.authored
        self._launch = launch
        self._reach = Reach(
            services.bindings, services.caches or Caches(services.clock), services.bound
        )
        self._clock = services.clock
        self._debugging = services.debugging
        self._meanwhile = services.meanwhile
        self._failures = failures
        self._session: Session | None = None
        self._stack = AsyncExitStack()
        self._reviving = asyncio.Lock()

    @property
    def sources(self) -> frozenset[Path]:
        """The author's files that are loaded by now, and those that say what imports mean."""
        files = {file for url in self._launch.loaded if (file := path_of(url)) in self._authored}
        return frozenset((self._main, *map(Path, files), *self._launch.modules))

    async def __aenter__(self) -> DenoHost:
        self._session = await self._open()
        self.handlers = self._session.handlers
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send WebSockets away, let running work finish for a while, then end the child."""
        if self._session is not None and not self._session.gone:
            self._session.end_sockets()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self.settled()
        except TimeoutError:
            pass
        finally:
            await self._stack.aclose()

    async def fetch(
        self, scope: Scope, receive: Receive, send: Send, record: Recorder | None = None
    ) -> int:
        """Serve one HTTP request; returns the status. Raises `HandlerError`."""
        session = self._session
        if session is None or session.gone:
            session = await self._revived()
        request = Request._received(scope, receive)
        try:
            body = await body_of(request, scope) if has_body(scope) else None
        except ClientLeftError:
            return CLIENT_LEFT
        payload = [*head_of(request, scope), body]
        invocation = session.running.begin(record)
        answer = await self._answer(session, invocation, request, payload)
        if answer is None:
            return CLIENT_LEFT
        if not answer[3]:
            session.running.end(invocation.id)
        try:
            if answer[2] is SOCKET:
                return await self._join(session, invocation, scope, answer[1])
            return await send_response(request, answer, send)
        except (ChildError, ChildGoneError) as error:
            raise await self._failed(session, error, started=True) from error

    async def queue(self, batch: Batch, record: Recorder | None = None) -> None:
        """Hand a batch to the `queue` handler and wait for its wait_until work.

        With the flag `queue_consumer_no_wait_for_wait_until` only the handler counts.
        Raises `HandlerError`.
        """
        from .batches import payload_of

        session = await self._ready()
        invocation = session.running.begin(record, batch=batch)
        await self._run(session, invocation, "queue", payload_of(batch))

    async def scheduled(self, event: ScheduledEvent, record: Recorder | None = None) -> None:
        """Run the `scheduled` handler and its wait_until work. Raises `HandlerError`."""
        session = await self._ready()
        invocation = session.running.begin(record, event=event)
        if "scheduled" not in session.handlers:
            invocation.context.run(log.warning, NO_SCHEDULED)
            event.no_retry = True
        payload = {"cron": event.cron, "scheduledTime": event.scheduled_time}
        await self._run(session, invocation, "scheduled", payload)

    async def call(
        self, method: str, arguments: Sequence[Any], record: Recorder | None = None
    ) -> Any:
        """Call a public method of the class, with wire values. Raises `HandlerError`."""
        session = await self._ready()
        invocation = session.running.begin(record)
        answer = await self._run(session, invocation, "invoke", [method, list(arguments)])
        return answer["value"]

    def overdue(self) -> None:
        """A request ran past its limit: the child is ended too when it only computes."""
        if self._session is not None and not self._session.gone:
            self._session.overdue()

    async def settled(self) -> None:
        """Return when no handler and no background work is left."""
        if self._session is not None:
            await self._session.running.settled()

    async def _answer(
        self, session: Session, invocation: Invocation, request: Request, payload: list[Any]
    ) -> Any:
        """What the `fetch` handler answered; None when its client left before."""
        future = session.ask("fetch", invocation.id, payload, simple=payload[-1] is None)
        session.departures.expect(future, request)
        try:
            answer = await future
        except asyncio.CancelledError:
            session.post("abort", invocation.id)
            raise
        except ChildError as error:
            if not error.described["busy"]:
                session.running.end(invocation.id)
            if request._pieces()._gone:
                return None
            raise await self._failed(session, error) from error
        except ChildGoneError as error:
            raise await self._failed(session, error) from error
        finally:
            session.departures.forget(future)
        if answer is None:
            session.post("abort", invocation.id)
        return answer

    async def _join(
        self, session: Session, invocation: Invocation, scope: Scope, headers: list[list[str]]
    ) -> int:
        """Join the end that the handler returned to its client's WebSocket."""
        upgrade = upgrade_of(scope)
        if upgrade is None:
            session.leave(invocation.id)
            raise HandlerError(self._failures.at("TypeError", NO_UPGRADE))
        try:
            await session.join(invocation.id, upgrade, headers)
        except OSError:
            return CLIENT_LEFT
        return SWITCHING_PROTOCOLS

    async def _run(self, session: Session, invocation: Invocation, kind: str, payload: Any) -> Any:
        """What the child answers; work of the invocation may go on (`busy`)."""
        busy = False
        try:
            answer = await session.ask(kind, invocation.id, payload)
            busy = answer["busy"]
            return answer
        except ChildError as error:
            busy = error.described["busy"]
            raise await self._failed(session, error) from error
        except ChildGoneError as error:
            raise await self._failed(session, error) from error
        finally:
            if not busy:
                session.running.end(invocation.id)

    async def _failed(
        self, session: Session, error: Exception, *, started: bool = False
    ) -> HandlerError:
        if isinstance(error, ChildError):
            described = error.described.get("error", error.described)
            return HandlerError(self._failures.of(described), started=started)
        if session.closing:
            text = f"still running {GRACE_SECONDS:g} s after the function was replaced or closed"
            return HandlerError(self._failures.at("Canceled", text), started=started)
        message = f"{ENDED} while it ran this handler: {await session.end()}"
        failure = self._failures.at("Error", message, session.hint())
        return HandlerError(failure, started=started)

    async def _ready(self) -> Session:
        session = self._session
        return await self._revived() if session is None or session.gone else session

    async def _revived(self) -> Session:
        """A fresh child in the place of one that ended. Raises `HandlerError`."""
        async with self._reviving:
            if self._session is None or self._session.gone:
                self._session = None
                await self._stack.aclose()
                try:
                    self._session = await self._open()
                except LoadError as error:
                    raise HandlerError(error.failure) from error
            return self._session

    async def _open(self) -> Session:
        session = await self._stack.enter_async_context(
            open_session(self._launch, self._reach, self._failures, self._clock, self._meanwhile)
        )
        if self._debugging is not None:
            session.inspect(self._debugging)
        return session
