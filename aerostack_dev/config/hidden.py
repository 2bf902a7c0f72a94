"""Texts of the file that are never shown: keys written out, and what `$NAME` stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .document import dotted, sensitive
from .layers import Layers
from .locate import KeyPath
from .model import Section
from .references import reference_name


def hidden_texts(
    layers: Layers,
    sections: Sequence[Section],
    values: Mapping[str, Any],
    secrets: frozenset[str],
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Name -> text for the references and written-out keys of the sections' tables.

    A reference is hidden under its own name, unless it is a variable for all to see; a
    written-out key (`api_key = "…"`) under its dotted path.
    """
    hidden: dict[str, str] = {}
    for path, text in _texts(layers, sections):
        name = reference_name(text)
        if name is None:
            if sensitive(str(path[-1])):
                hidden[dotted(path)] = text
        elif name not in values and environ.get(name):
            hidden[name] = environ[name]
        elif name in values and name not in secrets and sensitive(name):
            hidden[name] = str(values[name])
    return hidden


def _texts(layers: Layers, sections: Sequence[Section]) -> Iterator[tuple[KeyPath, str]]:
    places = [layers.find(section.path, inherited=section.inherited) for section in sections]
    places += [layers.at_top(key) for key in ("api_key", "secrets", "postgres_databases")]
    for found in places:
        if found is not None:
            yield from _inside(found.value, found.path)


def _inside(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inside(item, (*path, index))
