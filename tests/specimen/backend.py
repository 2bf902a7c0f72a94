"""What every backend of the specimen can do."""

from __future__ import annotations

from typing import Protocol


class Backend(Protocol):
    async def count(self, binding: str) -> int:
        """Add one to the greetings of `binding`; returns how many there are now."""
