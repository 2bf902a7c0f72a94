"""The web's classes where Deno and the platform differ: what was observed of the platform."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

VALUES = [
    # Responses.
    ("new Response('', {status: 404}).statusText", "Not Found"),
    ("new Response('', {status: 413}).clone().statusText", "Payload Too Large"),
    ("new Response('', {status: 299}).statusText", "Successful"),
    ("new Response('', {status: 200, statusText: 'Fine'}).statusText", "Fine"),
    ("Response.error().statusText", ""),
    ("new Response('', {status: 204}).body", None),
    ("new Response(new Uint8Array(0), {status: 304}).body", None),
    ("await Response.json(undefined).text()", "undefined"),
    # Requests.
    ("new Request('http://a', {method: 'patch'}).method", "PATCH"),
    ("await new Request('http://a', {method: 'patch', body: 'b'}).text()", "b"),
    ("await new Request(new Request('http://a', {method: 'POST', body: 'a'}), {body: 'b'}).text()",
     "b"),
    ("new Request(new URL('http://a'), {redirect: 'manual', cache: 'no-store'}).redirect",
     "manual"),
    ("Object.keys(new Request('http://a'))", []),
    ("new Request(new Request('http://a', {cf: {a: 1}})).cf", {"a": 1}),
    # Headers: texts of any script, iterated over as they were.
    ("new Headers({a: 'x\\u20ac'}).get('a')", "x€"),
    ("new Headers([['a', 'é'], ['b', '1']]).get('a')", "é"),
    ("new Headers(new Map([['a', '日']])).get('a')", "日"),
    ("[...new Headers(new Headers({a: '日'}))]", [["a", "日"]]),
    ("[...new Response('', {headers: [['a', '日'], ['b', 'ü']]}).headers.values()]",
     ["日", "ü", "text/plain;charset=UTF-8"]),
    ("new Response('', new Response('', {status: 201, headers: {a: '日'}})).headers.get('a')",
     "日"),
    ("new Request('http://a', new Request('http://b', {method: 'PUT', headers: {a: '日'}}))"
     ".headers.get('a')", "日"),
    ("(h => (h.append('a', 'ü'), h.append('set-cookie', 'b=ü'), [h.get('a'), h.getSetCookie()]))"
     "(new Headers())", ["ü", ["b=ü"]]),
    ("new Headers({a: 1, b: null}).get('b')", "null"),
    ("(h => { for (const [name] of h) h.delete(name); return [...h.keys()]; })"
     "(new Headers({a: '1', b: '2', c: '3'}))", []),
    ("(h => { const seen = []; h.forEach((v, n, all) => { all.delete('b'); seen.push(n + v) });"
     " return seen; })(new Headers({a: '1', b: '2'}))", ["a1", "b2"]),
    # Forms.
    ("(f => (f.append('a', new Blob(['x'])), f.set('b', new Blob([]), 'n.txt'),"
     " f.append('c', new File([], 'own')), [...f.values()].map((file) => file.name)))"
     "(new FormData())", ["a", "n.txt", "own"]),
    ("(await new Response('--b\\r\\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\\r\\n"
     "Content-Type: application/octet-stream\\r\\n\\r\\n\\r\\n--b--\\r\\n',"
     " {headers: {'content-type': 'multipart/form-data; boundary=b'}}).formData()).get('f')", ""),
    # Streams of bytes, digests, aborting.
    ("await through(new IdentityTransformStream(), 'hé')", "hé"),
    ("await through(new IdentityTransformStream(), new Uint8Array([65, 66]).buffer)", "AB"),
    ("await through(new IdentityTransformStream(), "
     "new DataView(new Uint8Array([65, 66]).buffer, 1))", "B"),
    ("await through(new FixedLengthStream(2), 'é')", "é"),
    ("new Uint8Array(await crypto.subtle.digest({name: 'md5'}, new Uint8Array(0))).toHex()",
     "d41d8cd98f00b204e9800998ecf8427e"),
    ("(await crypto.subtle.digest('SHA-256', new Uint8Array(0))).byteLength", 32),
    ("AbortSignal.abort().reason.message", "The operation was aborted"),
    ("(c => (c.abort(), [c.signal.reason.name, c.signal.reason.message]))(new AbortController())",
     ["AbortError", "The operation was aborted"]),
    ("[AbortSignal.abort('x').reason, (c => (c.abort(5), c.signal.reason))(new AbortController())]",
     ["x", 5]),
    ("await (await fetch('data:,x', {headers: {a: '日'}})).text()", "x"),
    # What would wait for a keyboard, or write files, is not there.
    ("['alert', 'close', 'confirm', 'localStorage', 'name', 'prompt', 'sessionStorage', 'Worker']"
     ".filter((name) => name in globalThis)", []),
    # The length of a request's body is known.
    ("(await env.STORAGE.put('k', new Request('http://a', {method: 'POST', body: 'é'}).body)).size",
     2),
]  # fmt: skip

HELPERS = """
    const through = ({ readable, writable }, chunk) => {
      const writer = writable.getWriter();
      writer.write(chunk).then(() => writer.close()).catch(() => {});
      return new Response(readable).text();
    };
    const form = (type) =>
      new Response(new Uint8Array(1), type ? { headers: { "content-type": type } } : {}).formData();
