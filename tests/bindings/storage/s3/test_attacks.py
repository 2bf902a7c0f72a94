"""Nobody gets past the lock, and nothing is read before it is open."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aerostack_dev.bindings.storage.s3.credentials import FILE, KeyPair, key_pair
from aerostack_dev.clock import SystemClock
from aerostack_dev.errors import StateError

from .conftest import ByHand

TARGET = "/uploads/k?x-id=PutObject"
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE Delete [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>"""


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Authorization": None}, "AccessDenied"),
        ({"Authorization": "Basic YTpi"}, "AccessDenied"),
        ({"Authorization": "AWS AKIA:signature"}, "AccessDenied"),
        ({"Authorization": "AWS4-HMAC-SHA256 nonsense"}, "AuthorizationHeaderMalformed"),
        ({"Authorization": ""}, "AccessDenied"),
        ({"X-Amz-Content-SHA256": None}, "AuthorizationHeaderMalformed"),
        ({"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, "SignatureDoesNotMatch"),
        ({"X-Amz-Date": None}, "AuthorizationHeaderMalformed"),
        ({"X-Amz-Date": "20200101T000000Z"}, "AuthorizationHeaderMalformed"),
        ({"Host": "localhost:9000"}, "SignatureDoesNotMatch"),
        ({"x-amz-meta-a": "2"}, "SignatureDoesNotMatch"),
        ({"x-amz-meta-a": None}, "AccessDenied"),
        ({"x-amz-meta-b": "1"}, "AccessDenied"),
        ({"x-amz-copy-source": "/other/secret"}, "AccessDenied"),
        ({"Content-Type": "text/html"}, "SignatureDoesNotMatch"),
    ],
)
async def test_a_changed_header(by_hand: ByHand, changed: dict[str, str | None], code: str):
    given = {"x-amz-meta-a": "1", "Content-Type": "text/plain", "Content-Length": "4"}
    headers = by_hand.signed("PUT", TARGET, b"body", given)
    names = {name.lower(): name for name in headers}
    for name, value in changed.items():
        headers.pop(names.get(name.lower(), name), None)
        if value is not None:
            headers[name] = value
    answer = await by_hand.send("PUT", TARGET, headers, b"body")
    assert (answer.status, answer.code) == (403, code), answer.body
    assert by_hand.read == 0
    assert by_hand.pair.secret_access_key.encode() not in answer.body
    assert await by_hand.room.env.STORAGE.head("k") is None


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("DELETE", TARGET),
        ("POST", TARGET),
        ("PUT", "/uploads/k2?x-id=PutObject"),
        ("PUT", "/other/k?x-id=PutObject"),
        ("PUT", "/uploads/k"),
        ("PUT", f"{TARGET}&uploads"),
        ("PUT", f"{TARGET}&x-id=PutObject"),
        ("PUT", "/uploads/k?x-id=putObject"),
    ],
)
async def test_a_signature_opens_one_request_only(by_hand: ByHand, method: str, target: str):
    headers = by_hand.signed("PUT", TARGET, b"body")
    given = {"Content-Length": "4", **headers}
    assert (await by_hand.send("PUT", TARGET, {**headers, **given}, b"body")).status == 200
    answer = await by_hand.send(method, target, headers, b"body")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


async def test_a_wrong_secret_and_a_wrong_key(by_hand: ByHand):
    pair = by_hand.pair
    wrong = Credentials(pair.access_key_id, "x" * 64)
    answer = await by_hand.send("GET", "/", by_hand.signed("GET", "/", credentials=wrong))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert b"<StringToSign>AWS4-HMAC-SHA256\n" in answer.body
    wrong = Credentials("AKIDWRONG", pair.secret_access_key)
    answer = await by_hand.send("GET", "/", by_hand.signed("GET", "/", credentials=wrong))
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/s3/", "/sqs/"),
        ("/aws4_request", "/aws3_request"),
        ("/auto/", "/au/to/"),
        ("Signature=", "Signature=A"),
        (", Signature", ", Signature=, Signature"),
        ("SignedHeaders=host;", "SignedHeaders="),
        ("SignedHeaders=", "Signed="),
        ("/20", "/19"),
    ],
)
async def test_a_malformed_authorization(by_hand: ByHand, old: str, new: str):
    headers = by_hand.signed("GET", "/")
    assert old in headers["Authorization"]
    headers["Authorization"] = headers["Authorization"].replace(old, new)
    answer = await by_hand.send("GET", "/", headers)
    assert answer.status == 403
    assert answer.code in ("AuthorizationHeaderMalformed", "AccessDenied")


