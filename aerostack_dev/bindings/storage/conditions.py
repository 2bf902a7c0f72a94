"""When a read or write may go ahead: `onlyIf` (storage-vectorize-ai.md §1.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ...errors import BindingError
from .failures import wrong_type
from .http_date import milliseconds
from .values import text

GRAIN_MS = 1000
"""With `secondsGranularity` times are compared in whole seconds."""


class Tag(msgspec.Struct, frozen=True):
    """An etag as a condition names it; `value` None is the wildcard `*`."""

    value: str | None
    weak: bool = False


ANY = Tag(None)


class Conditions(msgspec.Struct, frozen=True):
    """All that must hold, together; None: not given. Times are ms since the epoch."""

    matches: tuple[Tag, ...] | None = None
    differs: tuple[Tag, ...] | None = None
    before: int | None = None
    after: int | None = None
    whole_seconds: bool = False

    def hold(self, etag: str, uploaded: int) -> bool:
        """Whether they hold for an object that exists."""
        matched = self.matches is not None and _strongly(self.matches, etag)
        different = self.differs is not None and not _weakly(self.differs, etag)
        if (self.matches is not None and not matched) or (
            self.differs is not None and not different
        ):
            return False
        at = self._grain(uploaded)
        earlier = self.before is None or at < self._grain(self.before)
        later = self.after is None or self._grain(self.after) < at
        return (matched or earlier) and (different or later)

    def hold_for_nothing(self) -> bool:
        """Whether they hold where there is no object (a put of a new key)."""
        return self.matches is None and self.after is None

    def _grain(self, at: int) -> int:
        return at - at % GRAIN_MS if self.whole_seconds else at


def _strongly(tags: Iterable[Tag], etag: str) -> bool:
    return any(tag.value is None or (tag.value == etag and not tag.weak) for tag in tags)


def _weakly(tags: Iterable[Tag], etag: str) -> bool:
    return any(tag.value is None or tag.value == etag for tag in tags)


def conditions_of(given: Any) -> Conditions:
    """An `onlyIf` option as wire value: None, an object's fields, or pairs of headers.

    Raises `TypeError`; `BindingError` for a malformed header.
    """
    if given is None:
        return Conditions()
    if isinstance(given, Mapping):
        return _from_fields(given)
    if isinstance(given, (list, tuple)):
        return _from_headers(given)
    raise TypeError(f"onlyIf must be an object or Headers, not {type(given).__name__}")


def _from_fields(given: Mapping[str, Any]) -> Conditions:
    return Conditions(
        matches=_tag(given.get("etagMatches")),
        differs=_tag(given.get("etagDoesNotMatch")),
        before=_date(given, "uploadedBefore"),
        after=_date(given, "uploadedAfter"),
        whole_seconds=bool(given.get("secondsGranularity")),
    )


def _tag(value: Any) -> tuple[Tag, ...] | None:
    if value is None:
        return None
    etag = text(value)
    if etag == "*":
        return (ANY,)
    if len(etag) > 1 and etag.startswith('"') and etag.endswith('"'):
        raise TypeError(f"Conditional ETag should not be wrapped in quotes ({etag}).")
    return (Tag(etag),)


def _date(given: Mapping[str, Any], field: str) -> int | None:
    value = given.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise wrong_type(field, "Conditional", "date")
    return int(value)


def _from_headers(pairs: Iterable[Any]) -> Conditions:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(str(name).lower(), []).append(str(value))
    joined = {name: ", ".join(values) for name, values in found.items()}
    return Conditions(
        matches=tags_of(joined, "if-match"),
        differs=tags_of(joined, "if-none-match"),
        before=milliseconds(joined.get("if-unmodified-since")),
        after=milliseconds(joined.get("if-modified-since")),
        whole_seconds=True,
    )


def tags_of(headers: Mapping[str, str], name: str) -> tuple[Tag, ...] | None:
    """The etags of a header: `"strong"`, `W/"weak"`, `*` (which swallows the others).

    Raises `BindingError` when it is malformed.
    """
    header = headers.get(name)
    if header is None:
        return None
    tags: list[Tag] = []
    at = _gap(header, 0)
    while at < len(header):
        if header[at] == "*":
            return (ANY,)
        tag, end = _next_tag(header, at, name)
        tags.append(tag)
        at = _gap(header, end)
        if at < len(header) and "," not in header[end:at]:
            raise _invalid(name)
    if not tags:
        raise _invalid(name)
    return tuple(tags)


def _next_tag(header: str, at: int, name: str) -> tuple[Tag, int]:
    weak = header[at] == "W"
    if weak and header[at : at + 3] != 'W/"':
        raise BindingError(
            "Weak etags must start with W/ and their value must be quoted", code="etag"
        )
    start = at + 3 if weak else at + 1
    if not weak and header[at] != '"':
        raise _invalid(name)
    end = header.find('"', start)
    if end < 0:
        raise BindingError("Unclosed double quote for Etag", code="etag")
    return Tag(header[start:end], weak), end + 1


def _gap(header: str, at: int) -> int:
    while at < len(header) and header[at] in " \t,":
        at += 1
    return at


def _invalid(name: str) -> BindingError:
    return BindingError(f"Invalid ETag in {name} header", code="etag")
