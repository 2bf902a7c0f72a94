"""`App`: a project loaded in this process, and its handlers called by hand."""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from .. import wire
from ..bindings.env import Env
from ..bindings.kind import named
from ..bindings.opening import Bound, Current
from ..bindings.queue import content, default_content_type
from ..bindings.queue.backend import Backend
from ..bindings.queue.batch import Batch, Message, Metrics, Settlement
from ..bindings.queue.policy import Policy, default_policies, policies
from ..config.model import Finding, Project
from ..functions.headers import Headers
from ..runtime.host import Failure, HandlerError
from ..runtime.runtime import ScheduledRun
from ..runtime.trace import Outcome
from .clock import AppClock, milliseconds
from .http import Exchange, HttpResponse
from .loops import Distant, across
from .stage import Stage, found, open_stage

OURS = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class QueueResult:
    """What a `queue` handler made of a batch, by the bodies of its messages.

    `delays` are the seconds until each of `retried` comes again (None: the consumer's
    own `retry_delay`). `buried` are those of `retried` whose attempts are used up: they
    went to the dead letter queue, or were dropped. `failure` is why the handler failed.
    """

    outcome: Outcome
    acked: list[Any]
    retried: list[Any] = field(default_factory=list)
    delays: list[int | None] = field(default_factory=list)
    buried: list[Any] = field(default_factory=list)
    failure: Failure | None = None


@asynccontextmanager
async def open_app(
    path: str | Path | None = None,
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
    seed: bool = True,
) -> AsyncIterator[App]:
    """The project at `path`, loaded, until the end of the block.

    `path` is a folder or an `aerostack.toml`; by default the nearest one upwards from the
    working directory. `environment` chooses an `[env.NAME]`; `variables` win over those
    of the files. Every database has its migrations applied, and `seed.sql`, unless `seed`
    is False. Raises `ConfigError` and `LoadError` when the project cannot be loaded,
    `AerostackError` when a migration fails.
    """
    async with open_stage(found(path), environment, variables, seed=seed) as stage:
        yield App(stage)


