"""An answer as the author gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON value, or a `Stream` of bytes with its content type."""

    body: Any
    content_type: str = JSON
