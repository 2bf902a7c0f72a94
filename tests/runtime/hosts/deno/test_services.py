"""Functions beside each other, in both languages: requests, methods, errors, limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aerostack_dev.runtime.calling import MOST_CALLS
from aerostack_dev.testing import App, open_app
from tests.support.server import write_project

pytestmark = pytest.mark.asyncio(loop_scope="module")

PYTHON = '''
from workers import Response, WorkerEntrypoint
import helper

class OddError(Exception):
    pass

class Default(WorkerEntrypoint):
    limit = 5
    shape = OddError

    async def fetch(self, request):
        path = "/" + request.url.split("/", 3)[3]
        if path == "/stream":
            return Response(self.numbers(), headers={"x-streams": "yes"})
        if path == "/count":
            sizes = [len(piece) async for piece in request.body]
            return Response(f"{sum(sizes)} {len(sizes) > 1}")
        if path == "/late":
            return Response(self.broken())
        if path == "/raise":
            raise ValueError("no good")
        text = await request.text()
        given = f"{request.method} {path} {request.headers.get('x-given')} {text}"
        return Response(given, status=418, headers={"x-who": helper.WHO + " ü"})

    async def numbers(self):
        for number in range(3):
            yield f"{number}\\n"

    async def broken(self):
        yield "begun "
        raise ValueError("broken off")

    async def echo(self, *values):
        return [helper.WHO, *values]

    def plain(self, number):
        return number + 1

    async def raised(self, kind):
        kinds = {"ValueError": ValueError, "TypeError": TypeError, "KeyError": KeyError}
        if kind == "UnicodeDecodeError":
            b"\\xff".decode()
        raise kinds.get(kind, OddError)("bad thing")

    async def bad(self):
        return object()

    async def _private(self):
        return 1

    async def again(self, binding, times):
        for _ in range(times):
            await getattr(self.env, binding).plain(1)

    async def deeper(self, other):
        return await getattr(self.env, other).deeper("PYTHON" if other == "SCRIPT" else other)

    async def relay(self, binding, method, *values):
        """Calls another function, and says how it went."""
        try:
            return {"value": await getattr(getattr(self.env, binding), method)(*values)}
        except Exception as error:
            kinds = [each.__name__ for each in type(error).__mro__]
            notes = getattr(error, "__notes__", [])
            return {"kinds": kinds, "message": str(error), "notes": notes,
                    "hint": getattr(error, "hint", "")}

    async def requested(self, binding, url, options):
        try:
            response = await getattr(self.env, binding).fetch(url, options)
            return [response.status, await response.text(), response.headers.get("x-who")]
        except Exception as error:
            return [type(error).__name__, str(error)]
'''
SCRIPT = """
import { WorkerEntrypoint } from "cloudflare:workers";

class OddError extends Error { name = "OddError"; }

class Base extends WorkerEntrypoint {
  inherited() { return "base"; }
}

export default class extends Base {
  value = 5;
  get hidden() { return () => 1; }
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/stream") {
      return new Response(ReadableStream.from(["a", "b"]).pipeThrough(new TextEncoderStream()));
    }
    if (url.pathname === "/raise") throw new RangeError("too far");
    const text = await request.text();
    const given = [request.method, url.pathname, request.headers.get("x-given"), text].join(" ");
    return new Response(given, { status: 418, headers: { "x-who": "script ü" } });
  }
  echo(...values) { return ["script", ...values]; }
  plain(number) { return number + 1; }
  nothing() {}
  bad() { return new Map(); }
  later() { this.ctx.waitUntil(new Promise((done) => setTimeout(done, 10))); return "later"; }
  raised(kind) { throw new (kind === "TypeError" ? TypeError : OddError)("bad thing"); }
  _private() { return 1; }
  async again(binding, times) {
    for (let at = 0; at < times; at++) await this.env[binding].plain(1);
  }
  deeper(other) { return this.env[other].deeper(other === "PYTHON" ? "SCRIPT" : other); }
  async relay(binding, method, ...values) {
    try {
      return { value: await this.env[binding][method](...values) };
    } catch (error) {
      const kinds = [error.name, error.constructor.name];
      return { kinds, message: error.message, hint: error.hint ?? "" };
    }
  }
  async requested(binding, url, options) {
    try {
      const response = await this.env[binding].fetch(url, options);
      return [response.status, await response.text(), response.headers.get("x-who")];
    } catch (error) {
      return [error.name, error.message];
    }
  }
  async awaited() { return typeof (await this.env.PYTHON); }
  async counted() {
    const body = new Blob([new Uint8Array(300_000)]).stream();
    const response = await this.env.PYTHON.fetch("http://x/count", { method: "POST", body });
    return await response.text();
  }
  async refused() { await this.env.PYTHON.echo(new Date()); }
  async circular() { const value = {}; value.value = value; await this.env.PYTHON.echo(value); }
}

