"""Webhooks of Stripe and GitHub: verified, written down once, worked on in the background.

    POST /webhooks/<provider> -> signature -> row in DB -> message on QUEUE -> 202
    queue()                   -> handlers.py -> row "done", "ignored" or "failed"
    GET  /events              -> the latest rows

Providers send an event again until it is answered, and sometimes after that: the row's key
is the event's own id, and an event that is done is not worked on again.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from handlers import HANDLERS
from signatures import SignatureError, verify_github, verify_stripe
from workers import Request, Response

DEAD = "events-dead"
SHOWN = 50
LARGEST = 1_000_000
"""Bytes of a body. A row of the database holds 2 MB, a message of the queue 128 KB."""


class ApiError(Exception):
    """Becomes an answer with this status and `{"error": message}`."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


async def fetch(request: Request, env: Any, ctx: Any) -> Response:
    try:
        return await route(request, env)
    except ApiError as error:
        return Response.json({"error": str(error)}, status=error.status)
    except SignatureError as error:
        return Response.json({"error": str(error)}, status=401)


async def route(request: Request, env: Any) -> Response:
    match (request.method, urlsplit(request.url).path.strip("/").split("/")):
        case "POST", ["webhooks", provider] if provider in PROVIDERS:
            return await receive(provider, request, env)
        case "GET", ["events"]:
            return await events(env)
        case "GET", [""]:
            urls = [f"/webhooks/{provider}" for provider in PROVIDERS]
            return Response.json({"webhooks": urls, "events": "/events"})
        case "POST", ["webhooks", _]:
            raise ApiError(404, "no such provider")
        case method, ["webhooks", _] | ["events"] | [""]:
            raise ApiError(405, f"{method} is not allowed here")
    raise ApiError(404, "not found")


async def queue(batch: Any, env: Any, ctx: Any) -> None:
    for message in batch.messages:
        event = await find(message.body, env)
        if event is None or event["status"] != "received":
            message.ack()
        elif batch.queue == DEAD:
            await note(env, event, "failed", event["outcome"])
            message.ack()
        else:
            await work(message, event, env)


async def receive(provider: str, request: Request, env: Any) -> Response:
    body = await request.bytes()
    if len(body) > LARGEST:
        raise ApiError(413, f"the body is larger than {LARGEST} bytes")
    event_id, kind = PROVIDERS[provider](body, request.headers, env)
    status, deliveries = await keep(env, provider, event_id, kind, body)
    # Also for an event that was received before: its message may never have been sent.
    if status == "received":
        await env.QUEUE.send({"provider": provider, "id": event_id})
    return Response.json({"id": event_id, "status": status, "deliveries": deliveries}, status=202)


def from_stripe(body: bytes, headers: Any, env: Any) -> tuple[str, str]:
    """The id and the type of an event that Stripe sent."""
    secret = required(env, "STRIPE_WEBHOOK_SECRET")
    verify_stripe(body, headers.get("stripe-signature"), secret, time.time())
    payload = parsed(body)
    return text(payload.get("id"), "id"), text(payload.get("type"), "type")


def from_github(body: bytes, headers: Any, env: Any) -> tuple[str, str]:
    """The id and the type of an event that GitHub sent; both are in its headers."""
    secret = required(env, "GITHUB_WEBHOOK_SECRET")
    verify_github(body, headers.get("x-hub-signature-256"), secret)
    parsed(body)
    delivery = text(headers.get("x-github-delivery"), "X-GitHub-Delivery")
    return delivery, text(headers.get("x-github-event"), "X-GitHub-Event")


PROVIDERS: Mapping[str, Callable[[bytes, Any, Any], tuple[str, str]]] = {
    "stripe": from_stripe,
    "github": from_github,
}


async def keep(env: Any, provider: str, event_id: str, kind: str, body: bytes) -> tuple[str, int]:
    """Write an event down; its status, and how often it has come.

    One that had failed for good is as new when the provider sends it again.
    """
    insert = env.DB.prepare(
        "INSERT INTO events (provider, id, type, payload) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET deliveries = deliveries + 1, "
        "status = iif(status = 'failed', 'received', status) RETURNING status, deliveries"
    )
    row = await insert.bind(provider, event_id, kind, body.decode()).first()
    return row["status"], row["deliveries"]


async def work(message: Any, event: Any, env: Any) -> None:
    """Let the event's handler do its work; its message says whether to try again."""
    handler = HANDLERS.get((event["provider"], event["type"]))
    try:
        outcome = await handler(json.loads(event["payload"]), env) if handler else None
    except Exception as error:
        await note(env, event, "received", f"{type(error).__name__}: {error}")
        message.retry(delaySeconds=2**message.attempts)
    else:
        await note(env, event, "done" if handler else "ignored", outcome)
        message.ack()


async def find(key: Mapping[str, str], env: Any) -> Any:
    statement = env.DB.prepare("SELECT * FROM events WHERE provider = ? AND id = ?")
    return await statement.bind(key["provider"], key["id"]).first()


async def note(env: Any, event: Any, status: str, outcome: str | None) -> None:
    update = env.DB.prepare(
        "UPDATE events SET status = ?, outcome = ? WHERE provider = ? AND id = ?"
    )
    await update.bind(status, outcome, event["provider"], event["id"]).run()


async def events(env: Any) -> Response:
    newest = env.DB.prepare(
        "SELECT provider, id, type, status, deliveries, outcome, received_at FROM events "
        "ORDER BY received_at DESC, rowid DESC LIMIT ?"
    )
    return Response.json({"events": (await newest.bind(SHOWN).all()).results})


def required(env: Any, name: str) -> str:
    """A secret. An empty one would be as good as none: anybody could sign with it."""
    value = getattr(env, name, "")
    if not value:
        raise ApiError(500, f"{name} is not set; see .dev.vars.example")
    return str(value)


def parsed(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON") from None
    if not isinstance(payload, dict):
        raise ApiError(400, "the body must be a JSON object")
    return payload


def text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 255:
        raise ApiError(400, f"{name} must be text of 1 to 255 characters")
    return value
