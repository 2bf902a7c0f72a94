"""The content types of a message: between a Python value and the bytes of its body (§1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import wire
from . import clone

JSON, TEXT, BYTES, V8 = "json", "text", "bytes", "v8"


def encode(value: Any, content_type: Any) -> bytes:
    """`value` as a body. Raises `TypeError` when the type does not exist or cannot hold it."""
    encoder = ENCODERS.get(content_type) if isinstance(content_type, str) else None
    if encoder is None:
        raise unsupported(content_type)
    return encoder(value)


def decode(body: bytes, content_type: str) -> Any:
    """The value of a body. Raises `ValueError` when it is damaged or of another language."""
    decoder = _DECODERS.get(content_type)
    if decoder is None:
        raise ValueError(f"unknown content type of a stored message: {content_type}")
    return decoder(body)


def unsupported(content_type: object) -> TypeError:
    """The platform's answer to a content type that does not exist."""
    return TypeError(f"Unsupported queue message content type: {content_type}")


def text_of(body: bytes) -> str:
    """A body of the type `text`."""
    return body.decode("utf-8", "replace")


def _json(value: Any) -> bytes:
    try:
        return wire.dumps(value)
    except RecursionError:
        raise TypeError(
            "Converting circular structure to JSON (or one that is nested too deeply)"
        ) from None
    except UnicodeEncodeError:
        return wire.dumps(_well_formed(value))


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_well_formed(item) for item in value]
    return value


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _mismatch(TEXT, "string", value)
    try:
        return value.encode()
    except UnicodeEncodeError:
        return str(_well_formed(value)).encode()


def _bytes(value: Any) -> bytes:
    try:
        return memoryview(value).tobytes()
    except TypeError:
        raise _mismatch(BYTES, "ArrayBufferView", value) from None


def _mismatch(content_type: str, wanted: str, value: Any) -> TypeError:
    return TypeError(
        f'Content Type "{content_type}" requires a value of type {wanted}, '
        f"but received: {_typeof(value)}"
    )


def _typeof(value: Any) -> str:
    """What JavaScript's `typeof` says of such a value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "function" if callable(value) else "object"


def _parsed(body: bytes) -> Any:
    return wire.record(wire.loads(body))


ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    JSON: _json,
    TEXT: _text,
    BYTES: _bytes,
    V8: clone.dumps,
}

_DECODERS: Mapping[str, Callable[[bytes], Any]] = {
    JSON: _parsed,
    TEXT: text_of,
    BYTES: bytes,
    V8: clone.loads,
}
