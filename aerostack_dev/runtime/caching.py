"""What HTTP says about keeping a response: for how long, and which part a request wants.

The platform's rules for responses that a function puts into its cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

Pair = tuple[str, str]

NOT_MODIFIED = 304
OK = 200
PARTIAL = 206
NOT_SATISFIABLE = 416

DEFAULT_SECONDS: Mapping[int, int] = {
    200: 7200,
    301: 7200,
    302: 1200,
    303: 1200,
    404: 180,
    410: 180,
}
"""How long a response is kept that says nothing about it, by its status."""

_DIRECTIVE = re.compile(r'\s*([^\s=,;]+)\s*(?:=\s*(?:"([^"]*)"|([^",]*)))?\s*(?:,|$)')
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_TAG = re.compile(r'(?:W/)?("[^"]*")')
LONGEST_POSITION = 18
"""Digits: a longer number is beyond every body."""


def directives(headers: Iterable[Pair]) -> dict[str, str]:
    """The directives of `cache-control`, in lower case; one without a value has ""."""
    text = ",".join(value for name, value in headers if name == "cache-control")
    return {
        match[1].lower(): (match[2] or match[3] or "").strip()
        for match in _DIRECTIVE.finditer(text)
    }


def first(headers: Iterable[Pair], name: str) -> str | None:
    """The value of a header, of the first one with that name."""
    return next((value for each, value in headers if each == name), None)


def date(text: str | None) -> float | None:
    """The seconds since the epoch that an HTTP date says."""
    if text is None:
        return None
    # Imported here: a start does not pay for it.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def storable(headers: list[Pair]) -> list[Pair] | None:
    """The headers to keep with a response, None when it must not be kept."""
    said = directives(headers)
    private = said.pop("private", None)
    if private is not None and private.lower() != "set-cookie":
        return None
    if "no-store" in said or "no-cache" in said:
        return None
    if private is not None:
        return [pair for pair in headers if pair[0] != "set-cookie"]
    return None if any(name == "set-cookie" for name, _ in headers) else headers


def lifetime(status: int, headers: list[Pair], now: float) -> float:
    """For how many seconds a response is fresh; 0 or less when it is not kept at all."""
    if status == NOT_MODIFIED:
        return 0
    said = directives(headers)
    for name in ("s-maxage", "max-age"):
        if name in said:
            digits = said[name]
            return float(digits) if digits.isascii() and digits.isdigit() else 0.0
    expires = first(headers, "expires")
    if expires is not None:
        return (date(expires) or 0.0) - now
    return float(DEFAULT_SECONDS.get(status, 0))


def unchanged(asked: list[Pair], kept: list[Pair]) -> bool:
    """Whether a request's conditions say that its client has this response already."""
    tags = first(asked, "if-none-match")
    if tags is not None:
        own = _TAG.fullmatch((first(kept, "etag") or "").strip())
        return own is not None and (tags.strip() == "*" or own[1] in _TAG.findall(tags))
    since = date(first(asked, "if-modified-since"))
    changed = date(first(kept, "last-modified"))
    return since is not None and changed is not None and changed <= since


class Part(Struct, frozen=True):
    """Bytes `start` up to and without `end` of a body."""

    start: int
    end: int


def part_of(asked: list[Pair], size: int) -> Part | None:
    """The part of a body that `range` asks for; None for all of it.

    Several ranges at once are answered with all of it. An empty part means that there
    is no such one.
    """
    text = first(asked, "range")
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None or not (match[1] or match[2]):
        return None
    low, high = (int(each[:LONGEST_POSITION]) if each else None for each in match.groups())
    if low is None:
        return Part(max(0, size - (high or 0)), size)
    if high is not None and high < low:
        return None
    return Part(min(low, size), size if high is None else min(high + 1, size))
