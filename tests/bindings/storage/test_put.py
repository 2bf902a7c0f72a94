from __future__ import annotations

import datetime
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.storage.api import FixedLengthStream
from aerostack_dev.bindings.storage.content import TOO_LONG, TOO_SHORT, UNKNOWN_LENGTH
from aerostack_dev.errors import BindingError
from aerostack_dev.functions.forms import Blob
from aerostack_dev.functions.headers import Headers

MD5_OF_VALUE = "2063c1608d6e0baf80249c42e2be5804"
MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
WRONG = (
    "Failed to execute 'put' on 'R2Bucket': parameter 2 is not of type "
    "'ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob'."
)
EXPIRES = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


async def chunks(*parts: Any) -> AsyncIterator[Any]:
    for part in parts:
        yield part


@pytest.mark.spec("storage 1.11.1")
async def test_head_tells_what_was_put(storage: Any) -> None:
    await storage.put("k", "value")
    found = await storage.head("k")
    assert (found.key, found.size, found.etag) == ("k", 5, MD5_OF_VALUE)
    assert found.httpEtag == f'"{MD5_OF_VALUE}"'
    assert "body" not in found
    assert not hasattr(found, "body")
    assert found.range == {"offset": 0, "length": 5}
    assert found.storageClass == "Standard"
    assert len(found.version) == 32


@pytest.mark.spec("storage 1.11.2")
async def test_a_missing_key_is_none(storage: Any) -> None:
    assert await storage.head("nothing") is None
    assert await storage.get("nothing") is None


@pytest.mark.spec("storage 1.11.4")
async def test_none_is_an_empty_object(storage: Any) -> None:
    found = await storage.put("k", None)
    assert (found.size, found.etag) == (0, MD5_OF_NOTHING)


@pytest.mark.spec("storage 1.11.5")
@pytest.mark.parametrize("value", [(), (5,), ({},), (1.5,), ([1],)])
async def test_what_cannot_be_stored(storage: Any, value: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError) as caught:
        await storage.put("k", *value)
    assert str(caught.value) == WRONG
    assert await storage.head("k") is None


@pytest.mark.spec("storage 1.11.6")
async def test_a_stream_needs_a_known_length(storage: Any) -> None:
    with pytest.raises(TypeError) as caught:
        await storage.put("k", chunks(b"ab"))
    assert str(caught.value) == UNKNOWN_LENGTH
    found = await storage.put("k", FixedLengthStream(chunks(b"a", bytearray(b"b")), 2))
    assert found.size == 2


@pytest.mark.parametrize("size", [0, 2, 70_000, 700_000])
async def test_a_stream_of_another_length_changes_nothing(storage: Any, size: int) -> None:
    await storage.put("k", "old")
    data = b"x" * size
    with pytest.raises(TypeError, match=TOO_SHORT.replace("(", r"\(").replace(")", r"\)")):
        await storage.put("k", FixedLengthStream(chunks(data), size + 1))
    with pytest.raises(TypeError, match=TOO_LONG):
        await storage.put("k", FixedLengthStream(chunks(data, b"y"), size))
    assert await (await storage.get("k")).text() == "old"


