"""How stored values leave: numbers, shortened metadata, cursors."""

from __future__ import annotations

import struct
from typing import Any

from ...errors import BindingError
from .backend import FLOAT_BYTES
from .validation import INDEXED_BYTES


def numbers_of(values: bytes) -> list[float]:
    """Stored float32 as numbers: what was 0.1 is 0.10000000149011612 (§2.1)."""
    return [*struct.unpack(f"<{len(values) // FLOAT_BYTES}f", values)]


def cut(metadata: Any) -> Any:
    """Metadata as `returnMetadata: "indexed"` has it: strings up to 64 bytes (§2.2).

    Every property counts as indexed here. A character is not cut in two.
    """
    if isinstance(metadata, str):
        return metadata.encode()[:INDEXED_BYTES].decode(errors="ignore")
    if isinstance(metadata, dict):
        return {key: cut(value) for key, value in metadata.items()}
    return [cut(item) for item in metadata] if isinstance(metadata, list) else metadata


def spelled_position(after: int, until: int) -> str:
    """A cursor: where the next page begins, and the last vector of the listing."""
    return f"{after}-{until}"


def position_of(cursor: Any) -> tuple[int, int]:
    """What `spelled_position` spelled. Raises `BindingError` for anything else."""
    try:
        after, until = str(cursor).split("-")
        return int(after), int(until)
    except ValueError:
        raise BindingError(
            f"{cursor!r} is no cursor", hint="pass the nextCursor of the page before"
        ) from None
