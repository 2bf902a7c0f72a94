"""Requests to a host by hand, as ASGI messages; the scope of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aerostack_dev.runtime.trace import current


def http_scope(target: str, method: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """The ASGI scope of a request to `127.0.0.1:8788` by this machine."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 8788),
    }


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
        sent = [(b"host", b"localhost:8788")]
        sent += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if any(pieces):
            sent.append((b"content-length", str(sum(map(len, pieces))).encode()))
        self.scope: dict[str, Any] = {**http_scope(target, method, sent), **(scope or {})}

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


class Drives:
    """Calls `self.host`, which is open, with one request of the current invocation."""

    host: Any

    async def __call__(
        self,
        target: str = "/",
        method: str = "GET",
        body: bytes | Iterable[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
        **scope: Any,
    ) -> Answer:
        client = Client(body, headers, target, method, scope)
        status = await self.host.fetch(client.scope, client.receive, client.send, current())
        return Answer(status, client.messages)


async def until(ready: Callable[[], bool]) -> None:
    """Return once `ready()`: for signs that come from another thread or library."""
    async with asyncio.timeout(20):
        while not ready():
            await asyncio.sleep(0.002)
