"""The function's file: `main` (interface §2)."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from .document import is_file, is_folder, shown
from .layers import Found, Layers
from .model import Finding, Project

MAINS = ("src/index.py", "src/index.ts", "src/index.js", "index.py", "index.ts", "index.js")
"""Where the function is looked for when `main` is absent, in this order."""
BUILT = "dist/worker.js"
"""The official CLI's own output; as `main` it means that `main` is not set."""


def main_file(layers: Layers, findings: list[Finding]) -> Path | None:
    """The function's file: `main`, else the first of `MAINS` that exists, else None.

    A file outside the project is fine, as it is for wrangler. Raises `ConfigError` when
    `main` names a file that is not there.
    """
    found = layers.find("main")
    if found is not None and isinstance(found.value, dict):
        found = _main_table(layers, found, findings)
    root = layers.document.file.parent
    if found is None:
        return _first_main(root)
    main = found.value
    if not isinstance(main, str):
        text = f"`main` cannot be {shown(main)}: it must be the path of the function's file"
        raise layers.document.error(text, found.path)
    if not main or main.removeprefix("./") == BUILT:
        return _first_main(root)
    if not is_file(root / main):
        what = "is a folder" if is_folder(root / main) else "does not exist"
        raise layers.document.error(
            f"the function's file {shown(main)} {what}", found.path, f"looked for {root / main}"
        )
    return root / main


def _main_table(layers: Layers, found: Found, findings: list[Finding]) -> Found | None:
    """`[main] path = "…"`, which older documents of the platform show."""
    findings.append(
        layers.document.finding(
            "official-cli",
            "the official CLI does not read [main] path",
            found.path,
            'write main = "…" at the top of the file',
        )
    )
    return layers.find("main.path")


def _first_main(root: Path) -> Path | None:
    return next((root / name for name in MAINS if is_file(root / name)), None)


def require_main(project: Project) -> Path:
    """The function's file. Raises `ConfigError`, with what was looked for, without one."""
    if project.main is not None:
        return project.main
    raise ConfigError(
        f"no function found in {project.root}",
        where=f"{project.file.name}: main" if project.file else "",
        hint=f'set main = "…", or write one of: {", ".join(MAINS)}',
    )
