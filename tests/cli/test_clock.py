"""`aerostack clock`, and `open_project` beside the same server and without one."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import aerostack_dev
from aerostack_dev.cli.dev.times import lead, plus, span, told
from aerostack_dev.errors import BindingError, ConfigError, StateError
from tests.support.server import Server, serving, write_project

from .conftest import Done, invoke

FILES = {
    "aerostack.toml": """
name = "moved"

[[queues.consumers]]
queue = "default"
max_batch_timeout = 1
max_retries = 1
retry_delay = 60

[triggers]
crons = ["0 * * * *"]
""",
    "src/index.py": """
from workers import Response

async def fetch(request, env, ctx):
    if request.url.endswith("/begin"):
        await env.CACHE.put("short", "lived", expirationTtl=60)
        await env.QUEUE.send("late", delaySeconds=600)
    log = await env.CACHE.get("log", "json") or []
    return Response.json({"short": await env.CACHE.get("short"), "log": log})

async def queue(batch, env):
    await note(env, f"attempt {batch.messages[0].attempts}")
    batch.retryAll()

async def scheduled(event, env):
    await note(env, event.scheduledTime)

async def note(env, what):
    await env.CACHE.put("log", __import__("json").dumps(
        (await env.CACHE.get("log", "json") or []) + [what]))
