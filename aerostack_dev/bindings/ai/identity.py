"""Random names, in the platform's spelling."""

from __future__ import annotations

import uuid
from collections.abc import Callable


def request_id(entropy: Callable[[int], bytes]) -> str:
    """A new UUID."""
    return str(uuid.UUID(bytes=entropy(16), version=4))
