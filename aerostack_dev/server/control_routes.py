"""The routes of the control port. Imported with its first request: Starlette is not free."""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from .. import wire
from ..errors import AerostackError, ControlError
from . import state_routes
from .contract import Runtime
from .control import RefusedError
from .dashboard import assets
from .events import EventStreams
from .openapi import document
from .streams import CONTENT_TYPE, lines
from .timekeeping import WAYS, Timekeeper
from .triggers import FURTHEST_MS
from .views import Views

LARGEST_BODY = 128 * 1024 * 1024
LARGEST_STREAM = 96 * 1024 * 1024
"""Of a result that is a stream; base64 makes it a third larger."""
MOST_INVOCATIONS = 1000

Handler = Callable[[Request], Awaitable[Response]]

logger = logging.getLogger("aerostack.server")


def application(
    runtime: Runtime,
    views: Views,
    events: EventStreams,
    say: Callable[[str], None] = lambda text: None,
) -> Starlette:
    """The routes, behind `ControlApp`, which has checked the request already."""
    api = _Api(runtime, views, events, say)
    routes = [
        Route("/api/status", _answering(views, api.status), methods=["GET"]),
        Route("/api/invoke", _answering(views, api.invoke), methods=["POST"]),
        Route("/api/stream", _answering(views, api.stream), methods=["POST"]),
        Route("/api/clock", _answering(views, api.clock), methods=["GET"]),
        Route("/api/clock", _answering(views, api.move_clock), methods=["POST"]),
        Route("/api/crons", _answering(views, api.crons), methods=["GET"]),
        Route("/api/crons/run", _answering(views, api.run_cron), methods=["POST"]),
        Route("/api/invocations", _answering(views, api.invocations), methods=["GET"]),
        Route("/api/events", _answering(views, api.events), methods=["GET"]),
        Route("/api/reload", _answering(views, api.reload), methods=["POST"]),
        Route("/api/state", _answering(views, api.state), methods=["GET"]),
        Route("/api/state/reset", _answering(views, api.reset), methods=["POST"]),
        Route("/api/state/restore", _answering(views, api.restore), methods=["POST"]),
        Route("/api/state/snapshot", _answering(views, api.snapshot), methods=["POST"]),
        Route("/openapi.json", _answering(views, api.openapi), methods=["GET"]),
        *(Route(asset.path, _serve(asset.body, asset.content_type)) for asset in assets()),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _not_routed})
    app.router.redirect_slashes = False  # a path is exact, or it is nothing
    return app


class _Api:
    """One method for each route of `/api`."""

    def __init__(
        self, runtime: Runtime, views: Views, events: EventStreams, say: Callable[[str], None]
    ) -> None:
        self._say = say
        self._runtime = runtime
        self._views = views
        self._events = events

    async def status(self, request: Request) -> Response:
        return _json(self._views.status())

    async def invoke(self, request: Request) -> Response:
        return _json({"result": await _collected(await self._called(request))})

    async def stream(self, request: Request) -> Response:
        found = lines(await self._called(request), self._events.closing, self._views.error)
        return _EventResponse(found, media_type=CONTENT_TYPE)

    async def _called(self, request: Request) -> Any:
        """What the operation gave that the body names."""
        body = await _object(request)
        target, operation = _text(body, "target"), _text(body, "operation")
        arguments = body.get("arguments", [])
        if not isinstance(arguments, list):
            raise _misuse("`arguments` must be an array")
        await self._runtime.ready()
        return await self._runtime.bindings.invoke(target, operation, arguments)

    async def clock(self, request: Request) -> Response:
        return _json(self._views.clock())

    async def move_clock(self, request: Request) -> Response:
        way, value = _way(await _object(request))
        runs = await Timekeeper(self._runtime, self._views.time).change(way, value)
        return _json({**self._views.clock(), "runs": runs})

    async def crons(self, request: Request) -> Response:
        return _json(self._views.crons())

    async def run_cron(self, request: Request) -> Response:
        body = await _object(request)
        cron = _text(body, "cron") if body.get("cron") is not None else self._only_cron()
        run = await self._runtime.scheduled(cron, _time_ms(body.get("time")))
        return _json(self._views.cron_run(cron, run))

    async def invocations(self, request: Request) -> Response:
        given = request.query_params.get("limit", str(MOST_INVOCATIONS))
        if not re.fullmatch("[0-9]{1,6}", given) or not 1 <= int(given) <= MOST_INVOCATIONS:
            raise _misuse(f"`limit` must be a number from 1 to {MOST_INVOCATIONS}")
        return _json(self._views.invocations(int(given)))

    async def events(self, request: Request) -> Response:
        return _EventResponse(self._events.open(), media_type="text/event-stream")

    async def reload(self, request: Request) -> Response:
        await _object(request)
        await self._runtime.reload()
        return _json(self._views.status())

    async def state(self, request: Request) -> Response:
        return _json(state_routes.state_of(self._runtime))

    async def snapshot(self, request: Request) -> Response:
        name = _text(await _object(request), "name")
        return _json(await state_routes.snapshot(self._runtime, name))

    async def restore(self, request: Request) -> Response:
        name = _text(await _object(request), "name")
        restored = await state_routes.restore(self._runtime, name)
        self._say(f"The state is that of the snapshot {name} now")
        return _json(restored)

    async def reset(self, request: Request) -> Response:
        await _object(request)
        emptied = await state_routes.reset(self._runtime)
        seeded = ", ".join(emptied["seeded"])
        self._say(f"The state was emptied{seeded and f' and seeded: {seeded}'}")
        return _json(emptied)

    async def openapi(self, request: Request) -> Response:
        return _json(document())

    def _only_cron(self) -> str:
        expressions = [cron.expression for cron in self._runtime.crons]
        if len(expressions) == 1:
            return expressions[0]
        known = ", ".join(f'"{one}"' for one in expressions)
        raise ControlError(
            "no cron was given, and there are several"
            if expressions
            else "no cron was given, and aerostack.toml has none",
            hint=f"choose one of {known}" if expressions else "add one to [triggers] crons",
            code="no-cron",
        )


