"""Requests and responses as messages, streamed in both directions."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.runtime.host import HandlerError
from tests.support.asgi import Client

from .driving import opened


async def test_a_small_response_is_two_messages(tmp_path):
    async with opened(tmp_path, "async def fetch(): return Response('hello')") as function:
        answer = await function()
    assert answer.messages == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/plain;charset=UTF-8"),
                (b"content-length", b"5"),
            ],
        },
        {"type": "http.response.body", "body": b"hello"},
    ]


async def test_the_request_reaches_the_handler(tmp_path):
    source = """
        async def fetch(request):
            data = await request.json()
            return Response.json({"url": request.url, "method": request.method, "data": data,
                                  "type": request.headers["Content-Type"]})
    """
    async with opened(tmp_path, source) as function:
        answer = await function(
            "/p?q=1",
            "POST",
            [b'{"a"', b": 1}"],
            [("Content-Type", "application/json")],
        )
    assert answer.body == (
        b'{"url":"http://localhost:8788/p?q=1","method":"POST","data":{"a":1},'
        b'"type":"application/json"}'
    )


async def test_a_body_is_echoed_piece_by_piece_with_back_pressure(tmp_path):
    source = """
        async def fetch(request):
            return Response(request.body, headers={"x-length": request.headers["content-length"]})
    """
    async with opened(tmp_path, source) as function:
        client = Client([b"%03d" % number for number in range(100)], method="POST")
        ahead = []

        async def send(message):
            ahead.append(client.asked - len(client.messages))
            client.messages.append(message)

        assert await function.host.fetch(client.scope, client.receive, send) == 200
    bodies = [message["body"] for message in client.messages[1:-1]]
    assert bodies == client.pieces
    assert max(ahead) <= 2
    assert client.messages[-1] == {"type": "http.response.body", "body": b""}


async def test_cookies_stay_apart(tmp_path):
    source = """
        async def fetch(request):
            return Response(None, 204, headers=[("Set-Cookie", "a=1"), ("set-cookie", "b=2")])
    """
    async with opened(tmp_path, source) as function:
        answer = await function()
    assert answer.raw == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert answer.body == b""


STREAM = """
    import asyncio, json
    log = []
    async def fetch(request):
        async def pieces():
            try:
                yield b"one"
                if "fail" in request.url:
                    raise ValueError("in the middle")
                if "timeout" in request.url:
                    raise TimeoutError("the author's own")
                if "wait" in request.url:
                    await asyncio.Event().wait()
                yield "two"
            finally:
                log.append("closed")
        if "log" in request.url:
            return Response(json.dumps(log))
        return Response(pieces())
"""


async def test_a_stream_is_sent_as_it_comes(tmp_path):
    async with opened(tmp_path, STREAM) as function:
        answer = await function("/")
        assert [message.get("body") for message in answer.messages[1:]] == [b"one", b"two", b""]
        assert answer.headers == {}
        assert (await function("/log")).body == b'["closed"]'


async def test_head_sends_no_body_and_closes_the_stream(tmp_path):
    source = """
        log = []
        class Endless:
            def __aiter__(self): return self
            async def __anext__(self): return b"x"
            async def aclose(self): log.append("closed")
        async def fetch(request):
            return Response("x" * 5 + str(log) if "text" in request.url else Endless())
    """
    async with opened(tmp_path, source) as function:
        assert (await function("/", "HEAD")).body == b""
        answer = await function("/text", "HEAD")
        assert answer.body == b""
        assert answer.headers["content-length"] == str(5 + len("['closed']"))


async def test_a_client_that_leaves_stops_the_stream(tmp_path):
    async with opened(tmp_path, STREAM) as function:
        client = Client(target="/wait")
        serving = asyncio.create_task(
            function.host.fetch(client.scope, client.receive, client.send)
        )
        while len(client.messages) < 2:
            client.arrived.clear()
            await client.arrived.wait()
        client.gone.set()
        assert await asyncio.wait_for(serving, 5) == 200
        assert len(client.messages) == 2
        assert (await function("/log")).body == b'["closed"]'


@pytest.mark.parametrize(
    "source",
    [
        """
        async def fetch(request):
            async def pieces():
                while True:
                    yield b"x"
            return Response(pieces())
        """,
        """
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        """,
    ],
    ids=["function", "app"],
)
async def test_a_stream_that_never_waits_leaves_time_for_others(tmp_path, source):
    """`send` does not wait while the client keeps up, or once it has left."""
    async with opened(tmp_path, source) as function:
        client = Client(target="/")
        serving = asyncio.create_task(
            function.host.fetch(client.scope, client.receive, client.send)
        )
        await asyncio.wait_for(client.arrived.wait(), 5)
        client.gone.set()
        if "Response" in source:
            assert await asyncio.wait_for(serving, 5) == 200
        serving.cancel()
        await asyncio.wait({serving}, timeout=5)
        assert serving.done()


@pytest.mark.parametrize(
    ("target", "kind"), [("/fail", "ValueError"), ("/timeout", "TimeoutError")]
)
async def test_an_error_in_the_middle_is_a_started_failure(tmp_path, target, kind):
    async with opened(tmp_path, STREAM) as function:
        client = Client(target=target)
        with pytest.raises(HandlerError) as caught:
            await function.host.fetch(client.scope, client.receive, client.send)
        assert caught.value.started
        assert caught.value.failure.type == kind
        assert caught.value.failure.frames[0].function == "pieces"
        assert [message.get("body") for message in client.messages] == [None, b"one"]


async def test_a_client_that_leaves_before_its_body_is_complete(tmp_path):
    source = "async def fetch(request): return Response(await request.bytes())"
    async with opened(tmp_path, source) as function:
        client = Client([b"abc"], method="POST")
        client.scope["headers"] = [(b"content-length", b"9")]
        client.gone.set()

        async def receive():
            message = await client.receive()
            return {**message, "more_body": True}

        assert await function.host.fetch(client.scope, receive, client.send) == 499
        assert client.messages == []


async def test_strange_bytes_never_raise(tmp_path):
    source = """
        async def fetch(request):
            return Response(request.url + "|" + request.headers["x"])
    """
    async with opened(tmp_path, source) as function:
        answer = await function("/", headers=[("x", "\xff\xfe")], raw_path=b"/\xff\xfe")
        assert answer.body.decode() == "http://localhost:8788/%FF%FE|\xff\xfe"


async def test_plain_functions_run_side_by_side_in_threads(tmp_path):
    source = """
        import threading
        from pyodide.ffi import run_sync, to_js, create_proxy, JsException
        from aerostack_dev import BindingError
        meeting = threading.Barrier(3, timeout=10)
        assert to_js(meeting) is create_proxy(meeting, depth=1) is meeting
        assert issubclass(BindingError, JsException)

        def fetch(request, env, ctx):
            meeting.wait()
            text = run_sync(request.text())
            return Response(text + threading.current_thread().name[:9])
    """
    async with opened(tmp_path, source) as function:
        answers = await asyncio.gather(*(function("/", "POST", b"hi ") for _ in range(3)))
        assert [answer.body for answer in answers] == [b"hi aerostack"] * 3


async def test_run_sync_on_the_loop_says_what_to_do(tmp_path):
    source = """
        from pyodide.ffi import run_sync
        async def fetch(request):
            run_sync(request.text())
    """
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError, match="here use `await`"):
            await function()
