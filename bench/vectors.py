"""VECTORIZE: how long queries and writes take, and what the graph finds of the true best.

    python bench/vectors.py                       # 10 000 and 100 000 vectors, some minutes
    python bench/vectors.py --sizes 10000

The vectors resemble text embeddings: 768 dimensions, a direction that all have in common
(any two are alike to about 0.3), and about 2·√n clusters of Zipf's sizes. Within a cluster
they spread more along some directions than along others, by a power law, and along others
in each cluster. Queries are new vectors of the same kind. Their best match has a cosine of
about 0.85, and the best ten are close together.

`exact` looks at all vectors (what a project without the extra `vectors` has). `longest turn`
is how long anything else on the event loop had to wait at most, while vectors were written
and the graph was built; at first, NumPy is loaded. Threads take turns as in `aerostack dev`
(`cli/dev/interpreter.py`). Not counted are the collector's passes over the lists of numbers
that this script holds, so it is off, and, where the kernel tells, the time for which the
thread of the loop was ready to run and had no core, because others had them all.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from aerostack_dev.bindings.kind import Services
from aerostack_dev.bindings.state import State
from aerostack_dev.bindings.vectorize import Index
from aerostack_dev.bindings.vectorize.api import VectorizeIndex
from aerostack_dev.bindings.vectorize.operations import Operations
from aerostack_dev.bindings.vectorize.sqlite import GRAPH_FROM, open_backend
from aerostack_dev.cli.dev.interpreter import take_short_turns
from aerostack_dev.clock import SystemClock
from aerostack_dev.config.model import Project

DIMENSIONS = 768
BATCH = 1000
QUERIES = 300
BEST = 10


class Embeddings:
    """Draws vectors that resemble text embeddings."""

    def __init__(self, count, seed=1):
        self.random = np.random.default_rng(seed)
        self.spread = ((1 + np.arange(DIMENSIONS)) ** -0.5).astype(np.float32)
        turned = self.random.standard_normal((DIMENSIONS, DIMENSIONS))
        self.basis = np.linalg.qr(turned)[0].astype(np.float32)
        self.common = self.unit(self.random.standard_normal((1, DIMENSIONS)))[0]
        clusters = int(2 * count**0.5)
        self.centres = self.unit(self.random.standard_normal((clusters, DIMENSIONS)) * self.spread)
        shares = (1 + np.arange(clusters)) ** -0.7
        self.shares = shares / shares.sum()

    @staticmethod
    def unit(rows):
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def draw(self, count):
        chosen = self.random.choice(len(self.centres), count, p=self.shares)
        axes = (np.arange(DIMENSIONS)[None, :] + 37 * chosen[:, None]) % DIMENSIONS
        noise = self.random.standard_normal((count, DIMENSIONS)).astype(np.float32)
        noise *= self.spread[axes] / np.linalg.norm(self.spread)
        return (self.centres[chosen] + 0.7 * noise) @ self.basis + 0.8 * self.common


@contextlib.asynccontextmanager
async def opened(folder, graph_from=GRAPH_FROM):
    declared = Index("VECTORIZE", dimensions=DIMENSIONS)
    project = Project(root=folder, file=None, name="bench", main=None)
    services = Services(project, State(folder / "state"), SystemClock(), os.urandom, print)
    async with open_backend([declared], services, graph_from=graph_from) as backend:
        yield VectorizeIndex(Operations(declared, backend, services)), backend.index(declared)


def waited_for_a_core():
    """Seconds that this thread was ready to run and did not, so far."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


@contextlib.asynccontextmanager
async def watched(turns):
    """Notes in `turns` the longest time between two turns of the event loop."""

    async def watch():
        longest, last, without = 0.0, time.perf_counter(), waited_for_a_core()
        try:
            while True:
                await asyncio.sleep(0.0005)
                now, without_now = time.perf_counter(), waited_for_a_core()
                longest = max(longest, now - last - (without_now - without))
                last, without = now, without_now
        finally:
            turns.append(longest)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def timed(call):
    started = time.perf_counter()
    result = await call
    return result, (time.perf_counter() - started) * 1000


