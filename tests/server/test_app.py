"""The user port, by ASGI messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.config.model import Dev
from aerostack_dev.runtime.host import Frame, HandlerError, LoadError
from aerostack_dev.runtime.upgrades import upgrade_of
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


async def websocket(app: UserApp, host: bytes, path: str = "/socket") -> list[Any]:
    """What is sent to a client that asks for a WebSocket, and sends one message."""
    sent: list[Any] = []
    arriving = iter(["connect", "receive", "disconnect"])

    async def receive() -> Any:
        return {"type": f"websocket.{next(arriving)}"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({**scope_of(path, host=host), "type": "websocket", "scheme": "ws"}, receive, send)
    return sent


async def test_a_request_for_a_websocket_may_be_answered_like_any_other(
    runtime: FakeRuntime,
) -> None:
    start, body = await websocket(app_of(runtime), HOST)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 200)
    assert (body["type"], body["body"]) == ("websocket.http.response.body", b"hello")
    start, _ = await websocket(app_of(runtime), HOST, "/cdn-cgi/local/unknown")
    assert start["status"] == 200


async def test_a_request_for_a_websocket_may_be_accepted(runtime: FakeRuntime) -> None:
    heard: list[str] = []

    async def fetch(scope: Any, receive: Any, send: Any) -> int:
        upgrade = upgrade_of(scope)
        assert upgrade is not None
        assert (scope["type"], scope["method"], scope["scheme"]) == ("http", "GET", "http")

        async def converse() -> None:
            while (message := await upgrade.next())["type"] != "websocket.disconnect":
                heard.append(message["type"])

        await upgrade.accept(converse, [(b"a", b"b")], "chat")
        return 101

    runtime.fetch = fetch  # type: ignore[method-assign]
    assert await websocket(app_of(runtime), HOST) == [
        {"type": "websocket.accept", "headers": [(b"a", b"b")], "subprotocol": "chat"}
    ]
    assert heard == ["websocket.receive"]


async def test_a_conversation_that_fails_is_said(runtime: FakeRuntime, caplog: Any) -> None:
    async def fetch(scope: Any, receive: Any, send: Any) -> int:
        async def converse() -> None:
            raise ValueError("in our own code")

        await upgrade_of(scope).accept(converse)  # type: ignore[union-attr]
        return 101

    runtime.fetch = fetch  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="our own"):
        await websocket(app_of(runtime), HOST)
    assert "the WebSocket of '/socket' failed" in caplog.text


async def test_a_websocket_for_a_foreign_host_is_refused(runtime: FakeRuntime) -> None:
    start, body = await websocket(app_of(runtime), b"evil.test")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert body["body"].startswith(b"Invalid Host header.")
