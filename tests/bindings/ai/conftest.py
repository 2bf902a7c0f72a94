from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.ai import KIND, Ai
from tests.support.rooms import Room, open_room

from .openai_server import ModelServer, model_server

OpenAi = Callable[..., AbstractAsyncContextManager[Room]]

LLAMA = "@cf/meta/llama-3.2-3b-instruct"
GPT = "@cf/openai/gpt-oss-20b"
BGE = "@cf/baai/bge-base-en-v1.5"


@pytest.fixture(scope="session")
def running_server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def server(running_server: ModelServer) -> ModelServer:
    """A model server that has heard nothing yet."""
    running_server.requests.clear()
    return running_server


@pytest.fixture
def open_ai(tmp_path: Path) -> OpenAi:
    """Opens the room with the settings of `[ai]`: `open_ai(provider="offline")`."""

    def opened(root: Path = tmp_path, project: dict[str, Any] | None = None, **ai: Any) -> Any:
        return open_room(root, KIND, Ai(**ai), **(project or {}))

    return opened


@pytest.fixture
def open_server(open_ai: OpenAi, server: ModelServer) -> OpenAi:
    """Opens the room in front of the model server; `models` maps names, as in `[ai.models]`."""

    def opened(provider: str = "openai-compatible", **ai: Any) -> Any:
        return open_ai(provider=provider, base_url=f"{server.url}/v1", **ai)

    return opened


@pytest.fixture(params=["offline", "openai-compatible"])
async def ai(
    request: pytest.FixtureRequest, open_ai: OpenAi, open_server: OpenAi
) -> AsyncIterator[Any]:
    """`env.AI` with each provider that can do what the contract asks for."""
    opening = open_ai(provider="offline") if request.param == "offline" else open_server()
    async with opening as room:
        yield room.env.AI


@pytest.fixture
async def offline(open_ai: OpenAi) -> AsyncIterator[Any]:
    async with open_ai(provider="offline") as room:
        yield room.env.AI


async def collected(stream: Any) -> bytes:
    """All bytes of a stream."""
    return b"".join([chunk async for chunk in stream])


@pytest.fixture
def unused_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
