"""`aerostack types`: what it declares, and that a type checker makes sense of it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from aerostack_dev.bindings.ai.models import MODELS
from aerostack_dev.bindings.kind import Kind
from aerostack_dev.bindings.kinds import all_kinds
from aerostack_dev.runtime.hosts.deno.process import find_deno
from tests.support.server import PATIENCE

from .conftest import invoke

FILE = "aerostack-env.d.ts"
CONFIG = """
env = ["STRIPE_KEY"]

[vars]
GREETING = "very-visible"
LIMIT = 3
RATIO = 0.5
ON = true
"odd name" = "x"
NESTED = { list = [1, 2], mixed = [1, "a"], empty = [], deep = { a = { b = false } }, none = {} }

[[d1_databases]]
binding = "MAIN"

[[kv_namespaces]]
binding = "CACHE"

[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
"""
STAGING = """
[vars]
GREETING = "hello"

[[d1_databases]]
binding = "MAIN"

[secrets]
required = ["STRIPE_KEY"]

[env.staging.vars]
GREETING = 1
"""
VARIABLES = "TOKEN=very-secret\nLIMIT=from-the-file\n"


def environment(root: Path) -> str:
    """The interface `Env` of the file in `root`."""
    text = (root / FILE).read_text()
    found = re.search(r"^interface Env \{\n(.*?)^\}\n", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_environment_has_what_the_configuration_has(here):
    root = here({"aerostack.toml": CONFIG, ".dev.vars": VARIABLES})
    done = invoke("types")
    assert done.code == 0
    assert done.out == (
        f"Wrote {FILE} (2 bindings, 5 default bindings, 6 variables, 3 secrets, "
        "1 unsupported binding).\n"
    )
    assert (
        environment(root)
        == """\
  // Bindings.
  MAIN: D1Database;
  CACHE: KVNamespace;

  // Bindings that are there without being declared.
  DB: D1Database;
  QUEUE: Queue;
  AI: Ai;
  VECTORIZE: VectorizeIndex;
  STORAGE: R2Bucket;

  // Variables.
  GREETING: string;
  RATIO: number;
  ON: boolean;
  "odd name": string;
  NESTED: {
    list: number[];
    mixed: (number | string)[];
    empty: unknown[];
    deep: {
      a: {
        b: boolean;
      };
    };
    none: Record<string, never>;
  };
  AEROSTACK_API_URL: string;

  // Secrets.
  LIMIT: string;
  STRIPE_KEY: string;
  TOKEN: string;

  // Of kinds that do not exist locally.
  COUNTER: unknown;
"""
    )
    text = (root / FILE).read_text()
    assert "very-secret" not in text
    assert "very-visible" not in text


def test_a_variable_with_the_name_of_a_default_binding_takes_its_place(here):
    root = here({"aerostack.toml": '[vars]\nDB = "mine"\nenv = 1\n'})
    assert invoke("types").code == 0
    assert "  DB: string;\n" in environment(root)
    assert "D1Database" not in environment(root)


def test_an_environment_has_its_own(here):
    root = here({"aerostack.toml": STAGING, ".dev.vars.staging": "OTHER=1\n"})
    assert invoke("types", "--env", "staging").code == 0
    assert "  GREETING: number;\n" in environment(root)
    assert "  STRIPE_KEY: string;\n" in environment(root)
    assert "OTHER" not in environment(root)  # with a list, only what it has is read
    assert "MAIN" not in environment(root)


def test_the_environment_of_the_process_stays_out(here, monkeypatch: pytest.MonkeyPatch):
    root = here()
    monkeypatch.setenv("CLOUDFLARE_INCLUDE_PROCESS_ENV", "true")
    assert invoke("types").code == 0
    assert "PATH" not in environment(root)


def test_check_says_whether_the_file_is_up_to_date(here):
    root = here()
    missing = invoke("types", "--check")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == (
        f"error: {root / FILE}: the file is missing\nhint: run `aerostack types`\n"
    )
    assert invoke("types").code == 0
    assert invoke("types", "--check").out.startswith(f"Up to date: {FILE} (")
    (root / "aerostack.toml").write_text("[vars]\nNEW = 1\n")
    stale = invoke("types", "--check")
    assert (stale.code, "the file is not up to date" in stale.err) == (1, True)
    assert "NEW" not in environment(root)
    assert invoke("types").code == 0
    assert "NEW" in environment(root)


def test_a_file_of_the_author_is_left_alone(here):
    root = here({"types.d.ts": "interface Mine {}\n"})
    done = invoke("types", "--output", "types.d.ts")
    assert done.code == 1
    assert done.err == (
        "error: types.d.ts: this file was not made by `aerostack types` and is left as it is\n"
        "hint: choose another with --output, or delete it\n"
    )
    assert (root / "types.d.ts").read_text() == "interface Mine {}\n"
    assert invoke("types", "--output", "other.d.ts").code == 0
    assert not (root / FILE).exists()


def test_places_that_cannot_be_written_or_read(here):
    here({"file": ""})
    for path in ("nowhere/env.d.ts", "file/env.d.ts"):
        done = invoke("types", "--output", path)
        assert (done.code, len(done.err.splitlines())) == (1, 1)
        assert done.err.startswith(f"error: {path}: the file cannot be ")


def test_a_wrangler_configuration_is_named(here):
    root = here({"wrangler.toml": ""})
    (root / "aerostack.toml").unlink()
    assert invoke("types").code == 0
    assert (root / FILE).read_text().startswith("// Made by `aerostack types` from wrangler.toml:")


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_every_kind_is_declared(kind):
    assert re.search(rf"^interface {kind.interface}\b", declared(kind), re.MULTILINE)


def test_the_models_are_those_that_there_are():
    (kind,) = (kind for kind in all_kinds() if kind.name == "ai")
    assert set(re.findall(r'"(@(?:cf|hf)/[^"]+)"', declared(kind))) == set(MODELS)


def declared(kind: Kind) -> str:
    return "\n".join(file.read_text() for file in kind.types)


USE = """
import { env, waitUntil, WorkerEntrypoint } from "cloudflare:workers";
import schema from "./schema.sql";

interface Item {
  id: number;
}

async function use(given: Env, request: Request): Promise<Response> {
  const item: Item | null = await given.MAIN.prepare("…").bind(1, null).first<Item>();
  const name: string | null = await given.MAIN.prepare("…").first<string>("name");
  const text: string | null = await given.CACHE.get("k");
  const json: Item | null = await given.CACHE.get<Item>("k", "json");
  const both: Map<string, string | null> = await given.CACHE.get(["a", "b"]);
  await given.QUEUE.send({ id: 1 }, { delaySeconds: 60 });
  const { data } = await given.AI.run("@cf/baai/bge-base-en-v1.5", { text: ["a"] });
  const stream = await given.AI.run("@cf/meta/llama-3.2-3b-instruct", {
    prompt: "…",
    stream: true,
  });
  const other = await given.AI.run<Item>("@cf/nobody/knows", {});
  const { matches } = await given.VECTORIZE.query(data[0], { topK: 5, returnMetadata: "all" });
  const stored = await given.STORAGE.get(matches[0].id);
  const put: R2Object = await given.STORAGE.put("k", stored?.body ?? "");
  const kept: R2Object | null = await given.STORAGE.put("k", "", { onlyIf: { etagMatches: "*" } });
  const words: (number | string)[] = given.NESTED.mixed;
  crypto.subtle.timingSafeEqual(new Uint8Array(1), new Uint8Array(1));
  await caches.default.match(request);
  await scheduler.wait(1, { signal: request.signal });
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  const rewritten = new HTMLRewriter()
    .on("a", { element: (element) => void element.setAttribute("rel", "me") })
    .transform(new Response(stream));
  const { readable } = new FixedLengthStream(10);
  waitUntil(Promise.resolve([item, name, text, json, both, other, put, kept, words, readable]));
  const country: string | undefined = request.cf?.country;
  console.log(country, env.GREETING.length, given.STRIPE_KEY.length, schema.length, rewritten);

  // @ts-expect-error a number is no text
  const wrong: string = given.LIMIT;
  // @ts-expect-error what may be null must be asked
  item.id;
  // @ts-expect-error there is no such binding
  given.NOPE;
  // @ts-expect-error delays are numbers
  given.QUEUE.send(1, { delaySeconds: "60" });
  // @ts-expect-error an object without content has no body
  (await given.STORAGE.head("k"))?.body;
  // @ts-expect-error a kind that is not there
  given.COUNTER.get("x");
  return new Response(wrong, { status: 101, webSocket: client });
}

export class Api extends WorkerEntrypoint {
  override fetch(request: Request): Promise<Response> {
    return use(this.env, request);
  }
}

export default {
  fetch: (request, given, ctx) => {
    ctx.waitUntil(Promise.resolve());
    return use(given, request);
  },
  queue(batch) {
    for (const message of batch.messages) {
      if (message.attempts > 2) message.retry({ delaySeconds: message.body.id });
    }
    batch.ackAll();
  },
  scheduled: (controller) => console.log(controller.cron, new Date(controller.scheduledTime)),
} satisfies ExportedHandler<Env, Item>;
"""


def test_a_strict_type_checker_knows_everything(here):
    files = {
        "aerostack.toml": CONFIG,
        "deno.json": f'{{"compilerOptions": {{"strict": true, "types": ["./{FILE}"]}}}}',
        "src/index.ts": USE,
        "src/schema.sql": "",
    }
    root = here(files)
    assert invoke("types").code == 0
    done = subprocess.run(
        [find_deno(), "check", "--quiet", "src/index.ts"],
        cwd=root, env={**os.environ, "NO_COLOR": "1"},
        capture_output=True, text=True, timeout=PATIENCE * 2, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
