"""Which files are the author's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath
from types import ModuleType

from msgspec import Struct

PACKAGE = str(Path(__file__).parents[2])
"""Our own package: never the author's, even when a project lies around it."""

SEPARATOR = ":"
"""Between the name of a service and that of its module."""

INSTALLED = frozenset({".venv", "venv", "site-packages", "dist-packages", "node_modules"})
"""Folders inside a project that hold other people's code."""


class Authored(Struct, frozen=True):
    """The files below `roots` (the project, the folder of `main`) that nobody installed.

    `prefix` is how the names of a service's modules begin (`naming`).
    """

    roots: tuple[str, ...]
    prefix: str = ""

    def __contains__(self, file: object) -> bool:
        if not isinstance(file, str) or within(file, PACKAGE):
            return False
        return any(
            within(file, root) and INSTALLED.isdisjoint(PurePath(file[len(root) :]).parts)
            for root in self.roots
        )

    def modules(self) -> Iterator[tuple[str, ModuleType]]:
        """The author's modules that are loaded now, by name; another service's are not."""
        # A copy in one piece: while a list of pairs is made, the collector may run code
        # that imports something.
        for name, module in sys.modules.copy().items():
            if name == "__main__" or not self._ours(name):
                continue
            if self._place(module) in self:
                yield name, module

    def files(self) -> Iterator[Path]:
        """The author's files that are loaded now."""
        for _, module in self.modules():
            if isinstance(module.__dict__.get("__file__"), str):
                yield Path(module.__dict__["__file__"])

    def _ours(self, name: str) -> bool:
        return name.startswith(self.prefix) if self.prefix else SEPARATOR not in name

    def _place(self, module: object) -> str | None:
        """A module's file; a package without one (a namespace) lies in its folder."""
        if not isinstance(module, ModuleType):
            return None
        file = module.__dict__.get("__file__")
        if file is None:
            file = next(iter(module.__dict__.get("__path__", ())), None)
        return file if isinstance(file, str) else None


def within(file: str, folder: str) -> bool:
    """Whether `file` lies below `folder`."""
    return file.startswith(folder) and file[len(folder) : len(folder) + 1] in (os.sep, "/")
