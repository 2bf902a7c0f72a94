"""The host behind a real uvicorn, and the author's `fetch` in front of one."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import httpx
import pytest

from aerostack_dev.functions import outgoing
from aerostack_dev.runtime.host import HandlerError

from .driving import opened

ECHO = """
    import asyncio, json
    async def fetch(request):
        if "upload" in request.url:
            return Response(str(len(await request.bytes())))
        if "echo" in request.url:
            return Response(request.body)
        if "events" in request.url:
            async def events():
                for number in range(3):
                    yield f"data: {number}\\n\\n"
            return Response(events(), headers={"content-type": "text/event-stream"})
        if "form" in request.url:
            form = await request.form_data()
            return Response.json({"title": form["title"], "file": await form["file"].text(),
                                  "name": form["file"].name})
        return Response.json({"method": request.method, "url": request.url,
                              "cookies": request.headers.get("cookie")}, headers=[
            ("set-cookie", "a=1"), ("set-cookie", "b=2")])
"""


def answering(function):
    async def app(scope, receive, send):
        await function.host.fetch(scope, receive, send)

    return app


@pytest.fixture
async def client(tmp_path, serve):
    async with (
        opened(tmp_path, ECHO) as function,
        serve(answering(function)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        yield client


async def test_a_request_and_its_response(client):
    answer = await client.get("/p%20q?x=1", headers={"cookie": "c=3"})
    assert answer.json() == {
        "method": "GET",
        "url": f"{str(client.base_url).rstrip('/')}/p%20q?x=1",
        "cookies": "c=3",
    }
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_large_bodies_in_both_directions(client):
    body = b"0123456789abcdef" * 2**18
    assert (await client.post("/upload", content=body)).text == str(len(body))
    assert (await client.post("/echo", content=body)).content == body


async def test_server_sent_events_and_head(client):
    answer = await client.get("/events")
    assert answer.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert (await client.head("/events")).content == b""


async def test_a_form_with_a_file(client):
    answer = await client.post("/form", data={"title": "hä"}, files={"file": ("ö.txt", b"content")})
    assert answer.json() == {"title": "hä", "file": "content", "name": "ö.txt"}


PROXY = """
    from workers import fetch as send
    async def on_fetch(request, env, ctx):
        target = env.TARGET + request.url.split("/do", 1)[1]
        if target.endswith("/status"):
            answer = await send(target, {"method": "POST", "body": "x"}, headers={"x": "1"},
                                signal=None)
            return Response.json([answer.status, answer.status_text, answer.ok, answer.url,
                                  answer.redirected, await answer.text(),
                                  answer.headers.get("X-Answer")])
        if target.endswith("/ignored"):
            await send(target)
            return Response("ignored")
        if target.endswith("/same"):
            return await send(Request(target, method=request.method, body=request.body))
        if "/go/" in target:
            mode = target.rpartition("/")[2]
            answer = await send(Request(env.TARGET + "/redirect", redirect=mode))
            return Response.json([answer.status, answer.redirected, answer.url])
        if target.endswith("/changed"):
            answer = await send(target)
            answer.headers["x"] = "1"
        if target.endswith("/copied"):
            return await send(Request(target, redirect="error"), headers={"x": "copied"})
        return await send(target, redirect="manual")
