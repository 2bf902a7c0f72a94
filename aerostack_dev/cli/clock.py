"""`aerostack clock`: the time of a running `aerostack dev`, moved by hand."""

from __future__ import annotations

import re
from typing import Any

import click

from .cron import time_of
from .project import Place, json_option, project_options

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "min": 60, "s": 1}
DURATION = re.compile(r"\s*(?:(?:\d+(?:\.\d+)?)\s*(?:w|d|h|min|m|s)\s*)+")
PART = re.compile(r"(\d+(?:\.\d+)?)\s*(w|d|h|min|m|s)")

EPILOG = """\b
Examples:
  aerostack clock advance 2h
  aerostack clock set 2026-12-24T18:00Z
  aerostack clock resume
"""
SHOW_EPILOG = """\b
Example:
  aerostack clock show --json
"""
ADVANCE_EPILOG = """\b
Examples:
  aerostack clock advance 90s
  aerostack clock advance 1d12h
"""
SET_EPILOG = """\b
Examples:
  aerostack clock set 2026-12-24T18:00Z
  aerostack clock set 1798135200000
"""
RESUME_EPILOG = """\b
Example:
  aerostack clock resume
"""


@click.group(epilog=EPILOG)
def clock() -> None:
    """Move the time of the running server: expiry, delays, retries and crons at once.

    Time goes on from where it was put, and is the machine's again after the server's end.
    """


def _seconds(ctx: click.Context, option: click.Parameter, text: str) -> float:
    if not DURATION.fullmatch(text):
        raise click.BadParameter(f"{text!r} is no duration: write 90s, 30m, 2h or 1d12h")
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))


@clock.command(epilog=SHOW_EPILOG)
@project_options
@json_option
def show(place: Place, as_json: bool) -> None:
    """Show the server's time, and how far ahead of the machine it is."""
    _say(_call(place, "GET", None), as_json)


@clock.command(epilog=ADVANCE_EPILOG, short_help="Move time forward by DURATION.")
@project_options
@json_option
@click.argument("seconds", metavar="DURATION", callback=_seconds)
def advance(place: Place, as_json: bool, seconds: float) -> None:
    """Move time forward by DURATION: weeks (w), days (d), hours (h), minutes (m), seconds (s).

    What comes due on the way happens at its own moment and in order: keys expire, delayed
    messages are delivered, crons fire once for each due minute, up to 10 000 runs in all.
    The command returns when all of it has ended.
    """
    _say(_call(place, "POST", {"advance": seconds}), as_json)


@clock.command("set", epilog=SET_EPILOG, short_help="Move time forward to TIME.")
@project_options
@json_option
@click.argument("when", metavar="TIME", callback=time_of)
def set_clock(place: Place, as_json: bool, when: int) -> None:
    """Move time forward to TIME: ISO 8601 (UTC unless it says otherwise), or ms.

    Does what `advance` does. A time in the past is refused: `resume` goes back.
    """
    _say(_call(place, "POST", {"set": when}), as_json)


@clock.command(epilog=RESUME_EPILOG)
@project_options
@json_option
def resume(place: Place, as_json: bool) -> None:
    """Go back to the machine's time.

    What happened stays so: expired keys are gone, and messages that were delayed while time
    was ahead wait for their hour.
    """
    _say(_call(place, "POST", {"resume": True}), as_json)


def _call(place: Place, method: str, body: dict[str, Any] | None) -> dict[str, Any]:
    from ..errors import ControlError
    from .access import Remote, running

    project = place.load()
    live = running(project, place)
    if live is None:
        raise ControlError(
            "no server runs here whose time could be moved",
            where=str(project.root),
            hint="start one with `aerostack dev`",
        )
    answer: dict[str, Any] = Remote(project, live).call(method, "/api/clock", body)
    return answer


def _say(answer: dict[str, Any], as_json: bool) -> None:
    import datetime

    from .dev.times import lead, told
    from .output import counted, print_json, say

    if as_json:
        print_json(answer)
        return
    now = datetime.datetime.fromisoformat(answer["now"]).timestamp()
    ahead = answer["aheadMs"] / 1000
    say(f"{told(now)}, {lead(ahead) if ahead else 'the time of the machine'}")
    runs = answer.get("runs", {})
    if runs.get("crons") or runs.get("batches"):
        failed = f", {runs['failed']} failed" if runs["failed"] else ""
        crons, batches = counted(runs["crons"], "cron run"), f"{runs['batches']} batch"
        say(f"{crons}, {batches}{'' if runs['batches'] == 1 else 'es'}{failed}")
