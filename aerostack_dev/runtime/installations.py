"""Notices that JavaScript packages were installed, without watching each of their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .stamps import stamps_of

FOLDER = "node_modules"
MARKS = (".package-lock.json", ".modules.yaml", ".yarn-integrity", ".yarn-state.yml", ".deno")
"""What package managers write into the folder at the end of their work."""


def marks_of(root: Path) -> Iterator[Path]:
    """What changes with the packages that a project in `root` can see, existing or not."""
    for parent in (root, *root.parents):
        yield parent / FOLDER
        yield from (parent / FOLDER / mark for mark in MARKS)


class Installations:
    """Looks again and again at the few files that tell."""

    def __init__(self, root: Path) -> None:
        self._paths = tuple(marks_of(root))
        self._stamps = stamps_of(self._paths)

    def changed(self) -> frozenset[Path]:
        """Which of them changed since this was last asked."""
        before, self._stamps = self._stamps, stamps_of(self._paths)
        return frozenset(path for path in self._paths if before[path] != self._stamps[path])
