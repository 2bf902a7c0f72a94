"""What files looked like when they were loaded, to find saves that nobody watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

Stamp = tuple[int, int]
Stamps = Mapping[Path, Stamp | None]
"""Path -> its time of change and its size; None where there is no file."""


def stamps_of(paths: Iterable[Path]) -> Stamps:
    """What `paths` look like now."""
    return {path: stamp_of(path) for path in paths}


def stamp_of(path: Path) -> Stamp | None:
    """What one file looks like now; None when it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
