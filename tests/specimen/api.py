"""The specimen as a Python author holds it: idioms only, no rules."""

from __future__ import annotations

from typing import Any

from aerostack_dev.wire import Record

from .operations import Operations


class Face:
    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def greet(self, name: Any) -> Record:
        return Record(await self._operations.greet(str(name)))
