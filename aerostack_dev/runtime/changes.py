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


def of_rooms(project: Project) -> tuple[Any, ...]:
    """What of a project the rooms depend on: when it changes they are opened anew."""
    return (
        project.root,
        project.environment,
        project.sections,
        project.compatibility_date,
        project.compatibility_flags,
    )
