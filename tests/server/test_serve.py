"""The applications behind real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from aerostack_dev.clock import stopwatch
from aerostack_dev.runtime.host import REQUEST_ID, HandlerError
from aerostack_dev.server.app import UserApp
from aerostack_dev.server.control import ControlApp
from aerostack_dev.server.loops import loop_factory
from aerostack_dev.server.protocol import LARGEST_HEAD
from aerostack_dev.server.serve import serving
from aerostack_dev.server.sockets import listening

from .fakes import FakeRuntime, failure


def user_app(runtime: FakeRuntime) -> Any:
    return lambda port: UserApp(runtime, port=port)


async def raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture(autouse=True)
def silent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Any:
    """Nothing here may be noisy: no traceback, no warning, no line on the terminal."""
    yield
    assert caplog.text == ""
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


async def test_hello(runtime: FakeRuntime, served: Any) -> None:
    async with served(user_app(runtime)) as (client, _):
        answer = await client.get("/")
        assert answer.text == "hello"
        assert "server" not in answer.headers
        assert "date" in answer.headers


async def test_the_client_says_nothing_about_itself(runtime: FakeRuntime, served: Any) -> None:
    async with served(user_app(runtime)) as (client, _):
        forged = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
        await client.get("/", headers=forged)
    assert runtime.fetched[0]["client"][0] == "127.0.0.1"
    assert runtime.fetched[0]["scheme"] == "http"


async def test_both_families(runtime: FakeRuntime) -> None:
    with listening(port=0) as found:
        app = UserApp(runtime, port=found.port)
        async with serving(app, found.sockets), httpx.AsyncClient() as client:
            hosts = {
                "[::1]" if ":" in one.getsockname()[0] else "127.0.0.1" for one in found.sockets
            }
            for host in (*hosts, "localhost"):
                assert (await client.get(f"http://{host}:{found.port}/")).text == "hello"


async def test_head_has_no_body(runtime: FakeRuntime, served: Any) -> None:
    async def boom(scope: Any, receive: Any, send: Any) -> int:
        raise HandlerError(failure("boom"))

    runtime.answer = boom
    async with served(user_app(runtime)) as (_, port):
        request = b"HEAD / HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % port
        head, _, body = (await raw(port, request)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500")
    assert body == b""


async def test_large_json_body(runtime: FakeRuntime, served: Any) -> None:
    async def count(scope: Any, receive: Any, send: Any) -> int:
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        text = str(len(json.loads(body)["text"])).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text})
        return 200

    runtime.answer = count
    size = 30 * 1024 * 1024
    async with served(user_app(runtime)) as (client, _):
        began = stopwatch()
        answer = await client.post("/", json={"text": "x" * size})
        assert answer.text == str(size)
        assert stopwatch() - began < 15


async def test_failure_in_the_middle_cuts_the_connection(runtime: FakeRuntime, served: Any) -> None:
    async def boom(scope: Any, receive: Any, send: Any) -> int:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise HandlerError(failure("boom"), started=True)

    runtime.answer = boom
    async with served(user_app(runtime)) as (client, _):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")
        runtime.answer = None
        assert (await client.get("/")).text == "hello"


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /\xff\xfe HTTP/1.1", "GET /ü HTTP/1.1".encode(), b"GET /%ff%fe HTTP/1.1",
        b"GET /?\xff HTTP/1.1", b"GET / HTTP/1.1\r\nX-Odd: \xff\xfe", b"GET //// HTTP/1.1",
        b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT localhost:1 HTTP/1.1",
        b"GET http://evil.test/ HTTP/1.1", b"GET /\x00 HTTP/1.1", b"\xff\xff", b"GET",
        b"GET / HTTP/9.9", b"BREW / HTTP/1.1", b"GET /../../etc/passwd HTTP/1.1",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade",
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
        b"GET / HTTP/1.1\r\nContent-Length: -1", b"GET / HTTP/1.1\r\nNo colon",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
    ],
)  # fmt: skip
async def test_odd_requests_are_answered(
    runtime: FakeRuntime, served: Any, request_line: bytes
) -> None:
    async with served(user_app(runtime)) as (client, port):
        request = b"%b\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % (request_line, port)
        if b"Upgrade" in request_line:
            request = request.replace(b"Connection: close\r\n", b"")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            assert (await reader.readline()).startswith(b"HTTP/1.1 ")
            writer.close()
        else:
            assert (await raw(port, request)).startswith(b"HTTP/1.1 ")
        assert (await client.get("/")).text == "hello"


async def test_the_head_is_bounded(runtime: FakeRuntime, served: Any) -> None:
    async with served(user_app(runtime)) as (client, port):
        head = b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nX-Long: " % port
        # one byte too much, and none more: an unread rest would reset the connection
        answer = await raw(port, head + b"x" * (LARGEST_HEAD + 1 - len(head)))
        assert answer.startswith(b"HTTP/1.1 431 ")
        length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(answer.partition(b"\r\n\r\n")[2]) == length
        nearly = "x" * (LARGEST_HEAD // 2)
        assert (await client.get("/", headers={"x-long": nearly})).text == "hello"
        assert (await client.get("/", headers={"x-long": nearly})).text == "hello"
    assert len(runtime.fetched) == 2


async def test_a_head_in_small_pieces(runtime: FakeRuntime, served: Any) -> None:
    async with served(user_app(runtime)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            for byte in b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port:
                writer.write(bytes([byte]))
                await writer.drain()
            answer = await reader.readuntil(b"hello")
            assert answer.startswith((b"HTTP/1.1 200", b"\r\n0\r\n\r\nHTTP/1.1 200"))
        writer.close()


async def test_leaving_lets_requests_finish(runtime: FakeRuntime) -> None:
    going, release = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> int:
        going.set()
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"finished"})
        return 200

    runtime.answer = slow
    with listening(port=0) as found:
        app = UserApp(runtime, port=found.port)
        async with httpx.AsyncClient() as client:
            async with serving(app, found.sockets, leaving=release.set):
                request = asyncio.ensure_future(client.get(found.url))
                await going.wait()
            assert (await request).text == "finished"
            with pytest.raises(httpx.ConnectError):
                await client.get(found.url)


async def test_leaving_waits_only_so_long(runtime: FakeRuntime) -> None:
    going = asyncio.Event()
    ended: list[str] = []

    async def endless(scope: Any, receive: Any, send: Any) -> int:
        going.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("closed")
            scope[REQUEST_ID] = "cut"
        return 200

    runtime.answer = endless
    with listening(port=0) as found:
        app = UserApp(runtime, port=found.port)
        async with httpx.AsyncClient() as client:
            began = stopwatch()
            async with serving(app, found.sockets, grace=1):
                request = asyncio.ensure_future(client.get(found.url))
                await going.wait()
            assert stopwatch() - began < 4
            assert ended == ["closed"]
            answer = await request
            assert (answer.status_code, answer.headers["vary"]) == (500, "accept")
            assert answer.json() == {
                "error": "Canceled",
                "message": "the server was stopped before the handler had answered",
                "stack": "Canceled: the server was stopped before the handler had answered",
                "requestId": "cut",
            }


async def test_an_answer_that_has_begun_is_cut(runtime: FakeRuntime) -> None:
    going = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> int:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
        going.set()
        await asyncio.Event().wait()
        return 200

    runtime.answer = endless
    with listening(port=0) as found:
        app = UserApp(runtime, port=found.port)
        async with httpx.AsyncClient() as client:
            async with serving(app, found.sockets, grace=0):
                request = asyncio.ensure_future(client.get(found.url))
                await going.wait()
            with pytest.raises(httpx.RemoteProtocolError):
                await request


async def test_idle_connections_do_not_hold_it_up(runtime: FakeRuntime) -> None:
    with listening(port=0) as found:
        app = UserApp(runtime, port=found.port)
        async with httpx.AsyncClient() as client:
            async with serving(app, found.sockets):
                await client.get(found.url)
                began = stopwatch()
            assert stopwatch() - began < 2


async def test_control_page_over_http(runtime: FakeRuntime, served: Any) -> None:
    def make(port: int) -> ControlApp:
        return ControlApp(runtime, port=port, url="", token="t", clock=runtime.clock)

    async with served(make) as (client, _):
        assert "<title>aerostack dev</title>" in (await client.get("/")).text
        head = await client.head("/")
        assert (head.status_code, head.text) == (200, "")
        status = await client.get("/api/status", headers={"authorization": "Bearer t"})
        assert status.json()["name"] == "demo"


def test_the_loop_serves_on_every_loop(runtime: FakeRuntime) -> None:
    async def once() -> str:
        with listening(port=0) as found:
            app = UserApp(runtime, port=found.port)
            async with serving(app, found.sockets), httpx.AsyncClient() as client:
                return (await client.get(found.url)).text

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(once()) == "hello"


def test_without_uvloop_it_is_the_standard_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_factory() is None
