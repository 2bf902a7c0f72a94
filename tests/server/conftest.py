"""Fixtures of the server's tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from aerostack_dev.server.serve import serving
from aerostack_dev.server.sockets import listening

from .fakes import FakeRuntime


@pytest.fixture
def runtime(tmp_path: Any) -> FakeRuntime:
    return FakeRuntime(root=tmp_path)


@pytest.fixture
def served() -> Any:
    """`async with served(app) as (client, port)`: the application on a real socket.

    `app` may also be a function that makes the application for a port.
    """

    @asynccontextmanager
    async def serve(make: Any, **options: Any) -> Any:
        with listening(port=0) as found:
            app = make(found.port)
            async with (
                serving(app, found.sockets, **options),
                httpx.AsyncClient(base_url=found.url, timeout=30) as client,
            ):
                yield client, found.port

    return serve
