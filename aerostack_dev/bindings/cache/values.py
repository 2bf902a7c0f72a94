"""How values become text and bytes, and bytes become values again (db-cache.md §2.2, §2.4)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from ... import wire

CHUNK_BYTES = 64 * 1024
"""A value read as a stream comes in pieces of this size."""


def spelled(value: Any) -> str | None:
    """A string, number, bool or None as the platform spells it; None for anything else.

    `True` is "true", `None` is "null", `5.0` is "5"; an int keeps all its digits.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _number(value) if isinstance(value, float) else None


def encoded(text: str) -> bytes:
    """`text` as UTF-8; half a surrogate pair becomes U+FFFD, as on the platform."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        units = text.encode("utf-16-le", "surrogatepass")
        return units.decode("utf-16-le", "replace").encode()


def buffer(value: Any) -> bytes | None:
    """The bytes of `bytes`, `bytearray`, `memoryview`, `array` and the like, else None."""
    if isinstance(value, bytes):
        return value
    try:
        return memoryview(value).tobytes()
    except TypeError:
        return None


async def collected(chunks: AsyncIterator[Any], limit: int) -> tuple[bytes, int]:
    """A stream's bytes and their full number; past `limit` bytes are counted, not kept."""
    kept = bytearray()
    size = 0
    async for chunk in chunks:
        piece = buffer(chunk)
        if piece is None:
            raise TypeError(f"a stream consists of bytes, not of {type(chunk).__name__}")
        size += len(piece)
        if size <= limit:
            kept += piece
        else:
            kept.clear()
    return bytes(kept), size


def text(value: bytes) -> str:
    """`value` decoded as UTF-8: invalid bytes become U+FFFD, a byte order mark stays."""
    return value.decode("utf-8", "replace")


def parsed(value: bytes) -> Any:
    """`value` read as JSON, as `JSON.parse` would. Raises `json.JSONDecodeError`."""
    try:
        return wire.loads(value)
    except (ValueError, RecursionError):
        # What the fast decoder refuses and JSON.parse does not: half a surrogate pair,
        # 1e999. For the rest, this tells the author line and column.
        return _carefully(text(value))


async def pieces(value: bytes) -> AsyncIterator[bytes]:
    """`value` as a stream."""
    for start in range(0, len(value), CHUNK_BYTES):
        yield value[start : start + CHUNK_BYTES]


def _carefully(document: str) -> Any:
    def refuse(constant: str) -> None:
        raise json.JSONDecodeError(f"{constant} is not JSON", document, document.find(constant))

    try:
        return json.loads(document, parse_constant=refuse, parse_int=_integer)
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", document, 0) from None


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts: as a float, as JSON.parse has it
        return float(digits)


def _number(value: float) -> str:
    """`Number.prototype.toString`: the shortest digits, an exponent from 1e21 and 1e-7 on."""
    if value != value:
        return "NaN"
    if value < 0:
        return f"-{_number(-value)}"
    if value == float("inf"):
        return "Infinity"
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    return _placed((whole + fraction).strip("0"), point - leading)


def _placed(digits: str, point: int) -> str:
    """The number 0.`digits` × 10^`point`, written out."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
