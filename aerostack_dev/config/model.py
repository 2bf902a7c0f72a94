"""What a loaded configuration is: frozen values, already checked.

The storey above tells `load` which tables its rooms own (`Section`), so that a new
binding needs no change here.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from .references import resolve_reference

Weekdays = Literal["crontab", "cloudflare"]
"""How a numeric weekday of a cron counts (interface §8)."""

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8788


class Section(msgspec.Struct, frozen=True):
    """A table of `aerostack.toml` that a room owns.

    `path` is dotted (`queues.consumers`); `shape` is the msgspec struct of one entry,
    its field names being the keys of the table; `many` says array of tables or one
    table; `inherited` whether `[env.X]` takes it over from the top level;
    `shorthand`: `true` in place of the table means a table of defaults.
    """

    path: str
    shape: type[msgspec.Struct]
    many: bool = True
    inherited: bool = False
    shorthand: bool = False


class Dev(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[dev]`: the server's own settings. `port` 0 lets the system choose one;
    `request_timeout` is in seconds, None: as long as the client waits. `seed` names the
    files that fill an empty state, relative to the project.
    """

    host: Annotated[str, msgspec.Meta(min_length=1)] = DEFAULT_HOST
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    allowed_hosts: tuple[str, ...] = ()
    cron_weekdays: Weekdays = "crontab"
    request_timeout: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None
    seed: str | tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """Something worth saying about the project, by `load` and `aerostack check`."""

    code: str
    message: str
    where: str = ""
    hint: str = ""


class Service(msgspec.Struct, frozen=True):
    """A function beside the main one: an entry of `[[services]]`.

    `entrypoint` is the class of its module that answers; empty: the default one. From
    outside it is reached below `path` of the user port, or else at a port of its own;
    one that is not `public` at neither.
    """

    name: str
    main: Path
    entrypoint: str = ""
    path: str = ""
    port: int | None = None
    public: bool = True


@dataclass(frozen=True, slots=True)
class Project:
    """One function with its configuration, as `load` returns it.

    `sections` holds, by dotted path, the decoded entries of every `Section` asked for
    (an absent table: an empty tuple). `unsupported` maps the binding names of kinds
    that do not exist here to the kind's table. `values` are the function's variables,
    secrets included; `secrets` the names among them whose value is never shown.
    `environ` is where a `$NAME` is looked up that is no value of the function; `hidden`
    maps a name to a text of the file or of `environ` that is never shown either.
    `service_bindings` maps the names of bindings to those of functions: of `services`,
    of the project itself, or of one that is not here.
    """

    root: Path
    file: Path | None
    name: str
    main: Path | None
    environment: str | None = None
    compatibility_date: datetime.date | None = None
    compatibility_flags: frozenset[str] = frozenset()
    crons: tuple[str, ...] = ()
    dev: Dev = field(default_factory=Dev)
    sections: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    unsupported: Mapping[str, str] = field(default_factory=dict)
    services: tuple[Service, ...] = ()
    service_bindings: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = frozenset()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: Mapping[str, str] = field(default_factory=dict, repr=False)
    findings: Sequence[Finding] = ()
    watched: tuple[Path, ...] = ()
    """The files whose change means another configuration (existing or not)."""

    def since(self, date: datetime.date, flag: str = "") -> bool:
        """Whether behaviour introduced on `date` (or by `flag`) applies.

        No `compatibility_date` means today's behaviour (interface §2).
        """
        if flag and flag in self.compatibility_flags:
            return True
        return self.compatibility_date is None or self.compatibility_date >= date

    def reference(self, text: str) -> str:
        """`text`, or what it stands for when it is `$NAME` or `${NAME}`.

        The function's values are asked first, then the environment. Raises
        `ConfigError` when neither has it (interface §2).
        """
        return resolve_reference(text, self.values, self.environ)
