import asyncio

from workers import Response


async def fetch(request, env, ctx):
    if request.url.endswith("/forever"):
        ctx.wait_until(asyncio.Event().wait())
    if request.url.endswith("/broken"):
        raise LookupError("the author's own")
    await env.CACHE.put("last", request.url, expirationTtl=60)
    await note(env, "request")
    return Response.json({"greeting": env.GREETING})


async def queue(batch, env):
    for message in batch.messages:
        await note(env, f"{batch.queue} {message.body} {message.attempts}")
        match message.body:
            case "retry" if batch.queue == "jobs":
                message.retry()
            case {"again": seconds}:
                await env.QUEUE.send(message.body, delaySeconds=seconds)


async def scheduled(event, env):
    await note(env, event.cron)
    if event.cron == "0 * * * *":
        await env.QUEUE.send("hourly")


async def note(env, text):
    await env.DB.prepare("INSERT INTO log (text) VALUES (?)").bind(text).run()
