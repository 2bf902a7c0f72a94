from __future__ import annotations

import pytest
from msgspec.structs import replace

from aerostack_dev.bindings.database import KIND
from aerostack_dev.errors import BindingError
from tests.support.rooms import open_room


@pytest.fixture(params=list(KIND.backends))
def kind(request):
    """The room with one of its backends."""
    return replace(KIND, backends={request.param: KIND.backends[request.param]})


@pytest.fixture
async def room(tmp_path, kind):
    async with open_room(tmp_path, kind) as opened:
        yield opened


@pytest.fixture
def db(room):
    return room.env.DB


@pytest.fixture
def refused():
    """`await refused(awaitable)`: the message of the `BindingError` that it raises, whose
    cause has the same text without the prefix."""

    async def message(awaitable, prefix="D1_ERROR: "):
        with pytest.raises(BindingError) as caught:
            await awaitable
        text = str(caught.value)
        assert text == prefix + str(caught.value.__cause__)
        return text

    return message
