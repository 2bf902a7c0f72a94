"""A page of keys: prefix, delimiter groups, cursor (storage-vectorize-ai.md §1.6).

Keys are compared as UTF-8 bytes. Every place between two keys is a lower bound, the
smallest byte string that the next key may be; a cursor is such a bound.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from ..options import int32
from .failures import BAD_LIMIT, MAX_LIMIT, refusal, wrong_type
from .values import text, unicode


class Keyed(Protocol):
    """What is listed."""

    @property
    def key(self) -> str: ...


MAX_LIMIT_WITH_METADATA = 100
UNSET_LIMIT = -1
"""What the platform itself fills in for a limit that was not given."""
INCLUDABLE = ("httpMetadata", "customMetadata")

T = TypeVar("T", bound=Keyed)
Scan = Callable[[bytes, bytes | None], Iterator[T]]
"""`scan(lower, upper)`: what has `lower <= key < upper`, in order, lazily (None: no end)."""


class Listing(msgspec.Struct, frozen=True):
    """What to list."""

    limit: int
    prefix: bytes = b""
    delimiter: bytes = b""
    lower: bytes = b""
    """Where the page begins."""

    @property
    def upper(self) -> bytes | None:
        return successor(self.prefix)

    def group(self, key: bytes) -> bytes | None:
        """The group that `key` collapses into: through the delimiter, inclusive."""
        if not self.delimiter:
            return None
        at = key.find(self.delimiter, len(self.prefix))
        return None if at < 0 else key[: at + len(self.delimiter)]


def included(given: Mapping[str, Any]) -> Sequence[str]:
    """The `include` option of a list. Raises `TypeError` and `ValueError`."""
    include = given.get("include")
    if include is None:
        return ()
    if not isinstance(include, (list, tuple)):
        raise wrong_type("include", "ListOptions", "Array")
    for name in include:
        if name not in INCLUDABLE:
            raise ValueError(f"Unsupported include value {text(name)}")
    return include


def listing_of(given: Mapping[str, Any], include: Sequence[str]) -> Listing:
    """The options of a list, checked. Raises `TypeError` and `BindingError`."""
    limit = int32(given["limit"]) if "limit" in given else UNSET_LIMIT
    if limit == UNSET_LIMIT:
        limit = MAX_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise refusal("list", BAD_LIMIT)
    start_after = _text(given, "startAfter").encode()
    lower = bound(_text(given, "cursor"))
    return Listing(
        limit=min(limit, MAX_LIMIT_WITH_METADATA) if include else limit,
        prefix=_text(given, "prefix").encode(),
        delimiter=_text(given, "delimiter").encode(),
        lower=max(lower, after(start_after)) if start_after else lower,
    )


def _text(given: Mapping[str, Any], field: str) -> str:
    value = given.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong_type(field, "ListOptions", "string")
    return unicode(value)


class Page(msgspec.Struct, Generic[T]):
    """A page; `cursor` None: it is the last."""

    objects: list[T] = []
    groups: list[str] = []
    cursor: str | None = None


def collect(scan: Scan[T], listing: Listing) -> Page[T]:
    """The page of `listing`. A group costs one seek, however many keys are in it."""
    page: Page[T] = Page()
    lower = max(listing.lower, listing.prefix)
    while True:
        for found in scan(lower, listing.upper):
            if len(page.objects) + len(page.groups) == listing.limit:
                page.cursor = cursor(lower)
                return page
            key = found.key.encode()
            group = listing.group(key)
            if group is not None:
                page.groups.append(group.decode())
                lower = _end(group)
                break
            page.objects.append(found)
            lower = after(key)
        else:
            return page


def after(key: bytes) -> bytes:
    """The bound just behind `key`."""
    return key + b"\0"


def successor(prefix: bytes) -> bytes | None:
    """The bound behind all that begins with `prefix`; None: there is none."""
    return _end(prefix) if prefix else None


def _end(prefix: bytes) -> bytes:
    # No byte of UTF-8 is 0xFF, so the last one can always be counted up.
    return prefix[:-1] + bytes([prefix[-1] + 1])


def cursor(lower: bytes) -> str:
    """The text that stands for a bound."""
    return base64.urlsafe_b64encode(lower).decode()


def bound(cursor: str) -> bytes:
    """The bound that a cursor stands for; what is no cursor begins at the beginning."""
    try:
        return base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
