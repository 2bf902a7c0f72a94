"""The simple keys: name, compatibility date and flags, required secrets, crons."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ..errors import ConfigError
from .decode import decode
from .document import Document, shown
from .entry import main_file
from .layers import Layers
from .locate import KeyPath
from .model import Finding, Weekdays

NAME = "aerostack-app"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Texts(msgspec.Struct, frozen=True):
    """The simple keys, each decoded by itself since each may come from another layer."""

    name: str = NAME
    compatibility_flags: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


class Triggers(msgspec.Struct, frozen=True):
    """`[triggers]`."""

    crons: tuple[str, ...] = ()


class Basics(msgspec.Struct, frozen=True):
    """The simple fields of a `Project`."""

    name: str
    main: Path | None
    compatibility_date: datetime.date | None
    compatibility_flags: frozenset[str]


class Required(msgspec.Struct, frozen=True):
    """The secrets that must be set, by name with their place in the file.

    `only`: what may be taken from the env files; None means everything.
    """

    names: Mapping[str, KeyPath]
    only: frozenset[str] | None


def basics(layers: Layers, findings: list[Finding]) -> Basics:
    """Name, main, compatibility date and flags. Raises `ConfigError`."""
    name = _text(layers, "name", findings) or NAME
    return Basics(
        name=re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or NAME,
        main=main_file(layers, findings),
        compatibility_date=_date(layers),
        compatibility_flags=frozenset(_text(layers, "compatibility_flags", findings)),
    )


def required_secrets(layers: Layers, findings: list[Finding]) -> Required:
    """The names in `env = […]` and in `[secrets] required`. Raises `ConfigError`."""
    names: dict[str, KeyPath] = {}
    top = layers.document.tables.get("env")
    if isinstance(top, list):
        listed = decode(layers.document, {"env": top}, Texts, (), findings).env
        names |= {name: ("env", index) for index, name in enumerate(listed)}
    found = layers.find("secrets.required")
    if found is None:  # other things in [secrets] are the deployment's
        return Required(names, None)
    if not isinstance(found.value, list) or not all(isinstance(x, str) for x in found.value):
        raise layers.document.error("`required` must be a list of names of secrets", found.path)
    own = {name: (*found.path, index) for index, name in enumerate(found.value)}
    return Required({**names, **own}, frozenset({*names, *own}))


def crons(layers: Layers, weekdays: Weekdays, findings: list[Finding]) -> tuple[str, ...]:
    """`[triggers] crons`, each one checked. Raises `ConfigError` (queue-cron-dev.md §2)."""
    found = layers.find("triggers")
    if found is None:
        return ()
    expressions = decode(layers.document, found.value, Triggers, found.path, findings).crons
    if expressions:
        findings.extend(_schedule(layers.document, expressions, found.path, weekdays))
    return expressions


def _text(layers: Layers, key: str, findings: list[Finding]) -> Any:
    found = layers.find(key)
    if found is None:
        return getattr(Texts(), key)
    decoded = decode(layers.document, {key: found.value}, Texts, found.path[:-1], findings)
    return getattr(decoded, key)


def _date(layers: Layers) -> datetime.date | None:
    found = layers.find("compatibility_date")
    if found is None:
        return None
    value = found.value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            raise layers.document.error(f"there is no day {value}", found.path) from None
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        raise layers.document.error(
            f"`compatibility_date` cannot be {shown(found.value)}: "
            'it must be a date such as "2026-01-01"',
            found.path,
        )
    return value


def _schedule(
    document: Document, expressions: tuple[str, ...], path: KeyPath, weekdays: Weekdays
) -> list[Finding]:
    from .cron import check, parse

    parsed = []
    for index, expression in enumerate(expressions):
        try:
            parsed.append(parse(expression, weekdays))
        except ConfigError as error:
            error.where = document.where((*path, "crons", index))
            raise
    try:
        said = check(parsed, where="")
    except ConfigError as error:
        error.where = document.where((*path, "crons", _index(error.where)))
        raise
    return [
        replace(finding, where=document.where((*path, "crons", _index(finding.where))))
        for finding in said
    ]


def _index(place: str) -> int:
    """1 for `[1]`: the place of a cron in its list, as the cron module writes it."""
    return int(place.strip("[]"))
