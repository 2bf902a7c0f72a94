"""What a function keeps in `caches.default` and `caches.open(name)`.

It lives in memory, beside the function: a reload keeps it, a restart does not.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from ..bindings.spans import operation
from ..clock import Clock
from ..wire import AtHand, Stream, close_chunks
from . import caching
from .caching import Pair

LARGEST = 64 * 1024 * 1024
"""Bytes that all kept responses have together; the least recently used ones give way."""
OVERHEAD = 1024
"""Bytes that a response counts for beside its body."""
PIECE = 256 * 1024

log = logging.getLogger("aerostack.function")


class Kept(Struct, frozen=True):
    """One response; `expires` and `stored` in seconds since the epoch."""

    status: int
    headers: list[Pair]
    body: bytes
    stored: float
    expires: float

    @property
    def size(self) -> int:
        return len(self.body) + OVERHEAD


class Caches:
    """The caches of a function, by name: "" is the default one."""

    binding = "caches"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._size = 0

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._size = 0

    @operation(subject=lambda cache, method, url, *_: url)
    async def match(
        self, cache: str, method: str, url: str, headers: list[list[str]], ignore_method: bool
    ) -> dict[str, Any] | None:
        """The response that is kept for a request: all of it, a part, or that it is unchanged."""
        kept = self._fresh((cache, url)) if method == "GET" or ignore_method else None
        if kept is None:
            return None
        return _answer(kept, [(name, value) for name, value in headers], self._clock.now())

    @operation(subject=lambda cache, method, url, *_: url)
    async def put(
        self,
        cache: str,
        method: str,
        url: str,
        status: int,
        headers: list[list[str]],
        body: bytes | Stream | None,
    ) -> None:
        """Keep a response, if its headers allow that.

        Raises `TypeError` for another method than GET, the status 206 and `Vary: *`.
        """
        chunks = body.chunks if isinstance(body, Stream) else AtHand(body or b"")
        try:
            given = [(name, value) for name, value in headers]
            _check(method, status, given)
            now = self._clock.now()
            seconds = caching.lifetime(status, given, now)
            kept = caching.storable(given)
            if kept is None or seconds <= 0:
                return
            data = await _whole(chunks)
        finally:
            await close_chunks(chunks)
        if data is None:
            log.warning("caches: the response for %s is too large to be kept", url)
            return
        self._put((cache, url), Kept(status, kept, data, now, now + seconds))

    @operation(subject=lambda cache, method, url, *_: url)
    async def delete(self, cache: str, method: str, url: str, ignore_method: bool) -> bool:
        """Forget a response; returns whether there was one."""
        if method != "GET" and not ignore_method:
            return False
        found = self._fresh((cache, url)) is not None
        self._drop((cache, url))
        return found

    def _fresh(self, key: tuple[str, str]) -> Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.expires <= self._clock.now():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def _put(self, key: tuple[str, str], kept: Kept) -> None:
        self._drop(key)
        self._kept[key] = kept
        self._size += kept.size
        while self._size > LARGEST:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size


def _check(method: str, status: int, headers: list[Pair]) -> None:
    if method != "GET":
        raise TypeError("Cannot cache response to non-GET request.")
    if status == caching.PARTIAL:
        raise TypeError("Cannot cache response to a range request (206 Partial Content).")
    varying = ",".join(value for name, value in headers if name == "vary")
    if "*" in (each.strip() for each in varying.split(",")):
        raise TypeError("Cannot cache response with 'Vary: *' header.")


def _answer(kept: Kept, asked: list[Pair], now: float) -> dict[str, Any]:
    """`kept` as `asked` for, with what the platform's edge adds."""
    status, body = kept.status, kept.body
    own = [pair for pair in kept.headers if pair[0] not in ("age", "cf-cache-status")]
    headers = [*own, ("cf-cache-status", "HIT"), ("age", str(int(now - kept.stored)))]
    if caching.unchanged(asked, kept.headers):
        return {"status": caching.NOT_MODIFIED, "headers": headers, "body": None}
    part = caching.part_of(asked, len(body)) if status == caching.OK else None
    if part is not None and part.start >= part.end:
        headers.append(("content-range", f"bytes */{len(body)}"))
        return {"status": caching.NOT_SATISFIABLE, "headers": headers, "body": None}
    if part is not None:
        headers.append(("content-range", f"bytes {part.start}-{part.end - 1}/{len(body)}"))
        status, body = caching.PARTIAL, body[part.start : part.end]
    return {"status": status, "headers": headers, "body": Stream(_pieces(body), len(body))}


async def _whole(chunks: AsyncIterator[bytes]) -> bytes | None:
    """All bytes; None when they are too many to be kept."""
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) + OVERHEAD > LARGEST:
            return None
    return bytes(data)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
