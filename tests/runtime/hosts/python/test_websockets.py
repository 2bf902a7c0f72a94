"""WebSockets of an ASGI application: FastAPI's own code, real clients, a real server."""

from __future__ import annotations

import asyncio
from textwrap import dedent

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aerostack_dev.runtime.hosts.python.websockets import Conversation
from aerostack_dev.runtime.upgrades import Upgrade
from tests.support.asgi import http_scope, until

from ..deno.staging import Stage, staged

SOURCE = """
    import asyncio
    from fastapi import FastAPI, WebSocket
    from fastapi.responses import PlainTextResponse

    app = FastAPI()
    room = set()
    left = []

    @app.websocket("/chat/{name}")
    async def chat(socket: WebSocket, name: str):
        env = socket.scope["env"]
        if name == "nobody":
            return await socket.close()
        if name == "denied":
            await socket.send_denial_response(PlainTextResponse("not you", status_code=401))
            raise ValueError("after its answer")
        if name == "early":
            raise ValueError("before the handshake")
        asked = socket.scope["subprotocols"]
        await socket.accept(subprotocol=asked[0] if asked else None, headers=[(b"x-room", b"7")])
        room.add(socket)
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    left.append([name, message["code"]])
                    return
                text = message.get("text")
                if text == "raise":
                    raise ValueError("in the conversation")
                if text == "leave":
                    return await socket.close(4001, "as you wish")
                if text == "visit":
                    await env.CACHE.put("visit", name)
                    await socket.send_text(await env.CACHE.get("visit"))
                elif text == "sleep":
                    await asyncio.sleep(3600)
                elif text is not None:
                    for other in room - {socket}:
                        await other.send_text(f"{name}: {text}")
                else:
                    await socket.send_bytes(message["bytes"])
        finally:
            room.discard(socket)

    @app.get("/left")
    async def who():
        return left
"""


@pytest.fixture
async def stage(tmp_path):
    async with staged(tmp_path, {"src/index.py": dedent(SOURCE)}) as stage, asyncio.timeout(60):
        yield stage


async def ended(client) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        await client.recv()
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def test_a_chat(stage: Stage, caplog):
    address = f"{stage.address}/chat"
    async with (
        connect(f"{address}/ann", subprotocols=["chat"]) as ann,
        connect(f"{address}/bob") as bob,
    ):
        assert (ann.subprotocol, ann.response.headers["x-room"]) == ("chat", "7")
        await ann.send("hello")
        assert await bob.recv() == "ann: hello"
        await bob.send(b"\0\xff")
        assert await bob.recv() == b"\0\xff"
        await bob.send("visit")
        assert await bob.recv() == "bob"
        await until(lambda: len(stage.seen) == 2)
        assert [(each.name, each.status) for each in stage.seen] == [
            ("GET /chat/ann", 101), ("GET /chat/bob", 101),
        ]  # fmt: skip
        assert stage.seen[1].calls == {"CACHE": 2}
        await stage.runtime.settled()
        await ann.send("leave")
        assert await ended(ann) == (4001, "as you wish")
        await bob.send("raise")
        assert (await ended(bob))[0] == 1011
    assert "ValueError: in the conversation" in caplog.text


async def test_what_is_no_conversation(stage: Stage, caplog):
    for path, status, text in (
        ("denied", 401, b"not you"),
        ("nobody", 403, b""),
        ("early", 500, b"before the handshake"),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{stage.address}/chat/{path}")
        assert refused.value.response.status_code == status
        assert text in refused.value.response.body
    assert "ValueError: after its answer" in caplog.text
    async with connect(f"{stage.address}/chat/ann") as ann:
        ann.transport.abort()
    async with httpx.AsyncClient(base_url=stage.url) as client, asyncio.timeout(20):
        while (await client.get("/left")).json() != [["ann", 1006]]:
            await asyncio.sleep(0.005)


async def test_a_reload_sends_clients_away(stage: Stage, monkeypatch):
    monkeypatch.setattr("aerostack_dev.runtime.hosts.python.host.GRACE_SECONDS", 0.1)
    async with (
        connect(f"{stage.address}/chat/ann") as ann,
        connect(f"{stage.address}/chat/bob") as bob,
    ):
        await bob.send("sleep")
        await stage.runtime.reload()
        for client in (ann, bob):
            assert await ended(client) == (1012, "the function was replaced or closed")
        await until(lambda: not stage.runtime.functions.main.slot._retiring)
    async with connect(f"{stage.address}/chat/ann") as ann:
        await ann.send(b"new")
        assert await ann.recv() == b"new"


async def test_a_function_without_an_application_answers_as_ever(tmp_path):
    source = """from workers import Response

def fetch(request):
    return Response(request.headers["upgrade"], status=426)
"""
    async with staged(tmp_path, {"src/index.py": source}) as stage:
        with pytest.raises(InvalidStatus) as refused:
            await connect(stage.address)
        assert refused.value.response.status_code == 426
        assert refused.value.response.body == b"websocket"


async def test_a_client_that_left_before_its_handshake(stage: Stage, caplog):
    heard: list[str] = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        heard.append(message["type"])
        raise ConnectionResetError

    headers = [(b"host", b"localhost"), (b"upgrade", b"websocket")]
    scope = {
        **http_scope("/chat/ann", "GET", headers),
        "type": "websocket",
        "scheme": "ws",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    upgrade = Upgrade(scope, receive, send)
    assert await stage.runtime.fetch(upgrade.scope, upgrade.receive, upgrade.send) == 499
    await upgrade.converse()
    assert heard == ["websocket.accept"]
    assert caplog.messages == []


class Line:
    """The server's side of a WebSocket, without a server."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.arriving: asyncio.Queue[dict] = asyncio.Queue()
        self.upgrade = Upgrade({"type": "websocket"}, self.arriving.get, self.send)
        self.errors: list[BaseException] = []
        self.conversation = Conversation(self.upgrade, self.errors.append)

    async def send(self, message) -> None:
        self.sent.append(message)

    def begin(self, app):
        return self.conversation.begin(app, {})


async def accepted(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})


async def test_an_application_that_does_not_answer():
    async def app(scope, receive, send):
        assert scope == {"type": "websocket", "scheme": None, "extensions": {}}

    with pytest.raises(RuntimeError, match="ended without an answer to the WebSocket"):
        await Line().begin(app)


async def test_a_handshake_that_is_given_up():
    ended = asyncio.Event()

    async def app(scope, receive, send):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    handshake = asyncio.create_task(Line().begin(app))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    handshake.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handshake
    await ended.wait()


async def test_an_application_that_fails_closes_the_socket():
    async def app(scope, receive, send):
        await accepted(scope, receive, send)
        raise ValueError("late")

    line = Line()
    assert await line.begin(app) == 101
    await line.upgrade.converse()
    assert line.sent[1:] == [{"type": "websocket.close", "code": 1011, "reason": ""}]
    assert [str(error) for error in line.errors] == ["late"]


async def test_an_application_that_sends_after_the_end():
    go = asyncio.Event()

    async def app(scope, receive, send):
        await accepted(scope, receive, send)
        await go.wait()
        await send({"type": "websocket.send", "text": "late"})

    line = Line()
    assert await line.begin(app) == 101
    await line.conversation.end()
    await line.conversation.end()
    go.set()
    await line.upgrade.converse()
    assert [message.get("code") for message in line.sent] == [None, 1012]
    assert isinstance(line.errors[0], ConnectionResetError)
