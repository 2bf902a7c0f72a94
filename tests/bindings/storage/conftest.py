from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.storage import KIND
from tests.support.rooms import Room, open_room

OpenStorage = Callable[..., AbstractAsyncContextManager[Room]]


@pytest.fixture(params=list(KIND.backends))
def open_storage(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStorage:
    """Opens the room with one of its backends: `open_storage(*declarations, root=…)`."""
    kind = replace(KIND, backends={request.param: KIND.backends[request.param]})

    def opened(*declarations: Any, root: Path = tmp_path, **others: Any) -> Any:
        return open_room(root, kind, *declarations, **others)

    return opened


@pytest.fixture
async def room(open_storage: OpenStorage) -> AsyncIterator[Room]:
    async with open_storage() as room:
        yield room


@pytest.fixture
def storage(room: Room) -> Any:
    """The face of `STORAGE`."""
    return room.env.STORAGE


@pytest.fixture
def invoke(room: Room) -> Any:
    """Calls an operation of `STORAGE` with wire values, as a child process does."""
    return lambda operation, *arguments: room.bindings.invoke("STORAGE", operation, arguments)
