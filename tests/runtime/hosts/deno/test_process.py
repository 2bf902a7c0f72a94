"""A real `aerostack dev` with a TypeScript function: its start, its packages, its debugger."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.server import PATIENCE, aerostack, serving

from . import worldly

FIRST_ANSWER_SECONDS = 1.0
"""From the start of the command to the first answer, on a quiet machine."""


def test_a_function_of_years_ago_runs_as_it_is(tmp_path):
    files = worldly.files()
    own = [text for name, text in files.items() if name.startswith("src/")]
    assert sum(len(text.splitlines()) for text in own) > 1500
    with serving(tmp_path, files):
        pass  # what the first start ever compiles is kept
    started = time.perf_counter()
    with serving(tmp_path) as server:
        assert server.get("/version").json() == {"version": "2.4.1"}
        taken = time.perf_counter() - started
        assert "EUR" in server.get("/").text
        made = server.post("/products", json={"name": "A Red Hat", "price": "12.5"})
        assert (made.status_code, made.json()["id"]) == (201, "a-red-hat")
        for _ in range(2):
            assert server.get("/products/a-red-hat").json()["price"] == 12.5
        changed = server.request("PUT", "/products/a-red-hat", json={"price": 10})
        assert changed.json()["name"] == "A Red Hat"
        assert server.get("/campaigns?limit=x").json() == {"error": "limit must be a number"}
        assert server.request("DELETE", "/products/a-red-hat").status_code == 204
        assert server.get("/nowhere").json() == {"error": "nothing here"}
        assert server.output.count("Reloaded") == 0
    if os.getloadavg()[0] < (os.cpu_count() or 1):
        assert taken < FIRST_ANSWER_SECONDS


PACKAGED = {
    "aerostack.toml": 'main = "index.ts"\n',
    "index.ts": 'import { word } from "tiny";\n'
    "export default { fetch: () => new Response(word) };\n",
    "package.json": '{"name": "p", "dependencies": {"tiny": "file:./tiny"}}',
    "tiny/package.json": '{"name": "tiny", "version": "1.0.0", "type": "module", '
    '"main": "index.js", "scripts": {"postinstall": "touch ran"}}',
    "tiny/index.js": 'export const word = "one";\n',
}


def test_packages_that_appear_are_found(tmp_path):
    with serving(tmp_path, PACKAGED) as server:
        failed = server.get("/")
        assert failed.status_code == 500
        assert failed.json()["hint"] == (
            "package.json names it, and nothing is installed: npm install, or aerostack "
            "dev --install"
        )
        # As npm does it: the package, and at the end a list of all.
        shutil.copytree(tmp_path / "tiny", tmp_path / "node_modules" / "tiny")
        (tmp_path / "node_modules" / ".package-lock.json").write_text("{}")
        server.eventually("/", lambda answer: answer.text == "one")
        (tmp_path / "node_modules" / "tiny" / "index.js").write_text('export const word = "two";')
        (tmp_path / "node_modules" / ".package-lock.json").write_text("{ }")
        server.eventually("/", lambda answer: answer.text == "two")


def test_packages_are_installed_on_request(tmp_path):
    with serving(tmp_path, PACKAGED, "--install") as server:
        assert server.get("/").text == "one"
        assert not (tmp_path / "deno.lock").exists()
        assert not (tmp_path / "tiny" / "ran").exists()


def test_what_cannot_be_installed(tmp_path):
    (tmp_path / "aerostack.toml").write_text('main = "index.ts"\n')
    (tmp_path / "index.ts").write_text("export default {}")
    (tmp_path / "package.json").write_text("{")
    failed = aerostack("dev", "--install", cwd=tmp_path)
    assert failed.returncode == 1
    assert "the packages of package.json could not be installed" in failed.stderr
    (tmp_path / "package.json").unlink()
    failed = aerostack("dev", "--install", cwd=tmp_path)
    assert failed.returncode == 1
    assert "--install found no package.json" in failed.stderr


def test_the_process_ends_with_a_server_that_is_killed(tmp_path):
    files = {
        "aerostack.toml": 'main = "index.ts"\n',
        "index.ts": """
            export default { fetch(request: Request) {
              if (request.url.endsWith("/pid")) return Response.json(Number(Deno.pid));
              while (true) {}
            } };
        """,
    }
    with serving(tmp_path, files) as server:
        child = server.get("/pid").json()
        loop = threading.Thread(target=ask_in_vain, args=(server, "/loop"))
        loop.start()
        deadline = time.monotonic() + PATIENCE
        while busy(child) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGKILL)
        while alive(child):
            assert time.monotonic() < deadline, "the process goes on"
            time.sleep(0.02)
        loop.join(PATIENCE)


def ask_in_vain(server, path: str) -> None:
    with suppress(httpx.HTTPError):
        server.get(path)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def busy(pid: int) -> int:
    """How many hundredths of a second a process has computed."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


