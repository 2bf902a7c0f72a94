"""`HTMLRewriter` on the npm package that a project installs."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from aerostack_dev.runs import Recorded, entered

from .driving import EVALUATOR, opened

PACKAGE = "html-rewriter-wasm"
INSTALLED = Path(sys.prefix) / "node" / "node_modules" / PACKAGE

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_without_the_package(function):
    name, message = (await function.run("return new HTMLRewriter()"))["error"]
    assert name == "Error"
    assert "html-rewriter-wasm, which the project does not have" in message
    assert message.endswith("Install it: npm install --save-dev html-rewriter-wasm")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rewriting(tmp_path_factory):
    if not INSTALLED.exists():
        pytest.skip(f"{INSTALLED} is missing: `make clean check` installs it, with a network")
    root = tmp_path_factory.mktemp("rewriting")
    shutil.copytree(INSTALLED.resolve(), root / "node_modules" / PACKAGE)
    (root / "package.json").write_text('{"devDependencies": {"html-rewriter-wasm": "0.4.1"}}')
    async with opened(root, EVALUATOR) as driven:
        yield driven


async def test_rewriting(rewriting):
    code = """
        class Links {
          constructor(prefix) { this.prefix = prefix; }
          async element(element) {
            await scheduler.wait(1);
            element.setAttribute("href", this.prefix + element.getAttribute("href"));
          }
        }
        const seen = [];
        const rewriter = new HTMLRewriter()
          .on("a[href]", new Links("https://new.test"))
          .on("h1", { text(text) { if (text.text) seen.push(text.text); } })
          .on("p", { element(element) {
            element.append("<b>!</b>", { html: true });
            element.onEndTag((tag) => { tag.after("<hr>", { html: true }); });
          } })
          .onDocument({ comments(comment) { comment.remove(); },
                        end(end) { end.append("<!--end-->", { html: true }); } });
        const html = "<h1>Hi</h1><!--x--><p>one</p><a href='/a'>a</a>";
        const made = new Response(html, {
          status: 201, headers: { "content-length": String(html.length), "x-a": "b" } });
        const response = rewriter.transform(made);
        const again = await rewriter.transform(new Response("<p>two</p>")).text();
        return [await response.text(), response.status, response.headers.get("x-a"),
                response.headers.has("content-length"), again, seen,
                rewriter.transform(new Response(null, { status: 204 })).status];
    """
    assert (await rewriting.run(code))["value"] == [
        '<h1>Hi</h1><p>one<b>!</b></p><hr><a href="https://new.test/a">a</a><!--end-->',
        201, "b", False, "<p>two<b>!</b></p><hr><!--end-->", ["Hi"], 204,
    ]  # fmt: skip


async def test_piece_by_piece_and_many_at_once(rewriting):
    code = """
        const rewriter = new HTMLRewriter().on("i", { async element(element) {
          await env.CACHE.get("k");
          element.replace(".");
        } });
        const { readable, writable } = new TransformStream();
        const writer = writable.getWriter();
        const reader = rewriter.transform(new Response(readable)).body.getReader();
        const first = reader.read();
        writer.write(new TextEncoder().encode("<i>1</i>tail "));
        const got = new TextDecoder().decode((await first).value);
        writer.close();
        const many = await Promise.all(Array.from({ length: 20 }, (_, n) =>
          rewriter.transform(new Response(`${n}<i></i>`)).text()));
        return [got.startsWith("."), many.every((text, n) => text === `${n}.`)];
    """
    invocation = rewriting.trace.open("fetch", "/")
    with entered(Recorded(invocation)):
        assert (await rewriting.run(code))["value"] == [True, True]
    assert invocation.calls == {"CACHE": 21}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("new HTMLRewriter().on('a[', {})", "selector"),
        ("new HTMLRewriter().transform('x')", "parameter 1 is not of type 'Response'"),
        ("new HTMLRewriter().on('p', { element() { throw new Error('mine'); } })"
         ".transform(new Response('<p>')).text()", "mine"),
        ("(r => r.text().then(() => new HTMLRewriter().transform(r)))(new Response('x'))",
         "already been used"),
    ],
)  # fmt: skip
async def test_what_it_refuses(rewriting, code, text):
    async with asyncio.timeout(20):
        assert text in (await rewriting.run(f"return {code}"))["error"][1]
