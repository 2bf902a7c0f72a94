"""How an author declares handlers: a class, or a decorator for style."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class WorkerEntrypoint:
    """The base of `class Default`: a new instance serves each invocation.

    Its methods `fetch(self, request)`, `queue(self, batch)` and `scheduled(self, event)`
    are the handlers; `self.env` and `self.ctx` are what module functions get as arguments.
    """

    def __init__(self, ctx: Any, env: Any) -> None:
        self.ctx = ctx
        self.env = env


def handler(function: F) -> F:
    """Mark a module function as a handler. Handlers are known by name: this changes nothing."""
    return function
