"""What a service binding is: calls of one function of a project by another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..bindings.spans import operation
from ..errors import BindingError
from ..functions.asgi import Background, Exchange, made_scope
from ..functions.request import Request
from ..functions.response import Response
from .host import LoadError, Receive, Scope, Send
from .trace import Invocation, current

if TYPE_CHECKING:
    from .function import Function
    from .services import Functions

DEEPEST = 16
"""Calls of functions by functions that may lie above one another, as in production."""
MOST_CALLS = 32
"""Calls of functions that one request may bring about in all, as in production."""

TOO_DEEP = (
    "Subrequest depth limit exceeded. This request recursed through Workers too many times. "
    "This can happen e.g. if you have a Worker or Durable Object that calls other Workers or "
    "objects recursively."
)


class ServiceBinding:
    """What `env.NAME` of a service stands for: calls of one function by the others.

    Both operations raise `HandlerError` as the called function failed, and `BindingError`
    when it cannot be called at all.
    """

    def __init__(self, binding: str, target: str, functions: Functions) -> None:
        self.binding = binding
        self.target = target
        self._functions = functions

    @operation(lambda request, home: f"{request.method} {request.url}")
    async def fetch(self, request: Request, home: Background) -> Response:
        """The response of the function to `request`; its body is streamed.

        The call goes on in the background of `home`, as long as the body does.
        """
        function, parent = self._function(), self._descended()

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await function.serve(scope, receive, send, parent)
            except LoadError as error:
                raise self._unloaded(error) from error

        return await Exchange(request, home).response(serve, dict(scope_of(request)))

    @operation()
    async def call(self, method: str, arguments: Sequence[Any]) -> Any:
        """What a method of the function returns: wire values both ways."""
        function, parent = self._function(), self._descended()
        # A task of its own, so that the function can be closed without its caller.
        task = asyncio.create_task(function.call(method, arguments, parent))
        try:
            return await task
        except LoadError as error:
            raise self._unloaded(error) from error

    def _function(self) -> Function:
        found = self._functions.find(self.target)
        if found is None:
            raise BindingError(
                f"env.{self.binding} is bound to the worker {self.target!r}, which is not here",
                hint="declare it with name and main in [[services]] to run it beside this one",
                code="absent-service",
            )
        return found

    def _descended(self) -> Invocation | None:
        """The calling invocation, once more counted. Raises `BindingError` at a limit."""
        caller = current()
        if caller is None:
            return None
        if caller.depth >= DEEPEST:
            hint = f"{DEEPEST} calls lie above this one: do functions call each other in a circle?"
            raise BindingError(TOO_DEEP, hint=hint, code="depth")
        origin = caller.origin
        if origin.called >= MOST_CALLS:
            raise BindingError(
                f"Too many service calls: one request may bring about {MOST_CALLS} in all.",
                hint="do more in each call, or hand the work to a queue",
                code="calls",
            )
        origin.called += 1
        return caller

    def _unloaded(self, error: LoadError) -> BindingError:
        return BindingError(
            f"the function {self.target!r} cannot be loaded: {error.message}",
            where=error.where,
            hint=error.hint or "correct it and save: the next call finds it",
            code="not-loaded",
        )


def scope_of(request: Request) -> Scope:
    """The ASGI scope of a request that one function makes to another."""
    scope = made_scope(request)
    raw = [
        item
        for item in request.headers._raw()
        if item[0] not in (b"content-length", b"transfer-encoding")
    ]
    if not any(name == b"host" for name, _ in raw):
        raw.insert(0, (b"host", _host(request.url)))
    source = request._content()
    if isinstance(source, bytes):
        raw.append((b"content-length", b"%d" % len(source)))
    elif source is not None:
        raw.append((b"transfer-encoding", b"chunked"))
    return {**scope, "headers": raw}


def _host(url: str) -> bytes:
    return url.partition("://")[2].partition("/")[0].partition("?")[0].encode()
