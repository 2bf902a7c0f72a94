"""Threads for blocking code, where timing is delicate."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from aerostack_dev.runtime.hosts.python import threads
from tests.support.asgi import until


async def test_an_import_that_is_just_over_is_interrupted_in_silence(
    monkeypatch: pytest.MonkeyPatch,
):
    """Its thread tells of the result at that moment; pytest would report what it raises."""
    telling: list[threading.Thread] = []

    def post(*_: object) -> bool:
        telling.append(threading.current_thread())
        while True:
            time.sleep(0.001)

    monkeypatch.setattr(threads, "_post", post)
    importing = asyncio.create_task(threads.run_interruptible(lambda: None))
    await until(lambda: bool(telling))
    importing.cancel()
    await asyncio.wait({importing})
    await asyncio.to_thread(telling[0].join, 20)
    assert not telling[0].is_alive()
