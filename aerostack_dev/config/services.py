"""`[[services]]`: functions beside the main one, and the bindings that reach them.

Two forms are read. `name` and `main` make a function of the project, bound as `binding`.
`binding` and `service`, as wrangler has it, bind a function that is there already; one
that is not is said, and an error once it is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from .decode import decode
from .document import is_file, is_folder, shown
from .layers import Layers
from .locate import KeyPath
from .model import Finding, Service
from .suggest import meant
from .unsupported import Named

TABLE = "services"
EXPECTED = (
    "write name and main (a function of this project), or binding and service (one that is "
    "there already)"
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_BINDING = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PATH = re.compile(r"(/[\w.~!$&'()+,;=:@%-]+)+", re.ASCII)


class Entry(msgspec.Struct, frozen=True):
    """One table of `[[services]]`."""

    name: str = ""
    main: str = ""
    binding: str = ""
    service: str = ""
    entrypoint: str = ""
    path: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    environment: Any = None
    props: Any = None


class Declared(msgspec.Struct, frozen=True):
    """`bindings`: name of a binding -> of a function; `named`: where each is declared."""

    services: tuple[Service, ...]
    bindings: dict[str, str]
    named: Sequence[Named]


def services(layers: Layers, own: str, main: Path | None, findings: list[Finding]) -> Declared:
    """The services of the project called `own`. Raises `ConfigError`."""
    return _Reading(layers, own, main, findings).declared()


class _Reading:
    def __init__(
        self, layers: Layers, own: str, main: Path | None, findings: list[Finding]
    ) -> None:
        self.document = layers.document
        self.own = own
        self.main = main
        self.findings = findings
        self.services: dict[str, Service] = {}
        self.bindings: dict[str, str] = {}
        self.named: list[Named] = []
        self.entries = self._entries(layers)

    def declared(self) -> Declared:
        for entry, path in self.entries:
            if not entry.service:
                self._service(entry, path)
        for entry, path in self.entries:
            self._bind(entry, path)
        return Declared(tuple(self.services.values()), self.bindings, tuple(self.named))

    def _entries(self, layers: Layers) -> list[tuple[Entry, KeyPath]]:
        found = layers.find(TABLE, inherited=False)
        if found is None:
            return []
        many = isinstance(found.value, list)
        entries = []
        for index, value in enumerate(found.value if many else [found.value]):
            path: KeyPath = (*found.path, index) if many else found.path
            entries.append((decode(self.document, value, Entry, path, self.findings), path))
        return entries

    def _service(self, entry: Entry, path: KeyPath) -> None:
        name = entry.name
        if not name:
            raise self.document.error("a service needs a name", path, EXPECTED)
        if not _NAME.fullmatch(name):
            text = f"{shown(name)} is no name of a service: letters, digits, - and _ only"
            raise self.document.error(text, (*path, "name"))
        if name in self.services or name == self.own:
            taken = "the project itself has it" if name == self.own else "another service has it"
            raise self.document.error(
                f"the name {shown(name)} is given twice", (*path, "name"), taken
            )
        self.services[name] = Service(
            name, self._main(entry, path), entry.entrypoint, self._path(entry, path), entry.port
        )

    def _main(self, entry: Entry, path: KeyPath) -> Path:
        if not entry.main:
            raise self.document.error(
                f"the service {shown(entry.name)} needs a main", path, EXPECTED
            )
        file = self.document.file.parent / entry.main
        if not is_file(file):
            what = "is a folder" if is_folder(file) else "does not exist"
            text = f"the service's file {shown(entry.main)} {what}"
            raise self.document.error(text, (*path, "main"), f"looked for {file}")
        return file

    def _path(self, entry: Entry, path: KeyPath) -> str:
        if not entry.path:
            return ""
        place, mount = (*path, "path"), entry.path.rstrip("/")
        if entry.port is not None:
            text = "a service has a `path` or a `port`, not both"
            raise self.document.error(text, place, "leave one of them out")
        if not _PATH.fullmatch(mount):
            text = f"{shown(entry.path)} is no path to serve a service at"
            raise self.document.error(text, place, 'write it as in path = "/auth"')
        if any(other.path == mount for other in self.services.values()):
            raise self.document.error(f"the path {shown(mount)} is given twice", place)
        return mount

    def _bind(self, entry: Entry, path: KeyPath) -> None:
        name = entry.binding or (entry.service or entry.name).upper().replace("-", "_")
        if not _BINDING.fullmatch(name):
            text = f"{shown(name)} is no name of a binding"
            raise self.document.error(text, path, 'write binding = "NAME"')
        self.named.append((name, path))
        self.bindings[name] = self._target(entry, path) if entry.service else entry.name
        if entry.props is not None:
            text = "`props` has no effect here: `ctx.props` is empty"
            self.findings.append(self.document.finding("ignored-key", text, (*path, "props")))

    def _target(self, entry: Entry, path: KeyPath) -> str:
        """The function that `service` names; another class of it is a function of its own."""
        for key in ("name", "main", "path", "port"):
            if getattr(entry, key):
                text = f"`{key}` and `service` exclude each other"
                raise self.document.error(text, (*path, key), EXPECTED)
        target = self._known(entry.service)
        if target is None:
            self._absent(entry, path)
            return entry.service
        if entry.entrypoint in ("", target.entrypoint):
            return target.name
        name = f"{target.name}#{entry.entrypoint}"
        special = replace(
            target, name=name, entrypoint=entry.entrypoint, path="", port=None, public=False
        )
        self.services.setdefault(name, special)
        return name

    def _known(self, name: str) -> Service | None:
        if name == self.own and self.main is not None:
            return Service(name, self.main)
        return self.services.get(name)

    def _absent(self, entry: Entry, path: KeyPath) -> None:
        near = meant(entry.service, [*self.services, self.own])
        self.findings.append(
            self.document.finding(
                "absent-service",
                f"the worker {shown(entry.service)} is not a function of this project",
                (*path, "service"),
                f"{near or 'using it raises an error that says so'}; a function beside this "
                "one is declared with name and main",
            )
        )
