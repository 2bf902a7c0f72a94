"""The graph of nearest neighbours: it proposes, and what it proposes is never wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aerostack_dev.bindings.vectorize import Index, growing, neighbours
from tests.bindings.vectorize.graphs import GRAPH_KIND
from tests.support.rooms import open_room

pytest.importorskip("usearch")

DIMENSIONS = 24
METRICS = ("cosine", "euclidean", "dot-product")


def clustered(count: int, seed: int = 1):
    """Vectors around a few centres, of different lengths."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((12, DIMENSIONS))
    chosen = centres[random.integers(0, 12, count)]
    noise = random.standard_normal((count, DIMENSIONS)) * 0.4
    return ((chosen + noise) * random.uniform(0.5, 2, (count, 1))).astype(np.float32)


def suited(count: int, metric: str):
    """Vectors that have a graph: for products those of one length."""
    matrix = clustered(count)
    if metric == "dot-product":
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix


def brute(matrix, query, metric: str, count: int, among=None) -> list[int]:
    """The places of the best rows, by all the scores."""
    rows = matrix.astype(np.float64)
    if metric == "euclidean":
        scores = -np.linalg.norm(rows - query, axis=1)
    else:
        scores = rows @ query
        if metric == "cosine":
            scores /= np.linalg.norm(rows, axis=1)
    places = [*range(len(matrix))] if among is None else [*among]
    return sorted(places, key=lambda place: -scores[place])[:count]


def opened(root: Path, *declared: Index):
    return open_room(root, GRAPH_KIND, *(declared or (Index("VECTORIZE"),)))


async def write(room, matrix, start: int = 0) -> None:
    for first in range(0, len(matrix), 500):
        await room.env.VECTORIZE.upsert(
            [
                {"id": str(start + n), "values": matrix[n], "metadata": {"odd": n % 2}}
                for n in range(first, min(first + 500, len(matrix)))
            ]
        )


def behind(room):
    """The backend's index."""
    return room.backend.index(Index("VECTORIZE"))


async def grown(room, metric: str = "cosine"):
    """Its graph, once a query had it built."""
    index = behind(room)
    await room.env.VECTORIZE.query([1] * DIMENSIONS)
    await index.growth.settled()
    assert room.findings == []
    return index.graph


async def recall(room, matrix, metric: str, among=None, count: int = 10, **options) -> float:
    hits = 0
    queries = clustered(30, seed=9)
    for query in queries:
        found = await room.env.VECTORIZE.query(query, topK=count, **options)
        truth = brute(matrix, query, metric, count, among)
        hits += len({int(match.id) for match in found.matches} & set(truth))
        scores = [match.score for match in found.matches]
        assert scores == sorted(scores, reverse=metric == "cosine")
    return hits / len(queries) / count


@pytest.mark.parametrize("metric", METRICS)
async def test_queries_find_what_looking_at_all_finds(tmp_path, metric, monkeypatch):
    matrix = suited(1200, metric)
    async with opened(tmp_path, Index("VECTORIZE", metric=metric)) as room:
        await write(room, matrix)
        graph = await grown(room)
        assert (graph.count, graph.last) == (1200, 1200)
        asked = []
        near = neighbours.Neighbours.near
        monkeypatch.setattr(
            neighbours.Neighbours, "near", lambda *args: asked.append(1) or near(*args)
        )
        assert await recall(room, matrix, metric) >= 0.95
        assert len(asked) == 30
        for place in range(0, 1200, 5):
            found = await room.env.VECTORIZE.query(matrix[place], topK=1)
            assert found.matches[0].id == str(place)
        query = matrix[77]
        best = (await room.env.VECTORIZE.query(query)).matches[0]
        assert best.id == "77"
        assert best.score == pytest.approx({"cosine": 1, "euclidean": 0, "dot-product": -1}[metric])
        asked.clear()
        odd = range(1, 1200, 2)
        assert await recall(room, matrix, metric, odd, filter={"odd": 1}) == 1
        assert asked == []