class App:
    """A function under test. The fixture `aerostack` and `open_app` give one.

    `env` is what handlers are given; `clock` moves time; `findings` is what the server
    would have said; `runtime.trace` has a record of every call. Its methods may be
    awaited in any event loop.
    """

    def __init__(self, stage: Stage) -> None:
        self.runtime = stage.runtime
        self.findings = stage.findings
        self.clock = AppClock(stage)
        self.env: Any = _environment(stage)
        self._loop = stage.loop

    @property
    def project(self) -> Project:
        """The configuration."""
        return self.runtime.project

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        body: str | bytes = b"",
        json: Any = None,
    ) -> HttpResponse:
        """Call the `fetch` handler; the response once it is whole.

        `url` is a path with its query, or a whole URL. `json` is sent as JSON in place of
        `body`. Work given to `ctx.wait_until` has ended when this returns. Raises
        `HandlerError`, with the author's own error as its cause.
        """
        __tracebackhide__ = True
        exchange = Exchange(url, method, Headers(headers), body, json)
        try:
            return await across(self._loop, self._fetch(exchange))
        except HandlerError as error:
            raise error.with_traceback(None) from _at_author(error.__cause__)

    async def queue(self, queue: str, bodies: Iterable[Any], *, attempts: int = 1) -> QueueResult:
        """Call the `queue` handler with one batch, which no real queue knows of.

        `bodies` become messages of the default content type, delivered for the
        `attempts`-th time.
        """
        now = self._now()
        kind = default_content_type(self.project)
        encoded = [content.encode(body, kind) for body in bodies]
        messages = tuple(
            Message(os.urandom(16).hex(), now, body, kind, attempts) for body in encoded
        )
        return await across(self._loop, self._handed(queue, messages))

    async def consume(self, queue: str = "default") -> QueueResult:
        """Call the `queue` handler with the next batch that waits in `queue`, and settle it.

        Takes up to `max_batch_size` messages that are due, without waiting for more;
        delays, retries and the dead letter queue are the consumer's own. Nothing due: a
        result without messages.
        """
        return await across(self._loop, self._consume(self._policy(queue)))

    async def scheduled(
        self, cron: str | None = None, time: int | datetime.datetime | None = None
    ) -> ScheduledRun:
        """Call the `scheduled` handler; its `outcome` is `ok` or `exception`.

        `cron` may be left out where the project has exactly one; `time` is in ms since
        the epoch or an aware datetime, and `app.clock`'s own by default.
        """
        if cron is None:
            if len(self.project.crons) != 1:
                raise ValueError(f"name one of the crons: {', '.join(self.project.crons)}")
            cron = self.project.crons[0]
        when = None if time is None else milliseconds(time)
        return await across(self._loop, self.runtime.scheduled(cron, when))

    async def _fetch(self, exchange: Exchange) -> HttpResponse:
        status = await self.runtime.fetch(exchange.scope, exchange.receive, exchange.send)
        await self.runtime.settled()
        return HttpResponse(status, exchange.headers, b"".join(exchange.pieces))

    async def _handed(self, queue: str, messages: tuple[Message, ...]) -> QueueResult:
        return _result(*await self._deliver(queue, messages, Metrics(0, 0)))

    async def _consume(self, policy: Policy) -> QueueResult:
        backend: Backend = self.runtime.bindings.rooms["queue"]
        lease = (await backend.acquire(policy, self._now())).lease
        if lease is None:
            return QueueResult("ok", [])
        batch, failure = await self._deliver(policy.queue, lease.messages, lease.metrics)
        decision = batch.settlement.decide(failed=failure is not None)
        buried = await backend.settle(lease, decision, policy, self._now())
        return _result(batch, failure, frozenset(message.id for message in buried))

    async def _deliver(
        self, queue: str, messages: tuple[Message, ...], metrics: Metrics
    ) -> tuple[Batch, Failure | None]:
        settlement = Settlement([message.id for message in messages], self._warn)
        batch = Batch(queue, messages, metrics, settlement)
        try:
            await self.runtime.deliver(batch)
        except HandlerError as error:
            return batch, error.failure
        return batch, None

    def _policy(self, queue: str) -> Policy:
        """How `queue` is consumed, but without waiting for a batch to fill."""
        known = {**default_policies(self.project), **policies(self.project)}
        if queue not in known:
            raise ValueError(f"no consumer of a queue {queue!r}; there are: {', '.join(known)}")
        consumer = msgspec.structs.replace(known[queue].consumer, max_batch_timeout=0)
        return Policy(consumer, known[queue].dead_letter_delay)

    def _warn(self, text: str) -> None:
        self.findings.append(Finding("queue-settlement", text))

    def _now(self) -> int:
        return round(self.clock.now() * 1000)


def _at_author(error: BaseException | None) -> BaseException | None:
    """An error of the author's, with the lines of ours that lead to it taken out."""
    if error is None:
        return None
    trace = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(OURS):
        trace = trace.tb_next
    return error.with_traceback(trace or error.__traceback__)


def _environment(stage: Stage) -> Env:
    """What handlers are given, for callers in any event loop."""
    project, bound = stage.runtime.project, stage.runtime.bindings.bound
    values = {name: wire.record(value) for name, value in project.values.items()}
    faces = {name: partial(_face, each, stage.loop) for name, each in bound.items()}
    given = {name: value for name, value in values.items() if name not in faces}
    return Env(given, project.unsupported, faces)


def _face(bound: Bound, loop: asyncio.AbstractEventLoop) -> Any:
    return named(bound.kind.face)(Distant(Current(bound), loop))


def _result(
    batch: Batch, failure: Failure | None, buried: frozenset[str] = frozenset()
) -> QueueResult:
    decision = batch.settlement.decide(failed=failure is not None)
    bodies = {
        message.id: content.decode(message.body, message.content_type) for message in batch.messages
    }
    return QueueResult(
        "ok" if failure is None else "exception",
        [bodies[message] for message in decision.acked],
        [bodies[message] for message in decision.retries],
        list(decision.retries.values()),
        [body for message, body in bodies.items() if message in buried],
        failure,
    )
