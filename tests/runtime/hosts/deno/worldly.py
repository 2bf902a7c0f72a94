"""A function as people have them for years: a package.json, a router, many routes."""

from __future__ import annotations

PACKAGES = {
    # A router in the style of the small ones, in both kinds of module.
    "node_modules/tiny-router/package.json": """{
      "name": "tiny-router", "version": "3.1.0", "type": "module", "types": "./index.d.ts",
      "exports": { ".": { "workerd": "./index.js", "require": "./index.cjs",
                          "default": "./index.js" } }
    }""",
    "node_modules/tiny-router/index.js": """
        export const Router = ({ base = "", routes = [] } = {}) => ({
          __proto__: new Proxy({}, { get: (target, method, router) => (route, ...handlers) => {
            const names = [];
            const pattern = (base + route).replaceAll("*", ".*").replace(/:(\\w+)/g, (_, name) => {
              names.push(name);
              return "([^/]+)";
            });
            const entry = [method.toUpperCase(), RegExp(`^${pattern}/*$`), names, handlers];
            return routes.push(entry) && router;
          } }),
          routes,
          async handle(request, ...args) {
            const url = new URL(request.url);
            for (const [method, pattern, names, handlers] of routes) {
              const matched = url.pathname.match(pattern);
              if (!matched || (method !== request.method && method !== "ALL")) continue;
              request.params = Object.fromEntries(names.map((n, at) => [n, matched[at + 1]]));
              request.query = Object.fromEntries(url.searchParams);
              for (const handler of handlers) {
                const answer = await handler(request.proxy ?? request, ...args);
                if (answer !== undefined) return answer;
              }
            }
          },
        });
    """,
    # One that was made for bundlers: no "type", no endings, a JSON file of its own.
    "node_modules/checks/package.json": '{"name": "checks", "main": "lib/index.js"}',
    "node_modules/checks/lib/index.js": """
        import { texts } from "./texts";
        import limits from "./limits.json";
        export function text(value, name) {
          if (typeof value !== "string") throw new Error(`${name} ${texts.text}`);
          return value.slice(0, limits.longest);
        }
        export function number(value, name) {
          if (!Number.isFinite(Number(value))) throw new Error(`${name} ${texts.number}`);
          return Number(value);
        }
    """,
    "node_modules/checks/lib/texts.js": """
        export const texts = { text: "must be a text", number: "must be a number" };
    """,
    "node_modules/checks/lib/limits.json": '{"longest": 1000}',
    # An old one, in CommonJS, with a dependency of its own.
    "node_modules/slugify/package.json": '{"name": "slugify", "main": "index.js"}',
    "node_modules/slugify/index.js": """
        var lower = require("lower");
        module.exports = function (text) { return lower(text).replace(/[^a-z0-9]+/g, "-") };
        module.exports.default = module.exports;
    """,
    "node_modules/slugify/node_modules/lower/package.json": '{"name": "lower"}',
    "node_modules/slugify/node_modules/lower/index.js": """
        module.exports = function (text) { return String(text).toLowerCase() };
    """,
}

PROJECT = {
    "aerostack.toml": 'name = "shop"\nmain = "src/index.ts"\n[vars]\nCURRENCY = "EUR"\n',
    "package.json": """{
      "name": "shop", "version": "2.4.1", "private": true,
      "dependencies": { "tiny-router": "^3.1.0", "checks": "^1.0.0", "slugify": "^1.0.0" },
      "devDependencies": { "@cloudflare/workers-types": "^4.0.0", "wrangler": "^3.0.0" }
    }""",
    "tsconfig.json": """{
      // Written by the first wrangler that there was.
      "compilerOptions": {
        "target": "es2021", "module": "es2022", "moduleResolution": "node", "strict": true,
        "types": ["@cloudflare/workers-types"], "resolveJsonModule": true, "noEmit": true,
        "baseUrl": ".", "paths": { "@/*": ["src/*"] },
      },
    }""",
    "src/index.ts": """
        import { Router } from "tiny-router";
        import { ExecutionContext } from "@cloudflare/workers-types";
        import { version } from "../package.json";
        import page from "./page.html";
        import schema from "./schema.sql";
        import { routesOf } from "@/routes";
        import { problem } from "./lib/answers";
        import type { Env } from "./types";

        const router = Router();
        router.all("*", async (_request: Request, env: Env) => {
          await prepare(env);
        });
        router.get("/", (_request: Request, env: Env) =>
          new Response(page.replace("{{currency}}", env.CURRENCY), {
            headers: { "content-type": "text/html;charset=utf-8" },
          }));
        router.get("/version", () => Response.json({ version }));
        routesOf(router);
        router.all("*", () => problem(404, "nothing here"));

        let prepared: Promise<unknown> | undefined;
        function prepare(env: Env) {
          return prepared ??= env.DB.exec(schema.trim().split("\\n").join(" "));
        }

        export default {
          async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
            try {
              return await router.handle(request, env, ctx);
            } catch (error) {
              return problem(400, (error as Error).message);
            }
          },
        };
    """,
    "src/page.html": "<!doctype html><title>Shop</title><p>All prices in {{currency}}</p>\n",
    "src/schema.sql": (
        "CREATE TABLE IF NOT EXISTS things (\n  id TEXT PRIMARY KEY, kind TEXT NOT NULL,\n"
        "  name TEXT NOT NULL, price REAL NOT NULL DEFAULT 0)\n"
    ),
    "src/types.ts": """
        export interface Env {
          DB: D1Database;
          CACHE: KVNamespace;
          CURRENCY: string;
        }
        export enum Kind { Product = "product", Service = "service" }
    """,
    "src/lib/answers.ts": """
        export const ok = (value: unknown, status = 200): Response =>
          Response.json(value, { status });
        export function problem(status: number, message: string): Response {
          return ok({ error: message }, status);
        }
    """,
}

