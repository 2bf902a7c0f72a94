"""The databases of a project under test: migrated, and sown with its seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..bindings.database.migrations import Migrations
from ..bindings.database.script import read_script
from ..bindings.kind import Kind, Services
from ..bindings.opening import open_bindings
from ..config.model import Project

SEED = "seed.sql"


async def prepare(kinds: Iterable[Kind], services: Services, *, seed: bool) -> None:
    """Apply every database's migrations, then `seed.sql` to the one that it is for.

    That is what `aerostack init` does to a new project. Raises `AerostackError`, with the
    file, for a statement that fails.
    """
    project = services.project
    (kind,) = (kind for kind in kinds if kind.name == "database")
    async with open_bindings([kind], services) as bindings:
        migrated = set()
        for entry in _databases(kind, project):

            async def invoke(
                operation: str, arguments: Sequence[Any], binding: str = entry.binding
            ) -> Any:
                return await bindings.invoke(binding, operation, arguments)

            migrations = Migrations.of(entry, project.root)
            if migrations.folder.is_dir() and await migrations.apply(invoke):
                migrated.add(entry.binding)
        file = project.root / SEED
        target = _seeded(kind, project)
        if seed and target in migrated and file.is_file():
            statements = [[text, []] for text in read_script(file.read_bytes(), str(file))]
            if statements:
                await bindings.invoke(target, "batch", [statements])


def _databases(kind: Kind, project: Project) -> list[Any]:
    """One declaration of each database; the first, where several bindings share one."""
    found: dict[str, Any] = {}
    for entry in kind.declarations(project):
        found.setdefault(kind.resource(entry), entry)
    return list(found.values())


def _seeded(kind: Kind, project: Project) -> str:
    """The binding that `seed.sql` is for: the only declared one, or `DB`."""
    declared = kind.declared(project)
    return str(declared[0].binding) if len(declared) == 1 else kind.default
