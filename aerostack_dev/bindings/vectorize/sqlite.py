"""The indexes in SQLite: a file and a thread for each, searched in memory.

A write is durable when it returns; the rows in memory catch up with the file at the next
search (`memory.py`), in the same thread. NumPy is imported there, by the first search.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from ...errors import ConfigError
from ..kind import Declaration, Services
from ..lazy import Lazy, open_later
from ..sqlite import Store, open_store
from . import Index, file_of, resource, transactions
from .backend import Description, Match, Mutation, Page, Search, Vector
from .growing import Growth, growing
from .transactions import SCHEMA, Graph, Touched

if TYPE_CHECKING:
    from .memory import Memory

GRAPH_FROM = 5_000
"""Vectors from which a graph answers quicker than looking at all of them (768 dimensions:
about 0.6 ms either way)."""


class SqliteIndex:
    """One index (`backend.Index`). `open_index` yields it."""

    def __init__(self, store: Lazy[Store], growth: Growth, graph_from: int) -> None:
        self.growth = growth
        self._store = store
        self._graph_from = graph_from
        self._touched = Touched()
        self._memory: Memory | None = None
        self._waiting = True
        """Whether mutations may be in the log; the first call finds out."""
        self._delayed = 0
        """How many mutations went there."""

    @property
    def graph(self) -> Graph | None:
        """The graph that proposes at present."""
        neighbours = self._memory.neighbours if self._memory is not None else None
        return neighbours.graph if neighbours is not None else None

    async def describe(self, now: int) -> Description:
        store = await self._settled(now)
        return await store.run(transactions.describe)

    async def write(self, mutation: Mutation, now: int) -> None:
        store = self._store.value or await self._store.get()
        if mutation.due > now:
            self._waiting = True
            self._delayed += 1
        await store.write(transactions.write, mutation, now, self._touched)

    async def read(self, ids: Sequence[str], now: int) -> list[Vector]:
        store = await self._settled(now)
        return await store.run(transactions.read, ids)

    async def search(self, search: Search, now: int) -> list[Match]:
        store = await self._settled(now)
        found = await store.run_once(self._search, search)
        assert self._memory is not None
        self.growth.consider(store, self._memory)
        return found

    async def page(self, after: int, until: int | None, count: int, now: int) -> Page:
        store = await self._settled(now)
        return await store.run(transactions.page, after, until, count)

    async def _settled(self, now: int) -> Store:
        """The file, with every mutation applied that is due."""
        store = self._store.value or await self._store.get()
        if self._waiting:
            delayed = self._delayed
            left = await store.write(transactions.settle, now, self._touched)
            # A mutation that came in the meantime was not looked at.
            self._waiting = left or delayed != self._delayed
        return store

    def _search(self, connection: apsw.Connection, search: Search) -> list[Match]:
        if self._memory is None:
            from .memory import Memory

            self._memory = Memory(self._touched, self._graph_from)
        return self._memory.search(connection, search)


class SqliteBackend:
    """The indexes of a project (`backend.Backend`). `open_backend` yields it."""

    def __init__(self, indexes: Mapping[str, SqliteIndex]) -> None:
        self._indexes = indexes

    def index(self, declaration: Declaration) -> SqliteIndex:
        assert isinstance(declaration, Index)
        return self._indexes[resource(declaration)]


@asynccontextmanager
async def open_backend(
    declarations: Sequence[Index], services: Services, *, graph_from: int = GRAPH_FROM
) -> AsyncIterator[SqliteBackend]:
    """The indexes of a project; a file is opened when it is first used.

    Raises `ConfigError` when two bindings of one index contradict each other.
    """
    async with AsyncExitStack() as stack:
        indexes = {
            name: await stack.enter_async_context(_open_index(declared, services, graph_from))
            for name, declared in _agreed(declarations).items()
        }
        yield SqliteBackend(indexes)


@asynccontextmanager
async def _open_index(
    declared: Index, services: Services, graph_from: int
) -> AsyncIterator[SqliteIndex]:
    name = resource(declared)
    opener = partial(_opened, declared, services)
    async with open_later(opener) as store, growing(name, services) as growth:
        yield SqliteIndex(store, growth, graph_from)


@asynccontextmanager
async def _opened(declared: Index, services: Services) -> AsyncIterator[Store]:
    path: Path = services.state.file(file_of(resource(declared)))
    async with open_store(path, schema=SCHEMA) as store:
        await store.write(transactions.adopt, declared, str(path))
        yield store


def _agreed(declarations: Sequence[Index]) -> dict[str, Index]:
    """Name -> how the index is declared, by all its bindings together."""
    agreed: dict[str, Index] = {}
    for one in declarations:
        name = resource(one)
        other = agreed.setdefault(name, one)
        dimensions = {one.dimensions, other.dimensions} - {None}
        if one.metric != other.metric or len(dimensions) > 1:
            raise ConfigError(
                f"{other.binding} and {one.binding} declare the index {name} differently",
                where=f"vectorize: {name}",
                hint="give both the same dimensions and metric, or each an index_name of its own",
            )
        if other.dimensions is None:
            agreed[name] = one
    return agreed
