from __future__ import annotations

import json

import pytest

from aerostack_dev.errors import BindingError

RAW = bytes([0x00, 0x01, 0x02, 0x7F, 0x80, 0xFE, 0xFF])


@pytest.mark.spec("db 2.10.1")
@pytest.mark.parametrize("type_", ["text", "json", "arrayBuffer", "stream"])
async def test_a_missing_key_is_none_with_any_type(cache, type_):
    assert await cache.get("missing", type_) is None
    assert await cache.get("missing", {"type": type_}) is None
    assert await cache.get("missing", type=type_) is None


@pytest.mark.spec("db 2.10.2")
async def test_an_empty_value_is_not_a_missing_one(cache):
    await cache.put("k", "")
    assert await cache.get("k") == ""


@pytest.mark.spec("db 2.10.7")
async def test_a_percent_sign_in_a_key_is_a_percent_sign(cache):
    await cache.put("a%20b", "encoded")
    await cache.put("a b", "space")
    assert await cache.get("a%20b") == "encoded"
    assert await cache.get("a b") == "space"


@pytest.mark.spec("db 2.10.8")
async def test_keys_differ_by_case(cache):
    await cache.put("key", "lower")
    await cache.put("KEY", "upper")
    assert [await cache.get("key"), await cache.get("KEY")] == ["lower", "upper"]


@pytest.mark.parametrize(
    "key",
    [" ", "/", "//", "/a/", "%", "?", "#", "\\", "\n", "\0", "a\0b", "😀", "...", "bulk/get",
     "__proto__", "'", '"', "\ufeff"],
)  # fmt: skip
async def test_every_other_key_round_trips(cache, key):
    await cache.put(key, "v")
    assert await cache.get(key) == "v"
    assert [entry.name for entry in (await cache.list())["keys"]] == [key]


@pytest.mark.spec("db 2.10.5")
@pytest.mark.parametrize("call", ["get", "getWithMetadata", "put", "delete"])
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "Key name cannot be empty."),
        (".", '"." is not allowed as a key name.'),
        ("..", '".." is not allowed as a key name.'),
    ],
)
async def test_keys_that_are_refused(cache, call, key, text):
    arguments = ("v",) if call == "put" else ()
    with pytest.raises(TypeError) as caught:
        await getattr(cache, call)(key, *arguments)
    assert str(caught.value) == text


@pytest.mark.spec("db 2.10.6")
async def test_the_longest_key_counts_in_utf8(cache):
    await cache.put("é" * 256, "v")
    assert await cache.get("é" * 256) == "v"
    for call, operation in [("get", "GET"), ("getWithMetadata", "GET"), ("delete", "DELETE")]:
        with pytest.raises(BindingError) as caught:
            await getattr(cache, call)("é" * 257)
        assert str(caught.value) == (
            f"KV {operation} failed: 414 "
            "UTF-8 encoded length of 514 exceeds key length limit of 512."
        )
        assert caught.value.code == "414"
    with pytest.raises(BindingError, match=r"^KV PUT failed: 414 UTF-8 encoded length of 514 "):
        await cache.put("é" * 257, "v")


@pytest.mark.spec("db 2.10.9")
@pytest.mark.parametrize("type_", ["blob", "", "Text"])
async def test_an_unknown_type_is_an_error_only_when_the_key_exists(cache, type_):
    assert await cache.get("k", type_) is None
    await cache.put("k", "v")
    for call in (cache.get, cache.getWithMetadata):
        with pytest.raises(TypeError) as caught:
            await call("k", type_)
        assert str(caught.value) == (
            'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'
        )


async def test_a_null_type_is_unknown_and_an_absent_one_is_text(cache, invoke):
    await cache.put("k", "v")
    with pytest.raises(TypeError, match="Unknown response type"):
        await invoke("get", "k", {"type": None})
    assert await cache.get("k", {"type": None}) == "v"
    assert await cache.get("k", None) == await cache.get("k", {}) == "v"


@pytest.mark.spec("db 2.10.10")
@pytest.mark.parametrize("text", ["{bad", "", "NaN", "[1,]", "\ufeff1", "'a'"])
async def test_text_that_is_no_json(cache, text):
    await cache.put("k", text)
    with pytest.raises(json.JSONDecodeError):
        await cache.get("k", "json")
    with pytest.raises(json.JSONDecodeError):
        await cache.getWithMetadata("k", "json")


