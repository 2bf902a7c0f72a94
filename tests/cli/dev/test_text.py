"""The lines of `aerostack dev`, to the letter (interface §3)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.spans import Span
from aerostack_dev.cli.dev.console import Json
from aerostack_dev.cli.dev.text import Paint, Text, clean
from aerostack_dev.config.model import Finding
from aerostack_dev.runtime.host import Failure, Frame
from aerostack_dev.runtime.reloading import Reloaded
from aerostack_dev.runtime.trace import Invocation, Log

PLAIN = Text(Paint(colour=False))
COLOURED = Text(Paint(colour=True))


def invocation(kind, name, **fields) -> Invocation:
    given = {"duration": 0.0032, "outcome": "ok", **fields}
    return Invocation("session", 1, kind, name, 0, 0, **given)


def test_a_request():
    one = invocation("fetch", "GET /api/items", status=200)
    for binding in ("DB", "CACHE", "DB"):
        one.begin(Span(binding, "get", "", 0))
    assert PLAIN.invocation(one) == "GET /api/items 200 3.2 ms (DB 2 · CACHE 1)"


def test_a_request_whose_client_went_away():
    one = invocation("fetch", "GET /", outcome="canceled")
    assert PLAIN.invocation(one) == "GET / canceled 3.2 ms"


@pytest.mark.spec("queue 1.8.49")
def test_a_batch():
    one = invocation("queue", "default", duration=0.012, detail={"acked": 9, "total": 10})
    assert PLAIN.invocation(one) == "QUEUE default 9/10 12 ms"


def test_a_cron():
    one = invocation("scheduled", "0 * * * *", duration=0.041)
    assert PLAIN.invocation(one) == 'CRON "0 * * * *" ok 41 ms'


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00004, "0.0 ms"), (0.0099, "9.9 ms"), (9.9, "9900 ms"), (75, "75.0 s")]
)
def test_durations(seconds: float, text: str):
    assert PLAIN.invocation(invocation("scheduled", "x", duration=seconds)).endswith(f"ok {text}")


@pytest.mark.parametrize(("status", "colour"), [(200, 32), (302, 34), (404, 33), (500, 31)])
def test_a_status_has_the_colour_of_its_class(status: int, colour: int):
    line = COLOURED.invocation(invocation("fetch", "GET /", status=status))
    assert f"\x1b[{colour}m{status}\x1b[0m" in line


def test_what_the_author_prints_is_marked_with_its_invocation():
    one = invocation("queue", "default")
    assert PLAIN.log(Log("print", "hi", 0), one) == "QUEUE default │ hi"
    assert PLAIN.log(Log("print", "hi", 0), None) == "hi"
    assert "\x1b[33m" in COLOURED.log(Log("warning", "hi", 0), None)


def test_a_failure_shows_the_authors_lines_first():
    frames = (
        Frame("src/index.py", 12, "fetch", '    raise ValueError("boom")\n', own=True),
        Frame("lib/other.py", 3, "call", "x()", own=False, more=960),
    )
    assert PLAIN.failure(Failure("ValueError", "boom", frames, "")).splitlines() == [
        "  ValueError: boom",
        "    src/index.py:12 in fetch",
        '      raise ValueError("boom")',
        "    lib/other.py:3 in call",
        "    … 960 more frames of call",
    ]


def test_a_failure_without_a_message():
    assert PLAIN.failure(Failure("KeyboardInterrupt", "", (), "")) == "  KeyboardInterrupt"


def test_a_reload():
    assert PLAIN.reloaded(Reloaded(("src/index.py",), 23.4, None)) == (
        "Reloaded in 23 ms (src/index.py)"
    )
    many = Reloaded(("a", "b", "c", "d", "e"), 5.0, None)
    assert PLAIN.reloaded(many) == "Reloaded in 5.0 ms (a, b, c and 2 more)"
    failed = Reloaded(("a",), 5.0, Failure("SyntaxError", "no", (), ""))
    assert PLAIN.reloaded(failed) == "Reload failed (a)"


def test_a_finding():
    finding = Finding("unknown-key", "unknown key `nmae`", "aerostack.toml:1", "remove it")
    assert PLAIN.finding(finding) == (
        "warning: aerostack.toml:1: unknown key `nmae`\n  hint: remove it"
    )
    assert PLAIN.finding(Finding("config", "broken")) == "error: broken"


@given(st.text())
def test_a_request_cannot_move_the_cursor_or_forge_a_line(path: str):
    line = PLAIN.invocation(invocation("fetch", f"GET /{path}", status=200))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    line.encode()


def test_an_error_message_keeps_its_lines_but_no_escapes():
    assert clean("a\n\x1b[2Jb", keep_lines=True) == "a\n\\x1b[2Jb"


def test_calls_of_services_say_who_was_called():
    outer = invocation("fetch", "GET /")
    called = invocation("rpc", "verify", service="auth", parent=outer)
    assert PLAIN.invocation(called) == "↳ auth verify() ok 3.2 ms"
    back = invocation("rpc", "total", parent=called)
    assert PLAIN.invocation(back) == "↳ total() ok 3.2 ms"
    own = invocation("fetch", "GET /x", service="auth", status=200)
    assert PLAIN.invocation(own) == "auth GET /x 200 3.2 ms"
    assert PLAIN.log(Log("print", "hi", 0), called) == "auth verify │ hi"
    assert json.loads(Json().invocation(called)) | {"time": ""} == {
        "event": "rpc", "id": "session-000001", "name": "verify", "time": "", "outcome": "ok",
        "status": None, "durationMs": 3.2, "calls": {}, "service": "auth",
        "parent": "session-000001",
    }  # fmt: skip
