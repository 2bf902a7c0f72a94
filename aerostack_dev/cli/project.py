"""The options that every command on a project takes, and how it is found and loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from .completion import environments

if TYPE_CHECKING:
    from ..config.model import Project

config_option = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The aerostack.toml to use; by default the nearest one upwards.",
)
environment_option = click.option(
    "--env",
    "-e",
    "environment",
    help="The [env.NAME] of the configuration.",
    shell_complete=environments,
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

UNREAD = ("wrangler.jsonc", "wrangler.json")


@dataclass(frozen=True, slots=True)
class Place:
    """Which project, which environment of it, and where its state is."""

    config: Path | None
    environment: str | None
    persist_to: Path | None

    def start(self) -> Path:
        """`aerostack.toml`, or the working directory. Raises `ConfigError`."""
        from ..config.load import find

        if self.config is not None:
            if not self.config.exists():
                raise ConfigError(
                    "there is no such file", where=str(self.config), hint="check --config"
                )
            return self.config.resolve()
        found = find(Path.cwd())
        if found is None:
            raise ConfigError(
                "no aerostack.toml here or in a folder above",
                where=str(Path.cwd()),
                hint=_without_project(Path.cwd()),
            )
        return found

    def load(self, variables: Mapping[str, str] | None = None) -> Project:
        """The project. Raises `ConfigError`."""
        from ..bindings.kinds import all_kinds, sections
        from ..config.load import load

        return load(
            self.start(), sections(all_kinds()), self.environment, variables or {}, os.environ
        )

    def state(self, project: Project) -> Path:
        """The folder of the state: `--persist-to`, or `.aerostack/state` of the project."""
        from ..bindings.state import FOLDER

        if self.persist_to is not None:
            return self.persist_to.resolve()
        return project.root / FOLDER / "state"


def _without_project(folder: Path) -> str:
    """What to do in a folder that belongs to no project."""
    for each in (folder, *folder.parents):
        for name in UNREAD:
            if (each / name).is_file():
                return f"{each / name} is not read: write what it says as {each / 'wrangler.toml'}"
    return "go to a project, make one with `aerostack init`, or name it with --config"


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--config`, `--env` and `--persist-to`, as its argument `place`."""

    @config_option
    @environment_option
    @click.option(
        "--persist-to",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where the state is; by default .aerostack/state beside the configuration.",
    )
    @wraps(command)
    def called(
        *args: Any,
        config: Path | None,
        environment: str | None,
        persist_to: Path | None,
        **kwargs: Any,
    ) -> Any:
        return command(*args, place=Place(config, environment, persist_to), **kwargs)

    return called


def argument(text: str) -> bytes:
    """The bytes of an argument as the shell passed them, UTF-8 or not."""
    return text.encode("utf-8", "surrogateescape")
