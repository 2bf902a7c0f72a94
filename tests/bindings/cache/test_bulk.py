from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.cache import bulk
from aerostack_dev.errors import AerostackError


def read(items: object) -> bulk.Bulk:
    return bulk.read(json.dumps(items).encode(), "seed.json")


async def test_a_file_goes_into_the_cache(cache, invoke):
    content = read(
        [
            {"key": "a", "value": "1", "metadata": {"n": 1}},
            {"key": "b", "value": "AP8=", "base64": True, "expiration_ttl": 60},
            {"key": "c", "value": "", "base64": False, "expiration": 1_800_000_100},
        ]
    )
    assert content.warnings == ()
    assert await invoke("putBulk", list(content.items)) == 3
    assert await cache.get("b", "arrayBuffer") == b"\x00\xff"
    assert (await cache.list())["keys"] == [
        {"name": "a", "metadata": {"n": 1}},
        {"name": "b", "expiration": 1_800_000_060},
        {"name": "c", "expiration": 1_800_000_100},
    ]


def test_properties_that_nobody_knows_are_warnings():
    content = read([{"key": "a", "value": "1"}, {"key": "b", "value": "", "ttl": 1, "Base64": 1}])
    assert content.warnings == ("item 1 has properties that mean nothing: ttl, Base64",)
    assert content.items[1] == {"key": "b", "value": ""}


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("x", 'item 0 is "x", not an object'),
        (None, "item 0 is null, not an object"),
        ({"value": ""}, "item 0: 'key' is missing"),
        ({"key": 5, "value": ""}, "item 0: 'key' is 5, not a string"),
        ({"key": "k"}, "item 0: 'value' is missing"),
        ({"key": "k", "value": {"a": 1}}, "item 0: 'value' is {\"a\": 1}, not a string"),
        (
            {"key": "k", "value": "", "expiration": "1"},
            "item 0: 'expiration' is \"1\", not a number",
        ),
        (
            {"key": "k", "value": "", "expiration_ttl": True},
            "item 0: 'expiration_ttl' is true, not a number",
        ),
        (
            {"key": "k", "value": "", "base64": "yes"},
            "item 0: 'base64' is \"yes\", not true or false",
        ),
        ({"key": "k", "value": "é", "base64": True}, "item 0: 'value' is not base64"),
        ({"key": "k", "value": "AP8", "base64": True}, "item 0: 'value' is not base64"),
    ],
)
def test_an_item_that_is_wrong(item, problem):
    with pytest.raises(AerostackError) as caught:
        read([item, {"key": "fine", "value": ""}])
    assert caught.value.message == f"nothing was written: 1 problem(s)\n{problem}"
    assert caught.value.where == "seed.json"
    assert "each item is" in caught.value.hint


def test_up_to_12_problems_are_listed():
    with pytest.raises(AerostackError) as caught:
        read([{}] * 6)
    assert caught.value.message.count("\n") == 12
    assert "more" not in caught.value.message
    with pytest.raises(AerostackError) as caught:
        read([{}] * 10)
    lines = caught.value.message.splitlines()
    assert len(lines) == 14
    assert lines[-1] == "… and 8 more"
    with pytest.raises(AerostackError) as caught:
        read(["x" * 100])
    assert '"' + "x" * 58 + "…, not" in caught.value.message


@pytest.mark.parametrize(
    ("content", "message", "where"),
    [
        (b'[{"key": 1},\n  nope]', "this is not JSON: Expecting value", "seed.json:2:3"),
        (b"", "this is not JSON: Expecting value", "seed.json:1:1"),
        (b'{"key": "k"}', "the file does not hold a JSON array", "seed.json"),
    ],
)
def test_a_file_that_is_no_array(content, message, where):
    with pytest.raises(AerostackError) as caught:
        bulk.read(content, "seed.json")
    assert (caught.value.message, caught.value.where) == (message, where)


def test_a_byte_order_mark_before_the_array():
    assert bulk.read(b"\xef\xbb\xbf[]", "seed.json").items == ()


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(bulk.PROPERTIES), inner, max_size=6),
    max_leaves=12,
).map(lambda value: json.dumps([value]).encode()))  # fmt: skip
def test_any_file_is_read_or_refused_politely(content):
    try:
        read_items = bulk.read(content, "seed.json").items
    except AerostackError as error:
        assert error.where.startswith("seed.json")
    else:
        assert all({"key", "value"} <= item.keys() for item in read_items)
