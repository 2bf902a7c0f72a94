"""The outgoing `fetch`: HTTP through httpx, with the platform's request and response."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import AerostackError, BindingError
from .body import Source, pieces
from .context import current
from .headers import Headers
from .request import Request
from .response import CONNECTION_HEADERS, NULL_BODY, Response

if TYPE_CHECKING:
    import httpx

REDIRECTS = 20
"""How many redirects are followed, as browsers do."""

ENCODED_ONLY = ("content-encoding", "content-length")
"""Headers of a compressed body: what the author reads is decompressed."""

OF_THE_CONNECTION = CONNECTION_HEADERS | {b"host", b"content-length"}

IGNORED = ("cache", "credentials", "integrity", "mode", "referrer", "signal")
"""Options of the platform that change nothing here."""


async def fetch(
    resource: str | Request, init: Mapping[str, Any] | None = None, /, **options: Any
) -> Response:
    """Send a request and return the response; its body is streamed.

    `resource` is an absolute URL or a `Request`; options (as a dict or keywords) are
    `method`, `headers`, `body`, `redirect` (`follow`, `manual`, `error`) and `cf`. Raises
    `TypeError` for misuse, `BindingError` when the other side cannot be reached.
    """
    request = requested(resource, init, options)
    context = current("fetch")
    answer = await _send(await context._home.client(), request)
    body = Answer(answer)
    if context._opened is None:
        context._opened = []
    context._opened.append(body)
    return _response(answer, body)


def requested(
    resource: str | Request, init: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> Request:
    """The request that a `fetch` with these arguments sends. Raises `TypeError`."""
    chosen = {**(init or {}), **options}
    for name in IGNORED:
        chosen.pop(name, None)
    if isinstance(resource, Request) and not chosen:
        return resource
    return Request(resource, **chosen)


async def open_client() -> httpx.AsyncClient:
    """A client that waits as long as it takes and sends no User-Agent, as the platform.

    Made in a thread: the import and the certificates take a third of a second.
    """
    return await asyncio.to_thread(_client)


def _client() -> httpx.AsyncClient:
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    try:
        import httpx
    except ImportError as error:
        raise AerostackError(
            "fetch needs the package httpx, which is not installed",
            hint="pip install httpx",
            code="httpx",
        ) from error
    requests = logging.getLogger("httpx")  # it tells of every request
    if requests.level == logging.NOTSET:
        requests.setLevel(logging.WARNING)
    # A jar that takes nothing: one request's cookies are not the next one's.
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    client = httpx.AsyncClient(
        timeout=None,  # noqa: S113 - the platform's `fetch` has none
        max_redirects=REDIRECTS,
        cookies=jar,
    )
    del client.headers["user-agent"]
    return client


async def _send(client: httpx.AsyncClient, request: Request) -> httpx.Response:
    import httpx

    try:
        outgoing = client.build_request(
            request.method,
            request.url,
            headers=_headers(request),
            content=_content(request._take()),
        )
        answer = await client.send(
            outgoing, stream=True, follow_redirects=request.redirect == "follow"
        )
    except httpx.InvalidURL as error:
        raise TypeError(f"Invalid URL: {request.url}") from error
    except httpx.HTTPError as error:
        raise _unreached(request, error) from error
    if answer.has_redirect_location and request.redirect == "error":
        await answer.aclose()
        raise TypeError(f"{request.url} redirects, and `redirect` is 'error'")
    return answer


def _headers(request: Request) -> list[tuple[bytes, bytes]]:
    """The request's headers without those that describe its own connection."""
    return [item for item in request.headers._raw() if item[0] not in OF_THE_CONNECTION]


def _content(source: Source) -> Any:
    return source if source is None or isinstance(source, bytes) else pieces(source)


def _unreached(request: Request, error: Exception) -> BindingError:
    return BindingError(
        f"fetch failed: {str(error) or type(error).__name__}",
        where=f"{request.method} {request.url}",
        hint="is the address right, and the other side running?",
        code="network",
    )


def _response(answer: httpx.Response, body: Answer) -> Response:
    response = Response.__new__(Response)
    null = answer.status_code in NULL_BODY or answer.request.method == "HEAD"
    response._source = None if null else body
    response._kind = ""
    response._status = answer.status_code
    response._status_text = answer.reason_phrase
    raw = answer.headers.raw
    if "content-encoding" in answer.headers:
        dropped = [name.encode() for name in ENCODED_ONLY]
        raw = [item for item in raw if item[0].lower() not in dropped]
    response._headers = Headers._received(raw)
    response.url = str(answer.url)
    response.redirected = bool(answer.history)
    return response


class Answer:
    """The body of a fetched response; closing it (or its end) frees the connection."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._chunks: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> Answer:
        return self

    async def __anext__(self) -> bytes:
        import httpx

        if self._chunks is None:
            self._chunks = self._answer.aiter_bytes()
        try:
            return await anext(self._chunks)
        except httpx.HTTPError as error:
            raise BindingError(
                f"fetch failed in the middle of the body: {error}",
                where=str(self._answer.url),
                code="network",
            ) from error

    async def aclose(self) -> None:
        """Drop what has not been read."""
        await self._answer.aclose()
