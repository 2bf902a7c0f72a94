"""The public test kit, as an author's tests use it."""

from __future__ import annotations

import asyncio
import datetime
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from aerostack_dev.errors import AerostackError, ConfigError
from aerostack_dev.runtime.host import HandlerError, LoadError
from aerostack_dev.testing import async_test, open_app
from tests.support.server import write_project

FILES = {
    "aerostack.toml": """
name = "kit"

[vars]
GREETING = "hello"

[vars.LIMITS]
upload = 7

[env.staging.vars]
GREETING = "hello from staging"

[[queues.producers]]
binding = "QUEUE"
queue = "jobs"

[[queues.consumers]]
queue = "jobs"
max_batch_size = 2
max_batch_timeout = 60
max_retries = 1
retry_delay = 30
dead_letter_queue = "dead"

[[queues.consumers]]
queue = "dead"

[triggers]
crons = ["0 * * * *"]
""",
    "src/index.py": """
from workers import Response

async def fetch(request, env, ctx):
    path = request.url.split("?")[0].split("/", 3)[-1]
    if path == "echo":
        return Response.json({
            "method": request.method, "url": request.url, "body": await request.text(),
            "headers": dict(request.headers.items()),
        })
    if path == "later":
        ctx.wait_until(env.CACHE.put("later", "done"))
        return Response(None, status=202)
    if path == "stream":
        async def pieces():
            yield b"one "
            yield b"two"
        return Response(pieces(), headers=[("set-cookie", "a=1"), ("set-cookie", "b=2")])
    if path == "broken":
        raise LookupError("the author's own")
    return Response(env.GREETING)

async def queue(batch, env, ctx):
    for message in batch.messages:
        match message.body:
            case {"retry": delay}:
                message.retry(delaySeconds=delay)
            case "raise":
                raise ValueError("no")
            case "attempts":
                await env.CACHE.put("attempts", str(message.attempts))
    await env.CACHE.put("queue", batch.queue)

async def scheduled(event, env, ctx):
    if event.cron == "1 1 1 1 1":
        raise ValueError("no")
    await env.CACHE.put("fired", f"{event.cron} {event.scheduledTime}")
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "kit", FILES)


async def test_a_request_reaches_the_function_whole(project: Path):
    async with open_app(project) as app:
        answer = await app.fetch(
            "/echo?q=a b&r=%20", method="post", headers={"X-Id": "1"}, body="grüß"
        )
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    seen = answer.json()
    assert (seen["method"], seen["body"]) == ("POST", "grüß")
    assert seen["url"] == "http://localhost:8788/echo?q=a%20b&r=%20"
    expected = {"x-id": "1", "host": "localhost:8788", "content-length": "6"}
    assert expected.items() <= seen["headers"].items()


async def test_json_is_sent_with_its_type_and_other_hosts_can_be_asked(project: Path):
    async with open_app(project) as app:
        seen = (await app.fetch("https://shop.test/echo", method="PUT", json={"a": [1]})).json()
    assert (seen["url"], seen["body"]) == ("https://shop.test/echo", '{"a":[1]}')
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["host"] == "shop.test"


async def test_a_streamed_answer_is_whole_and_repeated_headers_are_kept(project: Path):
    async with open_app(project) as app:
        answer = await app.fetch("/stream")
    assert (answer.text(), answer.body) == ("one two", b"one two")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]


async def test_what_was_given_to_wait_until_has_ended(project: Path):
    async with open_app(project) as app:
        assert (await app.fetch("/later")).status == 202
        assert await app.env.CACHE.get("later") == "done"


async def test_the_authors_error_is_raised_with_its_cause(project: Path):
    async with open_app(project) as app:
        with pytest.raises(HandlerError, match="LookupError: the author's own") as caught:
            await app.fetch("/broken")
        assert isinstance(caught.value.__cause__, LookupError)
        assert app.runtime.trace.recent()[-1].failure.type == "LookupError"


async def test_variables_and_environments(project: Path):
    async with open_app(project) as app:
        assert (await app.fetch("/")).text() == "hello"
        assert app.env.LIMITS.upload == 7
    async with open_app(project, environment="staging") as app:
        assert (await app.fetch("/")).text() == "hello from staging"
    async with open_app(project / "aerostack.toml", variables={"GREETING": "hi"}) as app:
        assert (await app.fetch("/")).text() == "hi"


async def test_state_is_new_each_time_and_none_is_left_in_the_project(project: Path):
    for _ in range(2):
        async with open_app(project) as app:
            assert await app.env.CACHE.get("n") is None
            await app.env.CACHE.put("n", "1")
    assert not (project / ".aerostack").exists()


async def test_time_is_moved_by_hand(project: Path):
    async with open_app(project) as app:
        await app.env.CACHE.put("n", "1", expiration_ttl=60)
        await app.clock.advance(59)
        assert await app.env.CACHE.get("n") == "1"
        await app.clock.advance(1)
        assert await app.env.CACHE.get("n") is None


async def test_a_batch_made_for_the_test(project: Path):
    async with open_app(project) as app:
        result = await app.queue("jobs", [1, {"retry": 5}, {"retry": None}])
        assert (result.outcome, result.failure, result.buried) == ("ok", None, [])
        assert result.acked == [1]
        assert result.retried == [{"retry": 5}, {"retry": None}]
        assert result.delays == [5, None]
        await app.queue("other", ["attempts"], attempts=3)
        assert await app.env.CACHE.get("attempts") == "3"
        assert await app.env.CACHE.get("queue") == "other"


async def test_a_batch_whose_handler_fails(project: Path):
    async with open_app(project) as app:
        result = await app.queue("jobs", ["raise", 1])
    assert (result.outcome, result.acked, result.retried) == ("exception", [], ["raise", 1])
    assert result.failure is not None
    assert (result.failure.type, result.failure.message) == ("ValueError", "no")


async def test_a_real_queue_is_consumed_batch_by_batch(project: Path):
    async with open_app(project) as app:
        await app.env.QUEUE.sendBatch([{"body": body} for body in (1, 2, 3)])
        assert (await app.consume("jobs")).acked == [1, 2]
        assert (await app.consume("jobs")).acked == [3]
        assert (await app.consume("jobs")).acked == []


async def test_retries_and_the_dead_letter_queue_follow_the_clock(project: Path):
    async with open_app(project) as app:
        await app.env.QUEUE.send("raise")
        first = await app.consume("jobs")
        assert (first.outcome, first.retried, first.buried) == ("exception", ["raise"], [])
        await app.clock.advance(29)
        assert (await app.consume("jobs")).retried == []
        await app.clock.advance(1)
        assert (await app.consume("jobs")).buried == ["raise"]
        assert (await app.consume("dead")).retried == ["raise"]


async def test_an_unknown_queue_is_refused_with_the_known_ones(project: Path):
    async with open_app(project) as app:
        with pytest.raises(ValueError, match=r"no consumer of a queue 'nope'; there are: .*jobs"):
            await app.consume("nope")


async def test_a_cron_with_and_without_its_name_and_time(project: Path):
    noon = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
    async with open_app(project) as app:
        assert (await app.scheduled()).outcome == "ok"
        assert await app.env.CACHE.get("fired") == f"0 * * * * {int(app.clock.now() * 1000)}"
        for time in (noon, int(noon.timestamp() * 1000)):
            assert (await app.scheduled("5 * * * *", time)).cron == "5 * * * *"
            assert await app.env.CACHE.get("fired") == "5 * * * * 1772452800000"
        with pytest.raises(ValueError, match="must be an aware datetime"):
            await app.scheduled(time=noon.replace(tzinfo=None))
        failed = await app.scheduled("1 1 1 1 1")
        assert (failed.outcome, failed.failure.message) == ("exception", "no")


async def test_a_cron_must_be_named_when_there_are_several(project: Path):
    config = project / "aerostack.toml"
    config.write_text('[triggers]\ncrons = ["0 * * * *", "5 * * * *"]\n')
    async with open_app(project) as app:
        with pytest.raises(ValueError, match=r"name one of the crons: 0 \* \* \* \*, 5"):
            await app.scheduled()


MIGRATION = {"migrations/0001_a.sql": "CREATE TABLE a (n);", "seed.sql": "INSERT INTO a VALUES (1)"}


@pytest.mark.parametrize(
    "config", ["", '[[d1_databases]]\nbinding = "DB"\n[[d1_databases]]\nbinding = "OTHER"\n']
)
async def test_databases_are_migrated_and_seeded(project: Path, config: str):
    write_project(project, {**MIGRATION, "aerostack.toml": config})
    for seed, count in ((True, 1), (False, 0)):
        async with open_app(project, seed=seed) as app:
            assert await app.env.DB.prepare("SELECT count(*) AS n FROM a").first("n") == count
            if config:
                assert await app.env.OTHER.prepare("SELECT count(*) AS n FROM a").first("n") == 0


async def test_the_only_declared_database_gets_the_seed_once(project: Path):
    config = '[[d1_databases]]\nbinding = "SHOP"\n'
    write_project(project, {**MIGRATION, "aerostack.toml": config})
    async with open_app(project) as app:
        assert await app.env.SHOP.prepare("SELECT count(*) AS n FROM a").first("n") == 1
    write_project(project, {"seed.sql": "-- nothing\n"})
    async with open_app(project) as app:
        assert await app.env.SHOP.prepare("SELECT count(*) AS n FROM a").first("n") == 0


async def test_databases_are_ready_when_the_function_loads(project: Path):
    source = """
from contextlib import asynccontextmanager
from workers import env, Response
seen = []

@asynccontextmanager
async def lifespan(app):
    seen.append(await env.DB.prepare("SELECT n FROM a").first("n"))
    yield

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        async with lifespan(app):
            await receive(); await send({"type": "lifespan.startup.complete"})
            await receive(); await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(seen).encode()})
