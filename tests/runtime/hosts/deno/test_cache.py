"""`env.CACHE` in TypeScript: where its contract differs from Python's form."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORABLE = (
    "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values."
)


async def value(function, code):
    answer = await function.run(f"const {{ CACHE }} = env; {code}")
    assert "error" not in answer, answer
    return answer["value"]


async def error(function, code):
    answer = await function.run(f"const {{ CACHE }} = env; {code}")
    assert "error" in answer, answer
    return answer["error"]


@pytest.mark.spec("db 2.10.3")
@pytest.mark.parametrize(
    ("given", "stored"),
    [("5", "5"), ("true", "true"), ("null", "null"), ("undefined", "undefined"), ("10n", "10"),
     ("''", ""), ("new Uint8Array([97]).buffer", "a"), ("new Uint16Array([97])", "a\0"),
     ("new Blob(['x']).stream()", "x")],
)  # fmt: skip
async def test_values_that_can_be_stored(function, given, stored):
    assert await value(function, f"await CACHE.put('k', {given}); return CACHE.get('k')") == stored


@pytest.mark.spec("db 2.10.3")
@pytest.mark.spec("db 2.10.4")
@pytest.mark.parametrize(
    "given",
    ["{}", "[1]", "new Date()", "new Blob(['x'])", "new Map()", "() => 1", "Promise.resolve()"],
)
async def test_values_that_cannot(function, given):
    assert await error(function, f"return CACHE.put('k', {given})") == ["TypeError", STORABLE]


@pytest.mark.spec("db 2.10.5")
async def test_keys_are_made_strings_and_checked(function):
    code = """
        await CACHE.put(123, "n"); await CACHE.put(null, "null"); await CACHE.put(["a", "b"], "l");
        const found = [await CACHE.get("123"), await CACHE.get("null"), await CACHE.get("a,b")];
        await CACHE.delete(["a", "b"]);
        return [...found, await CACHE.get("a,b")];
    """
    assert await value(function, code) == ["n", "null", "l", None]
    empty = ["TypeError", "Key name cannot be empty."]
    for call in ("get('')", "put('', '')", "delete('')", "getWithMetadata('')"):
        assert await error(function, f"return CACHE.{call}") == empty
    for method, position, wanted in (("get", 1, "string or Array"), ("delete", 1, "string")):
        assert await error(function, f"return CACHE.{method}()") == [
            "TypeError",
            f"Failed to execute '{method}' on 'KvNamespace': "
            f"parameter {position} is not of type '{wanted}'.",
        ]
    assert (await error(function, "return CACHE.put('k')"))[1].endswith("'string or JsObject'.")


async def test_only_get_with_metadata_throws_at_once(function):
    code = """
        let when = "thrown";
        try { await Promise.resolve(CACHE.METHOD("..")).catch(() => { when = "rejected" }) }
        catch { }
        return when;
    """
    assert await value(function, code.replace("METHOD", "getWithMetadata")) == "thrown"
    assert await value(function, code.replace("METHOD", "get")) == "rejected"


@pytest.mark.spec("db 2.10.9")
@pytest.mark.spec("db 2.10.10")
async def test_types_of_a_read(function):
    code = """
        await CACHE.put("t", '{"a":1}');
        const stream = await CACHE.get("t", { type: "stream" });
        return [await CACHE.get("t", "json"), await CACHE.get("t", { type: "text" }),
                (await CACHE.get("t", "arrayBuffer")).byteLength,
                await new Response(stream).text(), await CACHE.get("none", "blob")];
    """
    assert await value(function, code) == [{"a": 1}, '{"a":1}', 7, '{"a":1}', None]
    for given in ("'blob'", "{type: null}"):
        kind, text = await error(function, f"return CACHE.get('t', {given})")
        assert (kind, text[:21]) == ("TypeError", "Unknown response type")
    code = "await CACHE.put('bad', '{bad'); return CACHE.get('bad', 'json')"
    assert (await error(function, code))[0] == "SyntaxError"


@pytest.mark.spec("db 2.10.11")
async def test_bytes_round_trip(function):
    code = """
        const bytes = new Uint8Array([0, 1, 2, 0x7f, 0x80, 0xfe, 0xff]);
        await CACHE.put("b", bytes);
        const read = new Uint8Array(await CACHE.get("b", "arrayBuffer"));
        const streamed = await new Response(await CACHE.get("b", "stream")).bytes();
        return [[...read], [...streamed]];
    """
    assert await value(function, code) == [[0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]] * 2


@pytest.mark.spec("db 2.10.12")
@pytest.mark.spec("db 2.10.13")
@pytest.mark.spec("db 2.10.14")
async def test_options_are_read_as_32_bit_integers(function):
    assert await error(function, "return CACHE.get('k', {cacheTtl: 'abc'})") == [
        "Error",
        "KV GET failed: 400 Invalid cache_ttl of 0. Cache TTL must be at least 30.",
    ]
    assert await value(function, "return CACHE.get('none', 'json', {cacheTtl: 10})") is None
    for given, shown in (("NaN", 0), ("'30'", 30), ("30.9", 30), ("null", 0)):
        _, text = await error(function, f"return CACHE.put('k', '', {{expirationTtl: {given}}})")
        assert text.startswith(f"KV PUT failed: 400 Invalid expiration_ttl of {shown}.")
    assert await error(function, "return CACHE.put('k', '', {expirationTtl: 2**31})") == [
        "TypeError",
        "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
    ]
    assert (await error(function, "return CACHE.put('k', '', 'x')"))[0] == "TypeError"
    assert await value(function, "return CACHE.put('k', '', null)") == "undefined"


@pytest.mark.spec("db 2.10.19")
@pytest.mark.spec("db 2.10.20")
@pytest.mark.parametrize(
    ("given", "kept"),
    [("0", 0), ("false", False), ("''", ""), ("{a: undefined, d: new Date(0)}",
     {"d": "1970-01-01T00:00:00.000Z"}), ("null", None), ("undefined", None),
     ('{"$bytes": 0}', {"$bytes": 0}), ('{x: {"$stream": [1, 2], "$plain": {}}}',
     {"x": {"$stream": [1, 2], "$plain": {}}})],
)  # fmt: skip
async def test_metadata_is_what_json_makes_of_it(function, given, kept):
    code = f"""
        await CACHE.put("m", "v", {{ metadata: {given} }});
        return CACHE.getWithMetadata("m");
    """
    expected = {"value": "v", "metadata": kept, "cacheStatus": None}
    assert await value(function, code) == expected


@pytest.mark.spec("db 2.10.24")
@pytest.mark.spec("db 2.10.25")
async def test_missing_keys(function):
    code = "return [await CACHE.getWithMetadata('none'), await CACHE.delete('none') === undefined]"
    nothing = {"value": None, "metadata": None, "cacheStatus": None}
    assert await value(function, code) == [nothing, True]


@pytest.mark.spec("db 2.10.26")
@pytest.mark.spec("db 2.10.29")
async def test_bulk_reads_give_a_map(function):
    code = """
        await CACHE.put("key1", "v"); await CACHE.put("e", "", { metadata: 1 });
        return [[...await CACHE.get(["key1", "key2", "key1"])],
                [...await CACHE.getWithMetadata(["e", "key2"])]];
    """
    assert await value(function, code) == [
        [["key1", "v"], ["key2", None]],
        [["e", {"value": "", "metadata": 1}], ["key2", None]],
    ]
    assert (await error(function, "return CACHE.get([])"))[1] == (
        "KV GET_BULK failed: 400 You must request a minimum of 1 key"
    )


@pytest.mark.spec("db 2.10.33")
@pytest.mark.spec("db 2.10.36")
async def test_a_listing(function):
    code = """
        for (const n of [1, 2, 3]) await CACHE.put(`page${n}`, "");
        const first = await CACHE.list({ prefix: "page", limit: 2 });
        const second = await CACHE.list({ prefix: "page", limit: 2, cursor: first.cursor });
        const all = await CACHE.list({ prefix: "page", limit: null, cursor: undefined });
        return [first.keys, first.list_complete, second.keys, "cursor" in second,
                all.keys.length];
    """
    assert await value(function, code) == [
        [{"name": "page1"}, {"name": "page2"}],
        False,
        [{"name": "page3"}],
        False,
        3,
    ]


async def test_a_call_that_is_not_awaited_sees_the_bytes_of_its_moment(function):
    code = """
        const bytes = new TextEncoder().encode("before");
        const put = CACHE.put("moment", bytes);
        bytes.fill(120);
        await put;
        return CACHE.get("moment");
    """
    assert await value(function, code) == "before"


async def test_an_error_points_at_the_line_of_the_call(function):
    code = "try { await CACHE.get('.'); } catch (error) { return error.stack.includes('eval') }"
    assert await value(function, code) is True
