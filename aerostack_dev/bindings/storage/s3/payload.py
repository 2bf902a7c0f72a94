"""The body of a request: decoded, measured and checked on its way through."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping

from ....wire import Stream
from .checksums import CONTENT_MD5, Expected, Hasher, announced, digest, hasher, is_checksum
from .chunked import Chain, decoded, incomplete
from .failures import S3Error, invalid, not_implemented
from .request import Request
from .signature import PAYLOAD_HEADER, UNSIGNED, Authorized

STREAMING = "STREAMING-"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
TRAILER = "-TRAILER"
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CODINGS = frozenset({SIGNED_CHUNKS, SIGNED_CHUNKS + TRAILER, UNSIGNED_CHUNKS})
HASH = re.compile(r"[0-9a-f]{64}")
LENGTH = re.compile(r"[0-9]{1,15}")
DECODED_LENGTH = "x-amz-decoded-content-length"
LARGEST_DOCUMENT = 4 * 1024 * 1024
"""Bytes of XML: 10 000 parts, or 1 000 keys of 1 024 bytes, with room to spare."""


class Payload:
    """The content that a request carries. Nothing is read before `chunks` is.

    `size` is its length in bytes. The content may be kept only if `chunks` comes to its
    end without an error; then `checksums` are the verified digests by header, and `md5`
    (if it was asked for) is that of the content. Making it raises `S3Error`.
    """

    def __init__(
        self,
        request: Request,
        authorized: Authorized,
        *,
        checksums: bool = True,
        md5: bool = False,
    ) -> None:
        self._request = request
        self._authorized = authorized
        self.size = _size(request.headers, authorized.payload)
        self._expected = [
            Expected(name, hasher(name), value)
            for name, value in (announced(request.headers) if checksums else {}).items()
        ]
        if HASH.fullmatch(authorized.payload):
            sha256 = bytes.fromhex(authorized.payload)
            self._expected.append(_ContentHash(PAYLOAD_HEADER, hashlib.sha256(), sha256))
        self._trailer = _trailing(request.headers, authorized.payload)
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    @property
    def md5(self) -> str:
        """The MD5 of what was read, in hex."""
        assert self._md5 is not None
        return self._md5.hexdigest()

    @property
    def checksums(self) -> dict[str, bytes]:
        """The digests that the body was announced to have, by header."""
        found = {each.header: each.digest for each in self._expected}
        found.update({name: each.digest() for name, each in self._trailer.items()})
        return {name: value for name, value in found.items() if name != PAYLOAD_HEADER}

    @property
    def stream(self) -> Stream:
        """The content for the room."""
        return Stream(self.chunks(), self.size)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content. Raises `S3Error` at its end when it is not what was announced."""
        hashers: list[Hasher] = [each.hasher for each in self._expected]
        hashers += self._trailer.values()
        if self._md5 is not None:
            hashers.append(self._md5)
        found: dict[str, str] = {}
        left = self.size
        async for data in self._decoded(found):
            left -= len(data)
            if left < 0:
                raise incomplete()
            for each in hashers:
                each.update(data)
            yield data
        if left:
            raise incomplete()
        for expected in self._expected:
            expected.verify()
        self._check_trailer(found)

    async def document(self) -> bytes:
        """All of it at once: a document. Raises `S3Error` when it is too large for one."""
        if self.size > LARGEST_DOCUMENT:
            raise S3Error(
                "MaxMessageLengthExceeded",
                400,
                f"Your request was too big: a document has at most {LARGEST_DOCUMENT} bytes.",
            )
        return b"".join([data async for data in self.chunks()])

    def _decoded(self, trailer: dict[str, str]) -> AsyncIterator[bytes]:
        kind = self._authorized.payload
        if kind not in CODINGS:
            return self._request.body()
        chain = None if kind == UNSIGNED_CHUNKS else Chain(self._authorized.signer)
        return decoded(self._request.body(), chain, trailer if kind.endswith(TRAILER) else None)

    def _check_trailer(self, found: Mapping[str, str]) -> None:
        if set(found) != set(self._trailer):
            raise S3Error(
                "MalformedTrailerError",
                400,
                "The request contained trailing data that was not well-formed or did not "
                "conform to our published schema.",
            )
        for name, each in self._trailer.items():
            Expected(name, each, digest(name, found[name])).verify()


class _ContentHash(Expected, frozen=True):
    """The hash that is part of the signature."""

    def verify(self) -> None:
        actual = self.hasher.digest()
        if actual != self.digest:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                400,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ClientComputedContentSHA256=self.digest.hex(),
                S3ComputedContentSHA256=actual.hex(),
            )


def _size(headers: Mapping[str, str], payload: str) -> int:
    """The length of the content. Raises `S3Error` when nobody says it."""
    if payload.startswith(STREAMING):
        if payload not in CODINGS:
            raise not_implemented(f"The payload {payload}")
        name = DECODED_LENGTH
    else:
        if payload != UNSIGNED and not HASH.fullmatch(payload):
            why = f"{PAYLOAD_HEADER} must be {UNSIGNED}, a STREAMING- value, or a SHA-256 in hex."
            raise invalid(PAYLOAD_HEADER, payload, why)
        name = "content-length"
    text = headers.get(name)
    if text is None:
        if name == "content-length" and "transfer-encoding" not in headers:
            return 0
        raise S3Error(
            "MissingContentLength", 411, f"You must provide the {name} HTTP header.", Header=name
        )
    if not LENGTH.fullmatch(text):
        raise invalid(name, text, f"{name} must be a number of bytes.")
    return int(text)


def _trailing(headers: Mapping[str, str], payload: str) -> dict[str, Hasher]:
    """The checksums that are announced to come in the trailer."""
    if not payload.endswith(TRAILER):
        return {}
    names = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")]
    wanted = [name for name in names if name]
    for name in wanted:
        if not is_checksum(name) or name == CONTENT_MD5:
            raise invalid("x-amz-trailer", name, f"The trailer {name} is not supported.")
    return {name: hasher(name) for name in wanted}
