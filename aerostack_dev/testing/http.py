"""One HTTP request to a function, as ASGI messages without a network."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from .. import wire
from ..config.model import DEFAULT_PORT
from ..functions.headers import Headers
from ..functions.request import URL_CHARACTERS
from ..runtime.host import Message

BASE = f"http://localhost:{DEFAULT_PORT}"
"""What a path is relative to."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What `fetch` answered, whole."""

    status: int
    headers: Headers
    body: bytes

    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` when it is none."""
        return wire.loads(self.body)


class Exchange:
    """One request as ASGI messages, and what comes back."""

    def __init__(
        self, url: str, method: str, headers: Headers, body: str | bytes, json: Any
    ) -> None:
        if json is not None:
            body = wire.dumps(json)
            headers.set("content-type", headers.get("content-type", "application/json"))
        self._body = body.encode() if isinstance(body, str) else body
        if self._body:
            headers.set("content-length", str(len(self._body)))
        self._left = asyncio.Event()
        self._asked = False
        self.scope = _scope(url, method, headers)
        self.headers = Headers()
        self.pieces: list[bytes] = []

    async def receive(self) -> Message:
        if self._asked:
            await self._left.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = Headers._received(message.get("headers", ()))
        else:
            self.pieces.append(bytes(message.get("body", b"")))
            if not message.get("more_body"):
                self._left.set()


def _scope(url: str, method: str, headers: Headers) -> dict[str, Any]:
    parts = urlsplit(urljoin(BASE, url))
    headers.set("host", headers.get("host", parts.netloc))
    raw_path = quote(parts.path or "/", safe=URL_CHARACTERS)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": parts.scheme,
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": quote(parts.query, safe=URL_CHARACTERS).encode(),
        "root_path": "",
        "headers": headers._raw(),
        "client": ("127.0.0.1", 0),
        "server": (parts.hostname or "localhost", parts.port or DEFAULT_PORT),
    }
