/**
 * What customers say: reviews judged as they come, and summed up every Monday.
 *
 *     POST /reviews {"topic", "text"} -> DB, AI: its sentiment
 *     GET  /insights                  -> counts by topic, from DB, cached
 *     cron, Mondays at 8 UTC          -> AI: summaries -> STORAGE: the week's report
 *     GET  /reports, /reports/<date>.json, /reports/<date>.txt, /reports/latest.txt
 */
import * as reports from "./reports.ts";
import * as reviews from "./reviews.ts";

const TOPICS = ["delivery", "price", "quality", "support"];
const LONGEST_TEXT = 1000;

/** Becomes an answer with this status and `{"error": message}`. */
class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export default {
  async scheduled(controller, env) {
    const judged = await reviews.judgeTheRest(env);
    // The time that the run is for, not the time that it is: a late run reports the same week.
    const name = await reports.write(env, controller.scheduledTime);
    console.log(`judged ${judged} reviews, wrote the report of ${name}`);
  },

  async fetch(request, env) {
    try {
      return await route(request, env);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return Response.json({ error: error.message }, { status: error.status });
    }
  },
} satisfies ExportedHandler<Env>;

async function route(request: Request, env: Env): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/":
      allow(request, "GET");
      return Response.json({ reviews: "/reviews", insights: "/insights", reports: "/reports" });
    case "/reviews":
      allow(request, "POST");
      return await add(request, env);
    case "/insights": {
      allow(request, "GET");
      const { topics, cached } = await reviews.cachedCounts(env);
      return Response.json({ topics }, { headers: { "x-cache": cached ? "hit" : "miss" } });
    }
    case "/reports":
      allow(request, "GET");
      return Response.json({ reports: await reports.list(env) });
  }
  const [, name] = /^\/reports\/([^/]+)$/.exec(pathname) ?? [];
  if (!name) throw new ApiError(404, "not found");
  allow(request, "GET");
  return await show(name, env);
}

function allow(request: Request, method: string): void {
  if (request.method !== method) throw new ApiError(405, `${request.method} is not allowed here`);
}

async function add(request: Request, env: Env): Promise<Response> {
  let given: { topic?: unknown; text?: unknown } | null;
  try {
    given = await request.json();
  } catch {
    throw new ApiError(400, "the body is not JSON");
  }
  const { topic, text } = given ?? {};
  if (typeof topic !== "string" || !TOPICS.includes(topic)) {
    throw new ApiError(422, `topic must be one of: ${TOPICS.join(", ")}`);
  }
  if (typeof text !== "string" || !text.trim() || text.length > LONGEST_TEXT) {
    throw new ApiError(422, `text must be text of 1 to ${LONGEST_TEXT} characters`);
  }
  return Response.json(await reviews.add(env, topic, text.trim()), { status: 201 });
}

async function show(name: string, env: Env): Promise<Response> {
  const report = await reports.read(env, name);
  if (!report) throw new ApiError(404, "no such report");
  const headers = new Headers();
  report.writeHttpMetadata(headers);
  return new Response(report.body, { headers });
}
