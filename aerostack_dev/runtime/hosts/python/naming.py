"""Names of modules: those of a service are its own, so that no function meets another's.

The main function's modules have the names that its author gave them. A service's are
called `auth:helper`, in `sys.modules` and as `__name__`: two functions may both have a
`helper.py`, and a file that both import is loaded once for each, as it is deployed.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Container, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from ..authored import SEPARATOR, Authored


def prefix_of(service: str) -> str:
    """What the names of a service's modules begin with; empty for the main function."""
    return service + SEPARATOR if service else ""


class Naming:
    """Finds out which imports of a service mean modules of its own."""

    def __init__(
        self, authored: Authored, folders: Sequence[str], provided: Container[str] = ()
    ) -> None:
        """`provided` are modules of the platform, which nothing of the author's replaces."""
        self._authored = authored
        self._provided = provided
        self._folders = list(folders)
        self._own: dict[str, bool] = {}
        self.builtins: Mapping[str, Any] = {**vars(builtins), "__import__": self._import}
        """The built-ins of the service's modules."""

    def owns(self, name: str) -> bool:
        """Whether `name`, as the service's code writes it, is a module of its own."""
        top = name.partition(".")[0]
        known = self._own.get(top)
        if known is None:
            known = self._own[top] = self.find(top) is not None
        return known

    def find(self, top: str) -> ModuleSpec | None:
        """The author's module or package `top`, wherever it lies."""
        if top in sys.stdlib_module_names or top in self._provided:
            return None
        spec = PathFinder.find_spec(top, self._folders)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        place = spec.origin if spec.has_location or not places else next(iter(places), None)
        return spec if place in self._authored else None

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - as the built-in has it
        locals: Mapping[str, object] | None = None,  # noqa: A002 - the same
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` for the service's modules."""
        if level == 0 and self.owns(name):
            name = self._authored.prefix + name
        try:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        except ModuleNotFoundError as error:
            # As the author wrote it.
            error.msg = error.msg.replace(self._authored.prefix, "")
            error.name = (error.name or "").removeprefix(self._authored.prefix)
            raise
