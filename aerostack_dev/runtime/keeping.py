"""Snapshots of the state while the function runs, and their return."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from ..bindings.apart import copy_apart
from ..bindings.contents import Contents
from ..bindings.kind import Kind, Services
from ..bindings.snapshots import Snapshot, Snapshots, reset
from ..bindings.state import State
from ..clock import SystemClock
from ..config.model import Project
from .seeding import seeds_of, sow
from .settings import Settings

T = TypeVar("T")


class Running(Protocol):
    """What runs on the state (`runtime.runtime.Runtime`)."""

    @property
    def project(self) -> Project: ...
    @property
    def services(self) -> Services: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def kinds(self) -> tuple[Kind, ...]: ...
    @property
    def state(self) -> State: ...

    async def exchange(self, work: Callable[[], Awaitable[T]]) -> T:
        """Close the state, do `work`, and open it again."""


class Keeper:
    """Makes and restores the snapshots of a project whose function runs."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._contents = Contents.of(running.kinds)

    @property
    def snapshots(self) -> Snapshots:
        """Those of the project."""
        return Snapshots.of(self._running.project.root, self._contents, copy_apart)

    async def snapshot(self, name: str) -> Snapshot:
        """Make the snapshot `name`; writers wait for a moment. Raises `StateError`."""
        # The machine's own time: a snapshot is as old as its files, whatever time is shown.
        now = SystemClock().now()
        return await asyncio.to_thread(self.snapshots.take, self._running.state.root, name, now)

    async def restore(self, name: str) -> Snapshot:
        """Go on with the snapshot `name`. Raises `StateError`; then nothing has changed."""
        snapshots, root = self.snapshots, self._running.state.root
        snapshots.find(name)  # before anything is closed for it
        return await self._running.exchange(
            lambda: asyncio.to_thread(snapshots.restore, root, name)
        )

    async def reset(self) -> Sequence[str]:
        """Go on with an empty state, sown with the project's seeds; what was sown.

        Raises `AerostackError` when a seed fails: the state is empty then.
        """
        running = self._running
        seeds = seeds_of(running.project, running.settings.seeds)

        async def anew() -> Sequence[str]:
            await asyncio.to_thread(reset, self._contents, running.state.root)
            return await sow(running.kinds, running.services, seeds)

        return await running.exchange(anew)
