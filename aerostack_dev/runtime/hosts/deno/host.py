"""`DenoHost`: runs the handlers of a TypeScript function in a child process."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ....config.model import Finding
from ....errors import FunctionError
from ....functions.incoming import ClientLeftError
from ....functions.request import PLACE, Request
from ...host import (
    GRACE_SECONDS,
    HandlerError,
    HostServices,
    LoadError,
    Receive,
    ScheduledEvent,
    Scope,
    Send,
)
from ..python.authored import Authored
from ..python.host import CLIENT_LEFT, NO_SCHEDULED, NO_WAIT
from .channel import ChildError, ChildGoneError
from .failures import Failures, url_of
from .process import HERE, PACKAGE, find_deno
from .requests import Departure, payload_of, send_response
from .running import Invocation
from .session import ENDED, Launch, Session, open_session
from .sources import sources_of

if TYPE_CHECKING:
    from ....bindings.queue.batch import Batch

SIGNALS = "enable_request_signal"
NODE = "nodejs_compat"
STATE = ".aerostack"
"""The folder of a project that is ours: the child cannot read it, its cache is in it."""

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
        launch = _launch(program, folder, main, services)
        async with DenoHost(launch, services, failures) as host:
            host.sources = await sources_of(program, main, authored, launch.cache)
            yield host


class DenoHost:
    """A loaded function (`runtime.host.FunctionHost`). `open_host` yields it.

    When its child ends, by a crash or an endless loop, the next call starts another.
    """

    def __init__(self, launch: Launch, services: HostServices, failures: Failures) -> None:
        self.handlers: frozenset[str] = frozenset()
        """Which of `runtime.host.HANDLERS` the function has."""
        self.sources: frozenset[Path] = frozenset()
        """The author's files that are loaded."""
        self.findings: tuple[Finding, ...] = ()
        """What is worth saying about the project's environment."""
        self._launch = launch
        self._bindings = services.bindings
        self._failures = failures
        self._session: Session | None = None
        self._stack = AsyncExitStack()
        self._reviving = asyncio.Lock()

    async def __aenter__(self) -> DenoHost:
        self._session = await self._open()
        self.handlers = self._session.handlers
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let running work finish for a while, then end the child."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self.settled()
        except TimeoutError:
            pass
        finally:
            await self._stack.aclose()

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Serve one HTTP request; returns the status. Raises `HandlerError`."""
        session = self._session
        if session is None or session.gone:
            session = await self._revived()
        request = Request._received(scope, receive)
        try:
            payload = await payload_of(request, scope)
        except ClientLeftError:
            return CLIENT_LEFT
        invocation = session.running.begin()
        answer = await self._answer(session, invocation, request, payload)
        if answer is None:
            return CLIENT_LEFT
        if not answer[3]:
            session.running.end(invocation.id)
        try:
            return await send_response(request, answer, send)
        except (ChildError, ChildGoneError) as error:
            raise await self._failed(session, error, started=True) from error

    async def queue(self, batch: Batch) -> None:
        """Hand a batch to the `queue` handler and wait for its wait_until work.

        With the flag `queue_consumer_no_wait_for_wait_until` only the handler counts.
        Raises `HandlerError`.
        """
        from .batches import payload_of

        session = await self._ready()
        invocation = session.running.begin(batch=batch)
        await self._run(session, invocation, "queue", payload_of(batch))

    async def scheduled(self, event: ScheduledEvent) -> None:
        """Run the `scheduled` handler and its wait_until work. Raises `HandlerError`."""
        session = await self._ready()
        if "scheduled" not in session.handlers:
            log.warning(NO_SCHEDULED)
            event.no_retry = True
        invocation = session.running.begin(event=event)
        payload = {"cron": event.cron, "scheduledTime": event.scheduled_time}
        await self._run(session, invocation, "scheduled", payload)

    async def settled(self) -> None:
        """Return when no handler and no background work is left."""
        if self._session is not None:
            await self._session.running.settled()

    async def _answer(
        self, session: Session, invocation: Invocation, request: Request, payload: list[Any]
    ) -> Any:
        """What the `fetch` handler answered; None when its client left before."""
        incoming = request._pieces()
        future = session.ask("fetch", invocation.id, payload)
        departure = Departure(incoming, future)
        try:
            return await future
        except asyncio.CancelledError:
            session.post("abort", invocation.id)
            if departure.left:
                return None
            raise
        except ChildError as error:
            if not error.described["busy"]:
                session.running.end(invocation.id)
            if incoming._gone:
                return None
            raise await self._failed(session, error) from error
        except ChildGoneError as error:
            raise await self._failed(session, error) from error
        finally:
            departure.forget()

    async def _run(self, session: Session, invocation: Invocation, kind: str, payload: Any) -> None:
        """Run a handler that answers nothing."""
        busy = False
        try:
            busy = await session.ask(kind, invocation.id, payload)
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
        return HandlerError(self._failures.at("Error", message), started=started)

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
        return await self._stack.enter_async_context(
            open_session(self._launch, self._bindings, self._failures)
        )


def _launch(program: str, folder: Path, main: Path, services: HostServices) -> Launch:
    project = services.project
    root = project.root
    kinds = {bound.kind.typescript for bound in services.bindings.bound.values()}
    above = [parent / "node_modules" for parent in root.parents]
    readable = [
        root,
        main.parent,
        HERE,
        PACKAGE / "bindings" / "face.ts",
        *sorted({face.parent for face in kinds}),
        *(modules for modules in above if modules.is_dir()),
    ]
    kept = root / STATE
    return Launch(
        program,
        folder,
        (kept if kept.is_dir() else folder) / "cache" / "deno",
        tuple(dict.fromkeys(readable)),
        (kept,),
        {
            "main": url_of(main),
            "file": main.name,
            "values": dict(project.values),
            "bindings": [
                {
                    "name": bound.name,
                    "face": url_of(bound.kind.typescript),
                    "constants": getattr(bound.operations, "constants", {}),
                }
                for bound in services.bindings.bound.values()
            ],
            "unsupported": dict(project.unsupported),
            "settings": {
                "edge": dict(PLACE),
                "waits": NO_WAIT not in project.compatibility_flags,
                "signals": SIGNALS in project.compatibility_flags,
            },
            "populate": NODE in project.compatibility_flags,
        },
    )
