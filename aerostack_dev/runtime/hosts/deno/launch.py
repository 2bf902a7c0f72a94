"""What a child is started with: the program's command, and what it is to load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ....config.model import Finding, Project
from ....functions.request import PLACE
from ...host import NO_WAIT, HostServices
from . import packages
from .failures import url_of
from .process import CONFIG, HERE, PACKAGE, Command, Rights
from .tsconfig import TypeScriptConfig, read_tsconfig

SIGNALS = "enable_request_signal"
NODE = "nodejs_compat"
STATE = ".aerostack"
"""The folder of a project that is ours: the child cannot read it, its cache is in it."""
SECRETS = (".dev.vars*", ".env*")
"""Files of secrets: the function gets what is in them as values, never as text."""
OWN = {"cloudflare:workers": "workers.ts", "@cloudflare/workers-types": "types.ts"}
"""Modules that the author imports and that are ours."""


class Launch(Struct, frozen=True):
    """`start` is the payload that says what to load.

    `modules` are files of the project that decide what an import means; `findings` what
    is worth saying about them.
    """

    command: Command
    start: dict[str, Any]
    modules: frozenset[Path]
    findings: tuple[Finding, ...]
    loaded: set[str] = field(default_factory=set)
    """URLs of the files that children have loaded so far, without those of packages."""


def launch_of(program: str, folder: Path, main: Path, services: HostServices) -> Launch:
    """How to start the child for `main`; `folder` is private to it."""
    project = services.project
    typescript = read_tsconfig(project.root, main)
    kept = project.root / STATE
    command = Command(
        program,
        _config(typescript, folder),
        folder,
        (kept if kept.is_dir() else folder) / "cache" / "deno",
        Rights(
            tuple(dict.fromkeys(_readable(main, services, typescript))),
            tuple(dict.fromkeys(_hidden(main, services))),
            inspected=services.debugging is not None,
        ),
    )
    return Launch(
        command,
        _start(main, services, typescript),
        frozenset((*typescript.files, *packages.watched(project.root))),
        tuple(_findings(typescript)),
    )


def _start(main: Path, services: HostServices, typescript: TypeScriptConfig) -> dict[str, Any]:
    project = services.project
    return {
        "main": url_of(main),
        "file": main.name,
        "values": dict(project.values),
        "bindings": [
            {
                "name": bound.name,
                "face": url_of(bound.kind.typescript),
                "constants": dict(bound.kind.constants(project)),
            }
            for bound in services.bindings.bound.values()
        ],
        "services": list(services.bound),
        "entrypoint": services.entrypoint,
        "unsupported": dict(project.unsupported),
        "settings": _settings(project),
        "populate": NODE in project.compatibility_flags,
        "resolution": {
            "paths": typescript.paths,
            "base": str(typescript.base) if typescript.base else None,
            "own": {name: url_of(HERE / file) for name, file in OWN.items()},
        },
    }


def _settings(project: Project) -> dict[str, Any]:
    return {
        "edge": dict(PLACE),
        "waits": NO_WAIT not in project.compatibility_flags,
        "signals": SIGNALS in project.compatibility_flags,
    }


def _readable(main: Path, services: HostServices, typescript: TypeScriptConfig) -> Iterator[Path]:
    root = services.project.root
    yield from (root, main.parent, HERE, PACKAGE / "bindings" / "face.ts")
    yield from sorted({each.kind.typescript.parent for each in services.bindings.bound.values()})
    yield from (each for parent in root.parents if (each := parent / "node_modules").is_dir())
    yield from packages.linked(root)
    for _, targets in typescript.paths:
        yield from (Path(target.partition("*")[0]) for target in targets)


def _hidden(main: Path, services: HostServices) -> Iterator[Path]:
    project = services.project
    yield project.root / STATE
    yield from services.hidden
    yield from (file for file in project.watched if file != project.file)
    for folder in (project.root, main.parent):
        for pattern in SECRETS:
            yield from sorted(folder.glob(pattern))


def _config(typescript: TypeScriptConfig, folder: Path) -> Path:
    """Deno's configuration: ours, with the project's way of compiling JSX."""
    if not typescript.jsx:
        return CONFIG
    file = folder / "deno.json"
    own = json.loads(CONFIG.read_text())
    imports = {name: url_of(HERE / path) for name, path in OWN.items()}
    options = {**own["compilerOptions"], "types": [], **typescript.jsx}
    file.write_text(json.dumps({"imports": imports, "compilerOptions": options}))
    return file


def _findings(typescript: TypeScriptConfig) -> Iterator[Finding]:
    for file, why in typescript.broken:
        yield Finding("tsconfig", f"{file.name} is not taken into account: {why}", str(file))
