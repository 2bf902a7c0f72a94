"""What the server asks of the runtime: a protocol, so that tests can stand in for it."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ..bindings.kind import Kind, Services
from ..bindings.opening import Bindings
from ..bindings.state import State
from ..clock import Movable, MovableClock
from ..config.model import Project
from ..runtime.host import Failure, Receive, Scope, Send
from ..runtime.settings import Settings
from ..runtime.trace import Invocation, Outcome, Trace

T = TypeVar("T")

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


class Function(Protocol):
    """A function of the project (`runtime.function.Function`); the main one has no name."""

    @property
    def name(self) -> str: ...
    @property
    def handlers(self) -> frozenset[str]: ...
    @property
    def failure(self) -> Failure | None: ...


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
    def functions(self) -> Iterable[Function]:
        """The main function and its services."""

    @property
    def failure(self) -> Failure | None:
        """Why the function is not loaded; None when it is."""

    @property
    def trace(self) -> Trace: ...

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Serve a request; returns the status. Raises `HandlerError`, `LoadError`."""

    async def fetch_of(self, service: str, scope: Scope, receive: Receive, send: Send) -> int:
        """`fetch`, by the function that is called `service`."""

    async def scheduled(self, cron: str, time_ms: int | None, /) -> ScheduledRun:
        """Run the `scheduled` handler. Raises `LoadError` when there is no function."""

    @property
    def kinds(self) -> tuple[Kind, ...]: ...
    @property
    def state(self) -> State: ...
    @property
    def settings(self) -> Settings: ...

    async def ready(self) -> None:
        """Return when the rooms are open, and not just being exchanged."""

    async def exchange(self, work: Callable[[], Awaitable[T]], /) -> T:
        """Close all that uses the state, do `work`, and open everything again."""

    async def reload(self) -> Any:
        """Load configuration and function again."""

    async def pass_time(self, clock: Movable, until: float, /) -> list[Invocation]:
        """Move the clock to `until`; returns the runs that came due on the way."""

    async def resume_time(self, clock: MovableClock, /) -> None:
        """Go back to the machine's time."""
