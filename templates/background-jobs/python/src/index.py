"""Jobs that outlive their request: POST /jobs, then GET /jobs/<id>.

    POST /jobs -> row "queued" in DB -> message {"id"} on QUEUE -> queue() -> row "done"

The row is what the world sees, the message only says that there is something to do. A
message may be delivered twice, so a job that has ended is not run again.
"""

import json
import uuid
from typing import Any
from urllib.parse import urlsplit

from work import KINDS, InputError
from workers import Request, Response

DEAD = "jobs-dead"
SHOWN = 20


async def fetch(request: Request, env: Any, ctx: Any) -> Response:
    match [part for part in urlsplit(request.url).path.split("/") if part]:
        case []:
            return Response.json({"jobs": "/jobs", "kinds": sorted(KINDS)})
        case ["jobs"] if request.method == "POST":
            return await create(request, env)
        case ["jobs"] if request.method == "GET":
            return await recent(env)
        case ["jobs", job_id] if request.method == "GET":
            return await show(job_id, env)
        case ["jobs"] | ["jobs", _]:
            return refusal(405, f"{request.method} is not allowed here")
    return refusal(404, "not found")


async def queue(batch: Any, env: Any, ctx: Any) -> None:
    for message in batch.messages:
        if batch.queue == DEAD:
            await give_up(message, env)
        else:
            await attempt(message, env)


async def create(request: Request, env: Any) -> Response:
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        return refusal(400, "the body is not JSON")
    if not isinstance(given, dict) or given.get("kind") not in list(KINDS):
        return refusal(422, f"kind must be one of: {', '.join(sorted(KINDS))}")
    job_id = str(uuid.uuid4())
    insert = env.DB.prepare("INSERT INTO jobs (id, kind, input) VALUES (?, ?, ?)")
    await insert.bind(job_id, given["kind"], json.dumps(given.get("input"))).run()
    await env.QUEUE.send({"id": job_id})
    path = f"/jobs/{job_id}"
    return Response.json({"id": job_id}, status=202, headers={"location": path})


async def recent(env: Any) -> Response:
    newest = env.DB.prepare("SELECT * FROM jobs ORDER BY created_at DESC LIMIT ?").bind(SHOWN)
    return Response.json({"jobs": [shown(job) for job in (await newest.all()).results]})


async def show(job_id: str, env: Any) -> Response:
    job = await find(job_id, env)
    return Response.json(shown(job)) if job else refusal(404, "no such job")


async def attempt(message: Any, env: Any) -> None:
    """Try a job once; its message says whether, and when, to try it again."""
    job = await find(message.body["id"], env)
    if job is None or job["status"] != "queued":
        message.ack()
        return
    try:
        output = await KINDS[job["kind"]](json.loads(job["input"]), message.attempts)
    except InputError as error:
        await note(env, job, "failed", message.attempts, error=str(error))
        message.ack()
    except Exception as error:
        await note(env, job, "queued", message.attempts, error=str(error))
        message.retry(delaySeconds=2**message.attempts)
    else:
        await note(env, job, "done", message.attempts, output=output)
        message.ack()


async def give_up(message: Any, env: Any) -> None:
    """A message that came to the dead letter queue: its job has failed for good."""
    job = await find(message.body["id"], env)
    if job and job["status"] == "queued":
        await note(env, job, "failed", job["attempts"], error=job["error"])
    message.ack()


async def find(job_id: str, env: Any) -> Any:
    return await env.DB.prepare("SELECT * FROM jobs WHERE id = ?").bind(job_id).first()


async def note(
    env: Any, job: Any, status: str, attempts: int, output: Any = None, error: str | None = None
) -> None:
    update = env.DB.prepare(
        "UPDATE jobs SET status = ?, attempts = ?, output = ?, error = ? WHERE id = ?"
    )
    written = None if output is None else json.dumps(output)
    await update.bind(status, attempts, written, error, job["id"]).run()


def shown(job: Any) -> dict[str, Any]:
    """A row as the world sees it: its JSON columns read, what is not there left out."""
    read = {name: json.loads(job[name]) for name in ("input", "output") if job[name] is not None}
    return {name: value for name, value in {**job, **read}.items() if value is not None}


def refusal(status: int, message: str) -> Response:
    return Response.json({"error": message}, status=status)
