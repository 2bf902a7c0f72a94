"""The state of a project under test: migrated, and sown with its seeds."""

from __future__ import annotations

from collections.abc import Iterable

from ..bindings.kind import Kind, Services
from ..bindings.opening import open_bindings
from ..runtime import seeding


async def prepare(kinds: Iterable[Kind], services: Services, *, seed: bool) -> None:
    """Apply every database's migrations, then the project's seeds: `[dev] seed`, or else
    `seed.sql`.

    That is what `aerostack init` does to a new project. Raises `AerostackError`, with the
    file, for what fails.
    """
    every, project = tuple(kinds), services.project
    seeds = seeding.usual_seeds(project) if seed else ()
    async with open_bindings(every, services) as bindings:
        await seeding.prepare(every, bindings, project, seeds)
