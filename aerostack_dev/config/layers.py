"""The top level of the file and the chosen `[env.NAME]` over it.

As in wrangler, simple keys and `triggers` are taken over from the top level, bindings
and `vars` are not (queue-cron-dev.md §1.2, §2.2).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ..errors import ConfigError
from .document import Document, shown
from .locate import KeyPath


class Found(Struct, frozen=True):
    """A value of the file and where it stands."""

    value: Any
    path: KeyPath


class Layers(Struct, frozen=True):
    """Where a key is looked for: in `chosen` (a table of `env`), then at the top."""

    document: Document
    environment: str | None
    chosen: dict[str, Any]

    @property
    def prefix(self) -> KeyPath:
        """The path of the layer that declares the bindings."""
        return () if self.environment is None else ("env", self.environment)

    @property
    def table(self) -> dict[str, Any]:
        """The table of the layer that declares the bindings."""
        return self.document.tables if self.environment is None else self.chosen

    def find(self, dotted: str, *, inherited: bool = True) -> Found | None:
        """What stands at `dotted`; None when it is absent (or not taken over)."""
        keys = tuple(dotted.split("."))
        found = _walk(self.table, self.prefix, keys)
        if found is None and inherited and self.environment is not None:
            found = _walk(self.document.tables, (), keys)
        return found

    def at_top(self, dotted: str) -> Found | None:
        """What stands at `dotted` at the top level, whatever the environment."""
        return _walk(self.document.tables, (), tuple(dotted.split(".")))


def _walk(node: Any, path: KeyPath, keys: tuple[str, ...]) -> Found | None:
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            return None
        node, path = node[key], (*path, key)
    return Found(node, path)


def layers(document: Document, environment: str | None) -> Layers:
    """The layers for `environment` (None: the top level alone).

    Raises `ConfigError` when there is no such environment.
    """
    table = document.tables.get("env", {})
    if not isinstance(table, (dict, list)):
        raise document.error(
            "`env` must be a list of the names of secrets, or hold tables [env.NAME]", ("env",)
        )
    names = table if isinstance(table, dict) else {}
    for name, value in names.items():
        if not isinstance(value, dict):
            raise document.error(f"expected a table, not {shown(value)}", ("env", name))
    if environment is None:
        return Layers(document, None, {})
    if environment not in names:
        from .suggest import meant

        there = ", ".join(names) or "none"
        near = meant(environment, names) if names else ""
        raise ConfigError(
            f"there is no environment {environment!r}; there are: {there}",
            where=document.file.name,
            hint=near or f"add a table [env.{environment}], or leave --env out",
        )
    if not environment.isprintable() or set(environment) & set("/\\"):
        raise document.error("a name of an environment cannot hold this", ("env", environment))
    return Layers(document, environment, names[environment])
