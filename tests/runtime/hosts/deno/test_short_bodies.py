"""Bodies that are here whole: they cross with the frame they belong to, and are streams still."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .driving import Driven, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOURCE = """
    const AsyncFunction = (async () => {}).constructor as any;
    function changed(response: Response): Response {
      response.headers.set("content-type", "text/html");
      return response;
    }
    export default {
      async fetch(request: Request, env: any) {
        switch (new URL(request.url).pathname) {
          case "/put": {
            const { size } = await env.STORAGE.put("object", request.body);
            const again = await request.text().then(() => "read", (error) => error.name);
            return new Response(`${request.bodyUsed} ${size} ${again}`);
          }
          case "/run":
            return new AsyncFunction("changed", `return ${await request.text()}`)(changed);
        }
        return new Response((await env.STORAGE.get("object")).body);
      },
    };
"""
READ = """
    const reader = stream.getReader();
    const pieces = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(...value);
    }
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def short(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driven]:
    async with opened(tmp_path_factory.mktemp("short"), SOURCE) as driven:
        yield driven


async def test_the_body_of_a_response_is_put(function: Driven):
    code = """
        await env.STORAGE.put("made", new Response("abc").body);
        const found = await env.STORAGE.get("made");
        return [await found.text(), found.size];
    """
    assert await function.run(code) == {"value": ["abc", 3]}


async def test_the_body_of_the_incoming_request_is_put_and_then_used(short: Driven):
    assert (await short("/put", "POST", b"x" * 1000)).body == b"true 1000 TypeError"
    assert (await short("/get")).body == b"x" * 1000


async def test_an_empty_body_is_put(short: Driven):
    answer = await short("/put", "POST", headers=[("content-length", "0")])
    assert answer.body.endswith(b" 0 TypeError"), answer.body


async def test_a_response_of_an_object_has_its_length(short: Driven):
    await short("/put", "POST", b"hello")
    answer = await short("/get")
    assert (answer.body, answer.headers["content-length"]) == (b"hello", "5")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"const stream = found.body; {READ} return pieces;", [97, 98, 99]),
        ("return [found.bodyUsed, await found.text(), found.bodyUsed];", [False, "abc", True]),
        ("const [a, b] = found.body.tee(); return [await new Response(a).text(), "
         "await new Response(b).text()];", ["abc", "abc"]),
        ("const r = found.body.getReader({ mode: 'byob' }); const all = []; for (;;) { const "
         "{ done, value } = await r.read(new Uint8Array(2)); if (done) break; "
         "all.push([...value]); } return all;", [[97, 98], [99]]),
        ("const reader = found.body.getReader(); await reader.read(); reader.releaseLock(); "
         "try { await env.STORAGE.put('b', found.body); return 'put'; } "
         "catch (error) { return error.name; }", "TypeError"),
        ("await env.STORAGE.put('b', found.body); try { return await found.text(); } "
         "catch (error) { return error.name; }", "TypeError"),
        ("await env.STORAGE.put('b', found.body); const copy = await env.STORAGE.get('b'); "
         "return await copy.text();", "abc"),
        ("const twin = new Response(found.body).clone(); return await twin.text();", "abc"),
        ("await found.body.cancel(); return found.bodyUsed;", True),
    ],
)  # fmt: skip
async def test_a_short_object_is_a_stream(function: Driven, code: str, expected: object):
    whole = f"await env.STORAGE.put('a', 'abc'); const found = await env.STORAGE.get('a'); {code}"
    assert await function.run(whole) == {"value": expected}


async def test_an_empty_object(function: Driven):
    code = f"""
        await env.STORAGE.put("empty", "");
        const stream = (await env.STORAGE.get("empty")).body;
        {READ}
        const bytes = (await env.STORAGE.get("empty")).body.getReader({{ mode: "byob" }});
        return [pieces, (await bytes.read(new Uint8Array(2))).done];
    """
    assert await function.run(code) == {"value": [[], True]}


async def test_a_key_that_looks_like_a_mark_is_the_authors(function: Driven):
    code = """
        await env.CACHE.put("mark", "v", { metadata: { $whole: 0, $bytes: 1 } });
        return (await env.CACHE.getWithMetadata("mark")).metadata;
    """
    assert await function.run(code) == {"value": {"$whole": 0, "$bytes": 1}}


@pytest.mark.parametrize(
    ("code", "header"),
    [
        ("new Response('a')", "text/plain;charset=UTF-8"),
        ("Response.json(1)", "application/json"),
        ("changed(new Response('a'))", "text/html"),
        ("changed(Response.json(1))", "text/html"),
        ("new Response('a', { headers: { 'content-type': 'text/css' } })", "text/css"),
        ("new Response(new TextEncoder().encode('a'))", None),
    ],
)
async def test_headers_of_a_response(short: Driven, code: str, header: str | None):
    answer = await short("/run", "POST", code.encode())
    assert answer.headers.get("content-type") == header
