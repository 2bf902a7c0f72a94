"""The verbs of the specimen: limits and texts, for every language."""

from __future__ import annotations

from typing import Any

from aerostack_dev.bindings.kind import Services
from aerostack_dev.bindings.spans import operation
from aerostack_dev.errors import BindingError

from . import Specimen
from .backend import Backend

LONGEST_NAME = 40


class Operations:
    def __init__(self, declaration: Specimen, backend: Backend, services: Services) -> None:
        self.binding = declaration.binding
        self._word = declaration.word
        self._backend = backend

    @operation()
    async def greet(self, name: str) -> dict[str, Any]:
        """A greeting for `name` (at most 40 characters), and how many there were."""
        if len(name) > LONGEST_NAME:
            raise BindingError(
                f"name of {len(name)} characters exceeds limit of {LONGEST_NAME}",
                hint="use a shorter one",
            )
        return {
            "greeting": f"{self._word}, {name}!",
            "count": await self._backend.count(self.binding),
        }
