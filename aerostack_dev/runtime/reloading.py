"""From saved files to the right kind of reload: the configuration, the code, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from ..clock import stopwatch
from .host import Failure
from .runtime import Runtime
from .stamps import Stamps, stamp_of
from .watcher import Burst


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A reload that ended: what changed (relative paths), in ms, and how it failed.

    `kept`: the configuration is broken, and the old one goes on.
    """

    changed: tuple[str, ...]
    duration_ms: float
    failure: Failure | None
    kept: bool = False

    @property
    def ok(self) -> bool:
        """Whether what was saved is in force."""
        return self.failure is None and not self.kept


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
                await _reload(runtime, changed, said, configuration=True)
            else:
                loading = asyncio.create_task(_reload(runtime, changed, said))
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
    said: Callable[[Reloaded], None],
    *,
    configuration: bool = False,
) -> None:
    started, before = stopwatch(), runtime.failure
    in_use = changed & _in_use(runtime)
    kept = configuration and not await runtime.reconfigure()
    if not configuration or (kept and changed & runtime.sources):
        await runtime.reload()
    if runtime.failure is not None and runtime.failure == before and not in_use:
        return  # a try for luck: saying so again would, in a log file here, be a change
    names = tuple(sorted(_relative(path, runtime.project.root) for path in in_use or changed))
    said(Reloaded(names, (stopwatch() - started) * 1000, runtime.failure, kept))


def _concerns(runtime: Runtime, changed: Burst) -> bool:
    if not changed:
        return False
    if runtime.failure is not None:
        return True
    return bool(changed & _in_use(runtime))


def _in_use(runtime: Runtime) -> Burst:
    """The files that the running function or its configuration is made of, and those
    that its failure points to.
    """
    frames = runtime.failure.frames if runtime.failure else ()
    failing = frozenset(Path(frame.file) for frame in frames)
    return runtime.sources | failing | frozenset(runtime.project.watched)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _moved(stamps: Stamps) -> Burst:
    """The files that no longer look as they did when they were loaded."""
    return frozenset(path for path, stamp in stamps.items() if stamp_of(path) != stamp)
