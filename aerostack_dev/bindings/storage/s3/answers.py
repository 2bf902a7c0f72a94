"""Answers, and how they go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ....functions.incoming import Send, while_connected
from ....wire import Stream, close_chunks
from ..public import GUARDS
from .documents import TYPE, document
from .failures import S3Error
from .fields import Headers
from .request import Request

NOT_MODIFIED = 304


class Answer(msgspec.Struct, frozen=True):
    """An answer; `length` is that of a body which a HEAD leaves away."""

    status: int = 200
    headers: Headers = []
    body: bytes | Stream = b""
    length: int | None = None


def xml(name: str, content: Mapping[str, Any], headers: Headers | None = None) -> Answer:
    """A document as answer."""
    return Answer(200, [("Content-Type", TYPE), *(headers or [])], document(name, content))


def refusal(error: S3Error, request: Request, request_id: str) -> Answer:
    """An error as S3 words it."""
    content = {
        "Code": error.code,
        "Message": error.message,
        **error.details,
        "Resource": request.path.decode("latin-1"),
        "RequestId": request_id,
    }
    body = document("Error", content, namespace=False)
    return Answer(error.status, [("Content-Type", TYPE)], body)


async def send_answer(answer: Answer, request: Request, request_id: str, send: Send) -> None:
    """Send it, until its end or until the client has gone; its body is closed then."""
    body = answer.body
    headers = [*answer.headers, ("x-amz-request-id", request_id), *GUARDS]
    length = answer.length
    if length is None:
        length = len(body) if isinstance(body, bytes) else body.size
    if answer.status not in (204, NOT_MODIFIED):
        headers.append(("Content-Length", str(length)))
    if request.unsent:
        headers.append(("Connection", "close"))
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        if isinstance(body, bytes):
            body = b"" if request.method == "HEAD" else body
            await send({"type": "http.response.body", "body": body})
        else:
            await _send_stream(body, request, send)
    finally:
        await close(answer.body)


async def close(body: bytes | Stream | None) -> None:
    """Tell a stream that nobody reads on."""
    if isinstance(body, Stream):
        await close_chunks(body.chunks)


async def _send_stream(body: Stream, request: Request, send: Send) -> None:
    async with while_connected(request.left()):
        async for chunk in body.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
