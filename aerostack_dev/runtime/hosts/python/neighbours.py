"""`env.NAME` of a service for a Python author: `fetch`, and its methods by their names."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from .... import errors
from ....errors import AerostackError, ServiceError
from ....functions.context import current
from ....functions.outgoing import requested
from ....functions.response import Response
from ....wire import record
from ...calling import ServiceBinding
from ...host import Failure, HandlerError
from ...portable import portable

NO_KEYWORDS = "keyword arguments do not pass between functions: give them by their position"


def faces_of(bound: Mapping[str, ServiceBinding]) -> dict[str, Callable[[], Any]]:
    """What makes the members of `env` that stand for functions."""
    return {name: partial(Service, each) for name, each in bound.items()}


class Service:
    """A function beside this one.

    `await env.NAME.fetch(request | url, init)` sends it a request; any other name is a
    method of its `WorkerEntrypoint` class: `await env.NAME.verify(token)`.
    """

    def __init__(self, binding: ServiceBinding) -> None:
        self._binding = binding

    async def fetch(
        self, resource: Any, init: Mapping[str, Any] | None = None, /, **options: Any
    ) -> Response:
        """The response of the function; its body is streamed.

        `resource` and options are those of `workers.fetch`. Redirects are not followed. An
        error of the function is raised: of its own class where that is a built-in one,
        else a `ServiceError` of that name.
        """
        request = requested(resource, init, options)
        context = current(f"env.{self._binding.binding}.fetch")
        try:
            response = await self._binding.fetch(request, context._home)
        except HandlerError as error:
            raise self._revived(error.failure) from None
        if response._source is not None and not isinstance(response._source, bytes):
            body = Body(response._source, self._revived)
            response._source = body
            if context._opened is None:
                context._opened = []
            context._opened.append(body)
        response.headers._frozen = True
        return response

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(f"{self!r} has no {name!r}: names with _ are private")
        return partial(self._call, name)

    async def _call(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise TypeError(f"{method}: {NO_KEYWORDS}")
        given = [
            portable(argument, f"argument {at} of {self._binding.binding}.{method}")
            for at, argument in enumerate(arguments, 1)
        ]
        try:
            return record(await self._binding.call(method, given))
        except HandlerError as error:
            raise self._revived(error.failure) from None

    def __repr__(self) -> str:
        return f"<service {self._binding.target}>"

    def _revived(self, failure: Failure) -> Exception:
        """The error that the function failed with, as the caller is given it."""
        error = _error(failure)
        if failure.frames:
            place = failure.frames[0]
            where = f'File "{place.file}", line {place.line}, in {place.function}'
            error.add_note(f"in the function {self._binding.target}: {where}")
        return error


class Body:
    """A streamed body, whose failure is the caller's kind of error."""

    def __init__(self, source: Any, revived: Callable[[Failure], Exception]) -> None:
        self._source = source
        self._revived = revived

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece: bytes = await anext(self._source)
        except HandlerError as error:
            raise self._revived(error.failure) from None
        return piece

    async def aclose(self) -> None:
        """Nobody reads on: the function is told."""
        await self._source.aclose()


class Quoted(str):
    """A message that stays as it is where an error shows its `repr` (`KeyError`)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _error(failure: Failure) -> Exception:
    kind = getattr(builtins, failure.type, None) or getattr(errors, failure.type, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        message = Quoted(failure.message) if issubclass(kind, KeyError) else failure.message
        try:
            error = kind(message)
        except TypeError:
            pass  # one that is made of more than a message
        else:
            return _hinted(error, failure)
    named: type[ServiceError] = type(failure.type, (ServiceError,), {})
    return _hinted(named(failure.message), failure)


def _hinted(error: Exception, failure: Failure) -> Exception:
    if isinstance(error, AerostackError):
        error.hint = failure.hint
    return error
