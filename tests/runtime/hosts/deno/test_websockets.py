"""WebSockets of a TypeScript function: real clients, real uvicorn, a real child."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aerostack_dev.runtime.upgrades import Upgrade
from tests.support.asgi import http_scope, until
from tests.support.server import serving

from .driving import opened
from .staging import Stage, staged

CHAT = """
    const room = new Set<any>();
    const closed: unknown[] = [];
    export default {
      async fetch(request: Request, env: any, ctx: any) {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === "/closed") return Response.json(closed.splice(0));
        if (request.headers.get("Upgrade") !== "websocket") {
          return new Response("Expected Upgrade: websocket", { status: 426 });
        }
        if (pathname === "/refused") return new Response("not you", { status: 403 });
        if (pathname === "/throws") throw new Error("no handshake");
        if (pathname === "/flood") return new Response(new ReadableStream({
          pull(controller) { controller.enqueue(new Uint8Array(65536)); },
        }));
        if (pathname === "/proxy") {
          const target = searchParams.get("to")!;
          return fetch(target, request);
        }
        const [client, server] = Object.values(new WebSocketPair()) as any[];
        if (pathname !== "/deaf") server.accept();
        room.add(server);
        const counted = env.CACHE.put("visits", "1");
        ctx.waitUntil(counted);
        server.addEventListener("message", async ({ data }: any) => {
          if (data === "leave") server.close(4001, "as you wish");
          else if (data === "plain") server.close();
          else if (data === "throw") throw new Error("in a listener");
          else if (data === "crash") Deno.exit(3);
          else if (data === "visits") {
            console.log("counting");
            await counted;
            server.send(await env.CACHE.get("visits"));
          } else if (data === "flood") {
            for (let n = 0; n < 64; n++) server.send(new Uint8Array(65536).fill(n));
          } else if (typeof data === "string") {
            for (const each of room) if (each !== server) each.send(data);
          } else server.send(data);
        });
        server.addEventListener("close", ({ code, reason, wasClean }: any) => {
          room.delete(server);
          closed.push([code, reason, wasClean, server.readyState]);
        });
        const headers = { "x-room": "7", "sec-websocket-protocol": "chat" };
        const chosen = request.headers.has("sec-websocket-protocol") ? headers : undefined;
        return new Response(null, { status: 101, webSocket: client, headers: chosen } as any);
      },
    };
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory) -> AsyncIterator[Stage]:
    files = {"src/index.ts": CHAT}
    async with staged(tmp_path_factory.mktemp("chat"), files) as stage, asyncio.timeout(60):
        yield stage


@contextlib.asynccontextmanager
async def joined(stage: Stage, path: str = "/chat", **options) -> AsyncIterator[ClientConnection]:
    async with connect(stage.address + path, max_size=None, **options) as client:
        yield client


async def closed(stage: Stage) -> list[list]:
    """What close events the function has seen since it was last asked."""
    async with httpx.AsyncClient(base_url=stage.url) as client:
        found: list[list] = []
        while not found:
            found = (await client.get("/closed")).json()
        return found


async def test_a_chat_between_two_clients(stage):
    async with joined(stage) as ann, joined(stage) as bob:
        await ann.send("hello, bob")
        assert await bob.recv() == "hello, bob"
        await bob.send("hällo 🙂")
        assert await ann.recv() == "hällo 🙂"
        data = bytes(range(256)) * 4096
        await bob.send(data)
        assert await bob.recv() == data
        await bob.send(b"")
        assert await bob.recv() == b""
        await ann.close(4100, "good night")
        assert await closed(stage) == [[4100, "good night", True, 3]]
    assert await closed(stage) == [[1000, "", True, 3]]


