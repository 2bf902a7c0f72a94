from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.functions import Headers


def test_names_compare_without_case_and_repeat():
    headers = Headers([("X-One", "1"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2")])
    assert headers["x-one"] == headers.get("X-ONE") == "1"
    assert headers.getSetCookie() == headers.get_set_cookie() == ["a=1", "b=2"]
    assert headers.get("set-cookie") == "a=1, b=2"
    assert headers.items() == [("x-one", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert headers.entries() == headers.items()
    assert list(headers) == headers.keys() == ["x-one", "set-cookie"]
    assert headers.values() == ["1", "a=1", "b=2"]
    assert len(headers) == 2
    assert "SET-COOKIE" in headers
    assert headers.has("x-one")
    assert 5 not in headers
    assert headers.getAll("nothing") == []
    assert dict(headers) == {"x-one": "1", "set-cookie": "a=1, b=2"}


@pytest.mark.parametrize(
    "init",
    [{"A": "1", "b": "2"}, [("a", "1"), ("b", "2")], [["a", "1"], ["b", "2"]]],
)
def test_every_kind_of_init(init):
    headers = Headers(init)
    assert headers.items() == [("a", "1"), ("b", "2")]
    assert Headers(headers) == headers
    assert Headers(headers) != {"a": "1"}
    assert repr(headers) == "Headers([('a', '1'), ('b', '2')])"


def test_set_append_and_delete():
    headers = Headers({"a": "1", "b": "2", "c": "3"})
    headers.append("b", "4")
    headers.set("B", "5")
    assert headers.items() == [("a", "1"), ("b", "5"), ("c", "3")]
    headers["d"] = 6
    del headers["a"]
    headers.delete("nothing")
    assert headers.items() == [("b", "5"), ("c", "3"), ("d", "6")]
    with pytest.raises(KeyError):
        headers["a"]
    with pytest.raises(KeyError):
        del headers["a"]


def test_values_are_trimmed_and_bytes_decoded():
    headers = Headers({"a": "  x\t", "b": b"\xc3\xbc", "c": b"\xff"})
    assert headers.values() == ["x", "ü", "ÿ"]


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ({"a b": "1"}, "Invalid header name: 'a b'"),
        ({"": "1"}, "Invalid header name"),
        ({1: "1"}, "a header's name must be a str, not int"),
        ({"a": "x\r\ny"}, "Invalid header value for 'a'"),
        ({"a": None}, "the header 'a' must be a str, not NoneType"),
        ({"a": True}, "must be a str, not bool"),
        ({"a": ["1"]}, "must be a str, not list"),
        ("a: 1", "headers must be a dict, a list of pairs or Headers, not str"),
        (5, "headers must be a dict"),
        (["ab"], "each header must be a pair"),
        ([("a", "b", "c")], "each header must be a pair"),
        ([5], "each header must be a pair"),
    ],
)
def test_bad_headers_say_what_is_wrong(init, message):
    with pytest.raises(TypeError, match=message):
        Headers(init)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.binary(min_size=1), st.binary())))
def test_received_headers_take_any_bytes_and_cannot_be_changed(raw):
    headers = Headers._received(raw)
    assert len(headers.items()) == len(raw)
    for name, _ in raw:
        assert isinstance(headers[name.decode("latin-1")], str)
    for change in (
        lambda: headers.set("a", "b"),
        lambda: headers.append("a", "b"),
        lambda: headers.delete("a"),
    ):
        with pytest.raises(TypeError, match=r"Can't modify immutable headers."):
            change()
