"""What the platform refuses, in its words and in its order (db-cache.md §2.2 to §2.8).

The platform checks in two places: its client raises `TypeError`, its server answers
`KV <OPERATION> failed: <status> <text>`. All of the client's checks come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import wire
from ...errors import BindingError
from ..options import int32
from .values import encoded, spelled

KEY_BYTES = 512
VALUE_BYTES = 25 * 1024 * 1024
METADATA_BYTES = 1024
EXPIRATION_SECONDS = 60
"""An entry lives at least this long."""
CACHE_TTL_SECONDS = 30
LIST_KEYS = 1000
BULK_KEYS = 100
BULK_BYTES = 25 * 1024 * 1024
STATUS_TEXT = 512
"""The platform cuts its message off after so many characters."""

TYPES = ("text", "arrayBuffer", "json", "stream")
BULK_TYPES = ("text", "json")
FORBIDDEN_KEYS = (".", "..")
UNKNOWN_TYPE = (
    'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'
)
UNSTORABLE = (
    "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values."
)


def refused(operation: str, status: int, message: str) -> BindingError:
    """The answer of the platform's server: `code` is the status."""
    text = f"KV {operation} failed: {status} {message[:STATUS_TEXT]}"
    return BindingError(text, code=str(status))


def misused(method: str, parameter: int, wanted: str) -> TypeError:
    """What the platform says to an argument of the wrong type."""
    return TypeError(
        f"Failed to execute '{method}' on 'KvNamespace': "
        f"parameter {parameter} is not of type '{wanted}'."
    )


def key_text(value: Any, misuse: TypeError) -> str:
    """A key as text, other values spelled as the platform does. Raises `misuse`."""
    if isinstance(value, list):
        return ",".join("" if item is None else key_text(item, misuse) for item in value)
    text = spelled(value)
    if text is None:
        raise misuse
    return text


def single_key(method: str, value: Any) -> bytes:
    """The key of a call about one entry, past the client's checks. Raises `TypeError`."""
    wanted = "string or Array" if method.startswith("get") else "string"
    name = key_text(value, misused(method, 1, wanted))
    if not name:
        raise TypeError("Key name cannot be empty.")
    if name in FORBIDDEN_KEYS:
        raise TypeError(f'"{name}" is not allowed as a key name.')
    return encoded(name)


def key_size(operation: str, key: bytes) -> None:
    """The server's check of a key or prefix."""
    if len(key) > KEY_BYTES:
        raise refused(
            operation,
            414,
            f"UTF-8 encoded length of {len(key)} exceeds key length limit of {KEY_BYTES}.",
        )


def bulk_key(operation: str, name: str) -> bytes:
    """One of the keys of a bulk read, past the server's checks."""
    if not name:
        raise refused(operation, 400, "Key names must not be empty")
    if name in FORBIDDEN_KEYS:
        raise refused(operation, 400, f'Illegal key name "{name}". Please use a different name.')
    key = encoded(name)
    key_size(operation, key)
    return key


def bulk_type(operation: str, given: Mapping[str, Any]) -> str:
    """The type of a bulk read: `text` or `json`."""
    wanted = spelled(given.get("type", "text")) or "text"
    if wanted not in BULK_TYPES:
        raise refused(operation, 400, f'"{wanted}" is not a valid type. Use "json" or "text"')
    return wanted


def bulk_count(operation: str, count: int) -> None:
    if count > BULK_KEYS:
        raise refused(operation, 400, f"You can request a maximum of {BULK_KEYS} keys")
    if count < 1:
        raise refused(operation, 400, "You must request a minimum of 1 key")


def cache_ttl(operation: str, seconds: int | None) -> None:
    if seconds is not None and seconds < CACHE_TTL_SECONDS:
        raise refused(
            operation,
            400,
            f"Invalid cache_ttl of {seconds}. Cache TTL must be at least {CACHE_TTL_SECONDS}.",
        )


def integer(given: Mapping[str, Any], name: str) -> int | None:
    """A 32-bit integer option; None when it is absent. Raises `TypeError`."""
    return int32(given[name]) if name in given else None


def expiry(ttl: int | None, expiration: int | None, now: int) -> int | None:
    """When an entry expires, in seconds since the epoch like `now`; `ttl` wins."""
    if ttl is not None:
        _lead("expiration_ttl", ttl, ttl, "0", "Expiration TTL must be at least {}.")
        return now + ttl
    if expiration is not None:
        _lead(
            "expiration",
            expiration,
            expiration - now,
            "the current number of seconds since the UNIX epoch",
            "Expiration times must be at least {} seconds in the future.",
        )
    return expiration


def _lead(option: str, value: int, lead: int, floor: str, minimum: str) -> None:
    if lead <= 0:
        advice = f"Please specify integer greater than {floor}."
    elif lead < EXPIRATION_SECONDS:
        advice = minimum.format(EXPIRATION_SECONDS)
    else:
        return
    raise refused("PUT", 400, f"Invalid {option} of {value}. {advice}")


def metadata_text(metadata: Any) -> str | None:
    """Metadata as JSON; None is none. Raises `TypeError` for what JSON cannot hold."""
    if metadata is None:
        return None
    try:
        return wire.dumps(metadata).decode()
    except RecursionError:
        raise TypeError("metadata is circular, or nested too deeply") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"metadata cannot be written as JSON: {error}") from error


def metadata_size(metadata: str | None) -> None:
    size = len(metadata.encode()) if metadata is not None else 0
    if size > METADATA_BYTES:
        raise refused("PUT", 413, f"Metadata length of {size} exceeds limit of {METADATA_BYTES}.")


def value_size(size: int) -> None:
    if size > VALUE_BYTES:
        raise refused("PUT", 413, f"Value length of {size} exceeds limit of {VALUE_BYTES}.")


def page_size(limit: int | None) -> int:
    """How many keys a page of a listing holds."""
    if limit is not None and limit > LIST_KEYS:
        raise refused(
            "GET",
            400,
            f"Invalid key_count_limit of {limit}. Please specify an integer less than {LIST_KEYS}.",
        )
    return limit if limit is not None and limit > 0 else LIST_KEYS
