from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import pytest

from aerostack_dev.bindings.storage.objects import USED
from aerostack_dev.errors import BindingError
from aerostack_dev.functions.headers import Headers
from aerostack_dev.wire import dumps, taken

LARGE = 700_001
PATTERN = bytes(range(256)) * (LARGE // 256 + 1)
DATA = PATTERN[:LARGE]


@pytest.mark.spec("storage 1.11.3")
async def test_a_missing_key_is_none_before_any_condition(storage: Any) -> None:
    assert await storage.get("nothing", {"onlyIf": {"etagMatches": "x"}}) is None


@pytest.mark.spec("storage 1.11.15")
async def test_a_range(storage: Any) -> None:
    await storage.put("k", "value")
    found = await storage.get("k", {"range": {"offset": 1, "length": 2}})
    assert await found.text() == "al"
    assert (found.range, found.size) == ({"offset": 1, "length": 2}, 5)


@pytest.mark.spec("storage 1.11.16")
async def test_a_suffix(storage: Any) -> None:
    await storage.put("k", "value")
    found = await storage.get("k", range={"suffix": 2})
    assert await found.text() == "ue"
    assert found.range == {"offset": 3, "length": 2}
    assert await (await storage.get("k", range={"suffix": 9})).text() == "value"


@pytest.mark.spec("storage 1.11.17")
async def test_a_range_is_clamped(storage: Any) -> None:
    await storage.put("k", "value")
    found = await storage.get("k", range={"offset": 3, "length": 100})
    assert await found.text() == "ue"


@pytest.mark.spec("storage 1.11.18")
@pytest.mark.parametrize("wanted", [{"offset": 5}, {"length": 0}, {"suffix": 0}, {"offset": 9}])
async def test_a_range_that_is_not_there(storage: Any, wanted: dict[str, int]) -> None:
    await storage.put("k", "value")
    with pytest.raises(BindingError) as caught:
        await storage.get("k", range=wanted)
    assert str(caught.value) == "get: The requested range is not satisfiable (10039)"


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"suffix": 1, "offset": 0}, TypeError, "Suffix is incompatible with offset."),
        ({"suffix": 1, "length": 0}, TypeError, "Suffix is incompatible with length."),
        (
            {"offset": -1},
            ValueError,
            "Invalid range. Starting offset (-1) must be greater than or equal to 0.",
        ),
        (
            {"offset": 1.5},
            ValueError,
            "Invalid range. Starting offset (1.5) must be an integer, not floating point.",
        ),
        (
            {"length": -1},
            ValueError,
            "Invalid range. Length (-1) must be greater than or equal to 0.",
        ),
        (
            {"suffix": -1},
            ValueError,
            "Invalid suffix. Suffix (-1) must be greater than or equal to 0.",
        ),
    ],
)
async def test_ranges_that_make_no_sense(
    storage: Any, wanted: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        await storage.get("k", {"range": wanted})
    assert str(caught.value) == message


@pytest.mark.spec("storage 1.11.19")
@pytest.mark.parametrize(
    "header", ["bytes=100-", "items=0-1", "bytes=0-1,3-4", "bytes=x", "", None]
)
async def test_a_range_header_that_is_ignored(storage: Any, header: str | None) -> None:
    await storage.put("k", "value")
    headers = Headers({} if header is None else {"Range": header})
    found = await storage.get("k", {"range": headers})
    assert await found.text() == "value"
    assert found.range == {"offset": 0, "length": 5}


async def test_a_range_header(storage: Any) -> None:
    await storage.put("k", "value")
    found = await storage.get("k", range=Headers({"range": "Bytes = 1-2"}))
    assert await found.text() == "al"


@pytest.mark.spec("storage 1.11.20")
async def test_an_empty_object(storage: Any) -> None:
    await storage.put("k", "")
    found = await storage.get("k")
    assert (await found.text(), found.range) == ("", {"offset": 0, "length": 0})
    for wanted in ({}, {"offset": 0}):
        with pytest.raises(BindingError, match="10039"):
            await storage.get("k", {"range": wanted})
    assert await (await storage.get("k", range=Headers({"range": "bytes=0-"}))).text() == ""


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, LARGE), (1, 65_536), (1, 65_537), (262_143, 3), (300_000, 262_145), (LARGE - 1, 1)],
)
async def test_ranges_of_a_large_object(storage: Any, offset: int, length: int) -> None:
    await storage.put("k", DATA)
    found = await storage.get("k", {"range": {"offset": offset, "length": length}})
    assert await found.bytes() == DATA[offset : offset + length]


@pytest.mark.spec("storage 1.11.28")
@pytest.mark.parametrize("value", ["value", "value" * 50_000])
async def test_a_body_is_read_once(storage: Any, value: str) -> None:
    await storage.put("k", value)
    found = await storage.get("k")
    assert not found.bodyUsed
    assert await found.text() == value
    assert found.bodyUsed
    assert found.body_used
    for read in (found.text, found.json, found.bytes, found.arrayBuffer, found.blob):
        with pytest.raises(TypeError) as caught:
            await read()
        assert str(caught.value) == USED
    with pytest.raises(TypeError):
        aiter(found.body)


