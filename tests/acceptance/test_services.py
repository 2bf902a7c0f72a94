"""`[[services]]` in a real server: ports, paths, reloads, what is said and shown."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import PATIENCE, Server, aerostack, serving, write_project

CONFIGURATION = """
name = "shop"
main = "src/index.py"

[[services]]
name = "auth"
main = "services/auth.py"

[[services]]
name = "blog"
main = "services/blog.py"
path = "/blog"
"""
MAIN = """
from workers import Response

async def fetch(request, env):
    return Response(f"main {await env.AUTH.who('ann')}")
"""
AUTH = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"auth at {request.url}")

    async def who(self, name):
        print("asked for", name)
        return name.upper()
"""
BLOG = """
from workers import Response

async def fetch(request, env):
    return Response("blog")
"""
FILES = {
    "aerostack.toml": CONFIGURATION,
    "src/index.py": MAIN,
    "services/auth.py": AUTH,
    "services/blog.py": BLOG,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("services"), FILES, measured=True) as running:
        yield running


def url_of(server: Server, service: str) -> str:
    """What the banner says."""
    found = re.search(rf"^  {service} .*(http://\S+)$", server.output, re.MULTILINE)
    assert found is not None, server.output
    return found[1]


def test_the_banner_and_both_ways_in(server: Server):
    auth = url_of(server, "auth")
    port = int(server.url.rpartition(":")[2])
    assert int(auth.rpartition(":")[2]) > port
    assert httpx.get(f"{auth}/x?y", timeout=PATIENCE).text == f"auth at {auth}/x?y"
    server.until("auth GET /x 200")
    assert url_of(server, "blog") == f"{server.url}/blog"
    assert server.get("/blog/first").text == "blog"
    server.until("blog GET /blog/first 200")
    assert "env.BLOG" in server.output


def test_a_foreign_host_is_refused_there_too(server: Server):
    answer = httpx.get(url_of(server, "auth"), headers={"host": "evil.example"}, timeout=PATIENCE)
    assert answer.status_code == 403


def test_a_call_has_a_line_of_its_own_and_counts_in_its_callers(server: Server):
    assert server.get("/").text == "main ANN"
    server.until(lambda line: line == "auth who │ asked for ann\n")
    server.until(lambda line: line.startswith("↳ auth who() ok "))
    server.until(lambda line: line.startswith("GET / 200") and "(AUTH 1)" in line)


def test_the_control_api_links_them(server: Server):
    server.get("/")
    access = server.access
    headers = {"authorization": f"Bearer {access['token']}"}
    address = access["control_url"]
    recent = httpx.get(f"{address}/api/invocations?limit=2", headers=headers).json()
    caller, called = recent["invocations"] if isinstance(recent, dict) else recent
    assert (called["kind"], called["service"], called["parent"]) == ("rpc", "auth", caller["id"])
    assert (caller["service"], caller["parent"]) == (None, None)
    status = httpx.get(f"{address}/api/status", headers=headers).json()
    assert status["services"] == [
        {"name": "auth", "handlers": ["fetch"], "failure": None},
        {"name": "blog", "handlers": ["fetch"], "failure": None},
    ]


def test_a_service_that_does_not_load_leaves_the_others_alone(server: Server):
    server.save("services/auth.py", "import nowhere\n")
    server.until("Reload failed")
    server.until("No module named 'nowhere'")
    assert server.get("/blog").text == "blog"
    broken = httpx.get(url_of(server, "auth"), timeout=PATIENCE)
    assert (broken.status_code, broken.json()["error"]) == (500, "ModuleNotFoundError")
    failed = server.get("/")
    assert failed.status_code == 500
    assert "the function 'auth' cannot be loaded: ModuleNotFoundError" in failed.json()["message"]
    assert "src/index.py" in failed.json()["stack"]

    server.save("services/auth.py", AUTH.replace("upper", "title"))
    server.until("Reloaded in")
    assert server.get("/").text == "main Ann"


def test_another_port_needs_another_start(server: Server):
    server.save("services/auth.py", AUTH.replace("upper", "title"))
    server.eventually("/", lambda answer: answer.text == "main Ann")
    server.save("services/more.py", BLOG)
    more = '[[services]]\nname = "more"\nmain = "services/more.py"\n'
    server.save("aerostack.toml", f"{CONFIGURATION}\n{more}")
    server.until("opened when the server is started again")
    server.until("Reloaded in")
    assert server.get("/").text == "main Ann"


def test_a_service_and_the_configuration_saved_together_are_both_in_force(server: Server):
    for verb, name in (("title", "Ann"), ("upper", "ANN"), ("lower", "ann")):
        code = AUTH.replace("name.upper()", f"name.{verb}() + self.env.VERB")
        server.save("services/auth.py", code)
        server.save("aerostack.toml", f'{CONFIGURATION}\n[vars]\nVERB = "{verb}"\n')
        server.eventually("/", lambda answer, text=f"main {name}{verb}": answer.text == text)


def test_check_loads_them_too(tmp_path: Path):
    write_project(tmp_path, {**FILES, "services/blog.py": "import nowhere\n"})
    done = aerostack("check", cwd=tmp_path)
    assert done.returncode == 1
    assert "No module named 'nowhere'" in done.stdout
    assert "1 error" in done.stdout


def test_a_declared_port_that_is_busy_is_an_error(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = CONFIGURATION.replace('name = "auth"', f'name = "auth"\nport = {port}')
        write_project(tmp_path, {**FILES, "aerostack.toml": text})
        done = aerostack("dev", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr
