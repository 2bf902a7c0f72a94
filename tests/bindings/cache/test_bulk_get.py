from __future__ import annotations

import pytest

from aerostack_dev.bindings.cache import validation
from aerostack_dev.errors import BindingError


def failed(text: str) -> str:
    return f"KV GET_BULK failed: {text}"


@pytest.mark.spec("db 2.10.26")
async def test_present_and_missing_keys(cache):
    await cache.put("key1", "v")
    assert await cache.get(["key1", "key2"]) == {"key1": "v", "key2": None}


async def test_input_order_and_repeated_keys(cache):
    for key in ("a", "1", "__proto__", "01"):
        await cache.put(key, key.upper())
    found = await cache.get(("b", "1", "a", "1", "__proto__", "01"))
    assert list(found.items()) == [
        ("b", None), ("1", "1"), ("a", "A"), ("__proto__", "__PROTO__"), ("01", "01"),
    ]  # fmt: skip


@pytest.mark.spec("db 2.10.27")
@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "400 You must request a minimum of 1 key"),
     (101, "400 You can request a maximum of 100 keys")],
)  # fmt: skip
async def test_how_many_keys(cache, count, text):
    for call in (cache.get, cache.getWithMetadata):
        with pytest.raises(BindingError) as caught:
            await call([f"k{n}" for n in range(count)])
        assert str(caught.value) == failed(text)
    assert len(await cache.get([f"k{n}" for n in range(100)])) == 100


@pytest.mark.spec("db 2.10.28")
async def test_one_value_that_is_no_json_fails_the_call(cache):
    await cache.put("good", '{"a": 1}')
    await cache.put("bad", "{a")
    assert (await cache.get(["good", "none"], "json")) == {"good": {"a": 1}, "none": None}
    assert (await cache.get(["good"], "json"))["good"].a == 1
    with pytest.raises(BindingError) as caught:
        await cache.get(["good", "bad"], {"type": "json"})
    assert str(caught.value) == failed(
        "400 At least one of the requested keys corresponds to a non-json value"
    )


@pytest.mark.spec("db 2.10.29")
async def test_values_that_look_like_nothing_are_kept(cache):
    await cache.put("empty", "", metadata={"a": 1})
    await cache.put("zero", "0")
    await cache.put("false", "false")
    found = await cache.getWithMetadata(["empty", "missing"])
    assert found == {"empty": {"value": "", "metadata": {"a": 1}}, "missing": None}
    assert "cacheStatus" not in found["empty"]
    assert (await cache.get(["empty"])) == {"empty": ""}
    found = await cache.get(["zero", "false"], "json")
    assert found["zero"] == 0
    assert found["zero"] is not False
    assert found["false"] is False
    assert (await cache.getWithMetadata(["zero"], "json"))["zero"].value == 0


@pytest.mark.spec("db 2.10.30")
@pytest.mark.parametrize("type_", ["invalid", "arrayBuffer", "stream"])
async def test_other_types_are_refused(cache, type_):
    with pytest.raises(BindingError) as caught:
        await cache.get(["k"], {"type": type_})
    assert str(caught.value) == failed(f'400 "{type_}" is not a valid type. Use "json" or "text"')


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "400 Key names must not be empty"),
        (".", '400 Illegal key name ".". Please use a different name.'),
        ("..", '400 Illegal key name "..". Please use a different name.'),
        ("k" * 513, "414 UTF-8 encoded length of 513 exceeds key length limit of 512."),
    ],
)
async def test_keys_that_are_refused(cache, key, text):
    with pytest.raises(BindingError) as caught:
        await cache.get(["fine", key])
    assert str(caught.value) == failed(text)
    assert caught.value.code == text[:3]


async def test_the_shortest_cache_ttl(cache):
    with pytest.raises(BindingError) as caught:
        await cache.get(["k"], {"cacheTtl": 29})
    assert str(caught.value) == failed(
        "400 Invalid cache_ttl of 29. Cache TTL must be at least 30."
    )
    assert await cache.get(["k"], cacheTtl=30) == {"k": None}


async def test_all_values_together_are_at_most_25_mib(cache):
    half = bytes(validation.BULK_BYTES // 2)
    await cache.put("a", half)
    await cache.put("b", half)
    await cache.put("c", "!")
    assert {k: len(v) for k, v in (await cache.get(["a", "b"])).items()} == {
        "a": len(half),
        "b": len(half),
    }
    with pytest.raises(BindingError) as caught:
        await cache.get(["a", "b", "c"])
    assert str(caught.value) == failed("413 Total size of request exceeds the limit of 25MB")


async def test_expired_values_do_not_count_and_are_none(room, cache):
    await cache.put("a", bytes(validation.BULK_BYTES), expirationTtl=60)
    await cache.put("b", "here")
    room.clock.advance(60)
    assert await cache.get(["a", "b"]) == {"a": None, "b": "here"}


async def test_keys_are_spelled_out_and_misuse_is_a_type_error(cache, invoke):
    await cache.put("5", "v")
    assert await cache.get([5, None]) == {"5": "v", "null": None}
    text = "Failed to execute 'get' on 'KvNamespace': parameter 1 is not of type 'string or Array'."
    for wrong in ([object()], {"a"}, b"k"):
        with pytest.raises(TypeError) as caught:
            await cache.get(wrong)
        assert str(caught.value) == text
    with pytest.raises(TypeError, match="parameter 1 is not of type"):
        await invoke("getBulk", "abc")


async def test_a_long_message_is_cut_off(cache):
    with pytest.raises(BindingError) as caught:
        await cache.get(["k"], "t" * 1000)
    assert str(caught.value) == failed('400 "' + "t" * 511)
