"""Bindings of kinds that do not exist here, and names that are given twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from .document import Document
from .keys import UNSUPPORTED
from .layers import Layers
from .locate import KeyPath
from .model import Finding

Named = tuple[str, KeyPath]
"""The name of a binding and the path of its declaration."""


class Unsupported(Struct, frozen=True):
    """`kinds`: binding name -> table; `named`: where each is declared."""

    kinds: Mapping[str, str]
    named: Sequence[Named]


def unsupported(layers: Layers, findings: list[Finding], known: frozenset[str]) -> Unsupported:
    """The declared bindings of kinds that we do not have, each with a finding.

    `known` are the paths of the sections that somebody owns, whatever the list says.
    """
    kinds: dict[str, str] = {}
    named: list[Named] = []
    for table, key in UNSUPPORTED.items():
        if table in known:
            continue
        for name, path in _declared(layers, table, key):
            kind = table.partition(".")[0]
            kinds[name] = kind
            named.append((name, path))
            findings.append(
                layers.document.finding(
                    "unsupported-binding",
                    f"env.{name} is of a kind that does not exist locally: {kind}",
                    path,
                    "using it raises an error that says so",
                )
            )
    return Unsupported(kinds, named)


def _declared(layers: Layers, table: str, key: str) -> Iterator[Named]:
    found = layers.find(table, inherited=False)
    if found is None:
        return
    if not key:
        names = found.value if isinstance(found.value, dict) else {}
        yield from ((name, (*found.path, name)) for name in names)
        return
    many = isinstance(found.value, list)
    for index, entry in enumerate(found.value if many else [found.value]):
        name = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(name, str) and name:
            yield name, (*found.path, index) if many else found.path


def refuse_clashes(
    document: Document, declared: Sequence[Named], variables: Mapping[str, KeyPath]
) -> None:
    """Raise `ConfigError` when two bindings, or a binding and a variable, share a name.

    A binding without a name is refused too.
    """
    seen: dict[str, KeyPath] = dict(variables)
    for name, path in declared:
        if not name:
            raise document.error("a binding needs a name", path, 'write binding = "NAME"')
        if name in seen:
            raise document.error(
                f"the name {name} is given twice",
                path,
                f"the other one is {document.where(seen[name])}",
            )
        seen[name] = path