"""
    write_project(project, {**MIGRATION, "aerostack.toml": "", "src/index.py": source})
    async with open_app(project) as app:
        assert (await app.fetch("/")).text() == "[1]"


async def test_an_application_hears_that_its_client_has_left(project: Path):
    source = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    first = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": first["body"], "more_body": True})
    await send({"type": "http.response.body"})
    await scope["env"].CACHE.put("then", (await receive())["type"])
"""
    write_project(project, {"aerostack.toml": "", "src/index.py": source})
    async with open_app(project) as app:
        assert (await app.fetch("/", method="POST", body=b"whole")).body == b"whole"
        assert await app.env.CACHE.get("then") == "http.disconnect"


@pytest.mark.parametrize(
    ("files", "error", "text"),
    [
        ({"src/index.py": "def fetch(:"}, LoadError, "SyntaxError"),
        ({"aerostack.toml": "nonsense"}, ConfigError, "not valid TOML"),
        ({"aerostack.toml": 'main = "nope.py"'}, ConfigError, "nope.py"),
        ({"migrations/0001_a.sql": "CREATE nonsense"}, AerostackError, "0001_a.sql"),
        ({**MIGRATION, "seed.sql": "INSERT INTO b VALUES (1)"}, AerostackError, "no such table"),
    ],
)
async def test_a_broken_project_says_what_is_broken(
    project: Path, files: dict[str, str], error: type[Exception], text: str
):
    write_project(project, files)
    with pytest.raises(error, match=text):
        async with open_app(project):
            raise AssertionError("it opened")


