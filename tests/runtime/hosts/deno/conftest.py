from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ..python.conftest import Serve, serving
from .driving import EVALUATOR, Driven, opened

pytest.importorskip("deno")


@pytest.fixture
def serve() -> Serve:
    return serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def function(tmp_path_factory) -> AsyncIterator[Driven]:
    """A function that runs the code it is sent; one child for the tests of a module."""
    async with opened(tmp_path_factory.mktemp("project"), EVALUATOR) as driven:
        yield driven
