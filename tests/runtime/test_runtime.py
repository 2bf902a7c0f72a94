"""The runtime: what it records, and what a reload or a broken file does to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.bindings.state import State
from aerostack_dev.clock import ManualClock
from aerostack_dev.config.model import Finding
from aerostack_dev.runtime import slot
from aerostack_dev.runtime.host import REQUEST_ID, HandlerError, LoadError, Scope
from aerostack_dev.runtime.reloading import Reloaded, follow
from aerostack_dev.runtime.runtime import (
    Runtime,
    Settings,
    Surroundings,
    load_project,
    open_runtime,
)
from tests.support.server import write_project

CODE = """
import asyncio
from workers import Response

GATE = asyncio.Event()

async def fetch(request, env, ctx):
    if request.url.endswith("/boom"):
        raise ValueError("boom")
    if request.url.endswith("/wait"):
        await asyncio.sleep(3600)
    await env.CACHE.get("k")
    return Response(env.WORD)

async def queue(batch, env):
    await env.CACHE.put("got", str(len(batch.messages)))

async def scheduled(event, env):
    if event.cron == "bad":
        event.noRetry()
        raise ValueError("no")
"""
CONFIG = """
[vars]
WORD = "one"

[[queues.consumers]]
queue = "default"
max_batch_timeout = 0
"""
FILES = {"aerostack.toml": CONFIG, "src/index.py": CODE}


class Stage:
    """An open runtime with its findings, and a client that needs no network."""

    def __init__(self, runtime: Runtime, findings: list[Finding], clock: ManualClock) -> None:
        self.runtime = runtime
        self.findings = findings
        self.clock = clock

    async def get(self, path: str = "/") -> str:
        return await self.fetch(_scope(path))

    async def fetch(self, scope: Scope) -> str:
        body = bytearray()

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message) -> None:
            body.extend(message.get("body", b""))

        await self.runtime.fetch(scope, receive, send)
        return body.decode()

    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]


def _scope(path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


@asynccontextmanager
async def on_stage(root: Path, files=FILES, **settings: object) -> AsyncIterator[Stage]:
    write_project(root, files)
    findings: list[Finding] = []
    clock = ManualClock()
    kinds = all_kinds()
    chosen = Settings(root / "aerostack.toml", **settings)  # type: ignore[arg-type]
    around = Surroundings(kinds, State(root / "state"), clock, os.urandom, findings.append)
    async with open_runtime(chosen, load_project(chosen, kinds), around) as runtime:
        yield Stage(runtime, findings, clock)


async def until(satisfied: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not satisfied():
            await asyncio.sleep(0.002)


async def test_a_request_is_recorded_with_its_calls(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        assert await stage.get("/a") == "one"
        (one,) = stage.runtime.trace.recent()
        assert (one.kind, one.name, one.status, one.outcome) == ("fetch", "GET /a", 200, "ok")
        assert one.calls == {"CACHE": 1}
        assert stage.runtime.handlers == {"fetch", "queue", "scheduled"}
        assert tmp_path / "src/index.py" in stage.runtime.sources


async def test_a_failure_is_recorded_and_raised_with_its_id(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        with pytest.raises(HandlerError, match="ValueError: boom") as caught:
            await stage.get("/boom")
        (one,) = stage.runtime.trace.recent()
        assert caught.value.request_id == one.id
        assert (one.status, one.outcome, one.failure.message) == (500, "exception", "boom")


async def test_a_client_that_leaves_is_recorded_as_such(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        scope = _scope("/wait")
        task = asyncio.create_task(stage.fetch(scope))
        await until(lambda: stage.runtime.functions.main.slot.busy)
        task.cancel()
        await asyncio.wait({task})
        (one,) = stage.runtime.trace.recent()
        assert (one.outcome, one.id) == ("canceled", scope[REQUEST_ID])


async def test_a_cron_by_hand_says_how_it_went(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        good = await stage.runtime.scheduled("* * * * *", 60_000)
        assert (good.outcome, good.no_retry, good.failure) == ("ok", False, None)
        bad = await stage.runtime.scheduled("bad")
        assert (bad.outcome, bad.no_retry, bad.failure.message) == ("exception", True, "no")
        first = stage.runtime.trace.recent()[0]
        assert first.detail == {"scheduledTime": 60_000}
        assert first.id == good.request_id


async def test_a_cron_fires_by_itself(tmp_path: Path):
    files = {**FILES, "aerostack.toml": '[triggers]\ncrons = ["* * * * *"]\n' + CONFIG}
    async with on_stage(tmp_path, files) as stage:
        stage.clock.advance(60)
        await until(lambda: bool(stage.runtime.trace.recent()))
        assert stage.runtime.trace.recent()[0].name == "* * * * *"


async def test_a_message_is_delivered_and_counted(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        await stage.runtime.bindings.invoke("QUEUE", "send", [b'"hi"', {}])
        await until(lambda: bool(stage.runtime.trace.recent()))
        (one,) = stage.runtime.trace.recent()
        assert (one.kind, one.name, one.detail) == ("queue", "default", {"acked": 1, "total": 1})


async def test_while_it_cannot_be_loaded_requests_fail_and_messages_wait(tmp_path: Path):
    files = {**FILES, "src/index.py": "def broken(:\n"}
    async with on_stage(tmp_path, files) as stage:
        with pytest.raises(LoadError, match="SyntaxError") as caught:
            await stage.get()
        assert caught.value.request_id == stage.runtime.trace.recent()[0].id
        assert stage.runtime.failure is not None
        assert stage.runtime.handlers == stage.runtime.sources == frozenset()
        await stage.runtime.bindings.invoke("QUEUE", "send", [b'"hi"', {}])
        assert (await stage.runtime.scheduled("* * * * *")).outcome == "exception"
        write_project(tmp_path, FILES)
        await stage.runtime.reload()
        assert stage.runtime.failure is None
        await until(lambda: stage.runtime.trace.recent()[-1].kind == "queue")
        assert stage.runtime.trace.recent()[-1].detail == {"acked": 1, "total": 1}


async def test_an_import_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slot, "LOAD_SECONDS", 0.2)
    files = {**FILES, "src/index.py": "while True:\n    pass\n"}
    async with on_stage(tmp_path, files) as stage:
        with pytest.raises(LoadError, match="has not finished after"):
            await stage.get()


async def test_variables_change_without_opening_the_rooms_anew(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        rooms = stage.runtime.bindings
        write_project(tmp_path, {"aerostack.toml": CONFIG.replace("one", "two")})
        await stage.runtime.reconfigure()
        assert await stage.get() == "two"
        assert stage.runtime.bindings is rooms


async def test_other_tables_open_other_rooms(tmp_path: Path):
    more = CONFIG + '[[kv_namespaces]]\nbinding = "SESSIONS"\n'
    async with on_stage(tmp_path) as stage:
        write_project(tmp_path, {"aerostack.toml": more})
        await stage.runtime.reconfigure()
        assert "SESSIONS" in stage.runtime.bindings.bound
        assert await stage.get() == "one"


async def test_rooms_that_cannot_open_leave_the_old_ones_in_service(tmp_path: Path):
    clash = CONFIG + 'dead_letter_queue = "default"\n'
    async with on_stage(tmp_path) as stage:
        write_project(tmp_path, {"aerostack.toml": clash})
        await stage.runtime.reconfigure()
        assert "config" in stage.codes()
        assert await stage.get() == "one"
        write_project(tmp_path, {"aerostack.toml": CONFIG.replace("one", "two")})
        await stage.runtime.reconfigure()
        assert await stage.get() == "two"


async def test_a_broken_configuration_is_said_and_the_old_one_goes_on(tmp_path: Path):
    async with on_stage(tmp_path) as stage:
        write_project(tmp_path, {"aerostack.toml": "[vars\n"})
        await stage.runtime.reconfigure()
        assert stage.codes() == ["config"]
        assert await stage.get() == "one"


async def test_a_handler_that_appears_is_put_to_work(tmp_path: Path):
    files = {**FILES, "src/index.py": CODE.replace("async def queue", "async def later")}
    files["aerostack.toml"] = '[vars]\nWORD = "one"\n'
    async with on_stage(tmp_path, files) as stage:
        await stage.runtime.bindings.invoke("QUEUE", "send", [b'"hi"', {}])
        write_project(tmp_path, {"src/index.py": CODE})
        await stage.runtime.reload()
        assert "queue-default-consumer" in stage.codes()
        stage.clock.advance(5)
        await until(lambda: bool(stage.runtime.trace.recent()))
        assert stage.runtime.trace.recent()[0].kind == "queue"


async def test_saves_are_followed_from_the_start(tmp_path: Path):
    reloads: list[Reloaded] = []
    bursts: asyncio.Queue[frozenset[Path]] = asyncio.Queue()

    async def feed() -> AsyncIterator[frozenset[Path]]:
        while True:
            yield await bursts.get()

    async with on_stage(tmp_path) as stage:
        following = asyncio.create_task(follow(stage.runtime, feed(), reloads.append))
        await asyncio.sleep(0)
        index = tmp_path / "src/index.py"
        index.write_text(CODE + "\n# saved before the watch began\n")
        bursts.put_nowait(frozenset())
        await until(lambda: len(reloads) == 1)
        assert (reloads[0].changed, reloads[0].failure) == (("src/index.py",), None)
        bursts.put_nowait(frozenset({tmp_path / "notes.txt"}))
        (tmp_path / "aerostack.toml").write_text(CONFIG.replace("one", "two"))
        bursts.put_nowait(frozenset({tmp_path / "aerostack.toml"}))
        await until(lambda: len(reloads) == 2)
        assert await stage.get() == "two"
        index.write_text("def broken(:\n")
        bursts.put_nowait(frozenset({index}))
        await until(lambda: len(reloads) == 3)
        assert reloads[2].failure is not None
        index.write_text(CODE)
        bursts.put_nowait(frozenset({tmp_path / "elsewhere.txt"}))
        await until(lambda: len(reloads) == 4)
        assert reloads[3].failure is None
        following.cancel()
        await asyncio.wait({following})