async def test_a_function_that_cannot_load_shows_its_stack(project: Path):
    write_project(project, {"src/index.py": "import nothing_of_the_kind"})
    with pytest.raises(LoadError) as caught:
        async with open_app(project):
            raise AssertionError("it opened")
    assert any("src/index.py" in note for note in caught.value.__notes__)


async def test_the_project_is_found_upwards(project: Path, monkeypatch: pytest.MonkeyPatch):
    write_project(project, {"tests/deep/test_x.py": ""})
    monkeypatch.chdir(project / "tests/deep")
    async with open_app() as app:
        assert app.project.name == "kit"
    monkeypatch.chdir(project.parents[1])
    with pytest.raises(ConfigError, match=r"no aerostack\.toml here or in a folder above"):
        async with open_app():
            raise AssertionError("it opened")


async def test_what_the_server_would_say_is_kept(project: Path):
    write_project(project, {"aerostack.toml": 'env = ["TOKEN"]\n'})
    async with open_app(project) as app:
        assert any("TOKEN" in finding.message for finding in app.findings)
    write_project(project, {"aerostack.toml": "", "src/index.py": TWICE})
    async with open_app(project) as app:
        await app.queue("q", [1])
        assert "has no effect" in app.findings[-1].message


TWICE = """
async def queue(batch):
    batch.messages[0].ack()
    batch.messages[0].retry()
"""


def test_an_asynchronous_test_becomes_a_plain_one():
    @async_test
    async def test_it(tmp_path: Path) -> int:
        """What it shows."""
        await asyncio.sleep(0)
        return 7

    plain: Callable[..., int] = test_it
    assert not inspect.iscoroutinefunction(plain)
    assert plain(tmp_path=Path()) == 7
    assert list(inspect.signature(plain).parameters) == ["tmp_path"]
    assert (plain.__name__, plain.__doc__) == ("test_it", "What it shows.")