@pytest.mark.spec("db 2.10.11")
async def test_bytes_round_trip(cache):
    await cache.put("k", RAW)
    view = await cache.get("k", "arrayBuffer")
    assert isinstance(view, memoryview)
    assert view == RAW
    stream = await cache.get("k", "stream")
    assert b"".join([chunk async for chunk in stream]) == RAW


async def test_a_long_stream_comes_in_pieces(cache):
    value = bytes(range(256)) * 1000
    await cache.put("k", value)
    chunks = [chunk async for chunk in await cache.get("k", "stream")]
    assert len(chunks) > 1
    assert b"".join(chunks) == value


async def test_text_that_is_not_utf8_and_a_byte_order_mark(cache):
    await cache.put("k", b"\xef\xbb\xbfa\xff\xe2\x82b")
    assert await cache.get("k") == "\ufeffa\ufffd\ufffdb"


async def test_json_objects_answer_by_attribute_too(cache):
    await cache.put("k", '{"user": {"name": "Ada"}, "tags": [{"id": 1}]}')
    value = await cache.get("k", "json")
    assert value == {"user": {"name": "Ada"}, "tags": [{"id": 1}]}
    assert (value.user.name, value.tags[0].id) == ("Ada", 1)


@pytest.mark.spec("db 2.10.12")
async def test_the_shortest_cache_ttl(cache):
    await cache.put("k", "v")
    for seconds, said in [(29, 29), ("abc", 0), (0, 0), (-1, -1), (29.9, 29)]:
        for key in ("k", "missing"):
            with pytest.raises(BindingError) as caught:
                await cache.get(key, {"cacheTtl": seconds})
            assert str(caught.value) == (
                f"KV GET failed: 400 Invalid cache_ttl of {said}. Cache TTL must be at least 30."
            )
    assert await cache.get("k", {"cacheTtl": 30}) == "v"
    assert await cache.get("k", cache_ttl=30.5) == "v"
    with pytest.raises(TypeError, match=r"^Value out of range\. Must be between -2147483648 and "):
        await cache.get("k", cacheTtl=2**31)


@pytest.mark.spec("db 2.10.13")
async def test_a_third_argument_is_ignored(cache):
    await cache.put("k", "[1]")
    assert await cache.get("k", "json", {"cacheTtl": 10}) == [1]


@pytest.mark.spec("db 2.10.24")
async def test_a_missing_key_with_metadata(cache):
    nothing = {"value": None, "metadata": None, "cacheStatus": None}
    assert await cache.getWithMetadata("missing") == nothing
    assert await cache.get_with_metadata("missing", "stream") == nothing


async def test_a_value_with_its_metadata(cache):
    await cache.put("k", "[1]", metadata={"tag": {"a": 1}})
    found = await cache.getWithMetadata("k", "json")
    assert found == {"value": [1], "metadata": {"tag": {"a": 1}}, "cacheStatus": None}
    assert found.metadata.tag.a == 1


@pytest.mark.spec("db 2.10.25")
async def test_deleting_twice_is_no_error(cache):
    await cache.put("k", "v")
    assert await cache.delete("k") is None
    assert await cache.delete("k") is None
    assert await cache.get("k") is None


@pytest.mark.parametrize(
    ("given", "spelled"), [(123, "123"), (None, "null"), (True, "true"), (1.0, "1")]
)
async def test_keys_are_spelled_out(cache, given, spelled):
    await cache.put(given, "v")
    assert await cache.get(spelled) == await cache.get(given) == "v"
    await cache.delete(given)
    assert await cache.get(spelled) is None


async def test_a_list_of_keys_is_one_key_where_bulk_does_not_exist(cache):
    await cache.put("a,,b", "v")
    await cache.delete(["a", None, "b"])
    assert await cache.get("a,,b") is None


@pytest.mark.parametrize(
    ("call", "wanted"),
    [("get", "string or Array"), ("getWithMetadata", "string or Array"), ("delete", "string")],
)
async def test_a_key_that_cannot_be_spelled(cache, call, wanted):
    with pytest.raises(TypeError) as caught:
        await getattr(cache, call)(object())
    assert str(caught.value) == (
        f"Failed to execute '{call}' on 'KvNamespace': parameter 1 is not of type '{wanted}'."
    )


async def test_options_of_a_wrong_type_and_unknown_keywords(cache):
    with pytest.raises(TypeError, match="options must be a dict"):
        await cache.get("k", 5)
    with pytest.raises(TypeError, match="unknown option 'cachettl'"):
        await cache.get("k", cachettl=30)
    assert await cache.get("k", {"unknown": 1}) is None
