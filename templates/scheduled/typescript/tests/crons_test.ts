import assert from "node:assert/strict";
import { taskOf } from "../src/tasks.ts";
import { start } from "./server.ts";

const CLEAN_UP = "30 3 * * *";
const REPORT = "0 9 * * MON";
const DAY = 24 * 60 * 60 * 1000;

const server = await start({ seeds: ["seed.sql"] });
Deno.test.afterAll(server.end);

async function overview() {
  return await (await server.fetch("/")).json();
}

Deno.test("the report counts the week before, the cleaning up deletes what is old", async () => {
  const now = new Date();
  assert.equal((await overview()).events, 4);
  assert.equal(await server.cron(REPORT, now), "ok");
  assert.equal(await server.cron(CLEAN_UP, new Date(now.getTime() + 1000)), "ok");

  const { events, runs } = await overview();
  assert.equal(events, 3);
  assert.deepEqual(runs, [
    { task: "clean_up", at: now.getTime() + 1000, result: { deleted: 1 } },
    { task: "report", at: now.getTime(), result: { purchase: 1, "sign-up": 2 } },
  ]);

  await server.cron(REPORT, now); // a second run of the same time changes nothing
  assert.equal((await overview()).runs.length, 2);
  await server.cron(REPORT, new Date(now.getTime() + 30 * DAY));
  assert.deepEqual((await overview()).runs[0].result, {});
});

Deno.test("events are recorded and mistakes refused", async () => {
  const before = (await overview()).events;
  const recorded = await server.send("POST", "/events", { name: "x" });
  assert.equal(recorded.status, 204);
  assert.equal((await overview()).events, before + 1);
  const calls: [method: string, path: string, body: string | undefined, status: number][] = [
    ["POST", "/events", "{", 400],
    ["POST", "/events", "[]", 422],
    ["POST", "/events", '{"name": ""}', 422],
    ["GET", "/events", undefined, 405],
    ["GET", "/nothing", undefined, 404],
  ];
  for (const [method, path, body, status] of calls) {
    const response = await server.fetch(path, { method, body });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
});

Deno.test("every configured cron has its task", async () => {
  const config = await Deno.readTextFile(new URL("../aerostack.toml", import.meta.url));
  const crons = [...config.matchAll(/^ {2}"(.+?)",/gm)].map(([, cron]) => cron);
  assert.deepEqual(crons, [CLEAN_UP, REPORT]);
  for (const cron of crons) assert.ok(taskOf(cron).name);
  assert.throws(() => taskOf("* * * * *"), /no task for the cron/);
});
