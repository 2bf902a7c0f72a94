"""Two crons: events older than 30 days go every night, a report is made every Monday.

GET / shows what they did; POST /events {"name": …} records something for them to do.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from workers import Request, Response

DAY = 24 * 60 * 60 * 1000
KEPT = 30 * DAY
WEEK = 7 * DAY
SHOWN = 10


async def scheduled(event: Any, env: Any, ctx: Any) -> None:
    task = TASKS[event.cron]
    # The time that the run is for, not the time that it is: a late run gives the same.
    result = await task(event.scheduledTime, env)
    await (
        env.DB.prepare("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)")
        .bind(task.__name__, event.scheduledTime, json.dumps(result))
        .run()
    )
    print(f"{task.__name__}: {result}")


async def fetch(request: Request, env: Any, ctx: Any) -> Response:
    match (request.method, urlsplit(request.url).path):
        case ("GET", "/"):
            return await overview(env)
        case ("POST", "/events"):
            return await record(request, env)
        case (_, "/" | "/events"):
            return Response.json({"error": f"{request.method} is not allowed here"}, status=405)
    return Response.json({"error": "not found"}, status=404)


async def clean_up(now: int, env: Any) -> dict[str, int]:
    """Delete the events that nobody will ask for any more."""
    done = await env.DB.prepare("DELETE FROM events WHERE at < ?").bind(now - KEPT).run()
    return {"deleted": done.meta.changes}


async def report(now: int, env: Any) -> dict[str, int]:
    """Count the events of the past seven days, by name."""
    counted = env.DB.prepare(
        "SELECT name, count(*) AS count FROM events WHERE at >= ? AND at < ? "
        "GROUP BY name ORDER BY name"
    )
    rows = (await counted.bind(now - WEEK, now).all()).results
    return {row["name"]: row["count"] for row in rows}


TASKS: Mapping[str, Callable[[int, Any], Awaitable[dict[str, int]]]] = {
    "30 3 * * *": clean_up,
    "0 9 * * MON": report,
}


async def overview(env: Any) -> Response:
    """How many events there are, and the latest runs."""
    events, runs = await env.DB.batch(
        [
            env.DB.prepare("SELECT count(*) AS count FROM events"),
            env.DB.prepare("SELECT * FROM runs ORDER BY at DESC, task LIMIT ?").bind(SHOWN),
        ]
    )
    return Response.json(
        {
            "events": events.results[0]["count"],
            "runs": [{**run, "result": json.loads(run["result"])} for run in runs.results],
        }
    )


async def record(request: Request, env: Any) -> Response:
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        return Response.json({"error": "the body is not JSON"}, status=400)
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or not 1 <= len(name) <= 50:
        return Response.json({"error": "name must be text of 1 to 50 characters"}, status=422)
    insert = env.DB.prepare("INSERT INTO events (name, at) VALUES (?, ?)")
    await insert.bind(name, int(time.time() * 1000)).run()
    return Response(None, status=204)
