"""The control API, by ASGI messages."""

from __future__ import annotations

import datetime
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from aerostack_dev import wire
from aerostack_dev.bindings.spans import Span
from aerostack_dev.errors import BindingError
from aerostack_dev.runtime.host import LoadError
from aerostack_dev.runtime.trace import Log
from aerostack_dev.server import control_routes
from aerostack_dev.server.control import ControlApp
from aerostack_dev.version import __version__

from .fakes import PORT, Answer, FakeCron, FakeRun, FakeRuntime, ask, failure

TOKEN = "the-token"
AUTHORIZED = (b"authorization", b"Bearer the-token")
JSON = (b"content-type", b"application/json")


def control_of(runtime: FakeRuntime, **options: Any) -> ControlApp:
    return ControlApp(
        runtime, port=PORT, url="http://127.0.0.1:1", token=TOKEN, clock=runtime.clock, **options
    )


async def get(app: ControlApp, target: str) -> Answer:
    return await ask(app, target, headers=[AUTHORIZED])


async def post(app: ControlApp, target: str, body: Any) -> Answer:
    raw = body if isinstance(body, bytes) else wire.pack(body)
    return await ask(app, target, method="POST", body=raw, headers=[AUTHORIZED, JSON])


async def invoke(app: ControlApp, operation: str, *arguments: Any) -> Answer:
    body = {"target": "CACHE", "operation": operation, "arguments": list(arguments)}
    return await post(app, "/api/invoke", body)


async def test_status(runtime: FakeRuntime) -> None:
    runtime.crons = [FakeCron("0 9 * * *"), FakeCron("0 0 30 2 *", None)]
    answer = await get(
        control_of(runtime, where=lambda bound: f"at {bound.location}"), "/api/status"
    )
    assert answer.status == 200
    assert answer.json == {
        "name": "demo",
        "version": __version__,
        "pid": os.getpid(),
        "environment": None,
        "url": "http://127.0.0.1:1",
        "handlers": ["fetch", "scheduled"],
        "failure": None,
        "bindings": [
            {
                "name": "CACHE", "kind": "cache", "title": "key-value cache",
                "backend": "sqlite", "resource": "cache", "where": "at cache.sqlite",
            }
        ],
        "crons": [
            {
                "cron": "0 9 * * *",
                "next": ["2027-01-16T09:00:00Z", "2027-01-17T09:00:00Z", "2027-01-18T09:00:00Z"],
            },
            {"cron": "0 0 30 2 *", "next": []},
        ],
        "services": [],
        "clock": answer.json["clock"],
    }  # fmt: skip


async def test_status_of_a_function_that_does_not_load(runtime: FakeRuntime) -> None:
    runtime.failure = failure("hunter22 is wrong", kind="SyntaxError")
    app = control_of(runtime, redact=lambda text: text.replace("hunter22", "***"))
    assert (await get(app, "/api/status")).json["failure"] == {
        "type": "SyntaxError",
        "message": "*** is wrong",
        "stack": "SyntaxError: *** is wrong\n  at x",
    }


async def test_invoke_round_trip(runtime: FakeRuntime) -> None:
    app = control_of(runtime)
    assert (await invoke(app, "put", "k", b"\x00\xff")).json == {"result": None}
    assert runtime.operations.kept == {"k": b"\x00\xff"}
    found = await invoke(app, "get", "k")
    assert wire.unpack(found.body) == {"result": b"\x00\xff"}


