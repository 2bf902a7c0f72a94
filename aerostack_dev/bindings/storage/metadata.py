"""What is stored beside the content: HTTP fields and the author's own (§1.2, §1.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from .failures import wrong_type
from .http_date import http_date, milliseconds
from .values import text, unicode

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "contentType": "Content-Type",
        "contentLanguage": "Content-Language",
        "contentDisposition": "Content-Disposition",
        "contentEncoding": "Content-Encoding",
        "cacheControl": "Cache-Control",
        "cacheExpiry": "Expires",
    }
)
"""Field of `httpMetadata` -> the header it stands for."""
EXPIRY = "cacheExpiry"
"""The one field that is a moment (ms since the epoch), not text."""

MAX_METADATA = 8192
"""Of all custom names and values together, counted as `metadata_size` does."""
STORAGE_CLASSES = ("Standard", "InfrequentAccess")

HttpMetadata = dict[str, str | int]


def http_metadata(given: Any) -> HttpMetadata:
    """An `httpMetadata` option as wire value: None, an object, or pairs of headers.

    Raises `TypeError`.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(_fields(given))
    if isinstance(given, (list, tuple)):
        return dict(_from_headers(given))
    raise TypeError(f"httpMetadata must be an object or Headers, not {type(given).__name__}")


def _fields(given: Mapping[str, Any]) -> Iterator[tuple[str, str | int]]:
    for field in HEADERS:
        value = given.get(field)
        if value is None:
            continue
        if field != EXPIRY:
            yield field, text(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise wrong_type(EXPIRY, "HttpMetadata", "date")
        else:
            yield field, int(value)


def _from_headers(pairs: Iterable[Any]) -> Iterator[tuple[str, str | int]]:
    known = {header.lower(): field for field, header in HEADERS.items()}
    for name, value in pairs:
        field = known.get(str(name).lower())
        if field == EXPIRY:
            expiry = milliseconds(str(value))
            if expiry is not None:
                yield field, expiry
        elif field is not None:
            yield field, unicode(str(value))


def custom_metadata(given: Any) -> dict[str, str]:
    """A `customMetadata` option: every value as text. Raises `TypeError`."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"customMetadata must be an object, not {type(given).__name__}")
    return {text(name): text(value) for name, value in given.items()}


def metadata_size(custom: Mapping[str, str]) -> int:
    """The size that `MAX_METADATA` limits: UTF-16 units, double in a string that has a
    unit beyond Latin-1 (§1.9).
    """
    return sum(_size(name) + _size(value) for name, value in custom.items())


def _size(value: str) -> int:
    if value.isascii():
        return len(value)
    units = len(value.encode("utf-16-le")) // 2
    return units * 2 if any(character > "\u00ff" for character in value) else units


def storage_class(given: Any) -> str:
    """A `storageClass` option; `Standard` without one. Raises `TypeError`."""
    if given is None:
        return STORAGE_CLASSES[0]
    if given not in STORAGE_CLASSES:
        raise TypeError(f"storageClass must be one of {', '.join(STORAGE_CLASSES)}, not {given!r}")
    return str(given)


def headers_of(http: Mapping[str, str | int]) -> Iterator[tuple[str, str]]:
    """The response headers that the set fields stand for."""
    for field, header in HEADERS.items():
        value = http.get(field)
        if value is not None:
            yield header, http_date(int(value)) if field == EXPIRY else str(value)
