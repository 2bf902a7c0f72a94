/**
 * Webhooks of Stripe and GitHub: verified, written down once, worked on in the background.
 *
 *     POST /webhooks/<provider> -> signature -> row in DB -> message on QUEUE -> 202
 *     queue()                   -> handlers.ts -> row "done", "ignored" or "failed"
 *     GET  /events              -> the latest rows
 *
 * Providers send an event again until it is answered, and sometimes after that: the row's key is
 * the event's own id, and an event that is done is not worked on again.
 */
import { handlerOf } from "./handlers.ts";
import { SignatureError, verifyGithub, verifyStripe } from "./signatures.ts";

const DEAD = "events-dead";
const SHOWN = 50;
/** Bytes of a body. A row of the database holds 2 MB, a message of the queue 128 KB. */
const LARGEST = 1_000_000;

/** Becomes an answer with this status and `{"error": message}`. */
class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** Which event a message is about. */
interface Key {
  provider: string;
  id: string;
}

/** A row of the table `events`; its payload is JSON. */
interface Event extends Key {
  type: string;
  payload: string;
  status: "received" | "done" | "ignored" | "failed";
  deliveries: number;
  outcome: string | null;
  received_at: string;
}

/** Verifies a request and tells its event's id and type. */
type Reader = (
  body: Uint8Array,
  headers: Headers,
  env: Env,
) => Promise<{ id: string; type: string }>;

export default {
  async fetch(request, env) {
    try {
      return await route(request, env);
    } catch (error) {
      if (error instanceof ApiError) {
        return Response.json({ error: error.message }, { status: error.status });
      }
      if (error instanceof SignatureError) {
        return Response.json({ error: error.message }, { status: 401 });
      }
      throw error;
    }
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      const event = await find(message.body, env);
      if (event?.status !== "received") {
        message.ack();
      } else if (batch.queue === DEAD) {
        await note(env, event, "failed", event.outcome);
        message.ack();
      } else {
        await work(message, event, env);
      }
    }
  },
} satisfies ExportedHandler<Env, Key>;

async function route(request: Request, env: Env): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/":
      allow(request, "GET");
      return Response.json({
        webhooks: ["/webhooks/stripe", "/webhooks/github"],
        events: "/events",
      });
    case "/events":
      allow(request, "GET");
      return await events(env);
    case "/webhooks/stripe":
      allow(request, "POST");
      return await receive("stripe", fromStripe, request, env);
    case "/webhooks/github":
      allow(request, "POST");
      return await receive("github", fromGithub, request, env);
  }
  throw new ApiError(404, pathname.startsWith("/webhooks/") ? "no such provider" : "not found");
}

function allow(request: Request, method: string): void {
  if (request.method !== method) throw new ApiError(405, `${request.method} is not allowed here`);
}

async function receive(
  provider: string,
  read: Reader,
  request: Request,
  env: Env,
): Promise<Response> {
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length > LARGEST) throw new ApiError(413, `the body is larger than ${LARGEST} bytes`);
  const { id, type } = await read(body, request.headers, env);
  const { status, deliveries } = await keep(env, provider, id, type, body);
  // Also for an event that was received before: its message may never have been sent.
  if (status === "received") await env.QUEUE.send({ provider, id });
  return Response.json({ id, status, deliveries }, { status: 202 });
}

/** An event that Stripe sent. */
async function fromStripe(body: Uint8Array, headers: Headers, env: Env) {
  const secret = required(env, "STRIPE_WEBHOOK_SECRET");
  await verifyStripe(body, headers.get("stripe-signature"), secret, Date.now() / 1000);
  const payload = parsed(body);
  return { id: text(payload.id, "id"), type: text(payload.type, "type") };
}

/** An event that GitHub sent; its id and type are in the headers. */
async function fromGithub(body: Uint8Array, headers: Headers, env: Env) {
  const secret = required(env, "GITHUB_WEBHOOK_SECRET");
  await verifyGithub(body, headers.get("x-hub-signature-256"), secret);
  parsed(body);
  return {
    id: text(headers.get("x-github-delivery"), "X-GitHub-Delivery"),
    type: text(headers.get("x-github-event"), "X-GitHub-Event"),
  };
}

/**
 * Write an event down; its status, and how often it has come.
 *
 * One that had failed for good is as new when the provider sends it again.
 */
async function keep(
  env: Env,
  provider: string,
  id: string,
  type: string,
  body: Uint8Array,
): Promise<Pick<Event, "status" | "deliveries">> {
  const row = await env.DB.prepare(
    `INSERT INTO events (provider, id, type, payload) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET deliveries = deliveries + 1,
     status = iif(status = 'failed', 'received', status) RETURNING status, deliveries`,
  ).bind(provider, id, type, new TextDecoder().decode(body)).first<Event>();
  return row!;
}

/** Let the event's handler do its work; its message says whether to try again. */
async function work(message: Message<Key>, event: Event, env: Env): Promise<void> {
  const handler = handlerOf(event.provider, event.type);
  if (!handler) {
    await note(env, event, "ignored", null);
    return message.ack();
  }
  let outcome: string;
  try {
    outcome = await handler(JSON.parse(event.payload), env);
  } catch (error) {
    await note(env, event, "received", String(error));
    return message.retry({ delaySeconds: 2 ** message.attempts });
  }
  await note(env, event, "done", outcome);
  message.ack();
}

async function find({ provider, id }: Key, env: Env): Promise<Event | null> {
  return await env.DB.prepare("SELECT * FROM events WHERE provider = ? AND id = ?")
    .bind(provider, id)
    .first<Event>();
}

async function note(
  env: Env,
  { provider, id }: Key,
  status: Event["status"],
  outcome: string | null,
): Promise<void> {
  const sql = "UPDATE events SET status = ?, outcome = ? WHERE provider = ? AND id = ?";
  await env.DB.prepare(sql).bind(status, outcome, provider, id).run();
}

async function events(env: Env): Promise<Response> {
  const { results } = await env.DB.prepare(
    `SELECT provider, id, type, status, deliveries, outcome, received_at FROM events
     ORDER BY received_at DESC, rowid DESC LIMIT ?`,
  ).bind(SHOWN).all();
  return Response.json({ events: results });
}

/** A secret. An empty one would be as good as none: anybody could sign with it. */
function required(env: Env, name: "STRIPE_WEBHOOK_SECRET" | "GITHUB_WEBHOOK_SECRET"): string {
  if (!env[name]) throw new ApiError(500, `${name} is not set; see .dev.vars.example`);
  return env[name];
}

function parsed(body: Uint8Array): Record<string, unknown> {
  let payload: unknown;
  try {
    payload = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ApiError(400, "the body is not JSON");
  }
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw new ApiError(400, "the body must be a JSON object");
  }
  return { ...payload };
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string" || !value || value.length > 255) {
    throw new ApiError(400, `${name} must be text of 1 to 255 characters`);
  }
  return value;
}
