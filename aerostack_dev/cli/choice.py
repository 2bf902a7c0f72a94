"""Which of a project's bindings of one kind a command means."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import AerostackError

if TYPE_CHECKING:
    from ..bindings.kind import Kind
    from ..config.model import Project
    from .access import Access
    from .project import Place


@dataclass(frozen=True, slots=True)
class Chosen:
    """An open binding: its declaration, and the state it is in."""

    access: Access
    declaration: Any

    @property
    def binding(self) -> str:
        return str(self.declaration.binding)

    def invoke(self, operation: str, *arguments: Any) -> Any:
        """Call an operation of it (`Access.invoke`)."""
        return self.access.invoke(self.binding, operation, *arguments)

    def stream(self, operation: str, *arguments: Any) -> tuple[Any, Generator[bytes, None, None]]:
        """Call one whose result holds a stream (`Access.stream`)."""
        return self.access.stream(self.binding, operation, *arguments)


@contextmanager
def open_binding(place: Place, kind: str, given: str | None, unknown: str) -> Iterator[Chosen]:
    """The binding of `kind` that is meant, through a running server or directly.

    Raises as `choose` and `open_access`.
    """
    from .access import open_access

    with open_access(place) as access:
        yield Chosen(access, choose(access.project, kind, given, unknown))


def choose(project: Project, kind: str, given: str | None, unknown: str) -> Any:
    """The declaration that `given` names, by its binding or by what is behind it.

    Without a name: the only declared one, or the one with the kind's own name. Raises
    `AerostackError` with the known ones; `unknown` is its text, `{name}` and `{file}`
    filled in.
    """
    from ..bindings.kind import named
    from ..bindings.kinds import KINDS

    found: Kind = named(KINDS[kind])
    every = found.declarations(project)
    if given is None:
        return _default(project, found)
    for naming in (lambda entry: entry.binding, found.resource):
        for entry in every:
            if naming(entry) == given:
                return entry
    file = project.file.name if project.file else "aerostack.toml"
    raise AerostackError(unknown.format(name=given, file=file), hint=_known(found, every))


def _default(project: Project, kind: Kind) -> Any:
    declared = project.sections.get(kind.section.path, ())
    if len(declared) == 1:
        return declared[0]
    every = kind.declarations(project)
    if not declared or len(every) == len(declared):
        return next(entry for entry in every if entry.binding == kind.default)
    raise AerostackError(
        f"which {kind.title}? There are several, and none is called {kind.default}",
        hint=_known(kind, declared),
    )


def _known(kind: Kind, entries: tuple[Any, ...]) -> str:
    names = []
    for entry in entries:
        behind = kind.resource(entry)
        names.append(entry.binding if behind == entry.binding else f"{entry.binding} ({behind})")
    return f"there are: {', '.join(names)}"
