import assert from "node:assert/strict";
import { sign } from "../src/signatures.ts";
import { eventually, start } from "./server.ts";

const STRIPE = "whsec_of_the_tests";
const GITHUB = "hub-of-the-tests";
const PAYMENT = {
  id: "evt_1",
  type: "payment_intent.succeeded",
  data: { object: { id: "pi_1", amount: 4900, currency: "eur" } },
};
const PUSH = { ref: "refs/heads/main", commits: [{}], repository: { full_name: "ada/lamps" } };

const encoder = new TextEncoder();
const server = await start({
  variables: { STRIPE_WEBHOOK_SECRET: STRIPE, GITHUB_WEBHOOK_SECRET: GITHUB },
});
Deno.test.afterAll(server.end);

async function stripe(body: string, age = 0): Promise<Response> {
  const at = Math.floor(Date.now() / 1000) - age;
  const signature = await sign(encoder.encode(`${at}.${body}`), STRIPE);
  const headers = { "stripe-signature": `t=${at},v1=${signature}` };
  return await server.fetch("/webhooks/stripe", { method: "POST", body, headers });
}

async function github(body: string, changed: Record<string, string> = {}): Promise<Response> {
  const headers = {
    "x-github-event": "push",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "x-hub-signature-256": `sha256=${await sign(encoder.encode(body), GITHUB)}`,
    ...changed,
  };
  return await server.fetch("/webhooks/github", { method: "POST", body, headers });
}

interface Event {
  id: string;
  status: string;
  outcome: string | null;
}

async function events(): Promise<Event[]> {
  return (await (await server.fetch("/events")).json()).events;
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

Deno.test("mistakes have their status and leave nothing", async () => {
  for (const body of ["{", "[]", '{"id": 1, "type": "x"}', '{"id": "evt_1"}']) {
    assert.equal(await statusOf(stripe(body)), 400);
  }
  assert.equal(await statusOf(github("{}", { "x-github-event": "" })), 400);
  assert.equal(await statusOf(github("{}", { "x-hub-signature-256": "sha256=00" })), 401);
  assert.equal(await statusOf(stripe(JSON.stringify(PAYMENT), 310)), 401);
  assert.equal(await statusOf(server.send("POST", "/webhooks/stripe", PAYMENT)), 401);
  assert.equal(await statusOf(stripe(" ".repeat(1_000_001))), 413);
  assert.equal(await statusOf(server.fetch("/webhooks/stripe")), 405);
  assert.equal(await statusOf(server.send("POST", "/webhooks/acme", {})), 404);
  assert.equal(await statusOf(server.fetch("/events/more")), 404);
  assert.deepEqual(await events(), []);
});

Deno.test("an event is written down once and worked on in the background", async () => {
  const received = await stripe(JSON.stringify(PAYMENT));
  assert.equal(received.status, 202);
  assert.deepEqual(await received.json(), { id: "evt_1", status: "received", deliveries: 1 });
  const other = { ...PAYMENT, id: "evt_2", type: "customer.created" };
  assert.equal(await statusOf(stripe(JSON.stringify(other))), 202);
  assert.equal(await statusOf(github(JSON.stringify(PUSH))), 202);

  const found = await eventually(
    events,
    (all) => all.every(({ status }) => status !== "received"),
  );
  assert.deepEqual(found.map(({ status, outcome }) => [status, outcome]), [
    ["done", "1 commit to refs/heads/main of ada/lamps"],
    ["ignored", null],
    ["done", "pi_1: 4900 eur (smallest unit)"],
  ]);
  const again = await stripe(JSON.stringify(PAYMENT));
  assert.deepEqual(await again.json(), { id: "evt_1", status: "done", deliveries: 2 });
});

Deno.test("what fails is noted, and tried again", async () => {
  const broken = { ...PAYMENT, id: "evt_3", data: {} };
  assert.equal(await statusOf(stripe(JSON.stringify(broken))), 202);
  const latest = async () => (await events()).find(({ id }) => id === "evt_3")!;
  const { status, outcome } = await eventually(latest, (event) => event.outcome !== null);
  assert.equal(status, "received");
  assert.match(outcome!, /^TypeError: /);
});
