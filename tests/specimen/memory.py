"""The second backend: one file, and one line in the room."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aerostack_dev.bindings.kind import Services


class Memory:
    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    async def count(self, binding: str) -> int:
        self._counts[binding] += 1
        return self._counts[binding]


@asynccontextmanager
async def open_backend(declarations: Sequence[Any], services: Services) -> AsyncIterator[Memory]:
    yield Memory()
