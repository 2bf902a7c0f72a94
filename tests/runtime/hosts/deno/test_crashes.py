"""Errors, crashes and endless loops: said clearly, and followed by a fresh child."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aerostack_dev.runs import Recorded, entered
from aerostack_dev.runtime.host import HandlerError, ScheduledEvent
from aerostack_dev.runtime.hosts.deno import host as deno_host
from aerostack_dev.runtime.hosts.deno import session as deno_session
from aerostack_dev.runtime.trace import current
from tests.support.asgi import until

from .driving import batch_of, opened

SOURCE = """
    export default {
      async fetch(request: Request, env: any, ctx: any) {
        const { pathname } = new URL(request.url);
        switch (pathname) {
          case "/throw": return helper();
          case "/sync": throw "a text";
          case "/cause": throw new Error("outer", { cause: new TypeError("inner") });
          case "/db": return Response.json(await env.DB.prepare("NOT SQL").all());
          case "/exit": Deno.exit(7);
          case "/loop": while (true) {}
          case "/hang": await new Promise(() => {});
          case "/reject": Promise.reject(new Error("nobody waits")); break;
          case "/timer": setTimeout(() => { throw new Error("in a timer") }); break;
          case "/later": ctx.waitUntil(Promise.reject(new Error("in the background"))); break;
          case "/deep": recurse();
          case "/weird": {
            const error = new Error("x");
            Object.defineProperty(error, "message", { get() { throw new Error("y") } });
            throw error;
          }
        }
        return new Response("fine");
      },
      async scheduled() { Deno.exit(1) },
    };
    function helper(): Response {
      const nothing: any = undefined;
      return nothing.property;
    }
    function recurse(): void { recurse() }
"""


async def failure_of(function, path):
    with pytest.raises(HandlerError) as caught:
        await function(path)
    return caught.value.failure


async def test_errors_of_handlers(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        thrown = await failure_of(function, "/throw")
        assert thrown.type == "TypeError"
        assert [(f.line, f.function, f.source, f.own) for f in thrown.frames[:2]] == [
            (29, "helper", "return nothing.property;", True),
            (6, "Object.fetch", 'case "/throw": return helper();', True),
        ]
        assert thrown.frames[0].file == str(tmp_path / "index.ts")
        assert "hosts/deno" not in thrown.stack
        text = await failure_of(function, "/sync")
        assert (text.type, text.message) == ("Error", "a text")
        cause = await failure_of(function, "/cause")
        assert "Error: outer" in cause.stack
        assert "Caused by: TypeError: inner" in cause.stack
        database = await failure_of(function, "/db")
        assert database.message.startswith('D1_ERROR: near "NOT": syntax error')
        assert (database.frames[0].line, database.frames[0].own) == (9, True)
        assert (await failure_of(function, "/deep")).type == "RangeError"
        assert (await failure_of(function, "/weird")).type == "Error"
        await function.host.settled()


async def test_errors_that_nobody_handles_end_nothing(tmp_path, caplog):
    async with opened(tmp_path, SOURCE) as function:
        for path in ("/reject", "/timer", "/later"):
            assert (await function(path)).body == b"fine"
        await function.host.settled()
        await until(lambda: len(caplog.records) >= 3)
        said = [(record.levelname, record.getMessage()) for record in caplog.records]
    for text in ("nobody waits", "in a timer", "in the background"):
        assert any(level == "ERROR" and f"Error: {text}" in line for level, line in said), text


async def test_a_process_that_ends(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        waiting = asyncio.create_task(failure_of(function, "/hang"))
        await until(lambda: bool(function.host._session.running))
        ended = await failure_of(function, "/exit")
        assert "the process of the function ended" in ended.message
        assert "it exited with the code 7" in ended.message
        assert "it exited with the code 7" in (await waiting).message
        assert (await function()).body == b"fine"
        with pytest.raises(HandlerError, match="code 1"):
            await function.host.scheduled(ScheduledEvent("* * * * *", 0))
        assert (await function()).body == b"fine"


async def test_a_process_that_is_killed(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        function.host._session.child.kill()
        await until(lambda: function.host._session.gone)
        answers = await asyncio.gather(*(function() for _ in range(5)))
        assert {answer.body for answer in answers} == {b"fine"}


async def test_an_endless_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(deno_session, "PING_SECONDS", 0.05)
    monkeypatch.setattr(deno_session, "HANG_SECONDS", 1.0)
    async with opened(tmp_path, SOURCE) as function:
        hung = await failure_of(function, "/loop")
        assert "nothing but compute for 1 s" in hung.message
        assert (await function()).body == b"fine"


async def test_a_fresh_child_that_cannot_load(tmp_path):
    async with opened(tmp_path, SOURCE) as function:
        await failure_of(function, "/exit")
        (tmp_path / "index.ts").write_text("throw new Error('broken meanwhile')")
        assert (await failure_of(function, "/")).message == "broken meanwhile"
        (tmp_path / "index.ts").write_text("export default { fetch: () => new Response('well') }")
        assert (await function()).body == b"well"


async def test_leaving_lets_work_finish_and_ends_the_rest(tmp_path, monkeypatch):
    source = """
        export default { async fetch(request: Request) {
          if (request.url.endsWith("quick")) await new Promise((done) => setTimeout(done, 100));
          else await new Promise(() => {});
          return new Response("finished");
        } };
    """
    monkeypatch.setattr(deno_host, "GRACE_SECONDS", 0.5)
    async with opened(tmp_path, source) as function:
        quick = asyncio.create_task(function("/quick"))
        stuck = asyncio.create_task(failure_of(function, "/stuck"))
        await until(lambda: len(function.host._session.running._under_way) == 2)
    assert (await quick).body == b"finished"
    assert (await stuck).type == "Canceled"


async def test_a_cancelled_call_is_forgotten_once_it_answers(tmp_path):
    source = """
        let release: () => void;
        export default { async fetch(request: Request) {
          if (request.url.endsWith("release")) release();
          else await new Promise<void>((done) => { release = done });
          return new Response(new Blob(["x"]).stream());
        } };
    """
    async with opened(tmp_path, source) as function:
        call = asyncio.create_task(function())
        await until(lambda: bool(function.host._session.running))
        call.cancel()
        await asyncio.wait({call})
        assert call.cancelled()
        await function("/release")
        async with asyncio.timeout(20):
            await function.host.settled()


CONSOLE = """
    export default { async fetch(request: Request, env: any) {
      const n = new URL(request.url).pathname;
      await env.CACHE.get(n);
      console.log("log %s", n, { a: [1] });
      console.debug("debug", n); console.warn("warn", n); console.error("error", n);
      console.group("group", n); console.info("in", n); console.groupEnd();
      console.table([{ n }]); console.assert(false, n); console.count(n); console.trace(n);
      Deno.stdout.writeSync(new TextEncoder().encode("raw\\n"));
      return new Response();
    } };
