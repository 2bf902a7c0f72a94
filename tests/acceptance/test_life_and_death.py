"""How the process starts, refuses to, ends, and what a sudden death leaves behind."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.support.server import PATIENCE, aerostack, serving, write_project

HELLO = "from workers import Response\nasync def fetch(request): return Response('hello')\n"
SLOW = """
import asyncio
from workers import Response

async def fetch(request):
    print("begun")
    await asyncio.sleep(%s)
    return Response("done")
"""


def test_it_says_ready_and_answers(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": HELLO}) as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", server.url)
        assert server.get("/").text == "hello"


def test_it_answers_on_both_loopback_addresses_only(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": HELLO}) as server:
        port = httpx.URL(server.url).port
        assert httpx.get(f"http://[::1]:{port}/").text == "hello"
        with socket.socket() as outside, pytest.raises(OSError, match="refused"):
            outside.connect(("127.0.0.2", port))


def test_a_busy_default_port_moves_on_and_says_so(tmp_path: Path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        files = {"aerostack.toml": f"[dev]\nport = {port}\n", "src/index.py": HELLO}
        with serving(tmp_path, files, port=None) as server:
            assert httpx.URL(server.url).port != port
            assert "is busy" in server.output
        with serving(tmp_path, files, "--log-format", "json", port=None) as server:
            assert '"code":"port-busy"' in server.output


def test_a_busy_explicit_port_is_one_line(tmp_path: Path):
    write_project(tmp_path, {"aerostack.toml": "", "src/index.py": HELLO})
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        done = aerostack("dev", "--port", str(busy.getsockname()[1]), cwd=tmp_path)
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals):
    with serving(tmp_path, {"src/index.py": HELLO}) as server:
        server.get("/")
        assert server.stop(number) == 0
        assert not (tmp_path / ".aerostack/dev.json").exists()
        assert "Traceback" not in server.output


def test_a_request_under_way_is_finished_first(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": SLOW % 0.5}) as server:
        answers: list[str] = []
        thread = threading.Thread(target=lambda: answers.append(server.get("/").text))
        thread.start()
        server.until("begun")
        assert server.stop() == 0
        thread.join(PATIENCE)
        assert answers == ["done"]


def test_a_second_ctrl_c_leaves_at_once_and_nothing_behind(tmp_path: Path):
    (tmp_path / "temporary").mkdir()
    place = {"TMPDIR": str(tmp_path / "temporary")}
    with serving(tmp_path, {"src/index.py": SLOW % 60}, "--ephemeral", env=place) as server:
        (state,) = (tmp_path / "temporary").iterdir()
        assert (state / "dev.json").exists()
        client = threading.Thread(target=_tolerant, args=(server.url,), daemon=True)
        client.start()
        server.until("begun")
        started = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two signals at the very same moment would be one
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 130
        assert time.monotonic() - started < 4
    assert not (tmp_path / ".aerostack/dev.json").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


ENDLESS = """
from workers import Response

async def fetch(request):
    print("begun")
    while True:
        pass
"""


def test_a_second_ctrl_c_leaves_an_endless_loop(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": ENDLESS}, "--no-reload") as server:
        client = threading.Thread(target=_tolerant, args=(server.url,), daemon=True)
        client.start()
        said = server.until("stood still")  # written although the loop does not move
        assert "src/index.py" in said
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 130
    assert not (tmp_path / ".aerostack/dev.json").exists()


EXITING = """
import asyncio
from workers import Response

async def leave(how):
    raise how

async def fetch(request, env, ctx):
    how = {"exit": SystemExit, "ctrl-c": KeyboardInterrupt}.get(request.url.split("/")[-1])
    if how and request.method == "POST":
        raise how
    if how:
        asyncio.create_task(leave(how))
        ctx.wait_until(leave(how))
    return Response("hello")
