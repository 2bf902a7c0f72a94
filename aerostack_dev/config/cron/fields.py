"""One field of a cron expression: numbers, names, lists, wrapping ranges and steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from msgspec import Struct, field

from ..model import Weekdays

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""A weekday is held as its index here, whatever number it was written as."""

DIGITS = re.compile(r"[0-9]+")
ITEM = re.compile(r"(?P<start>[^-/]+)(?:-(?P<end>[^-/]+))?(?:/(?P<step>[^-/]+))?")
MAX_DIGITS = 4
"""Longer numbers (leading zeros aside) are in no field, and need no conversion."""


class FieldError(Exception):
    """A field is wrong: `problem` says what, `hint` what to write."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


class Field(Struct, frozen=True):
    """A field's numbers run from `first` to `last`, and `size` of them are different.

    (A crontab's weekdays run from 0 to 7, both Sunday.) `allowed` is for people.
    """

    title: str
    first: int
    last: int
    size: int
    allowed: str
    names: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)
    """Numbers in other people's range: what to write instead."""

    @property
    def max_step(self) -> int:
        return self.size - 1

    @property
    def hint(self) -> str:
        return f"allowed: {self.allowed}"

    def values(self, text: str) -> frozenset[int]:
        """The numbers that `text` stands for. Raises `FieldError`."""
        if text.startswith("*"):
            return self._starred(text)
        return frozenset().union(*(self._item(item) for item in text.split(",")))

    def number(self, text: str) -> int:
        """The number that a numeral or a three-letter name stands for."""
        if DIGITS.fullmatch(text):
            return self._numeral(text)
        if text.isascii() and text.upper() in self.names:
            return self.names[text.upper()]
        return self._refuse(text)

    def _starred(self, text: str) -> frozenset[int]:
        if text == "*":
            return frozenset(range(self.first, self.first + self.size))
        if not text.startswith("*/"):
            raise FieldError(
                f"'{clipped(text)}' begins with `*` but is neither `*` nor `*/n`",
                f"write `*`, `*/n` or a list without `*`; {self.hint}",
            )
        step = self._step(text.removeprefix("*/"))
        return frozenset(range(self.first, self.first + self.size, step))

    def _item(self, item: str) -> frozenset[int]:
        """`a`, `a/n` (to the field's end), `a-b` or `a-b/n`, wrapping where `a` > `b`."""
        parts = ITEM.fullmatch(item)
        if parts is None:
            self._refuse(item)
        start = self.number(parts["start"])
        step = self._step(parts["step"]) if parts["step"] else 1
        if parts["end"]:
            end = self.number(parts["end"])
            length = 1 + (end - start if start <= end else (end - start) % self.size)
        elif parts["step"]:
            length = self.size - self._offset(start)
        else:
            length = 1
        return frozenset(
            self.first + self._offset(start + offset) for offset in range(0, length, step)
        )

    def _offset(self, number: int) -> int:
        return (number - self.first) % self.size

    def _numeral(self, text: str) -> int:
        digits = text.lstrip("0") or "0"
        number = int(digits) if len(digits) <= MAX_DIGITS else self.last + 1
        if number in self.refused:
            raise FieldError(f"{number} is not allowed: {self.refused[number]}", self.hint)
        if not self.first <= number <= self.last:
            raise FieldError(f"{clipped(text)} is out of range", self.hint)
        return number

    def _step(self, text: str) -> int:
        digits = text.lstrip("0")
        if not DIGITS.fullmatch(digits) or len(digits) > MAX_DIGITS or int(digits) > self.max_step:
            raise FieldError(
                f"the step '{clipped(text)}' is not a number from 1 to {self.max_step}",
                f"a step of this field may be 1 to {self.max_step}",
            )
        return int(digits)

    def _refuse(self, text: str) -> NoReturn:
        if text == "?":
            raise FieldError("`?` is not known", "write `*` for any value")
        problem = f"'{clipped(text)}' is not understood" if text else "a value is missing"
        raise FieldError(problem, self.hint)


def clipped(text: str, length: int = 80) -> str:
    """`text` for a message: one line, cut where it would fill the terminal."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


MINUTE = Field("minute", 0, 59, 60, "0 to 59")
HOUR = Field("hour", 0, 23, 24, "0 to 23")
DAY = Field("day of month", 1, 31, 31, "1 to 31, L, L-n, LW, L-nW, nW")
MONTH = Field(
    "month", 1, 12, 12, "1 to 12, JAN to DEC", {name: n for n, name in enumerate(MONTHS, 1)}
)
WEEKDAY: Mapping[Weekdays, Field] = {
    "crontab": Field(
        "day of week",
        0,
        7,
        7,
        "0 to 7 (0 and 7 are Sunday, 1 is Monday), SUN to SAT, L, FRIL, FRI#2",
        {name: n for n, name in enumerate(WEEKDAYS)},
    ),
    "cloudflare": Field(
        "day of week",
        1,
        7,
        7,
        "1 to 7 (1 is Sunday, 7 is Saturday), SUN to SAT, L, FRIL, FRI#2",
        {name: n for n, name in enumerate(WEEKDAYS, 1)},
        {0: "use 1 or SUN"},
    ),
}
