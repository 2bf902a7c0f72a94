"""Snapshots and their return under a running function."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.bindings.state import State
from aerostack_dev.clock import ManualClock
from aerostack_dev.errors import AerostackError, StateError
from aerostack_dev.runtime.keeping import Keeper
from aerostack_dev.runtime.runtime import (
    Runtime,
    Settings,
    Surroundings,
    load_project,
    open_runtime,
)
from aerostack_dev.server import state_routes
from tests.support.server import write_project

FILES = {
    "aerostack.toml": """
[dev]
seed = "seed.py"

[[queues.consumers]]
queue = "default"
max_batch_timeout = 0
""",
    "seed.py": "async def seed(env):\n    await env.CACHE.put('word', 'seeded')\n",
    "src/index.py": """
import asyncio
from workers import Response

GATE = asyncio.Event()

async def fetch(request, env):
    if request.url.endswith("/slow"):
        await env.CACHE.put("slow", "begun")
        await GATE.wait()
        await env.CACHE.put("slow", "done")
    if request.url.endswith("/open"):
        GATE.set()
    return Response(await env.CACHE.get("word") or "nothing")

async def queue(batch, env):
    await env.CACHE.put("got", batch.messages[0].body)
""",
}


class Stage:
    """A runtime that consumes, with a client that needs no network."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.keeper = Keeper(runtime)

    async def get(self, path: str = "/") -> str:
        body = bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            body.extend(message.get("body", b""))

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
            "query_string": b"", "headers": [(b"host", b"x")], "scheme": "http",
            "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        await self.runtime.fetch(scope, receive, send)
        return body.decode()

    def face(self, name: str) -> Any:
        """A binding as it is now: a restore makes it anew."""
        return self.runtime.bindings.bound[name].face()

    async def put(self, word: str) -> None:
        await self.face("CACHE").put("word", word)

    async def until(self, key: str, word: str) -> None:
        async with asyncio.timeout(10):
            while await self.face("CACHE").get(key) != word:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[Stage]:
    write_project(root, FILES)
    settings, kinds = Settings(root, crons=False), all_kinds()
    project = load_project(settings, kinds)
    state = State(root / ".aerostack" / "state")
    state.root.mkdir(parents=True)
    surroundings = Surroundings(kinds, state, ManualClock(), os.urandom, lambda _: None)
    async with open_runtime(settings, project, surroundings) as runtime:
        yield Stage(runtime)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(tmp_path) as stage:
        yield stage


async def test_requests_under_way_end_on_the_old_state_and_later_ones_wait(stage: Stage):
    await stage.put("one")
    await stage.keeper.snapshot("one")
    await stage.put("two")
    slow = asyncio.create_task(stage.get("/slow"))
    await stage.until("slow", "begun")
    # The request lets itself be finished by another one that came before the restore.
    await stage.get("/open")
    restored, later = await asyncio.gather(stage.keeper.restore("one"), stage.get())
    assert restored.files >= 1
    assert await slow == "two"
    assert later in ("two", "one")  # it came before everything was closed, or after
    assert await stage.get() == "one"


async def test_the_queues_are_consumed_afterwards(stage: Stage):
    await stage.keeper.snapshot("empty")
    await stage.keeper.restore("empty")
    await stage.face("QUEUE").send("job")
    await stage.until("got", "job")


async def test_an_unknown_snapshot_closes_nothing(stage: Stage):
    bindings = stage.runtime.bindings
    with pytest.raises(StateError, match="there is no snapshot 'nope'"):
        await stage.keeper.restore("nope")
    assert stage.runtime.bindings is bindings


async def test_a_reset_sows_and_a_failing_seed_leaves_an_empty_state_that_runs(
    stage: Stage, tmp_path: Path
):
    await stage.put("one")
    assert list(await stage.keeper.reset()) == ["seed.py"]
    assert await stage.get() == "seeded"
    write_project(tmp_path, {"seed.py": "async def seed(env):\n    await env.CACHE.put('word')\n"})
    with pytest.raises(AerostackError, match="the seed failed: TypeError") as caught:
        await stage.keeper.reset()
    assert caught.value.where == f"{tmp_path}/seed.py:2"
    assert await stage.get() == "nothing"


async def test_a_restore_that_is_given_up_is_still_done_to_its_end(tmp_path: Path):
    """The server is left while it restores: nothing may be opened in the middle."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    steps: list[str] = []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        steps.append("done")

    async with opened(tmp_path) as stage:
        task = asyncio.create_task(stage.runtime.exchange(work))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asyncio.get_running_loop().call_later(0.02, go_on.set)
        steps.append("left")
    assert steps == ["left", "done"]


async def test_who_comes_during_a_restore_waits_until_it_is_done(stage: Stage):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()

    exchanging = asyncio.create_task(stage.runtime.exchange(work))
    await begun.wait()
    waiting = [asyncio.create_task(one) for one in (stage.get(), stage.runtime.ready())]
    done, _ = await asyncio.wait(waiting, timeout=0.02)
    assert done == set()
    go_on.set()
    await asyncio.gather(exchanging, *waiting)


async def test_what_the_control_port_answers(stage: Stage):
    await stage.put("one")
    made = await state_routes.snapshot(stage.runtime, "kept")
    assert made["durationMs"] >= made["pausedMs"]
    found = state_routes.state_of(stage.runtime)
    assert found["path"] == str(stage.runtime.state.root)
    assert found["snapshots"] == [{k: v for k, v in made.items() if k != "durationMs"}]
    assert (await state_routes.reset(stage.runtime))["seeded"] == ["seed.py"]
    restored = await state_routes.restore(stage.runtime, "kept")
    assert restored["created"] == made["created"]
    assert await stage.get() == "one"
