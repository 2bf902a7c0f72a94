"""What the command line decides about a run, and the project that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from ..bindings.kind import Kind
from ..bindings.kinds import sections
from ..config.load import load
from ..config.model import Project


class Settings(Struct, frozen=True):
    """What the command line decides, and a changed file does not."""

    start: Path
    """`aerostack.toml`, or a folder of the project."""
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    background: bool = True
    """Consume queues and fire crons."""
    crons: bool = True
    """Fire crons by themselves."""
    seeds: tuple[Path, ...] = ()
    """Sown in place of those of the configuration."""
    inspect: int | None = None
    """The port on loopback at which a debugger is let in."""


def load_project(settings: Settings, kinds: tuple[Kind, ...]) -> Project:
    """The project as its files say now. Raises `ConfigError`."""
    return load(
        settings.start,
        sections(kinds),
        environment=settings.environment,
        variables=settings.variables,
        environ=settings.environ,
    )
