from __future__ import annotations

import asyncio
import gc
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.functions import FormData, Request, Response
from aerostack_dev.functions.body import LARGE_JSON
from aerostack_dev.functions.incoming import ClientLeftError, Incoming


async def never():
    raise AssertionError("the body was touched")


def received(receive=never, **changes):
    scope = {
        "method": "GET",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"q=1",
        "scheme": "http",
        "headers": [(b"host", b"localhost:8788"), (b"accept-encoding", b"gzip")],
        "client": ("10.0.0.9", 1),
        "server": ("127.0.0.1", 80),
        **changes,
    }
    return Request._received(scope, receive)


def arriving(*messages):
    waiting = list(messages)

    async def receive():
        return waiting.pop(0)

    return received(receive, method="POST", headers=[(b"transfer-encoding", b"chunked")])


def chunk(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_an_incoming_request():
    request = received()
    assert (request.method, request.url) == ("GET", "http://localhost:8788/a%20b?q=1")
    assert request.headers["host"] == "localhost:8788"
    assert request.headers["cf-connecting-ip"] == "10.0.0.9"
    assert request.cf.country == request.cf["country"] == "US"
    assert request.cf.httpProtocol == "HTTP/1.1"
    assert request.cf.clientAcceptEncoding == "gzip"
    assert request.redirect == "manual"
    assert request.body is None
    assert request.js_object is request
    assert repr(request) == "<Request GET http://localhost:8788/a%20b?q=1>"
    with pytest.raises(TypeError, match=r"Can't modify immutable headers."):
        request.headers["x"] = "1"


def test_a_given_connecting_address_stays():
    request = received(headers=[(b"cf-connecting-ip", b"1.2.3.4")])
    assert request.headers.get_all("cf-connecting-ip") == ["1.2.3.4"]
    assert "cf-connecting-ip" not in received(client=None).headers


def test_the_url_without_host_or_raw_path():
    assert received(headers=[], raw_path=None, query_string=b"").url == "http://127.0.0.1:80/a%20b"
    assert received(headers=[], server=("::socket", None)).url.startswith("http://::socket/")
    assert received(headers=[], server=None).url.startswith("http://localhost/")


@settings(max_examples=100)
@given(st.binary(), st.binary(), st.binary())
def test_no_bytes_in_path_query_or_host_are_refused(path, query, host):
    request = received(
        raw_path=b"/" + path, query_string=query, headers=[(b"host", host)], path="/"
    )
    assert request.url.startswith("http://")


async def test_reading_twice_is_an_oserror():
    request = arriving(chunk(b"he", more=True), chunk(b""), chunk(b""))
    assert not request.bodyUsed
    assert await request.text() == "he"
    assert request.body_used
    for read in (request.text, request.json, request.bytes, request.form_data, request.blob):
        with pytest.raises(OSError, match="Body already used"):
            await read()
    with pytest.raises(OSError, match="Body already used"):
        request.clone()


async def test_a_request_without_body_reads_empty_any_number_of_times():
    request = received()
    assert await request.bytes() == b""
    assert await request.text() == ""
    assert not request.body_used


async def test_the_body_as_every_type():
    def post(body):
        return Request("http://x/", method="post", body=body, headers={"content-type": "a/B"})

    assert await post("ä").bytes() == "ä".encode()
    assert await post(b"\xef\xbb\xbfa\xff").text() == "a\ufffd"
    assert await post("[1, 2]").json() == [1, 2]
    buffer = await post("abc").arrayBuffer()
    assert isinstance(buffer, memoryview)
    assert buffer.tobytes() == b"abc"
    blob = await post("abc").blob()
    assert (blob.type, blob.size) == ("a/b", 3)
    assert [piece async for piece in post("abc").body] == [b"abc"]
    assert post("x").method == "POST"


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "nope"])
async def test_bad_json_raises_what_python_authors_catch(text):
    with pytest.raises(json.JSONDecodeError):
        await Request("http://x/", method="POST", body=text or b" ").json()


ODD = {"a": [1, -0.0, 1.5, 10**30, True, None, {"b": {}}], "text": "ü\ud800"}


async def test_large_json_leaves_the_event_loop():
    value = [{**ODD, "id": number} for number in range(20_000)]
    text = json.dumps(value)
    assert len(text) > LARGE_JSON
    turns = 0

    async def beside():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(beside())
    read = await Request("http://x/", method="POST", body=text).json()
    other.cancel()
    assert turns > 5
    assert json.dumps(read) == text
    assert gc.isenabled()


