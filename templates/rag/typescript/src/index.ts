/**
 * Questions answered from documents ("retrieval-augmented generation").
 *
 *     POST   /documents {"title", "text"} -> passages -> AI: vectors -> VECTORIZE, text -> DB
 *     POST   /ask {"question"}            -> AI: vector -> VECTORIZE: passages -> AI: answer
 *     GET    /documents
 *     DELETE /documents/<id>
 *
 * This file speaks HTTP; what happens is in library.ts.
 */
import * as library from "./library.ts";

const LONGEST_TITLE = 200;
const LONGEST_TEXT = 50_000;
const LONGEST_QUESTION = 1000;

/** Becomes an answer with this status and `{"error": message}`. */
class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export default {
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
      return Response.json({ documents: "/documents", ask: "/ask" });
    case "/documents":
      allow(request, "GET", "POST");
      return request.method === "POST"
        ? await add(request, env)
        : Response.json({ documents: await library.list(env) });
    case "/ask":
      allow(request, "POST");
      return await ask(request, env);
  }
  const [, id] = /^\/documents\/([^/]+)$/.exec(pathname) ?? [];
  if (!id) throw new ApiError(404, "not found");
  allow(request, "DELETE");
  if (!await library.remove(env, id)) throw new ApiError(404, "no such document");
  return new Response(null, { status: 204 });
}

function allow({ method }: Request, ...methods: string[]): void {
  if (!methods.includes(method)) throw new ApiError(405, `${method} is not allowed here`);
}

async function add(request: Request, env: Env): Promise<Response> {
  const given = await body(request);
  const title = text(given, "title", LONGEST_TITLE);
  const document = await library.ingest(env, title, text(given, "text", LONGEST_TEXT));
  return Response.json(document, { status: 201 });
}

async function ask(request: Request, env: Env): Promise<Response> {
  const question = text(await body(request), "question", LONGEST_QUESTION);
  return Response.json(await library.ask(env, question));
}

async function body(request: Request): Promise<Record<string, unknown>> {
  let given: unknown;
  try {
    given = await request.json();
  } catch {
    throw new ApiError(400, "the body is not JSON");
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ApiError(422, "the body must be an object");
  }
  return { ...given };
}

function text(given: Record<string, unknown>, name: string, longest: number): string {
  const value = given[name];
  if (typeof value !== "string" || !value.trim() || value.length > longest) {
    throw new ApiError(422, `${name} must be text of 1 to ${longest} characters`);
  }
  return value.trim();
}
