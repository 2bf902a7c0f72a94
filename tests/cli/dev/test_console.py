"""The console: levels, JSON lines, and lines from other threads."""

from __future__ import annotations

import asyncio
import io
import json
import threading

from aerostack_dev.cli.dev.console import Console, Json
from aerostack_dev.cli.dev.text import Paint, Text
from aerostack_dev.clock import MovableClock
from aerostack_dev.config.model import Finding
from aerostack_dev.runtime.host import Failure
from aerostack_dev.runtime.reloading import Reloaded
from aerostack_dev.runtime.trace import Invocation, Log

FAILURE = Failure("ValueError", "boom", (), "ValueError: boom")
FAILED = Reloaded(("a.py",), 1.0, FAILURE)


def invocation(**fields) -> Invocation:
    return Invocation("session", 1, "fetch", "GET /", 0, 0, duration=0.001, outcome="ok", **fields)


def everything(console: Console) -> None:
    console.invocation(invocation(status=200))
    console.invocation(invocation(status=500, failure=FAILURE))
    console.log(Log("print", "printed", 0), None)
    console.log(Log("debug", "debugged", 0), None)
    console.log(Log("warning", "careful", 0), invocation())
    console.log(Log("critical", "worse", 0), None)
    console.finding(Finding("unknown-key", "odd", "aerostack.toml"))
    console.finding(Finding("config", "broken"))
    console.blocked("src/index.py", 7, 0.3)
    console.reloaded(Reloaded(("a.py",), 1.0, None))
    console.reloaded(FAILED)
    console.failure(FAILURE)
    console.ready("http://127.0.0.1:1")
    console.say("said")
    console.clear()


def written(form, level) -> str:
    async def write() -> str:
        out = io.StringIO()
        console = Console(
            out, form, level, lambda text: text.replace("boom", "***"), MovableClock()
        )
        everything(console)
        assert out.getvalue() == ""  # one write per turn of the loop
        await asyncio.sleep(0)
        return out.getvalue()

    return asyncio.run(write())


def test_each_level_shows_itself_and_what_is_above():
    shown = {level: written(Text(Paint(colour=False)), level) for level in LEVELS}
    assert "debugged" in shown["debug"]
    assert "debugged" not in shown["info"]
    assert "GET / 200" in shown["info"]
    assert "printed" in shown["info"]
    assert "GET / 200" not in shown["warning"]
    assert "careful" in shown["warning"]
    assert "src/index.py:7: the event loop stood still for 300 ms" in shown["warning"]
    assert "careful" not in shown["error"]
    for text in shown.values():
        assert "GET / 500" in text
        assert "worse" in text
        assert "error: broken" in text
        assert "Reload failed" in text
        assert "Ready on http://127.0.0.1:1" in text
        assert "boom" not in text


LEVELS = ("debug", "info", "warning", "error")


def test_json_is_one_object_a_line():
    events = [json.loads(line) for line in written(Json(), "info").splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds.count("fetch") == 2
    assert {"log", "finding", "reload", "error", "ready", "message", "cleared"} <= set(kinds)
    assert events[kinds.index("reload")] == {
        "event": "reload",
        "changed": ["a.py"],
        "durationMs": 1.0,
        "ok": True,
    }


async def test_a_line_from_another_thread_arrives():
    out = io.StringIO()
    console = Console(out, Text(Paint(colour=False)), "info", str, MovableClock())
    thread = threading.Thread(target=console.log, args=(Log("print", "from afar", 0), None))
    thread.start()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)
    assert out.getvalue() == "from afar\n"


async def test_a_loop_that_stands_still_is_said_at_once_from_another_thread():
    out = io.StringIO()
    console = Console(out, Json(), "warning", str, MovableClock())
    thread = threading.Thread(target=console.stuck, args=("src/index.py", 7, 5.2))
    thread.start()
    thread.join()
    said = json.loads(out.getvalue())
    assert (said["code"], said["where"]) == ("stuck", "src/index.py:7")


def test_a_failure_shows_its_hint():
    failure = Failure("ImportError", "no", (), "", hint="install it")
    assert Text(Paint(colour=False)).failure(failure).endswith("\n  hint: install it")
    assert json.loads(Json().failure(failure))["hint"] == "install it"
