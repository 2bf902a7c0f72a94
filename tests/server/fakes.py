"""Stand-ins for the runtime and the ASGI server."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aerostack_dev.bindings.kind import Kind
from aerostack_dev.bindings.opening import Bindings, Bound
from aerostack_dev.bindings.spans import operation
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Dev, Project, Section
from aerostack_dev.runtime.host import Failure, Frame
from aerostack_dev.runtime.trace import Trace
from tests.support.asgi import http_scope

PORT = 8788
HOST = b"localhost:8788"


@dataclass
class FakeCron:
    expression: str
    first: datetime.datetime | None = datetime.datetime(2027, 1, 16, 9, 0, tzinfo=datetime.UTC)

    def upcoming(self, after: datetime.datetime, count: int) -> list[datetime.datetime]:
        assert after.tzinfo is not None
        if self.first is None:
            return []
        return [self.first + datetime.timedelta(days=day) for day in range(count)]


@dataclass
class FakeRun:
    cron: str
    outcome: str = "ok"
    no_retry: bool = False
    duration_ms: float = 12.3456
    failure: Failure | None = None
    request_id: str = "run-1"


class Operations:
    """A binding with operations that succeed and fail in every way."""

    binding = "CACHE"

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    @operation()
    async def put(self, key: str, value: Any) -> None:
        self.kept[key] = value

    @operation()
    async def get(self, key: str) -> Any:
        return self.kept.get(key)

    @operation()
    async def fail(self, what: Any) -> None:
        raise what

    async def secret(self) -> str:
        return "not an operation"


@dataclass
class FakeRuntime:
    """Whatever a test needs the runtime to do."""

    root: Path = Path("/project")
    dev: Dev = field(default_factory=Dev)
    crons: Sequence[FakeCron] = ()
    handlers: frozenset[str] = frozenset({"fetch", "scheduled"})
    failure: Failure | None = None
    answer: Callable[..., Any] | None = None
    run: Callable[[str, int | None], FakeRun] = lambda cron, time_ms: FakeRun(cron)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.trace = Trace(self.clock, lambda size: bytes(size))
        self.operations = Operations()
        kind = Kind(
            name="cache", title="key-value cache", default="CACHE",
            section=Section("kv_namespaces", Dev), resource=str, backends={},
            operations="", face="",
        )  # fmt: skip
        bound = Bound("CACHE", kind, "cache", "sqlite", "cache.sqlite", lambda: self.operations)
        self.bindings = Bindings({"CACHE": bound}, {}, {})
        self.project = self.configured(self.dev)
        self.fetched: list[dict[str, Any]] = []
        self.scheduled_runs: list[tuple[str, int | None]] = []
        self.reloads = 0
        self.functions: Sequence[Any] = ()

    def configured(self, dev: Dev) -> Project:
        return Project(root=self.root, file=None, name="demo", main=None, dev=dev)

    async def fetch(self, scope: Any, receive: Any, send: Any) -> int:
        self.fetched.append(scope)
        if self.answer is not None:
            status: int = await self.answer(scope, receive, send)
            return status
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
        return 200

    async def scheduled(self, cron: str, time_ms: int | None = None) -> FakeRun:
        self.scheduled_runs.append((cron, time_ms))
        return self.run(cron, time_ms)

    async def ready(self) -> None: ...

    async def reload(self) -> None:
        self.reloads += 1


@dataclass
class Answer:
    """What an ASGI application sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    messages: list[Any]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Pairs = list[tuple[bytes, bytes]]


def scope_of(
    target: str,
    *,
    method: str = "GET",
    headers: Pairs | None = None,
    host: bytes | None = HOST,
    **others: Any,
) -> dict[str, Any]:
    own = [] if host is None else [(b"host", host)]
    return {**http_scope(target, method, [*own, *(headers or [])]), **others}


async def ask(app: Any, target: str, *, body: bytes = b"", **fields: Any) -> Answer:
    """One request by ASGI messages."""
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope_of(target, **fields), receive, send)
    start, *rest = sent
    return Answer(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(part.get("body", b"") for part in rest),
        sent,
    )


def failure(
    message: str = "boom", *frames: Frame, kind: str = "ValueError", stack: str | None = None
) -> Failure:
    return Failure(kind, message, frames, f"{kind}: {message}\n  at x" if stack is None else stack)
