"""Requests and responses of a TypeScript function behind a real uvicorn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from aerostack_dev.runs import Recorded, entered
from aerostack_dev.runtime.host import HandlerError
from aerostack_dev.runtime.hosts.deno.failures import path_of, url_of
from tests.support.asgi import Client, until

from .driving import opened

SOURCE = """
    let cancelled = "", aborted = false, pulled = 0;
    const piece = new Uint8Array(64 * 1024);
    export default {
      async fetch(request: Request, env: any, ctx: any): Promise<Response> {
        const { pathname } = new URL(request.url);
        switch (pathname) {
          case "/upload": {
            let size = 0;
            for await (const chunk of request.body!) size += chunk.byteLength;
            return new Response(String(size));
          }
          case "/echo": return new Response(request.body);
          case "/events": {
            const encoder = new TextEncoder();
            let n = 0;
            return new Response(new ReadableStream({
              pull(controller) {
                if (n === 3) controller.close();
                else controller.enqueue(encoder.encode(`data: ${n++}\\n\\n`));
              },
            }), { headers: { "content-type": "text/event-stream" } });
          }
          case "/endless":
            pulled = 0;
            return new Response(new ReadableStream({
              pull(controller) { pulled++; controller.enqueue(piece); },
              cancel(reason) { cancelled = String(reason); },
            }));
          case "/breaks":
            return new Response(new ReadableStream({
              start(controller) { controller.enqueue(piece); },
              pull(controller) { controller.error(new Error("broken body")); },
            }));
          case "/fixed": {
            const { readable, writable } = new FixedLengthStream(5);
            ctx.waitUntil(new Blob(["fixed"]).stream().pipeTo(writable));
            return new Response(readable);
          }
          case "/form": {
            const form = await request.formData();
            const file = form.get("file") as File;
            return Response.json({ title: form.get("title"), file: await file.text() });
          }
          case "/slow":
            await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
            aborted = true;
            return new Response();
          case "/state": return Response.json({ cancelled, aborted, pulled });
          case "/blob": return new Response(new Blob(["blob"], { type: "text/x" }));
          case "/empty": return new Response(null, { status: 204 });
        }
        const headers = new Headers({ "x-e": "ÿ" });
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        return Response.json({
          method: request.method, url: request.url, cookie: request.headers.get("cookie"),
          body: request.body === null, cf: (request as any).cf.colo, redirect: request.redirect,
          ip: request.headers.has("cf-connecting-ip"),
        }, { headers, status: 201 });
      },
    };