async def test_invoke_without_arguments(runtime: FakeRuntime) -> None:
    answer = await post(control_of(runtime), "/api/invoke", {"target": "CACHE", "operation": "get"})
    assert answer.status == 400
    assert answer.json["error"]["type"] == "TypeError"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_streams_are_collected(runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    app = control_of(runtime)
    runtime.operations.kept["k"] = {"body": wire.Stream(chunks(b"a", b"b")), "more": [chunks(b"c")]}
    answer = await invoke(app, "get", "k")
    assert wire.unpack(answer.body)["result"] == {"body": b"ab", "more": [b"c"]}
    monkeypatch.setattr(control_routes, "LARGEST_STREAM", 3)
    runtime.operations.kept["k"] = chunks(b"ab", b"cd")
    refused = await invoke(app, "get", "k")
    assert (refused.status, refused.json["error"]["code"]) == (400, "too-large")


@pytest.mark.parametrize(
    ("raised", "code", "kind"),
    [
        (TypeError("not a number"), "TypeError", "TypeError"),
        (ValueError("out of range"), "ValueError", "ValueError"),
        (BindingError("no such key", code="10007"), "10007", "BindingError"),
    ],
)
async def test_errors_of_a_binding(
    runtime: FakeRuntime, raised: Exception, code: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise raised

    monkeypatch.setattr(type(runtime.bindings), "invoke", fail)
    answer = await invoke(control_of(runtime), "get", "k")
    assert answer.status == 400
    error = answer.json["error"]
    assert (error["code"], error["type"], error["message"]) == (code, kind, str(raised))


async def test_our_own_failure(
    runtime: FakeRuntime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(type(runtime.bindings), "invoke", fail)
    answer = await invoke(control_of(runtime), "get", "k")
    assert (answer.status, answer.json["error"]["message"]) == (500, "ours")
    assert "POST /api/invoke failed" in caplog.text


async def test_unknown_targets_and_operations(runtime: FakeRuntime) -> None:
    app = control_of(runtime)
    answer = await post(app, "/api/invoke", {"target": "NOPE", "operation": "get"})
    assert answer.status == 400
    assert answer.json["error"]["hint"] == "there are: CACHE"
    for name in ("secret", "__init__", "kept"):
        assert "has no operation" in (await invoke(app, name)).json["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"x"', b"\xff", {"target": "CACHE"}, {"operation": "get"},
        {"target": 1, "operation": "get"}, {"target": "", "operation": "get"},
        {"target": "CACHE", "operation": "get", "arguments": {}},
        b'{"target": {"$bytes": "%%%"}, "operation": "get"}', b"[" * 100_000,
    ],
)  # fmt: skip
async def test_bad_bodies(runtime: FakeRuntime, body: Any) -> None:
    answer = await post(control_of(runtime), "/api/invoke", body)
    assert answer.status == 400
    assert answer.json["error"]["code"] == "usage"


async def test_body_that_is_too_large(
    runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_routes, "LARGEST_BODY", 10)
    answer = await post(control_of(runtime), "/api/reload", b"{" + b" " * 20 + b"}")
    assert "larger than 10 bytes" in answer.json["error"]["message"]
    assert runtime.reloads == 0


async def test_crons(runtime: FakeRuntime) -> None:
    runtime.crons = [FakeCron("0 9 * * *")]
    answer = await get(control_of(runtime), "/api/crons")
    assert [cron["cron"] for cron in answer.json] == ["0 9 * * *"]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (None, None),
        (1700000000000, 1700000000000),
        ("2023-11-14T22:13:20Z", 1700000000000),
        ("2023-11-14T22:13:20", 1700000000000),
        ("2023-11-14T23:13:20+01:00", 1700000000000),
    ],
)
async def test_run_cron(runtime: FakeRuntime, time: Any, expected: int | None) -> None:
    body = {"cron": "0 9 * * *", **({} if time is None else {"time": time})}
    answer = await post(control_of(runtime), "/api/crons/run", body)
    assert answer.json == {"cron": "0 9 * * *", "outcome": "ok", "durationMs": 12.346}
    assert runtime.scheduled_runs == [("0 9 * * *", expected)]


@pytest.mark.parametrize("time", ["yesterday", True, 1.5, 10**18, [], {}])
async def test_run_cron_at_no_time(runtime: FakeRuntime, time: Any) -> None:
    answer = await post(control_of(runtime), "/api/crons/run", {"cron": "x", "time": time})
    assert (answer.status, answer.json["error"]["code"]) == (400, "usage")
    assert runtime.scheduled_runs == []


async def test_run_the_only_cron(runtime: FakeRuntime) -> None:
    runtime.crons = [FakeCron("0 9 * * *")]
    assert (await post(control_of(runtime), "/api/crons/run", {})).json["cron"] == "0 9 * * *"
    assert (await post(control_of(runtime), "/api/crons/run", b"")).status == 200


@pytest.mark.parametrize("crons", [[], [FakeCron("0 9 * * *"), FakeCron("* * * * *")]])
async def test_run_no_cron_in_particular(runtime: FakeRuntime, crons: list[FakeCron]) -> None:
    runtime.crons = crons
    error = (await post(control_of(runtime), "/api/crons/run", {})).json["error"]
    assert error["code"] == "no-cron"
    assert all(cron.expression in error["hint"] for cron in crons)


async def test_run_a_failing_cron(runtime: FakeRuntime) -> None:
    runtime.run = lambda cron, time_ms: FakeRun(cron, "exception", failure=failure("s3cret!"))
    app = control_of(runtime, redact=lambda text: text.replace("s3cret!", "***"))
    answer = (await post(app, "/api/crons/run", {"cron": "x"})).json
    assert (answer["outcome"], answer["error"]) == ("exception", "ValueError: ***")
    assert "s3cret!" not in answer["stack"]


async def test_run_a_cron_of_a_function_that_does_not_load(runtime: FakeRuntime) -> None:
    def refuse(cron: str, time_ms: int | None) -> FakeRun:
        raise LoadError(failure("invalid syntax", kind="SyntaxError"), hint="line 3")

    runtime.run = refuse
    error = (await post(control_of(runtime), "/api/crons/run", {"cron": "x"})).json["error"]
    assert (error["type"], error["hint"]) == ("LoadError", "line 3")


def run_one(runtime: FakeRuntime, name: str = "GET /", message: str = "") -> str:
    invocation = runtime.trace.open("fetch", name)
    span = Span("CACHE", "get", "key", invocation.started + 0.001, 0.002, ValueError(message))
    invocation.begin(span)
    invocation.begin(Span("DB", "all", "SELECT 1", invocation.started))
    invocation.log(Log("info", message, runtime.clock.now()))
    invocation.status = 200
    runtime.trace.close(invocation, "ok")
    return invocation.id