# The debugger


class Debugger:
    """A client of the protocol that Chrome and VS Code speak."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                    (target,) = json.load(answer)
                break
            except (OSError, ValueError):  # nobody listens yet, or has no target yet
                assert time.monotonic() < deadline, "there is nothing to debug"
                time.sleep(0.05)
        url = target["webSocketDebuggerUrl"]
        self.socket = stack.enter_context(connect(url, max_size=None))
        self.events: list[dict] = []
        self._ids = itertools.count(1)

    def call(self, method: str, **params: object) -> dict:
        number = next(self._ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        return self.until(lambda message: message.get("id") == number)["result"]

    def event(self, method: str, wanted=lambda params: True) -> dict:
        for message in self.events:
            if message.get("method") == method and wanted(message["params"]):
                self.events.remove(message)
                return message["params"]
        found = self.until(lambda m: m.get("method") == method and wanted(m["params"]))
        return found["params"]

    def until(self, wanted) -> dict:
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE))
            if wanted(message):
                return message
            self.events.append(message)


def lines_of(script_map: str) -> list[int | None]:
    """Which line of the source each line of the compiled code begins in, both from 0."""
    data = json.loads(base64.b64decode(script_map.partition("base64,")[2]))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    line, found = 0, []
    for group in data["mappings"].split(";"):
        first: int | None = None
        for segment in filter(None, group.split(",")):
            fields, value, shift = [], 0, 0
            for digit in map(alphabet.index, segment):
                value += (digit & 31) << shift
                shift += 5
                if not digit & 32:
                    fields.append(-(value >> 1) if value & 1 else value >> 1)
                    value, shift = 0, 0
            line += fields[2] if len(fields) > 2 else 0
            first = line if first is None else first
        found.append(first)
    return found


DEBUGGED = """\
interface Asked {
  name: string;
}

export default {
  async fetch(request: Request): Promise<Response> {
    const asked: Asked = { name: new URL(request.url).pathname };
    const answer = `one ${asked.name}`; // here
    return new Response(answer);
  },
};
"""


@contextmanager
def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def test_a_debugger_survives_reloads(tmp_path):
    with free_port() as port:
        pass
    files = {"aerostack.toml": 'main = "index.ts"\n', "index.ts": DEBUGGED}
    options = ("--inspect", str(port))
    with ExitStack() as stack, serving(tmp_path, files, *options, measured=True) as server:
        assert f"debugger  127.0.0.1:{port} (chrome://inspect" in server.output
        first = debugged(server, Debugger(port, stack), "one")
        server.save("index.ts", DEBUGGED.replace("one ", "two "))
        server.until("Reloaded in")
        with pytest.raises(ConnectionClosed):
            while True:
                first.socket.recv(timeout=PATIENCE)
        second = debugged(server, Debugger(port, stack), "two")
        second.socket.close()
        assert server.get("/c").text == "two /c"
        taken = aerostack("dev", "--inspect", str(port), "--port", "0", cwd=tmp_path)
        assert taken.returncode == 1
        assert str(port) in taken.stderr


def debugged(server, debugger: Debugger, word: str) -> Debugger:
    """Stop at the line marked `here`, look at a value, go on."""
    url = (server.root / "index.ts").as_uri()
    debugger.call("Debugger.enable")
    script = debugger.event("Debugger.scriptParsed", lambda each: each["url"] == url)
    compiled = debugger.call("Debugger.getScriptSource", scriptId=script["scriptId"])
    line = next(
        at for at, text in enumerate(compiled["scriptSource"].splitlines()) if "// here" in text
    )
    original = DEBUGGED.splitlines().index("    const answer = `one ${asked.name}`; // here")
    assert lines_of(script["sourceMapURL"])[line] == original
    place = debugger.call("Debugger.setBreakpointByUrl", url=url, lineNumber=line)
    assert place["locations"]
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(server.get("/b").text))
    asking.start()
    paused = debugger.event("Debugger.paused")
    frame = paused["callFrames"][0]
    assert frame["location"]["lineNumber"] == line
    seen = debugger.call(
        "Debugger.evaluateOnCallFrame",
        callFrameId=frame["callFrameId"],
        expression="asked.name",
    )
    assert seen["result"]["value"] == "/b"
    debugger.call("Debugger.resume")
    asking.join(PATIENCE)
    assert answers == [f"{word} /b"]
    return debugger
