"""`parse` a cron expression into a `Cron`, which knows when it is due."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import islice
from typing import TypeVar

from ...errors import ConfigError
from ..model import Weekdays
from .days import Month, MonthdayRule, WeekdayRule, monthday_rule, shapes, weekday_rule
from .fields import DAY, HOUR, MINUTE, MONTH, WEEKDAY, Field, FieldError, clipped

BLANKS = re.compile(r"[ \t]+")
FIVE_FIELDS = "five fields: minute, hour, day of month, month, day of week"
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * SUN",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""What crontabs know and the platform does not: only for the hint."""

T = TypeVar("T")

NUMERAL = re.compile(r"(?<![/#0-9])[0-9]+")
"""A number in the weekday field that names a day: neither a step nor an ordinal."""


@dataclass(frozen=True)
class Cron:
    """A cron expression: UTC, to the minute (queue-cron-dev.md §2.1).

    `expression` keeps the author's spelling. A day matches when either day field
    chooses it, unless one of them is `*`: then the other decides (None stands for `*`).
    """

    expression: str
    weekdays: Weekdays
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    monthday: MonthdayRule | None
    weekday: WeekdayRule | None

    def next(self, after: datetime) -> datetime | None:
        """The first due minute after `after` (an aware datetime; the result is UTC).

        None when there is none: the expression chooses no day that exists, or the
        calendar of Python ends (year 9999).
        """
        return next(self.due(after), None)

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """The next `count` due minutes after `after`; fewer where there are no more."""
        return list(islice(self.due(after), count))

    @cached_property
    def never(self) -> bool:
        """Whether no date of any year matches (`0 0 30 2 *`)."""
        return not any(self._days[shape] for month in self.months for shape in shapes(month))

    @cached_property
    def normal(self) -> str:
        """The same schedule in one spelling: equal for two expressions that agree.

        It is an expression itself, and means the same in both numberings of weekdays.
        """
        return " ".join(
            (
                _listing(self.minutes, MINUTE),
                _listing(self.hours, HOUR),
                *self._normal_days,
            )
        )

    @property
    def numeric_weekday(self) -> bool:
        """Whether a weekday is given by number, whose meaning depends on the numbering."""
        return NUMERAL.search(self.weekday_field) is not None

    @property
    def weekday_field(self) -> str:
        """The fifth field as written."""
        return BLANKS.split(self.expression)[-1]

    def describe_weekdays(self) -> str:
        """The weekday field in words, "Monday, Friday"; empty for `*`."""
        return self.weekday.describe() if self.weekday else ""

    def due(self, after: datetime) -> Iterator[datetime]:
        """All due minutes after `after`, in order."""
        start = _following_minute(after)
        if start is None:
            return
        for day in self._dates(start.date()):
            earliest = start.time() if day == start.date() else time.min
            for moment in self._times(earliest):
                yield datetime.combine(day, moment, UTC)

    def _dates(self, start: date) -> Iterator[date]:
        if self.never:
            return
        for year in range(start.year, MAXYEAR + 1):
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in self._days[Month.of(year, month)]:
                    if (found := date(year, month, day)) >= start:
                        yield found

    def _times(self, earliest: time) -> Iterator[time]:
        for hour in self.hours:
            if hour < earliest.hour:
                continue
            for minute in self.minutes:
                if (found := time(hour, minute)) >= earliest:
                    yield found

    @cached_property
    def _days(self) -> dict[Month, tuple[int, ...]]:
        """The matching days of every shape of month: there are only 28."""
        every = {shape for month in range(1, 13) for shape in shapes(month)}
        return {shape: tuple(sorted(self._matching(shape))) for shape in every}

    def _matching(self, month: Month) -> frozenset[int]:
        rules = [rule for rule in (self.monthday, self.weekday) if rule is not None]
        if not rules:
            return frozenset(month.days)
        return frozenset().union(*(rule.days(month) for rule in rules))

    @property
    def _normal_days(self) -> tuple[str, str, str]:
        months = _listing(self.months, MONTH)
        if all(len(days) == month.length for month, days in self._days.items()):
            return "*", months, "*"
        return str(self.monthday or "*"), months, str(self.weekday or "*")


def parse(expression: str, weekdays: Weekdays = "crontab") -> Cron:
    """The `Cron` that `expression` describes; `weekdays` says how numbers count.

    Raises `ConfigError`, whose message names the field and whose hint what is allowed.
    """
    minute, hour, day, month, weekday = _split(expression)
    numbering = WEEKDAY[weekdays]

    def read(field: Field, reader: Callable[[str], T], text: str) -> T:
        try:
            return reader(text)
        except FieldError as error:
            raise _invalid(expression, f"{field.title}: {error.problem}", error.hint) from None

    return Cron(
        expression=expression,
        weekdays=weekdays,
        minutes=tuple(sorted(read(MINUTE, MINUTE.values, minute))),
        hours=tuple(sorted(read(HOUR, HOUR.values, hour))),
        monthday=read(DAY, monthday_rule, day),
        months=tuple(sorted(read(MONTH, MONTH.values, month))),
        weekday=read(numbering, lambda text: weekday_rule(text, numbering), weekday),
    )


def _split(expression: str) -> list[str]:
    texts = BLANKS.split(expression)
    if expression in NICKNAMES:
        problem, hint = "nicknames are not known", f"write `{NICKNAMES[expression]}`"
    elif "" in texts:
        problem, hint = "it is empty, or begins or ends with a blank", FIVE_FIELDS
    elif len(texts) != 5:
        problem, hint = f"{len(texts)} fields", f"{FIVE_FIELDS} (no seconds, no year)"
    else:
        return texts
    raise _invalid(expression, problem, hint)


def _invalid(expression: str, problem: str, hint: str) -> ConfigError:
    """The refusal in the words of the platform's API, with what it leaves unsaid."""
    shown = clipped(expression)
    return ConfigError(f"invalid cron string: {shown} [code: 10100]: {problem}", hint=hint)


def _following_minute(after: datetime) -> datetime | None:
    if after.tzinfo is None:
        raise ValueError("a cron is due after an aware datetime, not a naive one")
    try:
        return after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    except OverflowError:
        return None


def _listing(numbers: tuple[int, ...], field: Field) -> str:
    return "*" if len(numbers) == field.size else ",".join(map(str, numbers))