"""


@pytest.mark.parametrize(("code", "expected"), VALUES)
async def test_values(function, code, expected):
    assert await function.run(f"{HELPERS} return {code}") == {"value": expected}


REFUSED = [
    ("Response.redirect('http://a').headers.set('a', 'b')", "Can't modify immutable headers."),
    ("through(new IdentityTransformStream(), 5)", "This TransformStream is being used as a byte"),
    ("crypto.subtle.timingSafeEqual('a', 'b')",
     "Failed to execute 'timingSafeEqual' on 'SubtleCrypto': parameter 1 is not of type"),
    ("fetch('file:///etc/passwd')", "Fetch API cannot load: file:///etc/passwd"),
    ("fetch(new URL('ftp://a/'))", "Fetch API cannot load: ftp://a/"),
    ("form('')", "Parsing a Body as FormData requires a Content-Type header."),
    ("form('text/plain')", "Unrecognized Content-Type header value. FormData can only parse"),
    ("form('multipart/form-data')", "No boundary string in Content-Type header."),
    ("form('multipart/form-data; boundary=b')", "No initial boundary string"),
    ("new Request('/x')", "Invalid URL: /x"),
    ("fetch('/x')", "Invalid URL: /x"),
    ("fetch('http://a', {body: 'x'})", "Request with a GET or HEAD method cannot have a body."),
    ("new Request('http://a', {method: 'head', body: ''})", "a GET or HEAD method cannot have"),
    ("new Request('http://a', {redirect: 'error'})", 'one of "follow" or "manual"'),
    ("fetch('http://a', {cache: 'force-cache'})", "Unsupported cache mode: force-cache"),
    ("new Headers([['a']])", "length must be 2"),
    ("new Headers({'é': 'b'})", "Invalid header name"),
    ("new Headers(5)", "is not of type"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text"), REFUSED)
async def test_what_is_refused(function, code, text):
    name, message = (await function.run(f"{HELPERS} return {code}"))["error"]
    assert name == "TypeError"
    assert text in message


async def test_headers_survive_the_cache(function):
    code = """
        const kept = new Response("x", { headers: { "cache-control": "max-age=9", a: "日" } });
        await caches.default.put("http://a/b", kept);
        return (await caches.default.match("http://a/b")).headers.get("a");
    """
    assert await function.run(code) == {"value": "日"}


async def test_headers_are_utf_8_on_the_wire(function):
    headers = [("x-in", "日é".encode().decode("latin-1")), ("x-raw", "\xff")]
    code = "return [request.headers.get('x-in'), request.headers.get('x-raw')]"
    answer = await function(method="POST", headers=headers, body=code.encode())
    assert answer.body.decode() == '{"value":["日é","\ufffd"]}'
