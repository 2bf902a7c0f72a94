"""The work that is measured: the same as in bench/peers/bare.py."""

from urllib.parse import urlsplit

from workers import Response


async def fetch(request, env, ctx):
    path = urlsplit(request.url).path
    if path == "/hello":
        return Response("hello")
    if path == "/row":
        row = await env.DB.prepare("SELECT * FROM items WHERE id = ?").bind(42).first()
        return Response.json(row)
    if path == "/cache":
        return Response(await env.CACHE.get("item"))
    if path == "/put":
        await env.CACHE.put("item", '{"id":42,"name":"item 42"}', {"expirationTtl": 3600})
        return Response("ok")
    if path == "/send":
        await env.QUEUE.send({"id": 42})
        return Response("sent")
    if path == "/seed":
        await env.DB.exec("DROP TABLE IF EXISTS items")
        await env.DB.exec("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        insert = env.DB.prepare("INSERT INTO items (name) VALUES (?)")
        await env.DB.batch([insert.bind(f"item {number}") for number in range(1, 101)])
        return Response("seeded")
    return Response("not found", status=404)
