"""Author files written to a folder, opened by the real host, driven with ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from aerostack_dev.bindings.opening import Bindings
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Project
from aerostack_dev.runtime.host import HostServices
from aerostack_dev.runtime.hosts.python import PythonHost, open_host

HEADER = "from workers import Response, Request, Headers, WorkerEntrypoint\n"


class FakeBound:
    """A binding whose face is `value` itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def face(self) -> Any:
        return self.value


@dataclass
class Answer:
    status: int
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode("latin-1") for name, value in self.raw}

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        return list(self.messages[0]["headers"])


@dataclass
class Driven:
    """An open host with its project's folder."""

    host: PythonHost
    root: Path

    async def __call__(
        self,
        target: str = "/",
        method: str = "GET",
        body: bytes | Iterable[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
        **scope: Any,
    ) -> Answer:
        client = Client(body, headers, target, method, scope)
        status = await self.host.fetch(client.scope, client.receive, client.send)
        return Answer(status, client.messages)


class Client:
    """One request: what it sends, what it got, and when it leaves."""

    def __init__(
        self,
        body: bytes | Iterable[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
        target: str = "/",
        method: str = "GET",
        scope: Mapping[str, Any] | None = None,
    ) -> None:
        pieces = [body] if isinstance(body, bytes) else list(body)
        self.pieces = pieces
        self.asked = 0
        self.gone = asyncio.Event()
        self.messages: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()
        path, _, query = target.partition("?")
        sent = [(b"host", b"localhost:8788")]
        sent += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if any(pieces):
            sent.append((b"content-length", str(sum(map(len, pieces))).encode()))
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": sent,
            "client": ("127.0.0.1", 4711),
            "server": ("127.0.0.1", 8788),
            **(scope or {}),
        }

    async def receive(self) -> dict[str, Any]:
        if self.asked < len(self.pieces):
            self.asked += 1
            more = self.asked < len(self.pieces)
            return {
                "type": "http.request",
                "body": self.pieces[self.asked - 1],
                "more_body": more,
            }
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.arrived.set()


async def until(ready: Callable[[], bool]) -> None:
    """Return once `ready()`: for signs that come from another thread or library."""
    async with asyncio.timeout(20):
        while not ready():
            await asyncio.sleep(0.002)


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def services(root: Path, env: Mapping[str, Any] | None = None, **project: Any) -> HostServices:
    bound: dict[str, Any] = {name: FakeBound(value) for name, value in (env or {}).items()}
    settings = Project(root=root, file=None, name="test", main=None, **project)
    trace: Any = None
    return HostServices(settings, Bindings(bound, {}, {}), ManualClock(), trace)


@asynccontextmanager
async def opened(
    root: Path,
    source: str | Mapping[str, str],
    *,
    main: str = "index.py",
    env: Mapping[str, Any] | None = None,
    **project: Any,
) -> AsyncIterator[Driven]:
    """The host for `source` (the text of `main`, or files by name)."""
    files = {main: HEADER + dedent(source)} if isinstance(source, str) else source
    write(root, files)
    async with open_host(root / main, services(root, env, **project)) as host:
        yield Driven(host, root)
