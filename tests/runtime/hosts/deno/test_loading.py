"""What a module may look like, what it may import, and how it fails to load."""

from __future__ import annotations

import sys

import pytest

from aerostack_dev.errors import FunctionError
from aerostack_dev.runtime.host import HandlerError, LoadError
from aerostack_dev.runtime.hosts.deno import process

from ..python.driving import write
from .driving import opened

OBJECT = """
    import { env as imported, waitUntil } from "cloudflare:workers";
    export default {
      greeting: "hello",
      async fetch(request: Request, env: any, ctx: any): Promise<Response> {
        waitUntil(env.CACHE.put("later", "done"));
        return Response.json([this.greeting, env === imported, env.GREETING, env.TABLE, ctx.props]);
      },
      async scheduled(event: any, env: any) {
        await env.CACHE.put("cron", JSON.stringify([event.cron, event.scheduledTime, event.type]));
        event.noRetry();
      },
    };
"""

CLASS = """
    import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      made = 0;
      async fetch(request: Request) {
        this.made++;
        this.ctx.waitUntil(Promise.resolve());
        return new Response(`${this.made} ${this.env.GREETING}`);
      }
    }
"""


async def test_a_default_export_object(tmp_path):
    values = {"GREETING": "hi", "TABLE": {"a": [1]}}
    async with opened(tmp_path, OBJECT, values=values) as function:
        assert function.host.handlers == {"fetch", "scheduled"}
        assert function.host.findings == ()
        answer = await function()
        assert answer.body == b'["hello",true,"hi",{"a":[1]},{}]'
        await function.host.settled()
        found = await function.bindings.invoke("CACHE", "get", ["later"])
        assert found["value"] == b"done"


async def test_a_class(tmp_path):
    async with opened(tmp_path, CLASS, values={"GREETING": "hi"}) as function:
        assert function.host.handlers == {"fetch"}
        assert [(await function()).body for _ in range(2)] == [b"1 hi", b"1 hi"]
        with pytest.raises(HandlerError, match=r"Entrypoint class does not define a queue\(\)"):
            from .driving import batch_of

            await function.host.queue(batch_of(1))


async def test_imports_of_every_kind(tmp_path):
    files = {
        "index.ts": """
            import left from "left";
            import { helper } from "./lib/helper";
            import { helper as again } from "./lib/helper.js";
            import data from "./data.json" with { type: "json" };
            import { Buffer } from "node:buffer";
            import { lazy } from "./lazy.ts";
            import type { Missing } from "./missing";
            import { ExportedHandler } from "@cloudflare/workers-types";
            enum Color { Red = "red" }
            export default { fetch: async () => Response.json(
              [left("x"), helper, again === helper, data.a, Buffer.from("b").toString("hex"),
               Color.Red, await lazy()]) };
        """,
        "lib/helper.ts": "export const helper: string = 'help';",
        "lazy.ts": "export const lazy = async () => (await import('./later.ts')).default;",
        "later.ts": "export default 'later';",
        "data.json": '{"a": 1}',
        "package.json": '{"dependencies": {"left": "*"}}',
        "node_modules/left/package.json": '{"name": "left", "version": "1.0.0"}',
        "node_modules/left/index.js": "module.exports = (x) => 'left ' + x;",
    }
    async with opened(tmp_path, files) as function:
        assert (await function()).body == b'["left x","help",true,1,"62","red","later"]'
        found = {path for path in function.host.sources if path.is_file()}
        names = {str(path.relative_to(tmp_path)) for path in found}
        assert names == {
            "index.ts",
            "lib/helper.ts",
            "lazy.ts",
            "later.ts",
            "data.json",
            "package.json",
        }


async def test_javascript(tmp_path):
    source = "export default { fetch: () => new Response('js') }"
    async with opened(tmp_path, source, main="index.js") as function:
        assert (await function()).body == b"js"


