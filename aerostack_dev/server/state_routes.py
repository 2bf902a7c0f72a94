"""The routes of the control port that snapshot, restore and empty the state."""

from __future__ import annotations

from typing import Any

from ..bindings.snapshots import shown
from ..clock import stopwatch
from ..runtime.keeping import Keeper
from .contract import Runtime


def state_of(runtime: Runtime) -> dict[str, Any]:
    """`{"path", "snapshots"}`: the folder of the state, and the project's snapshots."""
    known = Keeper(runtime).snapshots.all()
    snapshots = [shown(name, snapshot) for name, snapshot in known.items()]
    return {"path": str(runtime.state.root), "snapshots": snapshots}


async def snapshot(runtime: Runtime, name: str) -> dict[str, Any]:
    """Make a snapshot."""
    started = stopwatch()
    made = await Keeper(runtime).snapshot(name)
    return {**shown(name, made), "durationMs": _since(started)}


async def restore(runtime: Runtime, name: str) -> dict[str, Any]:
    """Put a snapshot in the place of the state."""
    started = stopwatch()
    found = await Keeper(runtime).restore(name)
    return {**shown(name, found), "durationMs": _since(started)}


async def reset(runtime: Runtime) -> dict[str, Any]:
    """Empty the state, and sow it."""
    started = stopwatch()
    sown = await Keeper(runtime).reset()
    return {"seeded": list(sown), "durationMs": _since(started)}


def _since(started: float) -> float:
    return round((stopwatch() - started) * 1000, 1)
