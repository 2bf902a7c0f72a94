"""Imports as the platform's bundler has them: files that are no code, aliases, packages."""

from __future__ import annotations

import json
import os

import pytest

from aerostack_dev.runtime.host import HandlerError, LoadError

from ..python.driving import write
from .driving import opened

WASM = bytes.fromhex("0061736d01000000")

ASSETS = {
    "index.ts": """
        import data, { name, "odd name" as odd } from "./data.json";
        import typed from "./data.json" with { type: "json" };
        import list from "./list.json";
        import text from "./note.txt";
        import page from "./page.html";
        import sql from "./schema.sql";
        import bytes from "./x.bin";
        import module from "./empty.wasm";
        import same from "./empty.wasm?module";
        import { required } from "both";
        const later = "./later" + ".sql";
        export default { async fetch(): Promise<Response> {
          return Response.json([
            data, name, odd, typed.name, list, text, page, sql,
            bytes instanceof ArrayBuffer, bytes.byteLength,
            module instanceof WebAssembly.Module, same instanceof WebAssembly.Module,
            required, (await import(later)).default,
          ]);
        } };
    """,
    "data.json": '{"name": "n", "odd name": 1, "default": 2}',
    "list.json": "[1, 2]",
    "note.txt": "a `text` ${x}\n",
    "page.html": "<p>é</p>",
    "schema.sql": "SELECT 1;",
    "later.sql": "SELECT 2;",
    "node_modules/both/package.json": '{"name": "both", "main": "main.js"}',
    "node_modules/both/main.js": """
        exports.required = require("./its.json").x;
        try { require("optional") } catch (error) { exports.required += " " + error.code }
    """,
    "node_modules/both/its.json": '{"x": "own"}',
}


