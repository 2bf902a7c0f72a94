"""Asking a provider over HTTP: one pooled client each, and exact words for what goes wrong."""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .... import wire
from ....errors import ConfigError
from ...kind import Services
from .. import Ai
from ..failures import AiError, timed_out, upstream

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
LARGEST_JSON = 256 * 1024 * 1024
"""Bytes of one JSON answer."""
SHOWN = 300
"""Characters of an answer that are shown."""
KEY_HINT = "check `api_key` in [ai]"
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


Refused = Callable[[int, str], AiError | None]
"""Status and text of an error answer -> the error it stands for, if it is known."""


class Http:
    """A provider's API. Its methods raise `AiError`s that name the provider.

    `missing`: what to do when it does not know a model.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        provider: str,
        timeout: float,
        missing: str = "",
        refused: Refused = lambda status, text: None,
    ) -> None:
        self._client = client
        self._provider = provider
        self._timeout = timeout
        self._missing = missing
        self._refused = refused

    async def json(self, path: str, **content: Any) -> dict[str, Any]:
        """POST `content` (`json=`, `files=`, …); the JSON object that is answered."""
        data, kind = await self.read(path, **content)
        return self._document(data, kind)

    async def read(self, path: str, **content: Any) -> tuple[bytes, str]:
        """POST `content`; what is answered, with its content type."""
        response = await self.send(path, **content)
        data = bytearray()
        async for chunk in self.chunks(response):
            data += chunk
            if len(data) > LARGEST_JSON:
                raise upstream(self._provider, f"its answer is larger than {LARGEST_JSON} bytes")
        return bytes(data), content_type(response)

    async def send(self, path: str, **content: Any) -> httpx.Response:
        """POST `content`; the response, its body not yet read. Read it with `chunks`."""
        with self._failures():
            request = self._client.build_request("POST", path, **content)
            response = await self._client.send(request, stream=True)
            if response.is_success:
                return response
            await response.aread()
        raise self._refusal(response)

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """The body of a response as it comes; closes it at the end."""
        try:
            with self._failures():
                async for chunk in response.aiter_bytes():
                    yield chunk
        finally:
            await response.aclose()

    def _document(self, data: bytes, kind: str) -> dict[str, Any]:
        try:
            document = wire.loads(data)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        said = shown(data.decode("utf-8", "replace"))
        raise upstream(
            self._provider, f"answered {kind or 'something'} that is no JSON object: {said}"
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What the client raises, as errors of ours."""
        import httpx

        try:
            yield
        except httpx.TimeoutException as error:
            seconds = CONNECT_SECONDS if isinstance(error, httpx.ConnectTimeout) else self._timeout
            raise timed_out(self._provider, min(seconds, self._timeout)) from error
        except httpx.ConnectError as error:
            raise upstream(
                self._provider,
                f"cannot be reached at {self._client.base_url}: {error}",
                status=503,
                hint="start it, or choose another provider in [ai]",
            ) from error
        except httpx.TransportError as error:
            what = f"the connection broke before its answer was complete: {error}"
            raise upstream(self._provider, what) from error

    def _refusal(self, response: httpx.Response) -> AiError:
        status = response.status_code
        known = self._refused(status, response.text)
        if known is not None:
            return known
        hints = {401: KEY_HINT, 403: KEY_HINT, 404: self._missing}
        said = error_text(response.text, content_type(response))
        return upstream(
            self._provider, f"HTTP {status}: {said}", status=status, hint=hints.get(status, "")
        )


@asynccontextmanager
async def open_http(
    provider: str,
    base_url: str,
    headers: Mapping[str, str],
    timeout: float,
    missing: str = "",
    refused: Refused = lambda status, text: None,
) -> AsyncIterator[Http]:
    """A client for `base_url`, closed at the end of the block. `timeout`: seconds of silence."""
    # Importing the library and reading the certificates take long enough to be felt.
    await asyncio.to_thread(importlib.import_module, "httpx")
    async with await asyncio.to_thread(_client, base_url, headers, timeout) as client:
        yield Http(client, provider, timeout, missing, refused)


def _client(base_url: str, headers: Mapping[str, str], timeout: float) -> httpx.AsyncClient:
    import httpx

    return httpx.AsyncClient(
        base_url=base_url.rstrip("/") + "/",
        headers=headers,
        timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
        follow_redirects=False,
        trust_env=not is_loopback(base_url),
    )


def is_loopback(url: str) -> bool:
    """Whether a URL is on this machine, where no proxy belongs."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret(given: str, default: str, services: Services, setting: str, *, needed: bool) -> str:
    """A key of `[ai]`: `given`, or else the variable `default`; empty when there is none.

    Raises `ConfigError` when it is `needed`, or when `given` names what is not set.
    """
    if given:
        return services.project.reference(given)
    if not default:
        return ""
    try:
        return services.project.reference(f"${default}")
    except ConfigError as error:
        if not needed:
            return ""
        raise ConfigError(
            f"[ai] {setting} is not set",
            where=f"ai.{setting}",
            hint=f"add {default}=… to .dev.vars, or set it in the environment",
        ) from error


def content_type(response: httpx.Response) -> str:
    """The content type alone, without its parameters."""
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


def error_text(text: str, kind: str) -> str:
    """What an error answer says, whatever its shape."""
    try:
        document = wire.loads(text)
    except ValueError:
        title = _TITLE.search(text) if "html" in kind or text.lstrip()[:1] == "<" else None
        page = "a page of HTML where JSON belongs: "
        return page + shown(title[1]) if title else shown(text) or "no text"
    return shown(_said(document))


def _said(document: Any) -> str:
    if isinstance(document, dict):
        for name in ("error", "errors", "message", "detail"):
            if document.get(name):
                return _said(document[name])
    if isinstance(document, list) and document:
        return _said(document[0])
    return document if isinstance(document, str) else wire.dumps(document).decode()


def shown(text: str) -> str:
    """`text` in one line, cut off where it gets long."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def base_url(declaration: Ai, default: str) -> str:
    """Where the provider listens. Raises `ConfigError` when nobody says."""
    found = declaration.base_url or default
    if not found:
        raise ConfigError(
            f'[ai] provider = "{declaration.provider}" needs a base_url',
            where="ai.base_url",
            hint='for instance base_url = "http://127.0.0.1:8000/v1"',
        )
    return found
