"""What a module may offer, and what is said of one that offers nothing (interface §5)."""

from __future__ import annotations

import pytest

from aerostack_dev.runtime.host import HandlerError, LoadError, ScheduledEvent

from .driving import HEADER, opened


@pytest.mark.parametrize(
    "source",
    [
        "async def fetch(request, env, ctx): return Response(env.NAME)",
        "async def fetch(request, env): return Response(env.NAME)",
        "async def fetch(*args): return Response(args[1].NAME)",
        "async def on_fetch(request, env=None): return Response(env.NAME)",
        "def fetch(request, env, ctx): return Response(env.NAME)",
        "def fetch(request, env, ctx):\n    async def f(): return Response(env.NAME)\n"
        "    return f()",
        "import workers\nasync def fetch(): return Response(workers.env.NAME)",
        "import workers\nasync def fetch(request): return Response(workers.env['NAME'])",
        "from workers import handler, fetch\n@handler\n"
        "async def on_fetch(request, env): return Response(env.NAME)",
        "import functools\ndef d(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a)\n"
        "    return w\n@d\nasync def fetch(request, env): return Response(env.NAME)",
        "class Called:\n    async def __call__(self, request, env): return Response(env.NAME)\n"
        "fetch = Called()",
        "class Default(WorkerEntrypoint):\n"
        "    async def fetch(self, request): return Response(self.env.NAME)",
        "class Default(WorkerEntrypoint):\n"
        "    async def on_fetch(self, request, env): return Response(env.NAME)",
        "class Default(WorkerEntrypoint):\n    def fetch(self): return Response(self.env.NAME)",
        "class Default(WorkerEntrypoint):\n    @staticmethod\n"
        "    async def fetch(request, env): return Response(env.NAME)",
        "class Base(WorkerEntrypoint):\n"
        "    def __init__(self, ctx, env):\n        super().__init__(ctx, env)\n"
        "        self.name = env.NAME\n"
        "class Default(Base):\n    async def fetch(self, request): return Response(self.name)",
    ],
)
async def test_every_shape_of_a_handler(tmp_path, source):
    async with opened(tmp_path, source, values={"NAME": "it works"}) as function:
        assert function.host.handlers == {"fetch"}
        answer = await function()
        assert (answer.status, answer.body) == (200, b"it works")


async def test_a_class_is_made_anew_for_each_invocation(tmp_path):
    source = """
        class Default(WorkerEntrypoint):
            seen = 0
            async def fetch(self, request):
                self.seen += 1
                return Response(str(self.seen))
            async def scheduled(self, event, env, ctx):
                pass
    """
    async with opened(tmp_path, source) as function:
        assert function.host.handlers == {"fetch", "scheduled"}
        assert (await function()).body == (await function()).body == b"1"


async def test_env_holds_values_and_bindings(tmp_path):
    source = """
        async def fetch(request, env, ctx):
            return Response.json([env.LIMITS.max, env["LIMITS"]["max"], env.DB, ctx.props,
                                  "DB" in env, sorted(env)])
    """
    values = {"LIMITS": {"max": 3}, "DB": "hidden by the binding"}
    async with opened(tmp_path, source, values=values, env={"DB": "face"}) as function:
        assert (await function()).body == b'[3,3,"face",{},true,["DB","LIMITS"]]'


async def test_scheduled_gets_its_event(tmp_path):
    source = """
        async def scheduled(event, env, ctx):
            assert event.cron == "0 * * * *"
            assert event.scheduledTime == event.scheduled_time == 1700000000000
            assert event.type == "scheduled"
            assert "0 * * * *" in repr(event)
            event.noRetry()
    """
    async with opened(tmp_path, source) as function:
        event = ScheduledEvent("0 * * * *", 1700000000000)
        await function.host.scheduled(event)
        assert event.no_retry


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("async def scheduled(): pass", "Handler does not export a fetch() function."),
        (
            "class Default(WorkerEntrypoint):\n    async def scheduled(self): pass",
            "Entrypoint class does not define a fetch() function.",
        ),
    ],
)
async def test_a_missing_fetch(tmp_path, source, message):
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError) as caught:
            await function()
        assert caught.value.failure.message == message


