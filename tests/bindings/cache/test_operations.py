from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from aerostack_dev.bindings.spans import Span, operations_of
from aerostack_dev.errors import BindingError
from aerostack_dev.runs import Recorded, current_run


@dataclass
class Recording:
    spans: list[Span] = field(default_factory=list)

    def begin(self, span: Span, /) -> None:
        self.spans.append(span)


async def test_what_the_room_offers(room):
    assert operations_of(room.bindings.target("CACHE")) == {
        "get", "getWithMetadata", "getBulk", "put", "putBulk", "delete", "list",
    }  # fmt: skip


async def test_wire_values_in_and_out(room, invoke):
    await invoke("put", "k", b"\x00", {"metadata": [1], "expirationTtl": 60})
    expiration = int(room.clock.now()) + 60
    assert await invoke("get", "k") == {
        "value": b"\x00",
        "metadata": [1],
        "expiration": expiration,
    }
    await invoke("put", "k", "text")
    assert await invoke("get", "k", {"type": "stream"}) == {
        "value": b"text",
        "metadata": None,
        "expiration": None,
    }
    assert await invoke("getWithMetadata", "k", None) == {
        "value": b"text",
        "metadata": None,
        "cacheStatus": None,
    }
    assert await invoke("getBulk", ["k", "none"]) == [
        ["k", {"value": "text", "metadata": None}],
        ["none", None],
    ]
    assert await invoke("list") == {
        "keys": [{"name": "k"}],
        "list_complete": True,
        "cacheStatus": None,
    }
    assert await invoke("delete", "k") is None
    assert await invoke("get", "k") is None


async def test_calls_are_recorded_with_what_they_are_about(cache, invoke):
    record: Any = Recording()
    token = current_run.set(Recorded(record))
    try:
        await cache.put("k", "v")
        await cache.get("k")
        await cache.getWithMetadata("k")
        await cache.get(["a", "b", "c", "d"])
        await cache.get([1])
        await cache.list(prefix="p")
        await cache.list()
        await invoke("putBulk", [{"key": "k", "value": "v"}])
        await cache.delete("k")
        with pytest.raises(TypeError):
            await cache.get("")
        with pytest.raises(TypeError):
            await invoke("getBulk", 5)
        with pytest.raises(TypeError):
            await invoke("list", 5)
    finally:
        current_run.reset(token)
    assert [(span.operation, span.subject) for span in record.spans] == [
        ("put", "k"),
        ("get", "k"),
        ("getWithMetadata", "k"),
        ("getBulk", "a, b, c and 1 more"),
        ("getBulk", "1"),
        ("list", "p"),
        ("list", ""),
        ("putBulk", "1 entries"),
        ("delete", "k"),
        ("get", ""),
        ("getBulk", ""),
        ("list", ""),
    ]
    assert {span.binding for span in record.spans} == {"CACHE"}
    assert [bool(span.error) for span in record.spans] == [False] * 9 + [True] * 3


async def test_a_bulk_put_stores_everything(cache, invoke):
    items = [
        {"key": "a", "value": "1", "metadata": {"n": 1}, "expirationTtl": 60, "other": 1},
        {"key": "b", "value": b"\xff"},
        {"key": "a", "value": "2"},
    ]
    assert await invoke("putBulk", items) == 3
    assert await cache.get("a") == "2"
    assert await cache.get("b", "arrayBuffer") == b"\xff"
    assert await invoke("putBulk", []) == 0


@pytest.mark.parametrize(
    ("item", "text", "where"),
    [
        ({"key": "", "value": "v"}, "Key name cannot be empty.", "item 1, key ''"),
        (
            {"key": "k", "value": "v", "expirationTtl": 5},
            "KV PUT failed: 400 Invalid expiration_ttl of 5. Expiration TTL must be at least 60.",
            "item 1, key 'k'",
        ),
        ({"key": "k"}, "an item of a bulk put has a key and a value", "item 1, key 'k'"),
        ("k", "an item of a bulk put has a key and a value", "item 1, key 'k'"),
    ],
)
async def test_a_bulk_put_stores_nothing_when_an_item_is_refused(cache, invoke, item, text, where):
    with pytest.raises(BindingError) as caught:
        await invoke("putBulk", [{"key": "fine", "value": "v"}, item])
    assert (str(caught.value), caught.value.where) == (text, where)
    assert await cache.get("fine") is None
