"""The SQLite backend with a graph from 40 vectors on, so that tests pass through it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from aerostack_dev.bindings.kind import Services
from aerostack_dev.bindings.vectorize import KIND, Index
from aerostack_dev.bindings.vectorize.sqlite import SqliteBackend
from aerostack_dev.bindings.vectorize.sqlite import open_backend as open_sqlite

GRAPH_FROM = 40


@asynccontextmanager
async def open_backend(
    declarations: Sequence[Index], services: Services
) -> AsyncIterator[SqliteBackend]:
    async with open_sqlite(declarations, services, graph_from=GRAPH_FROM) as backend:
        yield backend


BACKENDS = {**KIND.backends, "graph": f"{__name__}:open_backend"}
GRAPH_KIND = replace(KIND, backends={"graph": BACKENDS["graph"]})
