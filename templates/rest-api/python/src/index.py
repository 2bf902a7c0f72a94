"""A JSON API: /api/items and /api/items/<id>.

This file speaks HTTP: routes, status codes, errors. What an item is, and how it is kept,
is in items.py.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import items
from workers import Request, Response

COLLECTION = re.compile(r"/api/items/?")
MEMBER = re.compile(r"/api/items/([1-9][0-9]{0,14})")
MAX_LIMIT = 100

Handler = Callable[..., Awaitable[Response]]


class ApiError(Exception):
    """Becomes an answer with this status and `{"error": message}`."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.headers = headers


async def fetch(request: Request, env: Any, ctx: Any) -> Response:
    try:
        return await route(request, env)
    except ApiError as error:
        return Response.json({"error": str(error)}, status=error.status, headers=error.headers)
    except items.InvalidItemError as error:
        return Response.json({"error": "invalid item", "fields": error.fields}, status=422)


async def route(request: Request, env: Any) -> Response:
    path = urlsplit(request.url).path
    if path == "/":
        return Response.json({"items": "/api/items"})
    if COLLECTION.fullmatch(path):
        return await chosen(request, GET=list_items, POST=create_item)(request, env)
    if found := MEMBER.fullmatch(path):
        handler = chosen(
            request, GET=read_item, PUT=replace_item, PATCH=change_item, DELETE=delete_item
        )
        return await handler(request, env, int(found[1]))
    raise ApiError(404, "not found")


async def list_items(request: Request, env: Any) -> Response:
    query = dict(parse_qsl(urlsplit(request.url).query))
    limit = number(query, "limit", default=20, highest=MAX_LIMIT)
    after = number(query, "cursor", default=0, highest=10**15)
    found, cursor = await items.page(env, limit, after)
    return Response.json({"items": found, "cursor": cursor})


async def create_item(request: Request, env: Any) -> Response:
    item = await items.create(env, items.validated(await body(request)))
    return Response.json(item, status=201, headers={"location": f"/api/items/{item['id']}"})


async def read_item(request: Request, env: Any, item_id: int) -> Response:
    item, cached = await items.read(env, item_id)
    return Response.json(existing(item), headers={"x-cache": "hit" if cached else "miss"})


async def replace_item(request: Request, env: Any, item_id: int) -> Response:
    fields = items.validated(await body(request))
    return Response.json(existing(await items.update(env, item_id, fields)))


async def change_item(request: Request, env: Any, item_id: int) -> Response:
    fields = items.validated(await body(request), partial=True)
    return Response.json(existing(await items.update(env, item_id, fields)))


async def delete_item(request: Request, env: Any, item_id: int) -> Response:
    existing(await items.delete(env, item_id))
    return Response(None, status=204)


def chosen(request: Request, **handlers: Handler) -> Handler:
    """The handler for the request's method; HEAD is a GET whose body is not sent."""
    method = "GET" if request.method == "HEAD" else request.method
    if method not in handlers:
        allowed = ", ".join(handlers)
        raise ApiError(405, f"{request.method} is not allowed here", {"allow": allowed})
    return handlers[method]


async def body(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON") from None


def number(query: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,15}", text) or not min(default, 1) <= int(text) <= highest:
        raise ApiError(400, f"{name} must be a number from {min(default, 1)} to {highest}")
    return int(text)


def existing(item: dict[str, Any] | None) -> dict[str, Any]:
    if item is None:
        raise ApiError(404, "no such item")
    return item
