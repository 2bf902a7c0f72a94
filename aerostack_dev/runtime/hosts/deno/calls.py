"""What a child may ask for: operations of bindings and calls of functions, nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ....bindings.opening import Bindings
from ....bindings.spans import operations_of
from ....errors import AerostackError, BindingError, StateError
from ....functions.headers import decoded
from ....functions.request import Request
from ....wire import Stream
from ...caches import Caches
from ...host import HandlerError
from ...portable import portable
from .channel import ChildError

if TYPE_CHECKING:
    from ...calling import ServiceBinding

log = logging.getLogger("aerostack.server")

PLAIN = (AerostackError, BindingError, StateError)
"""Errors that are an `Error` in JavaScript; a kind below these has its own name."""
DETAILS = {
    "request_id": "requestId",
    "status": "status",
    "internal_code": "internalCode",
    "hint": "hint",
}
"""Attribute of an error here -> property there."""


class Calls(Struct, frozen=True):
    """Where calls of other functions go on: `functions.asgi.Background`."""

    loop: asyncio.AbstractEventLoop
    background: set[asyncio.Task[Any]]

    def report(self, error: BaseException) -> None:
        """A failure after the response was whole; the function's own record has it."""


class Reach(Struct, frozen=True):
    """All that a child can reach here."""

    bindings: Bindings
    caches: Caches
    services: Mapping[str, ServiceBinding]

    def binding(
        self, target: str, operation: str, arguments: list[Any]
    ) -> Coroutine[Any, Any, Any]:
        """A call of an operation of a binding. Rooms as a whole are not for authors."""
        if target not in self.bindings.bound:
            known = ", ".join(self.bindings.bound)
            raise BindingError(f"there is no binding {target!r}", hint=f"there are: {known}")
        return self.bindings.operation(target, operation)(*arguments)

    def cache(self, operation: str, arguments: list[Any]) -> Coroutine[Any, Any, Any]:
        """A call of an operation of the function's `caches`. Raises `BindingError` for another."""
        if operation not in operations_of(self.caches):
            raise BindingError(f"caches has no operation {operation!r}")
        call: Coroutine[Any, Any, Any] = getattr(self.caches, operation)(*arguments)
        return call

    async def service(
        self, home: Calls, target: str, method: str | None, arguments: list[Any]
    ) -> Any:
        """Call a method of another function, or (None) send it a request."""
        if target not in self.services:
            known = ", ".join(self.services) or "none"
            raise BindingError(f"there is no service {target!r}", hint=f"there are: {known}")
        called = self.services[target]
        if method is None:
            return await _fetched(called, home, *arguments)
        return await called.call(method, [portable(each, "an argument") for each in arguments])


async def _fetched(
    called: ServiceBinding, home: Calls, method: str, url: str, headers: list[list[str]], body: Any
) -> list[Any]:
    """`[status, status text, headers, body]` of the response of another function.

    Headers cross as HTTP carries them: a character for each byte.
    """
    pairs = [(name, decoded(value.encode("latin-1"))) for name, value in headers]
    request = Request(url, method=method, headers=pairs, body=body)
    response = await called.fetch(request, home)
    source = response._source
    return [
        response.status,
        response.status_text,
        [(name.decode(), value.decode("latin-1")) for name, value in response.headers._raw()],
        source if source is None or isinstance(source, bytes) else Stream(source),
    ]


def refusal(error: Exception) -> dict[str, Any]:
    """`error` for the child, which makes the author's kind of error of it."""
    if isinstance(error, ChildError):
        # A stream of the author's own failed while it was read here.
        return {"type": error.described["name"], "message": error.described["message"]}
    if isinstance(error, HandlerError):
        # Another function of the project failed: its error is the author's own.
        return {"type": error.failure.type, "message": error.failure.message}
    described: dict[str, Any] = {"type": _type(error), "message": _message(error)}
    if error.__cause__ is not None:
        described["cause"] = _message(error.__cause__)
    details = {
        name: getattr(error, attribute)
        for attribute, name in DETAILS.items()
        if getattr(error, attribute, None) not in (None, "")
    }
    if details:
        described["details"] = details
    return described


def _type(error: Exception) -> str:
    if isinstance(error, AerostackError):
        return "Error" if type(error) in PLAIN else type(error).__name__
    if isinstance(error, TypeError):
        return "TypeError"
    if isinstance(error, ValueError):
        return "RangeError"
    log.error("an operation failed", exc_info=error)
    return "Error"


def _message(error: BaseException) -> str:
    return error.message if isinstance(error, AerostackError) else str(error)
