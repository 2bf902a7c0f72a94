"""`aerostack types`: what an editor and `deno check` must know of a function in TypeScript."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AerostackError
from .project import Place, config_option, environment_option

if TYPE_CHECKING:
    from ..bindings.kind import Kind
    from ..config.model import Project

FILE = "aerostack-env.d.ts"
MARK = "// Made by `aerostack types`"
HEADER = f"""\
{MARK} from {{file}}: make it again when that has changed.
// deno-fmt-ignore-file
// deno-lint-ignore-file
/* eslint-disable */
"""
UNKNOWN = "unknown"
SERVICE = "Service"
"""The type of a service binding, declared in `services.d.ts`."""

_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)

EPILOG = """\b
Examples:
  aerostack types
  aerostack types --check
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Members of `Env` that have something in common: their types by name."""

    title: str
    noun: str
    members: Mapping[str, str]


@click.command(epilog=EPILOG)
@config_option
@environment_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The file to write; by default {FILE} beside the configuration.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the file is not up to date.")
def types(config: Path | None, environment: str | None, output: Path | None, check: bool) -> None:
    """Write aerostack-env.d.ts: the types of a function in TypeScript.

    It declares `Env` as aerostack.toml and the env files have it (names, never values),
    the bindings' interfaces with their documentation, and the platform's own classes. A
    type checker finds it by "types" in deno.json or "include" in tsconfig.json.
    """
    project = _loaded(Place(config, environment, None))
    groups = _groups(project)
    text = declarations(project, groups)
    target = output or project.root / FILE
    if check:
        _compare(target, text)
    else:
        _write(target, text)
    from .output import counted, say

    counts = ", ".join(counted(len(group.members), group.noun) for group in groups)
    say(f"{'Up to date:' if check else 'Wrote'} {os.path.relpath(target)} ({counts}).")


def write_types(place: Place) -> Path:
    """Write the file of the project at `place`; its path."""
    project = _loaded(place)
    target = project.root / FILE
    _write(target, declarations(project, _groups(project)))
    return target


def declarations(project: Project, groups: Iterable[Group]) -> str:
    """The whole file."""
    from ..bindings.kinds import all_kinds
    from ..runtime import hosts

    assert project.file is not None
    kinds = all_kinds()
    platform = Path(hosts.__path__[0]) / "deno/declarations"
    static = [file for kind in kinds for file in kind.types]
    static += sorted(platform.glob("*.d.ts"))
    if project.service_bindings:
        static += sorted((platform / "services").glob("*.d.ts"))
    parts = [
        HEADER.format(file=project.file.name),
        "\n".join(_environment(groups)),
        *(file.read_text(encoding="utf-8") for file in static),
    ]
    return "\n".join(parts)


def _groups(project: Project) -> tuple[Group, ...]:
    return tuple(group for group in members(project) if group.members)


def members(project: Project) -> Iterator[Group]:
    """What the function's `env` has, in the order of the file."""
    from ..bindings.kinds import all_kinds
    from ..config.environment import DEFAULTS

    kinds = all_kinds()
    required = _required(project)
    declared = {one.binding for kind in kinds for one in kind.declared(project)}
    taken = {*declared, *project.values, *required, *project.service_bindings}
    own = _bindings(kinds, project, taken)
    secrets = project.secrets | required
    plain = {
        name: type_of(value)
        for name, value in sorted(project.values.items(), key=lambda item: item[0] in DEFAULTS)
        if name not in secrets and name not in declared and name not in project.service_bindings
    }
    yield Group("Bindings.", "binding", {n: t for n, t in own.items() if n in declared})
    yield Group(
        "Bindings that are there without being declared.",
        "default binding",
        {name: interface for name, interface in own.items() if name not in declared},
    )
    yield Group("Other functions.", "service", dict.fromkeys(project.service_bindings, SERVICE))
    yield Group("Variables.", "variable", plain)
    yield Group("Secrets.", "secret", dict.fromkeys(sorted(secrets - declared), "string"))
    absent = dict.fromkeys(project.unsupported, UNKNOWN)
    yield Group("Of kinds that do not exist locally.", "unsupported binding", absent)


def type_of(value: Any, indent: str = "  ") -> str:
    """The type of a variable's JSON value, as wide as its kind: `string`, not `"hello"`."""
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return _list(value, indent)
        case dict():
            return _table(value, indent)
    return UNKNOWN


def _list(values: list[Any], indent: str) -> str:
    found = list(dict.fromkeys(type_of(value, indent) for value in values)) or [UNKNOWN]
    return f"{found[0]}[]" if len(found) == 1 else f"({' | '.join(found)})[]"


def _table(values: dict[str, Any], indent: str) -> str:
    inner = f"{indent}  "
    lines = [f"{inner}{_quoted(name)}: {type_of(value, inner)};" for name, value in values.items()]
    return "\n".join(["{", *lines, f"{indent}}}"]) if lines else "Record<string, never>"


def _environment(groups: Iterable[Group]) -> Iterator[str]:
    """The lines of the interface `Env`."""
    yield "/** The variables and bindings of the function. */"
    yield "interface Env {"
    for number, group in enumerate(groups):
        yield from [""] if number else []
        yield f"  // {group.title}"
        yield from (f"  {_quoted(name)}: {kind};" for name, kind in group.members.items())
    yield "}\n"


def _bindings(kinds: Iterable[Kind], project: Project, taken: set[str]) -> dict[str, str]:
    return {
        entry.binding: kind.interface or UNKNOWN
        for kind in kinds
        for entry in kind.declarations(project, taken)
    }


def _required(project: Project) -> frozenset[str]:
    """The secrets that the configuration names, set or not."""
    from ..config.document import read_document
    from ..config.layers import layers
    from ..config.settings import required_secrets

    assert project.file is not None
    found = layers(read_document(project.file), project.environment)
    return frozenset(required_secrets(found, []).names)


def _loaded(place: Place) -> Project:
    """The project without what the process's own environment would add to it."""
    from ..bindings.kinds import all_kinds, sections
    from ..config.environment import USE_PROCESS
    from ..config.load import load

    environ = {name: text for name, text in os.environ.items() if name != USE_PROCESS}
    return load(place.start(), sections(all_kinds()), place.environment, environ=environ)


def _quoted(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name)


def _compare(target: Path, text: str) -> None:
    """Raise `AerostackError` unless the file is what would be written."""
    if _read(target) != text:
        state = "is not up to date" if target.exists() else "is missing"
        raise AerostackError(f"the file {state}", where=str(target), hint="run `aerostack types`")


def _write(target: Path, text: str) -> None:
    """Write the file, but never over one of the author's."""
    before = _read(target)
    if before and not before.startswith(MARK):
        raise AerostackError(
            "this file was not made by `aerostack types` and is left as it is",
            where=str(target),
            hint="choose another with --output, or delete it",
        )
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AerostackError(
            f"the file cannot be written: {error.strerror or error}", where=str(target)
        ) from error


def _read(target: Path) -> str:
    try:
        return target.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise AerostackError(
            f"the file cannot be read: {error.strerror or error}", where=str(target)
        ) from error
