"""The rules of multipart uploads (storage-vectorize-ai.md §1.7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from .failures import BAD_PARTS, INTERNAL, NO_SUCH_PART, TOO_LARGE, TOO_SMALL, refusal

MIB = 1024**2
GIB = 1024**3
MAX_PART_NUMBER = 10_000
MIN_PART_SIZE = 5 * MIB
"""Of every part but the last."""
MAX_PART_SIZE = 5 * GIB
MAX_OBJECT_SIZE = 5 * 1024 * GIB - 5 * GIB
UPLOAD_LIFETIME_MS = 7 * 24 * 3600 * 1000
"""An upload that is not finished in this time is gone."""

COMPLETE = "completeMultipartUpload"


class Part(msgspec.Struct, frozen=True):
    """A part as stored; `blob` None: it is empty."""

    number: int
    etag: str
    size: int
    md5: bytes
    blob: str | None


def check_number(number: int) -> int:
    """`number` when it can be a part's. Raises `TypeError`."""
    if not 1 <= number <= MAX_PART_NUMBER:
        raise TypeError(
            f"Part number must be between 1 and {MAX_PART_NUMBER} (inclusive). "
            f"Actual value was: {number}"
        )
    return number


def assemble(
    requested: Sequence[tuple[int, str]],
    stored: Mapping[int, Part],
    min_size: int = MIN_PART_SIZE,
) -> list[Part]:
    """The parts of the object, in order of their numbers.

    `requested` is the author's list of (number, etag), `stored` what was uploaded.
    Raises `BindingError`.
    """
    if len({number for number, _ in requested}) < len(requested):
        raise refusal(COMPLETE, INTERNAL)
    chosen = [_find(stored, number, etag) for number, etag in requested]
    if any(part.size < min_size for part in chosen[:-1]):
        raise refusal(COMPLETE, TOO_SMALL)
    ordered = sorted(chosen, key=lambda part: part.number)
    _check_sizes([part.size for part in ordered], min_size)
    return ordered


def _find(stored: Mapping[int, Part], number: int, etag: str) -> Part:
    part = stored.get(number)
    if part is None or part.etag != etag:
        raise refusal(COMPLETE, NO_SUCH_PART)
    return part


def _check_sizes(sizes: Sequence[int], min_size: int) -> None:
    for size in sizes[:-1]:
        if size != sizes[0] or size < min_size:
            raise refusal(COMPLETE, BAD_PARTS)
    if len(sizes) > 1 and sizes[-1] > sizes[0]:
        raise refusal(COMPLETE, BAD_PARTS)
    if sum(sizes) > MAX_OBJECT_SIZE:
        raise refusal(COMPLETE, TOO_LARGE)


def object_etag(digests: Iterable[bytes]) -> str:
    """The etag of an object made of parts with these MD5s: `<md5 of them>-<count>`."""
    found = list(digests)
    whole = hashlib.md5(b"".join(found), usedforsecurity=False).hexdigest()
    return f"{whole}-{len(found)}"