@pytest.mark.parametrize("metric", METRICS)
async def test_what_is_newer_is_found_and_what_is_gone_is_not(tmp_path, metric):
    matrix = suited(640, metric)
    async with opened(tmp_path, Index("VECTORIZE", metric=metric)) as room:
        await write(room, matrix[:600])
        graph = await grown(room)
        gone = [str(n) for n in range(20)]
        await room.env.VECTORIZE.deleteByIds(gone)
        await write(room, matrix[600:612], start=600)
        left = range(20, 612)
        assert await recall(room, matrix[:612], metric, left) >= 0.95
        assert behind(room).graph == graph
        # Enough is newer: the graph is extended.
        await write(room, matrix[612:], start=612)
        extended = await grown(room)
        assert (extended.last, extended.count) == (640, 640)
        left = range(20, 640)
        assert await recall(room, matrix, metric, left) >= 0.95
        # Too much is gone: it is built anew.
        for first in range(20, 320, 100):
            ids = [str(n) for n in range(first, first + 100)]
            await room.env.VECTORIZE.deleteByIds(ids)
        anew = await grown(room)
        assert (anew.last, anew.count) == (640, 320)
        assert await recall(room, matrix, metric, range(320, 640)) >= 0.95
        names = [path.name for path in (tmp_path / "state/vectorize").glob("*.hnsw")]
        assert names == [anew.file]


async def test_any_changes_and_restarts_leave_it_right(tmp_path):
    random = np.random.default_rng(4)
    matrix = clustered(900)
    alive: dict[int, int] = {}
    for turn in range(6):
        async with opened(tmp_path) as room:
            for _ in range(3):
                # An id may come again with other values: those of a later row.
                places = random.choice(300, 80, replace=False)
                rows = places + 300 * random.integers(0, 3, 80)
                pairs = [*zip(places.tolist(), rows.tolist(), strict=True)]
                await room.env.VECTORIZE.upsert(
                    [{"id": str(place), "values": matrix[row]} for place, row in pairs]
                )
                alive.update(pairs)
                gone = random.choice([*alive], 25, replace=False).tolist()
                await room.env.VECTORIZE.deleteByIds(map(str, gone))
                for place in gone:
                    del alive[place]
                if turn % 2:
                    await grown(room)
                hits = 0
                for query in clustered(10, seed=turn):
                    found = (await room.env.VECTORIZE.query(query, topK=10)).matches
                    truth = brute(matrix, query, "cosine", 10, alive.values())
                    hits += len({alive[int(match.id)] for match in found} & set(truth))
                    for match in found:
                        row = matrix[alive[int(match.id)]].astype(np.float64)
                        lengths = np.linalg.norm(row) * np.linalg.norm(query.astype(np.float64))
                        assert match.score == pytest.approx(row @ query / lengths, abs=1e-9)
                assert hits >= 95


@pytest.mark.usefixtures("measured")
async def test_when_nearly_all_of_it_is_gone_queries_are_exact(tmp_path, monkeypatch):
    matrix = clustered(300)
    async with opened(tmp_path) as room:
        await write(room, matrix)
        await grown(room)
        monkeypatch.setattr(behind(room).growth, "consider", lambda *_: None)
        for first in range(0, 240, 80):
            ids = [str(n) for n in range(first, first + 80)]
            await room.env.VECTORIZE.deleteByIds(ids)
        assert await recall(room, matrix, "cosine", range(240, 300)) == 1


async def test_products_of_vectors_of_many_lengths_have_no_graph(tmp_path):
    matrix = np.concatenate([clustered(200), clustered(40, seed=3) * 5])
    async with opened(tmp_path, Index("VECTORIZE", metric="dot-product")) as room:
        await write(room, matrix)
        assert await recall(room, matrix, "dot-product") == 1
        await behind(room).growth.settled()
        assert behind(room).graph is None


async def test_small_distances_between_large_values_are_told_apart(tmp_path):
    matrix = clustered(600) + np.float32(1000)
    async with opened(tmp_path, Index("VECTORIZE", metric="euclidean")) as room:
        await write(room, matrix)
        await grown(room)
        hits = 0
        for query in clustered(30, seed=9) + np.float32(1000):
            found = await room.env.VECTORIZE.query(query, topK=10)
            truth = brute(matrix, query, "euclidean", 10)
            hits += len({int(match.id) for match in found.matches} & set(truth))
        assert hits >= 285


async def test_vectors_beyond_float32_sums_have_no_graph(tmp_path):
    matrix = clustered(100) * np.float32(1e20)
    async with opened(tmp_path) as room:
        await write(room, matrix)
        assert await recall(room, matrix, "cosine") == 1
        await behind(room).growth.settled()
        assert behind(room).graph is None