async def test_invocations_are_newest_first_and_redacted(runtime: FakeRuntime) -> None:
    app = control_of(runtime, redact=lambda text: text.replace("s3cret!", "***"))
    ids = [run_one(runtime, f"GET /{number}?s3cret!", "s3cret!") for number in range(3)]
    answer = await get(app, "/api/invocations")
    assert "s3cret!" not in answer.text
    assert [one["id"] for one in answer.json] == ids[::-1]
    shown = answer.json[0]
    assert shown["name"] == "GET /2?***"
    assert shown["when"] == "2027-01-15T08:00:00.000Z"
    assert shown["calls"] == {"CACHE": 1, "DB": 1}
    assert shown["logs"] == [
        {"level": "info", "message": "***", "when": "2027-01-15T08:00:00.000Z"}
    ]
    assert shown["spans"][0] == {
        "binding": "CACHE", "operation": "get", "subject": "key", "startMs": 1.0,
        "durationMs": 2.0, "error": "ValueError: ***",
    }  # fmt: skip
    assert shown["spans"][1]["durationMs"] is None
    limited = await get(app, "/api/invocations?limit=2")
    assert [one["id"] for one in limited.json] == ids[:0:-1]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1001", "", "1_0", "9999999"])
async def test_bad_limits(runtime: FakeRuntime, limit: str) -> None:
    assert (await get(control_of(runtime), f"/api/invocations?limit={limit}")).status == 400


async def test_reload(runtime: FakeRuntime) -> None:
    answer = await post(control_of(runtime), "/api/reload", {})
    assert answer.json["name"] == "demo"
    assert runtime.reloads == 1


async def test_openapi_is_valid_and_complete(runtime: FakeRuntime) -> None:
    document = (await ask(control_of(runtime), "/openapi.json")).json
    validate(document)
    assert document["info"]["version"] == __version__
    app = control_of(runtime)
    for path, operations in document["paths"].items():
        for method in operations:
            refused = await ask(
                app, path, method=method.upper(), headers=[] if method == "get" else [JSON]
            )
            assert refused.status == (200 if path == "/openapi.json" else 401)
    routes = control_routes.application(runtime, app._views, app._events).routes  # type: ignore[arg-type]
    served = {getattr(route, "path", "") for route in routes}
    assert {path for path in served if path.startswith("/api")} | {"/openapi.json"} == set(
        document["paths"]
    )


async def test_answers_match_their_schema(runtime: FakeRuntime) -> None:
    from jsonschema import Draft202012Validator

    runtime.crons = [FakeCron("0 9 * * *")]
    runtime.failure = failure()
    run_one(runtime)
    app = control_of(runtime)
    document = (await ask(app, "/openapi.json")).json
    operations = {
        ("get", "/api/status"): await get(app, "/api/status"),
        ("get", "/api/crons"): await get(app, "/api/crons"),
        ("get", "/api/invocations"): await get(app, "/api/invocations"),
        ("post", "/api/crons/run"): await post(app, "/api/crons/run", {}),
        ("post", "/api/invoke"): await invoke(app, "get", "k"),
        ("post", "/api/reload"): await post(app, "/api/reload", {}),
    }
    for (method, path), answer in operations.items():
        responses = document["paths"][path][method]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json)
    refused = (await get(app, "/api/nothing")).json
    error = document["components"]["schemas"]["Error"]
    Draft202012Validator({**error, "components": document["components"]}).validate(refused)


@pytest.mark.parametrize(
    ("path", "kind", "begins"),
    [
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/assets/app.js", "text/javascript; charset=utf-8", b"// The control page"),
        ("/assets/style.css", "text/css; charset=utf-8", b":root"),
        ("/assets/icon.svg", "image/svg+xml", b"<svg"),
    ],
)
async def test_the_page_needs_no_token(
    runtime: FakeRuntime, path: str, kind: str, begins: bytes
) -> None:
    answer = await ask(control_of(runtime), path)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.body.startswith(begins)


async def test_not_found_and_wrong_methods(runtime: FakeRuntime) -> None:
    app = control_of(runtime)
    missing = await get(app, "/api/nothing")
    assert (missing.status, missing.json["error"]["code"]) == (404, "not-found")
    wrong = await post(app, "/api/status", {})
    assert (wrong.status, wrong.json["error"]["code"]) == (405, "method-not-allowed")
    assert "GET" in wrong.headers["allow"]
    assert (await ask(app, "/", method="PATCH", headers=[JSON])).status == 405


async def test_a_client_that_leaves_is_no_failure(
    runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    from .fakes import scope_of

    scope = scope_of("/api/reload", method="POST", headers=[AUTHORIZED, JSON])
    await control_of(runtime)(scope, receive, send)
    assert sent[0]["status"] == 400
    assert caplog.text == ""
    assert runtime.reloads == 0


def test_upcoming_gets_an_aware_time(runtime: FakeRuntime) -> None:
    assert datetime.datetime.fromtimestamp(runtime.clock.now(), datetime.UTC).year == 2027
