"""What is worth saying about the crons of a project, beyond their grammar."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ConfigError
from ..model import Finding, Weekdays
from .days import DAYS_OF_WEEK
from .expression import NUMERAL, Cron, parse
from .fields import WEEKDAY, WEEKDAYS

WHERE = "triggers.crons"
NUMBERINGS: tuple[Weekdays, Weekdays] = ("crontab", "cloudflare")


def check(crons: Sequence[Cron], where: str = WHERE) -> list[Finding]:
    """The warnings about `crons`: `cron-never` and `cron-weekday`.

    `where` is the dotted path of the list. Raises `ConfigError` when two expressions
    are the same schedule.
    """
    seen: dict[str, Cron] = {}
    findings: list[Finding] = []
    for index, cron in enumerate(crons):
        place = f"{where}[{index}]"
        if cron.normal in seen:
            raise _duplicate(cron, seen[cron.normal], place)
        seen[cron.normal] = cron
        findings += _never_fires(cron, place) + _ambiguous(cron, place)
    return findings


def named(cron: Cron) -> str:
    """The expression with its numeric weekdays written as names, safe in any numbering."""
    field = WEEKDAY[cron.weekdays]
    head = cron.expression.removesuffix(cron.weekday_field)
    tail = NUMERAL.sub(
        lambda found: WEEKDAYS[(field.number(found[0]) - field.first) % DAYS_OF_WEEK],
        cron.weekday_field,
    )
    if parse(head + tail).normal == cron.normal:
        return head + tail
    return head + str(cron.weekday)


def _duplicate(cron: Cron, first: Cron, place: str) -> ConfigError:
    return ConfigError(
        f"Expression '{cron.expression}' already exists in the form of '{first.expression}'",
        where=place,
        hint="remove one of the two: each would run the handler at the same minutes",
    )


def _never_fires(cron: Cron, place: str) -> list[Finding]:
    if not cron.never:
        return []
    message = f'cron "{cron.expression}" never fires: no month of it has such a day'
    return [Finding("cron-never", message, place, "correct the day of month or the month")]


def _ambiguous(cron: Cron, place: str) -> list[Finding]:
    """The parity warning of a numeric weekday, unless both numberings agree on it."""
    if not cron.numeric_weekday:
        return []
    meanings = {numbering: _meaning(cron.expression, numbering) for numbering in NUMBERINGS}
    if len(set(meanings.values())) == 1:
        return []
    said = " and ".join(f"{meaning} in {name} numbering" for name, meaning in meanings.items())
    return [
        Finding(
            "cron-weekday",
            f'the weekday number of cron "{cron.expression}" is {said}; '
            f"{cron.weekdays} numbering is in force here, production counts as cloudflare",
            place,
            f'write "{named(cron)}": a name means the same everywhere '
            "(or choose the numbering with `dev.cron_weekdays`)",
        )
    ]


def _meaning(expression: str, numbering: Weekdays) -> str:
    try:
        return parse(expression, numbering).describe_weekdays()
    except ConfigError:
        return "an error"
