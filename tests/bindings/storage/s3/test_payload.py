"""The `aws-chunked` coding, its signatures and trailers, and the checksums."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import zlib
from collections.abc import AsyncIterator

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.storage.s3.checksums import ALGORITHMS, PREFIX, hasher
from aerostack_dev.bindings.storage.s3.chunked import Chain, decoded
from aerostack_dev.bindings.storage.s3.crc import BLOCK, CRC32C, CRC64NVME, Crc
from aerostack_dev.bindings.storage.s3.failures import S3Error
from aerostack_dev.bindings.storage.s3.signature import authorize

from .conftest import Answered, ByHand
from .test_signature import HEADER, NOW, PAIR, request_of

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CONTENT = b"a" * 66_560


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def published(seed: str, payload: str, *more: str) -> Chain:
    """The chain that begins with the published example of a chunked upload."""
    headers = {
        "Host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": payload,
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "Content-Length": "66824",
    }
    if more:
        headers["x-amz-trailer"] = more[0]
        del headers["Content-Length"]
    signed = ";".join(sorted(name.lower() for name in headers))
    headers["Authorization"] = HEADER.format(signed, seed)
    request = request_of("PUT", "/examplebucket/chunkObject.txt", headers)
    return Chain(authorize(request, PAIR, NOW).signer)


PLAIN = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
    + b"\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
    + b"\r\n\r\n"
)
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"


@pytest.mark.parametrize("size", [1 << 20, 8192, 7])
async def test_the_published_chunks(size: int):
    chain = published(SEED, SIGNED)
    found = [data async for data in decoded(pieces(PLAIN, size), chain, None)]
    assert b"".join(found) == CONTENT


async def test_the_published_chunks_with_a_trailer():
    seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    body = (
        b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
        b"\r\n" + b"a" * 65536 + b"\r\n400;chunk-signature="
        b"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
        + b"a"
        * 1024
        + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
        b"\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n"
        b"x-amz-trailer-signature:"
        b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    trailer: dict[str, str] = {}
    chain = published(seed, f"{SIGNED}-TRAILER", "x-amz-checksum-crc32c")
    found = [data async for data in decoded(pieces(body, 4096), chain, trailer)]
    assert b"".join(found) == CONTENT
    assert trailer == {"x-amz-checksum-crc32c": "sOO8/Q=="}
    crc = Crc(CRC32C)
    crc.update(CONTENT)
    assert base64.b64encode(crc.digest()) == b"sOO8/Q=="


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"aaaa", b"aaba", "SignatureDoesNotMatch"),
        (b"ad80", b"ad81", "SignatureDoesNotMatch"),
        (b"b6c6", b"b6c7", "SignatureDoesNotMatch"),
        (b";chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
         b"", "SignatureDoesNotMatch"),
        (b"400;", b"3ff;", "SignatureDoesNotMatch"),
        (b"10000;", b"xyz;", "InvalidRequest"),
        (b"10000;", b"-1;", "InvalidRequest"),
        (b"\r\n400", b"\r\n" + b"0" * 2000 + b"400", "InvalidRequest"),
        (b"9df9\r\n\r\n", b"9df9\r\n\r\nmore", "InvalidRequest"),
        (b"9df9\r\n\r\n", b"9df9\r\nx-amz-meta-a:1\r\n\r\n", "InvalidRequest"),
        (b"9df9\r\n\r\n", b"9df9\r\n" + b"a:1\r\n" * 20 + b"\r\n", "InvalidRequest"),
        (b"9df9\r\n\r\n", b"9df", "IncompleteBody"),
    ],
)  # fmt: skip
async def test_changed_chunks(old: bytes, new: bytes, code: str):
    chain = published(SEED, SIGNED)
    body = PLAIN.replace(old, new, 1)
    with pytest.raises(S3Error) as error:
        async for _ in decoded(pieces(body, 8192), chain, None):
            pass
    assert error.value.code == code


@given(st.integers(0, len(PLAIN) - 1))
@settings(max_examples=60, deadline=None)
async def test_a_body_that_ends_early_is_no_body(length: int):
    if length >= len(PLAIN) - 2:
        return  # the last empty line may be missing
    with pytest.raises(S3Error):
        async for _ in decoded(pieces(PLAIN[:length], 30_000), published(SEED, SIGNED), None):
            pass


async def test_endless_lines_and_trailers_are_not_kept():
    async def endless() -> AsyncIterator[bytes]:
        yield b"0\r\n"
        while True:
            yield b"a" * 512

    with pytest.raises(S3Error, match="too long"):
        async for _ in decoded(endless(), None, {}):
            pass


def chunked(by_hand: ByHand, payload: str, body: bytes, size: int, **more: str) -> dict[str, str]:
    """The signed headers of a PUT of `/uploads/k` with an `aws-chunked` body."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": str(size),
        "Content-Length": str(len(body)),
        **named,
    }
    return by_hand.signed("PUT", "/uploads/k", headers=headers, payload=payload)


