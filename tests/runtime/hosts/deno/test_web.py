"""What the platform has beyond the web's own classes, or has otherwise."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.asgi import until

from .driving import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("SHA-1", "sha1"), ("sha-256", "sha256"), ("SHA-384", "sha384"), ("SHA-512", "sha512"),
     ("MD5", "md5")],
)  # fmt: skip
async def test_digest_streams(function, name, algorithm):
    code = f"""
        const stream = new crypto.DigestStream("{name}");
        const writer = stream.getWriter();
        writer.write("häl");
        writer.write(new Uint8Array([1, 2, 3]).subarray(1));
        writer.write(new Uint8Array([4]).buffer);
        await writer.close();
        const digest = await stream.digest;
        const other = new crypto.DigestStream({{ name: "{name}" }});
        await new Response("x").body.pipeTo(other);
        return [[...new Uint8Array(digest)], digest instanceof ArrayBuffer,
                stream.bytesWritten, (await other.digest).byteLength];
    """
    expected = hashlib.new(algorithm, "häl".encode() + bytes([2, 3, 4])).digest()
    found = (await function.run(code))["value"]
    assert found == [[*expected], True, 7, len(expected)]


REFUSED = [
    ("new crypto.DigestStream('CRC32')", "NotSupportedError", "requested: CRC32"),
    ("(s => (s.getWriter().write(1).catch(() => {}), s.digest))(new crypto.DigestStream('MD5'))",
     "TypeError", "DigestStream is a byte stream"),
    ("(s => (s.abort(new RangeError('no')), s.digest))(new crypto.DigestStream('MD5'))",
     "RangeError", "no"),
    ("new FixedLengthStream(-1)", "TypeError", "requires an integer expectedLength"),
    ("through(new FixedLengthStream(1), 'xx')", "TypeError", "too many bytes"),
    ("through(new FixedLengthStream(3), 'xx')", "TypeError", "did not see all expected bytes"),
    ("new Headers().getAll('a')", "TypeError", 'with the header name "Set-Cookie"'),
    ("new Response('', {encodeBody: 'x'})", "TypeError", "encodeBody"),
    ("scheduler.wait(9e6, {signal: AbortSignal.abort(new Error('enough'))})", "Error", "enough"),
    ("scheduler.wait(9e6, {signal: AbortSignal.timeout(1)})", "TimeoutError", ""),
    ("(await fetch('data:,x')).headers.set('a', 'b')", "TypeError", "Can't modify immutable"),
    ("request.headers.delete('a')", "TypeError", "Can't modify immutable"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "name", "text"), REFUSED)
async def test_what_is_refused(function, code, name, text):
    through = """
        const through = ({ readable, writable }, text) => {
          new Response(text).body.pipeTo(writable).catch(() => {});
          return new Response(readable).text();
        };
    """
    found = (await function.run(f"{through} return {code}"))["error"]
    assert found[0] == name
    assert text in found[1]


async def test_requests_and_headers(function):
    code = """
        const headers = new Headers();
        headers.append("set-cookie", "a=1; Expires=Tue, 01 Sep 2026 10:00:00 GMT");
        headers.append("Set-Cookie", "b=2");
        const made = new Request("https://a.test/", { cf: { a: 1 }, method: "POST", body: "x" });
        const twin = made.clone();
        const again = new Request(made, { method: "PUT", headers: { "x-a": "b" } });
        return [headers.getAll("Set-Cookie"), headers.getSetCookie().length,
                twin.cf.a, await twin.text(), again.cf.a, again.method, again.headers.get("x-a"),
                typeof performance.timeOrigin, self === globalThis, navigator.userAgent];
    """
    assert (await function.run(code))["value"] == [
        ["a=1; Expires=Tue, 01 Sep 2026 10:00:00 GMT", "b=2"], 2,
        1, "x", 1, "PUT", "b", "number", True, "Cloudflare-Workers",
    ]  # fmt: skip


async def test_a_clone_of_what_came_in(tmp_path):
    source = """
        export default { async fetch(request: Request) {
          const clone: any = request.clone();
          let error = "";
          try { clone.headers.set("a", "b"); } catch ({ message }) { error = message; }
          const copy: any = new Request(request.clone(), { headers: { "x-c": "d" } });
          copy.headers.set("x-e", "f");
          const texts = [await request.text(), await clone.text()];
          return Response.json([texts, clone.cf, clone instanceof Request, error,
                                copy.cf.colo, [...copy.headers.keys()]]);
        } };
    """
    async with opened(tmp_path, source) as function:
        texts, place, instance, error, *copy = json.loads(
            (await function("/", "POST", b"twice")).body
        )
        assert texts == ["twice", "twice"]
        assert (place["colo"], place["httpProtocol"]) == ("DFW", "HTTP/1.1")
        assert instance
        assert error == "Can't modify immutable headers."
        assert copy == ["DFW", ["x-c", "x-e"]]


@pytest_asyncio.fixture(loop_scope="module")
async def zipped() -> AsyncIterator[int]:
    """The port of a server whose only answer is compressed."""
    body = gzip.compress(b"of the origin")
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_encoded_bodies(tmp_path, function, zipped):
    source = """
        const gzipped = (text: string) =>
          new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")));
        export default { async fetch(request: Request) {
          const headers = { "content-encoding": "gzip" };
          const { pathname } = new URL(request.url);
          if (pathname === "/auto") return new Response("by the platform", { headers });
          if (pathname === "/br") {
            return new Response("by the platform", { headers: { "content-encoding": "br" } });
          }
          if (pathname === "/passed") return fetch(await request.text());
          if (pathname === "/copied") {
            const response = await fetch(await request.text());
            return new Response(response.body, response);
          }
          const init = { headers, encodeBody: "manual" } as ResponseInit;
          return new Response(await gzipped("by the author").arrayBuffer(), init);
        } };
    """
    async with opened(tmp_path, source) as made:
        automatic = await made("/auto")
        assert gzip.decompress(automatic.body) == b"by the platform"
        assert automatic.headers["content-encoding"] == "gzip"
        assert gzip.decompress((await made("/manual")).body) == b"by the author"
        origin = f"http://127.0.0.1:{zipped}/".encode()
        for path in ("/passed", "/copied"):
            answer = await made(path, "POST", origin)
            assert answer.headers["content-encoding"] == "gzip"
            assert "content-length" not in answer.headers
            assert gzip.decompress(answer.body) == b"of the origin"
        brotli = list((await made("/br")).body)
        unpacked = f"""
            const body = new Blob([new Uint8Array({brotli})]).stream();
            return new Response(body.pipeThrough(new DecompressionStream("brotli"))).text();
        """
        assert (await function.run(unpacked))["value"] == "by the platform"


async def test_rejections_that_the_author_handles(tmp_path, caplog):
    source = """
        const seen: string[] = [];
        addEventListener("unhandledrejection", (event: any) => {
          seen.push(event.reason.message);
          if (event.reason.message === "mine") event.preventDefault();
        });
        export default { fetch(request: Request) {
          const { pathname } = new URL(request.url);
          if (pathname === "/seen") return Response.json(seen);
          Promise.reject(new Error(pathname.slice(1)));
          return new Response();
        } };
    """
    async with opened(tmp_path, source) as function:
        with caplog.at_level(logging.ERROR, "aerostack.function"):
            await function("/mine")
            await function("/ours")
            await until(lambda: bool(caplog.messages))
        assert (await function("/seen")).body == b'["mine","ours"]'
        assert [message.splitlines()[0] for message in caplog.messages] == [
            "Uncaught (in promise) Error: ours"
        ]
