/**
 * Sign a sample event as the provider does, and send it.
 *
 *     deno task send http://127.0.0.1:8788/webhooks/stripe
 *     deno task send http://127.0.0.1:8788/webhooks/github --type ping
 *
 * The last part of the URL says which provider to be; `--id` is the event's id, and the same one
 * twice is a redelivery. The secret is the one in .dev.vars or else in the environment.
 */
import { parseArgs } from "node:util";
import { sign } from "../src/signatures.ts";

const DEV_VARS = new URL("../.dev.vars", import.meta.url);

/** By type; of another type, an event without content is sent. */
const SAMPLES: Record<string, object> = {
  "payment_intent.succeeded": {
    data: { object: { id: "pi_sample", amount: 4900, currency: "eur" } },
  },
  push: {
    ref: "refs/heads/main",
    commits: [{ message: "Fix the lamp" }, { message: "Test it" }],
    repository: { full_name: "ada/lamps" },
  },
  ping: { zen: "Keep it logically awesome." },
};

const encoder = new TextEncoder();

/** The body and the headers of an event of Stripe's. */
async function stripe(type: string, id: string) {
  const body = JSON.stringify({ id, object: "event", type, ...SAMPLES[type] });
  const now = Math.floor(Date.now() / 1000);
  const signature = await signed(`${now}.${body}`, "STRIPE_WEBHOOK_SECRET");
  return { body, headers: { "stripe-signature": `t=${now},v1=${signature}` } };
}

/** The body and the headers of an event of GitHub's. */
async function github(type: string, id: string) {
  const body = JSON.stringify(SAMPLES[type] ?? {});
  const signature = await signed(body, "GITHUB_WEBHOOK_SECRET");
  return {
    body,
    headers: {
      "x-github-event": type,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${signature}`,
    },
  };
}

async function signed(message: string, name: string): Promise<string> {
  return await sign(encoder.encode(message), await secret(name));
}

async function secret(name: string): Promise<string> {
  const written = await Deno.readTextFile(DEV_VARS).catch(() => "");
  const found = new RegExp(`^${name}\\s*=\\s*["']?(.*?)["']?\\s*$`, "m").exec(written);
  const value = found?.[1] ?? Deno.env.get(name);
  return value || fail(`${name} is not set; copy .dev.vars.example to .dev.vars`);
}

function fail(message: string, code = 1): never {
  console.error(message);
  Deno.exit(code);
}

const { values: { type, id }, positionals: [url = ""] } = parseArgs({
  options: { type: { type: "string" }, id: { type: "string" } },
  allowPositionals: true,
});
if (!/\/(stripe|github)$/.test(url)) fail("name a URL that ends in /stripe or /github", 2);
const { body, headers } = url.endsWith("/stripe")
  ? await stripe(type ?? "payment_intent.succeeded", id ?? `evt_${crypto.randomUUID()}`)
  : await github(type ?? "push", id ?? crypto.randomUUID());
const init = {
  method: "POST",
  body,
  headers: { "content-type": "application/json", ...headers },
};
const response = await fetch(url, init)
  .catch((error) => fail(`${url} cannot be reached: ${error.message}`));
const answer = `${response.status} ${await response.text()}`;
if (response.ok) console.log(answer);
else fail(answer);
