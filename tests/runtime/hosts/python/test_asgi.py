"""ASGI applications: as `app`, and through `asgi.fetch` (interface §5)."""

from __future__ import annotations

import asyncio
import gc

import pytest

from aerostack_dev.runtime.host import HandlerError, LoadError
from tests.support.asgi import Client, until

from .driving import opened

FASTAPI = """
    import asyncio
    from contextlib import asynccontextmanager
    from pathlib import Path
    from fastapi import FastAPI, Request, BackgroundTasks, UploadFile, Form
    from fastapi.responses import StreamingResponse
    from workers import WorkerEntrypoint, env

    log = Path(__file__).with_name("log")

    @asynccontextmanager
    async def lifespan(app):
        with log.open("a") as file: file.write(f"start {env.NAME};")
        yield {"opened": True}
        with log.open("a") as file: file.write("stop;")

    app = FastAPI(lifespan=lifespan)

    @app.get("/hello/{who}")
    async def hello(who: str, request: Request):
        return {"who": who, "name": request.scope["env"].NAME, "opened": request.state.opened,
                "ip": request.headers["cf-connecting-ip"], "url": str(request.url)}

    @app.post("/form")
    async def form(title: str = Form(), file: UploadFile | None = None):
        return [title, (await file.read()).decode()]

    @app.get("/stream")
    async def stream():
        async def pieces():
            for number in range(3):
                yield str(number)
        return StreamingResponse(pieces())

    @app.get("/endless")
    async def endless():
        async def pieces():
            try:
                yield "x"
                await asyncio.Event().wait()
            finally:
                log.write_text("closed")
        return StreamingResponse(pieces())

    @app.get("/boom")
    async def boom():
        raise ValueError("boom")

    @app.get("/said")
    async def said():
        from fastapi.responses import PlainTextResponse
        return PlainTextResponse("on purpose", 500)

    @app.get("/later")
    async def later(tasks: BackgroundTasks, request: Request):
        async def work(): raise KeyError("in the background")
        tasks.add_task(work)
        async def more(): log.write_text("more")
        request.scope["ctx"].wait_until(more())
        return "now"
"""

AS_APP = FASTAPI
AS_CALL = (
    FASTAPI
    + """
    import asgi
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return await asgi.fetch(app, request.js_object, self.env, self.ctx)
"""
)
AS_FUNCTION = (
    FASTAPI
    + """
    import asgi
    async def on_fetch(request, env):
        return await asgi.fetch(app, request, env)
"""
)

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nT\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nF\r\n--b--\r\n'
)


@pytest.fixture(params=[AS_APP, AS_CALL, AS_FUNCTION], ids=["app", "class", "function"])
async def function(request, tmp_path):
    async with opened(tmp_path, request.param, values={"NAME": "n"}) as function:
        yield function


async def test_fastapi_answers(function):
    assert function.host.handlers == {"fetch"}
    answer = await function("/hello/you?q=1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (
        b'{"who":"you","name":"n","opened":true,"ip":"127.0.0.1",'
        b'"url":"http://localhost:8788/hello/you?q=1"}'
    )
    assert (await function("/nothing")).status == 404


async def test_bodies_reach_it_and_streams_come_back(function):
    headers = [("content-type", "multipart/form-data; boundary=b")]
    assert (await function("/form", "POST", [FORM[:40], FORM[40:]], headers)).body == b'["T","F"]'
    assert (await function("/stream")).body == b"012"
    assert (await function("/stream", "HEAD")).body == b""


async def test_what_it_raises_is_the_authors_failure(function):
    client = Client(target="/boom")
    with pytest.raises(HandlerError) as caught:
        await function.host.fetch(client.scope, client.receive, client.send)
    assert (caught.value.failure.type, caught.value.failure.message) == ("ValueError", "boom")
    assert caught.value.failure.frames[0].function == "boom"
    assert not caught.value.started
    assert client.messages == []
    answer = await function("/said")
    assert (answer.status, answer.body) == (500, b"on purpose")


async def test_a_client_that_leaves_stops_its_stream(function):
    client = Client(target="/endless")
    serving = asyncio.create_task(function.host.fetch(client.scope, client.receive, client.send))
    while not any(message.get("body") for message in client.messages):
        client.arrived.clear()
        await client.arrived.wait()
    client.gone.set()
    assert await asyncio.wait_for(serving, 5) == 200
    await asyncio.wait_for(function.host.settled(), 5)
    assert (function.root / "log").read_text() == "closed"


@pytest.mark.parametrize("source", [AS_APP, AS_FUNCTION], ids=["app", "function"])
async def test_the_lifespan_runs_once(tmp_path, source):
    log = tmp_path / "log"
    async with opened(tmp_path, source, values={"NAME": "n"}) as function:
        await asyncio.gather(*(function("/hello/x") for _ in range(3)))
        assert log.read_text() == "start n;"
    assert log.read_text() == "start n;stop;"


async def test_background_tasks_of_the_framework(tmp_path, caplog):
    async with opened(tmp_path, AS_FUNCTION, values={"NAME": "n"}) as function:
        assert (await function("/later")).body == b'"now"'
        await function.host.settled()
        assert (tmp_path / "log").read_text() == "more"
    assert "Uncaught KeyError: 'in the background'" in caplog.text