@pytest.mark.parametrize("end", ["", "]x", ",]", "NaN]", '"\x01"]', "1" * 5000 + "]"])
async def test_large_and_small_json_fail_alike(end):
    failures = []
    for size in (0, LARGE_JSON):
        with pytest.raises(ValueError) as caught:
            await Request("http://x/", method="POST", body="[" + " " * size + end).json()
        text = str(caught.value)
        failures.append((type(caught.value), re.sub(r"(column|char) \d+", r"\1", text)))
    assert failures[0] == failures[1]
    assert gc.isenabled()


async def test_the_body_iterates_lazily():
    asked = []

    async def receive():
        asked.append(1)
        return chunk(b"%d" % len(asked), more=len(asked) < 3)

    request = received(receive, method="POST", headers=[(b"content-length", b"3")])
    body = request.body
    assert body is request.body
    assert await anext(body) == b"1"
    assert len(asked) == 1
    assert request.body_used
    assert [piece async for piece in body] == [b"2", b"3"]


async def test_a_client_that_leaves_in_the_middle_is_an_oserror():
    request = arriving(chunk(b"a", more=True), {"type": "http.disconnect"})
    with pytest.raises(ClientLeftError, match="the client left before"):
        await request.bytes()
    assert issubclass(ClientLeftError, OSError)


async def test_leaving_is_noticed_beside_an_unread_body():
    left = asyncio.Event()
    pieces = [chunk(b"a", more=True), chunk(b"b")]

    async def receive():
        if pieces:
            return pieces.pop(0)
        await left.wait()
        return {"type": "http.disconnect"}

    incoming = Incoming(receive)
    watch = asyncio.create_task(incoming.left())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(pieces) == 1  # one piece waits, no more are taken
    assert [piece async for piece in incoming] == [b"a", b"b"]
    left.set()
    await asyncio.wait_for(watch, 5)


async def test_a_clone_reads_the_same_bytes_in_any_order():
    request = arriving(chunk(b"a", more=True), chunk(b"b", more=True), chunk(b"c"))
    twin = request.clone()
    third = twin.clone()
    assert await anext(third.body) == b"a"
    assert await request.text() == "abc"
    assert await twin.text() == "abc"
    assert await third.body.__anext__() == b"b"
    assert twin.url == request.url
    with pytest.raises(TypeError, match="immutable"):
        twin.headers.set("a", "b")
    simple = Request("http://x/", method="POST", body="x").clone()
    assert await simple.text() == "x"


async def test_a_new_request_from_another_takes_its_body_and_headers():
    request = arriving(chunk(b"abc"))
    changed = Request(request, headers={"x": "1"}, method="PUT")
    assert (changed.method, changed.headers.items()) == ("PUT", [("x", "1")])
    assert await changed.text() == "abc"
    assert request.body_used
    copied = Request(received())
    copied.headers["now"] = "changeable"
    assert copied.headers["host"] == "localhost:8788"
    assert copied.cf.country == "US"


def test_the_body_brings_its_content_type():
    assert Request("http://x/", method="POST", body="a").headers["content-type"] == (
        "text/plain;charset=UTF-8"
    )
    form = Request("http://x/", method="POST", body=FormData({"a": "1"}))
    assert form.headers["content-type"].startswith("multipart/form-data; boundary=")
    given = Request("http://x/", method="POST", body="a", headers={"Content-Type": "x/y"})
    assert given.headers["content-type"] == "x/y"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Request("/x"), "Invalid URL: /x"),
        (lambda: Request("ftp://x/"), "Invalid URL"),
        (lambda: Request("http://[x/"), "Invalid URL"),
        (lambda: Request(5), "a URL must be a str, not int"),
        (lambda: Request("http://x", body="a"), "GET or HEAD method cannot have a body"),
        (lambda: Request("http://x", method="A B"), "Invalid HTTP method string: A B"),
        (lambda: Request("http://x", redirect="maybe"), "redirect must be one of"),
    ],
)
def test_misuse_says_what_is_wrong(make, message):
    with pytest.raises(TypeError, match=message.replace("[", r"\[")):
        make()


async def test_a_stream_of_the_wrong_things():
    async def numbers():
        yield 1

    with pytest.raises(TypeError, match=r"must yield bytes .or str., not int"):
        await Response(numbers()).bytes()