RESOURCE = """
import * as checks from "checks";
import slugify from "slugify";
import { ok, problem } from "../lib/answers";
import type { Env } from "@/types";

/** %name%s: one of the tables of the shop. */
export interface %Name% {
  id: string;
  name: string;
  price: number;
  kind: "%name%";
}

type Draft = Partial<Omit<%Name%, "id" | "kind">>;
type Routed = Request & { params: Record<string, string>; query: Record<string, string> };

const KIND = "%name%" as const;
const KEPT_SECONDS = 60;

class %Name%Store {
  constructor(private readonly env: Env) {}

  async all(limit: number): Promise<%Name%[]> {
    const { results } = await this.env.DB
      .prepare("SELECT * FROM things WHERE kind = ?1 ORDER BY name LIMIT ?2")
      .bind(KIND, limit)
      .all<%Name%>();
    return results;
  }

  async one(id: string): Promise<%Name% | null> {
    const kept = await this.env.CACHE.get<%Name%>(key(id), "json");
    if (kept) return kept;
    const found = await this.env.DB
      .prepare("SELECT * FROM things WHERE kind = ?1 AND id = ?2")
      .bind(KIND, id)
      .first<%Name%>();
    if (found) {
      await this.env.CACHE.put(key(id), JSON.stringify(found), { expirationTtl: KEPT_SECONDS });
    }
    return found;
  }

  async save(id: string, draft: Draft): Promise<%Name%> {
    const made: %Name% = {
      id,
      kind: KIND,
      name: checks.text(draft.name, "name"),
      price: checks.number(draft.price ?? 0, "price"),
    };
    await this.env.DB
      .prepare("INSERT OR REPLACE INTO things (id, kind, name, price) VALUES (?1, ?2, ?3, ?4)")
      .bind(made.id, made.kind, made.name, made.price)
      .run();
    await this.env.CACHE.delete(key(id));
    return made;
  }

  async remove(id: string): Promise<boolean> {
    const { meta } = await this.env.DB
      .prepare("DELETE FROM things WHERE kind = ?1 AND id = ?2")
      .bind(KIND, id)
      .run();
    await this.env.CACHE.delete(key(id));
    return meta.changes > 0;
  }
}

function key(id: string): string {
  return `${KIND}:${id}`;
}

async function bodyOf(request: Request): Promise<Draft> {
  const type = request.headers.get("content-type") ?? "";
  if (!type.includes("json")) throw new Error("expected JSON");
  return await request.json() as Draft;
}

export const list = async ({ query }: Routed, env: Env): Promise<Response> =>
  ok({ %name%s: await new %Name%Store(env).all(checks.number(query.limit ?? 20, "limit")) });

export async function read({ params }: Routed, env: Env): Promise<Response> {
  const found = await new %Name%Store(env).one(params.id!);
  return found ? ok(found) : problem(404, `there is no %name% ${params.id}`);
}

export async function create(request: Routed, env: Env): Promise<Response> {
  const draft = await bodyOf(request);
  const id = slugify(checks.text(draft.name, "name"));
  return ok(await new %Name%Store(env).save(id, draft), 201);
}

export async function update(request: Routed, env: Env): Promise<Response> {
  const store = new %Name%Store(env);
  const before = await store.one(request.params.id!);
  if (!before) return problem(404, `there is no %name% ${request.params.id}`);
  return ok(await store.save(before.id, { ...before, ...await bodyOf(request) }));
}

export async function remove({ params }: Routed, env: Env): Promise<Response> {
  const gone = await new %Name%Store(env).remove(params.id!);
  return gone ? new Response(null, { status: 204 }) : problem(404, "it was not there");
}

export const %name%Routes = { list, read, create, update, remove } satisfies Record<
  string,
  (request: Routed, env: Env) => Promise<Response>
>;
"""
NAMES = (
    "product", "service", "voucher", "bundle", "brand", "supplier", "store", "category",
    "material", "colour", "size", "season", "campaign", "review",
)  # fmt: skip

ROUTES = "\n".join(
    [
        *(f'import {{ {name}Routes }} from "./{name}";' for name in NAMES),
        "",
        "const resources = { " + ", ".join(f"{name}s: {name}Routes" for name in NAMES) + " };",
        "",
        "export function routesOf(router: any): void {",
        "  for (const [name, routes] of Object.entries(resources)) {",
        "    router.get(`/${name}`, routes.list);",
        "    router.post(`/${name}`, routes.create);",
        "    router.get(`/${name}/:id`, routes.read);",
        "    router.put(`/${name}/:id`, routes.update);",
        "    router.delete(`/${name}/:id`, routes.remove);",
        "  }",
        "}",
    ]
)


def files() -> dict[str, str]:
    """The project by file name, its packages installed."""
    resources = {
        f"src/routes/{name}.ts": RESOURCE.replace("%name%", name).replace("%Name%", name.title())
        for name in NAMES
    }
    return {**PROJECT, **PACKAGES, **resources, "src/routes/index.ts": ROUTES}
