"""The main job, end to end: a real process, real HTTP, real files."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.server import aerostack, serving

EVERYTHING = {
    "aerostack.toml": """
name = "everything"
env = ["TOKEN"]

[vars]
GREETING = "hello"

[triggers]
crons = ["0 9 * * MON"]

[[queues.consumers]]
queue = "default"
max_batch_timeout = 0
""",
    ".dev.vars": "TOKEN=super-secret-token\n",
    "src/index.py": """
import json
from workers import Response

async def fetch(request, env, ctx):
    path = request.url.split("?")[0].rsplit("/", 1)[-1]
    if path == "vars":
        return Response.json({"greeting": env.GREETING, "token": len(env.TOKEN)})
    if path == "leak":
        print("the token is", env.TOKEN)
        raise ValueError(f"bad token {env.TOKEN}")
    if path == "db":
        await env.DB.exec("CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY, what TEXT)")
        await env.DB.prepare("INSERT INTO seen (what) VALUES (?)").bind("x").run()
        row = await env.DB.prepare("SELECT count(*) AS n FROM seen").first()
        return Response.json(row)
    if path == "cache":
        n = int(await env.CACHE.get("n") or 0) + 1
        await env.CACHE.put("n", str(n), {"expirationTtl": 60})
        return Response.json({"n": n})
    if path == "send":
        await env.QUEUE.send(await request.json())
        return Response("sent")
    if path == "received":
        return Response(await env.CACHE.get("received") or "[]")
    return Response("not found", status=404)

async def queue(batch, env, ctx):
    received = json.loads(await env.CACHE.get("received") or "[]")
    received += [message.body for message in batch.messages]
    await env.CACHE.put("received", json.dumps(received))

async def scheduled(event, env, ctx):
    await env.CACHE.put("received", json.dumps([event.cron, event.scheduledTime]))
""",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("everything"), EVERYTHING, measured=True) as running:
        yield running


def test_variables_and_secrets_reach_the_function(server):
    assert server.get("/vars").json() == {"greeting": "hello", "token": 18}


def test_a_database_keeps_rows(server):
    first = server.get("/db").json()["n"]
    assert server.get("/db").json()["n"] == first + 1


def test_a_cache_keeps_values(server):
    first = server.get("/cache").json()["n"]
    assert server.get("/cache").json()["n"] == first + 1


def test_a_message_reaches_the_queue_handler_in_the_background(server):
    assert server.post("/send", json={"to": "Ada"}).text == "sent"
    server.eventually("/received", lambda answer: {"to": "Ada"} in answer.json())
    server.until("QUEUE default 1/1")


def test_a_cron_is_fired_by_hand(server):
    answer = server.get("/cdn-cgi/local/scheduled?time=1700000000000&format=json")
    assert answer.json() == {"outcome": "ok", "noRetry": False}
    assert server.get("/received").json() == ["0 9 * * MON", 1700000000000]
    server.until('CRON "0 9 * * MON" ok')


def test_the_command_line_sees_the_running_server(server):
    done = aerostack("cache", "put", "from-outside", "42", cwd=server.root)
    assert done.returncode == 0, done.stderr
    assert aerostack("cache", "get", "from-outside", cwd=server.root).stdout == "42"
    listed = json.loads(aerostack("cron", "list", "--json", cwd=server.root).stdout)
    assert listed[0]["cron"] == "0 9 * * MON"
    assert len(listed[0]["next"]) == 3


def test_secrets_are_redacted_everywhere(server):
    page = server.get("/leak", headers={"Accept": "text/html"})
    assert page.status_code == 500
    line = server.until("the token is")
    assert "[redacted:TOKEN]" in line
    assert "super-secret-token" not in page.text + server.output
    api = server.access
    listed = json.dumps(_control(api, "/api/invocations"))
    assert "super-secret-token" not in listed


def test_the_state_is_private(server):
    for name, mode in ((".aerostack/state", 0o700), (".aerostack/dev.json", 0o600)):
        assert stat.S_IMODE((server.root / name).stat().st_mode) == mode


def test_fifty_concurrent_clients_get_fifty_right_answers(server):
    before = server.get("/db").json()["n"]
    with ThreadPoolExecutor(50) as pool:
        counts = list(pool.map(lambda _: server.get("/db").json()["n"], range(50)))
    assert sorted(counts)[-1] == before + 50


def _control(access: dict[str, str], path: str):
    import httpx

    headers = {"Authorization": f"Bearer {access['token']}"}
    return httpx.get(access["control_url"] + path, headers=headers).json()


def test_the_state_survives_a_restart(tmp_path: Path):
    for expected in (1, 2):
        with serving(tmp_path, EVERYTHING) as running:
            assert running.get("/db").json() == {"n": expected}
            assert running.get("/cache").json() == {"n": expected}


def test_ephemeral_state_does_not(tmp_path: Path):
    for _ in range(2):
        with serving(tmp_path, EVERYTHING, "--ephemeral") as running:
            assert running.get("/db").json() == {"n": 1}
    assert not (tmp_path / ".aerostack/state").exists()
