"""`aerostack cron`: when the crons are due, and firing one by hand (queue-cron-dev §2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from ..errors import AerostackError
from .completion import crons
from .project import Place, json_option, project_options

if TYPE_CHECKING:
    from datetime import datetime

    from ..config.cron import Cron
    from ..config.model import Project

NEXT_RUNS = 3
LONGEST_MS = 17
"""Digits and sign of a time in ms that can be read at all."""

EPILOG = """\b
Examples:
  aerostack cron list
  aerostack cron run
  aerostack cron run "0 * * * *" --time 2026-11-23T09:00:00Z
"""
LIST_EPILOG = """\b
Example:
  aerostack cron list --json
"""
RUN_EPILOG = """\b
Examples:
  aerostack cron run
  aerostack cron run "0 9 * * MON" --time 2026-11-23T09:00:00Z
"""


@click.group(epilog=EPILOG)
def cron() -> None:
    """See when the crons are due, and fire one by hand.

    Crons fire by themselves while `aerostack dev` runs.
    """


@cron.command("list", epilog=LIST_EPILOG, short_help="List the crons with their next runs.")
@project_options
@json_option
def list_crons(place: Place, as_json: bool) -> None:
    """List the crons of [triggers] with their next three runs, in UTC.

    Beside a running server whose time was moved, they are the next runs in that time.
    """
    from .output import print_json, print_table, say

    project = place.load()
    shown = upcoming(project, _now_of_the_server(project, place))
    if as_json:
        print_json(shown)
    elif not shown:
        say("No crons: [triggers] crons = [...] in aerostack.toml declares them.")
    else:
        print_table(
            ("CRON", "WEEKDAYS", "NEXT RUNS (UTC)"),
            [(each["cron"], each["weekdays"] or "any", runs(each["next"])) for each in shown],
        )


def time_of(ctx: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Milliseconds since the epoch, from a number of them or an ISO 8601 time."""
    if text is None:
        return None
    import datetime

    from ..server.triggers import FURTHEST_MS

    if re.fullmatch("-?[0-9]+", text):
        if len(text) > LONGEST_MS or abs(int(text)) > FURTHEST_MS:
            raise click.BadParameter(f"{text} ms is beyond every calendar", ctx, option)
        return int(text)
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither ISO 8601 (2026-11-23T09:00:00Z) nor ms since the epoch",
            ctx,
            option,
        ) from None
    aware = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
    return round(aware.timestamp() * 1000)


@cron.command(epilog=RUN_EPILOG, short_help="Run the scheduled handler once.")
@project_options
@json_option
@click.argument("expression", metavar="[EXPR]", required=False, shell_complete=crons)
@click.option(
    "--time", "when", callback=time_of, help="The scheduled time: ISO 8601 or ms; default now."
)
def run(place: Place, as_json: bool, expression: str | None, when: int | None) -> None:
    """Run the scheduled handler once, as if EXPR were due; wait for its end.

    Without EXPR the only cron is meant. The exit code is 1 when the handler fails. Beside
    a running `aerostack dev` the handler runs there, and what it prints appears there.
    """
    from .output import clean, duration, print_json, say, styled

    project = place.load()
    chosen = expression if expression is not None else _only(project)
    _note_unconfigured(project, chosen)
    result = _fire(place, project, chosen, when)
    ok = result["outcome"] == "ok"
    if as_json:
        print_json(result)
    else:
        outcome = styled(result["outcome"], fg="green" if ok else "red")
        say(f'CRON "{clean(chosen)}" {outcome} {duration(result["durationMs"] / 1000)}')
        if not ok:
            click.echo(clean(result.get("stack", ""), keep_lines=True), err=True)
    if not ok:
        raise click.exceptions.Exit(1)


def upcoming(project: Project, now: datetime | None = None) -> list[dict[str, Any]]:
    """The crons with their runs after `now` (ISO 8601) and their weekdays in words."""
    import datetime

    from ..clock import SystemClock

    now = now or datetime.datetime.fromtimestamp(SystemClock().now(), datetime.UTC)
    return [
        {
            "cron": each.expression,
            "next": [_iso(due) for due in each.upcoming(now, NEXT_RUNS)],
            "weekdays": each.describe_weekdays(),
        }
        for each in _parsed(project)
    ]


def _now_of_the_server(project: Project, place: Place) -> datetime | None:
    """The time of the server that runs the project, which may have been moved."""
    import datetime

    from ..errors import ControlError
    from .access import Remote, running

    try:
        live = running(project, place)
    except ControlError:
        return None  # it serves another environment, whose time is none of ours
    if live is None:
        return None
    told = Remote(project, live).call("GET", "/api/clock", None)["now"]
    return datetime.datetime.fromisoformat(told)


def runs(times: list[str]) -> str:
    """Moments for a person: `Mon 2026-11-23 09:00, …`."""
    import datetime

    moments = [datetime.datetime.fromisoformat(time) for time in times]
    return ", ".join(f"{moment:%a %Y-%m-%d %H:%M}" for moment in moments) or "never"


def _parsed(project: Project) -> list[Cron]:
    from ..config.cron import parse

    return [parse(text, project.dev.cron_weekdays) for text in project.crons]


def _only(project: Project) -> str:
    if len(project.crons) == 1:
        return project.crons[0]
    if not project.crons:
        raise AerostackError(
            "there is no cron to run",
            hint='declare some in aerostack.toml ([triggers] crons = ["0 * * * *"]), or name one',
        )
    known = ", ".join(f'"{each}"' for each in project.crons)
    raise AerostackError("which cron? There are several", hint=f"there are: {known}")


def _note_unconfigured(project: Project, expression: str) -> None:
    """Any schedule may be run, as the platform's own trigger allows, if it is one."""
    from ..config.cron import parse

    parse(expression, project.dev.cron_weekdays)
    if expression not in project.crons:
        click.echo(f'note: "{expression}" is not among the crons of the configuration', err=True)


def _fire(place: Place, project: Project, expression: str, when: int | None) -> dict[str, Any]:
    """`{cron, outcome, durationMs, error?, stack?}`: beside a server, or here."""
    import asyncio

    from .access import Remote, running

    live = running(project, place)
    if live is not None:
        return Remote(project, live).run_cron(expression, when)
    return asyncio.run(_fire_here(place, project, expression, when))


async def _fire_here(
    place: Place, project: Project, expression: str, when: int | None
) -> dict[str, Any]:
    import os
    from contextlib import AsyncExitStack

    from ..bindings.kinds import all_kinds
    from ..clock import SystemClock
    from ..config.secrets import redactor
    from ..runtime.runtime import Settings, Surroundings, open_runtime
    from ..server.views import Views
    from .access import hold_state
    from .output import function_output, say_finding

    clock = SystemClock()
    settings = Settings(
        place.start(), place.environment, environ=dict(os.environ), background=False
    )
    async with AsyncExitStack() as stack:
        state = stack.enter_context(hold_state(place, project))
        stack.enter_context(function_output(project))
        surroundings = Surroundings(all_kinds(), state, clock, os.urandom, say_finding)
        runtime = await stack.enter_async_context(open_runtime(settings, project, surroundings))
        views = Views(
            runtime, clock=clock, url="", redact=redactor(project), where=lambda bound: ""
        )
        return views.cron_run(expression, await runtime.scheduled(expression, when))


def _iso(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds")).replace("+00:00", "Z")
