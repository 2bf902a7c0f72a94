import assert from "node:assert/strict";
import { asText, type Report } from "../src/reports.ts";
import { type Counts, decided } from "../src/reviews.ts";
import { start } from "./server.ts";

const CRON = "0 8 * * MON";

const server = await start({ seeds: ["seed.sql"] });
Deno.test.afterAll(server.end);

async function json(path: string) {
  return await (await server.fetch(path)).json();
}

async function insights(): Promise<Map<string, Counts>> {
  const { topics } = await json("/insights");
  return new Map(topics.map((counts: Counts) => [counts.topic, counts]));
}

Deno.test("a review is judged, and the counts are cached and never stale", async () => {
  for (
    const [text, sentiment] of [
      ["I love this wonderful lamp, it is great!", "positive"],
      ["Terrible. It broke at once, and nobody helped.", "negative"],
      ["It has a switch.", "neutral"],
    ] as const
  ) {
    const before = (await insights()).get("quality")!;
    assert.equal((await server.fetch("/insights")).headers.get("x-cache"), "hit");
    const answer = await server.send("POST", "/reviews", { topic: "quality", text });
    assert.equal(answer.status, 201);
    assert.equal((await answer.json()).sentiment, sentiment);
    const after = (await insights()).get("quality")!;
    assert.equal(after.reviews, before.reviews + 1);
    assert.equal(after[sentiment], before[sentiment] + 1);
  }
});

Deno.test("the report judges what is left, sums up the week, and replaces itself", async () => {
  assert.equal((await insights()).get("delivery")!.positive, 0);
  const now = new Date();
  for (let time = 0; time < 2; time++) assert.equal(await server.cron(CRON, now), "ok");
  assert.equal((await insights()).get("delivery")!.positive, 1);

  const date = now.toISOString().slice(0, 10);
  assert.deepEqual((await json("/reports")).reports, [`${date}.txt`, `${date}.json`]);
  const report: Report = await json("/reports/latest.json");
  assert.deepEqual(report.topics.map(({ topic }) => topic), ["delivery", "price", "quality"]);
  const [delivery] = report.topics;
  assert.deepEqual([delivery.reviews, delivery.positive, delivery.negative], [3, 1, 1]);
  assert.ok(delivery.summary.includes("The parcel came two days late"));

  const text = await server.fetch(`/reports/${date}.txt`);
  assert.equal(text.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.ok((await text.text()).includes(`delivery: 3 (+1 =1 -1)\n${delivery.summary}\n`));
});

Deno.test("mistakes have their status", async () => {
  const calls: [method: string, path: string, body: string | undefined, status: number][] = [
    ["POST", "/reviews", "{", 400],
    ["POST", "/reviews", "[]", 422],
    ["POST", "/reviews", '{"topic": "weather", "text": "Rain."}', 422],
    ["POST", "/reviews", '{"topic": [], "text": "Rain."}', 422],
    ["POST", "/reviews", '{"topic": "price", "text": " "}', 422],
    ["POST", "/reviews", JSON.stringify({ topic: "price", text: "x".repeat(1001) }), 422],
    ["DELETE", "/insights", undefined, 405],
    ["GET", "/reports/1999-01-01.json", undefined, 404],
    ["GET", "/reports/latest", undefined, 404],
    ["GET", "/nothing", undefined, 404],
  ];
  for (const [method, path, body, status] of calls) {
    const response = await server.fetch(path, { method, body });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
});

Deno.test("a model that is not sure has not decided", () => {
  const labels = (positive: number) => [
    { label: "NEGATIVE", score: 1 - positive },
    { label: "POSITIVE", score: positive },
  ];
  assert.deepEqual([0.9, 0.55, 0.1].map((score) => decided(labels(score))), [
    "positive",
    "neutral",
    "negative",
  ]);
});

Deno.test("a week without reviews has a report too", () => {
  const text = asText({ from: "2026-02-23T08:00:00Z", to: "2026-03-02T08:00:00Z", topics: [] });
  assert.equal(
    text,
    "Reviews from 2026-02-23T08:00:00Z to 2026-03-02T08:00:00Z\n\nThere were none.\n",
  );
});
