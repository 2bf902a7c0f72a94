"""Leaving a host: a grace period, then the end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aerostack_dev.runtime.host import HandlerError
from aerostack_dev.runtime.hosts.python import host as module
from aerostack_dev.runtime.hosts.python.threads import MAX_THREADS, Threads
from tests.support.asgi import Client

from .driving import opened


async def begin(function, target="/"):
    client = Client(target=target)
    serving = asyncio.create_task(function.host.fetch(client.scope, client.receive, client.send))
    await asyncio.sleep(0)
    return serving


async def test_running_work_may_finish(tmp_path):
    source = """
        import asyncio
        async def fetch(request):
            for _ in range(20):
                await asyncio.sleep(0)
            return Response("done")
    """
    async with opened(tmp_path, source) as function:
        serving = await begin(function)
    assert await serving == 200


@pytest.fixture
def short_grace(monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.05)


@pytest.mark.parametrize(
    "wait",
    [
        "await asyncio.Event().wait()",
        "ctx.wait_until(asyncio.Event().wait()); await asyncio.Event().wait()",
        "await asyncio.gather(asyncio.Event().wait())",
    ],
)
async def test_what_does_not_finish_is_cancelled(tmp_path, short_grace, wait):
    source = f"""
        import asyncio
        async def fetch(request, env, ctx):
            {wait}
    """

    async def serve_and_go_on(function):
        client = Client()
        with pytest.raises(HandlerError) as caught:
            await function.host.fetch(client.scope, client.receive, client.send)
        # Only the invocation is cancelled: the task that called it lives.
        await asyncio.sleep(0)
        return caught.value.failure

    async with opened(tmp_path, source) as function:
        serving = asyncio.create_task(serve_and_go_on(function))
        await asyncio.sleep(0)
    failure = await serving
    assert failure.type == "Canceled"
    assert failure.message.startswith("still running 0.05 s after")
    assert serving.cancelling() == 0


async def test_background_work_is_cancelled_too(tmp_path, short_grace, caplog):
    source = """
        import asyncio
        async def fetch(request, env, ctx):
            ctx.wait_until(asyncio.Event().wait())
            return Response()
    """
    async with opened(tmp_path, source) as function:
        await function()
        (task,) = function.host._home.background
    assert task.cancelled()
    assert caplog.text == ""


async def test_a_handler_that_outlives_its_cancellation_is_left_behind(tmp_path, short_grace):
    source = """
        import asyncio
        async def fetch(request):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return Response("late")
    """
    async with opened(tmp_path, source) as function:
        serving = await begin(function)
    assert await serving == 200
    assert serving.cancelling() == 0


async def test_a_thread_that_does_not_end_cannot_hold_the_host(tmp_path, short_grace):
    source = """
        import threading
        release = threading.Event()
        def fetch(request):
            release.wait(30)
            return Response()
        async def queue(batch): pass
    """
    async with opened(tmp_path, source) as function:
        serving = await begin(function)
        release = function.host._offer.handlers["fetch"].function.__globals__["release"]
    with pytest.raises(HandlerError, match="Canceled"):
        await serving
    release.set()


async def test_the_callers_own_cancellation_passes_through(tmp_path):
    source = """
        import asyncio
        async def fetch(request):
            await asyncio.Event().wait()
    """
    async with opened(tmp_path, source) as function:
        serving = await begin(function)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving


async def test_threads_are_used_again_and_bounded():
    threads = Threads()
    names = [await threads.run(lambda: threading.current_thread().name) for _ in range(3)]
    assert len(set(names)) == 1
    release = threading.Event()
    many = [asyncio.create_task(threads.run(release.wait, 30)) for _ in range(MAX_THREADS + 5)]
    await asyncio.sleep(0)
    assert threads._threads == MAX_THREADS
    release.set()
    assert all(await asyncio.gather(*many))
    threads.close()


async def test_a_thread_that_ends_after_its_loop_is_quiet():
    release, ended = threading.Event(), threading.Event()

    def work():
        release.wait(30)

    def run():
        async def main():
            threads = Threads()
            task = asyncio.create_task(threads.run(work))
            await asyncio.sleep(0)
            task.cancel()

        asyncio.run(main())
        ended.set()

    outer = threading.Thread(target=run)
    outer.start()
    await asyncio.to_thread(ended.wait, 10)
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("aerostack-handler"):
            await asyncio.to_thread(thread.join, 10)
    await asyncio.to_thread(outer.join, 10)
