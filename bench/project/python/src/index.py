"""The work that is measured, in Python: the same as ../typescript/src/index.ts."""

from urllib.parse import urlsplit

from workers import Response

ITEM = '{"id":42,"name":"item 42"}'
LAST = "SELECT * FROM items ORDER BY id DESC LIMIT 50"
BATCH = 100

numbered = set()
others = 0


async def fetch(request, env, ctx):
    path = urlsplit(request.url).path
    work = WORK.get(path)
    if work is None:
        return Response("not found", status=404)
    return await work(request, env)


async def hello(request, env):
    return Response("hello")


async def row(request, env):
    found = await env.DB.prepare("SELECT * FROM items WHERE id = ?").bind(42).first()
    return Response.json(found)


async def last(request, env):
    found = await env.DB.prepare(LAST).all()
    return Response.json(found["results"])


async def insert(request, env):
    made = env.DB.prepare("INSERT INTO notes (text) VALUES (?) RETURNING id, text").bind("a note")
    return Response.json(await made.first())


async def notes(request, env):
    return Response.json(await env.DB.prepare("SELECT count(*) AS count FROM notes").first())


async def cache_get(request, env):
    return Response(await env.CACHE.get("item"))


async def cache_put(request, env):
    await env.CACHE.put("written", ITEM, {"expirationTtl": 3600})
    return Response("ok")


async def cache_written(request, env):
    return Response(await env.CACHE.get("written"))


async def send(request, env):
    await env.QUEUE.send({"id": -1})
    return Response("sent")


async def storage_get(request, env):
    found = await env.STORAGE.get("object")
    return Response(found.body)


async def storage_put(request, env):
    await env.STORAGE.put("stored", request.body)
    return Response("stored")


async def storage_stored(request, env):
    found = await env.STORAGE.get("stored")
    return Response(found.body)


async def fill(request, env):
    """Send the next hundred messages after `?from=`, each with its number."""
    first = int(urlsplit(request.url).query.partition("=")[2])
    await env.QUEUE.sendBatch([{"body": {"id": first + n}} for n in range(BATCH)])
    return Response("filled")


async def received(request, env):
    """What the `queue` handler has been given: different numbered messages, and others."""
    return Response.json({"numbered": len(numbered), "others": others})


async def forget(request, env):
    global others
    numbered.clear()
    others = 0
    return Response("forgotten")


async def seed(request, env):
    await env.DB.exec("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)")
    await env.DB.exec("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)")
    write = env.DB.prepare("INSERT OR REPLACE INTO items (id, name) VALUES (?, ?)")
    await env.DB.batch([write.bind(n, f"item {n}") for n in range(1, 101)])
    await env.CACHE.put("item", ITEM)
    await env.STORAGE.put("object", "x" * 10240)
    return Response("seeded")


async def queue(batch, env, ctx):
    global others
    for message in batch.messages:
        if message.body["id"] >= 0:
            numbered.add(message.body["id"])
        else:
            others += 1


WORK = {
    "/hello": hello,
    "/row": row,
    "/last": last,
    "/insert": insert,
    "/notes": notes,
    "/cache-get": cache_get,
    "/cache-put": cache_put,
    "/cache-written": cache_written,
    "/send": send,
    "/storage-get": storage_get,
    "/storage-put": storage_put,
    "/storage-stored": storage_stored,
    "/fill": fill,
    "/received": received,
    "/forget": forget,
    "/seed": seed,
}
