"""waitUntil, and what it does to batches and scheduled runs."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import pytest

from aerostack_dev.runs import current_run
from aerostack_dev.runtime.host import HandlerError, ScheduledEvent
from tests.support.asgi import Answer, Client

from .driving import opened


async def test_background_work_goes_on_after_the_response(tmp_path):
    source = """
        import asyncio
        from workers import wait_until, waitUntil
        done, go = [], asyncio.Event()
        async def work(name):
            await go.wait()
            done.append(name)
        async def fetch(request, env, ctx):
            if "done" in request.url:
                return Response(" ".join(done))
            if "go" in request.url:
                go.set()
                return Response()
            ctx.wait_until(work("a"))
            ctx.waitUntil(asyncio.create_task(work("b")))
            wait_until(work("c"))
            waitUntil(work("d"))
            ctx.waitUntil(None)
            ctx.passThroughOnException()
            ctx.pass_through_on_exception()
            return Response("at once")
    """
    async with opened(tmp_path, source) as function:
        assert (await function()).body == b"at once"
        assert (await function("/done")).body == b""
        await function("/go")
        await asyncio.gather(*function.host._home.background)
        assert sorted((await function("/done")).body.split()) == [b"a", b"b", b"c", b"d"]


async def test_leaving_waits_for_background_work(tmp_path):
    source = """
        import asyncio
        from pathlib import Path
        async def fetch(request, env, ctx):
            async def work():
                for _ in range(20):
                    await asyncio.sleep(0)
                Path(__file__).with_name("done").touch()
            ctx.wait_until(work())
            return Response()
    """
    async with opened(tmp_path, source) as function:
        await function()
        assert not (tmp_path / "done").exists()
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("error", ["ValueError('boom')", "SystemExit(3)", "KeyboardInterrupt()"])
async def test_a_rejection_is_logged_in_its_invocation(tmp_path, error):
    source = f"""
        async def fetch(request, env, ctx):
            async def work():
                raise {error}
            ctx.wait_until(work())
            return Response("fine")
    """
    seen = []

    class Handler(logging.Handler):
        def emit(self, record):
            seen.append(
                (current_run.get()._record, record.name, record.levelname, record.getMessage())
            )

    handler = Handler()
    logging.getLogger("aerostack.function").addHandler(handler)
    try:
        async with opened(tmp_path, source) as function:
            client = Client()
            record = "this invocation"
            status = await function.host.fetch(client.scope, client.receive, client.send, record)
            assert Answer(status, client.messages).body == b"fine"
            await asyncio.gather(*function.host._home.background)
    finally:
        logging.getLogger("aerostack.function").removeHandler(handler)
    ((where, name, level, message),) = seen
    assert (where, name, level) == ("this invocation", "aerostack.function", "ERROR")
    kind = error.partition("(")[0]
    assert message.startswith(f"Uncaught {kind}")
    assert f'File "{tmp_path / "index.py"}", line 5, in work' in message


async def test_wait_until_from_a_thread(tmp_path):
    source = """
        done = []
        def fetch(request, env, ctx):
            async def work():
                done.append(1)
            if "done" in request.url:
                return Response(str(len(done)))
            ctx.wait_until(work())
            return Response()
    """
    async with opened(tmp_path, source) as function:
        await function()
        await asyncio.gather(*function.host._home.background)
        assert (await function("/done")).body == b"1"


async def test_outside_an_invocation_the_module_says_so(tmp_path):
    source = """
        import threading
        from workers import env, wait_until
        name = env.NAME
        async def fetch(request):
            said = [name, repr(env), "NAME" in env, list(env)]
            def elsewhere():
                for call in (lambda: env.NAME, lambda: wait_until(None), lambda: repr(env)):
                    try:
                        said.append(call())
                    except RuntimeError as error:
                        said.append(str(error))
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            return Response.json(said)
    """
    async with opened(tmp_path, source, values={"NAME": "n"}) as function:
        text = (await function()).body.decode()
    assert text.startswith('["n","<env: NAME>",true,["NAME"],"workers.env works inside')
    assert "wait_until works inside an invocation only" in text
    assert text.endswith('"<env: outside an invocation>"]')


SCHEDULED = """
    import asyncio
    from workers import WorkerEntrypoint
    log = []
    async def scheduled(event, env, ctx):
        async def later():
            for _ in range(10):
                await asyncio.sleep(0)
            log.append("later")
            if "reject" in event.cron:
                raise ValueError("rejected")
        async def first():
            ctx.wait_until(later())
            if "both" in event.cron:
                raise KeyError("first")
        ctx.wait_until(first())
        if "norun" in event.cron:
            event.noRetry()
        if "throw" in event.cron:
            raise RuntimeError("thrown")
    async def fetch(request):
        from workers import Response
        return Response(str(len(log)))
"""


@pytest.mark.spec("queue 2.5.26")
async def test_a_rejected_wait_until_fails_the_scheduled_run_once_it_settled(tmp_path):
    async with opened(tmp_path, SCHEDULED) as function:
        with pytest.raises(HandlerError, match="ValueError: rejected"):
            await function.host.scheduled(ScheduledEvent("reject", 0))
        assert (await function()).body == b"1"
        await function.host.scheduled(ScheduledEvent("fine", 0))
        assert (await function()).body == b"2"


async def test_the_handlers_own_error_comes_first_and_the_others_are_logged(tmp_path, caplog):
    async with opened(tmp_path, SCHEDULED) as function:
        event = ScheduledEvent("throw reject both norun", 0)
        with pytest.raises(HandlerError, match="RuntimeError: thrown"):
            await function.host.scheduled(event)
        assert event.no_retry
        assert (await function()).body == b"1"
    assert "Uncaught KeyError: 'first'" in caplog.text
    assert "Uncaught ValueError: rejected" in caplog.text


async def test_a_task_of_the_authors_own_ends_with_its_host(tmp_path):
    source = """
        import asyncio
        ended = []
        kept = set()
        async def for_ever():
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("ended")
        async def fetch(request, env):
            if "begin" in request.url:
                kept.add(asyncio.create_task(for_ever()))
                env.SEEN.append(ended)
                await asyncio.sleep(0)
            return Response("hello")
    """
    seen: deque[list[str]] = deque()
    async with opened(tmp_path, source, values={"SEEN": seen}) as function:
        await function("/begin")
        async with opened(tmp_path, source, values={"SEEN": seen}) as successor:
            await successor("/begin")
        assert [*seen] == [[], ["ended"]]  # its own, not the other's
    assert [*seen] == [["ended"], ["ended"]]
