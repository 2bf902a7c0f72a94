"""What customers say: reviews judged as they come, and summed up every Monday.

POST /reviews {"topic", "text"} -> DB, AI: its sentiment
GET  /insights                  -> counts by topic, from DB, cached
cron, Mondays at 8 UTC          -> AI: summaries -> STORAGE: the week's report
GET  /reports, /reports/<date>.json, /reports/<date>.txt, /reports/latest.txt
"""

from typing import Any
from urllib.parse import urlsplit

import reports
import reviews
from workers import Request, Response

TOPICS = ("delivery", "price", "quality", "support")
LONGEST_TEXT = 1000


class ApiError(Exception):
    """Becomes an answer with this status and `{"error": message}`."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


async def scheduled(event: Any, env: Any, ctx: Any) -> None:
    judged = await reviews.judge_the_rest(env)
    # The time that the run is for, not the time that it is: a late run reports the same week.
    name = await reports.write(env, event.scheduledTime)
    print(f"judged {judged} reviews, wrote the report of {name}")


async def fetch(request: Request, env: Any, ctx: Any) -> Response:
    try:
        return await route(request, env)
    except ApiError as error:
        return Response.json({"error": str(error)}, status=error.status)


async def route(request: Request, env: Any) -> Response:
    match (request.method, urlsplit(request.url).path.strip("/").split("/")):
        case "GET", [""]:
            return Response.json(
                {"reviews": "/reviews", "insights": "/insights", "reports": "/reports"}
            )
        case "POST", ["reviews"]:
            return await add(request, env)
        case "GET", ["insights"]:
            topics, cached = await reviews.cached_counts(env)
            headers = {"x-cache": "hit" if cached else "miss"}
            return Response.json({"topics": topics}, headers=headers)
        case "GET", ["reports"]:
            return Response.json({"reports": await reports.listed(env)})
        case "GET", ["reports", name]:
            return await show(name, env)
        case method, [""] | ["reviews"] | ["insights"] | ["reports"] | ["reports", _]:
            raise ApiError(405, f"{method} is not allowed here")
    raise ApiError(404, "not found")


async def add(request: Request, env: Any) -> Response:
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON") from None
    if not isinstance(given, dict) or given.get("topic") not in TOPICS:
        raise ApiError(422, f"topic must be one of: {', '.join(TOPICS)}")
    text = given.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        raise ApiError(422, f"text must be text of 1 to {LONGEST_TEXT} characters")
    return Response.json(await reviews.add(env, given["topic"], text.strip()), status=201)


async def show(name: str, env: Any) -> Response:
    report = await reports.read(env, name)
    if report is None:
        raise ApiError(404, "no such report")
    return Response(report.body, headers={"content-type": report.httpMetadata.contentType})
