"""What the server asks of the runtime: a protocol, so that tests can stand in for it."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

from ..bindings.kind import Services
from ..bindings.opening import Bindings
from ..config.model import Project
from ..runtime.host import Failure, Receive, Scope, Send
from ..runtime.trace import Outcome, Trace

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""

Redact = Callable[[str], str]
"""Takes the values of secrets out of a text."""


class Cron(Protocol):
    """A configured cron (`config.cron.Cron`)."""

    @property
    def expression(self) -> str: ...

    def upcoming(self, after: datetime.datetime, count: int, /) -> Iterable[datetime.datetime]:
        """The next `count` moments after `after`."""


class ScheduledRun(Protocol):
    """How one firing of a cron went (`runtime.runtime.ScheduledRun`)."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def no_retry(self) -> bool: ...
    @property
    def duration_ms(self) -> float: ...
    @property
    def failure(self) -> Failure | None: ...
    @property
    def request_id(self) -> str: ...


class Runtime(Protocol):
    """The author's function with its bindings and crons (`runtime.runtime.Runtime`)."""

    @property
    def project(self) -> Project: ...
    @property
    def bindings(self) -> Bindings: ...
    @property
    def crons(self) -> Sequence[Cron]: ...
    @property
    def services(self) -> Services:
        """What the rooms were given when they opened."""

    @property
    def handlers(self) -> frozenset[str]: ...
    @property
    def failure(self) -> Failure | None:
        """Why the function is not loaded; None when it is."""

    @property
    def trace(self) -> Trace: ...

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Serve a request; returns the status. Raises `HandlerError`, `LoadError`."""

    async def scheduled(self, cron: str, time_ms: int | None, /) -> ScheduledRun:
        """Run the `scheduled` handler. Raises `LoadError` when there is no function."""

    async def reload(self) -> Any:
        """Load configuration and function again."""
