"""Questions answered from documents ("retrieval-augmented generation").

    POST   /documents {"title", "text"} -> passages -> AI: vectors -> VECTORIZE, text -> DB
    POST   /ask {"question"}            -> AI: vector -> VECTORIZE: nearest passages -> AI: answer
    GET    /documents
    DELETE /documents/<id>

This file speaks HTTP; what happens is in library.py.
"""

from typing import Any
from urllib.parse import urlsplit

import library
from workers import Request, Response

LONGEST_TITLE = 200
LONGEST_TEXT = 50_000
LONGEST_QUESTION = 1000


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


async def route(request: Request, env: Any) -> Response:
    match (request.method, urlsplit(request.url).path.strip("/").split("/")):
        case "GET", [""]:
            return Response.json({"documents": "/documents", "ask": "/ask"})
        case "GET", ["documents"]:
            return Response.json({"documents": await library.listed(env)})
        case "POST", ["documents"]:
            return await add(request, env)
        case "DELETE", ["documents", document]:
            return await remove(document, env)
        case "POST", ["ask"]:
            return await ask(request, env)
        case method, [""] | ["documents"] | ["documents", _] | ["ask"]:
            raise ApiError(405, f"{method} is not allowed here")
    raise ApiError(404, "not found")


async def add(request: Request, env: Any) -> Response:
    given = await body(request)
    title = text(given, "title", LONGEST_TITLE)
    document = await library.ingest(env, title, text(given, "text", LONGEST_TEXT))
    return Response.json(document, status=201)


async def remove(document: str, env: Any) -> Response:
    if not await library.delete(env, document):
        raise ApiError(404, "no such document")
    return Response(None, status=204)


async def ask(request: Request, env: Any) -> Response:
    question = text(await body(request), "question", LONGEST_QUESTION)
    return Response.json(await library.ask(env, question))


async def body(request: Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON") from None
    if not isinstance(given, dict):
        raise ApiError(422, "the body must be an object")
    return given


def text(given: dict[str, Any], name: str, longest: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise ApiError(422, f"{name} must be text of 1 to {longest} characters")
    return value.strip()