async def test_a_restart_opens_the_graph_that_is_there(tmp_path, monkeypatch):
    matrix = clustered(300)
    async with opened(tmp_path) as room:
        await write(room, matrix)
        graph = await grown(room)
    orphan = tmp_path / "state/vectorize/VECTORIZE.9-9.hnsw"
    other = tmp_path / "state/vectorize/VECTORIZE.old.9-9.hnsw"
    for path in (orphan, other):
        path.write_bytes(b"unfinished")

    def forbidden(request):
        raise AssertionError("nothing is to be built")

    monkeypatch.setattr(growing, "_built", forbidden)
    async with opened(tmp_path) as room:
        assert await grown(room) == graph
        assert await recall(room, matrix, "cosine") >= 0.95
    assert (orphan.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize("harm", ["cut", "flipped", "missing", "empty"])
async def test_a_damaged_graph_is_built_anew(tmp_path, harm):
    matrix = clustered(300)
    async with opened(tmp_path) as room:
        await write(room, matrix)
        graph = await grown(room)
    path = tmp_path / "state/vectorize" / graph.file
    content = bytearray(path.read_bytes())
    if harm == "missing":
        path.unlink()
    elif harm == "flipped":
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    else:
        path.write_bytes(content[: 5000 if harm == "cut" else 0])
    async with opened(tmp_path) as room:
        found = await room.env.VECTORIZE.query(matrix[5], topK=1)
        assert found.matches[0].id == "5"
        assert await grown(room) == msgspec.structs.replace(graph, digest=behind(room).graph.digest)
        assert await recall(room, matrix, "cosine") >= 0.95


async def test_a_builder_that_fails_is_said_and_queries_stay_right(tmp_path, monkeypatch):
    monkeypatch.setattr(growing, "BUILDER", "aerostack_dev.bindings.vectorize.nowhere")
    matrix = clustered(100)
    async with opened(tmp_path) as room:
        await write(room, matrix)
        assert await recall(room, matrix, "cosine") == 1
        await behind(room).growth.settled()
        await recall(room, matrix, "cosine")
        (finding,) = room.findings
        assert finding.code == "vectorize-graph"
        assert "No module named aerostack_dev.bindings.vectorize.nowhere" in finding.message


async def test_a_graph_that_cannot_be_read_back_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "opened", lambda *_: None)
    async with opened(tmp_path) as room:
        await write(room, clustered(100))
        await room.env.VECTORIZE.query([1] * DIMENSIONS)
        await behind(room).growth.settled()
        assert [finding.code for finding in room.findings] == ["vectorize-graph"]


async def test_without_usearch_queries_are_exact_and_large_indexes_hear_of_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(growing, "find_spec", {}.get)
    monkeypatch.setattr(growing, "SLOW_FROM", 200)
    matrix = clustered(250)
    async with opened(tmp_path) as room:
        await write(room, matrix[:150])
        assert await recall(room, matrix[:150], "cosine") == 1
        assert room.findings == []
        await write(room, matrix[150:], start=150)
        assert await recall(room, matrix, "cosine") == 1
        (finding,) = room.findings
        assert finding.code == "vectorize-exact"
        assert "aerostack-dev[vectors]" in finding.hint


async def test_closing_ends_the_builder(tmp_path, monkeypatch):
    started = []
    create = asyncio.create_subprocess_exec

    async def waiting(*command, **others):
        code = "import sys; sys.stdin.buffer.read()"
        started.append(await create(sys.executable, "-c", code, **others))
        return started[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", waiting)
    async with opened(tmp_path) as room:
        await write(room, clustered(100))
        while not started:
            await room.env.VECTORIZE.query([1] * DIMENSIONS)
    assert started[0].returncode is not None
    assert room.findings == []


@pytest.mark.usefixtures("measured")
async def test_the_builder_ends_with_whoever_started_it(tmp_path):
    request = neighbours.Request("nowhere", "nowhere", 2, "cosine", 1)
    code = (
        "import sys, time\n"
        "from aerostack_dev.bindings.vectorize import building\n"
        "building.build = lambda request: time.sleep(60)\n"
        "building.main()\n"
    )
    command = [sys.executable, "-c", code, msgspec.json.encode(request).decode()]
    process = await asyncio.to_thread(
        subprocess.run, command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    assert process.returncode == 1
    assert process.stdout == b""