async def put_with_trailer(
    by_hand: ByHand, body: bytes, size: int, announced: str = "x-amz-checksum-crc32", **more: str
) -> Answered:
    headers = chunked(by_hand, UNSIGNED, body, size, x_amz_trailer=announced, **more)
    return await by_hand.send("PUT", "/uploads/k", headers, body)


@pytest.mark.parametrize("size", [0, 1, 65_536, 300_000])
async def test_what_botocore_sends_with_a_trailer(by_hand: ByHand, size: int):
    content = os.urandom(size)
    body = AwsChunkedWrapper(
        io.BytesIO(content), Crc32Checksum, "x-amz-checksum-crc32", chunk_size=64 * 1024
    ).read()
    answer = await put_with_trailer(by_hand, body, size, content_encoding="aws-chunked, gzip")
    assert answer.status == 200, answer.body
    expected = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    assert answer.headers["x-amz-checksum-crc32"] == expected
    found = await by_hand.room.env.STORAGE.get("k")
    assert await found.bytes() == content
    assert found.httpMetadata.contentEncoding == "gzip"


@pytest.mark.parametrize(
    ("body", "size", "announced", "code"),
    [
        (b"1\r\na\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", 1, None, "BadDigest"),
        (b"1\r\na\r\n0\r\nx-amz-checksum-crc32:nonsense\r\n\r\n", 1, None, "InvalidArgument"),
        (b"1\r\na\r\n0\r\n\r\n", 1, None, "MalformedTrailerError"),
        (b"1\r\na\r\n0\r\n", 1, None, "MalformedTrailerError"),
        (b"1\r\nab\r\n0\r\n\r\n", 2, None, "InvalidRequest"),
        (b"1\r\na\r\n0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n", 1, None, "MalformedTrailerError"),
        (b"1\r\na\r\n0\r\nnonsense\r\n\r\n", 1, None, "InvalidRequest"),
        (b"1\r\na\r\n0\r\nx-amz-checksum-crc32:6Le+Qw==\r\n\r\n", 2, None, "IncompleteBody"),
        (b"1\r\na\r\n0\r\nx-amz-checksum-crc32:6Le+Qw==\r\n\r\n", 0, None, "IncompleteBody"),
        (b"1\r\na\r\n0\r\nx-amz-meta-a:1\r\n\r\n", 1, "x-amz-meta-a", "InvalidArgument"),
        (b"1\r\na\r\n0\r\nx:1\r\n\r\n", 1, "x-amz-checksum-md6", "NotImplemented"),
        (b"ffffffffffffffff\r\na\r\n0\r\n\r\n", 1, None, "IncompleteBody"),
    ],
)
async def test_bad_trailers(
    by_hand: ByHand, body: bytes, size: int, announced: str | None, code: str
):
    answer = await put_with_trailer(by_hand, body, size, announced or "x-amz-checksum-crc32")
    assert answer.code == code
    assert await by_hand.room.env.STORAGE.head("k") is None
    good = b"1\r\na\r\n0\r\nx-amz-checksum-crc32:6Le+Qw==\r\n\r\n"
    assert (await put_with_trailer(by_hand, good, 1)).status == 200


