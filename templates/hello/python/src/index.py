"""Greets whoever asks: GET /?name=Ada."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from workers import Request, Response


async def fetch(request: Request, env: Any, ctx: Any) -> Response:
    query = parse_qs(urlsplit(request.url).query)
    name = query.get("name", ["world"])[0]
    return Response(f"{env.GREETING}, {name}!\n")
