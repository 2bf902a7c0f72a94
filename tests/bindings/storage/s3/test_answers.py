"""Details of answers that no client here asks for, and what happens when we fail."""

from __future__ import annotations

import asyncio
import logging
import re
import tracemalloc
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_dev.bindings.storage.s3 import S3App
from aerostack_dev.bindings.storage.s3.documents import Reading, document
from aerostack_dev.errors import StateError

from .conftest import HOST, ByHand


async def test_it_is_loaded_by_the_first_request(app: S3App):
    assert app.hosts == ("uploads.localhost", "other.localhost")
    assert app._endpoint is None


async def test_error_documents(by_hand: ByHand):
    answer = await by_hand.ask("GET", "/uploads/a%26b%3Cc%3E")
    assert answer.headers["content-type"] == "application/xml"
    found = ElementTree.fromstring(answer.body)
    assert found.tag == "Error"
    fields = {each.tag: each.text for each in found}
    assert fields == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": "a&b<c>",
        "Resource": "/uploads/a%26b%3Cc%3E",
        "RequestId": answer.headers["x-amz-request-id"],
    }
    head = await by_hand.ask("HEAD", "/uploads/k")
    assert (head.status, head.body) == (404, b"")


async def test_names_that_xml_cannot_hold(by_hand: ByHand):
    await by_hand.room.env.STORAGE.put("a\r\x01<&>", "")
    plain = await by_hand.ask("GET", "/uploads")
    assert b"<Key>a&#xD;&#x1;&lt;&amp;&gt;</Key>" in plain.body
    encoded = await by_hand.ask("GET", "/uploads?encoding-type=url")
    (key,) = re.findall(rb"<Key>(.*)</Key>", encoded.body)
    assert unquote(key.decode()) == "a\r\x01<&>"
    bad = await by_hand.ask("GET", "/uploads?encoding-type=base64")
    assert (bad.status, bad.code) == (400, "InvalidArgument")
    bad = await by_hand.ask("GET", "/uploads?list-type=3")
    assert (bad.status, bad.code) == (400, "InvalidArgument")


async def test_a_marker_inside_of_a_group(by_hand: ByHand):
    for key in ("a/1", "a/2", "b"):
        await by_hand.room.env.STORAGE.put(key, "")
    page = await by_hand.ask("GET", "/uploads?delimiter=%2F&marker=a%2F1")
    assert b"<Prefix>a/</Prefix>" in page.body and b"<Key>b</Key>" in page.body
    page = await by_hand.ask("GET", "/uploads?delimiter=%2F&marker=a%2F")
    assert b"<Prefix>a/</Prefix>" not in page.body and b"<Key>b</Key>" in page.body


