"""Complete HTTP answers by ASGI messages, for the paths that are the server's own."""

from __future__ import annotations

from collections.abc import Iterable

from ..runtime.host import Scope, Send

TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"
HTML = b"text/html; charset=utf-8"

Headers = Iterable[tuple[bytes, bytes]]


async def reply(
    scope: Scope,
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes = TEXT,
    headers: Headers = (),
) -> None:
    """Send a whole response; a HEAD request gets the same headers and no body."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"cache-control", b"no-store"),
                *headers,
            ],
        }
    )
    shown = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": shown, "more_body": False})
