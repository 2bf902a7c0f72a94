from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.functions import Blob, FormData, Response
from aerostack_dev.wire import Stream


async def letters():
    yield b"a"
    yield "ä"
    yield bytearray(b"b")
    yield memoryview(b"c")


async def test_it_is_readable_like_a_request():
    response = Response("hellö", 201, "Made", {"X": "1"})
    assert (response.status, response.status_text, response.statusText) == (201, "Made", "Made")
    assert response.ok
    assert response.headers.items() == [("x", "1"), ("content-type", "text/plain;charset=UTF-8")]
    twin = response.clone()
    assert await response.text() == await twin.text() == "hellö"
    with pytest.raises(OSError, match="Body already used"):
        await response.text()
    assert repr(response) == "<Response 201>"
    assert (response.url, response.redirected, response.type) == ("", False, "default")


async def test_json_is_a_factory_on_the_class_and_a_reader_on_the_response():
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    response = Response.json({"a": [1, when]}, status=202, headers={"x": "1"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x"] == "1"
    assert response.status == 202
    assert await response.json() == {"a": [1, "2026-01-01T00:00:00Z"]}
    own = Response.from_json(1, headers={"content-type": "x/y"})
    assert own.headers["content-type"] == "x/y"
    with pytest.raises(TypeError):
        Response.json(object())


async def test_every_kind_of_body():
    assert await Response(None).bytes() == b""
    assert Response(None).body is None
    assert await Response(b"\x00").bytes() == b"\x00"
    assert await Response(memoryview(b"ab")).text() == "ab"
    assert await Response(letters()).text() == "aäbc"
    assert await Response(Stream(letters(), 5)).text() == "aäbc"
    blob = Response(Blob(["x"], "image/png"))
    assert blob.headers["content-type"] == "image/png"
    form = await Response(FormData([("a", "1")])).formData()
    assert form.items() == [("a", "1")]
    assert "content-type" not in Response(b"").headers


@settings(max_examples=50)
@given(st.text(st.characters(categories=["L", "Cs"])))
def test_any_text_can_be_sent(text):
    assert isinstance(Response(text)._source, bytes)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"a": 1}, "not dict; Response.json"),
        ([1], "not list; Response.json"),
        (5, "not int; Response.json"),
        (iter([b"a"]), "not list_iterator; stream with `async def`"),
        (object(), "not object$"),
    ],
)
def test_what_is_no_body_says_so(body, message):
    with pytest.raises(TypeError, match=message):
        Response(body)


@pytest.mark.parametrize("status", [0, 101, 199, 600, -1])
def test_the_range_of_statuses(status):
    with pytest.raises(ValueError, match=r"range 200 to 599, inclusive."):
        Response(None, status)


@pytest.mark.parametrize("status", [101, 204, 205, 304])
def test_statuses_without_body(status):
    with pytest.raises(TypeError, match=r"null body status \(101, 204, 205, or 304\)"):
        Response("x", status)
    if status != 101:
        assert Response(None, status).status == status


@pytest.mark.parametrize("status", ["200", True, 200.5])
def test_a_status_is_an_int(status):
    with pytest.raises(TypeError, match="a status must be an int"):
        Response(None, status)


def test_redirects():
    response = Response.redirect("https://x.test/ä?b=ü", 308)
    assert response.status == 308
    assert response.headers["location"] == "https://x.test/%C3%A4?b=%C3%BC"
    assert Response.redirect("https://x.test").status == 302
    with pytest.raises(TypeError, match="Unable to parse URL: /x"):
        Response.redirect("/x")
    with pytest.raises(TypeError, match="Unable to parse URL"):
        Response.redirect("http://[")
    with pytest.raises(ValueError, match=r"305 is not a redirect status code. It must be one of"):
        Response.redirect("https://x.test", 305)


def raw(response, method="GET"):
    return dict(response._raw(method))


def test_the_content_length_is_the_truth_and_connection_headers_are_dropped():
    given = {"content-length": "99", "transfer-encoding": "chunked", "connection": "close"}
    assert raw(Response(b"abc", headers=given)) == {b"content-length": b"3"}
    assert raw(Response(None)) == {b"content-length": b"0"}
    assert raw(Response(None, 204)) == {}
    assert raw(Response(None, headers={"content-length": "99"}), "HEAD") == {
        b"content-length": b"99"
    }
    assert raw(Response(letters())) == {}
    assert raw(Response(Stream(letters(), 5))) == {b"content-length": b"5"}
    assert raw(Response("ä"))[b"content-length"] == b"2"
    assert raw(Response("a", headers={"x": "日本"}))[b"x"] == "日本".encode()
