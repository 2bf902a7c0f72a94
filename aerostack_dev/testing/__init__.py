"""The test kit: a function in the test's own process, with real bindings and time by hand.

    from aerostack_dev.testing import async_test, open_app

    @async_test
    async def test_an_item_is_kept():
        async with open_app() as app:
            created = await app.fetch("/api/items", method="POST", json={"name": "lamp"})
            assert created.status == 201
            assert await app.env.DB.prepare("SELECT count(*) FROM items").first("count(*)") == 1

Nothing listens on a port, nothing runs by itself: a test calls each handler when it wants
to, and moves time with `app.clock.advance(seconds)`. The state is a temporary folder with
the project's migrations applied. Errors of the author's own are raised, not made a 500.
"""

from __future__ import annotations

from ..runtime.runtime import ScheduledRun
from .app import App, QueueResult, async_test, open_app
from .http import HttpResponse

__all__ = ["App", "HttpResponse", "QueueResult", "ScheduledRun", "async_test", "open_app"]
