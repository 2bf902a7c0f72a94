"""`caches` of a TypeScript function: the face here, the rules in test_caching.py."""

from __future__ import annotations

import httpx
import pytest

from aerostack_dev.runtime import caches as caches_module
from aerostack_dev.runtime.caches import Caches
from tests.support.asgi import until

from .staging import staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUT = """
    const url = "https://example.test/%s";
    const store = (init, body = "kept", at = url) =>
      caches.default.put(at, new Response(body, init));
    const found = async (init, options) => {
      const response = await caches.default.match(new Request(url, init), options);
      return response && [response.status, await response.text()];
    };
"""


async def run(function, name, code):
    return await function.run(PUT % name + code)


async def test_put_match_and_delete(function):
    code = """
        await store({ headers: { "content-type": "text/x", "cache-control": "max-age=60" } });
        const response = await caches.default.match(new Request(url + "#fragment"));
        const { headers } = response;
        const seen = [headers.get("content-type"), headers.get("cf-cache-status"),
                      headers.get("age"), await response.text()];
        const named = await caches.open("named");
        await named.put(url, Response.json({ a: 1 }));
        const other = await (await named.match(url)).json();
        const first = await caches.default.delete(url);
        return [seen, other, first, await caches.default.delete(url),
                (await caches.default.match(url)) === undefined,
                (await (await caches.open("named")).match(url)).status];
    """
    assert (await run(function, "basics", code))["value"] == [
        ["text/x", "HIT", "0", "kept"], {"a": 1}, True, False, True, 200,
    ]  # fmt: skip


async def test_bodies_and_methods(function):
    code = """
        const big = new Uint8Array(1024 * 1024).fill(7);
        await store({}, new Blob([big]).stream());
        const back = new Uint8Array(await (await caches.default.match(url)).arrayBuffer());
        await store({ status: 404 }, null);
        return [back.length, back.every((each) => each === 7), await found(),
                await found({ method: "POST" }), await found({ method: "HEAD" }),
                (await found({ method: "POST" }, { ignoreMethod: true }))[0],
                await caches.default.delete(new Request(url, { method: "POST" })),
                await caches.default.delete(
                  new Request(url, { method: "POST" }), { ignoreMethod: true })];
    """
    assert (await run(function, "bodies", code))["value"] == [
        1048576, True, [404, ""], None, None, 404, False, True,
    ]  # fmt: skip


async def test_conditions_and_ranges(function):
    code = """
        const headers = { etag: '"v1"', "last-modified": "Tue, 01 Sep 2026 10:00:00 GMT" };
        await store({ headers }, "0123456789");
        const at = (headers) => found({ headers });
        const end = new Request(url, { headers: { range: "bytes=-3" } });
        const part = await caches.default.match(end);
        return [await at({ "if-none-match": '"v1"' }), await at({ "if-none-match": '"v2"' }),
                await at({ "if-modified-since": "Tue, 01 Sep 2026 10:00:00 GMT" }),
                await at({ range: "bytes=2-4" }), await at({ range: "bytes=20-" }),
                part.headers.get("content-range"), await part.text()];
    """
    assert (await run(function, "conditions", code))["value"] == [
        [304, ""], [200, "0123456789"], [304, ""], [206, "234"], [416, ""],
        "bytes 7-9/10", "789",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("caches.default.put(new Request(url, {method: 'POST'}), new Response())", "non-GET"),
        ("store({status: 206})", "206 Partial Content"),
        ("store({headers: {vary: 'accept, *'}})", "'Vary: *'"),
        ("caches.default.put('/path', new Response())", "Invalid URL"),
        ("caches.default.put('data:,x', new Response())", "fully-qualified"),
        ("caches.default.put(url, 'text')", "parameter 2 is not of type 'Response'"),
        ("new Cache()", "Illegal constructor"),
        ("(r => r.text().then(() => caches.default.put(url, r)))(new Response('x'))", "already be"),
        ("(r => r.headers.set('a', 'b'))(await (await store({}), caches.default.match(url)))",
         "Can't modify immutable headers."),
    ],
)  # fmt: skip
async def test_what_caches_refuse(function, code, text):
    found = (await run(function, "refused", f"return {code}"))["error"]
    assert found[0] == "TypeError"
    assert text in found[1]


async def test_a_body_that_breaks_is_not_kept(function, caplog):
    code = """
        const body = new ReadableStream({ pull(c) { c.error(new RangeError("broken")) } });
        const error = await store({}, body).catch((error) => [error.name, error.message]);
        return [error, (await found()) === undefined];
    """
    assert (await run(function, "broken", code))["value"] == [["RangeError", "broken"], True]
    assert caplog.messages == []  # nothing of ours went wrong


async def test_they_survive_a_reload_and_follow_the_clock(tmp_path):
    source = """
        export default { async fetch(request: Request) {
          const cache = caches.default;
          const kept = await cache.match(request);
          if (kept) return kept;
          const made = new Response("made", { headers: { "cache-control": "s-maxage=60" } });
          await cache.put(request, made.clone());
          return made;
        } };
    """
    async with (
        staged(tmp_path, {"src/index.ts": source}) as stage,
        httpx.AsyncClient(base_url=stage.url) as client,
    ):
        assert "cf-cache-status" not in (await client.get("/")).headers
        await stage.runtime.reload()
        stage.clock.advance(59)
        hit = await client.get("/")
        assert (hit.headers["cf-cache-status"], hit.headers["age"], hit.text) == (
            "HIT",
            "59",
            "made",
        )
        await until(lambda: len(stage.seen) == 2)
        assert stage.seen[-1].calls == {"caches": 1}
        stage.clock.advance(1)
        assert "cf-cache-status" not in (await client.get("/")).headers


async def test_they_have_a_limit(function, monkeypatch, caplog):
    monkeypatch.setattr(caches_module, "LARGEST", 100_000)
    code = """
        const at = (n) => `${url}/${n}`;
        for (let n = 0; n < 3; n++) await store({}, "x".repeat(30_000), at(n));
        await caches.default.match(at(0));
        await store({}, "x".repeat(30_000), at(3));
        await store({}, "x".repeat(200_000), at(4));
        const there = [];
        for (let n = 0; n < 5; n++) there.push(!!await caches.default.match(at(n)));
        return there;
    """
    assert (await run(function, "limit", code))["value"] == [True, False, True, True, False]
    assert "is too large to be kept" in caplog.messages[-1]


async def test_only_its_operations_are_reached(function):
    from aerostack_dev.errors import BindingError
    from aerostack_dev.runtime.hosts.deno.calls import Reach

    with pytest.raises(BindingError, match="no operation 'clear'"):
        await Reach(function.bindings, Caches(function.clock), {}).cache("clear", [])
