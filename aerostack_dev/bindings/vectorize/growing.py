"""Keeps the graph of an index up to date in the background, one step at a time.

A step opens the graph that the index's file records, or has a new one built by a process
of its own (`building.py`), records it and opens that. Whatever goes wrong, queries only
get slower: without a graph they are exact. A graph has a file name of its own, and is
recorded when the file is complete and on disk; files that nobody recorded are removed.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import msgspec

from ...config.model import Finding
from ...errors import AerostackError
from ..kind import Services
from ..sqlite import Store
from . import transactions
from .transactions import Graph

if TYPE_CHECKING:
    from .memory import Memory
    from .neighbours import Request

BUILDER = "aerostack_dev.bindings.vectorize.building"
SLOW_FROM = 20_000
"""Vectors from which it is worth saying that exact search takes milliseconds."""
EXCERPT = 400


class Growth:
    """The graph of one index. `growing` yields it."""

    def __init__(self, name: str, services: Services) -> None:
        self._name = name
        self._services = services
        self._task: asyncio.Task[None] | None = None
        self._given_up = False
        self._opened_once = False
        self._available = find_spec("usearch") is not None

    def consider(self, store: Store, memory: Memory) -> None:
        """Begin a step if the graph is due for one and none is under way."""
        if self._given_up or self._task is not None or not memory.graph_is_due:
            return
        if not self._available:
            self._miss_it(memory)
            return
        self._task = asyncio.create_task(self._step(store, memory))
        self._task.add_done_callback(self._done)

    async def settled(self) -> None:
        """Return when no step is under way."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """End the step that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _step(self, store: Store, memory: Memory) -> None:
        recorded = await store.run(transactions.graph)
        if not self._opened_once:
            self._opened_once = True
            await asyncio.to_thread(_sweep, store.path, recorded)
            if recorded is not None and await self._open(store, memory, recorded):
                return
            recorded = None
        graph = await _built(await store.run_once(_request, memory, recorded))
        await store.write(transactions.keep_graph, graph)
        if not await self._open(store, memory, graph):
            raise AerostackError("the graph that was built cannot be read back")
        await asyncio.to_thread(_sweep, store.path, graph)

    async def _open(self, store: Store, memory: Memory, graph: Graph) -> bool:
        from .neighbours import opened

        assert memory.rows is not None
        rows, folder = memory.rows, store.path.parent
        found = await asyncio.to_thread(opened, folder, graph, rows.dimensions, rows.metric)
        await store.run_once(memory.use, found)
        return found is not None

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled() or task.exception() is None:
            return
        self._given_up = True
        self._services.notify(
            Finding(
                "vectorize-graph",
                f"the graph of the index {self._name} could not be built: {task.exception()}",
                hint="queries stay right, and take longer; restart to try again",
            )
        )

    def _miss_it(self, memory: Memory) -> None:
        live = memory.rows.live if memory.rows is not None else 0
        if live < SLOW_FROM:
            return
        self._given_up = True
        self._services.notify(
            Finding(
                "vectorize-exact",
                f"the index {self._name} has {live} vectors, and every query looks at all of them",
                hint="pip install 'aerostack-dev[vectors]' makes that quick",
            )
        )


@asynccontextmanager
async def growing(name: str, services: Services) -> AsyncIterator[Growth]:
    """The growth of one index, until the end of the block."""
    growth = Growth(name, services)
    try:
        yield growth
    finally:
        await growth.stop()


def _request(connection: apsw.Connection, memory: Memory, earlier: Graph | None) -> Request:
    """What to build: all of the index, or what is newer than the earlier graph."""
    from .neighbours import Request

    rows = memory.caught_up(connection)
    assert rows is not None
    path = Path(connection.filename)
    request = Request(
        database=str(path),
        # A name that no graph had: an earlier one of that name may be in use.
        file=str(path.with_suffix(f".{rows.last}-{rows.live}.hnsw")),
        dimensions=rows.dimensions,
        metric=rows.metric,
        last=rows.last,
    )
    if earlier is None or not _worth_extending(memory, earlier):
        return request
    return msgspec.structs.replace(
        request,
        earlier=str(path.parent / earlier.file),
        since=earlier.last,
    )


def _worth_extending(memory: Memory, earlier: Graph) -> bool:
    """Whether there is something to add, and few of its vectors are gone."""
    rows = memory.rows
    assert rows is not None
    newer = len(rows.after(earlier.last))
    gone = earlier.count - (rows.live - newer)
    return newer > 0 and gone <= earlier.count // 8


async def _built(request: Request) -> Graph:
    """Have the graph built. Raises `AerostackError` with the builder's last words."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        BUILDER,
        msgspec.json.encode(request).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the server, which then ends this
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        # Not `communicate`: that would end its standard input, and with it the process.
        answer, complaint = await asyncio.gather(process.stdout.read(), process.stderr.read())
        if await process.wait() != 0:
            words = complaint.decode(errors="replace").strip() or f"exit {process.returncode}"
            raise AerostackError(words[-EXCERPT:])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return msgspec.json.decode(answer, type=Graph)


def _sweep(database: Path, kept: Graph | None) -> None:
    """Remove the graph files of an index that are not the one to keep."""
    name = re.compile(re.escape(database.stem) + r"\.\d+-\d+\.hnsw")
    for path in database.parent.iterdir():
        if name.fullmatch(path.name) and (kept is None or path.name != kept.file):
            path.unlink(missing_ok=True)