"""


def test_what_ends_other_processes_does_not_end_the_server(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": EXITING}) as server:
        for path, name in (("/exit", "SystemExit"), ("/ctrl-c", "KeyboardInterrupt")):
            for _ in range(2):
                assert server.get(path).text == "hello"
                server.until(f"Uncaught {name}")
            answer = server.post(path)
            assert (answer.status_code, answer.json()["error"]) == (500, name)
            assert "src/index.py" in answer.json()["stack"]
        assert server.get("/").text == "hello"
        assert server.stop() == 0


def _tolerant(url: str) -> None:
    try:
        httpx.get(url, timeout=PATIENCE)
    except httpx.HTTPError:
        return


def test_two_servers_do_not_share_a_state(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": HELLO}) as server:
        done = aerostack("dev", "--port", "0", cwd=tmp_path)
        assert done.returncode == 1
        assert f"process {server.process.pid}" in done.stderr
        assert server.get("/").text == "hello"


def test_a_killed_server_leaves_nothing_that_stops_the_next(tmp_path: Path):
    with serving(tmp_path, {"src/index.py": HELLO}) as server:
        server.kill()
    assert (tmp_path / ".aerostack/dev.json").exists()
    assert aerostack("cache", "list", cwd=tmp_path).returncode == 0
    with serving(tmp_path) as server:
        assert server.get("/").text == "hello"


QUEUE = """
import pathlib
from workers import Response

async def fetch(request, env):
    if request.method == "POST":
        await env.QUEUE.sendBatch([{"body": n} for n in await request.json()])
        return Response("sent")
    return Response(str(SEEN.stat().st_size if SEEN.exists() else 0))

SEEN = pathlib.Path(__file__).parent.parent / "seen.txt"

async def queue(batch, env):
    with SEEN.open("a") as file:
        file.writelines(f"{message.body}\\n" for message in batch.messages)
"""


def test_kill_9_in_the_middle_of_a_thousand_messages_loses_none(tmp_path: Path):
    config = "[[queues.consumers]]\nqueue = 'default'\nmax_batch_size = 7\nmax_batch_timeout = 0\n"
    files = {"aerostack.toml": config, "src/index.py": QUEUE}
    seen = tmp_path / "seen.txt"
    with serving(tmp_path, files, "--log-level", "warning") as server:
        for first in range(0, 1000, 100):
            assert server.post("/", json=list(range(first, first + 100))).text == "sent"
        server.kill()
    with serving(tmp_path, files, "--log-level", "warning") as server:

        def all_there(_: httpx.Response) -> bool:
            return seen.exists() and set(seen.read_text().split()) == {str(n) for n in range(1000)}

        server.eventually("/", all_there)


def test_json_logs_are_json_lines(tmp_path: Path):
    code = HELLO.replace("async def", "import logging\nasync def").replace(
        "return", "logging.info('seen'); return"
    )
    with serving(tmp_path, {"src/index.py": code}, "--log-format", "json") as server:
        server.get("/")
        server.until('"event":"fetch"')
        server.stop()
        events = [json.loads(line) for line in server.lines]
    kinds = [event["event"] for event in events]
    assert {"start", "ready", "fetch", "log"} <= set(kinds)
    fetch = events[kinds.index("fetch")]
    assert (fetch["name"], fetch["status"], fetch["outcome"]) == ("GET /", 200, "ok")
    assert events[kinds.index("log")]["invocation"] == fetch["id"]


def test_one_ctrl_c_that_arrives_twice_is_one(tmp_path: Path):
    """As under `npm run` or `timeout`: from the terminal, and passed on by the wrapper."""
    with serving(tmp_path, {"src/index.py": SLOW % 0.5}) as server:
        answers: list[str] = []
        thread = threading.Thread(target=lambda: answers.append(server.get("/").text))
        thread.start()
        server.until("begun")
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        thread.join(PATIENCE)
        assert answers == ["done"]
        assert not (tmp_path / ".aerostack/dev.json").exists()


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_what_the_terminal_cannot_show_is_escaped(tmp_path: Path, encoding: str):
    code = HELLO.replace("return", "print('a\\ud800b \u2603'); return")
    with serving(tmp_path, {"src/index.py": code}, env={"PYTHONIOENCODING": encoding}) as server:
        assert server.get("/").text == "hello"
        assert "a\\ud800b" in server.until("a\\ud800b")
        server.until("GET / 200")
        assert "Traceback" not in server.output
