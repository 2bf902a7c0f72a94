import assert from "node:assert/strict";
import { countWords, flaky, InputError } from "../src/work.ts";
import { eventually, start } from "./server.ts";

const server = await start();
Deno.test.afterAll(server.end);

async function begin(kind: string, input: unknown): Promise<string> {
  const response = await server.send("POST", "/jobs", { kind, input });
  assert.equal(response.status, 202);
  await response.body?.cancel();
  return response.headers.get("location")!;
}

async function state(path: string) {
  return await (await server.fetch(path)).json();
}

Deno.test("jobs are done in the background, tried again, or given up", async () => {
  const counting = await begin("count-words", { text: "to be or not to be" });
  const failing = await begin("flaky", { failures: 1 });
  const hopeless = await begin("count-words", { txt: "to be" });

  const done = await eventually(() => state(counting), ({ status }) => status === "done");
  assert.equal(done.attempts, 1);
  assert.deepEqual(done.output, { to: 2, be: 2, or: 1, not: 1 });
  const failed = await eventually(() => state(hopeless), ({ status }) => status === "failed");
  assert.deepEqual([failed.attempts, failed.error], [1, 'input must be {"text": "…"}']);
  const waiting = await eventually(() => state(failing), ({ attempts }) => attempts === 1);
  assert.deepEqual([waiting.status, waiting.error], ["queued", "attempt 1 was not answered"]);

  const again = await eventually(() => state(failing), ({ status }) => status === "done");
  assert.deepEqual(again.output, { attempts: 2 });
  assert.equal("error" in again, false);
  const { jobs } = await state("/jobs");
  assert.equal(jobs.length, 3);
});

Deno.test("mistakes have their status", async () => {
  const calls: [method: string, path: string, body: string | undefined, status: number][] = [
    ["POST", "/jobs", "{", 400],
    ["POST", "/jobs", '{"kind": "nap"}', 422],
    ["POST", "/jobs", '{"kind": []}', 422],
    ["POST", "/jobs", "null", 422],
    ["GET", "/jobs/nope", undefined, 404],
    ["DELETE", "/jobs", undefined, 405],
    ["GET", "/nothing", undefined, 404],
  ];
  for (const [method, path, body, status] of calls) {
    const response = await server.fetch(path, { method, body });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
});

Deno.test("words are counted", () => {
  assert.deepEqual(countWords({ text: " To be,\nto BE, " }), { to: 2, "be,": 2 });
  assert.throws(() => countWords(null), InputError);
});

Deno.test("the flaky one fails as often as it is told", () => {
  assert.throws(() => flaky({ failures: 2 }, 2), /attempt 2 was not answered/);
  assert.deepEqual(flaky({ failures: 2 }, 3), { attempts: 3 });
  assert.throws(() => flaky({ failures: "2" }, 1), InputError);
});
