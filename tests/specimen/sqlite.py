"""The greetings counted in SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import apsw

from aerostack_dev.bindings.kind import Services
from aerostack_dev.bindings.lazy import Lazy, open_later
from aerostack_dev.bindings.sqlite import Schema, Store, open_store

SCHEMA = Schema(("CREATE TABLE greetings (binding TEXT PRIMARY KEY, count INTEGER NOT NULL)",))


class Sqlite:
    def __init__(self, store: Lazy[Store]) -> None:
        self._store = store

    async def count(self, binding: str) -> int:
        store = self._store.value or await self._store.get()
        return await store.write(_count, binding)


def _count(connection: apsw.Connection, binding: str) -> int:
    sql = """
        INSERT INTO greetings VALUES (?, 1)
        ON CONFLICT (binding) DO UPDATE SET count = count + 1 RETURNING count
    """
    ((count,),) = connection.execute(sql, (binding,)).fetchall()
    return int(count)


@asynccontextmanager
async def open_backend(declarations: Sequence[Any], services: Services) -> AsyncIterator[Sqlite]:
    path = services.state.file("specimen.sqlite")
    async with open_later(lambda: open_store(path, schema=SCHEMA)) as store:
        yield Sqlite(store)