REFUSED = [
    ("const x = 1;\nconst y = = 2;", "SyntaxError", "Expression expected", 2),
    ("\nthrow new RangeError('no');", "RangeError", "no", 2),
    ("export const a = 1;", "TypeError", "no default export; it exports a", None),
    ("export default {};", "TypeError", "has no handler", None),
    ("export default class { fetch() {} };", "TypeError", "is no handler", None),
    ("export default 5;", "TypeError", "has no handler", None),
    ("addEventListener('fetch', () => {});", "TypeError", "service-worker syntax", None),
    ("\nimport './missing.ts';", "Error", 'Cannot find the file "./missing.ts"', 2),
    ("\nimport './missing.txt';", "Error", 'Cannot find the file "./missing.txt"', 2),
    ("import 'node:nothing';", "Error", 'No such module "node:nothing"', 1),
    (
        "import 'cloudflare:sockets';",
        "Error",
        'The module "cloudflare:sockets" does not exist locally',
        1,
    ),
    ("\nimport 'left';", "Error", 'Cannot find the package "left"', 2),
    ("import './broken.json';", "SyntaxError", "broken.json:1", None),
    ("await Promise.reject(new Error('late'));", "Error", "late", 1),
    ("throw 'a text';", "Error", "a text", None),
    ("Deno.exit(3);", "Error", "it exited with the code 3", None),
]


@pytest.mark.parametrize(("source", "kind", "text", "line"), REFUSED)
async def test_what_cannot_be_loaded(tmp_path, source, kind, text, line):
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, {"index.ts": source, "broken.json": "{"}):
            raise AssertionError("it was loaded")
    failure = caught.value.failure
    assert failure.type == kind
    assert text in failure.message
    assert "/hosts/deno/" not in failure.stack
    if line is not None:
        assert (failure.frames[0].file, failure.frames[0].line) == (
            str(tmp_path / "index.ts"),
            line,
        )
        assert failure.frames[0].own


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("import 'left';", "install it: npm install left"),
        ("import 'lib/x';", "there is a folder lib: set `baseUrl`"),
        ("import '@/x';", "none of the `paths` in tsconfig.json leads to a file"),
        ("import '~/x';", "none of the `paths` in tsconfig.json leads to a file"),
        ("import '@a/b/c.js';", "install it: npm install @a/b"),
        ("import 'npm:left@1';", "install it: npm install left"),
        ("import 'npm:@a/b';", "install it: npm install @a/b"),
        ("import 'https://example.test/x.ts';", "nothing is fetched"),
        ("import '../outside.ts';", "its folder named in `paths`"),
    ],
)
async def test_advice_about_modules(tmp_path, source, hint):
    with pytest.raises(LoadError) as caught:
        files = {"p/index.ts": source, "outside.ts": "", "p/lib/x.ts": ""}
        write(tmp_path, files)
        async with opened(tmp_path / "p", {}):
            raise AssertionError("it was loaded")
    assert hint in caught.value.hint
    assert "deno install" not in caught.value.failure.message
    assert "deno add" not in caught.value.failure.message


async def test_a_load_that_is_given_up_leaves_nothing_behind(tmp_path, monkeypatch):
    import asyncio

    monkeypatch.setattr(process, "END_SECONDS", 0.1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0), opened(tmp_path, "while (true) {}"):
            raise AssertionError("it was loaded")


async def test_without_deno(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "deno", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, "export default {}"):
            raise AssertionError("it was loaded")
    assert 'pip install "aerostack-dev[typescript]"' in caught.value.hint
    assert "needs Deno" in caught.value.failure.message


def test_a_deno_on_the_path_will_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "deno", None)
    program = tmp_path / "deno"
    write(tmp_path, {"deno": "#!/bin/sh\n"})
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert process.find_deno() == str(program)
    write(tmp_path, {"deno": "#!/bin/sh\necho deno 2.8.3 '(stable)'\n"})
    with pytest.raises(FunctionError, match=r"deno 2\.8 on PATH is too old.*2\.9 or newer"):
        process.find_deno()


async def test_a_binding_of_a_kind_that_does_not_exist(tmp_path):
    source = """
        export default { fetch: (_: Request, env: any) =>
          Response.json(["ROOM" in env, env.ROOM]) };
    """
    async with opened(tmp_path, source, unsupported={"ROOM": "durable_objects"}) as function:
        with pytest.raises(HandlerError, match=r"env.ROOM is declared in \[durable_objects\]"):
            await function()


async def test_a_reload_runs_the_new_code(tmp_path):
    source = "export default { fetch: () => new Response('old') }"
    async with (
        opened(tmp_path, source) as old,
        opened(tmp_path, source.replace("old", "new")) as new,
    ):
        assert (await new()).body == b"new"
        assert (await old()).body == b"old"
