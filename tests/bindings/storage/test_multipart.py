from __future__ import annotations

import re
from hashlib import md5
from typing import Any

import pytest

from aerostack_dev.bindings.storage.multipart import (
    MAX_OBJECT_SIZE,
    MIN_PART_SIZE,
    Part,
    assemble,
    object_etag,
)
from aerostack_dev.errors import BindingError

MIB = 1024**2
UNKNOWN = "We encountered an internal error. Please try again. (10001)"
NO_UPLOAD = "The specified multipart upload does not exist. (10024)"
DAY = 24 * 3600


def stored(*sizes: int) -> dict[int, Part]:
    return {
        number: Part(number, f"e{number}", size, md5(b"%d" % number).digest(), None)
        for number, size in enumerate(sizes, 1)
    }


def asked(*numbers: int) -> list[tuple[int, str]]:
    return [(number, f"e{number}") for number in numbers]


@pytest.mark.spec("storage 1.11.38")
@pytest.mark.parametrize("number", [0, 10_001, -1])
async def test_part_numbers(storage: Any, number: int) -> None:
    upload = storage.resumeMultipartUpload("k", "no such upload")
    message = f"Part number must be between 1 and 10000 (inclusive). Actual value was: {number}"
    with pytest.raises(TypeError) as caught:
        await upload.uploadPart(number, "x")
    assert str(caught.value) == message
    with pytest.raises(TypeError) as caught:
        await upload.complete([{"partNumber": number, "etag": "x"}])
    assert str(caught.value) == message


@pytest.mark.spec("storage 1.11.39")
@pytest.mark.spec("storage 1.11.44")
@pytest.mark.spec("storage 1.11.45")
async def test_an_upload_in_parts(storage: Any) -> None:
    first, second = b"1" * MIN_PART_SIZE, b"2" * MIN_PART_SIZE
    upload = await storage.createMultipartUpload(
        "k", custom_metadata={"a": 1}, http_metadata={"content_type": "x/y"}
    )
    assert re.fullmatch(r"[A-Za-z0-9_-]{171}", upload.uploadId)
    assert (upload.key, upload.upload_id) == ("k", upload["uploadId"])
    two = await upload.uploadPart(2, second)
    one = await upload.upload_part(1, first)
    assert one.etag != md5(first).hexdigest()
    assert await storage.head("k") is None
    assert (await storage.list()).objects == []
    done = await upload.complete([{"part_number": 2, "etag": two.etag}, one])
    found = await storage.get("k")
    assert await found.bytes() == first + second
    assert done.etag == found.etag == object_etag([md5(first).digest(), md5(second).digest()])
    assert found.etag.endswith("-2")
    assert (found.checksums, found.customMetadata) == ({}, {"a": "1"})
    assert found.httpMetadata.contentType == "x/y"
    assert done.range is None
    crossing = await storage.get("k", range={"offset": MIN_PART_SIZE - 2, "length": 4})
    assert await crossing.text() == "1122"
    large = await storage.get("k", range={"offset": MIN_PART_SIZE - 100_000, "length": 200_000})
    assert await large.text() == "1" * 100_000 + "2" * 100_000


@pytest.mark.spec("storage 1.11.40")
async def test_sizes_of_parts(storage: Any) -> None:
    upload = await storage.createMultipartUpload("k")
    small = await upload.uploadPart(1, "x")
    last = await upload.uploadPart(2, "y")
    with pytest.raises(BindingError) as caught:
        await upload.complete([small, last])
    assert str(caught.value) == (
        "completeMultipartUpload: Your proposed upload is smaller than the minimum allowed "
        "object size. (10011)"
    )
    sizes = stored(5 * MIB, 6 * MIB, 1)
    with pytest.raises(BindingError) as caught:
        assemble(asked(1, 2, 3), sizes)
    assert str(caught.value) == (
        "completeMultipartUpload: There was a problem with the multipart upload. (10048)"
    )


@pytest.mark.parametrize(
    ("sizes", "order", "code"),
    [
        ((5 * MIB, 5 * MIB + 1), (1, 2), "10048"),
        ((5 * MIB, 1), (2, 1), "10011"),
        ((1, 5 * MIB), (2, 1), "10048"),
        ((5 * MIB, 5 * MIB), (1, 1), "10001"),
        ((5 * MIB,), (1, 2), "10025"),
        ((MAX_OBJECT_SIZE, 1), (1, 2), "100100"),
        ((5 * MIB, 5 * MIB, 1), (3, 1, 2), "10011"),
    ],
)
def test_parts_that_do_not_fit(sizes: tuple[int, ...], order: tuple[int, ...], code: str) -> None:
    with pytest.raises(BindingError) as caught:
        assemble(asked(*order), stored(*sizes))
    assert caught.value.code == code


def test_parts_may_have_gaps_and_be_left_out() -> None:
    parts = stored(5 * MIB, 5 * MIB, 5 * MIB, 1)
    assert [part.number for part in assemble(asked(3, 1, 4), parts)] == [1, 3, 4]


@pytest.mark.parametrize(
    ("parts", "etag"),
    [
        (("1" * 50, "2" * 50, "3"), "3b676245e58d988dc75f80c0c27a9645-3"),
        (("1" * 50, "2" * 50, "3" * 50), "f1115cc5564e7e0b25bbd87d95c72c86-3"),
        (("1",), "46d1741e8075da4ac72c71d8130fcb71-1"),
        ((), "d41d8cd98f00b204e9800998ecf8427e-0"),
    ],
)
def test_etags_of_objects_in_parts(parts: tuple[str, ...], etag: str) -> None:
    assert object_etag(md5(part.encode()).digest() for part in parts) == etag


