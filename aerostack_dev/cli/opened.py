"""`open_project`: a project's bindings for a script or a notebook (interface.md §3).

The third way to the state beside the two of `access`: the same choice between a running
server and the folder itself, for code that awaits.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .. import wire
from ..bindings.env import Env
from ..bindings.kind import Services, named
from ..bindings.kinds import all_kinds
from ..bindings.opening import Bindings, Bound, Current, open_bindings
from ..bindings.spans import operations_of
from ..bindings.state import State
from ..clock import SystemClock
from ..config.model import Project
from .access import Remote, hold_state, running
from .output import say_finding
from .project import Place

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class OpenProject:
    """A project whose bindings can be used. `open_project` yields it."""

    project: Project
    """The configuration."""
    env: Any
    """What handlers are given: variables and bindings."""
    server: str | None
    """The URL of the running server that the bindings are reached through; None without."""

    def __repr__(self) -> str:
        beside = f" through {self.server}" if self.server else ""
        return f"<project {self.project.name} in {self.project.root}{beside}>"


@asynccontextmanager
async def open_project(
    path: str | Path | None = None,
    *,
    environment: str | None = None,
    persist_to: str | Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[OpenProject]:
    """The bindings of the project at `path` on its real state, until the end of the block.

    `path` is a folder or an `aerostack.toml`; by default the nearest one upwards from the
    working directory. The other parameters are those of the command line. No function is
    loaded and nothing runs by itself. Beside a running `aerostack dev` every call goes
    through it. Raises `ConfigError`, and `StateError` when another process holds the state.
    """
    place = Place(_config(path), environment, None if persist_to is None else Path(persist_to))
    project = place.load(variables)
    live = await asyncio.to_thread(running, project, place)
    async with AsyncExitStack() as stack:
        state = State(place.state(project))
        if live is None:
            state = stack.enter_context(hold_state(place, project, _program()))
        services = Services(project, state, SystemClock(), os.urandom, say_finding)
        bindings = await stack.enter_async_context(open_bindings(all_kinds(), services))
        remote = None if live is None else Remote(project, live)
        env = _environment(project, bindings, remote)
        yield OpenProject(project, env, None if live is None else live.url)


def _config(path: str | Path | None) -> Path | None:
    if path is None:
        return None
    from ..config.load import find

    given = Path(path).expanduser()
    return (find(given) or given / "aerostack.toml") if given.is_dir() else given


def _environment(project: Project, bindings: Bindings, remote: Remote | None) -> Env:
    values = {
        name: wire.record(value)
        for name, value in project.values.items()
        if name not in bindings.bound
    }
    faces: dict[str, Callable[[], Any]] = {}
    for name, bound in bindings.bound.items():
        faces[name] = bound.face if remote is None else partial(_far, bound, remote)
    return Env(values, project.unsupported, faces)


def _far(bound: Bound, remote: Remote) -> Any:
    return named(bound.kind.face)(Far(bound, remote))


class Far:
    """The operations of a binding, called through the server that holds its state.

    What is no call (a default, a name) is the same here as there: the rooms of this
    process know it, and never open their files for it.
    """

    def __init__(self, bound: Bound, remote: Remote) -> None:
        self._current = Current(bound)
        self._bound = bound
        self._remote = remote

    def __getattr__(self, name: str) -> Any:
        if name not in operations_of(self._bound.operations):
            return getattr(self._current, name)
        return partial(self._call, name)

    def _call(self, operation: str, *arguments: Any) -> Coroutine[Any, Any, Any]:
        return _called(self._remote, self._bound.name, operation, arguments)


async def _called(remote: Remote, binding: str, operation: str, arguments: tuple[Any, ...]) -> Any:
    given = [await _collected(each) for each in arguments]
    answer = wire.record(await asyncio.to_thread(remote.invoke, binding, operation, *given))
    if isinstance(answer, dict) and isinstance(answer.get("body"), bytes):
        content = answer["body"]  # bytes stand for a stream: JSON would have come as JSON
        answer["body"] = wire.Stream(_pieces(content), len(content))
    return answer


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


async def _collected(value: Any) -> Any:
    """`value` with every stream in it read: the control port takes a body whole."""
    if isinstance(value, wire.Stream):
        return await _collected(value.chunks)
    if isinstance(value, AsyncIterator):
        return b"".join([piece async for piece in value])
    if isinstance(value, dict):
        return {key: await _collected(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [await _collected(item) for item in value]
    return value


def _program() -> str:
    """The program that holds the state, as another is told that wants it."""
    return Path(sys.argv[0]).name or "python"
