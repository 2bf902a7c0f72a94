"""Builds the graph of nearest neighbours, in a process of its own.

    python -P -m aerostack_dev.bindings.vectorize.building REQUEST

usearch holds the interpreter's lock while it builds and saves: in the server it would
stop every request for as long. REQUEST is a `neighbours.Request` in JSON; the answer on
standard output is the `Graph`.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from ..child import serve
from .neighbours import (
    EXPANSION_ADD,
    Floats,
    Request,
    digest,
    new_index,
    points,
)
from .transactions import Graph

BATCH = 512
BEHIND = 10
"""How much less urgent than the server (`nice`), where there is no class for idle work."""

ROWS = "SELECT number, floats FROM embeddings WHERE number > ? AND number <= ? ORDER BY number"


def build(request: Request) -> Graph:
    """Build the graph and write its file, which is on disk when this returns."""
    index = _begun(request)
    for numbers, values in _batches(request):
        # One thread: usearch loses vectors that several add at once (up to 6 in 100 could
        # not be found by their own values), and the author's work needs the other cores.
        index.add(numbers, points(values, request.metric), threads=1)
    path = Path(request.file)
    index.save(path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    size = path.stat().st_size
    return Graph(path.name, size, digest(path), request.last, len(index))


def _begun(request: Request) -> Any:
    index = new_index(request.dimensions, request.metric, expansion_add=EXPANSION_ADD)
    if request.earlier:
        index.load(request.earlier)
    return index


def _batches(request: Request) -> Iterator[tuple[Any, Floats]]:
    connection = apsw.Connection(request.database, flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute(ROWS, (request.since, request.last))
    try:
        while batch := [*itertools.islice(rows, BATCH)]:
            floats = np.frombuffer(b"".join(row[1] for row in batch), "<f4")
            numbers = np.array([row[0] for row in batch], np.uint64)
            yield numbers, floats.reshape(len(batch), request.dimensions)
    finally:
        connection.close()


def _stand_back() -> None:
    """Run when nobody else would: a thread of the server that has to wait for a core may
    hold the interpreter's lock, and then its event loop waits as well.
    """
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif sys.platform != "win32":
        os.nice(BEHIND)


def _build_idly(request: Request) -> Graph:
    _stand_back()
    return build(request)


def main() -> None:
    serve(Request, _build_idly)


if __name__ == "__main__":
    main()
