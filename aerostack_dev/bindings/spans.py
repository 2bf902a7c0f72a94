"""Every operation of every binding passes here once: timing, counts, errors.

`@operation` marks a method of a room's `Operations` (or `Admin`): callable by name
from a child process and over the control API, and recorded in the current invocation.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec

from ..clock import stopwatch
from ..runs import current_run


class Span(msgspec.Struct, eq=False, gc=False):
    """One call of a binding: begun at `started` (stopwatch seconds), `duration` in
    seconds (None while it runs), `subject` what it was about (a key, an SQL text).
    """

    binding: str
    operation: str
    subject: str
    started: float
    duration: float | None = None
    error: str | None = None
    """The exception in words; never itself, which would keep its frames alive."""


class Named(Protocol):
    """What has operations: it knows the binding (or room) it stands for."""

    @property
    def binding(self) -> str: ...


SUBJECT_LENGTH = 1000
"""A subject, and the words of an error, are cut to so many characters."""

_running: ContextVar[Span | None] = ContextVar("span", default=None)

S = TypeVar("S", bound=Named)
P = ParamSpec("P")
R = TypeVar("R")
Method = Callable[Concatenate[S, P], Coroutine[Any, Any, R]]


def operation(
    subject: Callable[..., str] | None = None, *, describes: bool = False
) -> Callable[[Method[S, P, R]], Method[S, P, R]]:
    """Mark an async method as an operation.

    `subject(*arguments)` names what a call is about for the trace; without it the first
    argument stands for itself when it is a string. Only one that `describes` itself may
    call `describe`.
    """

    def mark(method: Method[S, P, R]) -> Method[S, P, R]:
        name = method.__name__

        @wraps(method)
        async def recorded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            run = current_run.get()
            record = None if run is None else run._record
            if record is None:
                return await method(self, *args, **kwargs)
            if subject is not None:
                about = subject(*args, **kwargs)
            else:
                about = args[0] if args and isinstance(args[0], str) else ""
            span = Span(self.binding, name, about[:SUBJECT_LENGTH], stopwatch())
            record.begin(span)
            outer = _running.set(span) if describes else None
            try:
                return await method(self, *args, **kwargs)
            except BaseException as error:
                span.error = f"{type(error).__name__}: {error}"[:SUBJECT_LENGTH]
                raise
            finally:
                if outer is not None:
                    _running.reset(outer)
                span.duration = stopwatch() - span.started

        recorded.__operation__ = name  # type: ignore[attr-defined]  # its mark
        return recorded

    return mark


def describe(subject: str) -> None:
    """Rename the running operation in the trace, once it knows better what it is about."""
    span = _running.get()
    if span is not None:
        span.subject = subject[:SUBJECT_LENGTH]


def operations_of(target: object) -> frozenset[str]:
    """The names of the operations that `target` offers."""
    offering: Any = type(target)
    return _operations(offering)


@cache
def _operations(offering: type) -> frozenset[str]:
    return frozenset(
        name for name in dir(offering) if hasattr(getattr(offering, name), "__operation__")
    )