async def test_uploads_that_are_asked_for_wrongly_or_too_late(by_hand: ByHand):
    begun = await by_hand.room.env.STORAGE.createMultipartUpload("m")
    target = f"/uploads/m?uploadId={begun.uploadId}"
    part = await by_hand.ask("PUT", f"/uploads/m?partNumber=1&uploadId={begun.uploadId}", b"x")
    assert part.status == 200
    for entry in (b"<ETag>x</ETag>", b"<PartNumber>1</PartNumber>", b"<PartNumber>x</PartNumber>"):
        body = b"<CompleteMultipartUpload><Part>%s</Part></CompleteMultipartUpload>" % entry
        answer = await by_hand.ask("POST", target, body)
        assert (answer.status, answer.code) == (400, "MalformedXML")
    answer = await by_hand.ask("GET", f"/uploads/m?max-parts=x&uploadId={begun.uploadId}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    listed = await by_hand.ask("GET", target)
    assert (listed.status, listed.body.count(b"<Part>")) == (200, 1)
    by_hand.clock.advance(7 * 24 * 3600)
    late = by_hand.presigned("GET", target, expires=604_800)
    by_hand.clock.advance(-1)
    assert (await by_hand.send("GET", late)).status == 200
    by_hand.clock.advance(1)
    answer = await by_hand.send("GET", late)
    assert (answer.status, answer.code) == (404, "NoSuchUpload")


async def test_if_range(by_hand: ByHand):
    put = await by_hand.ask("PUT", "/uploads/k", b"0123456789")
    for condition, status in ((put.headers["etag"], 206), ('"other"', 200)):
        for method in ("GET", "HEAD"):
            found = await by_hand.ask(method, "/uploads/k", Range="bytes=1-2", If_Range=condition)
            assert found.status == status
            assert found.headers["content-length"] == ("2" if status == 206 else "10")


async def test_metadata_beyond_ascii(by_hand: ByHand):
    words = {
        "x-amz-meta-word": "=?UTF-8?Q?gr=C3=BCn?=",
        "x-amz-meta-mixed": "so =?UTF-8?B?w7w=?=",
        "x-amz-meta-none": "=?nope?Q?x?=",
        "x-amz-meta-odd": "=? plain",
    }
    assert (await by_hand.ask("PUT", "/uploads/k", b"x", **words)).status == 200
    found = await by_hand.room.env.STORAGE.head("k")
    assert found.customMetadata == {
        "word": "grün", "mixed": "so ü", "none": "=?nope?Q?x?=", "odd": "=? plain",
    }  # fmt: skip


async def test_a_client_that_leaves_while_it_reads(by_hand: ByHand):
    await by_hand.room.env.STORAGE.put("k", b"x" * 3_000_000)
    left = asyncio.Event()
    sent: list[Any] = []

    async def receive() -> Any:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body"):
            left.set()
            await asyncio.sleep(0)

    headers = by_hand.signed("GET", "/uploads/k")
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/uploads/k",
        "raw_path": b"/uploads/k",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await by_hand.app(scope, receive, send)
    assert len(sent) < 10
    assert sent[-1].get("more_body")
    await by_hand.room.env.STORAGE.delete("k")


async def test_failures_of_ours_are_told_and_logged(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def fails(*arguments: Any, **options: Any) -> Any:
        raise errors.pop(0)

    errors: list[Exception] = [
        RuntimeError("secret thing"),
        StateError("the disk is full", code="state-full"),
        StateError("the file is gone"),
        TypeError("secret thing"),
    ]
    monkeypatch.setattr(by_hand.room.backend, "head", fails)
    expected = [
        (500, "InternalError"), (507, "InsufficientStorage"), (500, "InternalError"),
        (500, "InternalError"),
    ]  # fmt: skip
    for status, _ in expected:
        answer = await by_hand.ask("HEAD", "/uploads/k")
        assert answer.status == status
    assert b"secret" not in answer.body
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 4


async def test_a_failure_in_the_middle_cuts_the_connection(
    by_hand: ByHand, caplog: pytest.LogCaptureFixture
):
    await by_hand.room.env.STORAGE.put("k", b"x" * 1_000_000)
    for path in (by_hand.room.services.state.root / "storage/blobs").rglob("*"):
        if path.is_file():
            path.write_bytes(b"short")
    with pytest.raises(StateError):
        await by_hand.ask("GET", "/uploads/k")
    assert "answering GET" in caplog.text


async def test_content_passes_in_constant_memory(by_hand: ByHand):
    piece, count = b"x" * 65_536, 512
    size = len(piece) * count
    left = count
    taken = 0

    async def receive() -> Any:
        nonlocal left
        if not left:
            await asyncio.Event().wait()
        left -= 1
        return {"type": "http.request", "body": piece, "more_body": left > 0}

    async def send(message: Any) -> None:
        nonlocal taken
        taken += len(message.get("body", b""))

    def scope(method: str) -> Any:
        target = by_hand.presigned(method, "/uploads/k")
        path, _, query = target.partition("?")
        headers = [(b"host", HOST.encode())]
        if method == "PUT":
            headers.append((b"content-length", str(size).encode()))
        return {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "headers": headers,
        }  # fmt: skip

    await by_hand.ask("GET", "/uploads/k")
    tracemalloc.start()
    try:
        for method in ("PUT", "GET"):
            await by_hand.app(scope(method), receive, send)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken == size
    assert peak < 8 * 1024 * 1024


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=30))
def test_what_is_written_is_read_back(text: str):
    text = text.replace("\ufffe", "").replace("\uffff", "")
    body = document("Delete", {"Object": [{"Key": text}], "Quiet": True})
    found = Reading("Delete", "Object", 10).read(body)
    assert found.entries == [{"Key": text}]
    assert found.fields == {"Quiet": "true"}
