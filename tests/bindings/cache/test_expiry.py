from __future__ import annotations

import pytest

START = 1_800_000_000


async def seen(cache):
    """By which of the four ways of reading `k` is seen."""
    return (
        [entry.name for entry in (await cache.list())["keys"]] == ["k"],
        (await cache.getWithMetadata("k"))["value"] is not None,
        (await cache.get(["k"]))["k"] is not None,
        await cache.get("k") is not None,
    )


@pytest.mark.spec("db 2.10.16")
async def test_an_entry_lives_for_its_ttl(room, cache):
    await cache.put("k", "v", expirationTtl=60)
    room.clock.advance(59.6)
    assert await seen(cache) == (True, True, True, True)
    room.clock.advance(0.407)
    assert await seen(cache) == (False, False, False, False)


@pytest.mark.spec("db 2.10.16")
async def test_the_ttl_counts_from_the_whole_second(room, cache):
    room.clock.advance(0.75)
    await cache.put("k", "v", expirationTtl=60)
    room.clock.advance(59.125)
    assert await cache.get("k") == "v"
    room.clock.advance(0.125)
    assert await cache.get("k") is None


async def test_in_the_very_millisecond_only_list_still_shows_it(room, cache):
    for read in (
        lambda: cache.get("k"),
        lambda: cache.get(["k"]),
        lambda: cache.getWithMetadata("k"),
    ):
        await cache.put("k", "v", expirationTtl=60)
        room.clock.advance(60)
        assert [entry.name for entry in (await cache.list())["keys"]] == ["k"]
        assert await read() in (None, {"k": None}, {
            "value": None, "metadata": None, "cacheStatus": None,
        })  # fmt: skip
        assert (await cache.list())["keys"] == []  # that read deleted it


async def test_one_millisecond_later_list_does_not_show_it_either(room, cache):
    await cache.put("k", "v", expirationTtl=60)
    room.clock.advance(60.0015)
    assert (await cache.list())["keys"] == []


async def test_a_ttl_of_60_and_an_expiration_60_seconds_ahead_are_accepted(room, cache):
    await cache.put("ttl", "v", expirationTtl=60)
    await cache.put("at", "v", expiration=START + 60)
    assert [entry.expiration for entry in (await cache.list())["keys"]] == [START + 60] * 2


@pytest.mark.spec("db 2.10.37")
async def test_list_shows_when_a_key_expires(room, cache):
    await cache.put("a", "v", expirationTtl=60)
    await cache.put("b", "v", expirationTtl=120, metadata={"n": 1})
    await cache.put("c", "v")
    assert (await cache.list())["keys"] == [
        {"name": "a", "expiration": START + 60},
        {"name": "b", "expiration": START + 120, "metadata": {"n": 1}},
        {"name": "c"},
    ]
    room.clock.advance(61)
    assert [entry.name for entry in (await cache.list())["keys"]] == ["b", "c"]


async def test_expired_entries_do_not_fill_pages(room, cache, invoke):
    await invoke(
        "putBulk",
        [{"key": f"a{n}", "value": "", "expirationTtl": 60} for n in range(5)]
        + [{"key": f"b{n}", "value": ""} for n in range(2)],
    )
    room.clock.advance(61)
    page = await cache.list(limit=2)
    assert [entry.name for entry in page["keys"]] == ["b0", "b1"]
    assert page["list_complete"] is True


async def test_an_expired_entry_can_be_written_anew(room, cache):
    await cache.put("k", "old", expirationTtl=60, metadata=1)
    room.clock.advance(61)
    await cache.put("k", "new")
    assert await cache.getWithMetadata("k") == {
        "value": "new",
        "metadata": None,
        "cacheStatus": None,
    }