async def test_no_parts_make_an_empty_object(storage: Any) -> None:
    upload = await storage.create_multipart_upload("k")
    done = await upload.complete([])
    assert (done.size, done.etag) == (0, "d41d8cd98f00b204e9800998ecf8427e-0")
    assert await (await storage.get("k")).text() == ""


async def test_one_small_part(storage: Any) -> None:
    upload = await storage.create_multipart_upload("k")
    await upload.complete([await upload.uploadPart(7, "")])
    assert (await storage.head("k")).size == 0
    upload = await storage.create_multipart_upload("k")
    done = await upload.complete([await upload.uploadPart("7", "x")])
    assert done.size == 1


@pytest.mark.spec("storage 1.11.41")
async def test_a_part_uploaded_again(storage: Any) -> None:
    upload = await storage.createMultipartUpload("k")
    old = await upload.uploadPart(1, "old")
    new = await upload.uploadPart(1, "new")
    with pytest.raises(BindingError, match=r"^completeMultipartUpload: .* \(10025\)$"):
        await upload.complete([old])
    await upload.complete([new])
    assert await (await storage.get("k")).text() == "new"


@pytest.mark.spec("storage 1.11.42")
async def test_a_finished_upload(storage: Any) -> None:
    upload = await storage.createMultipartUpload("k")
    part = await upload.uploadPart(1, "x")
    dropped = await upload.uploadPart(2, "dropped")
    await upload.complete([part])
    with pytest.raises(BindingError) as caught:
        await upload.complete([part, dropped])
    assert str(caught.value) == f"completeMultipartUpload: {NO_UPLOAD}"
    with pytest.raises(BindingError) as caught:
        await upload.uploadPart(1, "x")
    assert str(caught.value) == f"uploadPart: {NO_UPLOAD}"
    await upload.abort()
    assert await (await storage.get("k")).text() == "x"


@pytest.mark.spec("storage 1.11.43")
async def test_a_put_during_an_upload(storage: Any) -> None:
    upload = await storage.createMultipartUpload("k")
    await upload.uploadPart(1, "x")
    await storage.put("k", "put")
    await storage.delete("other")
    await upload.abort()
    await upload.abort()
    assert await (await storage.get("k")).text() == "put"
    with pytest.raises(BindingError, match="10024"):
        await upload.complete([])


async def test_complete_replaces_what_is_there(storage: Any) -> None:
    await storage.put("k", "put")
    for content in ("first", "second"):
        upload = await storage.createMultipartUpload("k")
        await upload.complete([await upload.uploadPart(1, content)])
        assert await (await storage.get("k")).text() == content
    await storage.put("k", "put")
    assert await (await storage.get("k")).text() == "put"


async def test_uploads_that_are_unknown(storage: Any) -> None:
    upload = await storage.createMultipartUpload("k")
    for other in (
        storage.resumeMultipartUpload("k", "unknown"),
        storage.resume_multipart_upload("another key", upload.uploadId),
    ):
        with pytest.raises(BindingError) as caught:
            await other.uploadPart(1, "x")
        assert str(caught.value) == f"uploadPart: {NO_UPLOAD}"
        with pytest.raises(BindingError) as caught:
            await other.complete([])
        assert str(caught.value) == f"completeMultipartUpload: {UNKNOWN}"
        with pytest.raises(BindingError) as caught:
            await other.abort()
        assert str(caught.value) == f"abortMultipartUpload: {UNKNOWN}"


@pytest.mark.parametrize("value", [(None,), (5,), ({},), ()])
async def test_what_is_no_part(storage: Any, value: tuple[Any, ...]) -> None:
    upload = await storage.createMultipartUpload("k")
    with pytest.raises(TypeError) as caught:
        await upload.uploadPart(1, *value)
    assert str(caught.value) == (
        "Failed to execute 'uploadPart' on 'R2MultipartUpload': parameter 2 is not of type "
        "'ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob'."
    )


@pytest.mark.parametrize("parts", [[5], [{}], [{"partNumber": 1}], [{"partNumber": 1, "etag": 2}]])
async def test_what_is_no_list_of_parts(storage: Any, parts: Any) -> None:
    with pytest.raises(TypeError, match="each part must be"):
        await storage.resumeMultipartUpload("k", "x").complete(parts)


async def test_parts_on_the_wire_are_a_list(invoke: Any) -> None:
    with pytest.raises(TypeError, match="parts must be a list, not str"):
        await invoke("completeMultipartUpload", "k", "x", "parts")


async def test_a_part_too_large(invoke: Any) -> None:
    from aerostack_dev.wire import Stream

    async def nothing() -> Any:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(BindingError, match=r"^uploadPart: .* \(100100\)$"):
        await invoke("uploadPart", "k", "x", 1, Stream(nothing(), 5 * 1024**3 + 1))


async def test_the_author_s_own_key(storage: Any) -> None:
    key = b"k" * 32
    upload = await storage.createMultipartUpload("k", ssec_key=key)
    with pytest.raises(BindingError, match="uploadPart: The SSE-C key"):
        await upload.uploadPart(1, "x")
    await upload.complete([await upload.uploadPart(1, "x", ssec_key=key)])
    with pytest.raises(BindingError, match="get: The SSE-C key"):
        await storage.get("k")
    assert await (await storage.get("k", ssec_key=key)).text() == "x"


async def test_an_upload_lives_seven_days(room: Any, storage: Any) -> None:
    upload = await storage.createMultipartUpload("k")
    part = await upload.uploadPart(1, "x")
    room.clock.advance(7 * DAY - 0.001)
    await upload.uploadPart(2, "y")
    room.clock.advance(0.001)
    with pytest.raises(BindingError, match="10024"):
        await upload.uploadPart(2, "y")
    with pytest.raises(BindingError, match="10024"):
        await upload.complete([part])
    await upload.abort()
