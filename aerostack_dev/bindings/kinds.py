"""THE registry: the kinds of binding that exist. A new kind is one folder and one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..config.model import Section
from .kind import Kind, named

KINDS: Mapping[str, str] = {
    "database": "aerostack_dev.bindings.database:KIND",
    "cache": "aerostack_dev.bindings.cache:KIND",
    "queue": "aerostack_dev.bindings.queue:KIND",
    "ai": "aerostack_dev.bindings.ai:KIND",
    "vectorize": "aerostack_dev.bindings.vectorize:KIND",
    "storage": "aerostack_dev.bindings.storage:KIND",
}
"""Room -> its `KIND`. Order is the order of every listing."""


def all_kinds(registry: Mapping[str, str] = KINDS) -> tuple[Kind, ...]:
    """Every kind, in the registry's order."""
    return tuple(_kinds(registry))


def sections(kinds: tuple[Kind, ...]) -> tuple[Section, ...]:
    """The tables of `aerostack.toml` that the rooms own."""
    return tuple(section for kind in kinds for section in (kind.section, *kind.settings))


def _kinds(registry: Mapping[str, str]) -> Iterator[Kind]:
    for name, target in registry.items():
        kind: Any = named(target)
        if not isinstance(kind, Kind) or kind.name != name:
            raise TypeError(f"{target} is not the Kind of the room {name!r}")
        yield kind