async def test_a_small_body_is_taken_once_and_a_large_one_read(storage: Any) -> None:
    await storage.put("small", "value")
    found = await storage.get("small")
    assert taken(found.body) == b"value"
    assert found.bodyUsed
    assert taken(found.body) is None
    await storage.put("large", DATA)
    found = await storage.get("large")
    assert taken(found.body) is None
    assert not found.bodyUsed
    assert await found.bytes() == DATA


async def test_every_way_to_read(storage: Any) -> None:
    await storage.put("k", '{"a": [1]}', http_metadata={"content_type": "text/x"})
    assert (await (await storage.get("k")).json()).a == [1]
    assert await (await storage.get("k")).array_buffer() == memoryview(b'{"a": [1]}')
    blob = await (await storage.get("k")).blob()
    assert (blob.type, await blob.text()) == ("text/x", '{"a": [1]}')
    assert [chunk async for chunk in (await storage.get("k")).body] == [b'{"a": [1]}']
    found = await storage.get("k")
    assert "body" in found
    assert found["body"] is found.body
    assert found["bodyUsed"] is False
    with pytest.raises(KeyError):
        found["nothing"]


@pytest.mark.parametrize("text", ["", "{", "NaN"])
async def test_what_is_not_json(storage: Any, text: str) -> None:
    await storage.put("k", text)
    with pytest.raises(json.JSONDecodeError):
        await (await storage.get("k")).json()


async def test_text_has_no_byte_order_mark(storage: Any) -> None:
    await storage.put("k", b"\xef\xbb\xbfa\xff")
    assert await (await storage.get("k")).text() == "a\ufffd"


@pytest.mark.spec("storage 1.11.29")
async def test_an_object_as_json(storage: Any) -> None:
    await storage.put("k", "value")
    found = await storage.get("k")
    shown = json.loads(dumps({"object": found}))["object"]
    assert shown["etag"] == "2063c1608d6e0baf80249c42e2be5804"
    assert shown["checksums"] == {"md5": shown["etag"]}
    assert shown["uploaded"].startswith("2027-01-15T08:00:00")
    assert "body" not in shown
    assert shown.keys() == found.toJSON().keys()
    assert found.uploaded == datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.UTC)


async def test_http_metadata_as_headers(storage: Any) -> None:
    expiry = datetime.datetime(1994, 11, 6, 8, 49, 37, tzinfo=datetime.UTC)
    await storage.put(
        "k",
        "v",
        http_metadata={
            "contentType": "a/b",
            "contentLanguage": "de",
            "contentDisposition": "inline",
            "contentEncoding": "br",
            "cacheControl": "no-store",
            "cacheExpiry": expiry,
        },
    )
    headers = Headers()
    (await storage.head("k")).writeHttpMetadata(headers)
    assert dict(headers.items()) == {
        "content-type": "a/b",
        "content-language": "de",
        "content-disposition": "inline",
        "content-encoding": "br",
        "cache-control": "no-store",
        "expires": "Sun, 06 Nov 1994 08:49:37 GMT",
    }
    plain: dict[str, str] = {}
    (await storage.put("k", "v", http_metadata={"contentType": "c/d"})).write_http_metadata(plain)
    assert plain == {"Content-Type": "c/d"}


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a\nb", "a\0b"])
async def test_http_metadata_that_is_no_header(storage: Any, bad: str) -> None:
    found = await storage.put("k", "v", http_metadata={"contentType": bad})
    with pytest.raises(TypeError, match="Content-Type"):
        found.writeHttpMetadata({})


@pytest.mark.spec("storage 1.11.46")
@pytest.mark.parametrize("size", [5, LARGE])
async def test_a_read_survives_delete_and_overwrite(storage: Any, size: int) -> None:
    await storage.put("k", DATA[:size])
    deleted = await storage.get("k")
    await storage.delete("k")
    await storage.put("k", DATA[:size])
    replaced = await storage.get("k")
    await storage.put("k", b"new" * LARGE)
    assert await deleted.bytes() == await replaced.bytes() == DATA[:size]
    assert await (await storage.get("k")).bytes() == b"new" * LARGE


async def test_many_readers_of_one_object(storage: Any) -> None:
    await storage.put("k", DATA)

    async def read() -> bytes:
        found: bytes = await (await storage.get("k")).bytes()
        return found

    assert await asyncio.gather(*(read() for _ in range(20))) == [DATA] * 20


async def test_a_body_can_be_left_unread(storage: Any) -> None:
    await storage.put("k", DATA)
    found = await storage.get("k")
    assert len(await anext(found.body)) > 0
    await found.body.aclose()
    with pytest.raises(TypeError):
        await found.bytes()
    await storage.put("small", "v")
    found = await storage.get("small")
    await found.body.aclose()
    assert found.bodyUsed


async def test_unknown_options(storage: Any) -> None:
    with pytest.raises(TypeError, match="unknown option 'rnage'"):
        await storage.get("k", rnage={})
    with pytest.raises(TypeError, match="options must be a dict"):
        await storage.get("k", 5)
    assert await storage.get("k", {"rnage": 1}) is None
    with pytest.raises(TypeError, match="Headers, not int"):
        await storage.get("k", range=5)


def test_the_bucket_shows_its_name(storage: Any) -> None:
    assert repr(storage) == "<R2Bucket storage>"
