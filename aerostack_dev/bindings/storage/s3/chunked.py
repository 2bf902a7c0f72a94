"""The `aws-chunked` coding: a body in chunks, signed or not, perhaps with a trailer."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, MutableMapping

from .failures import S3Error
from .signature import EMPTY_HASH, Signer, mismatch

LONGEST_LINE = 1024
MOST_TRAILERS = 16
HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
TRAILER_SIGNATURE = "x-amz-trailer-signature"


class Chain:
    """The signatures of a body: each one signs its chunk and the signature before."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._last = signer.seed

    def check_chunk(self, signature: str, content_hash: str) -> None:
        """The next chunk has this signature. Raises `S3Error` (403)."""
        self._check(signature, "PAYLOAD", EMPTY_HASH, content_hash)

    def check_trailer(self, signature: str, content: bytes) -> None:
        """The trailer, its lines each ending in a newline. Raises `S3Error` (403)."""
        self._check(signature, "TRAILER", hashlib.sha256(content).hexdigest())

    def _check(self, signature: str, kind: str, *hashes: str) -> None:
        expected = self._signer.sign(kind, self._last, *hashes)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise mismatch()
        self._last = expected


async def decoded(
    source: AsyncIterator[bytes],
    chain: Chain | None,
    trailer: MutableMapping[str, str] | None,
) -> AsyncIterator[bytes]:
    """The content of an `aws-chunked` body. `chain` checks it when chunks are signed.

    `trailer` (None: there must not be one) is filled at the end. A chunk is handed on
    before its signature has been seen: who takes it may keep it only if the end is
    reached without an error. Raises `S3Error`.
    """
    buffer = _Buffer(source)
    size = -1
    while size != 0:
        size, signature = _head(await buffer.line())
        content_hash = hashlib.sha256()
        left = size
        while left:
            data = await buffer.some(left)
            content_hash.update(data)
            left -= len(data)
            yield data
        if chain is not None:
            chain.check_chunk(signature, content_hash.hexdigest())
        if size and await buffer.line():
            raise _malformed("a chunk does not end where it should")
    lines = await _trailer_lines(buffer)
    if trailer is None:
        if lines:
            raise _malformed("there is a trailer that was not announced")
        return
    _fill(trailer, lines, chain)


class _Buffer:
    """Lines and pieces of a stream."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._data = b""

    async def more(self) -> bool:
        """Read on; False at the end."""
        data = await anext(self._source, b"")
        self._data += data
        return bool(data)

    async def some(self, most: int) -> bytes:
        """From 1 to `most` bytes. Raises `S3Error` at the end."""
        if not self._data and not await self.more():
            raise incomplete()
        found, self._data = self._data[:most], self._data[most:]
        return found

    async def line(self) -> bytes:
        """The next line without its end. Raises `S3Error` when there is none."""
        while b"\n" not in self._data:
            if len(self._data) > LONGEST_LINE:
                raise _malformed("a line is too long")
            if not await self.more():
                raise incomplete()
        found, _, self._data = self._data.partition(b"\n")
        if len(found) > LONGEST_LINE:
            raise _malformed("a line is too long")
        return found.removesuffix(b"\r")

    async def at_end(self) -> bool:
        """Whether nothing is left."""
        return not self._data and not await self.more()


def _head(line: bytes) -> tuple[int, str]:
    match = HEAD.fullmatch(line)
    if match is None:
        raise _malformed("a chunk does not begin with its size")
    return int(match[1], 16), (match[2] or b"").decode()


async def _trailer_lines(buffer: _Buffer) -> list[bytes]:
    """What comes between the last chunk and the empty line that ends the body."""
    lines: list[bytes] = []
    while not await buffer.at_end():
        line = await buffer.line()
        if not line:
            break
        lines.append(line)
        if len(lines) > MOST_TRAILERS:
            raise _malformed("the trailer is too long")
    if not await buffer.at_end():
        raise _malformed("something comes after its end")
    return lines


def _fill(trailer: MutableMapping[str, str], lines: list[bytes], chain: Chain | None) -> None:
    signed = b""
    signature = ""
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        if not colon:
            raise _malformed("a line of the trailer has no name")
        if name == TRAILER_SIGNATURE:
            signature = value.strip()
        else:
            trailer[name] = value.strip()
            signed += f"{name}:{value.strip()}\n".encode("latin-1")
    if chain is not None:
        chain.check_trailer(signature, signed)


def incomplete() -> S3Error:
    """The body ends before its end."""
    return S3Error(
        "IncompleteBody",
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


def _malformed(why: str) -> S3Error:
    return S3Error("InvalidRequest", 400, f"The aws-chunked body is malformed: {why}.")
