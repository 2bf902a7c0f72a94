from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.vectorize import KIND
from tests.bindings.vectorize.graphs import BACKENDS
from tests.support.rooms import Room, open_room

OpenIndex = Callable[..., AbstractAsyncContextManager[Room]]


@pytest.fixture(params=list(BACKENDS))
def open_index(request: pytest.FixtureRequest, tmp_path: Path) -> OpenIndex:
    """Opens the room with one of its backends: `open_index(*declarations, root=…)`."""
    kind = replace(KIND, backends={request.param: BACKENDS[request.param]})

    def opened(*declarations: Any, root: Path = tmp_path, **others: Any) -> Any:
        return open_room(root, kind, *declarations, **others)

    return opened


@pytest.fixture
async def room(open_index: OpenIndex) -> AsyncIterator[Room]:
    async with open_index() as room:
        yield room


@pytest.fixture
def index(room: Room) -> Any:
    """The face of `VECTORIZE`."""
    return room.env.VECTORIZE


@pytest.fixture
def invoke(room: Room) -> Any:
    """Calls an operation of `VECTORIZE` with wire values, as a child process does."""
    return lambda operation, *arguments: room.bindings.invoke("VECTORIZE", operation, arguments)
