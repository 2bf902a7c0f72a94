"""The project's packages: where they are, and what to type when they are not there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...installations import FOLDER, MARKS

MANIFEST = "package.json"
TABLES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")

MANAGERS = {
    "package-lock.json": ("npm install", "npm install "),
    "pnpm-lock.yaml": ("pnpm install", "pnpm add "),
    "yarn.lock": ("yarn install", "yarn add "),
    "bun.lock": ("bun install", "bun add "),
    "bun.lockb": ("bun install", "bun add "),
    "deno.lock": ("deno install", "deno add npm:"),
}
"""The file that a package manager leaves -> how it installs all, and how one more."""
NPM = MANAGERS["package-lock.json"]
NAMED = {"npm": NPM} | {
    name: (f"{name} install", f"{name} add ") for name in ("pnpm", "yarn", "bun")
}
"""The same by the name of the manager, which `packageManager` of package.json says."""
OURS = "aerostack dev --install"

NAME = re.compile(r"(@[a-z0-9][\w.~-]*/)?[a-z0-9][\w.~-]*", re.IGNORECASE)
"""What may be the name of a package."""
MISSING = re.compile(
    r'Cannot find the package "(?P<name>[^"]+)"'
    r"|Could not find a matching package for 'npm:(?P<pinned>(?:@[^/']+/)?[^/'@]+)"
)
"""How it is said that a package is not there, by `loading.ts` and by Deno."""


def manifest_of(root: Path) -> Path | None:
    """The `package.json` of the project: in its folder or the nearest one above."""
    return next((each for each in _above(root, MANIFEST) if each.is_file()), None)


def installed_in(root: Path) -> Path | None:
    """The nearest folder `node_modules`, from the project's own upwards."""
    return next((each for each in _above(root, FOLDER) if each.is_dir()), None)


def advice(root: Path, message: str) -> str:
    """What to type when `message` says that a package is missing; else nothing."""
    found = MISSING.search(message)
    if found is None:
        return ""
    name = found["name"] or found["pinned"]
    manifest = manifest_of(root)
    all_of, one_of = _manager(manifest.parent if manifest else root)
    wanted = dependencies(manifest) if manifest else frozenset()
    if not NAME.fullmatch(name):
        return "none of the `paths` in tsconfig.json leads to a file of this name"
    if name not in wanted and (root / name).is_dir():
        return (
            f"there is a folder {name}: set `baseUrl` in tsconfig.json to import from it like this"
        )
    if name not in wanted:
        return f"install it: {one_of}{name}"
    if installed_in(root) is None:
        others = len(wanted) - 1
        more = f" names it and {others} more" if others else " names it"
        return f"package.json{more}, and nothing is installed: {all_of}, or {OURS}"
    return f"package.json names it, but it is not installed: {all_of}, or {OURS}"


def dependencies(manifest: Path) -> frozenset[str]:
    """The packages that a `package.json` names; a broken one names none."""
    found = _read(manifest)
    tables = [table for name in TABLES if isinstance(table := found.get(name), dict)]
    return frozenset(name for table in tables for name in table)


def watched(root: Path) -> Iterator[Path]:
    """The files that change when packages are installed, removed or renewed."""
    yield root / MANIFEST
    folder = installed_in(root)
    if folder is not None:
        yield from (folder / mark for mark in MARKS)


def linked(root: Path) -> Iterator[Path]:
    """Folders of packages that lie elsewhere: a workspace, or `npm link`."""
    entries = [entry for folder in _above(root, FOLDER) for entry in _entries(folder)]
    scopes = [entry for entry in entries if entry.name.startswith("@")]
    for entry in (*entries, *(each for scope in scopes for each in _entries(scope))):
        if entry.is_symlink():
            target = Path(os.path.realpath(entry))
            if FOLDER not in target.parts and target.is_dir():
                yield target


def _entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as found:
        return list(found)
    return []


def _above(root: Path, name: str) -> Iterator[Path]:
    return (folder / name for folder in (root, *root.parents))


def _manager(folder: Path) -> tuple[str, str]:
    named = str(_read(folder / MANIFEST).get("packageManager", "")).partition("@")[0]
    if named in NAMED:
        return NAMED[named]
    for place in (folder, *folder.parents):
        for lock, commands in MANAGERS.items():
            if (place / lock).is_file():
                return commands
    return NPM


def _read(manifest: Path) -> dict[str, Any]:
    try:
        found = json.loads(manifest.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
