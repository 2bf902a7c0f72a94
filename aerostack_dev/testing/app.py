"""`open_app`: a project loaded in this process, and its handlers called by hand."""

from __future__ import annotations

import asyncio
import datetime
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from .. import wire
from ..bindings.env import Env
from ..bindings.kind import Services
from ..bindings.kinds import all_kinds
from ..bindings.queue import content
from ..bindings.queue.backend import Backend
from ..bindings.queue.batch import Batch, Message, Metrics, Settlement
from ..bindings.queue.operations import default_content_type
from ..bindings.queue.policy import Policy, default_policies, policies
from ..bindings.state import open_state
from ..clock import ManualClock
from ..config.load import find, require_main
from ..config.model import Finding, Project
from ..errors import ConfigError
from ..functions.headers import Headers
from ..runtime.host import Failure, HandlerError, LoadError
from ..runtime.runtime import (
    Runtime,
    ScheduledRun,
    Settings,
    Surroundings,
    load_project,
    open_runtime,
)
from ..runtime.trace import Outcome
from .databases import prepare
from .http import Exchange, HttpResponse

P = ParamSpec("P")
T = TypeVar("T")


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


def async_test(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make an `async def` test a plain one, for runners that know only those."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(test(*args, **kwargs))

    return run


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
    settings = Settings(
        _start(path), environment, dict(variables or {}), dict(os.environ), background=False
    )
    kinds = all_kinds()
    project = load_project(settings, kinds)
    require_main(project)
    findings = list(project.findings)
    clock = ManualClock()
    with (
        tempfile.TemporaryDirectory(prefix="aerostack-test-") as folder,
        open_state(Path(folder), "a test") as state,
    ):
        services = Services(project, state, clock, os.urandom, findings.append)
        await prepare(kinds, services, seed=seed)
        surroundings = Surroundings(kinds, state, clock, os.urandom, findings.append)
        async with open_runtime(settings, project, surroundings) as runtime:
            if runtime.failure is not None:
                raise _not_loaded(runtime.failure)
            yield App(runtime, clock, findings)


class App:
    """A function under test. `open_app` yields it.

    `env` is what handlers are given; `clock` moves time; `findings` is what the server
    would have said; `runtime.trace` has a record of every call.
    """

    def __init__(self, runtime: Runtime, clock: ManualClock, findings: list[Finding]) -> None:
        self.runtime = runtime
        self.clock = clock
        self.findings = findings
        faces = {name: bound.face for name, bound in runtime.bindings.bound.items()}
        given = self.project.values.items()
        values = {name: wire.record(value) for name, value in given if name not in faces}
        self.env: Any = Env(values, self.project.unsupported, faces)

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
        exchange = Exchange(url, method, Headers(headers), body, json)
        status = await self.runtime.fetch(exchange.scope, exchange.receive, exchange.send)
        await self.runtime.settled()
        return HttpResponse(status, exchange.headers, b"".join(exchange.pieces))

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
        batch, failure = await self._deliver(queue, messages, Metrics(0, 0))
        return _result(batch, failure)

    async def consume(self, queue: str = "default") -> QueueResult:
        """Call the `queue` handler with the next batch that waits in `queue`, and settle it.

        Takes up to `max_batch_size` messages that are due; delays, retries and the dead
        letter queue are the consumer's own. Nothing due: a result without messages.
        """
        policy = self._policy(queue)
        backend: Backend = self.runtime.bindings.rooms["queue"]
        lease = (await backend.acquire(policy, self._now())).lease
        if lease is None:
            return QueueResult("ok", [])
        batch, failure = await self._deliver(queue, lease.messages, lease.metrics)
        decision = batch.settlement.decide(failed=failure is not None)
        buried = await backend.settle(lease, decision, policy, self._now())
        return _result(batch, failure, frozenset(message.id for message in buried))

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
        if isinstance(time, datetime.datetime):
            if time.tzinfo is None:
                raise ValueError("time must be an aware datetime: give it tzinfo=datetime.UTC")
            time = round(time.timestamp() * 1000)
        return await self.runtime.scheduled(cron, time)

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


def _not_loaded(failure: Failure) -> LoadError:
    error = LoadError(failure)
    error.add_note(failure.stack)
    return error


def _start(path: str | Path | None) -> Path:
    if path is not None:
        return Path(path)
    found = find(Path.cwd())
    if found is None:
        raise ConfigError(
            "no aerostack.toml here or in a folder above",
            where=str(Path.cwd()),
            hint="run the tests in the project, or give open_app its folder",
        )
    return found
