"""The record of every invocation and every binding call: bounded, subscribable.

The only source of the log lines, of the error pages' context and of the dashboard. An
invocation is opened by the runtime, handed to the host that runs it, found through
`current()` by whatever runs inside it, and closed once; its spans come from `bindings.spans`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOBase
from itertools import count
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from ..bindings.spans import Span
from ..clock import Clock, stopwatch
from ..runs import Recorded, current_run, entered

Kind = Literal["fetch", "queue", "scheduled", "rpc"]
"""`rpc`: a method that another function of the project called."""
Outcome = Literal["ok", "exception", "canceled"]

KEPT_INVOCATIONS = 500
KEPT_SPANS = 200
"""Of one invocation; further calls are counted only."""
KEPT_LOGS = 200
"""Of one invocation; further lines reach the terminal only."""
KEPT_CHARACTERS = 64 * 1024
"""Of all lines of one invocation; what goes beyond reaches the terminal only."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Log(msgspec.Struct, frozen=True):
    """A line that the author's code printed or logged; `when` in seconds since the epoch."""

    level: str
    message: str
    when: float


class Invocation(msgspec.Struct, eq=False, gc=False):
    """One run of a handler."""

    session: str
    number: int
    """Of the runs of the session, from 1."""
    kind: Kind
    name: str
    """`GET /api/items`, a queue's name, a cron expression, the name of a method."""
    when: float
    """Seconds since the epoch."""
    started: float
    """Stopwatch seconds."""
    service: str = ""
    """The function that ran, where it is not the main one."""
    duration: float | None = None
    """Seconds; None while it runs."""
    outcome: Outcome | None = None
    status: int | None = None
    """Of a fetch, once the response began."""
    detail: Mapping[str, Any] = NOTHING
    """Of a queue batch: `acked`, `total`; of a cron: `scheduledTime`."""
    failure: Any = None
    """The `Failure` of a handler that raised."""
    spans: Sequence[Span] = ()
    """The first `KEPT_SPANS`."""
    further: Mapping[str, int] = NOTHING
    """Calls per binding beyond the `spans`."""
    logs: Sequence[Log] = ()
    unfinished: dict[TextIOBase, str] | None = None
    """What was printed to a stream without a newline yet."""
    room: int = KEPT_CHARACTERS
    """How many characters of `logs` are still kept."""
    parent: Invocation | None = None
    """The invocation that called this one through a service binding."""
    depth: int = 0
    """How many calls lie above this one."""
    called: int = 0
    """Of what came from outside: the calls that it brought about, all of them."""

    @property
    def id(self) -> str:
        """Its number, unlike any of other sessions."""
        return f"{self.session}-{self.number:06x}"

    @property
    def origin(self) -> Invocation:
        """What came from outside and led to this."""
        return self if self.parent is None else self.parent.origin

    @property
    def calls(self) -> dict[str, int]:
        """Calls per binding, all of them."""
        counted = {**self.further}
        for span in self.spans:
            counted[span.binding] = counted.get(span.binding, 0) + 1
        return counted

    def begin(self, span: Span) -> None:
        """Record the start of a binding call (`runs.Recorder`)."""
        if not isinstance(self.spans, list):
            self.spans = [span]
        elif len(self.spans) < KEPT_SPANS:
            self.spans.append(span)
        else:
            beyond = self.further.get(span.binding, 0) + 1
            self.further = {**self.further, span.binding: beyond}

    def log(self, line: Log) -> None:
        """Keep a line that was printed while this invocation ran."""
        if len(self.logs) >= KEPT_LOGS or not self.room:
            return
        if len(line.message) > self.room:
            line = replace(line, message=f"{line.message[: self.room]}…")
        self.room = max(0, self.room - len(line.message))
        if not isinstance(self.logs, list):
            self.logs = []
        self.logs.append(line)


Subscriber = Callable[[Invocation], None]


class Trace:
    """The last `KEPT_INVOCATIONS` invocations, and those who want to hear of each."""

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._session = entropy(4).hex()
        self._numbers = count(1)
        self._kept: deque[Invocation] = deque(maxlen=KEPT_INVOCATIONS)
        self._subscribers: list[Subscriber] = []
        self._selective: list[Subscriber] = []
        """They hear of remarkable invocations only."""

    def open(
        self, kind: Kind, name: str, service: str = "", parent: Invocation | None = None
    ) -> Invocation:
        """Begin an invocation. Whoever runs it makes it the current one there (`runs`)."""
        number, now = next(self._numbers), self._clock.now()
        invocation = Invocation(self._session, number, kind, name, now, stopwatch(), service)
        if parent is not None:
            invocation.parent, invocation.depth = parent, parent.depth + 1
        return invocation

    def close(self, invocation: Invocation, outcome: Outcome) -> None:
        """End an invocation: it is kept, and the subscribers hear of it."""
        if invocation.unfinished:
            with entered(Recorded(invocation)):
                for stream in tuple(invocation.unfinished):
                    stream.write("\n")
        invocation.duration = stopwatch() - invocation.started
        invocation.outcome = outcome
        self._kept.append(invocation)
        for subscriber in self._subscribers:
            subscriber(invocation)
        if invocation.spans or invocation.failure is not None:
            for subscriber in self._selective:
                subscriber(invocation)

    def recent(self) -> list[Invocation]:
        """The finished invocations that are kept, oldest first."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget the finished invocations."""
        self._kept.clear()

    @contextmanager
    def collected(self, into: list[Invocation]) -> Iterator[None]:
        """Until the end of the block, put the batches and crons that end in `into`."""

        def collect(invocation: Invocation) -> None:
            if invocation.kind in ("queue", "scheduled"):
                into.append(invocation)

        leave = self.subscribe(collect)
        try:
            yield
        finally:
            leave()

    def subscribe(self, subscriber: Subscriber, *, remarkable: bool = False) -> Callable[[], None]:
        """Call `subscriber` with every invocation that ends; returns the undoing.

        With `remarkable` only with those that failed or called a binding.
        """
        # Copied, so that a subscriber may leave while others are told.
        if remarkable:
            self._selective = [*self._selective, subscriber]
        else:
            self._subscribers = [*self._subscribers, subscriber]

        def leave() -> None:
            self._subscribers = [one for one in self._subscribers if one is not subscriber]
            self._selective = [one for one in self._selective if one is not subscriber]

        return leave


def current() -> Invocation | None:
    """The invocation that the running code belongs to."""
    run = current_run.get()
    record = None if run is None else run._record
    return record if isinstance(record, Invocation) else None
