/**
 * Jobs that outlive their request: POST /jobs, then GET /jobs/<id>.
 *
 *     POST /jobs -> row "queued" in DB -> message {"id"} on QUEUE -> queue() -> row "done"
 *
 * The row is what the world sees, the message only says that there is something to do. A message
 * may be delivered twice, so a job that has ended is not run again.
 */
import { InputError, KINDS } from "./work.ts";

const DEAD = "jobs-dead";
const SHOWN = 20;

/** A row of the table `jobs`; its input and output are JSON. */
interface Job {
  id: string;
  kind: string;
  input: string;
  status: "queued" | "done" | "failed";
  attempts: number;
  output: string | null;
  error: string | null;
  created_at: string;
}

/** What a message says: which job there is to do. */
interface Task {
  id: string;
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/":
        return Response.json({ jobs: "/jobs", kinds: [...KINDS.keys()].sort() });
      case "/jobs":
        if (request.method === "POST") return await create(request, env);
        return request.method === "GET" ? await recent(env) : notAllowed(request);
    }
    const [, id] = /^\/jobs\/([^/]+)$/.exec(pathname) ?? [];
    if (!id) return refusal(404, "not found");
    return request.method === "GET" ? await show(id, env) : notAllowed(request);
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      await (batch.queue === DEAD ? giveUp(message, env) : attempt(message, env));
    }
  },
} satisfies ExportedHandler<Env, Task>;

async function create(request: Request, env: Env): Promise<Response> {
  let given: { kind?: unknown; input?: unknown } | null;
  try {
    given = await request.json();
  } catch {
    return refusal(400, "the body is not JSON");
  }
  const kind = given?.kind;
  if (typeof kind !== "string" || !KINDS.has(kind)) {
    return refusal(422, `kind must be one of: ${[...KINDS.keys()].sort().join(", ")}`);
  }
  const id = crypto.randomUUID();
  await env.DB.prepare("INSERT INTO jobs (id, kind, input) VALUES (?, ?, ?)")
    .bind(id, kind, JSON.stringify(given?.input ?? null))
    .run();
  await env.QUEUE.send({ id });
  return Response.json({ id }, { status: 202, headers: { location: `/jobs/${id}` } });
}

async function recent(env: Env): Promise<Response> {
  const { results } = await env.DB.prepare("SELECT * FROM jobs ORDER BY created_at DESC LIMIT ?")
    .bind(SHOWN)
    .all<Job>();
  return Response.json({ jobs: results.map(shown) });
}

async function show(id: string, env: Env): Promise<Response> {
  const job = await find(id, env);
  return job ? Response.json(shown(job)) : refusal(404, "no such job");
}

/** Try a job once; its message says whether, and when, to try it again. */
async function attempt(message: Message<Task>, env: Env): Promise<void> {
  const job = await find(message.body.id, env);
  if (job?.status !== "queued") return message.ack();
  const { attempts } = message;
  try {
    const output = await KINDS.get(job.kind)!(JSON.parse(job.input), attempts);
    await note(env, job, "done", attempts, { output });
  } catch (error) {
    const { message: text } = error as Error;
    if (!(error instanceof InputError)) {
      await note(env, job, "queued", attempts, { error: text });
      return message.retry({ delaySeconds: 2 ** attempts });
    }
    await note(env, job, "failed", attempts, { error: text });
  }
  message.ack();
}

/** A message that came to the dead letter queue: its job has failed for good. */
async function giveUp(message: Message<Task>, env: Env): Promise<void> {
  const job = await find(message.body.id, env);
  if (job?.status === "queued") {
    await note(env, job, "failed", job.attempts, { error: job.error });
  }
  message.ack();
}

async function find(id: string, env: Env): Promise<Job | null> {
  return await env.DB.prepare("SELECT * FROM jobs WHERE id = ?").bind(id).first<Job>();
}

async function note(
  env: Env,
  job: Job,
  status: Job["status"],
  attempts: number,
  { output, error = null }: { output?: unknown; error?: string | null },
): Promise<void> {
  const sql = "UPDATE jobs SET status = ?, attempts = ?, output = ?, error = ? WHERE id = ?";
  const written = output === undefined ? null : JSON.stringify(output);
  await env.DB.prepare(sql).bind(status, attempts, written, error, job.id).run();
}

/** A row as the world sees it: its JSON columns read, what is not there left out. */
function shown(job: Job): Record<string, unknown> {
  const { input, output } = job;
  const read = { ...job, input: JSON.parse(input), output: output && JSON.parse(output) };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== null));
}

function notAllowed({ method }: Request): Response {
  return refusal(405, `${method} is not allowed here`);
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
