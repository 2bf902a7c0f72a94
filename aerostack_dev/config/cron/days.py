"""The two day fields: which days of a month they choose, `L`, `W` and `#` included."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .fields import DAY, WEEKDAYS, Field, FieldError, clipped

SUNDAY, SATURDAY = 0, 6
DAYS_OF_WEEK = 7
MAX_FROM_END = 30
MAX_NTH = 5
FEBRUARY = 2

FROM_END = re.compile(r"L(?:-(?P<offset>[0-9]+))?(?P<nearest>W)?")
NEAREST = re.compile(r"(?P<day>[0-9]+)W")
LAST_WEEKDAY = re.compile(r"(?P<weekday>[0-9]+|[A-Za-z]{3})L")
NTH_WEEKDAY = re.compile(r"(?P<weekday>[0-9]+|[A-Za-z]{3})#(?P<nth>[0-9]+)")

FULL_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True, slots=True)
class Month:
    """The shape of a month: its length and the weekday of its first day."""

    length: int
    first: int

    @classmethod
    def of(cls, year: int, month: int) -> Month:
        monday_based, length = calendar.monthrange(year, month)
        return cls(length, (monday_based + 1) % DAYS_OF_WEEK)

    @property
    def days(self) -> range:
        return range(1, self.length + 1)

    def weekday(self, day: int) -> int:
        return (self.first + day - 1) % DAYS_OF_WEEK


def shapes(month: int) -> Iterator[Month]:
    """Every shape that a month takes: all of them come within 400 years."""
    lengths = (28, 29) if month == FEBRUARY else (Month.of(2001, month).length,)
    return (Month(length, first) for length in lengths for first in range(DAYS_OF_WEEK))


@dataclass(frozen=True, slots=True)
class Listed:
    """Days of the month by number."""

    numbers: frozenset[int]

    def days(self, month: Month) -> frozenset[int]:
        return self.numbers.intersection(month.days)

    def __str__(self) -> str:
        return ",".join(map(str, sorted(self.numbers)))


@dataclass(frozen=True, slots=True)
class FromEnd:
    """`L`, `L-n`: so many days before the last; months too short have none."""

    offset: int

    def days(self, month: Month) -> frozenset[int]:
        return frozenset({month.length - self.offset}).intersection(month.days)

    def __str__(self) -> str:
        return f"L-{self.offset}" if self.offset else "L"


@dataclass(frozen=True, slots=True)
class Nearest:
    """`nW`, `LW`, `L-nW`: the nearest Monday to Friday, never in another month."""

    target: Listed | FromEnd

    def days(self, month: Month) -> frozenset[int]:
        return frozenset(self._nearest(day, month) for day in self.target.days(month))

    @staticmethod
    def _nearest(day: int, month: Month) -> int:
        if month.weekday(day) == SATURDAY:
            return day - 1 if day > 1 else day + 2
        if month.weekday(day) == SUNDAY:
            return day + 1 if day < month.length else day - 2
        return day

    def __str__(self) -> str:
        return f"{self.target}W"


@dataclass(frozen=True, slots=True)
class EachWeekday:
    """Days of the week, each week."""

    weekdays: frozenset[int]

    def days(self, month: Month) -> frozenset[int]:
        return frozenset(day for day in month.days if month.weekday(day) in self.weekdays)

    def describe(self) -> str:
        if len(self.weekdays) == DAYS_OF_WEEK:
            return "every day"
        monday_first = sorted(self.weekdays, key=lambda weekday: (weekday - 1) % DAYS_OF_WEEK)
        return ", ".join(FULL_NAMES[weekday] for weekday in monday_first)

    def __str__(self) -> str:
        return ",".join(WEEKDAYS[weekday] for weekday in sorted(self.weekdays))


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """`FRIL`: the last such weekday of the month."""

    weekday: int

    def days(self, month: Month) -> frozenset[int]:
        return frozenset({max(EachWeekday(frozenset({self.weekday})).days(month))})

    def describe(self) -> str:
        return f"the last {FULL_NAMES[self.weekday]} of the month"

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.weekday]}L"


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """`FRI#2`: the second such weekday of the month; some months have no fifth."""

    weekday: int
    nth: int

    def days(self, month: Month) -> frozenset[int]:
        first = 1 + (self.weekday - month.first) % DAYS_OF_WEEK
        day = first + (self.nth - 1) * DAYS_OF_WEEK
        return frozenset({day}).intersection(month.days)

    def describe(self) -> str:
        return f"the {ORDINALS[self.nth - 1]} {FULL_NAMES[self.weekday]} of the month"

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.weekday]}#{self.nth}"


MonthdayRule = Listed | FromEnd | Nearest
WeekdayRule = EachWeekday | LastWeekday | NthWeekday
"""What a day field chooses: `days` are those of a month, `str` is its normal form, with names."""


def monthday_rule(text: str) -> MonthdayRule | None:
    """The rule of a day-of-month field; None for `*`. Raises `FieldError`."""
    if text == "*":
        return None
    if special := FROM_END.fullmatch(text):
        ending = FromEnd(_offset(special["offset"]))
        return Nearest(ending) if special["nearest"] else ending
    if special := NEAREST.fullmatch(text):
        return Nearest(Listed(frozenset({DAY.number(special["day"])})))
    if set("LW").intersection(text.upper()):
        raise FieldError(
            f"'{clipped(text)}' is not understood",
            "L, L-n, LW, L-nW and nW are written in capitals and stand alone in the field",
        )
    return Listed(DAY.values(text))


def weekday_rule(text: str, field: Field) -> WeekdayRule | None:
    """The rule of a day-of-week field, numbered as `field` says; None for `*`."""
    if text == "*":
        return None
    if text == "L":
        return EachWeekday(frozenset({SATURDAY}))
    if special := LAST_WEEKDAY.fullmatch(text):
        return LastWeekday(_weekday(special["weekday"], field))
    if special := NTH_WEEKDAY.fullmatch(text):
        return NthWeekday(_weekday(special["weekday"], field), _nth(special["nth"]))
    if set("L#").intersection(text.upper()):
        raise FieldError(
            f"'{clipped(text)}' is not understood",
            "L, dL and d#n (FRIL, FRI#2) have a capital L and stand alone in the field",
        )
    return EachWeekday(frozenset(number - field.first for number in field.values(text)))


def _weekday(text: str, field: Field) -> int:
    return (field.number(text) - field.first) % DAYS_OF_WEEK


def _offset(text: str | None) -> int:
    if text is None:
        return 0
    return _bounded(text, MAX_FROM_END, "the distance from the month's end")


def _nth(text: str) -> int:
    return _bounded(text, MAX_NTH, "the number after `#`")


def _bounded(text: str, highest: int, title: str) -> int:
    digits = text.lstrip("0")
    if not digits or len(digits) > len(str(highest)) or int(digits) > highest:
        raise FieldError(f"'{clipped(text)}' is out of range", f"{title} may be 1 to {highest}")
    return int(digits)