@pytest.mark.parametrize("size", [10, 700_000])
async def test_a_failing_stream_changes_nothing(storage: Any, size: int) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * (size // 2)
        raise ConnectionError("the sender is gone")

    await storage.put("k", "old")
    with pytest.raises(ConnectionError):
        await storage.put("k", FixedLengthStream(failing(), size))
    assert await (await storage.get("k")).text() == "old"


async def test_a_stream_yields_bytes(storage: Any) -> None:
    with pytest.raises(TypeError, match="yields bytes, not str"):
        await storage.put("k", FixedLengthStream(chunks("text"), 4))


@pytest.mark.parametrize("size", [-1, True, 1.5, None])
def test_a_length_is_a_whole_number(size: Any) -> None:
    with pytest.raises(TypeError, match="size must be"):
        FixedLengthStream(chunks(), size)


def test_a_fixed_length_stream_wants_an_async_iterator() -> None:
    with pytest.raises(TypeError, match="async iterator, not bytes"):
        FixedLengthStream(b"ab", 2)


@pytest.mark.parametrize("size", [0, 5, 300_000])
async def test_the_body_of_an_object_can_be_put_again(storage: Any, size: int) -> None:
    await storage.put("a", b"x" * size)
    await storage.put("b", (await storage.get("a")).body)
    assert (await storage.head("b")).etag == (await storage.head("a")).etag


@pytest.mark.spec("storage 1.11.7")
async def test_the_type_of_a_blob_is_not_copied(storage: Any) -> None:
    found = await storage.put("k", Blob([b"abc"], "text/x"))
    assert (found.size, found.httpMetadata) == (3, {})


async def test_a_blob_without_a_stream_is_read_at_once(storage: Any) -> None:
    class Bytes:
        size = 2

        async def bytes(self) -> bytes:
            return b"ab"

    await storage.put("k", Bytes())
    assert await (await storage.get("k")).bytes() == b"ab"


@pytest.mark.parametrize("value", [b"ab", bytearray(b"ab"), memoryview(b"ab"), "ab"])
async def test_buffers_and_text(storage: Any, value: Any) -> None:
    await storage.put("k", value)
    assert await (await storage.get("k")).bytes() == b"ab"


@pytest.mark.spec("storage 1.11.8")
async def test_http_metadata_from_headers(storage: Any) -> None:
    headers = Headers(
        {
            "content-type": "text/css",
            "Cache-Control": "no-store",
            "expires": "Wed, 02 Jan 2030 03:04:05 GMT",
            "x-foo": "1",
        }
    )
    await storage.put("k", "v", {"httpMetadata": headers})
    found = (await storage.head("k")).httpMetadata
    assert found == {"contentType": "text/css", "cacheControl": "no-store", "cacheExpiry": EXPIRES}
    pairs = [("content-language", "de"), ("expires", "soon")]
    assert (await storage.put("k", "v", httpMetadata=pairs)).httpMetadata == {
        "contentLanguage": "de"
    }


async def test_http_metadata_in_either_case(storage: Any) -> None:
    given = {"content_type": "text/css", "contentLanguage": "de", "cache_expiry": EXPIRES, "x": 1}
    found = await storage.put("k", "v", http_metadata=given)
    assert found.httpMetadata.contentType == "text/css"
    assert found.httpMetadata == (await storage.head("k")).httpMetadata
    assert found.httpMetadata.cacheExpiry == EXPIRES


@pytest.mark.parametrize("expiry", ["tomorrow", 5, EXPIRES.replace(tzinfo=None)])
async def test_an_expiry_is_an_aware_datetime(storage: Any, expiry: Any) -> None:
    with pytest.raises(TypeError, match=r"'cacheExpiry' field on 'HttpMetadata'.*type 'date'"):
        await storage.put("k", "v", http_metadata={"cache_expiry": expiry})


@pytest.mark.parametrize(
    "given",
    [
        {"httpMetadata": 5},
        {"httpMetadata": ["ab", "c"]},
        {"customMetadata": 5},
        {"storageClass": "Frozen"},
        {"onlyIf": 5},
        {"md5": 5},
        {"ssecKey": 5},
    ],
)
async def test_options_of_a_wrong_type(storage: Any, given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        await storage.put("k", "v", given)


@pytest.mark.spec("storage 1.11.9")
async def test_custom_metadata_is_text(storage: Any) -> None:
    await storage.put("k", "v", {"customMetadata": {"a": 1, "b": None}})
    assert (await storage.head("k")).customMetadata == {"a": "1", "b": "null"}


async def test_custom_metadata_of_other_types(storage: Any) -> None:
    given = {"t": True, "f": 1.5, "w": 2.0, "l": [1, None, "x"], "d": {}, "when": EXPIRES}
    found = await storage.put("k", "v", custom_metadata=given)
    assert found.customMetadata == {
        "t": "true",
        "f": "1.5",
        "w": "2",
        "l": "1,,x",
        "d": "[object Object]",
        "when": str(EXPIRES),
    }


@pytest.mark.spec("storage 1.11.10")
async def test_a_put_replaces_everything(storage: Any) -> None:
    first = await storage.put(
        "k", "v", custom_metadata={"a": "1"}, storage_class="InfrequentAccess"
    )
    assert first.storageClass == "InfrequentAccess"
    second = await storage.put("k", "v")
    found = await storage.head("k")
    assert (found.customMetadata, found.httpMetadata) == ({}, {})
    assert found.storageClass == "Standard"
    assert found.version == second.version != first.version


@pytest.mark.spec("storage 1.11.11")
@pytest.mark.parametrize("size", [3, 200_000])
async def test_a_wrong_checksum_changes_nothing(storage: Any, size: int) -> None:
    await storage.put("k", "old")
    data = b"n" * size
    actual = hashlib.md5(data).hexdigest()
    with pytest.raises(BindingError) as caught:
        await storage.put("k", data, {"md5": "AB" * 16})
    assert str(caught.value) == (
        "put: The MD5 checksum you specified did not match what we received.\n"
        f"You provided a MD5 checksum with value: {'ab' * 16}\n"
        f"Actual MD5 was: {actual} (10037)"
    )
    assert caught.value.code == "10037"
    assert await (await storage.get("k")).text() == "old"


@pytest.mark.spec("storage 1.11.12")
async def test_one_checksum_only(storage: Any) -> None:
    with pytest.raises(TypeError, match=r"^You cannot specify multiple hashing algorithms.$"):
        await storage.put("k", "v", md5="ab" * 16, sha1="ab" * 20)


@pytest.mark.spec("storage 1.11.13")
async def test_a_checksum_in_capitals(storage: Any) -> None:
    digest = hashlib.sha256(b"value")
    found = await storage.put("k", "value", {"sha256": digest.hexdigest().upper()})
    assert set(found.checksums) == {"md5", "sha256"}
    assert bytes(found.checksums.sha256) == digest.digest()
    assert found.checksums.toJSON() == {"md5": MD5_OF_VALUE, "sha256": digest.hexdigest()}


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("size", [5, 200_000])
async def test_every_checksum(storage: Any, name: str, size: int) -> None:
    data = b"v" * size
    digest = hashlib.new(name, data).digest()
    found = await storage.put("k", data, {name: memoryview(digest)})
    assert bytes(found.checksums[name]) == digest


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("md5", "ab", "MD5 is 32 hex characters, not 2"),
        ("md5", b"ab", "MD5 is 16 bytes, not 2"),
        ("sha1", "ab", "SHA-1 is 40 hex characters, not 2"),
        ("sha256", b"", "SHA-256 is 32 bytes, not 0"),
        ("sha384", "", "SHA-384 is 96 hex characters, not 0"),
        ("sha512", b"ab", "SHA-512 is 64 bytes, not 2"),
        ("md5", "z" * 32, "Provided MD5 wasn't a valid hex string"),
    ],
)
async def test_malformed_checksums(storage: Any, name: str, value: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        await storage.put("k", "v", {name: value})
    assert str(caught.value) == message


@pytest.mark.spec("storage 1.11.14")
async def test_the_longest_key(storage: Any) -> None:
    for method in (storage.head, storage.get, storage.delete, storage.createMultipartUpload):
        with pytest.raises(BindingError, match=r"The specified object name is not valid\. \(10020"):
            await method("é" * 513)
    with pytest.raises(BindingError, match=r"^put: .* \(10020\)$"):
        await storage.put("é" * 513, "v")
    await storage.put("a" * 1024, "v")
    assert (await storage.head("a" * 1024)).size == 1


async def test_keys_are_text(storage: Any) -> None:
    assert (await storage.put(12, "v")).key == "12"
    assert (await storage.head("12")).size == 1
    await storage.put("", "empty key")
    assert await (await storage.get("")).text() == "empty key"


async def test_the_most_metadata(storage: Any) -> None:
    await storage.put("k", "v", custom_metadata={"k": "x" * 8191})
    for value in ("x" * 8192, "é" * 8192, "Ā" * 4096):
        with pytest.raises(BindingError, match=r"^put: Your metadata headers.* \(10012\)$"):
            await storage.put("k", "v", custom_metadata={"k": value})
    await storage.put("k", "v", custom_metadata={"k": "Ā" * 4095})


async def test_an_object_too_large_is_refused_unread(storage: Any) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(BindingError, match=r"^put: .* maximum allowed object size\. \(100100\)$"):
        await storage.put("k", FixedLengthStream(never(), 5_363_466_241))


async def test_a_key_of_the_author_s_own(storage: Any) -> None:
    secret, other = bytes(range(32)), b"x" * 32
    found = await storage.put("k", "secret", {"ssecKey": secret})
    assert found.ssecKeyMd5 == hashlib.md5(secret).hexdigest()
    opened = await storage.get("k", {"ssecKey": secret.hex()})
    assert await opened.text() == "secret"
    for wrong in ({}, {"ssecKey": other}):
        with pytest.raises(BindingError, match=r"^get: The SSE-C key is not the one"):
            await storage.get("k", wrong)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (b"short", "SSE-C Key must be 32 bytes in length"),
        ("ab", "SSE-C Key must be 32 bytes in length"),
        ("x" * 64, "SSE-C Key has invalid format"),
    ],
)
async def test_malformed_keys_of_the_author(storage: Any, key: Any, message: str) -> None:
    with pytest.raises(BindingError) as caught:
        await storage.put("k", "v", {"ssecKey": key})
    assert str(caught.value) == message


AWKWARD = st.sampled_from(["../../etc/passwd", "a\0b", "CON", "NUL.txt", "a/../b", ".", "A", "a"])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text(max_size=300) | AWKWARD, min_size=1, max_size=6, unique=True))
async def test_any_key_round_trips(storage: Any, keys: list[str]) -> None:
    for key in keys:
        await storage.put(key, key.encode() + b"!")
    page = await storage.list()
    assert [found.key for found in page.objects] == sorted(keys, key=str.encode)
    for key in keys:
        found = await storage.get(key)
        assert (found.key, await found.bytes()) == (key, key.encode() + b"!")
    await storage.delete(keys)
    assert (await storage.list()).objects == []


async def test_lone_surrogates_become_replacement_characters(storage: Any) -> None:
    await storage.put("a\ud800b", "\udc00")
    assert (await storage.head("a\ufffdb")).size == 3
    assert await (await storage.get("a\ufffdb")).text() == "\ufffd"
