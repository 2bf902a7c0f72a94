"""What a request costs, counted and not timed: calls, thread hops, statements, frames.

Counts are the same on a busy machine and on a quiet one. Those of Python calls are compared
with Starlette's for the same request in the same interpreter, whose version decides how
many there are. `make bench` times what this counts.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosqlite
import apsw
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from aerostack_dev.bindings import line, moment
from aerostack_dev.functions import Context
from aerostack_dev.runtime.hosts.deno.channel import BURST, Channel
from aerostack_dev.server.app import UserApp
from aerostack_dev.testing import open_app
from tests.runtime.hosts.deno import driving
from tests.support.asgi import Client
from tests.support.server import write_project

BENCH = Path(__file__).parents[2] / "bench"
PORT = 8788
HOST = (b"host", b"127.0.0.1:8788")
FUNCTION = """
from workers import Response

async def fetch(request, env, ctx):
    work = request.url.rpartition("/")[2]
    if work == "hello":
        return Response("hello")
    if work == "row":
        return Response.json(await env.DB.prepare("SELECT 42 AS id WHERE 1 = ?").bind(1).first())
    if work == "insert":
        insert = env.DB.prepare("INSERT INTO notes (text) VALUES (?) RETURNING id")
        return Response.json(await insert.bind("a note").first())
    if work == "cache-get":
        return Response(await env.CACHE.get("item"))
    if work == "cache-put":
        await env.CACHE.put("item", '{"id":42}', {"expirationTtl": 3600})
    if work == "send":
        await env.QUEUE.send({"id": 42})
    if work == "storage-put":
        await env.STORAGE.put("object", b"x" * 10240)
    if work == "storage-get":
        return Response((await env.STORAGE.get("object")).body)
    if work == "seed":
        await env.DB.exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    return Response("ok")
"""
OPERATIONS = (
    "row", "insert", "cache-get", "cache-put", "send", "storage-put", "storage-get",
)  # fmt: skip
CALLS = {
    "hello": 1.3,
    "row": 4.4,
    "insert": 4.7,
    "cache-get": 3.5,
    "cache-put": 4.2,
    "send": 5.2,
    "storage-put": 6.7,
    "storage-get": 4.4,
}
"""A tenth more than it is: whoever adds to every request shall notice."""
STATEMENTS = {
    "row": 1,
    "insert": 3,
    "cache-get": 1,
    "cache-put": 3,
    "send": 5,
    "storage-put": 5,
    "storage-get": 1,
}
"""BEGIN or SAVEPOINT included."""
REPEATED = 300
AT_ONCE = 50
KEPT = 500
"""Of requests, the trace keeps so many: from then on nothing grows."""


class Driven:
    """An ASGI application that is called without a server."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def get(self, path: str) -> bytes:
        client = Client(target=path, scope={"headers": [HOST]})
        await self.app(client.scope, client.receive, client.send)
        assert client.messages[0]["status"] == 200
        return b"".join(message.get("body", b"") for message in client.messages)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driven]:
    """The user port of a project in Python, its rooms open and warm."""
    files = {"aerostack.toml": "", "src/index.py": FUNCTION}
    root = write_project(tmp_path_factory.mktemp("project"), files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite.Connection, "_execute", _counted(aiosqlite.Connection._execute))
        for module in (line, moment):  # however busy this machine is
            patch.setattr(module, "MOMENT_SECONDS", 60.0)
        patch.setattr(line, "SLOW_SECONDS", 60.0)
        apsw.connection_hooks.append(_statements)
        try:
            async with open_app(root) as app:
                driven = Driven(UserApp(app.runtime, port=PORT))
                for work in ("seed", *OPERATIONS):
                    await driven.get(f"/{work}")
                yield driven
        finally:
            apsw.connection_hooks.remove(_statements)