async def test_a_missing_scheduled_warns_and_is_not_tried_again(tmp_path, caplog):
    async with opened(tmp_path, "async def fetch(): pass") as function:
        event = ScheduledEvent("* * * * *", 0)
        with pytest.raises(HandlerError, match=r"Handler does not export a scheduled.. function$"):
            await function.host.scheduled(event)
        assert event.no_retry
        assert "Did you remember to export a scheduled() function?" in caplog.text


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        (
            "class Api(WorkerEntrypoint): pass\ndef helper(): pass\nLIMIT = 1",
            "index.py has no handler; it defines class Api(WorkerEntrypoint), def helper",
            "expected: functions fetch, queue or scheduled",
        ),
        ("import queue", "it defines no functions and no classes", "expected"),
        ("class Default: pass", "it defines class Default", "Default(WorkerEntrypoint)"),
        (
            "\n".join(f"def f{number}(): pass" for number in range(20)),
            "def f11, …",
            "expected",
        ),
        (
            "class Default(WorkerEntrypoint): pass\ndef fetch(): pass",
            "Cannot define multiple default entrypoints",
            "keep class Default or the functions (fetch)",
        ),
        (
            "def fetch(a, b, c, d): pass",
            "fetch cannot be called with (request, env, ctx): it takes (a, b, c, d)",
            "declare it as def fetch(request, env, ctx)",
        ),
        ("def queue(*, batch): pass", "queue cannot be called with (batch, env, ctx)", "fewer"),
        (
            "class Default(WorkerEntrypoint):\n    def fetch(): pass",
            "fetch cannot be called",
            "fewer",
        ),
        (
            "class Flask:\n    def __call__(self, environ, start_response): pass\napp = Flask()",
            "app is a Flask, which looks like WSGI",
            "WSGIMiddleware",
        ),
        ("app = None", "index.py has no handler", "app"),
    ],
)
async def test_a_module_without_handlers_says_what_it_found(tmp_path, source, message, hint):
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, source):
            pass
    assert message in caught.value.failure.message
    assert hint in caught.value.hint


async def test_a_bad_signature_is_pointed_at(tmp_path):
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, "\n\ndef fetch(a, b, c, d):\n    pass"):
            pass
    frame = caught.value.failure.frames[0]
    assert (frame.file, frame.line, frame.own) == (str(tmp_path / "index.py"), 4, True)
    assert frame.source == "def fetch(a, b, c, d):"
    assert caught.value.where == f"{tmp_path / 'index.py'}:4"
    assert HEADER.count("\n") == 1


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "fetch returned None, not a Response; is a `return` missing?"),
        ("{}", "fetch returned a dict, not a Response; return Response.json(…)"),
        ("'x'", "fetch returned a str, not a Response; return Response(…)"),
        ("Response", "fetch returned a type, not a Response; return a Response of"),
    ],
)
async def test_what_is_no_response_is_named_with_its_place(tmp_path, returned, message):
    source = f"async def fetch(request):\n    return {returned}"
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError) as caught:
            await function()
    failure = caught.value.failure
    assert failure.message.startswith(message)
    assert failure.message.endswith(f"({tmp_path / 'index.py'}:2, in fetch)")
    assert (failure.type, failure.frames[0].line) == ("TypeError", 2)
    assert not caught.value.started


async def test_a_response_is_sent_once(tmp_path):
    source = """
        SHARED = Response("x")
        async def fetch(request):
            if "read" in request.url:
                response = Response("y")
                await response.text()
                return response
            return SHARED
    """
    async with opened(tmp_path, source) as function:
        assert (await function()).body == b"x"
        for target in ("/", "/read"):
            with pytest.raises(HandlerError, match="whose body is used already"):
                await function(target)


async def test_a_subclass_of_response_is_one(tmp_path):
    source = """
        class Page(Response):
            def __init__(self, text):
                super().__init__(text, headers={"content-type": "text/html"})
        async def fetch(request):
            return Page("<p>")
    """
    async with opened(tmp_path, source) as function:
        answer = await function()
        assert answer.headers["content-type"] == "text/html"
        assert isinstance(answer.body, bytes)
