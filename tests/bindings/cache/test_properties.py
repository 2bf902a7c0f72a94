from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.cache import KIND
from aerostack_dev.errors import BindingError
from tests.support.rooms import open_room

FEW = settings(max_examples=60, deadline=None)

KEYS = st.text(max_size=512).filter(
    lambda key: key not in ("", ".", "..") and len(key.encode()) <= 512
)
SHORT_KEYS = st.text(max_size=8).filter(lambda key: key not in ("", ".", ".."))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def within(tmp_path_factory):
    """Runs a test's coroutine in a room that all examples share, emptied for each."""
    root = tmp_path_factory.mktemp("cache")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        room = runner.run(stack.enter_async_context(open_room(root, KIND)))

        async def emptied(test):
            cache = room.env.CACHE
            for entry in (await cache.list())["keys"]:
                await cache.delete(entry.name)
            await test(cache, room.clock)

        yield lambda test: runner.run(emptied(test))
        runner.run(stack.aclose())


@FEW
@given(key=KEYS, value=st.text(max_size=50), raw=st.binary(max_size=50))
def test_any_key_and_value_round_trip(within, key, value, raw):
    async def test(cache, clock):
        await cache.put(key, value)
        assert await cache.get(key) == value
        assert await cache.get([key]) == {key: value}
        await cache.put(key, raw)
        assert await cache.get(key, "arrayBuffer") == raw
        assert [entry.name for entry in (await cache.list())["keys"]] == [key]
        await cache.delete(key)
        assert await cache.get(key) is None

    within(test)


@FEW
@given(keys=st.sets(SHORT_KEYS, max_size=30), prefix=st.text(max_size=2))
def test_a_listing_has_the_order_of_utf8_bytes(within, keys, prefix):
    async def test(cache, clock):
        await asyncio.gather(*(cache.put(key, "") for key in keys))
        page = await cache.list(prefix=prefix)
        assert [entry.name for entry in page["keys"]] == sorted(
            (key for key in keys if key.startswith(prefix)), key=str.encode
        )

    within(test)


@FEW
@given(
    keys=st.sets(SHORT_KEYS, max_size=30),
    limits=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    prefix=st.text(max_size=1),
)
def test_pages_of_any_size_hold_each_key_once(within, keys, limits, prefix):
    async def test(cache, clock):
        await asyncio.gather(*(cache.put(key, "") for key in keys))
        listed = []
        cursor = None
        for turn in range(len(keys) + 1):
            limit = limits[turn % len(limits)]
            page = await cache.list(limit=limit, cursor=cursor, prefix=prefix)
            listed += [entry.name for entry in page["keys"]]
            assert len(page["keys"]) <= limit
            assert ("cursor" in page) is not page["list_complete"]
            if page["list_complete"]:
                break
            assert len(page["keys"]) == limit
            cursor = page["cursor"]
        assert listed == sorted((key for key in keys if key.startswith(prefix)), key=str.encode)

    within(test)


@FEW
@given(metadata=JSON)
def test_metadata_round_trips(within, metadata):
    async def test(cache, clock):
        try:
            await cache.put("k", "v", metadata=metadata)
        except BindingError as error:
            assert "Metadata length of" in str(error)
            return
        assert (await cache.getWithMetadata("k"))["metadata"] == metadata
        (entry,) = (await cache.list())["keys"]
        assert entry.get("metadata") == metadata
        assert ("metadata" in entry) is (metadata is not None)

    within(test)


@FEW
@given(
    ttl=st.integers(60, 10_000),
    fraction=st.integers(0, 999),
    milliseconds=st.integers(0, 12_000_000),
)
def test_an_entry_is_there_until_its_millisecond(within, ttl, fraction, milliseconds):
    async def test(cache, clock):
        clock.advance(math.ceil(clock.now()) - clock.now() + fraction / 1000)
        put_at = clock.now()
        await cache.put("k", "v", expirationTtl=ttl)
        clock.advance(milliseconds / 1000)
        left = int(put_at) + ttl - clock.now()
        assume(abs(left) > 0.002)  # the very millisecond has a test of its own
        listed = [entry.name for entry in (await cache.list())["keys"]]
        assert (await cache.get("k") is not None) is (left > 0)
        assert bool(listed) is (left > 0)

    within(test)