TYPESCRIPT = """
export default {
  async fetch(request: Request, env: any): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/hello":
        return new Response("hello");
      case "/row":
        return Response.json(await env.DB.prepare("SELECT 42 AS id WHERE 1 = ?").bind(1).first());
      case "/insert": {
        const insert = env.DB.prepare("INSERT INTO notes (text) VALUES (?) RETURNING id");
        return Response.json(await insert.bind("a note").first());
      }
      case "/cache-get":
        return new Response(await env.CACHE.get("item"));
      case "/cache-put":
        await env.CACHE.put("item", '{"id":42}', { expirationTtl: 3600 });
        break;
      case "/send":
        await env.QUEUE.send({ id: 42 });
        break;
      case "/storage-put":
        await env.STORAGE.put("object", "x".repeat(10240));
        break;
      case "/storage-get":
        return new Response((await env.STORAGE.get("object")).body);
      case "/seed":
        await env.DB.exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
    }
    return new Response("ok");
  },
};
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def function(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[driving.Driven]:
    """The same in TypeScript."""
    async with driving.opened(tmp_path_factory.mktemp("project"), TYPESCRIPT) as driven:
        for work in ("seed", *OPERATIONS):
            await driven(f"/{work}")
        await driven.host.settled()
        yield driven


COUNTED: Counter[str] = Counter()


def _counted(execute: Any) -> Any:
    async def counting(self: Any, *arguments: Any, **options: Any) -> Any:
        COUNTED["hops"] += 1
        return await execute(self, *arguments, **options)

    return counting


def _statements(connection: apsw.Connection) -> None:
    def ran(event: dict[str, Any]) -> None:
        COUNTED["commits" if event["sql"] == "COMMIT" else "statements"] += 1

    connection.trace_v2(apsw.SQLITE_TRACE_STMT, ran)


async def counted(work: Awaitable[Any]) -> Counter[str]:
    COUNTED.clear()
    await work
    return Counter(COUNTED)


async def calls(work: Callable[[], Awaitable[Any]]) -> int:
    """How many functions, C's included, this thread calls while `work` runs."""
    await work()
    count = 0

    def called(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        await work()
    finally:
        sys.setprofile(before)
    return count


def bare() -> Driven:
    async def hello(_: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    return Driven(Starlette(routes=[Route("/hello", hello)]))


async def starlette() -> int:
    driven = bare()
    return await calls(lambda: driven.get("/hello"))


module = pytest.mark.asyncio(loop_scope="module")


@module
@pytest.mark.parametrize(("work", "most"), CALLS.items())
async def test_calls(served: Driven, work: str, most: float):
    """As a multiple of what a hello takes in Starlette: 60 to 70 calls, ours on top."""
    path = f"/{work}"
    fewest = min([await calls(lambda: served.get(path)) for _ in range(5)])
    assert fewest <= most * await starlette()


@module
@pytest.mark.parametrize("work", OPERATIONS)
async def test_no_change_of_threads(served: Driven, work: str):
    assert (await counted(served.get(f"/{work}")))["hops"] == 0


@module
@pytest.mark.parametrize(("work", "most"), STATEMENTS.items())
async def test_statements(served: Driven, work: str, most: int):
    found = await counted(served.get(f"/{work}"))
    assert found["statements"] <= most, found


@module
@pytest.mark.parametrize("work", ["cache-put", "send", "storage-put"])
async def test_writes_that_arrive_together_share_a_commit(served: Driven, work: str):
    requests = [served.get(f"/{work}") for _ in range(AT_ONCE)]
    found = await counted(asyncio.gather(*requests))
    assert found["commits"] <= 2, found


@module
async def test_sends_that_arrive_together_look_into_the_queue_once(served: Driven):
    alone = (await counted(served.get("/send")))["statements"]
    found = await counted(asyncio.gather(*[served.get("/send") for _ in range(AT_ONCE)]))
    each = 3  # the message, its trigger and the backlog
    assert found["statements"] <= AT_ONCE * each + found["commits"] * (alone - each), found


@module
async def test_a_request_leaves_nothing_for_the_collector(served: Driven):
    async def many(count: int) -> None:
        for _ in range(count):
            await served.get("/row")

    await many(KEPT)
    gc.collect()
    gc.disable()
    try:
        await many(REPEATED)
        assert gc.collect() <= REPEATED / 10
    finally:
        gc.enable()


@module
async def test_requests_do_not_add_up(served: Driven):
    async def blocks() -> int:
        for _ in range(REPEATED):
            await served.get("/row")
        gc.collect()
        return sys.getallocatedblocks()

    await blocks()
    await blocks()
    before = await blocks()
    after = await blocks()
    assert after - before < REPEATED


@module
async def test_memory_of_a_request(served: Driven):
    """The most that is held at once while a hello runs."""
    assert await most_bytes(served) <= await most_bytes(bare())


async def most_bytes(driven: Driven) -> int:
    for _ in range(3):
        await driven.get("/hello")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await driven.get("/hello")
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the frames that cross to the child and back, and the writes to it."""
    found: Counter[str] = Counter()
    dispatch, write, flush = Channel._dispatch, Channel._write, Channel._flush

    def dispatching(self: Channel, header: bytes, body: bytes) -> None:
        found["back"] += not header.startswith(b'["pong"')
        dispatch(self, header, body)

    def writing(self: Channel, pieces: list[bytes]) -> None:
        found["there"] += not pieces[1].startswith(b'["ping"')
        write(self, pieces)

    def flushing(self: Channel) -> None:
        found["writes"] += bool(self._outgoing)
        flush(self)

    monkeypatch.setattr(Channel, "_dispatch", dispatching)
    monkeypatch.setattr(Channel, "_write", writing)
    monkeypatch.setattr(Channel, "_flush", flushing)
    return found


@module
@pytest.mark.parametrize("work", ["hello", *OPERATIONS])
async def test_frames(function: driving.Driven, frames: Counter[str], work: str):
    """One there and one back for the request, and for each call of a binding."""
    await function(f"/{work}")
    await function.host.settled()
    each = 1 if work == "hello" else 2
    assert frames["there"] == frames["back"] == each


@module
async def test_frames_of_requests_at_once_leave_together(
    function: driving.Driven, frames: Counter[str]
):
    await asyncio.gather(*[function("/hello") for _ in range(AT_ONCE)])
    assert frames["there"] == AT_ONCE
    assert frames["writes"] <= AT_ONCE / BURST + 1


async def test_the_benchmark_leaves_the_trace_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`bench/tracing.py` goes along with what the runtime asks of a trace."""
    spec = importlib.util.spec_from_file_location("tracing", BENCH / "tracing.py")
    tracing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tracing)
    root = write_project(tmp_path, {"aerostack.toml": "", "src/index.py": FUNCTION})
    async with open_app(root) as app:
        driven = Driven(UserApp(app.runtime, port=PORT))
        await driven.get("/cache-get")
        (traced,) = app.runtime.trace.recent()
        assert traced.calls == {"CACHE": 1}
        monkeypatch.setattr(app.runtime.trace, "__class__", tracing.Untraced)
        monkeypatch.setattr(Context, "__init__", tracing.without_record)
        assert await driven.get("/hello") == b"hello"
        await driven.get("/cache-get")
        assert app.runtime.trace.recent() == [traced]
