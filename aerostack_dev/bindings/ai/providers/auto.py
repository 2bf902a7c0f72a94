"""The provider `auto`: a model server on this machine, else `local`, else `offline`.

It looks once, when the first call comes, and keeps to what it found: embeddings of two
providers do not belong in one index.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from ....errors import ConfigError
from ...kind import Services
from .. import Ai
from ..backend import Call, Provider
from ..outcomes import Outcome
from . import local, offline
from .http import is_loopback
from .openai_compatible import OpenAICompatible, open_server
from .presets import PRESETS

SERVER = "ollama"
OTHER_SERVER = "openai-compatible"
PROBE_SECONDS = 0.2

_PORT = urlsplit(PRESETS[SERVER].base_url).port


class Auto:
    """A `Provider` that stands for several; the first that can answers."""

    name = "auto"

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = providers

    def chosen(self, call: Call) -> Provider:
        for provider in self._providers:
            if isinstance(provider, OpenAICompatible):
                if provider.knows(call):
                    return provider
            elif provider.offers(call):
                return provider
        return self._providers[-1]

    def offers(self, call: Call) -> bool:
        return self.chosen(call).offers(call)

    def naming(self, call: Call) -> str:
        return self.chosen(call).naming(call)

    async def answer(self, call: Call) -> Outcome:
        return await self.chosen(call).answer(call)


@asynccontextmanager
async def open_provider(declaration: Ai, services: Services) -> AsyncIterator[Auto]:
    """What there is on this machine."""
    async with AsyncExitStack() as stack:
        found: list[Provider] = []
        url = declaration.base_url or PRESETS[SERVER].base_url
        if await answers(url):
            name = SERVER if urlsplit(url).port == _PORT else OTHER_SERVER
            opening = open_server(name, _with_usable_key(declaration, services), services)
            found.append(await stack.enter_async_context(opening))
        if local.installed():
            found.append(
                await stack.enter_async_context(local.open_provider(declaration, services))
            )
        found.append(await stack.enter_async_context(offline.open_provider(declaration, services)))
        yield Auto(found)


async def answers(url: str) -> bool:
    """Whether something speaks HTTP at `url` within `PROBE_SECONDS`.

    Elsewhere than on this machine the author's word is taken for it.
    """
    if not is_loopback(url):
        return True
    place = urlsplit(url)
    port = place.port or (443 if place.scheme == "https" else 80)
    if place.scheme == "https":
        return await _speaks(place.hostname or "", port, b"")
    path = place.path.rstrip("/") + "/models"
    request = f"GET {path} HTTP/1.0\r\nHost: {place.netloc}\r\n\r\n".encode()
    return await _speaks(place.hostname or "", port, request)


async def _speaks(host: str, port: int, request: bytes) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                return not request or (await reader.read(5)).startswith(b"HTTP/")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _with_usable_key(declaration: Ai, services: Services) -> Ai:
    """Without the key that is not set: a server on this machine seldom wants one."""
    import msgspec

    try:
        services.project.reference(declaration.api_key)
    except ConfigError:
        return msgspec.structs.replace(declaration, api_key="")
    return declaration
