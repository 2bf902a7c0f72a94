"""The test kit: a function in the test's own process, with real bindings and time by hand.

    async def test_an_item_is_kept(aerostack):
        created = await aerostack.fetch("/api/items", method="POST", json={"name": "lamp"})
        assert created.status == 201
        assert await aerostack.env.DB.prepare("SELECT count(*) FROM items").first("count(*)") == 1

`aerostack` is a fixture of pytest, which needs no other plugin. The project is loaded once;
every test has a state of its own, with the project's migrations applied. Nothing listens on
a port, nothing runs by itself: a test calls each handler when it wants to, and moves time
with `await aerostack.clock.advance(hours=1)`. Errors of the author's own are raised, not made
a 500. `open_app` gives the same to other test runners.

Names are imported when they are used: pytest imports this package at its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runtime.runtime import ScheduledRun
    from ..runtime.trace import Invocation
    from .app import App, QueueResult, open_app
    from .clock import AppClock
    from .http import HttpResponse
    from .running import async_test

__all__ = [
    "App",
    "AppClock",
    "HttpResponse",
    "Invocation",
    "QueueResult",
    "ScheduledRun",
    "async_test",
    "open_app",
]

_HOMES = {
    "App": "aerostack_dev.testing.app",
    "AppClock": "aerostack_dev.testing.clock",
    "HttpResponse": "aerostack_dev.testing.http",
    "Invocation": "aerostack_dev.runtime.trace",
    "QueueResult": "aerostack_dev.testing.app",
    "ScheduledRun": "aerostack_dev.runtime.runtime",
    "async_test": "aerostack_dev.testing.running",
    "open_app": "aerostack_dev.testing.app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