async def test_a_repeated_header_is_not_the_signed_one(by_hand: ByHand):
    pairs = list(by_hand.signed("GET", "/").items())
    for name in ("Host", "Authorization", "X-Amz-Date"):
        repeated = [*pairs, (name, "evil.test")]
        assert (await by_hand.send("GET", "/", repeated)).status == 403


async def test_clock_skew(by_hand: ByHand):
    headers = by_hand.signed("GET", "/")
    signed_at = time.time()
    by_hand.clock.advance(signed_at + 14 * 60 - by_hand.clock.now())
    assert (await by_hand.send("GET", "/", headers)).status == 200
    by_hand.clock.advance(3 * 60)
    late = await by_hand.send("GET", "/", headers)
    assert (late.status, late.code) == (403, "RequestTimeTooSkewed")
    assert b"<MaxAllowedSkewMilliseconds>900000<" in late.body
    by_hand.clock.advance(-40 * 60)
    early = await by_hand.send("GET", "/", headers)
    assert (early.status, early.code) == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize("date", ["20261345T120000Z", "20260101T120000", "x", "20260101T1200００Z"])
async def test_a_date_that_is_none(by_hand: ByHand, date: str):
    headers = by_hand.signed("GET", "/")
    headers["Authorization"] = headers["Authorization"].replace(
        f"/{datetime.datetime.now(datetime.UTC):%Y%m%d}/", f"/{date[:8]}/"
    )
    headers["X-Amz-Date"] = date
    answer = await by_hand.send("GET", "/", headers)
    assert answer.status == 403


async def test_a_presigned_url_expires(by_hand: ByHand):
    await by_hand.room.env.STORAGE.put("k", "v")
    target = by_hand.presigned("GET", "/uploads/k", expires=60)
    assert (await by_hand.send("GET", target)).body == b"v"
    by_hand.clock.advance(50)
    assert (await by_hand.send("GET", target)).status == 200
    by_hand.clock.advance(20)
    late = await by_hand.send("GET", target)
    assert (late.status, late.code) == (403, "AccessDenied")
    assert b"Request has expired" in late.body
    by_hand.clock.advance(-3600)
    early = await by_hand.send("GET", target)
    assert (early.status, early.code) == (403, "AccessDenied")
    assert b"not yet valid" in early.body


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("X-Amz-Expires=60", "X-Amz-Expires=600", "SignatureDoesNotMatch"),
        ("X-Amz-Expires=60", "X-Amz-Expires=0", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires=60", "", "AuthorizationQueryParametersError"),
        (
            "X-Amz-Expires=60",
            "X-Amz-Expires=60&X-Amz-Expires=60",
            "AuthorizationQueryParametersError",
        ),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "AuthorizationQueryParametersError"),
        ("/uploads/k?", "/uploads/k2?", "SignatureDoesNotMatch"),
        ("/uploads/k?", "/uploads/k?acl&", "SignatureDoesNotMatch"),
        ("SignedHeaders=host", "SignedHeaders=", "AccessDenied"),
        ("SignedHeaders=host", "SignedHeaders=host%3Bx", "AccessDenied"),
    ],
)
async def test_a_changed_presigned_url(by_hand: ByHand, old: str, new: str, code: str):
    target = by_hand.presigned("GET", "/uploads/k", expires=60)
    assert old in target
    answer = await by_hand.send("GET", target.replace(old, new))
    assert (answer.status, answer.code) == (403, code)


