"""What a room declares about itself, and what it is given when it opens."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from ..config.model import Finding, Project, Section

if TYPE_CHECKING:  # a shell that completes a name does not wait for asyncio
    from ..clock import Clock
    from .state import State


class Declaration(Protocol):
    """One entry of a room's section: the binding's name and the room's own options."""

    @property
    def binding(self) -> str: ...


class Services(Struct, frozen=True):
    """What every room may use: where state lives, what time it is, whom to tell."""

    project: Project
    state: State
    clock: Clock
    entropy: Callable[[int], bytes]
    """`entropy(n)` is n random bytes."""
    notify: Callable[[Finding], None]
    """Says something to the person at the terminal."""


Opener = Callable[[Sequence[Any], Services], AbstractAsyncContextManager[Any]]
"""`open_backend(declarations, services)`: the backend of a room, for all its bindings."""


class Kind(Struct, frozen=True):
    """One kind of binding: a line of `kinds.KINDS`.

    Code is named by import strings ("module:attribute"), so that what a project does
    not use is never imported.
    """

    name: str
    """The room's folder, and its name on the command line: `cache`."""
    title: str
    """For people: `key-value cache`."""
    default: str
    """The binding that exists without being declared: `CACHE`."""
    section: Section
    """Where bindings of this kind are declared; `Section.shape` is a `Declaration`."""
    resource: Callable[[Any], str]
    """Declaration -> the thing behind it; two bindings of one resource share it."""
    backends: Mapping[str, str]
    """Name -> `Opener`; the first is the default."""
    operations: str
    """The class of the verbs: `Operations(declaration, backend, services)`."""
    face: str
    """The class that a Python author holds: `Face(operations)`."""
    admin: str = ""
    """The class of the verbs on the room as a whole: `Admin(backend, services)`."""
    location: Callable[[Any], str] = lambda declaration: ""
    """Declaration -> where its data is, for people: a path inside the state folder."""
    starts: bool = False
    """Whether the room acts by itself and is opened at the start, not by its first use."""
    settings: tuple[Section, ...] = ()
    """Further tables of the room that declare no binding."""
    web: Mapping[str, str] = field(default_factory=dict)
    """Path prefix below `/cdn-cgi/local/` -> what serves it on the user port, an ASGI
    application made of the list of the room's operations (GET and HEAD only)."""
    endpoint: str = ""
    """What serves clients of the room on a loopback port of its own: an ASGI application
    `App(backend, operations of its bindings, services)`, with `hosts`, the further Host
    names that it answers to."""
    check: str = ""
    """`check(project) -> Iterable[Finding]`: what `aerostack check` says of the room."""
    constants: Callable[[Project], Mapping[str, Any]] = lambda project: {}
    """What the face for TypeScript must know of the project before its first call. It is
    asked at every start: nothing of the room is imported for it."""
    interface: str = ""
    """What TypeScript calls a binding of this kind, as the room's `types.d.ts` declares it."""

    @property
    def typescript(self) -> Path:
        """The face for TypeScript authors, beside the Python one."""
        return Path(__file__).parent / self.name / "api.ts"

    @property
    def types(self) -> list[Path]:
        """What TypeScript must know of the room's values, for editors and type checkers."""
        return sorted((Path(__file__).parent / self.name).glob("*.d.ts"))

    def declared(self, project: Project) -> tuple[Any, ...]:
        """The project's bindings of this kind that its file names."""
        return project.sections.get(self.section.path, ())

    def declarations(self, project: Project, taken: Container[str] = ()) -> tuple[Any, ...]:
        """All bindings of this kind: the declared ones, and the default one unless its
        name is `taken` by something else that the author named.
        """
        declared = self.declared(project)
        if self.default in taken or any(one.binding == self.default for one in declared):
            return declared
        return (*declared, self.section.shape(binding=self.default))


def named(target: str) -> Any:
    """The object that an import string names ("package.module:attribute")."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
