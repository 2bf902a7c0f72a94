"""The user port, by ASGI messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.config.model import Dev
from aerostack_dev.runtime.host import Frame, HandlerError, LoadError
from aerostack_dev.server.app import UserApp

from .fakes import HOST, PORT, FakeRuntime, ask, failure, scope_of


def app_of(runtime: FakeRuntime, **options: Any) -> UserApp:
    return UserApp(runtime, port=PORT, **options)


def failing(error: Exception) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> int:
        raise error

    return answer


@pytest.mark.parametrize(
    "target", ["/", "/api/items?q=1", "/cdn-cgi/trace", "/cdn-cgi/local/other", "/__scheduledx"]
)
async def test_everything_goes_to_fetch(runtime: FakeRuntime, target: str) -> None:
    answer = await ask(app_of(runtime), target)
    assert (answer.status, answer.body) == (200, b"hello")
    assert runtime.fetched[0]["path"] == target.partition("?")[0]


async def test_lifespan_is_ignored(runtime: FakeRuntime) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is received or sent")

    await app_of(runtime)({"type": "lifespan"}, never, never)


async def test_allowed_hosts_follow_the_configuration(runtime: FakeRuntime) -> None:
    app = app_of(runtime)
    assert (await ask(app, "/", host=b"app.test")).status == 403
    runtime.project = runtime.configured(Dev(allowed_hosts=("app.test",)))
    assert (await ask(app, "/", host=b"app.test")).status == 200
    assert (await ask(app, "/", host=HOST)).status == 200


async def test_refusal_says_what_to_do(runtime: FakeRuntime) -> None:
    answer = await ask(app_of(runtime), "/", host=b"app.test")
    assert answer.text.startswith("Invalid Host header")
    assert "allowed_hosts" in answer.text
    assert runtime.fetched == []


async def test_handler_error_is_json_by_default(runtime: FakeRuntime) -> None:
    error = HandlerError(failure("boom"))
    error.request_id = "r-1"
    runtime.answer = failing(error)
    answer = await ask(app_of(runtime), "/")
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "error": "ValueError", "message": "boom", "stack": "ValueError: boom\n  at x",
        "requestId": "r-1",
    }  # fmt: skip


async def test_handler_error_is_html_for_a_browser(runtime: FakeRuntime) -> None:
    runtime.answer = failing(HandlerError(failure("boom")))
    answer = await ask(app_of(runtime), "/", headers=[(b"accept", b"text/html,*/*;q=0.8")])
    assert answer.status == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "accept"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<h1>ValueError</h1>" in answer.text


async def test_head_has_no_body(runtime: FakeRuntime) -> None:
    runtime.answer = failing(HandlerError(failure("boom")))
    answer = await ask(app_of(runtime), "/", method="HEAD")
    assert answer.status == 500
    assert answer.body == b""
    assert int(answer.headers["content-length"]) > 0


async def test_failure_after_the_start_cuts_the_connection(runtime: FakeRuntime) -> None:
    error = HandlerError(failure("boom"), started=True)
    runtime.answer = failing(error)
    with pytest.raises(HandlerError) as raised:
        await ask(app_of(runtime), "/")
    assert raised.value is error


async def test_load_error_says_its_hint(runtime: FakeRuntime, tmp_path: Path) -> None:
    frame = Frame(str(tmp_path / "index.py"), 3, "", "def x(:", True)
    error = LoadError(
        failure("invalid syntax", frame, kind="SyntaxError"), hint="close the bracket"
    )
    error.request_id = "r-2"
    runtime.answer = failing(error)
    answer = await ask(app_of(runtime), "/")
    assert answer.json["error"] == "SyntaxError"
    assert answer.json["hint"] == "close the bracket"
    assert answer.json["requestId"] == "r-2"
    page = await ask(app_of(runtime), "/", headers=[(b"accept", b"text/html")])
    assert "close the bracket" in page.text
    assert "index.py:3" in page.text


async def test_our_own_failure_is_logged(
    runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.answer = failing(RuntimeError("ours"))
    with pytest.raises(RuntimeError, match="ours"):
        await ask(app_of(runtime), "/path\n")
    assert "serving GET '/path\\n' failed" in caplog.text


async def test_mounts_are_for_reading(runtime: FakeRuntime) -> None:
    seen: list[str] = []

    async def storage(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 206, "headers": []})
        await send({"type": "http.response.body", "body": b"object"})

    app = app_of(runtime, mounts={"/cdn-cgi/local/storage/": storage})
    assert (await ask(app, "/cdn-cgi/local/storage/a.jpg")).body == b"object"
    assert (await ask(app, "/cdn-cgi/local/storage/a.jpg", method="HEAD")).status == 206
    refused = await ask(app, "/cdn-cgi/local/storage/a.jpg", method="PUT")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    assert (await ask(app, "/cdn-cgi/local/storage")).body == b"hello"
    assert (await ask(app, "/cdn-cgi/local/storage/a", host=b"evil.test")).status == 403
    assert seen == ["/cdn-cgi/local/storage/a.jpg"] * 2


async def test_a_failing_mount_is_logged(
    runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_of(runtime, mounts={"/cdn-cgi/local/storage/": failing(RuntimeError("ours"))})
    with pytest.raises(RuntimeError, match="ours"):
        await ask(app, "/cdn-cgi/local/storage/a")
    assert "serving GET '/cdn-cgi/local/storage/a' failed" in caplog.text


async def websocket(app: UserApp, host: bytes) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({**scope_of("/socket", host=host), "type": "websocket"}, receive, send)
    return sent


async def test_websockets_are_closed_politely(runtime: FakeRuntime) -> None:
    assert await websocket(app_of(runtime), HOST) == [
        {"type": "websocket.close", "code": 1013, "reason": ""}
    ]


async def test_websockets_go_to_a_runtime_that_knows_them(runtime: FakeRuntime) -> None:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    runtime.websocket = serve  # type: ignore[attr-defined]
    assert await websocket(app_of(runtime), HOST) == [{"type": "websocket.accept"}]
    closed = await websocket(app_of(runtime), b"evil.test")
    assert closed[0]["code"] == 1008
