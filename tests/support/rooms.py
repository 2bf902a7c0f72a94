"""Open one room by itself: its backend, operations and Python face, with a manual clock."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aerostack_dev.bindings.env import Env
from aerostack_dev.bindings.kind import Kind, Services
from aerostack_dev.bindings.opening import Bindings, open_bindings
from aerostack_dev.bindings.state import State
from aerostack_dev.clock import Clock, ManualClock
from aerostack_dev.config.model import Finding, Project


@dataclass(frozen=True)
class Room:
    """An open room: `env.CACHE` is the face, `bindings.target("CACHE")` the operations."""

    bindings: Bindings
    env: Any
    services: Services
    clock: Any
    findings: list[Finding]

    @property
    def backend(self) -> Any:
        (backend,) = self.bindings.rooms.values()
        return backend


@asynccontextmanager
async def open_room(
    root: Path,
    kind: Kind,
    *declarations: Any,
    clock: Clock | None = None,
    settings: Mapping[str, tuple[Any, ...]] | None = None,
    **project: Any,
) -> AsyncIterator[Room]:
    """`kind` opened in `root` with the given declarations (structs of its section).

    `settings` are the entries of the room's further tables by dotted path; the other
    keywords are fields of `Project` (`compatibility_date`, …).
    """
    findings: list[Finding] = []
    ticking = clock or ManualClock()
    entries = {kind.section.path: tuple(declarations), **(settings or {})}
    services = Services(
        project=Project(root=root, file=None, name="test", main=None, sections=entries, **project),
        state=State(root / "state"),
        clock=ticking,
        entropy=os.urandom,
        notify=findings.append,
    )
    async with open_bindings([kind], services) as bindings:
        faces = {name: bound.face() for name, bound in bindings.bound.items()}
        yield Room(bindings, Env(faces, {}), services, ticking, findings)


OpenKind = Callable[..., AbstractAsyncContextManager[Room]]


def fixtures(
    kind: Kind, binding: str, backends: Mapping[str, str] | None = None
) -> tuple[Any, Any, Any, Any]:
    """For a room's conftest: `open_kind`, `room`, the face of `binding`, and `invoke`.

    Each test that asks for one of them runs once with every backend.
    """
    known = backends or kind.backends

    @pytest.fixture(params=list(known))
    def open_kind(request: pytest.FixtureRequest, tmp_path: Path) -> OpenKind:
        """Opens the room with one of its backends: `open_kind(*declarations, root=…)`."""
        only = replace(kind, backends={request.param: known[request.param]})

        def opened(*declarations: Any, root: Path = tmp_path, **others: Any) -> Any:
            return open_room(root, only, *declarations, **others)

        return opened

    @pytest.fixture
    async def room(open_kind: OpenKind) -> AsyncIterator[Room]:
        async with open_kind() as room:
            yield room

    @pytest.fixture
    def face(room: Room) -> Any:
        return getattr(room.env, binding)

    @pytest.fixture
    def invoke(room: Room) -> Any:
        """Calls an operation of `binding` with wire values, as a child process does."""
        return lambda operation, *arguments: room.bindings.invoke(binding, operation, arguments)

    return open_kind, room, face, invoke