""",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = write_project(tmp_path_factory.mktemp("moved"), FILES)
    with serving(root, None, "--clock", "2099-06-01T10:30:10Z") as running:
        yield running


@pytest.fixture
def cli(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(server.root)

    def clock(*arguments: str) -> Done:
        return invoke("clock", *arguments)

    return clock


def test_time_is_moved_with_all_that_depends_on_it(server: Server, cli):
    banner = server.output
    assert "\n  time      2099-06-01 10:30:10 UTC, " in banner
    assert "Mon 2099-06-01 11:00 UTC, in 30 min" in banner
    began = cli("show", "--json").json
    assert began["now"].startswith("2099-06-01T10:3")
    (listed,) = invoke("cron", "list", "--json").json
    assert listed["next"][0] == "2099-06-01T11:00:00Z"

    assert server.get("/begin").json() == {"short": "lived", "log": []}
    done = cli("advance", "2h")
    assert done.code == 0, done.err
    assert done.out.endswith(" ahead of the machine\n2 cron runs, 2 batches\n")
    moved = cli("show", "--json").json
    assert moved["aheadMs"] - began["aheadMs"] == pytest.approx(7_200_000, abs=2)

    # Each at its own moment, in order: two attempts, then the full hours.
    eleven = int(datetime.datetime(2099, 6, 1, 11, tzinfo=datetime.UTC).timestamp() * 1000)
    log = ["attempt 1", "attempt 2", eleven, eleven + 3_600_000]
    assert server.get("/").json() == {"short": None, "log": log}
    assert "2099-06-01 11:00:00 UTC (+" in server.until('CRON "0 * * * *"')
    assert "2099-06-01 12:3" in server.until("Time is ")

    # A cron that comes due by itself fires by the clock that was moved.
    then = cli("set", "2099-06-01T12:59:59.5Z", "--json").json
    assert then["runs"] == {"crons": 0, "batches": 0, "failed": 0}
    assert "13:00:0" in server.until('CRON "0 * * * *"')


def test_it_goes_back_to_the_machines_time(server: Server, cli):
    done = cli("resume")
    assert done.out.endswith("UTC, the time of the machine\n")
    assert cli("show", "--json").json["aheadMs"] == 0
    server.until("Time is the machine's again")
    assert "UTC (+" not in server.lines[-1]
    server.get("/")
    server.until(lambda line: line.startswith("GET / 200"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("set", "2020-01-01"), 1, "error: time only moves forward\nhint: `aerostack clock resume"),
        (
            ("advance", "1000d"),
            1,
            "error: more than 10000 runs of crons are due until then\nhint: ",
        ),
        (("advance", "999999999w"), 1, "error: that is beyond the year 9999\n"),
        (("advance", "2"), 2, "'2' is no duration: write 90s, 30m, 2h or 1d12h"),
        (("advance", "-2h"), 2, "no such option"),
        (("advance",), 2, "missing argument"),
        (("set", "noon"), 2, "'noon' is neither ISO 8601"),
    ],
)
def test_what_makes_no_sense_is_refused(cli, arguments, code: int, said: str):
    done = cli(*arguments)
    assert (done.code, said in done.err) == (code, True), done.err
    assert "Traceback" not in done.err


def test_a_function_that_is_not_loaded_holds_time_up(server: Server, cli):
    whole = (server.root / "src/index.py").read_text()
    server.save("src/index.py", "def fetch(:")
    server.until("Reload failed")
    done = cli("advance", "1h")
    assert done.code == 1
    assert "error: time cannot pass while the function is not loaded" in done.err
    server.save("src/index.py", whole)
    server.until("Reloaded")


def test_without_a_server_there_is_no_time_to_move(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(write_project(tmp_path, {"aerostack.toml": ""}))
    done = invoke("clock", "show")
    assert done.code == 1
    assert "error: " in done.err
    assert "no server runs here" in done.err
    assert "hint: start one with `aerostack dev`" in done.err


def test_json_lines_carry_it(tmp_path: Path):
    files = {"aerostack.toml": "", "src/index.py": FILES["src/index.py"]}
    options = ("--clock", "2099-01-01", "--log-format", "json")
    with serving(tmp_path, files, *options) as running:
        (start,) = [line for line in map(json.loads, running.lines) if line["event"] == "start"]
        assert start["aheadMs"] > 10**12
        running.get("/")
        assert json.loads(running.until('"fetch"'))["aheadMs"] == pytest.approx(start["aheadMs"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (7200, "2 h"), (131_400, "1 d 12 h"), (90_061, "1 d 1 h")],
)
def test_spans_in_words(seconds: float, words: str):
    assert (span(seconds), plus(-seconds)) == (words, f"-{words}" if seconds else "+0 s")
    assert lead(60) == "1 min ahead of the machine"
    assert lead(-60) == "1 min behind the machine"
    assert told(1_800_000_000) == "2027-01-15 08:00:00 UTC"


async def use(path: Path) -> Any:
    """What a script does with each kind of binding, and what it was given."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"streamed"

    async with aerostack_dev.open_project(path) as project:
        env = project.env
        await env.CACHE.put("k", pieces(), expiration_ttl=60)
        await env.DB.exec("CREATE TABLE IF NOT EXISTS notes (text)")
        statement = env.DB.prepare("SELECT ? AS n").bind(7)
        await env.STORAGE.put("a", b"x" * 100_000)
        await env.VECTORIZE.upsert([{"id": "a", "values": [1, 2]}])
        await env.QUEUE.send({"n": 1}, delay_seconds=3600)
        with pytest.raises(BindingError, match="no such table: missing"):
            await env.DB.prepare("SELECT * FROM missing").all()
        found = await env.STORAGE.get("a")
        return (
            project.server,
            await env.CACHE.get("k"),
            (await env.DB.batch([statement]))[0].results[0].n,
            await statement.first("n"),
            len(await found.bytes()),
            (await env.VECTORIZE.query([1, 2], top_k=1)).matches[0].id,
            env.GREETING,
        )


EXPECTED = ("streamed", 7, 7, 100_000, "a", "hello")


def test_a_script_uses_the_bindings_with_and_without_a_server(tmp_path: Path):
    files = {**FILES, "aerostack.toml": FILES["aerostack.toml"] + '\n[vars]\nGREETING = "hello"\n'}
    root = write_project(tmp_path, files)
    assert asyncio.run(use(root)) == (None, *EXPECTED)
    assert (root / ".aerostack/state/cache.sqlite").exists()
    with serving(root, None, "--no-cron") as running:
        assert asyncio.run(use(root / "aerostack.toml")) == (running.url, *EXPECTED)


async def test_a_project_that_cannot_be_opened_says_why(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no such file"):
        async with aerostack_dev.open_project(tmp_path):
            raise AssertionError("it opened")
    write_project(tmp_path, {"aerostack.toml": ""})
    async with aerostack_dev.open_project(tmp_path):
        with pytest.raises(StateError, match="the state is in use by"):
            async with aerostack_dev.open_project(tmp_path):
                raise AssertionError("it opened twice")
    with pytest.raises(AttributeError, match="no attribute 'open_projekt'"):
        _ = aerostack_dev.open_projekt
