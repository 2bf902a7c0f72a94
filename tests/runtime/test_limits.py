"""`[dev] request_timeout` with functions in Python, and where it is looked up."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aerostack_dev.runtime.host import HandlerError
from aerostack_dev.runtime.limits import fetch_within
from tests.support.asgi import Answer, Client

from .hosts.python.driving import opened
from .test_runtime import on_stage

SLOW = """
import asyncio
from workers import Response

async def fetch(request, env, ctx):
    await asyncio.sleep(0 if request.url.endswith("/quick") else 60)
    return Response("done")
"""


async def late(host, path="/"):
    client = Client(target=path)
    with pytest.raises(HandlerError) as caught:
        await fetch_within(0.1, host, client.scope, client.receive, client.send)
    return caught.value


async def test_an_async_handler_is_cancelled(tmp_path):
    source = """
        import asyncio
        ends = []
        async def fetch(request, env, ctx):
            if request.url.endswith("/ends"):
                return Response(" ".join(ends))
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise
    """
    async with opened(tmp_path, source) as function:
        error = await late(function.host)
        assert not error.started
        assert "`request_timeout` in [dev]" in error.failure.hint
        client = Client(target="/ends")
        status = await fetch_within(5, function.host, client.scope, client.receive, client.send)
        assert (status, Answer(status, client.messages).body) == (200, b"cancelled")


async def test_a_thread_goes_on_without_its_request(tmp_path):
    release, ended = threading.Event(), threading.Event()
    source = """
        def fetch(request, env, ctx):
            env.RELEASE.wait(20)
            env.ENDED.set()
            return Response("late")
    """
    env = {"RELEASE": release, "ENDED": ended}
    async with opened(tmp_path, source, env=env) as function:
        error = await late(function.host)
        assert error.failure.type == "TimeoutError"
        assert not ended.is_set()
        release.set()
        assert await asyncio.to_thread(ended.wait, 20)


async def test_the_configuration_says_how_long(tmp_path):
    config = "[dev]\nrequest_timeout = {}\n"
    files = {"aerostack.toml": config.format(0.1), "src/index.py": SLOW}
    async with on_stage(tmp_path, files) as stage:
        assert await stage.get("/quick") == "done"
        with pytest.raises(HandlerError, match=r"not answered after 0\.1 s") as caught:
            await stage.get("/")
        assert caught.value.request_id
        (recorded,) = [one for one in stage.runtime.trace.recent() if one.failure]
        assert recorded.status == 500
    async with on_stage(tmp_path, files, inspect=9229) as stage:
        with pytest.raises(TimeoutError):  # whoever debugs may take all the time
            async with asyncio.timeout(0.3):
                await stage.get("/")


async def test_a_timeout_of_the_authors_is_an_error_like_any(tmp_path):
    source = """
        async def fetch(request, env, ctx):
            raise TimeoutError("my own")
    """
    async with opened(tmp_path, source) as function:
        client = Client()
        with pytest.raises(HandlerError, match="my own"):
            await fetch_within(5, function.host, client.scope, client.receive, client.send)


async def test_a_host_may_raise_its_own(tmp_path):
    class Host:
        async def fetch(self, *_):
            raise TimeoutError("of the host")

    with pytest.raises(TimeoutError, match="of the host"):
        await fetch_within(5, Host(), {}, None, None)
