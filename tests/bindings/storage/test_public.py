from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.storage import Bucket
from aerostack_dev.bindings.storage.http_date import http_date
from aerostack_dev.bindings.storage.public import PREFIX, PublicObjects

LARGE = bytes(range(256)) * 1200


@pytest.fixture
async def room(open_kind: Any) -> AsyncIterator[Any]:
    public = Bucket(binding="STORAGE", bucket_name="photos", public=True)
    async with open_kind(public, Bucket(binding="PRIVATE")) as room:
        yield room


@pytest.fixture
def app(room: Any) -> PublicObjects:
    return PublicObjects(bound.operations for bound in room.bindings.bound.values())


@pytest.fixture
async def client(app: PublicObjects) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://x{PREFIX}") as client:
        yield client


async def ask(
    app: PublicObjects, path: bytes, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request with exactly this raw path."""
    sent: list[Any] = []
    received = asyncio.Event()

    async def receive() -> Any:
        await received.wait()
        raise AssertionError("nothing comes after the request")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path.decode("latin-1"),
        "raw_path": path,
        "headers": [
            (name.replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }
    await app(scope, receive, send)
    found = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], found, body


async def test_an_object(storage: Any, client: httpx.AsyncClient) -> None:
    put = await storage.put(
        "a/b c.png",
        LARGE,
        http_metadata={"contentType": "image/png", "cacheControl": "max-age=60"},
    )
    found = await client.get("photos/a/b%20c.png")
    assert (found.status_code, found.content) == (200, LARGE)
    assert found.headers["content-type"] == "image/png"
    assert found.headers["cache-control"] == "max-age=60"
    assert found.headers["etag"] == put.httpEtag
    assert found.headers["last-modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert found.headers["content-length"] == str(len(LARGE))
    assert found.headers["accept-ranges"] == "bytes"


async def test_the_guards_of_every_answer(storage: Any, client: httpx.AsyncClient) -> None:
    await storage.put("k", "<script>", http_metadata={"contentType": "text/html"})
    answers = [await client.get("photos/k"), await client.get("photos/none")]
    answers += [await client.get("private/k"), await client.post("photos/k")]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 405]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["cross-origin-resource-policy"] == "same-site"
        assert "access-control-allow-origin" not in answer.headers
    assert answers[3].headers["allow"] == "GET, HEAD"


async def test_head(storage: Any, client: httpx.AsyncClient) -> None:
    await storage.put("k", LARGE)
    found = await client.head("photos/k", headers={"range": "bytes=0-1"})
    assert (found.status_code, found.content) == (200, b"")
    assert found.headers["content-length"] == str(len(LARGE))
    assert found.headers["content-type"] == "application/octet-stream"
    missing = await client.head("photos/none")
    assert (missing.status_code, missing.content) == (404, b"")


@pytest.mark.parametrize(
    ("header", "status", "content_range", "part"),
    [
        ("bytes=1-2", 206, "bytes 1-2/5", b"al"),
        ("bytes=-2", 206, "bytes 3-4/5", b"ue"),
        ("bytes=3-99", 206, "bytes 3-4/5", b"ue"),
        ("bytes=0-", 200, None, b"value"),
        ("bytes=0-1,3-4", 200, None, b"value"),
        ("items=0-1", 200, None, b"value"),
        ("bytes=2-1", 200, None, b"value"),
        ("bytes=5-", 416, "bytes */5", None),
        ("bytes=9-99", 416, "bytes */5", None),
    ],
)
async def test_ranges(
    storage: Any,
    client: httpx.AsyncClient,
    header: str,
    status: int,
    content_range: str | None,
    part: bytes | None,
) -> None:
    await storage.put("k", "value")
    found = await client.get("photos/k", headers={"range": header})
    assert found.status_code == status
    assert found.headers.get("content-range") == content_range
    if part is not None:
        assert found.content == part


async def test_a_range_of_a_changed_object(storage: Any, client: httpx.AsyncClient) -> None:
    put = await storage.put("k", "value")
    headers = {"range": "bytes=1-2", "if-range": put.httpEtag}
    assert (await client.get("photos/k", headers=headers)).content == b"al"
    headers["if-range"] = http_date(int(put.uploaded.timestamp() * 1000))
    assert (await client.get("photos/k", headers=headers)).content == b"al"
    headers["if-range"] = '"another"'
    found = await client.get("photos/k", headers=headers)
    assert (found.status_code, found.content) == (200, b"value")


async def test_conditions(storage: Any, client: httpx.AsyncClient) -> None:
    put = await storage.put("k", "value")
    now, past = http_date(int(put.uploaded.timestamp() * 1000)), http_date(0)

    async def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = await client.get("photos/k", headers=named)
        assert found.headers["etag"] == put.httpEtag
        assert found.content == (b"value" if found.status_code == 200 else b"")
        return found.status_code

    assert await status(if_none_match=put.httpEtag) == 304
    assert await status(if_none_match=f'"x", W/{put.httpEtag}') == 304
    assert await status(if_none_match="*") == 304
    assert await status(if_none_match='"x"') == 200
    assert await status(if_none_match="malformed") == 200
    assert await status(if_modified_since=now) == 304
    assert await status(if_modified_since=past) == 200
    assert await status(if_modified_since=now, if_none_match='"x"') == 200
    assert await status(if_match=put.httpEtag) == 200
    assert await status(if_match=f"W/{put.httpEtag}") == 412
    assert await status(if_match='"x"') == 412
    assert await status(if_unmodified_since=past) == 412
    assert await status(if_unmodified_since=now) == 200
    assert await status(if_unmodified_since=past, if_match=put.httpEtag) == 200
    assert await status(if_match='"x"', if_none_match=put.httpEtag) == 412


async def test_metadata_that_no_header_can_hold(storage: Any, app: PublicObjects) -> None:
    await storage.put(
        "k",
        "v",
        http_metadata={
            "contentType": "a/b\r\nset-cookie: a=b",
            "contentDisposition": 'attachment; filename="é.txt"',
            "cacheControl": "a\0b",
        },
    )
    status, headers, body = await ask(app, PREFIX.encode() + b"photos/k")
    assert (status, body) == (200, b"v")
    assert "content-type" not in headers
    assert "cache-control" not in headers
    assert "set-cookie" not in headers
    assert headers["content-disposition"].encode("latin-1").decode().endswith('"é.txt"')


@pytest.mark.parametrize("path", [b"photos/%ff", b"%ff/k", b"photos/\xff"])
async def test_a_path_that_is_not_utf8(app: PublicObjects, path: bytes) -> None:
    status, _, _ = await ask(app, PREFIX.encode() + path)
    assert status == 400


async def test_paths_are_never_files(storage: Any, app: PublicObjects, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    await storage.put("../a", "dots")
    for path in (
        b"photos/../../secret",
        b"photos/%2e%2e%2fsecret",
        b"photos//etc/passwd",
        b"",
        b"/",
    ):
        status, _, _ = await ask(app, PREFIX.encode() + path)
        assert status == 404
    status, _, body = await ask(app, PREFIX.encode() + b"photos/%2e%2e/a?query=1")
    assert (status, body) == (200, b"dots")
    status, _, _ = await ask(app, PREFIX.encode() + b"photos/" + b"a" * 1025)
    assert status == 404


async def test_an_object_with_a_key_of_its_own(storage: Any, client: httpx.AsyncClient) -> None:
    await storage.put("k", "v", ssec_key=b"k" * 32)
    assert (await client.get("photos/k")).status_code == 403
    assert (await client.head("photos/k")).status_code == 403


async def test_failing_storage_is_an_answer(
    storage: Any, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await storage.put("k", LARGE)
    shutil.rmtree(tmp_path / "state/storage/blobs")
    found = await client.get("photos/k", headers={"range": "bytes=0-9"})
    assert found.status_code == 500
    assert "missing from storage" in found.text


async def test_a_client_that_leaves(storage: Any, app: PublicObjects, tmp_path: Path) -> None:
    await storage.put("k", LARGE * 20)
    sent: list[Any] = []
    left = asyncio.Event()

    async def receive() -> Any:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        left.set()
        await asyncio.sleep(0)

    path = f"{PREFIX}photos/k"
    await app({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
    assert len(sent) < 5
    await storage.delete("k")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(min_size=1, max_size=40))
async def test_every_key_has_an_address(storage: Any, app: PublicObjects, key: str) -> None:
    await storage.put(key, key)
    status, _, body = await ask(app, f"{PREFIX}photos/{quote(key, safe='')}".encode())
    assert (status, body) == (200, key.encode())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=20),
    st.sampled_from(["range", "if-match", "if-none-match", "if-modified-since", "if-range"]),
    st.text(alphabet=st.characters(max_codepoint=255), max_size=20),
)
async def test_nothing_malformed_raises(
    storage: Any, app: PublicObjects, path: bytes, name: str, value: str
) -> None:
    await storage.put("k", "v")
    for each in (path, b"k"):
        status, _, _ = await ask(app, PREFIX.encode() + b"photos/" + each, **{name: value})
        assert status in (200, 206, 304, 400, 404, 412, 416)
