"""Which event loop serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop there is, for `asyncio.Runner`; None means the standard one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