async def test_a_presigned_url_opens_one_method_and_no_more_headers(by_hand: ByHand):
    target = by_hand.presigned("PUT", "/uploads/k")
    for method in ("GET", "DELETE", "POST", "HEAD"):
        assert (await by_hand.send(method, target)).status == 403
    for name in ("x-amz-copy-source", "x-amz-acl", "x-amz-meta-a"):
        headers = {name: "/other/secret", "Content-Length": "1"}
        answer = await by_hand.send("PUT", target, headers, b"x")
        assert (answer.status, answer.code) == (403, "AccessDenied")
    both = by_hand.signed("PUT", target)
    assert (await by_hand.send("PUT", target, both)).status == 403
    assert (await by_hand.send("PUT", target, {"Content-Length": "1"}, b"x")).status == 200


async def test_a_changed_body(by_hand: ByHand):
    headers = by_hand.signed("PUT", TARGET, b"body", {"Content-Length": "4"})
    answer = await by_hand.send("PUT", TARGET, headers, b"bodY")
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    assert await by_hand.room.env.STORAGE.head("k") is None
    for body in (b"bod", b"bodyy"):
        answer = await by_hand.send("PUT", TARGET, headers, body)
        assert (answer.status, answer.code) == (400, "IncompleteBody")
    large = os.urandom(300_000)
    headers = by_hand.signed("PUT", TARGET, large, {"Content-Length": str(len(large))})
    answer = await by_hand.send("PUT", TARGET, headers, [large[:200_000], b"x" * 100_000])
    assert answer.code == "XAmzContentSHA256Mismatch"
    assert await by_hand.room.env.STORAGE.head("k") is None
    assert not [path for path in blobs(by_hand) if path.is_file()]
    assert (await by_hand.send("PUT", TARGET, headers, large)).status == 200


async def test_a_client_that_leaves(by_hand: ByHand):
    body = os.urandom(300_000)
    headers = by_hand.signed("PUT", TARGET, body, {"Content-Length": "300000"})
    answer = await by_hand.send("PUT", TARGET, headers, body[:100_000], leaves=True)
    assert answer.status == 0
    assert await by_hand.room.env.STORAGE.head("k") is None
    assert not [path for path in blobs(by_hand) if path.is_file()]


def blobs(by_hand: ByHand) -> list[Path]:
    return list((by_hand.room.services.state.root / "storage/blobs").rglob("*"))


@pytest.mark.parametrize(
    "key", ["../../secret", "..", ".", "a/../b", "/lead", "//", "a//b", "%2e%2e", "\x00", "\\..\\x"]
)
async def test_keys_are_no_paths(by_hand: ByHand, key: str):
    target = f"/uploads/{quote(key, safe='/')}"
    put = await by_hand.ask("PUT", target, b"value")
    assert put.status == 200, put.body
    assert (await by_hand.ask("GET", target)).body == b"value"
    assert (await by_hand.room.env.STORAGE.list()).objects[0].key == key
    listed = await by_hand.ask("GET", "/uploads?encoding-type=url&list-type=2")
    assert f"<Key>{quote(key)}</Key>".encode() in listed.body
    root = by_hand.room.services.state.root
    assert {path.name for path in root.iterdir()} == {"storage"}


async def test_a_key_that_is_no_utf8(by_hand: ByHand):
    for target in ("/uploads/%FF", "/%FF/k", "/uploads?prefix=%FF"):
        answer = await by_hand.ask("GET", target)
        assert (answer.status, answer.code) == (400, "InvalidURI")
    answer = await by_hand.ask("PUT", "/uploads/k", x_amz_copy_source="/uploads/%ff")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Delete/>',
        b"<Delete><Object><Key>a</Key></Object>",
        b"",
        b"\x00",
        b"<Other><Object><Key>a</Key></Object></Other>",
        b"<Delete><Object></Object></Delete>",
        b"<a>" * 100_000,
        b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
        b"<Delete><Object><Key><b><c/></b></Key></Object></Delete>",
    ],
)
async def test_bad_documents(by_hand: ByHand, body: bytes):
    answer = await by_hand.ask("POST", "/uploads?delete", body)
    assert (answer.status, answer.code) == (400, "MalformedXML")


