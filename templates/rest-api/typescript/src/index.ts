/**
 * A JSON API: /api/items and /api/items/<id>.
 *
 * This file speaks HTTP: routes, status codes, errors. What an item is, and how it is kept, is in
 * items.ts.
 */
import * as items from "./items.ts";

const MEMBER = /^\/api\/items\/([1-9][0-9]{0,14})$/;
const MAX_LIMIT = 100;

/** Becomes an answer with this status and `{"error": message}`. */
class ApiError extends Error {
  constructor(readonly status: number, message: string, readonly headers?: HeadersInit) {
    super(message);
  }
}

export default {
  async fetch(request, env) {
    try {
      return await route(request, env);
    } catch (error) {
      if (error instanceof ApiError) {
        const { message, status, headers } = error;
        return Response.json({ error: message }, { status, headers });
      }
      if (error instanceof items.InvalidItemError) {
        return Response.json({ error: "invalid item", fields: error.fields }, { status: 422 });
      }
      throw error;
    }
  },
} satisfies ExportedHandler<Env>;

function route(request: Request, env: Env): Response | Promise<Response> {
  const url = new URL(request.url);
  switch (url.pathname) {
    case "/":
      return Response.json({ items: "/api/items" });
    case "/api/items":
    case "/api/items/":
      return collection(request, env, url.searchParams);
  }
  const found = MEMBER.exec(url.pathname);
  if (!found) throw new ApiError(404, "not found");
  return member(request, env, Number(found[1]));
}

async function collection(request: Request, env: Env, query: URLSearchParams): Promise<Response> {
  switch (methodOf(request)) {
    case "GET": {
      const limit = number(query, "limit", 20, MAX_LIMIT);
      const after = number(query, "cursor", 0, 10 ** 15);
      return Response.json(await items.page(env, limit, after));
    }
    case "POST": {
      const item = await items.create(env, items.whole(await body(request)));
      const headers = { location: `/api/items/${item.id}` };
      return Response.json(item, { status: 201, headers });
    }
  }
  throw notAllowed(request, "GET, POST");
}

async function member(request: Request, env: Env, id: number): Promise<Response> {
  switch (methodOf(request)) {
    case "GET": {
      const { item, cached } = await items.read(env, id);
      return Response.json(existing(item), { headers: { "x-cache": cached ? "hit" : "miss" } });
    }
    case "PUT":
      return Response.json(
        existing(await items.update(env, id, items.whole(await body(request)))),
      );
    case "PATCH":
      return Response.json(
        existing(await items.update(env, id, items.partial(await body(request)))),
      );
    case "DELETE":
      existing(await items.remove(env, id));
      return new Response(null, { status: 204 });
  }
  throw notAllowed(request, "GET, PUT, PATCH, DELETE");
}

/** HEAD is a GET whose body is not sent. */
function methodOf({ method }: Request): string {
  return method === "HEAD" ? "GET" : method;
}

function notAllowed({ method }: Request, allow: string): ApiError {
  return new ApiError(405, `${method} is not allowed here`, { allow });
}

async function body(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    throw new ApiError(400, "the body is not JSON");
  }
}

function number(query: URLSearchParams, name: string, fallback: number, highest: number): number {
  const text = query.get(name) || `${fallback}`;
  const lowest = Math.min(fallback, 1);
  const value = Number(text);
  if (!/^[0-9]{1,15}$/.test(text) || value < lowest || value > highest) {
    throw new ApiError(400, `${name} must be a number from ${lowest} to ${highest}`);
  }
  return value;
}

function existing(item: items.Item | null): items.Item {
  if (!item) throw new ApiError(404, "no such item");
  return item;
}
