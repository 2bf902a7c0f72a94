import assert from "node:assert/strict";
import { connected, settled } from "./pipe.ts";

Deno.test("calls are answered in any order, both ways at once", async () => {
  using pair = connected();
  const { one, other } = pair;
  const waiting: number[] = [];
  other.on("call", ({ id }) => waiting.push(id));
  one.on("call", ({ id, payload }) => one.send("reply", id, ["back", payload]));
  const answers = [one.ask("call", "a"), one.ask("call", "b")];
  assert.deepEqual(await other.ask("call", "c"), ["back", "c"]);
  for (const id of waiting.toReversed()) other.send("reply", id, id);
  assert.deepEqual(await Promise.all(answers), waiting);
});

Deno.test("a refusal is the author's kind of error, at the author's line", async () => {
  using pair = connected();
  pair.other.on("call", ({ id }) => {
    const details = { code: 7 };
    pair.other.send("fail", id, { type: "TypeError", message: "no", cause: "since", details });
  });
  await assert.rejects(pair.one.ask("call", null), (error: Error & { code: number }) => {
    assert.ok(error instanceof TypeError);
    assert.equal((error.cause as Error).message, "since");
    assert.match(error.stack!, /channel_test\.ts/);
    return error.message === "no" && error.code === 7;
  });
});

Deno.test("frames may come byte by byte", async () => {
  using pair = connected(1);
  pair.other.on("call", ({ id, payload }) => pair.other.send("reply", id, payload));
  const value = { text: "aüß✓", bytes: new Uint8Array([0, 255]), none: null };
  assert.deepEqual(await pair.one.ask("call", value), value);
});

Deno.test("a frame may be larger than every buffer", async () => {
  using pair = connected(100_000);
  pair.other.on("call", ({ id, payload }) => pair.other.send("reply", id, payload));
  const bytes = new Uint8Array(3_000_000).map((_, at) => at % 251);
  const text = "✓".repeat(300_000);
  assert.deepEqual(await pair.one.ask("call", [bytes, text]), [bytes, text]);
});

Deno.test("what one turn says leaves in one write, in its order", async () => {
  using pair = connected();
  const seen: unknown[] = [];
  pair.other.on("note", ({ payload }) => seen.push(payload));
  for (let count = 0; count < 100; count++) pair.one.post(["note", 0, count]);
  await settled();
  assert.equal(pair.ends[0].writes.length, 1);
  assert.deepEqual(seen, Array.from({ length: 100 }, (_, count) => count));
});

Deno.test("what nobody listens for is passed over", async () => {
  using pair = connected();
  pair.other.on("call", ({ id }) => pair.other.send("reply", id, "ok"));
  pair.one.post(["unheard", 0, null]);
  pair.other.post(["reply", 4711, "to nobody"]);
  assert.equal(await pair.one.ask("call", null), "ok");
});

Deno.test("a value that cannot be sent fails its own call alone", async () => {
  using pair = connected();
  pair.other.on("call", ({ id }) => pair.other.send("reply", id, "ok"));
  const endless: Record<string, unknown> = {};
  endless.self = endless;
  await assert.rejects(pair.one.ask("call", endless), RangeError);
  assert.equal(await pair.one.ask("call", null), "ok");
});
