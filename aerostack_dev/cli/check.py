"""`aerostack check`: load the project as `aerostack dev` would, and say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from ..errors import AerostackError
from .project import Place, json_option, project_options

if TYPE_CHECKING:
    from ..bindings.opening import Bindings
    from ..config.model import Finding, Project
    from ..runtime.host import LoadError
    from ..runtime.services import Functions

EPILOG = """\b
Examples:
  aerostack check
  aerostack check --env staging --json
"""


@dataclass(slots=True)
class Report:
    """What was found, as it is printed; a part that could not be reached is empty."""

    name: str = ""
    main: str = ""
    handlers: list[str] = field(default_factory=list)
    bindings: list[dict[str, str]] = field(default_factory=list)
    crons: list[dict[str, Any]] = field(default_factory=list)
    services: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)

    def warn(self, finding: Finding) -> None:
        self.warnings.append(_said(finding.code, finding.message, finding.where, finding.hint))

    def fail(self, error: AerostackError, stack: str = "") -> None:
        said = _said(error.code, error.message, error.where, error.hint)
        self.errors.append({**said, "stack": stack} if stack else said)

    def facts(self) -> dict[str, Any]:
        """The shape of `--json` (interface §3)."""
        return {
            "ok": not self.errors,
            "name": self.name,
            "main": self.main,
            "handlers": self.handlers,
            "bindings": self.bindings,
            "crons": self.crons,
            "services": self.services,
            "warnings": self.warnings,
            "errors": self.errors,
        }


@click.command(epilog=EPILOG)
@project_options
@json_option
def check(place: Place, as_json: bool) -> None:
    """Load the configuration and the function, and say what is wrong with them.

    Shows the handlers, the bindings and the crons with their next runs, and warns where
    production behaves differently. The exit code is 1 when there is an error. Nothing is
    kept: the function is loaded with empty databases, beside a running server too.
    """
    from .output import print_json

    report = examine(place)
    if as_json:
        print_json(report.facts())
    else:
        _print(report)
    if report.errors:
        raise click.exceptions.Exit(1)


def examine(place: Place) -> Report:
    """Load the project and its function; what is wrong is in the report."""
    import asyncio

    report = Report()
    try:
        project = place.load()
        _describe(project, report)
        asyncio.run(_load(project, report))
    except AerostackError as error:
        report.fail(error)
    return report


def _describe(project: Project, report: Report) -> None:
    """What the configuration alone tells."""
    from ..bindings.kind import named
    from ..bindings.kinds import all_kinds
    from ..runtime.seeding import seeds_of
    from .cron import upcoming

    report.name = project.name
    report.main = _main(project)
    report.crons = upcoming(project)
    for finding in project.findings:
        report.warn(finding)
    for kind in all_kinds():
        if kind.check:
            for finding in named(kind.check)(project):
                report.warn(finding)
    try:
        seeds_of(project)
    except AerostackError as error:
        report.fail(error)


async def _load(project: Project, report: Report) -> None:
    """Open the bindings in a folder of their own, and load the function with them."""
    import os
    import tempfile
    from contextlib import AsyncExitStack
    from pathlib import Path

    from ..bindings.kind import Services
    from ..bindings.kinds import all_kinds
    from ..bindings.opening import open_bindings
    from ..bindings.state import State
    from ..clock import SystemClock
    from ..config.load import require_main
    from .output import function_output

    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aerostack-check-"))
        services = Services(project, State(Path(folder)), SystemClock(), os.urandom, report.warn)
        bindings = await stack.enter_async_context(open_bindings(all_kinds(), services))
        report.bindings = [bound.described() for bound in bindings.bound.values()]
        async for error in bindings.open_all():
            report.fail(error)
        require_main(project)
        stack.enter_context(function_output(project))
        await _load_functions(services, bindings, report)


async def _load_functions(services: Any, bindings: Bindings, report: Report) -> None:
    """Load the main function and its services."""
    from ..runtime.host import HANDLERS, HostServices
    from ..runtime.limits import Limits
    from ..runtime.services import Functions
    from ..runtime.trace import Trace

    project = services.project
    trace = Trace(services.clock, services.entropy)
    functions = Functions(trace, Limits())
    try:
        given = HostServices(project, bindings, services.clock)
        loaded = await functions.load(project, given, None)
        for finding in dict.fromkeys(each for one in loaded for each in one.findings):
            report.warn(finding)
        for function in loaded:
            if function.slot.error is not None:
                _blame(project, function.slot.error, report)
        report.services = _services(project, functions)
        report.handlers = [name for name in HANDLERS if name in functions.main.handlers]
        if functions.main.failure is None:
            for finding in _unhandled(project, functions.main.handlers):
                report.warn(finding)
    finally:
        await functions.close()


def _services(project: Project, functions: Functions) -> list[dict[str, Any]]:
    import os

    bound = project.service_bindings
    return [
        {
            "name": each.name,
            "bindings": [name for name in bound if bound[name] == each.name],
            "main": os.path.relpath(each.main, project.root),
            "handlers": sorted(functions.services[each.name].handlers),
        }
        for each in project.services
    ]


def _blame(project: Project, error: LoadError, report: Report) -> None:
    from ..config.secrets import redactor

    redact = redactor(project)
    report.fail(error, redact(error.failure.stack))
    report.errors[-1]["message"] = redact(error.message)


def _unhandled(project: Project, handlers: frozenset[str]) -> Iterator[Finding]:
    """What the configuration has and the function does not serve."""
    from ..bindings.queue.policy import consumers
    from ..config.model import Finding

    if project.crons and "scheduled" not in handlers:
        yield Finding(
            "no-handler",
            "there are crons, but the function has no `scheduled` handler",
            "triggers.crons",
            "write `async def scheduled(event, env, ctx)`, or remove the crons",
        )
    if "queue" not in handlers:
        for index, consumer in enumerate(consumers(project)):
            yield Finding(
                "no-handler",
                f'queue "{consumer.queue}" has a consumer, but the function has no `queue` handler',
                f"queues.consumers[{index}]",
                "write `async def queue(batch, env, ctx)`, or remove the entry",
            )


def _main(project: Project) -> str:
    import os

    return os.path.relpath(project.main, project.root) if project.main else ""


def _said(code: str, message: str, where: str, hint: str) -> dict[str, str]:
    return {"code": code, "message": message, "where": where, "hint": hint}


def _print(report: Report) -> None:
    from .output import counted, print_table, say, styled

    if report.name:
        say(f"{styled(report.name, bold=True)} {styled(report.main, dim=True)}")
    if report.handlers:
        say(f"handlers: {', '.join(report.handlers)}")
    for headers, rows in _tables(report):
        if rows:
            say()
            print_table(headers, rows)
    _print_findings(report)
    if report.errors or report.warnings:
        counts = (counted(len(report.errors), "error"), counted(len(report.warnings), "warning"))
        say(f"\n{', '.join(counts)}", fg="red" if report.errors else "yellow")
    else:
        say("\nNothing is wrong.", fg="green")


def _tables(report: Report) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """The headers and rows of each table."""
    from .cron import runs

    yield (
        ("BINDING", "KIND", "BACKEND", "NAME"),
        [
            (f"env.{each['name']}", each["title"], each["backend"], each["resource"])
            for each in report.bindings
        ],
    )
    yield (
        ("SERVICE", "BINDING", "FUNCTION", "HANDLERS"),
        [
            (
                each["name"],
                ", ".join(f"env.{name}" for name in each["bindings"]),
                each["main"],
                ", ".join(each["handlers"]) or "none",
            )
            for each in report.services
        ],
    )
    yield (
        ("CRON", "WEEKDAYS", "NEXT RUNS (UTC)"),
        [(each["cron"], each["weekdays"] or "any", runs(each["next"])) for each in report.crons],
    )


def _print_findings(report: Report) -> None:
    from .output import clean, say, styled

    for word, colour, found in (
        ("warning", "yellow", report.warnings),
        ("error", "red", report.errors),
    ):
        for each in found:
            where = f"{each['where']}: " if each["where"] else ""
            message = clean(each["message"], keep_lines=True)
            say(f"\n{styled(f'{word}:', fg=colour)} {where}{message}")
            if lines := each.get("stack", "").removeprefix(each["message"]).strip("\n"):
                say(clean(lines, keep_lines=True))
            if each["hint"]:
                say(f"{styled('hint:', fg='cyan')} {each['hint']}")
