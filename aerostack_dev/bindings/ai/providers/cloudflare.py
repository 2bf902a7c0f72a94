"""The platform itself: Workers AI over its REST API, answers unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from .... import wire
from ....wire import Stream
from ...kind import Services
from .. import Ai
from ..backend import Call
from ..failures import AiError, InferenceUpstreamError, upstream
from ..media import Media
from ..outcomes import Verbatim
from ..reply import JSON
from .http import Http, base_url, content_type, open_http, secret

BASE_URL = "https://api.cloudflare.com/client/v4"
TOKEN = "CLOUDFLARE_API_TOKEN"  # noqa: S105 - the name of a variable
ACCOUNT = "CLOUDFLARE_ACCOUNT_ID"


class Cloudflare:
    """A `Provider` that hands calls on. `open_provider` yields it."""

    name = "cloudflare"

    def __init__(self, http: Http, account: str) -> None:
        self._http = http
        self._path = f"accounts/{quote(account, safe='')}/ai/run/"

    def chosen(self, call: Call) -> Cloudflare:
        return self

    def offers(self, call: Call) -> bool:
        return True

    def naming(self, call: Call) -> str:
        return call.model.name

    async def answer(self, call: Call) -> Verbatim:
        response = await self._http.send(
            self._path + quote(call.model.name, safe="@/"), **_content(call)
        )
        kind = content_type(response)
        chunks = self._http.chunks(response)
        if kind != JSON:
            return Verbatim(Stream(chunks), kind)
        return Verbatim(_result(b"".join([chunk async for chunk in chunks])), JSON)


def _content(call: Call) -> dict[str, Any]:
    """The body: JSON, or the one stream among the inputs with the rest in the query."""
    media = {name: value for name, value in call.inputs.items() if isinstance(value, Media)}
    if not media:
        return {"json": _plain(dict(call.inputs))}
    (value,) = media.values()
    rest = {name: str(given) for name, given in call.inputs.items() if name not in media}
    return {"content": value.data, "headers": {"content-type": value.type}, "params": rest}


def _plain(value: Any) -> Any:
    """Bytes as the `number[]` that they stand for."""
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _result(data: bytes) -> Any:
    try:
        document = wire.loads(data)
    except ValueError:
        raise upstream("cloudflare", f"its answer is no JSON: {data[:200]!r}") from None
    if isinstance(document, dict) and "result" in document:
        return document["result"]
    raise upstream("cloudflare", f"its answer has no result: {data[:200]!r}")


def refused(status: int, text: str) -> AiError | None:
    """The platform's own error, with its code; None when `text` is something else."""
    try:
        first = wire.loads(text)["errors"][0]
        return InferenceUpstreamError(str(first["code"]), str(first["message"]), status)
    except (ValueError, KeyError, IndexError, TypeError):
        return None


@asynccontextmanager
async def open_provider(declaration: Ai, services: Services) -> AsyncIterator[Cloudflare]:
    """Workers AI with the account and token of `[ai]`, or of the environment."""
    token = secret(declaration.api_key, TOKEN, services, "api_key", needed=True)
    account = secret(declaration.account_id, ACCOUNT, services, "account_id", needed=True)
    headers = {"authorization": f"Bearer {token}"}
    url = base_url(declaration, BASE_URL)
    async with open_http("cloudflare", url, headers, declaration.timeout, refused=refused) as http:
        yield Cloudflare(http, account)
