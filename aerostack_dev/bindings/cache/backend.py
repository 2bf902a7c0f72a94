"""What keeps the entries of the cache. It knows bytes and moments, and no limits.

Keys are UTF-8 and compare as bytes. Moments are milliseconds since the epoch. An entry
whose `expires` is not after `now` is absent to every read; `scan` alone still shows it
in that very millisecond (db-cache.md §2.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Entry(Struct, frozen=True):
    """What stands under a key: `metadata` is a JSON text."""

    value: bytes
    metadata: str | None
    expires: int | None


class Listed(Struct, frozen=True):
    """An entry as a listing shows it, without its value."""

    key: bytes
    metadata: str | None
    expires: int | None


class Backend(Protocol):
    """One store for every namespace of a project."""

    async def read(self, namespace: str, key: bytes, now: int) -> Entry | None:
        """The entry under `key`; an expired one is deleted on the way."""

    async def read_many(
        self, namespace: str, keys: Sequence[bytes], now: int, budget: int
    ) -> list[Entry | None] | None:
        """The entries under `keys`, in their order, as of one instant.

        None when the values are together longer than `budget` bytes.
        """

    async def write(self, namespace: str, entries: Sequence[tuple[bytes, Entry]], now: int) -> None:
        """Store all `entries` or none, each in place of what stood under its key."""

    async def delete(self, namespace: str, key: bytes, now: int) -> None:
        """Remove the entry under `key`, if there is one."""

    async def scan(
        self, namespace: str, start: bytes, end: bytes, count: int, now: int
    ) -> list[Listed]:
        """The first `count` entries with `start <= key < end`, in byte order."""
