"""`--inspect` with a function in Python: an editor attaches, and stays over reloads."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from tests.support.dap import Debugger
from tests.support.server import PATIENCE, Server, aerostack, serving, write_project

FUNCTION = """from workers import Response

async def fetch(request, env):
    word = "one"
    number = len(word)
    return Response(f"{word} {number}")

def later(): ...
"""
PLAIN = """from workers import Response

def fetch(request, env):
    if request.url.endswith("/asked"):
        word = "asked"
        breakpoint()
        return Response(word)
    word = "two"
    return Response(f"{word} in a thread")
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("inspected")
    toml = "[dev]\nrequest_timeout = 0.05\n"
    with serving(
        root, {"aerostack.toml": toml, "index.py": FUNCTION}, "--inspect", str(port)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def debugger(server: Server, port: int) -> Iterator[Debugger]:
    found = Debugger(port)
    found.attach()
    yield found
    found.close()


def asked(server: Server, path: str) -> Future[httpx.Response]:
    """A request that waits for its answer."""
    answer: Future[httpx.Response] = Future()

    def ask() -> None:
        answer.set_result(server.get(path))

    threading.Thread(target=ask, daemon=True).start()
    return answer


def test_the_port_is_said_once(server: Server, port: int):
    server.until(lambda line: True) if not server.lines else None
    said = [line for line in server.lines if "debugger" in line]
    assert said == [f"  debugger  127.0.0.1:{port} (attach an editor)\n"]


def test_a_breakpoint_stops_a_request_and_a_reload_keeps_it(server: Server, debugger: Debugger):
    file = server.root / "index.py"
    debugger.break_at(file, 5)
    answer = asked(server, "/")
    thread, line = debugger.stopped()
    assert (line, debugger.evaluate("word")) == (5, "'one'")
    debugger.evaluate("locals().update() or word.upper()")
    debugger.go_on(thread)
    assert answer.result(PATIENCE).text == "one 3"

    server.save("index.py", FUNCTION.replace('"one"', '"three"'))
    server.until("Reloaded in")
    answer = asked(server, "/")
    thread, line = debugger.stopped()
    assert (line, debugger.evaluate("word")) == (5, "'three'")
    debugger.go_on(thread)
    assert answer.result(PATIENCE).text == "three 5"
    debugger.break_at(file)
    assert server.get("/").text == "three 5"


def test_breakpoint_stops_in_the_editor_and_threads_stop_too(server: Server, debugger: Debugger):
    server.save("index.py", PLAIN)
    server.until("Reloaded in")
    answer = asked(server, "/asked")
    thread, line = debugger.stopped()
    assert line in (6, 7)
    assert debugger.evaluate("word") == "'asked'"
    debugger.go_on(thread)
    assert answer.result(PATIENCE).text == "asked"

    debugger.break_at(server.root / "index.py", 9)
    answer = asked(server, "/")
    thread, line = debugger.stopped()
    assert (line, debugger.evaluate("word")) == (9, "'two'")
    debugger.go_on(thread)
    assert answer.result(PATIENCE).text == "two in a thread"
    debugger.break_at(server.root / "index.py")
    assert "stood still" not in server.output
    assert "frozen modules" not in server.output


def test_a_port_that_is_busy_is_refused(server: Server, port: int, tmp_path: Path):
    write_project(tmp_path, {"aerostack.toml": "", "index.py": FUNCTION})
    done = aerostack("dev", "--port", "0", "--inspect", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_without_debugpy_a_command_is_told(tmp_path: Path):
    write_project(tmp_path, {"aerostack.toml": "", "index.py": FUNCTION})
    code = (
        "import sys; sys.modules['debugpy'] = None; sys.argv = ['aerostack', 'dev', '--inspect'];"
        "from aerostack_dev.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--inspect needs debugpy" in done.stderr
    assert 'pip install "aerostack-dev[debug]"' in done.stderr
    assert "Traceback" not in done.stderr