async def test_files_that_are_no_code(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\x00\xff\x01")
    (tmp_path / "empty.wasm").write_bytes(WASM)
    async with opened(tmp_path, ASSETS) as function:
        before = function.host.sources
        found = json.loads((await function()).body)
        after = function.host.sources
    data = {"name": "n", "odd name": 1, "default": 2}
    assert found[:5] == [data, "n", 1, "n", [1, 2]]
    assert found[5:8] == ["a `text` ${x}\n", "<p>é</p>", "SELECT 1;"]
    assert found[8:] == [True, 3, True, True, "own MODULE_NOT_FOUND", "SELECT 2;"]
    # A name made at run time counts once it was imported.
    assert after - before == {tmp_path / "later.sql"}
    assert {tmp_path / "note.txt", tmp_path / "empty.wasm"} <= before


ALIASES = {
    "index.ts": """
        import { one } from "@/one";
        import { two } from "~two";
        import { three } from "lib/three";
        import { exact } from "exact";
        import { folder } from "@/folder";
        import { compiled } from "@/compiled.js";
        import packaged from "@/packaged";
        import page from "@/page.html";
        import { shared } from "shared/x";
        import { internal } from "#internal/i";
        export default { fetch: async () => Response.json([
          one, two, three, exact, folder, compiled, packaged, page, shared, internal,
          (await import("@/" + "later")).later ]) };
    """,
    "tsconfig.json": """\ufeff{
      // what is said here wins
      "extends": ["./base.json", "@made/up/tsconfig.json"],
      "compilerOptions": { "baseUrl": "./src", /* and so on, */ },
    }""",
    "base.json": """{"compilerOptions": {"paths": {
        "@/*": ["missing/*", "*"], "@/page.html": ["pages/page.html"], "~two": ["two.ts"],
        "exact": ["exact.ts"], "shared/*": ["../../outside/*"]
    }}}""",
    "node_modules/@made/up/tsconfig.json": '{"compilerOptions": {"jsx": "preserve"}}',
    "node_modules/@/packaged/package.json": '{"name": "@/packaged", "main": "m.js"}',
    "node_modules/@/packaged/m.js": "module.exports = 'package'",
    "src/one.ts": "export const one: number = 1;",
    "src/two.ts": "export const two = 2;",
    "src/lib/three.tsx": "export const three = 3;",
    "src/exact.ts": "export const exact = 'exact';",
    "src/folder/index.ts": "export const folder = 'folder';",
    "src/compiled.ts": "export const compiled = 'compiled';",
    "src/pages/page.html": "<p>",
    "src/later.ts": "export const later = 'later';",
    "src/i.ts": "export const internal = 'internal';",
    "../outside/x.ts": "export const shared = 'shared';",
    "package.json": '{"imports": {"#internal/*": "./src/*.ts"}}',
}


async def test_aliases_of_tsconfig(tmp_path):
    root = tmp_path / "project"
    async with opened(root, ALIASES) as function:
        found = json.loads((await function()).body)
        assert found[:7] == [1, 2, 3, "exact", "folder", "compiled", "package"]
        assert found[7:] == ["<p>", "shared", "internal", "later"]
        assert {root / "tsconfig.json", root / "base.json"} <= function.host.sources
        assert function.host.findings == ()


async def test_a_broken_tsconfig_is_said(tmp_path):
    files = {
        "index.ts": "export default { fetch: () => new Response('ok') }",
        "tsconfig.json": '{"extends": "./gone"',
    }
    async with opened(tmp_path, files) as function:
        assert (await function()).body == b"ok"
        (finding,) = function.host.findings
    assert "tsconfig.json is not taken into account" in finding.message


async def test_jsx_as_tsconfig_says(tmp_path):
    files = {
        "index.tsx": """
            const items: string[] = ["a", "b"];
            const page = <ul id="x">{items.map((each) => <li>{each}</li>)}<></></ul>;
            export default { fetch: () => new Response(page) };
        """,
        "tsconfig.json": '{"compilerOptions": {"jsx": "react-jsx", "jsxImportSource": "tiny/jsx"}}',
        "node_modules/tiny/package.json": '{"name": "tiny", "exports": {"./jsx/*": "./jsx/*.js"}}',
        "node_modules/tiny/jsx/jsx-runtime.js": """
            export const jsx = (tag, { children, ...rest }) => "<" + tag +
              Object.entries(rest).map(([k, v]) => ` ${k}=${v}`).join("") + ">" +
              [children].flat(9).join("");
            export const jsxs = jsx;
            export const Fragment = "fragment";
        """,
    }
    async with opened(tmp_path, files, main="index.tsx") as function:
        assert (await function()).body == b"<ul id=x><li>a<li>b<fragment>"


async def test_jsx_by_a_function(tmp_path):
    files = {
        "index.tsx": """
            const h = (tag: string, _: unknown, ...rest: string[]) => tag + rest.join("");
            export default { fetch: () => new Response(<b>bold</b>) };
        """,
        "jsconfig.json": '{"compilerOptions": {"jsx": "react", "jsxFactory": "h"}}',
    }
    async with opened(tmp_path, files, main="index.tsx") as function:
        assert (await function()).body == b"bbold"


async def test_packages_are_read_as_a_bundler_reads_them(tmp_path):
    exports = '{".": {"workerd": "./w.js", "node": "./n.js", "default": "./d.js"}}'
    files = {
        "index.ts": """
            import where from "conditional";
            import { joined } from "loose";
            import linked from "linked";
            import path from "path";
            export default { fetch: () => Response.json([where, joined, linked, path.sep]) };
        """,
        "package.json": '{"dependencies": {"conditional": "1", "loose": "1", "linked": "1"}}',
        "../node_modules/conditional/package.json": f'{{"type": "module", "exports": {exports}}}',
        "../node_modules/conditional/w.js": "export default 'workerd'",
        "../node_modules/conditional/n.js": "export default 'node'",
        "../node_modules/conditional/d.js": "export default 'default'",
        # A package made for bundlers: modules in .js, without endings, without "type".
        "../node_modules/loose/package.json": '{"main": "src/index.js"}',
        "../node_modules/loose/src/index.js": """
            import { a } from "./a"; import b from "./b"; export const joined = a + b;
        """,
        "../node_modules/loose/src/a.js": "export const a = 'a';",
        "../node_modules/loose/src/b/index.js": "export default 'b';",
        "../shared/package.json": '{"type": "module", "main": "i.js"}',
        "../shared/i.js": "export default 'linked'",
    }
    root = tmp_path / "project"
    write(root, files)
    os.symlink(tmp_path / "shared", tmp_path / "node_modules" / "linked")
    async with opened(root, {}) as function:
        assert json.loads((await function()).body) == ["workerd", "ab", "linked", "/"]


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({}, "names it and 1 more, and nothing is installed: npm install, or aerostack dev"),
        ({"pnpm-lock.yaml": ""}, "nothing is installed: pnpm install"),
        ({"node_modules/x/y": ""}, "names it, but it is not installed: npm install"),
    ],
)
async def test_packages_that_are_not_installed(tmp_path, files, hint):
    own = {
        "index.ts": "import { Hono } from 'hono'; export default new Hono();",
        "package.json": '{"dependencies": {"hono": "4"}, "devDependencies": {"w": "1"}}',
    }
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, {**own, **files}):
            raise AssertionError("it was loaded")
    failure = caught.value.failure
    assert failure.message.startswith('Cannot find the package "hono"')
    assert failure.frames[0].source == own["index.ts"]
    assert hint in failure.hint


async def test_a_package_that_is_missed_later(tmp_path):
    source = "export default { fetch: async () => (await import('left')).default }"
    async with opened(tmp_path, source) as function:
        with pytest.raises(HandlerError) as caught:
            await function()
    assert caught.value.failure.hint == "install it: npm install left"


async def test_a_package_without_its_files(tmp_path):
    files = {
        "index.ts": "import x from 'broken'; export default x;",
        "node_modules/broken/package.json": '{"main": "index.js"}',
        "node_modules/broken/index.js": "import './gone';",
    }
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, files):
            raise AssertionError("it was loaded")
    assert "gone" in caught.value.failure.message
