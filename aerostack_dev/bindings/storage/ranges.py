"""Which part of an object a read wants (storage-vectorize-ai.md §1.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .values import number

UNIT = re.compile(r" *bytes *=", re.IGNORECASE)
RANGE = re.compile(r" *([0-9]*) *- *([0-9]*) *")
LONGEST_NUMBER = 18
"""Digits: longer positions lie behind the end of every object."""


class UnsatisfiableError(Exception):
    """The wanted part does not exist in an object of this size."""


class Span(msgspec.Struct, frozen=True):
    """`length` bytes from `offset`: a part that exists."""

    offset: int
    length: int


class Wanted(msgspec.Struct, frozen=True):
    """The object form: `{offset, length}` or `{suffix}`; `{}` wants at least one byte."""

    offset: int | None = None
    length: int | None = None
    suffix: int | None = None

    def within(self, size: int) -> Span:
        """The part within an object of `size` bytes. Raises `UnsatisfiableError`."""
        offset = (self.offset or 0) if self.suffix is None else max(size - self.suffix, 0)
        left = size - offset
        length = left if self.length is None else min(self.length, left)
        if length <= 0:
            raise UnsatisfiableError
        return Span(offset, length)


class HeaderRange(msgspec.Struct, frozen=True):
    """The text of a `Range` header; anything but one good range wants everything."""

    header: str

    def within(self, size: int) -> Span:
        """The part within an object of `size` bytes."""
        found = ranges_of(self.header, size)
        return found[0] if found is not None and len(found) == 1 else Span(0, size)


class Everything(msgspec.Struct, frozen=True):
    """No range: the whole object, an empty one too."""

    def within(self, size: int) -> Span:
        """All of an object of `size` bytes."""
        return Span(0, size)


Range = Wanted | HeaderRange | Everything


def range_of(given: Any) -> Range:
    """A `range` option as wire value: None, an object's fields, or pairs of headers.

    Raises `TypeError` and `ValueError` (the platform's RangeError).
    """
    if given is None:
        return Everything()
    if isinstance(given, Mapping):
        return _wanted(given)
    if isinstance(given, (list, tuple)):
        return _from_headers(given)
    raise TypeError(f"range must be an object or Headers, not {type(given).__name__}")


def _wanted(given: Mapping[str, Any]) -> Wanted:
    offset, length, suffix = (given.get(name) for name in ("offset", "length", "suffix"))
    if suffix is not None:
        if offset is not None:
            raise TypeError("Suffix is incompatible with offset.")
        if length is not None:
            raise TypeError("Suffix is incompatible with length.")
    return Wanted(
        _whole(offset, "Invalid range. Starting offset"),
        _whole(length, "Invalid range. Length"),
        _whole(suffix, "Invalid suffix. Suffix"),
    )


def _whole(value: Any, what: str) -> int | None:
    if value is None:
        return None
    found = number(value)
    if found < 0:
        raise ValueError(f"{what} ({value}) must be greater than or equal to 0.")
    if not found.is_integer():
        raise ValueError(f"{what} ({value}) must be an integer, not floating point.")
    return int(found)


def _from_headers(pairs: Iterable[Any]) -> Range:
    values = [str(value) for name, value in pairs if str(name).lower() == "range"]
    return HeaderRange(", ".join(values)) if values else Everything()


def ranges_of(header: str, size: int) -> list[Span] | None:
    """The parts that a `Range` header names within `size` bytes.

    None: malformed, of another unit, or unsatisfiable. A suffix as long as the object
    or longer means everything, an empty suffix is ignored: neither adds to the list.
    """
    unit = UNIT.match(header)
    if unit is None:
        return None
    rest = header[unit.end() :]
    found: list[Span] = []
    for part in rest.split(",") if rest.strip(" ") else []:
        match = RANGE.fullmatch(part)
        if match is None or match[0].strip(" ") == "-":
            return None
        first, last = match.groups()
        if first:
            span = _between(_position(first), _position(last) if last else size, size)
            if span is None:
                return None
            found.append(span)
        else:
            suffix = _position(last)
            if suffix >= size:
                return []
            if suffix:
                found.append(Span(size - suffix, suffix))
    return found


def is_beyond(header: str, size: int) -> bool:
    """Whether a well-formed header of one range asks only for what lies behind the end."""
    unit = UNIT.match(header)
    match = RANGE.fullmatch(header, unit.end()) if unit else None
    if match is None or not match[1]:
        return False
    first = _position(match[1])
    return first >= size and (not match[2] or _position(match[2]) >= first)


def _between(first: int, last: int, size: int) -> Span | None:
    if first > last or first >= size:
        return None
    return Span(first, min(last, size - 1) - first + 1)


def _position(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= LONGEST_NUMBER else int("9" * LONGEST_NUMBER)
