"""The control port: who may speak to it at all (interface §4, the security rules).

Everything that a request must pass is here, before any route is looked up: an exact
Host, no foreign Origin, the bearer token for `/api`, JSON for what changes state. The
routes themselves are in `control_routes`, imported with the first request.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from http import HTTPStatus

from .. import wire
from ..bindings.opening import Bound
from ..clock import Clock
from ..runtime.host import Message, Receive, Scope, Send
from .contract import Application, Redact, Runtime
from .events import EventStreams
from .hosts import HostRules, one, same_origin
from .replies import JSON, reply
from .views import Views

READING = ("GET", "HEAD")
WRITING = ("POST", "PUT", "DELETE")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PROTECTION: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
"""Sent with every answer, refusals included."""

logger = logging.getLogger("aerostack.server")


class RefusedError(Exception):
    """A request that is not let in; `hint` says what would be."""

    def __init__(self, status: HTTPStatus, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint

    @property
    def body(self) -> bytes:
        """The refusal in the shape that every error of the API has."""
        error = {
            "code": self.status.phrase.lower().replace(" ", "-"),
            "message": self.message,
            "hint": self.hint,
            "where": "",
            "type": "ControlError",
        }
        return wire.dumps({"error": error})


class ControlApp:
    """The ASGI application of the control port.

    `url` is the address of the user port and `token` the key of this session; `where`
    says of a binding where its state lives; `redact` takes secrets out of whatever is
    shown of the author's function; `say` tells whoever watches the server.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        port: int,
        url: str,
        token: str,
        clock: Clock,
        redact: Redact = str,
        where: Callable[[Bound], str] = lambda bound: "",
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._hosts = HostRules(port)
        self._authorization = f"Bearer {token}".encode()
        self._runtime = runtime
        self._views = Views(runtime, clock=clock, url=url, redact=redact, where=where)
        self._events = EventStreams(runtime.trace, self._views.invocation)
        self._say = say
        self._routes: Application | None = None

    def close(self) -> None:
        """End every stream, so that the server can leave."""
        self._events.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        if scope["type"] != "http":
            return
        send = _protected(send)
        try:
            self._admit(scope)
        except RefusedError as refusal:
            await _refuse(scope, send, refusal)
            return
        await self._application()(scope, receive, send)

    def _application(self) -> Application:
        if self._routes is None:
            from .control_routes import application

            self._routes = application(self._runtime, self._views, self._events, self._say)
        return self._routes

    def _admit(self, scope: Scope) -> None:
        headers = scope["headers"]
        host = one(headers, b"host")
        if host is None or not self._hosts.allows(host):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Invalid Host header")
        if not same_origin(headers, host):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Invalid Origin header")
        if scope["path"].startswith("/api"):
            self._authorize(one(headers, b"authorization") or b"")
        if scope["method"] not in READING:
            _check_change(scope["method"], one(headers, b"content-type") or b"")

    def _authorize(self, given: bytes) -> None:
        if not hmac.compare_digest(given, self._authorization):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "the token of this session is needed",
                "send `Authorization: Bearer <token>`; the token is in .aerostack/dev.json",
            )


def _check_change(method: str, content_type: bytes) -> None:
    if method not in WRITING:
        raise RefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{method} is not served here",
            f"there are: {', '.join(READING + WRITING)}",
        )
    if content_type.split(b";")[0].strip().lower() != JSON:
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "a change needs a JSON body",
            "send `Content-Type: application/json`",
        )


async def _refuse(scope: Scope, send: Send, refusal: RefusedError) -> None:
    headers = []
    if refusal.status is HTTPStatus.UNAUTHORIZED:
        headers = [(b"www-authenticate", b"Bearer")]
    await reply(scope, send, refusal.status, refusal.body, JSON, headers)


def _protected(send: Send) -> Send:
    """`send` with the protective headers on every response, in place of its own."""
    names = {name for name, _ in PROTECTION}

    async def protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
            message = {**message, "headers": [*own, *PROTECTION]}
        await send(message)

    return protected
