"""What a changed configuration means: what there is to say of it, and what it opens anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.model import Finding, Project


def news(old: Project, new: Project) -> Iterator[Finding]:
    """The findings of `new` that were not said of `old` already."""
    yield from (finding for finding in new.findings if finding not in old.findings)
    if (old.dev.host, old.dev.port) != (new.dev.host, new.dev.port):
        message = "another host or port takes effect when the server is started again"
        yield Finding("restart", message, where="dev")

    if not _doors(new) <= _doors(old):
        message = "a service's own port is opened when the server is started again"
        yield Finding("restart", message, where="services", hint="env reaches it already")


def _doors(project: Project) -> set[tuple[str, int | None]]:
    """The services that have ports of their own."""
    found = (each for each in project.services if each.public and not each.path)
    return {(each.name, each.port) for each in found}


def of_rooms(project: Project) -> tuple[Any, ...]:
    """What of a project the rooms depend on: when it changes they are opened anew."""
    return (
        project.root,
        project.environment,
        project.sections,
        project.compatibility_date,
        project.compatibility_flags,
    )
