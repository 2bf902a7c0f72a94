from __future__ import annotations

import base64

import pytest

from aerostack_dev.errors import BindingError


async def fill(cache, *keys):
    for key in keys:
        await cache.put(key, "v")


def names(page):
    return [entry.name for entry in page["keys"]]


@pytest.mark.spec("db 2.10.31")
async def test_keys_are_sorted(cache):
    await fill(cache, "key3", "key1", "key2")
    page = await cache.list()
    assert page == {
        "keys": [{"name": "key1"}, {"name": "key2"}, {"name": "key3"}],
        "list_complete": True,
        "cacheStatus": None,
    }


@pytest.mark.spec("db 2.10.31")
async def test_keys_are_sorted_by_their_utf8_bytes(cache):
    ordered = ["!", ", ", "B", "a", "é", "\uffee", "\U00010000"]
    await fill(cache, *reversed(ordered))
    assert names(await cache.list()) == ordered


@pytest.mark.spec("db 2.10.32")
async def test_a_prefix_has_no_wildcards(cache):
    await fill(cache, "key\\_%1", "key\\_%", "key\\a1", "keyx_1", "KEY\\_%1", "key\\_")
    assert names(await cache.list(prefix="key\\_%")) == ["key\\_%", "key\\_%1"]
    assert names(await cache.list({"prefix": "key"})) == [
        "key\\_", "key\\_%", "key\\_%1", "key\\a1", "keyx_1",
    ]  # fmt: skip
    assert names(await cache.list(prefix="nothing")) == []
    assert len(names(await cache.list(prefix=""))) == 6


async def test_a_prefix_at_the_end_of_the_alphabet(cache):
    last = "\U0010ffff"
    await fill(cache, "a", last, last * 2, f"a{last}")
    assert names(await cache.list(prefix=last)) == [last, last * 2]
    assert names(await cache.list(prefix=f"a{last}")) == [f"a{last}"]


@pytest.mark.spec("db 2.10.33")
async def test_the_last_page_has_no_cursor(cache):
    await fill(cache, "key1", "key2", "key3")
    first = await cache.list(limit=2)
    assert names(first) == ["key1", "key2"]
    assert first["list_complete"] is False
    assert base64.b64decode(first.cursor) == b"key2"
    second = await cache.list(limit=2, cursor=first.cursor)
    assert names(second) == ["key3"]
    assert second["list_complete"] is True
    assert "cursor" not in second


@pytest.mark.spec("db 2.10.34")
async def test_a_page_that_ends_at_the_last_key_is_complete(cache):
    await fill(cache, "key1", "key2")
    page = await cache.list(limit=2)
    assert page["list_complete"] is True
    assert "cursor" not in page


@pytest.mark.spec("db 2.10.35")
async def test_keys_that_are_inserted_between_pages(cache):
    await fill(cache, "key1", "key3", "key5")
    first = await cache.list({"limit": 2})
    await fill(cache, "key2", "key4")
    second = await cache.list({"limit": 2, "cursor": first.cursor})
    assert names(second) == ["key4", "key5"]
    assert second["list_complete"] is True


async def test_the_page_size_may_change_and_the_prefix_goes_along(cache):
    await fill(cache, "a", "p1", "p2", "p3", "p4", "q")
    first = await cache.list(prefix="p", limit=1)
    assert names(first) == ["p1"]
    assert names(await cache.list(prefix="p", cursor=first.cursor)) == ["p2", "p3", "p4"]


@pytest.mark.spec("db 2.10.36")
async def test_limits_that_are_refused_or_ignored(cache, invoke):
    await fill(cache, "a", "b")
    for limit in (1001, "5000"):
        with pytest.raises(BindingError) as caught:
            await cache.list(limit=limit)
        assert str(caught.value) == (
            f"KV GET failed: 400 Invalid key_count_limit of {limit}. "
            "Please specify an integer less than 1000."
        )
    for limit in (0, -1, "abc", float("nan"), 1000, None):
        assert names(await cache.list(limit=limit)) == ["a", "b"]
    assert len((await invoke("list", {"limit": None}))["keys"]) == 2
    assert names(await cache.list(limit="1")) == names(await cache.list(limit=1.9)) == ["a"]
    with pytest.raises(TypeError, match="Value out of range"):
        await cache.list(limit=2**31)


@pytest.mark.spec("db 2.10.38")
async def test_the_longest_prefix(cache):
    await fill(cache, "k" * 512)
    assert names(await cache.list(prefix="k" * 512)) == ["k" * 512]
    with pytest.raises(BindingError) as caught:
        await cache.list(prefix="k" * 513)
    assert str(caught.value) == (
        "KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512."
    )


@pytest.mark.spec("db 2.10.39")
async def test_a_page_holds_1000_keys(cache, invoke):
    await invoke("putBulk", [{"key": f"k{n:04}", "value": ""} for n in range(1001)])
    first = await cache.list()
    assert len(first["keys"]) == 1000
    second = await cache.list(cursor=first.cursor)
    assert names(second) == ["k1000"]
    assert second["list_complete"] is True


@pytest.mark.parametrize(
    ("cursor", "shown"),
    [
        ("", ["a", "b", "c"]),
        (None, ["a", "b", "c"]),
        ("YQ==", ["b", "c"]),
        ("YQ", ["b", "c"]),
        (" Y\nQ =", ["b", "c"]),
        ("YQxxx", ["b", "c"]),
        ("Y", ["a", "b", "c"]),
        ("%%%", ["a", "b", "c"]),
        ("____", []),
        ("é", ["a", "b", "c"]),
        (5, ["a", "b", "c"]),
    ],
)
async def test_a_cursor_is_never_refused(cache, cursor, shown):
    await fill(cache, "a", "b", "c")
    assert names(await cache.list(cursor=cursor)) == shown


async def test_values_of_options_are_spelled_out(cache):
    await fill(cache, "51", "6")
    assert names(await cache.list(prefix=5)) == ["51"]
    with pytest.raises(TypeError, match="prefix must be a string"):
        await cache.list(prefix={})
    with pytest.raises(TypeError, match="options must be a dict, not str"):
        await cache.list("prefix")
