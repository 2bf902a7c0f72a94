"""`js`: examples written for the platform's Python Workers run as they are."""

from __future__ import annotations

import pytest

from aerostack_dev.functions import Response as WorkersResponse
from aerostack_dev.functions import js
from tests.runtime.hosts.python.driving import opened

HELLO = """
from js import Response

async def on_fetch(request, env):
    return Response.new("Hello World!")
"""
ROUTER = """
from js import Headers, JSON, Object, Response, URL, console
from pyodide.ffi import to_js as _to_js

def to_js(value):
    return _to_js(value, dict_converter=Object.fromEntries)

async def on_fetch(request, env):
    url = URL.new(request.url)
    console.log("asked for", url.pathname)
    params = url.searchParams
    if url.pathname == "/json":
        headers = Headers.new({"x-made": "here"}.items())
        return Response.new(JSON.stringify({"a": [1, None, "ü"]}), headers=headers)
    if url.pathname == "/made":
        return Response.json(to_js({"name": params.get("name")}), to_js({"status": 201}))
    if url.pathname == "/away":
        return Response.redirect("https://example.test/", 301)
    return Response.new("no", to_js({"status": 404, "statusText": "x", "headers": {"a": "b"}}))
"""


async def test_hello(tmp_path):
    async with opened(tmp_path, {"index.py": HELLO}) as function:
        answer = await function()
    assert (answer.status, answer.body) == (200, b"Hello World!")


async def test_a_router(tmp_path, capsys):
    async with opened(tmp_path, {"index.py": ROUTER}) as function:
        answer = await function("/json")
        assert (answer.body, answer.headers["x-made"]) == ('{"a":[1,null,"ü"]}'.encode(), "here")
        answer = await function("/made?name=Ada+L")
        assert (answer.status, answer.body) == (201, b'{"name":"Ada L"}')
        answer = await function("/away")
        assert (answer.status, answer.headers["location"]) == (301, "https://example.test/")
        answer = await function("/nothing")
        assert (answer.status, answer.headers["a"]) == (404, "b")
    assert capsys.readouterr().out.startswith("asked for /json\n")


async def test_a_project_s_own_module_wins(tmp_path):
    source = (
        "from js import mine\nfrom workers import Response\ndef fetch(r): return Response(mine)"
    )
    files = {"index.py": source, "js/__init__.py": "mine = 'own'"}
    async with opened(tmp_path, files) as function:
        assert (await function()).body == b"own"


def test_urls():
    url = js.URL.new("/b%20c?x=1&x=2&y=#end", "http://user@Example.test:80/a")
    assert (url.protocol, url.hostname, url.port, url.host) == (
        "http:", "example.test", "", "example.test",
    )  # fmt: skip
    assert (url.pathname, url.search, url.hash) == ("/b%20c", "?x=1&x=2&y=", "#end")
    assert url.origin == "http://example.test"
    assert str(url) == url.href == "http://example.test/b%20c?x=1&x=2&y=#end"
    assert (url.searchParams.getAll("x"), url.searchParams.get("y")) == (["1", "2"], "")
    assert (url.searchParams.get("z"), url.searchParams.has("z")) == (None, False)
    assert list(url.searchParams) == [("x", "1"), ("x", "2"), ("y", "")]
    assert js.URL("http://[::1]:99").host == "[::1]:99"
    assert js.URL("https://x.test").pathname == "/"
    for bad in ("/relative", "http://", "http://x:port/", "http://[/", ""):
        with pytest.raises(TypeError, match="Invalid URL"):
            js.URL.new(bad)


def test_parameters():
    assert str(js.URLSearchParams.new({"a": "b c"})) == "a=b+c"
    assert js.URLSearchParams("?q=1").toString() == "q=1"
    assert js.URLSearchParams([("a", "1"), ("a", "2")]).getAll("a") == ["1", "2"]


async def test_classes_are_those_of_workers():
    response = js.Response.new(None, status=204)
    assert isinstance(response, WorkersResponse)
    assert await js.Response.new("[1]").json() == [1]
    assert await js.Response.json([1], status=202).text() == "[1]"
    request = js.Request.new(js.URL.new("http://x.test/a"), {"method": "POST", "body": "b"})
    assert (request.url, request.method, await request.text()) == ("http://x.test/a", "POST", "b")


def test_json_and_levels(caplog):
    assert js.JSON.parse('{"a": 1}') == {"a": 1}
    assert js.JSON.stringify([1, 2], None, 1) == "[\n 1,\n 2\n]"
    js.console.warn("careful", 1)
    js.console.error({"a": 1})
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "careful 1"),
        ("ERROR", "{'a': 1}"),
    ]


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="`js` has no 'Date' here, only JSON, URL"):
        js.Date  # noqa: B018