export class Admin extends WorkerEntrypoint {
  users() { return 3; }
}
"""
MAIN = """
from workers import Response
import helper

async def fetch(request, env):
    whole = request.clone()
    binding, method, *values = await request.json()
    if method == "pass":
        return await getattr(env, binding).fetch(whole)
    if method == "fetch":
        return await getattr(env, binding).fetch(*values)
    return Response.json([helper.WHO, await getattr(getattr(env, binding), method)(*values)])
"""
CONFIGURATION = """
name = "shop"
main = "src/index.py"

[[services]]
name = "python"
main = "services/python/index.py"
path = "/py"

[[services]]
name = "script"
main = "services/index.ts"

[[services]]
binding = "ADMIN"
service = "script"
entrypoint = "Admin"

[[services]]
binding = "SHOP"
service = "shop"

[[services]]
name = "broken"
main = "services/broken.py"

[[services]]
binding = "FAR"
service = "far-away"
"""
FILES = {
    "aerostack.toml": CONFIGURATION,
    "src/index.py": MAIN,
    "src/helper.py": 'WHO = "main"\n',
    "services/python/index.py": PYTHON,
    "services/python/helper.py": 'from shared.names import NAME\nWHO = NAME\n',
    "shared/names.py": 'NAME = "python"\n',
    "services/index.ts": SCRIPT,
    "services/broken.py": "import nowhere\n",
}  # fmt: skip
BOTH = pytest.mark.parametrize("binding", ["PYTHON", "SCRIPT"])
NO_METHOD = 'The RPC receiver does not implement the method "{}".'
TOO_DEEP = "Subrequest depth limit exceeded."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[App]:
    root = write_project(tmp_path_factory.mktemp("services"), FILES)
    async with open_app(root) as opened:
        yield opened


async def called(app: App, binding: str, method: str, *values: Any) -> Any:
    """What a method gives that the main function calls."""
    answer = await app.fetch("/", method="POST", json=[binding, method, *values])
    return json.loads(answer.body)[1]


@BOTH
async def test_values_pass_both_ways(app: App, binding: str):
    values = [None, True, 1, 2.5, "text", [1, [2]], {"a": {"b": []}}]
    name = binding.lower()
    assert await called(app, binding, "echo", *values) == [name, *values]
    other = "SCRIPT" if binding == "PYTHON" else "PYTHON"
    relayed = await called(app, binding, "relay", other, "echo", *values)
    assert relayed == {"value": [other.lower(), *values]}
    assert await called(app, binding, "relay", binding, "plain", 1) == {"value": 2}


async def test_nothing_and_what_goes_on_in_the_background(app: App):
    assert await called(app, "SCRIPT", "nothing") is None
    assert await called(app, "SCRIPT", "later") == "later"
    assert await called(app, "SCRIPT", "awaited") == "object"
    assert await called(app, "ADMIN", "users") == 3
    assert await called(app, "SCRIPT", "inherited") == "base"


@BOTH
@pytest.mark.parametrize("caller", ["PYTHON", "SCRIPT"])
async def test_requests_pass(app: App, caller: str, binding: str):
    options = {"method": "POST", "headers": {"x-given": "é 1"}, "body": "hello"}
    status, text, who = await called(app, caller, "requested", binding, "http://any/a/b?c", options)
    path = "/a/b?c" if binding == "PYTHON" else "/a/b"
    assert (status, text, who) == (418, f"POST {path} é 1 hello", f"{binding.lower()} ü")
    assert (await called(app, caller, "requested", binding, "http://any/stream", None))[1] in (
        "0\n1\n2\n",
        "ab",
    )


async def test_bodies_stream_and_a_request_is_handed_on(app: App):
    assert await called(app, "SCRIPT", "counted") == "300000 True"
    answer = await app.fetch("/", method="POST", json=["PYTHON", "fetch", "http://x/stream"])
    assert (answer.body, answer.headers["x-streams"]) == (b"0\n1\n2\n", "yes")
    answer = await app.fetch("/handed", method="POST", json=["PYTHON", "pass"])
    assert answer.body == b'POST /handed None ["PYTHON","pass"]'
    assert answer.status == 418


@BOTH
async def test_errors_keep_their_class_and_message(app: App, binding: str):
    own = await called(app, "PYTHON", "relay", binding, "raised", "TypeError")
    assert (own["kinds"][0], own["message"]) == ("TypeError", "bad thing")
    assert "raised" in own["notes"][0]
    odd = await called(app, "PYTHON", "relay", binding, "raised", "OddError")
    assert odd["kinds"][:3] == ["OddError", "ServiceError", "BindingError"]
    there = await called(app, "SCRIPT", "relay", binding, "raised", "TypeError")
    assert (there["kinds"], there["message"]) == (["TypeError", "TypeError"], "bad thing")
    odd = await called(app, "SCRIPT", "relay", binding, "raised", "OddError")
    assert (odd["kinds"], odd["message"]) == (["OddError", "Error"], "bad thing")


async def test_built_in_errors_of_python_and_those_of_requests(app: App):
    found = await called(app, "PYTHON", "relay", "PYTHON", "raised", "KeyError")
    assert (found["kinds"][0], found["message"]) == ("KeyError", "'bad thing'")
    found = await called(app, "PYTHON", "relay", "PYTHON", "raised", "UnicodeDecodeError")
    assert found["kinds"][:2] == ["UnicodeDecodeError", "ServiceError"]
    assert "can't decode byte 0xff" in found["message"]
    for caller in ("PYTHON", "SCRIPT"):
        raised = await called(app, caller, "requested", "PYTHON", "http://x/raise", None)
        assert raised == ["ValueError", "no good"]
        raised = await called(app, caller, "requested", "SCRIPT", "http://x/raise", None)
        assert raised == ["RangeError", "too far"]
        late = await called(app, caller, "requested", "PYTHON", "http://x/late", None)
        assert late == ["ValueError", "broken off"]


@pytest.mark.parametrize("caller", ["PYTHON", "SCRIPT"])
@pytest.mark.parametrize(
    ("binding", "name"),
    [
        ("PYTHON", "queue"), ("PYTHON", "scheduled"), ("PYTHON", "limit"), ("PYTHON", "shape"),
        ("PYTHON", "missing"), ("PYTHON", "env"), ("SCRIPT", "queue"), ("SCRIPT", "value"),
        ("SCRIPT", "hidden"), ("SCRIPT", "missing"), ("SHOP", "anything"), ("SCRIPT", "ctx"),
    ],
)  # fmt: skip
async def test_what_is_no_public_method_is_refused(app: App, caller: str, binding: str, name: str):
    found = await called(app, caller, "relay", binding, name)
    assert (found["kinds"][0], found["message"]) == ("TypeError", NO_METHOD.format(name))


async def test_private_names_are_refused_on_either_side(app: App):
    found = await called(app, "PYTHON", "relay", "SCRIPT", "_private")
    assert found["kinds"][0] == "AttributeError"
    for binding in ("PYTHON", "SCRIPT"):
        found = await called(app, "SCRIPT", "relay", binding, "_private")
        assert found["message"] == NO_METHOD.format("_private")


async def test_values_that_cannot_pass_are_refused(app: App):
    found = await called(app, "SCRIPT", "relay", "PYTHON", "bad")
    assert "the result of bad holds a object" in found["message"]
    found = await called(app, "PYTHON", "relay", "SCRIPT", "bad")
    assert found["kinds"][0] == "DataCloneError"
    assert 'of type "Map"' in found["message"]
    found = await called(app, "PYTHON", "relay", "SCRIPT", "refused")
    assert 'of type "Date"' in found["message"]
    found = await called(app, "PYTHON", "relay", "SCRIPT", "circular")
    assert "contains itself" in found["message"]


@BOTH
async def test_a_circle_ends_at_a_depth(app: App, binding: str):
    other = "SCRIPT" if binding == "PYTHON" else "PYTHON"
    found = await called(app, binding, "relay", other, "deeper", binding)
    assert found["message"].startswith(TOO_DEEP)
    assert "BindingError" in found["kinds"]
    app.runtime.trace.clear()


@BOTH
async def test_one_request_may_call_so_often(app: App, binding: str):
    """The call of the caller itself is one of them."""
    assert await called(app, binding, "again", "PYTHON", MOST_CALLS - 1) is None
    found = await called(app, binding, "relay", binding, "again", "PYTHON", MOST_CALLS)
    assert "one request may bring about 32" in found["message"]


async def test_a_function_that_is_not_here_and_one_that_is_broken(app: App):
    for caller in ("PYTHON", "SCRIPT"):
        far = await called(app, caller, "relay", "FAR", "anything")
        assert far["message"] == "env.FAR is bound to the worker 'far-away', which is not here"
        assert "declare it" in far["hint"]
        broken = await called(app, caller, "relay", "BROKEN", "anything")
        assert "'broken' cannot be loaded: ModuleNotFoundError" in broken["message"]
        said = await called(app, caller, "requested", "BROKEN", "http://x/", None)
        assert "cannot be loaded" in said[1]
    assert [each.code for each in app.findings if each.code == "absent-service"]


async def test_the_trace_is_linked(app: App):
    app.runtime.trace.clear()
    await called(app, "SCRIPT", "relay", "PYTHON", "plain", 1)
    inner, middle, outer = app.runtime.trace.recent()
    assert (inner.kind, inner.service, inner.name) == ("rpc", "python", "plain")
    assert (middle.service, middle.name, middle.calls) == ("script", "relay", {"PYTHON": 1})
    assert (outer.kind, outer.service, outer.calls) == ("fetch", "", {"SCRIPT": 1})
    assert (inner.parent, middle.parent, outer.parent) == (middle, outer, None)
    assert (inner.depth, outer.called, inner.called) == (2, 2, 0)
    assert [(span.operation, span.subject) for span in outer.spans] == [("call", "relay")]


async def test_a_path_belongs_to_its_service(app: App):
    answer = await app.fetch("/py/items?x=1")
    assert (answer.status, answer.body) == (418, b"GET /py/items?x=1 None ")
    assert app.runtime.functions.at("/python") is app.runtime.functions.main
    assert app.runtime.functions.at("/py") is app.runtime.functions.find("python")


async def test_modules_of_the_same_name_are_two(app: App):
    """`helper` is another file for each, and stays so when the other was loaded last."""
    answer = await app.fetch("/", method="POST", json=["PYTHON", "echo"])
    assert json.loads(answer.body) == ["main", ["python"]]
    python = app.runtime.functions.find("python")
    assert python is not None
    names = {file.name for file in python.sources}
    assert names == {"index.py", "helper.py", "names.py"}
    assert {file.name for file in app.runtime.functions.main.sources} == {"index.py", "helper.py"}


async def test_a_reload_is_for_those_that_the_file_concerns(app: App):
    functions = app.runtime.functions
    before = {each.name: each.slot.running for each in functions}
    root = app.project.root
    write_project(root, {"shared/names.py": 'NAME = "renamed"\n'})
    loaded = await app.runtime.reload(frozenset({root / "shared/names.py"}))
    assert {each.name for each in loaded} == {"python", "broken"}
    assert await called(app, "PYTHON", "echo") == ["renamed"]
    for each in functions:
        same = each.slot.running is before[each.name]
        assert same == (each.name != "python" or before[each.name] is None)

    write_project(root, {"services/broken.py": FILES["services/python/index.py"]})
    write_project(root, {"services/helper.py": 'WHO = "healed"\n'})
    await app.runtime.reload(frozenset({root / "services/broken.py"}))
    assert await called(app, "BROKEN", "echo") == ["healed"]


async def test_a_service_that_is_taken_out_is_closed(app: App, tmp_path: Path):
    """Last, since it changes the project."""
    write_project(app.project.root, {"aerostack.toml": 'name = "shop"\nmain = "src/index.py"\n'})
    assert await app.runtime.reconfigure()
    assert [each.name for each in app.runtime.functions] == [""]
    with pytest.raises(Exception, match="there is no service 'python' any more"):
        await app.runtime.fetch_of("python", {}, None, None)  # type: ignore[arg-type]
    await asyncio.sleep(0)