"""
FLAGS = frozenset({"enable_request_signal"})


def answering(function):
    async def app(scope, receive, send):
        try:
            await function.host.fetch(scope, receive, send)
        except HandlerError as error:
            function.errors.append(error)
            raise

    function.errors = []
    return app


@pytest.fixture
async def client(tmp_path, serve):
    async with (
        opened(tmp_path, SOURCE, compatibility_flags=FLAGS) as function,
        serve(answering(function)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        client.function = function
        yield client


async def test_a_request_and_its_response(client):
    answer = await client.get("/p%20q?x=1", headers={"cookie": "c=3"})
    assert answer.status_code == 201
    assert answer.json() == {
        "method": "GET",
        "url": f"{str(client.base_url).rstrip('/')}/p%20q?x=1",
        "cookie": "c=3",
        "body": True,
        "cf": "DFW",
        "redirect": "manual",
        "ip": True,
    }
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert dict(answer.headers.raw)[b"x-e"] == b"\xc3\xbf"


async def test_bodies_in_both_directions(client):
    body = b"0123456789abcdef" * 2**17
    assert (await client.post("/upload", content=body)).text == str(len(body))
    assert (await client.post("/echo", content=body)).content == body
    assert (await client.post("/echo", content=b"small")).content == b"small"
    assert (await client.post("/upload", content=b"")).text == "0"
    form = await client.post("/form", data={"title": "hä"}, files={"file": ("ö.txt", b"content")})
    assert form.json() == {"title": "hä", "file": "content"}


async def test_streams_lengths_and_empty_bodies(client):
    events = await client.get("/events")
    assert events.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert events.headers["transfer-encoding"] == "chunked"
    fixed = await client.get("/fixed")
    assert (fixed.text, fixed.headers["content-length"]) == ("fixed", "5")
    blob = await client.get("/blob")
    assert (blob.text, blob.headers["content-type"]) == ("blob", "text/x")
    empty = await client.get("/empty")
    assert (empty.status_code, "content-length" in empty.headers) == (204, False)
    head = await client.head("/blob")
    assert (head.content, head.headers["content-length"]) == (b"", "4")
    assert (await client.head("/endless")).status_code == 200


async def test_a_reader_that_stops_stops_the_stream(client):
    async with client.stream("GET", "/endless") as answer:
        await anext(answer.aiter_raw())
        state = (await client.get("/state")).json()
        await asyncio.sleep(0)
        # Credit, the sockets' buffers and uvicorn's hold some; then nothing moves on.
        while (later := (await client.get("/state")).json()["pulled"]) != state["pulled"]:
            state["pulled"] = later
            await asyncio.sleep(0.05)
        assert later < 2000
    while not (state := (await client.get("/state")).json())["cancelled"]:
        await asyncio.sleep(0.005)
    assert state["cancelled"] == "Error: The client disconnected."
    await client.function.host.settled()


async def test_a_body_that_breaks_cuts_the_connection(client):
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/breaks")
    (error,) = client.function.errors
    assert error.started
    assert error.failure.message == "broken body"


async def test_a_client_that_leaves_before_the_answer(client):
    async with asyncio.timeout(30):
        request = asyncio.create_task(client.get("/slow"))
        await until(lambda: bool(client.function.host._session.running))
        request.cancel()
        await asyncio.wait({request})
        while not (await client.get("/state")).json()["aborted"]:
            await asyncio.sleep(0.005)
    assert client.function.errors == []


async def test_a_client_that_leaves_during_its_upload(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        client = Client(target="/upload", method="POST", headers=[("content-length", "100")])
        client.pieces = []
        client.gone.set()
        assert await function.host.fetch(client.scope, client.receive, client.send) == 499
        big = Client([b"x", b""], [("transfer-encoding", "chunked")], "/upload", "POST")
        big.scope["headers"] = [h for h in big.scope["headers"] if h[0] != b"content-length"]
        big.pieces = [b"x"]
        original = big.receive

        async def receive():
            message = await original()
            return {**message, "more_body": True} if "body" in message else message

        big.gone.set()
        assert await function.host.fetch(big.scope, receive, big.send) == 499


RESPONSES = [
    ("new Response('', {status: 199})", "RangeError", "range 200 to 599, inclusive."),
    ("new Response('x', {status: 204})", "TypeError", "null body status (101, 204, 205, or 304)"),
    ("Response.redirect('/x')", "TypeError", "Unable to parse URL: /x"),
    ("Response.redirect('http://a/', 305)", "RangeError", "305 is not a redirect status code."),
    ("request.headers.set('a', 'b')", "TypeError", "Can't modify immutable headers."),
    ("crypto.subtle.timingSafeEqual(new Uint8Array(1), new Uint8Array(2))", "TypeError", "same"),
    ("request.text()", "TypeError", "Body has already been used."),
    ("(0, ctx.waitUntil)(1)", "TypeError", "Illegal invocation"),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("code", "name", "text"), RESPONSES)
async def test_what_the_platform_refuses(function, code, name, text):
    found = (await function.run(f"return {code}"))["error"]
    assert found[0] == name
    assert text in found[1]


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_platform_has(function):
    code = """
        const made = new Request(request.url, { cf: { country: "US" } });
        const copy = new Request(made);
        copy.headers.set("a", "b");
        await scheduler.wait(1);
        const { readable, writable } = new IdentityTransformStream();
        new Blob(["through"]).stream().pipeTo(writable);
        const local = new Response("x", { headers: { a: "b" } });
        return [copy.cf.country, copy.headers.get("a"), navigator.userAgent,
                await new Response(readable).text(), local.clone() instanceof Response,
                request instanceof Request, await (await fetch("data:,y")).text(),
                crypto.subtle.timingSafeEqual(new Uint8Array([1]), new Uint8Array([1]).buffer),
                JSON.stringify(env.NOTHING) ?? "none"];
    """
    assert (await function.run(code))["value"] == [
        "US", "b", "Cloudflare-Workers", "through", True, True, "y", True, "none",
    ]  # fmt: skip


async def test_what_is_no_response(tmp_path):
    source = """
        const answers: Record<string, () => unknown> = {
          "/none": () => undefined, "/object": () => ({ a: 1 }), "/error": () => Response.error(),
          "/text": () => "x",
        };
        export default { fetch: (request: Request) => answers[new URL(request.url).pathname]() };
    """
    async with opened(tmp_path, source) as function:
        for path, what in (("none", "undefined"), ("object", "an object of the class Object"),
                           ("error", "Response.error()"), ("text", "a string")):  # fmt: skip
            with pytest.raises(HandlerError) as caught:
                await function(f"/{path}")
            assert caught.value.failure.type == "TypeError"
            assert "did not resolve to 'Response'" in caught.value.failure.message
            assert f"fetch returned {what}." in caught.value.failure.message


async def test_a_streams_own_code_belongs_to_its_invocation(tmp_path):
    source = """
        export default { fetch: (_: Request, env: any) => new Response(new ReadableStream({
          async pull(controller) {
            await env.CACHE.get("k");
            controller.enqueue("text is fine");
            controller.close();
          },
        })) };
    """
    async with opened(tmp_path, source) as function:
        invocation = function.trace.open("fetch", "/")
        with entered(Recorded(invocation)):
            assert (await function()).body == b"text is fine"
        assert invocation.calls == {"CACHE": 1}


async def test_a_response_that_cannot_be_sent_ends_its_stream(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        client = Client(target="/endless")

        async def send(message):
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await function.host.fetch(client.scope, client.receive, send)
        async with asyncio.timeout(20):
            await function.host.settled()


async def test_many_requests_at_once_keep_apart(tmp_path):
    source = """
        export default { async fetch(request: Request, env: any) {
          const key = new URL(request.url).pathname;
          await env.CACHE.put(key, key);
          return new Response(await env.CACHE.get(key));
        } };
    """
    async with opened(tmp_path, source) as function:
        answers = await asyncio.gather(*(function(f"/{n}") for n in range(100)))
        assert [answer.body for answer in answers] == [f"/{n}".encode() for n in range(100)]
        await function.host.settled()


def test_it_runs_on_the_loop_of_the_server(tmp_path):
    uvloop = pytest.importorskip("uvloop")

    async def answer():
        async with opened(tmp_path, SOURCE) as function:
            big = await function("/echo", "POST", b"x" * 300_000)
            return (await function("/blob")).body, len(big.body)

    assert uvloop.run(answer()) == (b"blob", 300_000)


@pytest.mark.parametrize("path", ["/a/b.ts", "/a b/ä#?.ts", "/a%20b/100%25.ts"])
def test_the_url_of_a_file_leads_back_to_it(path):
    assert path_of(url_of(Path(path))) == path
