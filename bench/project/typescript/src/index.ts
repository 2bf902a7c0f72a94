/**
 * The work that is measured, in TypeScript: the same as ../../python/src/index.py.
 * aerostack dev and wrangler dev serve this file; for bare miniflare, Node strips its types.
 */
const ITEM = '{"id":42,"name":"item 42"}';
const LAST = "SELECT * FROM items ORDER BY id DESC LIMIT 50";
const BATCH = 100;

const numbered: Set<number> = new Set();
let others = 0;

type Work = (request: Request, env: any) => Promise<Response>;

const WORK: Record<string, Work> = {
  "/hello": async () => new Response("hello"),
  "/row": async (_, env) => {
    const found = await env.DB.prepare("SELECT * FROM items WHERE id = ?").bind(42).first();
    return Response.json(found);
  },
  "/last": async (_, env) => Response.json((await env.DB.prepare(LAST).all()).results),
  "/insert": async (_, env) => {
    const made = env.DB.prepare("INSERT INTO notes (text) VALUES (?) RETURNING id, text");
    return Response.json(await made.bind("a note").first());
  },
  "/notes": async (_, env) =>
    Response.json(await env.DB.prepare("SELECT count(*) AS count FROM notes").first()),
  "/cache-get": async (_, env) => new Response(await env.CACHE.get("item")),
  "/cache-put": async (_, env) => {
    await env.CACHE.put("written", ITEM, { expirationTtl: 3600 });
    return new Response("ok");
  },
  "/cache-written": async (_, env) => new Response(await env.CACHE.get("written")),
  "/send": async (_, env) => {
    await env.QUEUE.send({ id: -1 });
    return new Response("sent");
  },
  "/storage-get": async (_, env) => new Response((await env.STORAGE.get("object")).body),
  "/storage-put": async (request, env) => {
    await env.STORAGE.put("stored", request.body);
    return new Response("stored");
  },
  "/storage-stored": async (_, env) => new Response((await env.STORAGE.get("stored")).body),
  /** Send the next hundred messages after `?from=`, each with its number. */
  "/fill": async (request, env) => {
    const first = Number(new URL(request.url).searchParams.get("from"));
    const numbers = Array.from({ length: BATCH }, (_, n) => first + n);
    await env.QUEUE.sendBatch(numbers.map((id) => ({ body: { id } })));
    return new Response("filled");
  },
  /** What the `queue` handler has been given: different numbered messages, and others. */
  "/received": async () => Response.json({ numbered: numbered.size, others }),
  "/forget": async () => {
    numbered.clear();
    others = 0;
    return new Response("forgotten");
  },
  "/seed": async (_, env) => {
    await env.DB.exec("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)");
    await env.DB.exec("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)");
    const write = env.DB.prepare("INSERT OR REPLACE INTO items (id, name) VALUES (?, ?)");
    const numbers = Array.from({ length: 100 }, (_, n) => n + 1);
    await env.DB.batch(numbers.map((n) => write.bind(n, `item ${n}`)));
    await env.CACHE.put("item", ITEM);
    await env.STORAGE.put("object", "x".repeat(10240));
    return new Response("seeded");
  },
};

export default {
  async fetch(request: Request, env: any): Promise<Response> {
    const work = WORK[new URL(request.url).pathname];
    return work ? await work(request, env) : new Response("not found", { status: 404 });
  },

  async queue(batch: any): Promise<void> {
    for (const message of batch.messages) {
      if (message.body.id >= 0) numbered.add(message.body.id);
      else others++;
    }
  },
};