async def write(index, matrix, turns):
    """Milliseconds for each batch to be durable, and until the next query has it."""
    durable, searchable = [], []
    for start in range(0, len(matrix), BATCH):
        values = matrix[start : start + BATCH].tolist()
        vectors = [
            {"id": str(start + n), "values": row, "metadata": {"n": start + n}}
            for n, row in enumerate(values)
        ]
        async with watched(turns):
            _, took = await timed(index.upsert(vectors))
            found, seen = await timed(index.query(values[-1], topK=1))
        assert found.matches[0].id == str(start + len(values) - 1)
        durable.append(took)
        searchable.append(took + seen)
    return durable, searchable


async def ask(index, queries, truth):
    """Milliseconds of the queries in the middle, and the share of the true best found."""
    took, hits = [], 0
    for query, best in zip(queries.tolist(), truth, strict=True):
        found, milliseconds = await timed(index.query(query, topK=BEST))
        took.append(milliseconds)
        hits += len({int(match.id) for match in found.matches} & set(best))
    return statistics.median(took), hits / len(queries) / BEST


def said(name, value, unit="ms", target=""):
    wanted = f"   wanted {target}" if target else ""
    print(f"  {name:<44} {value:>9.3f} {unit:<3}{wanted}", flush=True)
    return value


def bare(matrix, queries):
    """Milliseconds of the query in the middle when NumPy alone looks at all vectors."""
    rows, took = Embeddings.unit(matrix), []
    for query in Embeddings.unit(queries):
        started = time.perf_counter()
        scores = rows @ query
        best = np.argpartition(-scores, BEST)[:BEST]
        best[np.argsort(-scores[best])].tolist()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


async def measure(count, folder):
    """The figures of `count` vectors, told and returned: milliseconds of a query, recall."""
    embeddings = Embeddings(count)
    matrix = embeddings.draw(count)
    queries = embeddings.draw(QUERIES)
    likeness = embeddings.unit(queries) @ embeddings.unit(matrix).T
    truth = np.argsort(-likeness, axis=1)[:, :BEST].tolist()
    print(f"{count} vectors of {DIMENSIONS} dimensions", flush=True)
    turns, idle = [], []
    async with watched(idle):
        await asyncio.sleep(2)
    async with opened(folder) as (index, behind):
        durable, searchable = await write(index, matrix, turns)
        async with watched(turns):
            await index.query(matrix[0])
            _, built = await timed(behind.growth.settled())
        # A last step may be due for what was written while the graph was built.
        await index.query(matrix[0])
        await behind.growth.settled()
        said("write 1000 vectors, durable", statistics.median(durable))
        said("... and searchable", statistics.median(searchable), target="< 150")
        first, *others = turns
        said("longest turn of an idle event loop", idle[0] * 1000)
        said("... of one with writes and queries, at first", first * 1000)
        said("... and then", max(others, default=first) * 1000, target="< 5")
        said("the graph is ready after the last write", built / 1000, "s")
        took, recall = await ask(index, queries, truth)
        graph = behind.graph
        share = graph.count / count if graph is not None else 0
        said("share of the vectors in the graph", share, "")
        figures = {
            "query": said("query, p50", took, target="< 1 at 10 000, < 2 at 100 000"),
            "recall": said(f"recall@{BEST}", recall, "", "≥ 0.95"),
        }
    async with opened(folder, graph_from=count + 1) as (index, _):
        _, first = await timed(index.query(matrix[0]))
        said("first query after a restart", first)
        took, recall = await ask(index, queries, truth)
        figures["exact"] = said("exact query, p50", took)
        said(f"recall@{BEST}", recall, "", "1")
    figures["numpy"] = said("NumPy alone, p50", bare(matrix, queries))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    take_short_turns()
    gc.disable()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--json", type=Path, help="write the figures here")
    chosen, found = parser.parse_args(), {}
    for count in chosen.sizes:
        with tempfile.TemporaryDirectory() as folder:
            found[str(count)] = asyncio.run(measure(count, Path(folder)))
    if chosen.json:
        chosen.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
