"""The functions of a project beside each other: the main one and its services."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..config.load import require_main
from ..config.model import Project, Service
from .function import Function
from .host import Failure, HostServices, LoadError
from .limits import Limits
from .trace import Trace

if TYPE_CHECKING:
    from .calling import ServiceBinding


class Functions:
    """The functions in service, by name; `main` is the one of the project itself."""

    def __init__(self, trace: Trace, limits: Limits) -> None:
        self.main = Function(trace, limits)
        self.services: dict[str, Function] = {}
        self.mounts: dict[str, Function] = {}
        """Path -> the service that answers below it."""
        self._trace = trace
        self._limits = limits
        self._own = ""

    def __iter__(self) -> Iterator[Function]:
        # Copied in one step: a thread asks which of them are busy while others come and go.
        return iter((self.main, *self.services.values()))

    def find(self, name: str) -> Function | None:
        """The function called `name`: a service, or the main one by the project's name."""
        return self.main if name == self._own else self.services.get(name)

    def at(self, path: str) -> Function:
        """The function that answers to requests for `path`."""
        for mount, function in self.mounts.items():
            if path.startswith(mount) and path[len(mount) : len(mount) + 1] in ("", "/"):
                return function
        return self.main

    async def load(
        self, project: Project, services: HostServices, changed: frozenset[Path] | None
    ) -> list[Function]:
        """Load those anew that `changed` concerns (None: all); returns them.

        Services that the project has no longer are closed, new ones are loaded.
        """
        known = {service.name: service for service in project.services}
        gone = [self.services.pop(name) for name in [*self.services] if name not in known]
        new = {
            name: Function(self._trace, self._limits, name)
            for name in known
            if name not in self.services
        }
        self.services |= new
        self._own = project.name
        self._mount(project.services)
        if project.service_bindings:
            services = replace(services, bound=self._bindings(project))
        loading = []
        wanted = []
        for function in self:
            fresh = function.name in new
            if changed is None or fresh or function.concerned(changed):
                wanted.append(function)
                loading.append(_load(function, project, known.get(function.name), services))
        await asyncio.gather(*loading, *(function.slot.close() for function in gone))
        return wanted

    async def close(self) -> None:
        """Leave the main function first: its last requests may still call the others."""
        await self.main.slot.close()
        await asyncio.gather(*(each.slot.close() for each in self.services.values()))

    def _bindings(self, project: Project) -> dict[str, ServiceBinding]:
        from .calling import ServiceBinding

        return {
            name: ServiceBinding(name, target, self)
            for name, target in project.service_bindings.items()
        }

    def _mount(self, services: Sequence[Service]) -> None:
        """The longest path first: it is the one that is meant."""
        mounted = sorted(services, key=lambda each: len(each.path), reverse=True)
        self.mounts = {each.path: self.services[each.name] for each in mounted if each.path}


def absent(name: str) -> LoadError:
    """There is no function of this name any more, but somebody asks for it."""
    text = f"there is no service {name!r} any more"
    failure = Failure("LookupError", text, (), f"LookupError: {text}")
    return LoadError(failure, hint="it was taken out of [[services]]: start the server again")


async def _load(
    function: Function, project: Project, service: Service | None, services: HostServices
) -> None:
    if service is None:
        await function.load(require_main(project), services)
        return
    given = replace(services, service=service.name, entrypoint=service.entrypoint, debugging=None)
    await function.load(service.main, given)
