"""The run of a handler that the running code belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec


class Recorder(Protocol):
    """Where the spans of a run go (`runtime.trace.Invocation`)."""

    def begin(self, span: Any, /) -> None: ...


class Run(Protocol):
    """A run of a handler, as what it calls sees it."""

    @property
    def _record(self) -> Recorder | None: ...


class Recorded(msgspec.Struct, frozen=True, eq=False):
    """A run whose code is elsewhere: nothing of it is here but its record."""

    _record: Recorder | None


current_run: ContextVar[Run | None] = ContextVar("run", default=None)
"""Whoever calls a handler sets it: authors find their `ctx` by it, operations the record."""


@contextmanager
def entered(run: Run) -> Iterator[None]:
    """The code of the block, and every task that it starts, belongs to `run`."""
    token = current_run.set(run)
    try:
        yield
    finally:
        current_run.reset(token)
