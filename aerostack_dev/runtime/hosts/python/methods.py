"""Which methods of a `WorkerEntrypoint` class other functions may call."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ....functions import WorkerEntrypoint
from ...host import HANDLERS

RESERVED = frozenset((*HANDLERS, *(f"on_{name}" for name in HANDLERS)))
"""Handlers are for events: `fetch` of a service binding sends a request."""
NO_METHOD = 'The RPC receiver does not implement the method "{}".'


class Method(Struct, frozen=True):
    """One method, of instances of `kind`."""

    kind: type[WorkerEntrypoint]
    function: Any
    threaded: bool
    """A plain `def`: it runs in a thread."""


def method_of(kind: type[WorkerEntrypoint] | None, name: str) -> Method:
    """The public method `name`. Raises `TypeError`, in the platform's words, for others."""
    function = None if kind is None else _found(kind, name)
    if kind is None or function is None:
        raise TypeError(NO_METHOD.format(name))
    inner = inspect.unwrap(function)
    threaded = not any(inspect.iscoroutinefunction(each) for each in (function, inner))
    return Method(kind, function, threaded)


def callable_methods(kind: type[WorkerEntrypoint]) -> list[str]:
    """The names of the methods that other functions may call."""
    return sorted(name for name in _names(kind) if _found(kind, name) is not None)


def _names(kind: type[WorkerEntrypoint]) -> Iterator[str]:
    for each in kind.__mro__:
        if each is not WorkerEntrypoint and each is not object:
            yield from vars(each)


def _found(kind: type[WorkerEntrypoint], name: str) -> Any:
    """The function behind `name`, unless it is none, or none for others."""
    if name.startswith("_") or name in RESERVED or name not in set(_names(kind)):
        return None
    static = inspect.getattr_static(kind, name)
    if isinstance(static, (staticmethod, classmethod)):
        return static.__func__
    return static if inspect.isfunction(static) else None
