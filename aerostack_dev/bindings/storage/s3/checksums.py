"""The digests that a client announces for a body: Content-MD5 and x-amz-checksum-*."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Protocol

import msgspec

from .crc import CRC32C, CRC64NVME, Crc
from .failures import S3Error, invalid, not_implemented

PREFIX = "x-amz-checksum-"
CONTENT_MD5 = "content-md5"
OTHER = frozenset({f"{PREFIX}algorithm", f"{PREFIX}type", f"{PREFIX}mode"})
"""Headers with the prefix that are no checksum."""


class Hasher(Protocol):
    """What takes bytes in and gives a digest."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32, as zlib has it."""

    def __init__(self) -> None:
        self._state = 0

    def update(self, data: bytes, /) -> None:
        """Take in the next bytes."""
        self._state = zlib.crc32(data, self._state)

    def digest(self) -> bytes:
        """The CRC, most significant byte first."""
        return self._state.to_bytes(4, "big")


ALGORITHMS: Mapping[str, Callable[[], Hasher]] = MappingProxyType(
    {
        f"{PREFIX}crc32": Crc32,
        f"{PREFIX}crc32c": partial(Crc, CRC32C),
        f"{PREFIX}crc64nvme": partial(Crc, CRC64NVME),
        f"{PREFIX}sha1": partial(hashlib.sha1, usedforsecurity=False),
        f"{PREFIX}sha256": hashlib.sha256,
        f"{PREFIX}sha512": hashlib.sha512,
        CONTENT_MD5: partial(hashlib.md5, usedforsecurity=False),
    }
)
KEPT = MappingProxyType({f"{PREFIX}{name}": name for name in ("sha1", "sha256", "sha512")})
"""Header -> the name under which the room keeps it with the object."""


class Expected(msgspec.Struct, frozen=True):
    """A digest that the body must have, by the header that says so."""

    header: str
    hasher: Hasher
    digest: bytes

    def verify(self) -> None:
        """Raises `S3Error` when the body has another one."""
        actual = self.hasher.digest()
        if actual != self.digest:
            raise S3Error(
                "BadDigest",
                400,
                f"The {self.header} you specified did not match the calculated checksum.",
                ExpectedDigest=base64.b64encode(self.digest).decode(),
                CalculatedDigest=base64.b64encode(actual).decode(),
            )


def is_checksum(header: str) -> bool:
    """Whether a header carries the checksum of a body."""
    return header == CONTENT_MD5 or (header.startswith(PREFIX) and header not in OTHER)


def announced(headers: Mapping[str, str]) -> dict[str, bytes]:
    """Header -> digest, of all the checksums in `headers`. Raises `S3Error`."""
    return {name: digest(name, value) for name, value in headers.items() if is_checksum(name)}


def hasher(header: str) -> Hasher:
    """A fresh hasher of a checksum header. Raises `S3Error` when there is none."""
    made = ALGORITHMS.get(header)
    if made is None:
        raise not_implemented(f"The checksum {header}")
    return made()


def digest(header: str, value: str) -> bytes:
    """The digest that a checksum header spells. Raises `S3Error`."""
    size = len(hasher(header).digest())
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) == size:
        return found
    if header == CONTENT_MD5:
        raise S3Error("InvalidDigest", 400, "The Content-MD5 you specified is not valid.")
    raise invalid(header, value, f"Value for {header} header is invalid.")