RAW = """
    async def app(scope, receive, send):
        assert scope["type"] == "http", "no lifespan here"
        async def start(status):
            await send({"type": "http.response.start", "status": status, "headers": []})
        path = scope["path"]
        if path == "/silent":
            return
        if path == "/exit":
            raise SystemExit(3)
        if path == "/half":
            await start(200)
            raise ValueError("after the start")
        if path == "/cut":
            await start(200)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            raise ValueError("in the middle")
        if path == "/streamed500":
            await start(500)
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await send({"type": "http.response.body", "body": b"b"})
            return
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        await start(200)
        answer = repr((scope["method"], scope["path"], scope["query_string"], body)).encode()
        await send({"type": "http.response.body", "body": answer})
        assert (await receive())["type"] == "http.disconnect"
"""
RAW_CALL = (
    RAW.replace("async def app", "async def other")
    + """
    import asgi
    from workers import Request
    async def fetch(request, env):
        if "fresh" in request.url:
            request = Request("https://x.test/fresh%20one?q=2", method="PUT", body="text")
        return await asgi.fetch(other, request, env)
"""
)


@pytest.mark.parametrize("source", [RAW, RAW_CALL], ids=["app", "asgi.fetch"])
@pytest.mark.parametrize(
    ("target", "message", "started"),
    [
        ("/silent", "no response|ended before its response", False),
        ("/exit", "3", False),
        ("/half", "after the start", True),
        ("/cut", "in the middle", True),
    ],
)
async def test_a_raw_application_that_fails(tmp_path, source, target, message, started):
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError, match=message) as caught:
            await function(target)
        # Through asgi.fetch nothing is sent before the first piece of the body is known.
        assert caught.value.started == (started and (source is RAW or target == "/cut"))


@pytest.mark.parametrize("source", [RAW, RAW_CALL], ids=["app", "asgi.fetch"])
async def test_a_raw_application_that_answers(tmp_path, source):
    async with opened(tmp_path, source) as function:
        answer = await function("/streamed500")
        assert (answer.status, answer.body) == (500, b"ab")
        client = Client([b"a", b"b"], target="/p?q", method="POST")
        client.gone.set()
        await function.host.fetch(client.scope, client.receive, client.send)
        assert client.messages[1]["body"] == b"('POST', '/p', b'q', b'ab')"


async def test_a_request_of_ones_own_reaches_the_application(tmp_path):
    async with opened(tmp_path, RAW_CALL) as function:
        answer = await function("/fresh")
        assert answer.body == b"('PUT', '/fresh one', b'q=2', b'text')"


@pytest.mark.parametrize("source", [RAW, RAW_CALL], ids=["app", "asgi.fetch"])
async def test_a_client_that_leaves_before_its_body_is_complete(tmp_path, source):
    async with opened(tmp_path, source) as function:
        client = Client([], method="POST", headers=[("content-length", "99")])
        client.gone.set()
        assert await function.host.fetch(client.scope, client.receive, client.send) == 499
        assert client.messages == []


@pytest.mark.parametrize("source", [RAW, RAW_CALL], ids=["app", "asgi.fetch"])
async def test_an_application_without_lifespan_is_no_noise(tmp_path, source, caplog):
    async with opened(tmp_path, source) as function:
        assert (await function("/streamed500")).status == 500
    gc.collect()
    assert caplog.text == ""


LIFESPAN = """
    from pathlib import Path
    async def app(scope, receive, send):
        log = Path(__file__).with_name("log")
        assert scope["type"] == "lifespan"
        await receive()
        {start}
        await receive()
        {stop}
"""
COMPLETE = 'await send({"type": "lifespan.startup.complete"})'


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ('await send({"type": "lifespan.startup.failed", "message": "no"}); return', "start: no"),
        (
            'await send({"type": "lifespan.startup.failed"}); raise OSError("no database")',
            "OSError: no database",
        ),
    ],
)
async def test_a_lifespan_that_cannot_start(tmp_path, start, message):
    source = LIFESPAN.format(start=start, stop="pass")
    with pytest.raises(LoadError, match=message) as caught:
        async with opened(tmp_path, source):
            pass
    assert caught.value.hint == "the application's lifespan failed at its start"


@pytest.mark.parametrize(
    "stop",
    [
        'await send({"type": "lifespan.shutdown.failed"}); raise OSError("cannot stop")',
        'raise OSError("cannot stop")',
    ],
)
async def test_a_lifespan_that_cannot_stop_is_reported(tmp_path, stop, caplog):
    async with opened(tmp_path, LIFESPAN.format(start=COMPLETE, stop=stop)):
        pass
    assert "Uncaught OSError: cannot stop" in caplog.text


async def test_a_lifespan_that_does_not_end_is_ended(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("aerostack_dev.runtime.hosts.python.home.GRACE_SECONDS", 0.05)
    stop = "import asyncio; await asyncio.Event().wait()"
    async with opened(tmp_path, LIFESPAN.format(start=COMPLETE, stop=stop)):
        pass
    assert "Uncaught TimeoutError: the lifespan took over 0.05 s to end" in caplog.text


async def test_a_start_that_is_given_up(tmp_path):
    source = LIFESPAN.format(
        start="""log.touch()
        import asyncio
        try: await asyncio.Event().wait()
        finally: log.write_text("ended")""",
        stop="pass",
    )

    async def load():
        async with opened(tmp_path, source):
            raise AssertionError("it cannot be loaded")

    loading = asyncio.create_task(load())
    await until((tmp_path / "log").exists)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    await asyncio.sleep(0)
    assert (tmp_path / "log").read_text() == "ended"