async def test_signed_chunks_end_to_end(by_hand: ByHand):
    headers = chunked(by_hand, SIGNED, b"x" * 1000, 6)
    date, seed = headers["X-Amz-Date"], headers["Authorization"].rpartition("=")[2]
    scope = f"{date[:8]}/auto/s3/aws4_request"
    key = f"AWS4{by_hand.pair.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    body, last = b"", seed
    for data in (b"uvw", b"xyz", b""):  # no hexadecimal digits, which signatures have
        digests = (hashlib.sha256(b"").hexdigest(), hashlib.sha256(data).hexdigest())
        text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", date, scope, last, *digests))
        last = hmac.digest(key, text.encode(), "sha256").hex()
        body += f"{len(data):x};chunk-signature={last}\r\n".encode() + data + b"\r\n"
    answer = await by_hand.send("PUT", "/uploads/k", headers, body)
    assert answer.status == 200, answer.body
    assert await (await by_hand.room.env.STORAGE.get("k")).text() == "uvwxyz"
    bad = await by_hand.send("PUT", "/uploads/k", headers, body.replace(b"xyz", b"xyX"))
    assert (bad.status, bad.code) == (403, "SignatureDoesNotMatch")
    assert await (await by_hand.room.env.STORAGE.get("k")).text() == "uvwxyz"


@pytest.mark.parametrize(("kind", "check"), [(CRC32C, "e3069283"), (CRC64NVME, "ae8b14860a799888")])
def test_published_crcs(kind: tuple[int, int], check: str):
    crc = Crc(kind)
    crc.update(b"123456789")
    assert crc.digest().hex() == check


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_folded_crc_is_the_crc(data: st.DataObject):
    content = data.draw(st.binary(max_size=300)) * data.draw(st.integers(1, 200))
    kind = data.draw(st.sampled_from([CRC32C, CRC64NVME, (0xEDB88320, 32)]))
    size = data.draw(st.sampled_from([1, 63, 64, 100, BLOCK - 1, BLOCK, 1 << 20]))
    crc = Crc(kind)
    for start in range(0, len(content), size):
        crc.update(content[start : start + size])
    if kind[0] == 0xEDB88320:
        assert crc.digest() == zlib.crc32(content).to_bytes(4, "big")
    else:
        slow = Crc(kind)
        for start in range(0, len(content), 63):  # too short to be folded
            slow.update(content[start : start + 63])
        assert crc.digest() == slow.digest()


async def test_every_checksum_of_a_body(by_hand: ByHand):
    for name in ALGORITHMS:
        made = hasher(name)
        made.update(b"body")
        right = base64.b64encode(made.digest()).decode()
        wrong = base64.b64encode(bytes(len(made.digest()))).decode()
        good = await by_hand.ask("PUT", "/uploads/k", b"body", **{name: right})
        assert good.status == 200, good.body
        if name.startswith(PREFIX):
            assert good.headers[name] == right
        bad = await by_hand.ask("PUT", "/uploads/bad", b"body", **{name: wrong})
        assert (bad.status, bad.code) == (400, "BadDigest")
        assert await by_hand.room.env.STORAGE.head("bad") is None
    unknown = await by_hand.ask("PUT", "/uploads/k", b"body", x_amz_checksum_md6="AAAA")
    assert (unknown.status, unknown.code) == (501, "NotImplemented")
    head = await by_hand.ask("PUT", "/uploads/k", b"body", x_amz_sdk_checksum_algorithm="CRC32")
    assert head.status == 200
