"""`js` on CPython: those globals of JavaScript that mean the same in Python.

Examples of Python Workers answer with `js.Response.new(…)`. What has no honest equivalent
is not here: a `Date` that only looks like one would fail later, and elsewhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NoReturn

from . import request, response
from .headers import Headers as WorkersHeaders
from .outgoing import fetch
from .urls import URL, URLSearchParams


class Headers(WorkersHeaders):
    """`workers.Headers`, made with `Headers.new(init)` too."""

    __slots__ = ()

    @classmethod
    def new(cls, init: Any = None) -> Headers:
        return cls(init)


class Request(request.Request):
    """`workers.Request`, made with `Request.new(url, init)` too."""

    @classmethod
    def new(cls, url: Any, init: Mapping[str, Any] | None = None, **more: Any) -> Request:
        return cls(str(url) if isinstance(url, URL) else url, **(init or {}), **more)


class Response(response.Response):
    """`workers.Response`, made with `Response.new(body, init)` too."""

    @classmethod
    def new(cls, body: Any = None, init: Mapping[str, Any] | None = None, **more: Any) -> Response:
        return cls(body, **_init({**(init or {}), **more}))

    @classmethod
    def from_json(
        cls, data: Any, status: Any = 200, status_text: str = "", headers: Any = None
    ) -> response.Response:
        """`status` may be all of a `ResponseInit`, as JavaScript has it."""
        if isinstance(status, Mapping):
            return super().from_json(data, **_init(status))
        return super().from_json(data, status, status_text, headers)


def _init(given: Mapping[str, Any]) -> dict[str, Any]:
    """A `ResponseInit` as Python's keywords; what else it may hold changes nothing."""
    names = {"status": "status", "statusText": "status_text", "headers": "headers"}
    return {names[name]: given[name] for name in given if name in names}


def _stringify(value: Any, replacer: Any = None, space: int | str | None = None) -> str:
    separators = None if space else (",", ":")
    return json.dumps(value, ensure_ascii=False, indent=space or None, separators=separators)


def _say(level: int) -> Any:
    return lambda *values: logging.getLogger("console").log(level, " ".join(map(str, values)))


JSON = SimpleNamespace(stringify=_stringify, parse=json.loads)
Object = SimpleNamespace(fromEntries=dict)
console = SimpleNamespace(log=print, info=print, warn=_say(logging.WARN), error=_say(logging.ERROR))
__all__ = [
    "JSON", "URL", "Headers", "Object", "Request", "Response",
    "URLSearchParams", "console", "fetch",
]  # fmt: skip


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"`js` has no {name!r} here, only {', '.join(__all__)}; use Python's own")
