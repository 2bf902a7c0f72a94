"""What a function may use up: memory, time, and the words when it did."""

from __future__ import annotations

import asyncio

import pytest

from aerostack_dev.bindings.spans import operation
from aerostack_dev.runtime.host import HandlerError, LoadError
from aerostack_dev.runtime.hosts.deno import host as deno_host
from aerostack_dev.runtime.hosts.deno import process
from aerostack_dev.runtime.hosts.deno import session as deno_session
from aerostack_dev.runtime.limits import fetch_within
from tests.support.asgi import Answer, Client, until

from .driving import opened

SOURCE = """
    export default { async fetch(request: Request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/loop") while (true) {}
      if (pathname === "/hang") await new Promise(() => {});
      return new Response("fine");
    } };
"""


async def failure_of(function, path):
    with pytest.raises(HandlerError) as caught:
        await function(path)
    return caught.value.failure


async def test_a_process_without_memory(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(process, "FLAGS", ("--v8-flags=--max-old-space-size=32",))
    source = """
        export default { async fetch(request: Request) {
          if (!request.url.endsWith("/fill")) return new Response("fine");
          for (const kept: unknown[] = [];;) kept.push(Array.from({ length: 1000 }, () => ({})));
        } };
    """
    async with opened(tmp_path, source) as function:
        failed = await failure_of(function, "/fill")
        assert failed.message.endswith("it ran out of memory")
        assert "128 MB" in failed.hint
        assert (await function()).body == b"fine"
    assert not [record for record in caplog.records if "Mark-Compact" in record.getMessage()]


async def test_a_module_without_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "FLAGS", ("--v8-flags=--max-old-space-size=32",))
    source = "for (const all: unknown[] = [];;) all.push(Array.from({ length: 1000 }, () => ({})))"
    with pytest.raises(LoadError, match="it ran out of memory") as caught:
        async with opened(tmp_path, source):
            raise AssertionError("it was loaded")
    assert "128 MB" in caught.value.hint


async def test_a_process_that_the_system_ends(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        waiting = asyncio.create_task(failure_of(function, "/hang"))
        await until(lambda: bool(function.host._session.running))
        function.host._session.child.process.kill()
        assert "SIGKILL, as it happens where memory is short" in (await waiting).message


async def test_an_endless_loop_past_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(deno_session, "OVERDUE_SECONDS", 0.1)
    async with opened(tmp_path, SOURCE) as function:
        waiting = asyncio.create_task(failure_of(function, "/hang"))
        await until(lambda: bool(function.host._session.running))
        looping = asyncio.create_task(within(0.2, function, "/loop"))
        late = await looping
        assert late.type == "TimeoutError"
        assert "had not answered after 0.2 s" in late.message
        assert "`request_timeout` in [dev]" in late.hint
        ended = await waiting
        assert "when a request was past `request_timeout`, and was ended" in ended.message
        assert (await function()).body == b"fine"


async def test_a_child_that_yields_outlives_a_late_request(tmp_path, monkeypatch):
    monkeypatch.setattr(deno_session, "OVERDUE_SECONDS", 0.1)
    monkeypatch.setattr(deno_session, "PING_SECONDS", 0.05)
    monkeypatch.setattr(deno_host, "GRACE_SECONDS", 0.1)
    source = """
        let left = 0;
        export default { async fetch(request: Request) {
          if (request.url.endsWith("/left")) return new Response(String(left));
          request.signal.addEventListener("abort", () => left++);
          await new Promise(() => {});
        } };
    """
    flags = frozenset({"enable_request_signal"})
    async with opened(tmp_path, source, compatibility_flags=flags) as function:
        child = function.host._session.child
        both = (within(0.1, function, "/a"), within(0.1, function, "/b"))
        assert [each.type for each in await asyncio.gather(*both)] == ["TimeoutError"] * 2
        await asyncio.sleep(0.3)  # long enough for a verdict
        assert (await function("/left")).body == b"2"
        assert function.host._session.child is child


async def test_an_answer_that_has_begun_may_take_its_time(tmp_path):
    source = """
        export default { fetch() {
          return new Response(new ReadableStream({ async start(controller) {
            controller.enqueue(new TextEncoder().encode("begun "));
            await new Promise((done) => setTimeout(done, 400));
            controller.enqueue(new TextEncoder().encode("ended"));
            controller.close();
          } }));
        } };
    """
    async with opened(tmp_path, source) as function:
        client = Client()
        status = await fetch_within(0.2, function.host, client.scope, client.receive, client.send)
        assert (status, Answer(status, client.messages).body) == (200, b"begun ended")


async def test_a_late_request_without_a_child(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        function.host._session.child.kill()
        await until(lambda: function.host._session.gone)
        function.host.overdue()
        assert (await function()).body == b"fine"


async def within(limit, function, path):
    client = Client(target=path)
    with pytest.raises(HandlerError) as caught:
        await fetch_within(limit, function.host, client.scope, client.receive, client.send)
    return caught.value.failure


async def test_hints_reach_the_author(tmp_path, monkeypatch):
    from aerostack_dev.bindings.cache.operations import Operations
    from aerostack_dev.errors import BindingError

    async def get(*_: object) -> None:
        raise BindingError("it is broken", hint="mend it")

    monkeypatch.setattr(Operations, "get", operation()(get))
    source = """
        export default { async fetch(request: Request, env: any) {
          if (request.url.endsWith("/throw")) await env.CACHE.get("k");
          return new Response(await env.CACHE.get("k").catch((error: any) => error.hint));
        } };
    """
    async with opened(tmp_path, source) as function:
        assert (await function()).body == b"mend it"
        failure = await failure_of(function, "/throw")
        assert (failure.message, failure.hint) == ("it is broken", "mend it")