async def test_one_invocation_and_what_belongs_to_it(stage, caplog):
    stage.seen.clear()
    async with joined(stage) as client:
        await until(lambda: any(each.name == "GET /chat" for each in stage.seen))
        (invocation,) = (each for each in stage.seen if each.name == "GET /chat")
        assert (invocation.name, invocation.status) == ("GET /chat", 101)
        with caplog.at_level(logging.INFO, "aerostack.function"):
            await client.send("visits")
            assert await client.recv() == "1"
            await until(lambda: "counting" in caplog.messages)
        assert invocation.calls == {"CACHE": 2}
        await stage.runtime.settled()  # an open socket is nothing to wait for
    await closed(stage)


async def test_the_function_ends_it(stage):
    async with joined(stage) as client:
        await client.send("leave")
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (4001, "as you wish")
    assert await closed(stage) == [[4001, "as you wish", True, 3]]
    async with joined(stage) as client:
        await client.send("plain")
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert ended.value.rcvd.code == 1005
    assert await closed(stage) == [[1005, "", True, 3]]


async def test_a_client_that_vanishes(stage):
    async with joined(stage) as client:
        client.transport.abort()
    assert await closed(stage) == [
        [1006, "WebSocket disconnected without sending Close frame.", False, 3]
    ]


async def test_an_error_in_a_listener_ends_nothing(stage, caplog):
    async with joined(stage) as client:
        with caplog.at_level(logging.ERROR, "aerostack.function"):
            await client.send("throw")
            await client.send(b"still there")
            assert await client.recv() == b"still there"
            await until(lambda: bool(caplog.messages))
    assert caplog.messages[0].startswith("Uncaught (in promise) Error: in a listener\n    at ")
    assert "ext:" not in caplog.messages[0]
    await closed(stage)


async def test_a_slow_client_gets_everything(stage):
    async with joined(stage) as client:
        await client.send("flood")
        for n in range(64):
            assert await client.recv() == bytes([n]) * 65536
    await closed(stage)


async def test_a_function_that_does_not_listen_slows_its_client_down(stage):
    async with joined(stage, "/deaf", compression=None, write_limit=1024) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    await client.send(bytes(1024 * 1024))
        client.transport.abort()
    async with joined(stage) as other:  # nobody else is slowed down
        await other.send(b"x")
        assert await other.recv() == b"x"
    assert (await closed(stage))[-1][0] == 1000


async def test_messages_have_a_limit(stage):
    async with joined(stage) as client:
        await client.send(bytes(32 * 1024 * 1024 + 1))
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert ended.value.rcvd.code == 1009
    assert (await closed(stage))[0][0] == 1009


