from __future__ import annotations

import pytest

from aerostack_dev.bindings.cache import KIND, Namespace
from aerostack_dev.clock import ManualClock


@pytest.mark.spec("db 2.10.40")
async def test_entries_survive_a_restart_where_they_are(open_kind, tmp_path):
    clock = ManualClock()
    async with open_kind(clock=clock) as room:
        await room.env.CACHE.put("k", b"\x00v", expirationTtl=60, metadata={"a": 1})
    async with open_kind(clock=clock) as room:
        found = await room.env.CACHE.getWithMetadata("k", "arrayBuffer")
        assert (found.value, found.metadata) == (b"\x00v", {"a": 1})
        clock.advance(60)
        assert await room.env.CACHE.get("k") is None
    async with open_kind(root=tmp_path / "elsewhere") as room:
        assert await room.env.CACHE.get("k") is None


async def test_namespaces_are_apart_unless_they_share_an_id(open_kind):
    declared = [
        Namespace(binding="CACHE", id="one"),
        Namespace(binding="SAME", id="one"),
        Namespace(binding="OTHER", id="two"),
        Namespace(binding="NAMED"),
    ]
    async with open_kind(*declared) as room:
        env = room.env
        await env.CACHE.put("k", "one")
        await env.OTHER.put("k", "two")
        assert await env.SAME.get("k") == "one"
        assert await env.NAMED.get("k") is None
        await env.OTHER.delete("k")
        assert await env.CACHE.get("k") == "one"
        assert (await env.NAMED.list())["keys"] == []
        assert [room.bindings.bound[name].resource for name in ("SAME", "NAMED")] == [
            "one",
            "NAMED",
        ]
        assert repr(env.SAME) == "<cache SAME>"


def test_the_default_binding_is_always_there():
    assert KIND.default == "CACHE"
    assert KIND.section.shape(binding="CACHE") == Namespace(binding="CACHE")
