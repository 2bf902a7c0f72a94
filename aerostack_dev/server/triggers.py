"""Firing a cron by HTTP, for curl (interface §4, queue-cron-dev §2.4).

No token is needed on this machine itself. Where `--host` lets other machines in, these
need the one of the control port: they may call the function, but nothing else.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qs, quote_plus

from .. import wire
from ..runtime.host import LoadError, Receive, Scope, Send
from .contract import Runtime, ScheduledRun
from .error_page import ErrorPages
from .hosts import is_loopback, one
from .replies import JSON, reply

SCHEDULED = "/cdn-cgi/local/scheduled"
MIDDLEWARE = "/__scheduled"
"""The older form, whose answer reads differently."""
PATHS = frozenset({SCHEDULED, "/cdn-cgi/handler/scheduled", MIDDLEWARE})

FURTHEST_MS = 8_640_000_000_000_000
"""The range of a JavaScript `Date`, both ways from the epoch."""

BAD_TIME = b"TypeError: The value cannot be converted because it is not a valid Date."
FROM_A_PAGE = (
    b"Invalid Origin header.\n\n"
    b"A cron can be fired by curl, by `aerostack cron run` or on the dashboard, never by a\n"
    b"web page: requests with Origin, Referer or Sec-Fetch-* are refused here.\n"
)
FROM_AFAR = (
    b"Unauthorized.\n\n"
    b"From another machine, firing a cron needs the token of the control port:\n\n"
    b'    curl -H "Authorization: Bearer <token>" ...\n\n'
    b"It is in .aerostack/dev.json of the machine that runs `aerostack dev`.\n"
)
CHALLENGE = [(b"www-authenticate", b"Bearer")]

_TIME = re.compile(r"-?[0-9]{1,17}")


class _Query(NamedTuple):
    cron: str
    time: str
    json: bool


class Trigger:
    """The ASGI application behind the three paths that fire a cron.

    `token` is what other machines must show; without one they are always refused.
    """

    def __init__(self, runtime: Runtime, pages: ErrorPages, token: str = "") -> None:
        self._runtime = runtime
        self._pages = pages
        self._authorization = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if sent_by_a_page(scope["headers"]):
            await reply(scope, send, 403, FROM_A_PAGE)
            return
        if not (from_this_machine(scope) or self._authorized(scope)):
            await reply(scope, send, 401, FROM_AFAR, headers=CHALLENGE)
            return
        query = _query(scope["query_string"])
        time_ms = _milliseconds(query.time)
        if query.time and time_ms is None:
            await reply(scope, send, 500, BAD_TIME)
            return
        expressions = [cron.expression for cron in self._runtime.crons]
        if not query.cron and len(expressions) != 1:
            await reply(scope, send, 400, _choose(scope["path"], expressions))
            return
        try:
            run = await self._runtime.scheduled(query.cron or expressions[0], time_ms)
        except LoadError as error:
            await self._page(scope, send, error, error.hint)
            return
        await self._answer(scope, send, run, query)

    def _authorized(self, scope: Scope) -> bool:
        given = one(scope["headers"], b"authorization")
        if given is None or self._authorization is None:
            return False
        return hmac.compare_digest(given, self._authorization)

    async def _answer(self, scope: Scope, send: Send, run: ScheduledRun, query: _Query) -> None:
        status = 200 if run.outcome == "ok" else 500
        if query.json:
            outcome = {"outcome": run.outcome, "noRetry": run.no_retry}
            await reply(scope, send, status, wire.dumps(outcome), JSON)
        elif scope["path"] != MIDDLEWARE:
            await reply(scope, send, status, run.outcome.encode())
        elif run.failure is not None:
            await self._page(scope, send, run)
        else:
            text = "Ran scheduled event" if run.outcome == "ok" else run.outcome
            await reply(scope, send, status, text.encode())

    async def _page(
        self, scope: Scope, send: Send, failed: LoadError | ScheduledRun, hint: str = ""
    ) -> None:
        assert failed.failure is not None
        root = self._runtime.project.root
        page = self._pages.render(
            scope, failed.failure, root, request_id=failed.request_id, hint=hint
        )
        await reply(scope, send, 500, page.body, page.content_type, page.headers)


def sent_by_a_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser made this request for a page: then it may not fire anything."""
    return any(
        name in (b"origin", b"referer") or name.startswith(b"sec-fetch-") for name, _ in headers
    )


def from_this_machine(scope: Scope) -> bool:
    """Whether a connection was made over loopback. An unknown peer is a foreign one."""
    client = scope.get("client")
    return client is not None and is_loopback(client[0].removeprefix("::ffff:"))


def _query(raw: bytes) -> _Query:
    found = parse_qs(raw.decode("latin-1"), keep_blank_values=True)
    first = {name: values[0] for name, values in found.items()}
    return _Query(first.get("cron", ""), first.get("time", ""), first.get("format") == "json")


def _milliseconds(text: str) -> int | None:
    if not _TIME.fullmatch(text):
        return None
    time_ms = int(text)
    return time_ms if abs(time_ms) <= FURTHEST_MS else None


def _choose(path: str, expressions: list[str]) -> bytes:
    if not expressions:
        return (
            f"No cron was given, and aerostack.toml has none under [triggers] crons.\n"
            f"Name one: {path}?cron={quote_plus('* * * * *', safe='*')}\n"
        ).encode()
    lines = [f"    {path}?cron={quote_plus(one, safe='*/,')}\n" for one in expressions]
    return f"No cron was given, and there are several. Name one:\n\n{''.join(lines)}".encode()
