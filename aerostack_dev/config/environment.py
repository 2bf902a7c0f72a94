"""The function's values: `[vars]`, the env files, `--var` (queue-cron-dev.md §4.4)."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from . import dotenv
from .document import is_file, read_text, shown
from .layers import Layers
from .locate import KeyPath
from .model import Finding

DEV_VARS = ".dev.vars"
DOT_ENV = ".env"
USE_DOT_ENV = "CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV"
USE_PROCESS = "CLOUDFLARE_INCLUDE_PROCESS_ENV"

DEFAULTS: Mapping[str, Any] = {"AEROSTACK_API_URL": "https://api.aerostack.dev"}
"""Variables that the official CLI adds unless they are set (queue-cron-dev.md §5.2).

Harmless: a public address, to which nothing is sent unless the function does.
"""


class EnvFiles(Struct, frozen=True):
    """What the env files hold: `secret` by name; `plain` comes from the process.

    `home` is the file in which a missing secret would be written down.
    """

    home: str = DEV_VARS
    secret: dict[str, str] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)


def env_file_paths(root: Path, environment: str | None) -> tuple[Path, ...]:
    """Every env file that could count for this environment, existing or not."""
    return (*_dev_vars(root, environment), *_dot_env(root, environment))


def read_env_files(
    root: Path,
    environment: str | None,
    environ: Mapping[str, str],
    chosen: Sequence[Path] | None,
    findings: list[Finding],
) -> EnvFiles:
    """Read the env files by the platform's rules; `chosen` replaces the look-up.

    `.dev.vars.<env>` stands in for `.dev.vars`; where either exists, `.env*` are not
    read. `.env` files are merged, later ones win, with `${NAME}` expanded. Raises
    `ConfigError` for a file that cannot be read.
    """
    if chosen is None:
        for file in _dev_vars(root, environment):
            if is_file(file):
                return EnvFiles(file.name, _entries(file, findings))
        if not _switch(environ, USE_DOT_ENV, default=True):
            return EnvFiles()
    files = _dot_env(root, environment) if chosen is None else tuple(chosen)
    existing = [file for file in files if chosen is not None or is_file(file)]
    merged: dict[str, str] = {}
    for file in existing:
        merged |= _entries(file, findings)
    home = existing[0].name if existing else DEV_VARS
    expanded, unset = dotenv.expand(merged, environ)
    findings.extend(_unset(home, variable, name) for variable, name in unset)
    plain = dict(environ) if _switch(environ, USE_PROCESS, default=False) else {}
    secret = {name: plain.get(name, value) for name, value in expanded.items()}
    return EnvFiles(home, secret, plain)


def file_variables(layers: Layers) -> tuple[dict[str, Any], dict[str, KeyPath]]:
    """`[vars]` as JSON values, and where each stands. Raises `ConfigError`."""
    found = layers.find("vars", inherited=False)
    if found is None:
        return {}, {}
    if not isinstance(found.value, dict):
        raise layers.document.error(f"expected a table, not {shown(found.value)}", found.path)
    values = {
        name: _json(layers, value, (*found.path, name)) for name, value in found.value.items()
    }
    return values, {name: (*found.path, name) for name in values}


def missing_secrets(
    required: Mapping[str, KeyPath], values: Mapping[str, Any], home: str, layers: Layers
) -> Iterator[Finding]:
    """A finding for each required secret that is not set, or empty."""
    for name, path in required.items():
        if values.get(name) in (None, ""):
            state = "is empty" if name in values else "is not set"
            yield layers.document.finding(
                "missing-secret", f"the secret {name} {state}", path, f"add {name}=… to {home}"
            )


def _dev_vars(root: Path, environment: str | None) -> tuple[Path, ...]:
    own = (root / f"{DEV_VARS}.{environment}",) if environment else ()
    return (*own, root / DEV_VARS)


def _dot_env(root: Path, environment: str | None) -> tuple[Path, ...]:
    names = [DOT_ENV, f"{DOT_ENV}.local"]
    if environment:
        names += [f"{DOT_ENV}.{environment}", f"{DOT_ENV}.{environment}.local"]
    return tuple(root / name for name in names)


def _switch(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    return {"true": True, "false": False}.get(environ.get(name, "").lower(), default)


def _entries(file: Path, findings: list[Finding]) -> dict[str, str]:
    values: dict[str, str] = {}
    for entry in dotenv.parse(read_text(file)):
        if isinstance(entry, dotenv.Unread):
            findings.append(
                Finding(
                    "env-file",
                    "this line is not NAME=value and is skipped",
                    f"{file.name}:{entry.line}",
                    "close the quotes, or start a comment with #",
                )
            )
        else:
            values[entry.name] = entry.value
    return values


def _unset(home: str, variable: str, name: str) -> Finding:
    return Finding(
        "unset-variable",
        f"{variable} uses ${name}, which is not set: that part is empty",
        home,
        "write \\$ for a dollar sign, or use .dev.vars, where nothing is expanded",
    )


def _json(layers: Layers, value: Any, path: KeyPath) -> Any:
    if isinstance(value, dict):
        return {key: _json(layers, item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(layers, item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise layers.document.error(f"{value} is no JSON value", path)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise layers.document.error(
            "this number does not fit in 64 bits", path, "write it as a text"
        )
    return value
