"""Checksums that a writer gives, and SSE-C keys (storage-vectorize-ai.md §1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from ...errors import BindingError
from .failures import BAD_DIGEST, refusal

DIGEST_SIZES: Mapping[str, int] = MappingProxyType(
    {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
)
HEX = re.compile(r"[0-9a-fA-F]+")
SSEC_KEY_SIZE = 32


class Checksum(msgspec.Struct, frozen=True):
    """What the content must hash to."""

    algorithm: str
    digest: bytes

    def verify(self, method: str, digests: Mapping[str, bytes]) -> None:
        """Raises `BindingError` when the content received has another digest."""
        actual = digests[self.algorithm]
        if actual != self.digest:
            name = title(self.algorithm)
            raise refusal(
                method,
                BAD_DIGEST,
                f"The {name} checksum you specified did not match what we received.\n"
                f"You provided a {name} checksum with value: {self.digest.hex()}\n"
                f"Actual {name} was: {actual.hex()}",
            )


def title(algorithm: str) -> str:
    """`MD5`, `SHA-256`: the name in messages."""
    return "MD5" if algorithm == "md5" else f"SHA-{algorithm.removeprefix('sha')}"


def checksum_of(options: Mapping[str, Any]) -> Checksum | None:
    """The one checksum among the options of a put: hex text or bytes.

    Raises `TypeError` when it is malformed, or not the only one.
    """
    given = [name for name in DIGEST_SIZES if options.get(name) is not None]
    if not given:
        return None
    if len(given) > 1:
        raise TypeError("You cannot specify multiple hashing algorithms.")
    return Checksum(given[0], _digest(given[0], options[given[0]]))


def _digest(algorithm: str, value: Any) -> bytes:
    name, size = title(algorithm), DIGEST_SIZES[algorithm]
    if isinstance(value, bytes):
        if len(value) != size:
            raise TypeError(f"{name} is {size} bytes, not {len(value)}")
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name} must be hex text or bytes, not {type(value).__name__}")
    if len(value) != 2 * size:
        raise TypeError(f"{name} is {2 * size} hex characters, not {len(value)}")
    if not HEX.fullmatch(value):
        raise TypeError(f"Provided {name} wasn't a valid hex string")
    return bytes.fromhex(value)


def ssec_of(options: Mapping[str, Any]) -> str | None:
    """The MD5 (hex) of the SSE-C key among the options: 32 bytes or 64 hex characters.

    Only this MD5 is kept, and a read must show the same key; the content itself is
    stored as it is, not encrypted. Raises `BindingError` for a malformed key.
    """
    key = options.get("ssecKey")
    if key is None:
        return None
    if isinstance(key, str):
        if not HEX.fullmatch(key):
            raise BindingError("SSE-C Key has invalid format", code="ssec-key")
        if len(key) != 2 * SSEC_KEY_SIZE:
            raise BindingError("SSE-C Key must be 32 bytes in length", code="ssec-key")
        key = bytes.fromhex(key)
    if not isinstance(key, bytes):
        raise TypeError(f"ssecKey must be bytes or hex text, not {type(key).__name__}")
    if len(key) != SSEC_KEY_SIZE:
        raise BindingError("SSE-C Key must be 32 bytes in length", code="ssec-key")
    import hashlib

    return hashlib.md5(key, usedforsecurity=False).hexdigest()