"""


async def test_the_console_keeps_level_and_invocation(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    heard: list[tuple[str, str, str]] = []

    class Handler(logging.Handler):
        def emit(self, record):
            invocation = current()
            heard.append(
                (invocation.name if invocation else "", record.levelname, record.getMessage())
            )

    handler = Handler()
    logger = logging.getLogger("aerostack.function")
    logger.addHandler(handler)
    try:
        async with opened(tmp_path, CONSOLE) as function:

            async def call(path):
                invocation = function.trace.open("fetch", path)
                with entered(Recorded(invocation)):
                    await function(path)
                return invocation

            first, second = await asyncio.gather(call("/a"), call("/b"))
            assert (first.calls, second.calls) == ({"CACHE": 1}, {"CACHE": 1})
            await until(lambda: sum(text == "raw" for *_, text in heard) == 2)
    finally:
        logger.removeHandler(handler)
    for name in ("/a", "/b"):
        own = [(level, text) for path, level, text in heard if path == name]
        assert own[:6] == [
            ("INFO", f"log {name} {{ a: [ 1 ] }}"),
            ("DEBUG", f"debug {name}"),
            ("WARNING", f"warn {name}"),
            ("ERROR", f"error {name}"),
            ("INFO", f"group {name}"),
            ("INFO", f"  in {name}"),
        ]
        assert "│" in own[6][1]
        assert own[7:9] == [("ERROR", f"Assertion failed {name}"), ("INFO", f"{name}: 1")]
        assert own[9][0] == "DEBUG"
        assert own[9][1].startswith(f"Trace: {name}\n")
        assert "index.ts:8" in own[9][1]
        assert "hosts/deno" not in own[9][1]
    assert ("", "INFO", "raw") in heard


async def test_a_cron_without_a_handler(tmp_path, caplog):
    async with opened(tmp_path, "export default { fetch: () => new Response() }") as function:
        event = ScheduledEvent("* * * * *", 0)
        with pytest.raises(HandlerError, match=r"does not export a scheduled\(\) function$"):
            await function.host.scheduled(event)
        assert event.no_retry
        assert "we lack a handler" in caplog.text
        with pytest.raises(HandlerError, match=r"does not export a queue\(\) function\."):
            await function.host.queue(batch_of(1))


async def test_a_cron(tmp_path):
    source = """
        export default { async scheduled(event: any, env: any, ctx: any) {
          ctx.waitUntil(env.CACHE.put("cron", JSON.stringify(
            [event.cron, event.scheduledTime, event.type])));
          event.noRetry();
          if (event.cron === "fail") ctx.waitUntil(Promise.reject(new Error("background")));
        } };
    """
    async with opened(tmp_path, source) as function:
        event = ScheduledEvent("0 * * * *", 5000)
        await function.host.scheduled(event)
        assert event.no_retry
        stored = await function.bindings.invoke("CACHE", "get", ["cron"])
        assert stored["value"] == b'["0 * * * *",5000,"scheduled"]'
        with pytest.raises(HandlerError, match="background"):
            await function.host.scheduled(ScheduledEvent("fail", 0))
