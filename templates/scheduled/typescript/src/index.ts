/**
 * Two crons: events older than 30 days go every night, a report is made every Monday.
 *
 * GET / shows what they did; POST /events {"name": …} records something for them to do.
 */
import { taskOf } from "./tasks.ts";

const SHOWN = 10;
const LONGEST = 50;

/** A row of the table `runs`; its result is JSON. */
interface Run {
  task: string;
  at: number;
  result: string;
}

export default {
  async scheduled(controller, env) {
    const task = taskOf(controller.cron);
    // The time that the run is for, not the time that it is: a late run gives the same.
    const result = await task.run(controller.scheduledTime, env);
    await env.DB.prepare("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)")
      .bind(task.name, controller.scheduledTime, JSON.stringify(result))
      .run();
    console.log(`${task.name}:`, result);
  },

  async fetch(request, env) {
    switch (new URL(request.url).pathname) {
      case "/":
        return request.method === "GET" ? await overview(env) : notAllowed(request);
      case "/events":
        return request.method === "POST" ? await record(request, env) : notAllowed(request);
    }
    return refusal(404, "not found");
  },
} satisfies ExportedHandler<Env>;

/** How many events there are, and the latest runs. */
async function overview(env: Env): Promise<Response> {
  const [events, runs] = await env.DB.batch([
    env.DB.prepare("SELECT count(*) AS count FROM events"),
    env.DB.prepare("SELECT * FROM runs ORDER BY at DESC, task LIMIT ?").bind(SHOWN),
  ]);
  return Response.json({
    events: (events.results as { count: number }[])[0].count,
    runs: (runs.results as Run[]).map((run) => ({ ...run, result: JSON.parse(run.result) })),
  });
}

async function record(request: Request, env: Env): Promise<Response> {
  let given: { name?: unknown } | null;
  try {
    given = await request.json();
  } catch {
    return refusal(400, "the body is not JSON");
  }
  const name = given?.name;
  if (typeof name !== "string" || !name || name.length > LONGEST) {
    return refusal(422, `name must be text of 1 to ${LONGEST} characters`);
  }
  await env.DB.prepare("INSERT INTO events (name, at) VALUES (?, ?)").bind(name, Date.now()).run();
  return new Response(null, { status: 204 });
}

function notAllowed({ method }: Request): Response {
  return refusal(405, `${method} is not allowed here`);
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