async def test_the_handshake(stage):
    async with joined(stage, subprotocols=["chat", "more"]) as client:
        assert client.subprotocol == "chat"
        assert client.response.headers["x-room"] == "7"
    await closed(stage)
    for path, status, body in (
        ("/refused", 403, b"not you"),
        ("/throws", 500, b'"message":"no handshake"'),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(stage.address + path)
        assert refused.value.response.status_code == status
        assert body in refused.value.response.body
    with pytest.raises(InvalidStatus) as refused:
        await connect(stage.address + "/flood")
    assert len(refused.value.response.body) <= 1024 * 1024
    async with httpx.AsyncClient(base_url=stage.url) as client:
        assert (await client.get("/chat")).status_code == 426


async def test_a_foreign_host_reaches_nothing(stage):
    stage.seen.clear()
    with pytest.raises(InvalidStatus) as refused:
        await connect(stage.address + "/chat", additional_headers={"Host": "evil.example"})
    assert refused.value.response.status_code == 403
    assert not [each for each in stage.seen if each.name == "GET /chat"]
    # The Origin is the function's own business.
    async with joined(stage, origin="https://elsewhere.example"):
        pass
    await closed(stage)


async def test_a_connection_to_another_server(stage):
    async def echo(other):
        async for message in other:
            await other.send(message if isinstance(message, bytes) else f"other: {message}")

    async with serve_websockets(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with joined(stage, f"/proxy?to=http://127.0.0.1:{port}/") as client:
            await client.send("through")
            assert await client.recv() == "other: through"
            await client.send(b"\0\xff")
            assert await client.recv() == b"\0\xff"
            await client.close(4010, "enough")
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{stage.address}/proxy?to=http://127.0.0.1:1/")
    assert b"did not answer with a WebSocket" in refused.value.response.body


async def test_a_crash_ends_the_sockets(stage):
    async with joined(stage) as one, joined(stage) as other:
        await one.send("crash")
        for client in (one, other):
            with pytest.raises(ConnectionClosed) as ended:
                await client.recv()
            assert ended.value.rcvd.code == 1011
            assert "process of the function ended" in ended.value.rcvd.reason
    async with joined(stage) as client:  # in a fresh child
        await client.send(b"again")
        assert await client.recv() == b"again"
    await closed(stage)


async def test_a_reload_sends_clients_away_at_once(stage):
    async with joined(stage) as client:
        await stage.runtime.reload()
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (
            1012,
            "the function was replaced or closed",
        )
    async with joined(stage) as client:
        await client.send(b"new")
        assert await client.recv() == b"new"
    await closed(stage)


async def test_whoever_cannot_take_a_socket(tmp_path_factory):
    async with opened(tmp_path_factory.mktemp("kit"), CHAT) as function:
        with pytest.raises(Exception, match="which this caller cannot take"):
            await function("/chat", headers=[("upgrade", "websocket")])
        async with asyncio.timeout(20):
            await function.host.settled()
        assert b"1006" in (await function("/closed")).body


async def test_a_client_that_left_before_its_handshake(stage, caplog):
    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        raise ConnectionResetError

    headers = [(b"host", b"localhost"), (b"upgrade", b"websocket")]
    scope = {**http_scope("/chat", "GET", headers), "type": "websocket", "scheme": "ws"}
    upgrade = Upgrade(scope, receive, send)
    assert await stage.runtime.fetch(upgrade.scope, upgrade.receive, upgrade.send) == 499
    await upgrade.converse()
    assert (await closed(stage))[0][0] == 1006
    await upgrade.send({"type": "http.response.start", "status": 200, "headers": []})
    assert caplog.messages == []


async def test_a_chat_beside_the_terminal(tmp_path):
    """The whole server: its lines, and how its end ends the sockets."""
    with serving(tmp_path, {"src/index.ts": CHAT}) as server:
        address = server.url.replace("http", "ws")
        async with (
            asyncio.timeout(30),
            connect(f"{address}/chat") as ann,
            connect(f"{address}/chat") as bob,
        ):
            await ann.send("hi")
            assert await bob.recv() == "hi"
            server.process.terminate()
            for client in (ann, bob):
                with pytest.raises(ConnectionClosed) as ended:
                    await client.recv()
                assert ended.value.rcvd.code == 1012
        assert server.wait() == 0
        assert server.output.count("GET /chat 101 ") == 2
        assert "Traceback" not in server.output


REFUSED = [
    ("new WebSocketPair()[1].send('x')", "TypeError", "You must call one of accept()"),
    ("new WebSocketPair()[1].close()", "TypeError", "You must call one of accept()"),
    ("pair().close(1005)", "TypeError", "Invalid WebSocket close code: 1005."),
    ("pair().close(999)", "TypeError", "Invalid WebSocket close code: 999."),
    ("pair().close(undefined, 'why')", "TypeError", "you must also specify a code."),
    ("pair().close(1000, 'x'.repeat(124))", "SyntaxError", "not be longer than 123 bytes"),
    ("pair().send()", "TypeError", "1 argument required"),
    ("(w => (w.close(), w.send('x')))(pair())", "TypeError", "Can't call WebSocket send() after"),
    ("answer(pair())", "TypeError", "Can't return WebSocket in a Response after calling accept()."),
    ("answer({})", "TypeError", "must be one of a WebSocketPair"),
    ("answer(new WebSocketPair()[0], 200)", "RangeError", "must have status code 101."),
    ("new Response(null, {status: 101})", "RangeError", "range 200 to 599"),
    ("answer(new WebSocketPair()[0], 101, 'x')", "TypeError", "cannot have a body."),
    ("answer(new WebSocketPair()[0]).clone()", "TypeError", "Cannot clone a response to a WebS"),
]  # fmt: skip
HELPERS = """
    const pair = () => { const end = new WebSocketPair()[0]; end.accept(); return end; };
    const answer = (webSocket, status = 101, body = null) =>
      new Response(body, { status, webSocket });
"""


@pytest.mark.parametrize(("code", "name", "text"), REFUSED)
async def test_what_sockets_refuse(function, code, name, text):
    found = (await function.run(f"{HELPERS} return {code}"))["error"]
    assert found[0] == name
    assert text in found[1]


async def test_a_pair_within_the_function(function):
    code = """
        const [one, other] = new WebSocketPair();
        const got = [];
        other.send = other.send.bind(other);
        other.accept();
        other.accept();
        other.send("kept until accept");
        other.onmessage = ({ data }) => {
          got.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
          if (data === "end") other.close(1000, "over");
        };
        const closed = new Promise((resolve) => one.addEventListener("close", resolve));
        one.addEventListener("message", ({ data }) => got.push("one: " + data));
        one.binaryType = "blob";
        const states = [one.readyState];
        one.accept();
        const bytes = new Uint8Array([1, 2, 3]);
        one.send(bytes.subarray(1));
        one.send(bytes.buffer);
        bytes.fill(9);
        one.send("\\ud800");
        one.send("end");
        const { code, reason, wasClean } = await closed;
        states.push(one.readyState, other.readyState);
        one.close();
        one.close();
        await scheduler.wait(1);
        states.push(one.readyState, other.readyState);
        one.serializeAttachment({ name: "ann" });
        const response = new Response(null, { status: 101, webSocket: new WebSocketPair()[0] });
        const again = new Response(response.body, response);
        return [got, states, code, reason, wasClean, one.deserializeAttachment(),
                again.status, again.statusText, again.ok, again.webSocket === response.webSocket,
                new Response().webSocket, WebSocket.READY_STATE_OPEN, one.OPEN];
    """
    assert (await function.run(code))["value"] == [
        ["one: kept until accept", [2, 3], [1, 2, 3], "�", "end"],
        [1, 2, 2, 3, 3], 1000, "over", True, {"name": "ann"},
        101, "Switching Protocols", False, True, None, 1, 1,
    ]  # fmt: skip


async def test_a_socket_without_an_upgrade(function):
    source = """
        export default { fetch: () =>
          new Response(null, { status: 101, webSocket: new WebSocketPair()[0] } as any) };
    """
    async with opened(function.root / "plain", source) as plain:
        with pytest.raises(Exception, match='contain the header "Upgrade: websocket"'):
            await plain()


async def test_a_client_of_another_server(function):
    async def echo(other):
        await other.send(other.subprotocol or "")
        async for message in other:
            await other.send(message)
            await other.close(4321, "that is all")

    async with serve_websockets(echo, "127.0.0.1", 0, subprotocols=["a"]) as server:
        port = server.sockets[0].getsockname()[1]
        code = f"""
            const url = "ws://127.0.0.1:{port}/";
            const run = (socket) => new Promise((resolve, reject) => {{
              const got = [];
              socket.addEventListener("message", ({{ data }}) => got.push(data));
              socket.addEventListener("error", reject);
              socket.addEventListener("close", ({{ code, reason }}) =>
                resolve([...got, code, reason]));
            }});
            const made = new WebSocket(url, ["a"]);
            const early = made.readyState;
            const ended = run(made);
            await new Promise((resolve) => made.onopen = resolve);
            made.send("one");
            const headers = {{ Upgrade: "websocket", "sec-websocket-protocol": "a" }};
            const response = await fetch(url.replace("ws", "http"), {{ headers }});
            const socket = response.webSocket;
            socket.accept();
            const other = run(socket);
            socket.send("two");
            return [early, made.protocol, await ended, response.status, await other];
        """
        assert (await function.run(code))["value"] == [
            0, "a", ["a", "one", 4321, "that is all"],
            101, ["a", "two", 4321, "that is all"],
        ]  # fmt: skip
