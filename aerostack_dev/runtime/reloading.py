"""From saved files to the right kind of reload: the configuration, the code, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ..clock import stopwatch
from .host import Failure
from .runtime import Runtime
from .stamps import Stamps, stamp_of
from .watcher import Burst


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A reload that ended: what changed (relative paths), in ms, and how it failed."""

    changed: tuple[str, ...]
    duration_ms: float
    failure: Failure | None


async def follow(
    runtime: Runtime, bursts: AsyncIterator[Burst], said: Callable[[Reloaded], None]
) -> None:
    """Reload `runtime` after every burst that concerns it, until cancelled.

    A save during a load makes that load stale: it is given up for a new one. The
    function that cannot be loaded is tried again after any change, since the missing
    piece may be a file that it never got to see.
    """
    loading: asyncio.Task[None] | None = None
    try:
        async for burst in bursts:
            changed = burst or _moved(runtime.stamps)
            if not _concerns(runtime, changed):
                continue
            await _give_up(loading)
            if changed & frozenset(runtime.project.watched):
                await _reload(runtime, changed, runtime.reconfigure, said)
            else:
                loading = asyncio.create_task(_reload(runtime, changed, runtime.reload, said))
    finally:
        await _give_up(loading)


async def _give_up(loading: asyncio.Task[None] | None) -> None:
    """Cancel a load that is under way; what went wrong in it by itself is raised."""
    if loading is None:
        return
    loading.cancel()
    await asyncio.wait({loading})
    if not loading.cancelled():
        loading.result()


async def _reload(
    runtime: Runtime,
    changed: Burst,
    reload: Callable[[], Awaitable[None]],
    said: Callable[[Reloaded], None],
) -> None:
    started = stopwatch()
    await reload()
    names = tuple(sorted(_relative(path, runtime.project.root) for path in changed))
    said(Reloaded(names, (stopwatch() - started) * 1000, runtime.failure))


def _concerns(runtime: Runtime, changed: Burst) -> bool:
    if not changed:
        return False
    if runtime.failure is not None:
        return True
    return bool(changed & (runtime.sources | frozenset(runtime.project.watched)))


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _moved(stamps: Stamps) -> Burst:
    """The files that no longer look as they did when they were loaded."""
    return frozenset(path for path, stamp in stamps.items() if stamp_of(path) != stamp)