"""


async def upstream(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = dict(scope["headers"])
    path = scope["path"]
    status, answer, extra = 200, body, []
    if path == "/cookie":
        answer, extra = headers.get(b"cookie", b"none"), [(b"set-cookie", b"a=1")]
    elif path == "/status":
        status, answer = 404, b"|".join([scope["method"].encode(), body, headers[b"x"]])
        extra = [(b"x-answer", b"yes")]
    elif path == "/redirect":
        status, extra = 302, [(b"location", b"/landed")]
    elif path == "/agent":
        answer = json.dumps(sorted(name.decode() for name in headers)).encode()
    elif path == "/gzip":
        import gzip

        answer, extra = gzip.compress(b"packed"), [(b"content-encoding", b"gzip")]
    elif path == "/copied":
        answer = headers[b"x"]
    elif path == "/cut":
        extra = [(b"content-length", b"99")]
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise ConnectionError("cut")
    elif path == "/empty":
        status, answer = 204, b""
    await send({"type": "http.response.start", "status": status, "headers": extra})
    await send({"type": "http.response.body", "body": answer})


async def test_fetch_sends_and_receives(tmp_path, serve):
    async with (
        serve(upstream) as url,
        opened(tmp_path, PROXY, values={"TARGET": url}) as function,
    ):
        assert json.loads((await function("/do/status")).body) == [
            404,
            "Not Found",
            False,
            f"{url}/status",
            False,
            "POST|x|1",
            "yes",
        ]
        assert (await function("/do/same", "POST", [b"a", b"b"])).body == b"ab"
        assert (await function("/do/copied")).body == b"copied"
        assert (await function("/do/empty")).status == 204
        for _ in range(2):
            assert (await function("/do/cookie")).body == b"none"
        sent = json.loads((await function("/do/agent")).body)
        assert "user-agent" not in sent
        packed = await function("/do/gzip")
        assert packed.body == b"packed"
        assert "content-encoding" not in packed.headers


async def test_redirects_are_followed_kept_or_refused(tmp_path, serve):
    async with (
        serve(upstream) as url,
        opened(tmp_path, PROXY, values={"TARGET": url}) as function,
    ):
        followed = json.loads((await function("/do/go/follow")).body)
        assert followed == [200, True, f"{url}/landed"]
        assert json.loads((await function("/do/go/manual")).body)[:2] == [302, False]
        assert (await function("/do/redirect")).headers["location"] == "/landed"
        with pytest.raises(HandlerError, match="redirects, and `redirect` is 'error'"):
            await function("/do/go/error")


async def test_responses_that_nobody_reads_hold_no_connections(tmp_path, serve):
    async with (
        serve(upstream) as url,
        opened(tmp_path, PROXY, values={"TARGET": url}) as function,
    ):
        for _ in range(120):
            assert (await function("/do/ignored")).body == b"ignored"
        await function.host.settled()
        client = await function.host._home.client()
        assert not [each for each in client._transport._pool.connections if not each.is_idle()]


async def test_what_goes_wrong_with_fetch(tmp_path, serve):
    async with (
        serve(upstream) as url,
        opened(tmp_path, PROXY, values={"TARGET": url}) as function,
    ):
        with pytest.raises(HandlerError, match=r"Can't modify immutable headers."):
            await function("/do/changed")
        with pytest.raises(HandlerError, match="BindingError: fetch failed in the middle") as cut:
            await function("/do/cut")
        assert cut.value.started
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with opened(tmp_path, PROXY, values={"TARGET": f"http://127.0.0.1:{port}"}) as function:
        with pytest.raises(HandlerError, match="BindingError: fetch failed: ") as caught:
            await function("/do/x")
        assert caught.value.__cause__.code == "network"
    async with opened(tmp_path, PROXY, values={"TARGET": "http://[::x]"}) as function:
        with pytest.raises(HandlerError, match="TypeError: Invalid URL"):
            await function("/do/x")


async def test_many_requests_at_once(client):
    answers = await asyncio.gather(*(client.post("/echo", content=b"%d" % n) for n in range(50)))
    assert [answer.content for answer in answers] == [b"%d" % n for n in range(50)]


async def test_the_client_of_fetch_is_made_in_a_thread_and_says_nothing(
    tmp_path, serve, monkeypatch, caplog
):
    made = []
    make = outgoing._client
    monkeypatch.setattr(
        outgoing, "_client", lambda: made.append(threading.current_thread()) or make()
    )
    source = "async def fetch(request): return Response(request.url)"
    async with opened(tmp_path / "a", source) as function, serve(answering(function)) as url:
        source = (
            f"from workers import fetch as ask\nasync def fetch(request): return await ask({url!r})"
        )
        async with opened(tmp_path / "b", source) as asking:
            with caplog.at_level("INFO"):
                assert (await asking()).status == 200
    assert made
    assert made[0] is not threading.main_thread()
    assert caplog.text == ""