async def test_a_document_that_is_too_large_is_not_read(by_hand: ByHand):
    headers = by_hand.signed("POST", "/uploads?delete", b"", {"Content-Length": "9999999"})
    answer = await by_hand.send("POST", "/uploads?delete", headers, b"<Delete>")
    assert (answer.status, answer.code) == (400, "MaxMessageLengthExceeded")
    assert by_hand.read == 0


async def test_lengths(by_hand: ByHand):
    headers = by_hand.signed("PUT", "/uploads/k", b"", {"Transfer-Encoding": "chunked"})
    answer = await by_hand.send("PUT", "/uploads/k", headers, b"")
    assert (answer.status, answer.code) == (411, "MissingContentLength")
    headers = by_hand.signed("PUT", "/uploads/k", b"", {"Content-Length": "0, 4"})
    answer = await by_hand.send("PUT", "/uploads/k", headers, b"")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    headers = by_hand.signed("PUT", "/uploads/k", b"", {"Content-Length": "999999999999"})
    answer = await by_hand.send("PUT", "/uploads/k", headers, b"")
    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    for payload, expected in (
        ("nonsense", (400, "InvalidArgument")),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", (501, "NotImplemented")),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", (411, "MissingContentLength")),
    ):
        headers = by_hand.signed("PUT", "/uploads/k", payload=payload)
        answer = await by_hand.send("PUT", "/uploads/k", headers)
        assert (answer.status, answer.code) == expected


async def test_methods_and_pages(by_hand: ByHand):
    assert (await by_hand.send("OPTIONS", "/uploads/k", {"Origin": "http://a"})).status == 403
    answer = await by_hand.ask("PATCH", "/uploads/k")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    answer = await by_hand.ask("PUT", "/")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    answer = await by_hand.ask("POST", "/uploads/k")
    assert (answer.status, answer.code) == (501, "NotImplemented")
    answer = await by_hand.ask("GET", "/", Origin="http://evil.test")
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_an_answer_before_the_body_ends_the_connection(by_hand: ByHand):
    expecting = {"Expect": "100-continue", "Content-Length": "4"}
    refused = await by_hand.send("PUT", "/uploads/k", expecting, b"body")
    assert (refused.status, refused.headers["connection"]) == (403, "close")
    headers = by_hand.signed("PUT", "/uploads/k", b"body", expecting)
    taken = await by_hand.send("PUT", "/uploads/k", headers, b"body")
    assert (taken.status, "connection" in taken.headers) == (200, False)


def test_the_key_pair_is_made_once_and_private(tmp_path: Path):
    clock = SystemClock()
    first = key_pair(tmp_path, clock, os.urandom)
    assert key_pair(tmp_path, clock, os.urandom) == first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FILE).parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "storage").iterdir()] == ["s3.json"]
    assert key_pair(tmp_path / "other", clock, os.urandom) != first
    assert (len(first.access_key_id), len(first.secret_access_key)) == (32, 64)


async def test_those_who_make_it_together_agree(tmp_path: Path):
    pairs: list[KeyPair] = await asyncio.gather(
        *(asyncio.to_thread(key_pair, tmp_path, SystemClock(), os.urandom) for _ in range(8))
    )
    assert len({pair.secret_access_key for pair in pairs}) == 1


def test_a_key_pair_that_cannot_be_read_or_made(tmp_path: Path):
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        key_pair(tmp_path, SystemClock(), os.urandom)
    path.unlink()
    path.mkdir()
    with pytest.raises(StateError, match="cannot be kept"):
        key_pair(tmp_path, SystemClock(), os.urandom)


async def test_an_encoding_that_the_client_did_not_use(by_hand: ByHand):
    """A key that needs no encoding may be sent encoded: both are signed as one."""
    request = AWSRequest("GET", "http://127.0.0.1:9000/uploads/k")
    S3SigV4Auth(by_hand.credentials, "s3", "auto").add_auth(request)
    await by_hand.room.env.STORAGE.put("k", "v")
    headers = dict(request.headers.items())
    assert (await by_hand.send("GET", "/uploads/%6B", headers)).body == b"v"