class _EventResponse(StreamingResponse):
    """A stream that is closed with its response, wherever that was interrupted."""

    body_iterator: AsyncGenerator[bytes, None]

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.body_iterator):
            await super().stream_response(send)


def _answering(views: Views, handler: Handler) -> Handler:
    """`handler` with its errors as JSON: 4xx for the caller's, 500 for ours."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        except (AerostackError, TypeError, ValueError) as error:
            return _json(views.error(error), HTTPStatus.BAD_REQUEST)
        except Exception as error:
            logger.exception("%s %s failed", request.method, request.url.path)
            return _json(views.error(error), HTTPStatus.INTERNAL_SERVER_ERROR)

    return answer


def _serve(body: bytes, content_type: str) -> Handler:
    async def serve(request: Request) -> Response:
        return Response(body, media_type=content_type)

    return serve


async def _not_routed(request: Request, error: Exception) -> Response:
    """404 and 405 in the shape of every other error."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    hint = "the API is described by /openapi.json"
    refusal = RefusedError(status, status.phrase.lower(), hint)
    return Response(refusal.body, status, error.headers, media_type="application/json")


async def _object(request: Request) -> dict[str, Any]:
    """The body of a change, which is a JSON object (or nothing, for an empty one)."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _misuse(f"the body is larger than {LARGEST_BODY} bytes")
    try:
        value = wire.unpack(bytes(body)) if body else {}
    except (ValueError, RecursionError) as error:
        raise _misuse(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _misuse("the body must be a JSON object")
    return value


async def _collected(result: Any) -> Any:
    """A result with every stream in it read to its end."""
    if isinstance(result, wire.Stream):
        return await _read(result.chunks)
    if isinstance(result, AsyncIterator):
        return await _read(result)
    if isinstance(result, dict):
        return {key: await _collected(item) for key, item in result.items()}
    if isinstance(result, (list, tuple)):
        return [await _collected(item) for item in result]
    return result


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > LARGEST_STREAM:
            raise ControlError(
                f"the result is larger than {LARGEST_STREAM} bytes",
                hint="ask for it in ranges",
                code="too-large",
            )
    return bytes(content)


def _time_ms(given: Any) -> int | None:
    """Milliseconds since the epoch, from a number of them or an ISO 8601 text."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            when = datetime.datetime.fromisoformat(given)
        except ValueError:
            raise _misuse(f"`time` is no ISO 8601 time: {given!r}") from None
        aware = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(given, int) and not isinstance(given, bool) and abs(given) <= FURTHEST_MS:
        return given
    raise _misuse("`time` must be milliseconds since the epoch, or an ISO 8601 text")


def _way(body: dict[str, Any]) -> tuple[str, Any]:
    """How a body wants the clock moved, and how far."""
    given = [way for way in WAYS if body.get(way) is not None]
    if len(given) != 1:
        raise _misuse(f"exactly one of {', '.join(f'`{way}`' for way in WAYS)} is needed")
    value = body[given[0]]
    if given[0] == "set":
        return "set", (_time_ms(value) or 0) / 1000
    if given[0] == "advance" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise _misuse("`advance` must be a number of seconds")
    if given[0] == "resume" and value is not True:
        raise _misuse("`resume` must be true")
    return given[0], value


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _misuse(f"`{name}` must be a text")
    return value


def _misuse(message: str) -> ControlError:
    return ControlError(message, hint="the API is described by /openapi.json", code="usage")


def _json(value: Any, status: int = HTTPStatus.OK) -> Response:
    return Response(wire.pack(value), status, media_type="application/json")
