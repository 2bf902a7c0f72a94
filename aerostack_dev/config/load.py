"""Find `aerostack.toml` and make a `Project` of it (interface §2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from ..errors import ConfigError
from .decode import entries
from .document import FILE, Document, is_file, is_folder, read_document
from .entry import require_main
from .environment import (
    DEFAULTS,
    env_file_paths,
    file_variables,
    missing_secrets,
    read_env_files,
)
from .hidden import hidden_texts
from .keys import unknown_keys
from .layers import Layers, layers
from .listening import dev
from .locate import KeyPath
from .model import Finding, Project, Section
from .official import misread
from .services import Declared, services
from .settings import Basics, basics, crons, required_secrets
from .unsupported import Named, refuse_clashes, unsupported

__all__ = ["config_file", "find", "load", "require_main", "watched_files"]

WRANGLER = "wrangler.toml"
"""Read, as the official CLI does, where there is no `aerostack.toml` beside it."""

NOTHING: Mapping[str, str] = MappingProxyType({})


def find(start: Path) -> Path | None:
    """The nearest `aerostack.toml` (or else `wrangler.toml`) in `start` or above it."""
    start = start.absolute()
    for folder in (start, *start.parents):
        for name in (FILE, WRANGLER):
            if folder.name != ".aerostack" and is_file(folder / name):
                return folder / name
    return None


def load(
    path: Path,
    sections: Sequence[Section],
    environment: str | None = None,
    variables: Mapping[str, str] = NOTHING,
    environ: Mapping[str, str] = NOTHING,
    *,
    env_files: Sequence[Path] | None = None,
) -> Project:
    """The project of a configuration file, or of the folder that holds one.

    `sections` are the tables that the rooms own; `environment` chooses an `[env.NAME]`;
    `variables` are those of the command line, which win; `environ` is the process's own
    environment; `env_files` replaces the look-up of `.dev.vars` and `.env`. What is
    worth saying goes to `Project.findings`. Raises `ConfigError`, and nothing else, for
    whatever the user wrote.
    """
    document = read_document(config_file(Path(path)))
    try:
        return _Loading(document, layers(document, environment), sections).project(
            variables, environ, env_files
        )
    except RecursionError:
        raise ConfigError(
            "tables, lists or variables are nested too deeply", where=document.file.name
        ) from None


def config_file(path: Path) -> Path:
    """`path`, or the configuration in it when it is a folder. Raises `ConfigError`."""
    path = path.absolute()
    if not is_folder(path):
        return path
    for name in (FILE, WRANGLER):
        if is_file(path / name):
            return path / name
    raise ConfigError(
        f"there is no {FILE} in {path}",
        hint="make a project with `aerostack init`, or write an empty file of that name",
    )


def watched_files(file: Path, environment: str | None = None) -> tuple[Path, ...]:
    """The files whose change means another configuration, existing or not."""
    return (file, *env_file_paths(file.parent, environment))


class _Loading(Struct):
    """One `load`: the file's layers, and what has been found worth saying."""

    document: Document
    layers: Layers
    sections: Sequence[Section]
    findings: list[Finding] = field(default_factory=list)

    def project(
        self,
        given: Mapping[str, str],
        environ: Mapping[str, str],
        chosen: Sequence[Path] | None,
    ) -> Project:
        self.findings.extend(unknown_keys(self.layers, self.sections))
        plain = basics(self.layers, self.findings)
        decoded = self._sections()
        neighbours = services(self.layers, plain.name, plain.main, self.findings)
        absent = self._unsupported(decoded, neighbours)
        values, secrets = self._values(given, environ, chosen)
        settings = dev(self.layers, self.findings)
        self._not_inherited()
        schedule = crons(self.layers, settings.cron_weekdays, self.findings)
        if self.document.file.name == FILE:
            self.findings.extend(misread(self.document))
        return Project(
            root=self.document.file.parent,
            file=self.document.file,
            environment=self.layers.environment,
            crons=schedule,
            dev=settings,
            sections=decoded,
            unsupported=absent,
            services=neighbours.services,
            service_bindings=neighbours.bindings,
            values=values,
            secrets=secrets,
            environ=environ,
            hidden=hidden_texts(self.layers, self.sections, values, secrets, environ),
            findings=tuple(self.findings),
            watched=self._watched(chosen),
            **_fields(plain),
        )

    def _sections(self) -> dict[str, tuple[Any, ...]]:
        decoded: dict[str, tuple[Any, ...]] = {}
        for section in self.sections:
            found = self.layers.find(section.path, inherited=section.inherited)
            decoded[section.path] = (
                entries(self.document, section, found.value, found.path, self.findings)
                if found is not None
                else ()
            )
        return decoded

    def _unsupported(
        self, decoded: Mapping[str, tuple[Any, ...]], neighbours: Declared
    ) -> Mapping[str, str]:
        absent = unsupported(self.layers, self.findings, frozenset(decoded))
        declared = [*absent.named, *neighbours.named, *self._declared(decoded)]
        refuse_clashes(self.document, declared, file_variables(self.layers)[1])
        return absent.kinds

    def _declared(self, decoded: Mapping[str, tuple[Any, ...]]) -> list[Named]:
        """The names of the declared bindings, and where each is declared."""
        named: list[Named] = []
        for section in self.sections:
            found = self.layers.find(section.path, inherited=section.inherited)
            for index, entry in enumerate(decoded[section.path]):
                name = getattr(entry, "binding", None)
                if name is not None and found is not None:
                    inner: KeyPath = (index,) if isinstance(found.value, list) else ()
                    named.append((name, (*found.path, *inner)))
        return named

    def _values(
        self,
        given: Mapping[str, str],
        environ: Mapping[str, str],
        chosen: Sequence[Path] | None,
    ) -> tuple[dict[str, Any], frozenset[str]]:
        environment = self.layers.environment
        files = read_env_files(
            self.document.file.parent, environment, environ, chosen, self.findings
        )
        required = required_secrets(self.layers, self.findings)
        loaded = {**files.plain, **files.secret}
        if required.only is not None:
            loaded = {name: text for name, text in loaded.items() if name in required.only}
        values = {**DEFAULTS, **file_variables(self.layers)[0], **loaded, **given}
        self.findings.extend(missing_secrets(required.names, values, files.home, self.layers))
        secrets = (files.secret.keys() | required.names.keys()) & values.keys()
        return values, frozenset(secrets)

    def _not_inherited(self) -> None:
        """Say which tables of the top level the chosen environment does not take over."""
        if self.layers.environment is None:
            return
        own = [section.path for section in self.sections if not section.inherited]
        left = [
            path
            for path in ("vars", "services", *own)
            if self.layers.at_top(path) and not self.layers.find(path, inherited=False)
        ]
        if left:
            self.findings.append(
                self.document.finding(
                    "not-inherited",
                    f"[env.{self.layers.environment}] does not take over: {', '.join(left)}",
                    self.layers.prefix,
                    "bindings and variables are declared again in each environment",
                )
            )

    def _watched(self, chosen: Sequence[Path] | None) -> tuple[Path, ...]:
        if chosen is not None:
            return (self.document.file, *(Path(file).absolute() for file in chosen))
        return watched_files(self.document.file, self.layers.environment)


def _fields(plain: Basics) -> dict[str, Any]:
    return {name: getattr(plain, name) for name in Basics.__struct_fields__}
