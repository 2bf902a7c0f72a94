"""`env`: what the author's function holds. Its attributes are variables and bindings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..config.model import Project
from ..errors import BindingError
from ..wire import record

if TYPE_CHECKING:
    from .opening import Bound

OWN = frozenset({"_unsupported", "_later"})


class Env:
    """The function's environment: `env.DB`, `env.GREETING` (interface §2, §5).

    A name that is not there raises `AttributeError` with the names that are; a binding
    of a kind that does not exist locally raises `BindingError`.
    """

    def __init__(
        self,
        members: Mapping[str, Any],
        unsupported: Mapping[str, str],
        later: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        """`later` makes members by their first use."""
        self.__dict__.update({"_unsupported": unsupported, "_later": later or {}})
        self.__dict__.update(members)

    def __getattr__(self, name: str) -> Any:
        make = self.__dict__["_later"].get(name)
        if make is not None:
            made = self.__dict__[name] = make()
            return made
        kind = self.__dict__["_unsupported"].get(name)
        if kind is not None:
            raise BindingError(
                f"env.{name} is declared in [{kind}], a kind that does not exist locally",
                hint="deploy to use it, or guard the code that needs it",
                code="unsupported",
            )
        raise AttributeError(
            f"env has no {name!r}; it has: {', '.join(self)} (see aerostack.toml and .dev.vars)"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"env is read-only: {name!r} cannot be set")

    def __iter__(self) -> Any:
        return iter(sorted({*self.__dict__, *self.__dict__["_later"]} - OWN))

    def __contains__(self, name: object) -> bool:
        return name not in OWN and (name in self.__dict__ or name in self.__dict__["_later"])

    def __getitem__(self, name: str) -> Any:
        if name in self:
            return getattr(self, name)
        raise KeyError(name)

    def __dir__(self) -> list[str]:
        """For completion in notebooks: bindings that are made by their first use too."""
        return list(self)

    def __repr__(self) -> str:
        return f"<env: {', '.join(self)}>"


def environment(
    project: Project,
    bound: Mapping[str, Bound],
    services: Mapping[str, Callable[[], Any]] | None = None,
) -> Env:
    """The `env` of a Python author: the project's variables, and the faces of `bound`.

    `services` makes what stands for the functions beside this one.
    """
    faces = {name: each.face for name, each in bound.items()} | dict(services or {})
    values = {name: record(value) for name, value in project.values.items() if name not in faces}
    return Env(values, project.unsupported, faces)
