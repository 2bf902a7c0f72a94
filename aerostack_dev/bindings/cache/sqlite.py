"""The cache in SQLite: one file for every namespace, opened by the first call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import apsw

from ..kind import Services
from ..lazy import Lazy, open_later
from ..sqlite import Schema, Store, open_store
from .backend import Entry, Listed

FILE = "cache.sqlite"
PURGED = 100
"""At most so many expired entries are swept out by one write."""

# Keys are BLOBs, so that they compare as bytes, NUL included. The value is the last
# column: a listing does not read through it. `expires` is in milliseconds.
SCHEMA = Schema(
    (
        """
    CREATE TABLE entries (
        namespace TEXT NOT NULL,
        key BLOB NOT NULL,
        expires INTEGER,
        metadata TEXT,
        value BLOB NOT NULL,
        PRIMARY KEY (namespace, key)
    ) STRICT;
    CREATE INDEX entries_by_expiry ON entries (expires) WHERE expires IS NOT NULL;
    """,
    )
)

READ = "SELECT value, metadata, expires FROM entries WHERE namespace = ? AND key = ?"
SIZE = "SELECT length(value), expires FROM entries WHERE namespace = ? AND key = ?"
WRITE = """
    INSERT INTO entries (namespace, key, expires, metadata, value) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (namespace, key) DO UPDATE
    SET expires = excluded.expires, metadata = excluded.metadata, value = excluded.value
"""
DELETE = "DELETE FROM entries WHERE namespace = ? AND key = ?"
SCAN = """
    SELECT key, metadata, expires FROM entries
    WHERE namespace = ? AND key >= ? AND key < ? AND (expires IS NULL OR expires >= ?)
    ORDER BY key LIMIT ?
"""
PURGE = """
    DELETE FROM entries WHERE rowid IN (
        SELECT rowid FROM entries WHERE expires < ? ORDER BY expires LIMIT ?
    )
"""


class SqliteBackend:
    """The `Backend` over one SQLite file. `open_backend` yields it."""

    def __init__(self, store: Lazy[Store]) -> None:
        self._store = store

    async def read(self, namespace: str, key: bytes, now: int) -> Entry | None:
        store = self._store.value or await self._store.get()
        return await store.run(_read, namespace, key, now)

    async def read_many(
        self, namespace: str, keys: Sequence[bytes], now: int, budget: int
    ) -> list[Entry | None] | None:
        store = self._store.value or await self._store.get()
        return await store.run(_read_many, namespace, keys, now, budget)

    async def write(self, namespace: str, entries: Sequence[tuple[bytes, Entry]], now: int) -> None:
        store = self._store.value or await self._store.get()
        await store.write(_write, namespace, entries, now)

    async def delete(self, namespace: str, key: bytes, now: int) -> None:
        store = self._store.value or await self._store.get()
        await store.write(_delete, namespace, key, now)

    async def scan(
        self, namespace: str, start: bytes, end: bytes, count: int, now: int
    ) -> list[Listed]:
        store = self._store.value or await self._store.get()
        return await store.run(_scan, namespace, start, end, count, now)


@asynccontextmanager
async def open_backend(
    declarations: Sequence[object], services: Services
) -> AsyncIterator[SqliteBackend]:
    """The cache of a project; its file is opened when it is first used."""
    async with open_later(lambda: open_store(services.state.file(FILE), schema=SCHEMA)) as store:
        yield SqliteBackend(store)


def _read(connection: apsw.Connection, namespace: str, key: bytes, now: int) -> Entry | None:
    row = connection.execute(READ, (namespace, key)).fetchone()
    if row is None:
        return None
    if row[2] is not None and row[2] <= now:
        connection.execute(DELETE, (namespace, key))
        return None
    return Entry(*row)


def _read_many(
    connection: apsw.Connection, namespace: str, keys: Sequence[bytes], now: int, budget: int
) -> list[Entry | None] | None:
    for key in keys:
        row = connection.execute(SIZE, (namespace, key)).fetchone()
        if row is not None and (row[1] is None or row[1] > now):
            budget -= row[0]
    if budget < 0:
        return None
    return [_read(connection, namespace, key, now) for key in keys]


def _write(
    connection: apsw.Connection, namespace: str, entries: Sequence[tuple[bytes, Entry]], now: int
) -> None:
    for key, entry in entries:
        row = (namespace, key, entry.expires, entry.metadata, entry.value)
        connection.execute(WRITE, row)
    connection.execute(PURGE, (now, PURGED))


def _delete(connection: apsw.Connection, namespace: str, key: bytes, now: int) -> None:
    connection.execute(DELETE, (namespace, key))
    connection.execute(PURGE, (now, PURGED))


def _scan(
    connection: apsw.Connection, namespace: str, start: bytes, end: bytes, count: int, now: int
) -> list[Listed]:
    rows = connection.execute(SCAN, (namespace, start, end, now, count))
    return [Listed(*row) for row in rows]
