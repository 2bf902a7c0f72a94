"""From saved files to the right kind of reload: the configuration, the code, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from ..clock import stopwatch
from .host import Failure
from .runtime import Runtime
from .stamps import stamp_of
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
    pending: Burst = frozenset()
    try:
        async for burst in bursts:
            changed = burst or _missed(runtime)
            if not _concerns(runtime, changed):
                continue
            # What a load that is given up was about is still to be loaded.
            pending = changed if loading is None or loading.done() else pending | changed
            await _give_up(loading)
            if changed & frozenset(runtime.project.watched):
                await _reload(runtime, pending, said, configuration=True)
                loading = None
            else:
                loading = asyncio.create_task(_reload(runtime, pending, said))
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
    started, before = stopwatch(), _failures(runtime)
    in_use = changed & _in_use(runtime)
    kept = configuration and not await runtime.reconfigure()
    if not configuration or kept:
        loaded = await runtime.reload(changed)
    else:
        loaded = list(runtime.functions)
    failing = [(each.name, each.failure) for each in loaded if each.failure is not None]
    told = [
        failure
        for name, failure in failing
        if configuration or before.get(name) != failure or changed & _places(failure)
    ]
    if failing and not told and not in_use:
        return  # a try for luck: saying so again would, in a log file here, be a change
    failure = told[0] if told else None
    names = tuple(sorted(_relative(path, runtime.project.root) for path in in_use or changed))
    said(Reloaded(names, (stopwatch() - started) * 1000, failure, kept))


def _concerns(runtime: Runtime, changed: Burst) -> bool:
    if not changed:
        return False
    return bool(_failures(runtime)) or bool(changed & _in_use(runtime))


def _failures(runtime: Runtime) -> dict[str, Failure]:
    """Why functions cannot be loaded, by their names."""
    return {each.name: each.failure for each in runtime.functions if each.failure is not None}


def _in_use(runtime: Runtime) -> Burst:
    """The files that the running functions or their configuration are made of, and those
    that their failures point to.
    """
    failing = map(_places, _failures(runtime).values())
    return runtime.sources.union(*failing, runtime.project.watched)


def _places(failure: Failure) -> Burst:
    return frozenset(Path(frame.file) for frame in failure.frames)


def _relative(path: Path, root: Path) -> str:
    if path == root:
        return root.name
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _missed(runtime: Runtime) -> Burst:
    """What was saved before anybody watched: the files that no longer look as they did when
    they were loaded, and what a function that could not be loaded may have lacked.
    """
    moved = [path for path, stamp in runtime.stamps.items() if stamp_of(path) != stamp]
    return frozenset(moved if moved or not _failures(runtime) else [runtime.project.root])
