"""Seeds: what an empty state is filled with, once (`[dev] seed`, `--seed`).

A state is sown when nothing is in it: at the first start, with `--ephemeral`, after
`aerostack state reset`. Migrations come first, since a seed is for their tables. A seed
that fails leaves the state empty, as if it had not been tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..bindings.contents import Contents
from ..bindings.database.migrations import Migrations
from ..bindings.database.script import place_of, read_script, sql_text
from ..bindings.kind import Kind, Services
from ..bindings.opening import Bindings, open_bindings
from ..bindings.snapshots import reset
from ..bindings.state import SEEDED
from ..config.model import Finding, Project
from ..errors import AerostackError, BindingError, ConfigError

SUFFIXES = (".sql", ".py")
USUAL = "seed.sql"
PREFIX = "D1_ERROR: "


class Mark(msgspec.Struct, frozen=True):
    """`seed.json` in the state: what it was sown with, and whether that was all done."""

    seeds: tuple[str, ...]
    state: Literal["begun", "done"]


def seeds_of(project: Project, given: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The files to sow: `given`, or those of the configuration.

    Raises `ConfigError` for one that is not there, or no seed by its suffix.
    """
    configured = project.dev.seed
    names = (configured,) if isinstance(configured, str) else configured
    where = "--seed" if given else f"{project.file or project.root}: dev.seed"
    seeds = tuple(path.resolve() for path in given) or tuple(project.root / name for name in names)
    for seed in seeds:
        if seed.suffix not in SUFFIXES:
            raise ConfigError(
                f"{seed.name} is no seed",
                where=where,
                hint="a seed is SQL (.sql) or Python with `async def seed(env)` (.py)",
            )
        if not seed.is_file():
            raise ConfigError(f"there is no file {seed}", where=where, hint="check the path")
    return seeds


def usual_seeds(project: Project) -> tuple[Path, ...]:
    """What a new project and a test begin with: the configured seeds, or else `seed.sql`.

    Raises `ConfigError` as `seeds_of`.
    """
    usual = project.root / USUAL
    if not project.dev.seed and usual.is_file():
        return (usual,)
    return seeds_of(project)


async def sow(
    kinds: Sequence[Kind], services: Services, seeds: Sequence[Path], *, said: bool = False
) -> Sequence[str]:
    """Sow `seeds` if the state, which nobody has open, is empty; what was applied.

    `said`: the user asked for it just now, and is told when it is not done. Raises
    `AerostackError` for the first that fails; then the state is empty.
    """
    if not seeds:
        return ()
    contents, root = Contents.of(kinds), services.state.root
    mark = _read(root)
    if mark is not None and mark.state == "begun":  # a process died over it
        await asyncio.to_thread(reset, contents, root)
    elif contents.top(root):
        if said:
            services.notify(_not_empty(root))
        return ()
    names = tuple(seed.name for seed in seeds)
    _write(root, Mark(names, "begun"))
    try:
        async with open_bindings(kinds, services) as bindings:
            applied = await prepare(kinds, bindings, services.project, seeds)
    except BaseException:
        await asyncio.to_thread(reset, contents, root)
        raise
    _write(root, Mark(names, "done"))
    return applied


async def prepare(
    kinds: Iterable[Kind], bindings: Bindings, project: Project, seeds: Sequence[Path]
) -> Sequence[str]:
    """Apply every database's migrations, then `seeds`; the names of what was applied.

    Raises `AerostackError`, with the file, for the first that fails.
    """
    (kind,) = (kind for kind in kinds if kind.name == "database")
    applied: list[str] = []
    for entry in _databases(kind, project):
        migrations = Migrations.of(entry, project.root)
        if migrations.folder.is_dir():
            applied += await migrations.apply(_invoker(bindings, entry.binding))
    for seed in seeds:
        if seed.suffix == ".sql":
            await _run_sql(bindings, _target(kind, project), seed)
        else:
            from .hosts.python.sowing import run_seed

            await run_seed(seed, project, bindings)
        applied.append(seed.name)
    return applied


async def _run_sql(bindings: Bindings, target: str, seed: Path) -> None:
    data, name = await _content(seed), str(seed)
    statements = [[text, []] for text in read_script(data, name)]
    if not statements:
        return
    try:
        await bindings.invoke(target, "batch", [statements])
    except BindingError as error:
        raise AerostackError(
            f"the seed failed: {error.message.removeprefix(PREFIX)}",
            where=place_of(error.where, sql_text(data, name), name) or name,
            hint=error.hint or "nothing of it was kept; correct it and start again",
        ) from error


async def _content(seed: Path) -> bytes:
    try:
        return await asyncio.to_thread(seed.read_bytes)
    except OSError as error:
        raise AerostackError(f"cannot be read: {error.strerror}", where=str(seed)) from error


def _invoker(bindings: Bindings, binding: str) -> Any:
    async def invoke(operation: str, arguments: Sequence[Any]) -> Any:
        return await bindings.invoke(binding, operation, arguments)

    return invoke


def _databases(kind: Kind, project: Project) -> list[Any]:
    """One declaration of each database; the first, where several bindings share one."""
    found: dict[str, Any] = {}
    for entry in kind.declarations(project):
        found.setdefault(kind.resource(entry), entry)
    return list(found.values())


def _target(kind: Kind, project: Project) -> str:
    """The binding that SQL seeds are for: the only declared one, or `DB`."""
    declared = kind.declared(project)
    return str(declared[0].binding) if len(declared) == 1 else kind.default


def _not_empty(root: Path) -> Finding:
    return Finding(
        "seed-skipped",
        "the state is not empty: it was not seeded",
        where=str(root),
        hint="empty it with `aerostack state reset`, or use --ephemeral",
    )


def _read(root: Path) -> Mark | None:
    try:
        return msgspec.json.decode((root / SEEDED).read_bytes(), type=Mark)
    except (OSError, msgspec.DecodeError):
        return None


def _write(root: Path, mark: Mark) -> None:
    draft = root / f".{SEEDED}"
    draft.write_bytes(msgspec.json.encode(mark))
    draft.replace(root / SEEDED)
