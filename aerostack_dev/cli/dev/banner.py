"""What `aerostack dev` prints once, when it starts."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from ...bindings.opening import Bound
from ...runtime.runtime import Runtime
from .text import Paint
from .times import lead, told

if TYPE_CHECKING:
    from ...config.cron import Cron

DEBUGGER = "debugger"
PYTHON = ".py"
KEYS = "o open · d dashboard · c cron · r reload · l clear · h help · q quit"


class Banner(Struct, frozen=True):
    """The facts of a start: `now` in seconds since the epoch."""

    runtime: Runtime
    addresses: Mapping[str, str]
    """What else is served -> where: the control page, the endpoints of rooms."""
    now: float
    ahead: float = 0.0
    """Seconds by which this is ahead of the machine's time."""
    services: Mapping[str, str] = field(default_factory=dict)
    """Service -> where it is reached from outside."""

    def lines(self, paint: Paint, *, keys: bool) -> Iterator[str]:
        """The banner for a person; the hotkeys where there is a keyboard."""
        project = self.runtime.project
        yield f"{paint('bold', project.name)} {paint('dim', self._main())}"
        for what, address in self.addresses.items():
            yield f"  {what:<8}  {address}{self._how() if what == DEBUGGER else ''}"
        if self.ahead:
            yield paint("yellow", f"  time      {told(self.now)}, {lead(self.ahead)}")
        yield f"  handlers  {', '.join(sorted(self.runtime.handlers)) or 'none'}"
        yield ""
        yield from _table(self._bindings(), paint)
        if self.services:
            yield ""
            yield from _table([("SERVICE", "BINDING", "FUNCTION", "URL"), *self._services()], paint)
        crons = self.runtime.crons
        if crons:
            yield ""
            yield from _table([("CRON", "NEXT RUN"), *map(self._cron, crons)], paint)
        if keys:
            yield ""
            yield paint("dim", f"  {KEYS}")

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        runtime = self.runtime
        return {
            "name": runtime.project.name,
            "addresses": dict(self.addresses),
            "handlers": sorted(runtime.handlers),
            "bindings": [
                {"name": bound.name, "kind": bound.kind.name, "backend": bound.backend}
                for bound in runtime.bindings.bound.values()
            ],
            "crons": [cron.expression for cron in runtime.crons],
            "services": [
                {"name": each.name, "main": str(each.main), "url": self.services[each.name]}
                for each in runtime.project.services
                if each.name in self.services
            ],
            "aheadMs": round(self.ahead * 1000),
        }

    def _how(self) -> str:
        """How to use the debugger's address."""
        main = self.runtime.project.main
        python = main is not None and main.suffix == PYTHON
        return f" ({'attach an editor' if python else 'chrome://inspect, or attach an editor'})"

    def _main(self) -> str:
        main = self.runtime.project.main
        return os.path.relpath(main) if main else ""

    def _bindings(self) -> list[tuple[str, ...]]:
        rows = [
            (f"env.{bound.name}", bound.kind.title, bound.backend, located(bound, self.runtime))
            for bound in self.runtime.bindings.bound.values()
        ]
        return [("BINDING", "KIND", "BACKEND", "WHERE"), *rows]

    def _services(self) -> Iterator[tuple[str, ...]]:
        bound = self.runtime.project.service_bindings
        for service in self.runtime.project.services:
            names = ", ".join(f"env.{name}" for name in bound if bound[name] == service.name)
            url = self.services.get(service.name, "")
            yield service.name, names, os.path.relpath(service.main), url

    def _cron(self, cron: Cron) -> tuple[str, str]:
        now = datetime.datetime.fromtimestamp(self.now, datetime.UTC)
        due = cron.next(now)
        if due is None:
            return cron.expression, "never"
        return cron.expression, f"{due:%a %Y-%m-%d %H:%M} UTC, {_away((due - now).total_seconds())}"


def located(bound: Bound, runtime: Runtime) -> str:
    """Where the data of a binding is, as a path from the working directory."""
    if not bound.location:
        return bound.resource
    path = runtime.state.root / bound.location
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _away(seconds: float) -> str:
    """`in 4 h`: the largest unit that fits."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"in {round(seconds / size)} {unit}"
    return f"in {max(1, round(seconds))} s"


def _table(rows: Sequence[tuple[str, ...]], paint: Paint) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {paint('dim', text.rstrip()) if number == 0 else text.rstrip()}"
